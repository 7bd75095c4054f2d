//! Segments as Parquet files: derived, for the query engine alone; identity never depends on them.

use std::path::{Path, PathBuf};

use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;
use rayon::prelude::*;

use super::cache;
use super::outgoing::{failed, segment_batch};
use crate::error::Result;
use crate::fsx;
use crate::hash::Id;
use crate::schema::{Schema, Type};
use crate::segment::{self, Segment};
use crate::store::ReadObjects;
use crate::tree;

/// Hex digits of the schema's id in a file name.
const SCHEMA_DIGITS: usize = 16;

/// Writes each segment of a table that is not there yet, or damaged, as a cached file `<segment id>-<schema id prefix>`
/// and returns all paths in key order. A table without rows has no file.
pub fn export_parquet(
    objects: &dyn ReadObjects,
    schema: &Schema,
    root: &Id,
    folder: &Path,
) -> Result<Vec<PathBuf>> {
    let schema_id = schema.id().to_hex();
    fsx::create_dir_all(folder)?;
    let held = cache::held(folder)?;
    tree::entries(objects, root)?
        .par_iter()
        .map(|entry| {
            let stem = format!("{}-{}", entry.id, &schema_id[..SCHEMA_DIGITS]);
            if let Some(path) = cache::sound(held.get(&stem)) {
                return Ok(path);
            }
            let segment = segment::read(objects, &entry.id)?;
            cache::write(folder, &stem, &parquet_bytes(objects, schema, &segment)?)
        })
        .collect()
}

/// One segment as the bytes of a Parquet file.
pub fn parquet_bytes(
    objects: &dyn ReadObjects,
    schema: &Schema,
    segment: &Segment,
) -> Result<Vec<u8>> {
    let batch = segment_batch(objects, schema, segment)?;
    let write = || -> std::result::Result<Vec<u8>, ParquetError> {
        let options = ArrowWriterOptions::new()
            .with_properties(properties(schema)?)
            .with_skip_arrow_metadata(true);
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new_with_options(&mut bytes, batch.schema(), options)?;
        writer.write(&batch)?;
        writer.close()?;
        Ok(bytes)
    };
    write().map_err(|error| failed(schema, &error))
}

fn properties(schema: &Schema) -> std::result::Result<WriterProperties, ParquetError> {
    let level = ZstdLevel::try_new(3)?;
    let mut properties = WriterProperties::builder().set_compression(Compression::ZSTD(level));
    for field in &schema.fields {
        let path = |parts: &[&str]| {
            let parts = std::iter::once(field.name.as_str()).chain(parts.iter().copied());
            ColumnPath::new(parts.map(str::to_owned).collect())
        };
        properties = match field.kind {
            // Hashes and ids hardly repeat: a dictionary would only be built and thrown away.
            Type::Fixed(_) => properties.set_column_dictionary_enabled(path(&[]), false),
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
