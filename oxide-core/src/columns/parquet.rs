//! Segments as Parquet: derived, for the query engine alone; identity never depends on it.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema as ArrowSchema, SchemaRef};
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use super::bundle::{Member, LIST, SEGMENT_COLUMN};
use super::outgoing::{arrow_schema, failed, segment_batch};
use super::statistics;
use crate::error::{Error, Result};
use crate::hash::Id;
use crate::schema::{Schema, Type};
use crate::segment::Segment;
use crate::store::ReadObjects;

/// A row group ends with the segment that reaches so many rows or bytes.
const GROUP_ROWS: usize = 122_880;
const GROUP_BYTES: usize = 16 << 20;
/// A bundle ends with the segment that reaches so many bytes.
const BUNDLE_BYTES: usize = 64 << 20;

/// Segments on their way into one Parquet file.
pub(super) struct BundleWriter<'a> {
    schema: &'a Schema,
    columns: SchemaRef,
    writer: ArrowWriter<Vec<u8>>,
    members: Vec<Member>,
}

impl<'a> BundleWriter<'a> {
    pub fn new(schema: &'a Schema) -> Result<BundleWriter<'a>> {
        let columns = bundle_schema(schema);
        let writer = properties(schema).and_then(|properties| {
            let options = ArrowWriterOptions::new()
                .with_properties(properties)
                .with_skip_arrow_metadata(true);
            ArrowWriter::try_new_with_options(Vec::new(), columns.clone(), options)
        });
        Ok(BundleWriter {
            schema,
            columns,
            writer: writer.map_err(|error| failed(schema, &error))?,
            members: Vec::new(),
        })
    }

    /// Adds the rows of a segment.
    pub fn add(&mut self, objects: &dyn ReadObjects, id: &Id, segment: &Segment) -> Result<()> {
        let rows = segment_batch(objects, self.schema, segment)?;
        let number = i32::try_from(self.members.len()).expect("a bundle has few segments");
        self.members.push(Member {
            id: id.to_hex(),
            statistics: statistics::of_batch(&rows),
        });
        let mut columns = rows.columns().to_vec();
        columns.push(Arc::new(Int32Array::from(vec![number; rows.num_rows()])) as ArrayRef);
        let failed = |error: &dyn std::fmt::Display| failed(self.schema, error);
        let rows =
            RecordBatch::try_new(self.columns.clone(), columns).map_err(|error| failed(&error))?;
        self.writer.write(&rows).map_err(|error| failed(&error))?;
        if self.writer.in_progress_rows() >= GROUP_ROWS
            || self.writer.in_progress_size() >= GROUP_BYTES
        {
            self.writer.flush().map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    /// Whether no more segments should be added.
    pub fn is_full(&self) -> bool {
        self.writer.bytes_written() + self.writer.in_progress_size() >= BUNDLE_BYTES
    }

    /// The bytes of the file and the segments in it.
    pub fn finish(mut self) -> Result<(Vec<u8>, Vec<Member>)> {
        let list = serde_json::to_string(&self.members)
            .map_err(|error| Error::integrity(format!("statistics cannot be written: {error}")))?;
        self.writer
            .append_key_value_metadata(KeyValue::new(LIST.to_owned(), list));
        let bytes = self.writer.into_inner();
        Ok((
            bytes.map_err(|error| failed(self.schema, &error))?,
            self.members,
        ))
    }
}

/// One segment as the bytes of a Parquet file.
pub fn parquet_bytes(
    objects: &dyn ReadObjects,
    schema: &Schema,
    segment: &Segment,
) -> Result<Vec<u8>> {
    let mut writer = BundleWriter::new(schema)?;
    writer.add(objects, &segment.id(), segment)?;
    Ok(writer.finish()?.0)
}

fn bundle_schema(schema: &Schema) -> SchemaRef {
    let mut fields: Vec<_> = arrow_schema(schema).fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(SEGMENT_COLUMN, DataType::Int32, false)));
    Arc::new(ArrowSchema::new(fields))
}

fn properties(schema: &Schema) -> std::result::Result<WriterProperties, ParquetError> {
    // Read far more often than written: only long texts, which shrink to a fraction, are worth a slow decompression.
    let small = Compression::ZSTD(ZstdLevel::try_new(1)?);
    let mut properties = WriterProperties::builder().set_compression(Compression::LZ4_RAW);
    for field in &schema.fields {
        let path = |parts: &[&str]| {
            let parts = std::iter::once(field.name.as_str()).chain(parts.iter().copied());
            ColumnPath::new(parts.map(str::to_owned).collect())
        };
        properties = match field.kind {
            // Hashes and ids hardly repeat: a dictionary would only be built and thrown away.
            Type::Fixed(_) => properties.set_column_dictionary_enabled(path(&[]), false),
            Type::Json | Type::Bytes => properties.set_column_compression(path(&[]), small),
            Type::Time => encoded(properties, path(&[]), Encoding::DELTA_BINARY_PACKED),
            Type::Text if schema.key.contains(&field.id) => {
                encoded(properties, path(&[]), Encoding::DELTA_BYTE_ARRAY)
            }
            Type::Float => encoded(properties, path(&[]), Encoding::BYTE_STREAM_SPLIT),
            Type::Vector => encoded(
                properties,
                path(&["list", "item"]),
                Encoding::BYTE_STREAM_SPLIT,
            ),
            _ => properties,
        };
    }
    Ok(properties.build())
}

fn encoded(
    properties: WriterPropertiesBuilder,
    column: ColumnPath,
    encoding: Encoding,
) -> WriterPropertiesBuilder {
    properties
        .set_column_dictionary_enabled(column.clone(), false)
        .set_column_encoding(column, encoding)
}
