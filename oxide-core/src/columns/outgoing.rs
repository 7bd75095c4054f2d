//! Rows to Arrow.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BinaryBuilder, BooleanBuilder, FixedSizeBinaryBuilder, Float32Builder,
    Float64Builder, Int64Builder, ListBuilder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field as ArrowField, Schema as ArrowSchema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use crate::error::{Error, Result};
use crate::rows::{self, Value};
use crate::schema::{Schema, Type};
use crate::segment::Segment;
use crate::store::ReadObjects;

/// Metadata key that holds a field's id.
const FIELD_ID: &str = "PARQUET:field_id";

/// The Arrow schema of a table: field ids in the metadata key `PARQUET:field_id`, `Fixed(n)` as fixed-size binary, `Json` as
/// text, `Time` as microseconds UTC, `Vector` as list of float32.
pub fn arrow_schema(schema: &Schema) -> SchemaRef {
    let fields = schema.fields.iter().map(|field| {
        let nullable = !schema.key.contains(&field.id);
        let id = HashMap::from([(FIELD_ID.to_owned(), field.id.to_string())]);
        ArrowField::new(&field.name, data_type(field.kind), nullable).with_metadata(id)
    });
    Arc::new(ArrowSchema::new(fields.collect::<Vec<_>>()))
}

/// The Arrow type of a field.
pub(super) fn data_type(kind: Type) -> DataType {
    match kind {
        Type::Bool => DataType::Boolean,
        Type::Int => DataType::Int64,
        Type::Float => DataType::Float64,
        Type::Text | Type::Json => DataType::Utf8,
        Type::Bytes => DataType::Binary,
        Type::Fixed(length) => DataType::FixedSizeBinary(i32::from(length)),
        Type::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::Vector => DataType::List(vector_item()),
    }
}

fn vector_item() -> Arc<ArrowField> {
    Arc::new(ArrowField::new("item", DataType::Float32, true))
}

/// One segment's rows as a record batch. External cells are read from `objects`.
pub fn segment_batch(
    objects: &dyn ReadObjects,
    schema: &Schema,
    segment: &Segment,
) -> Result<RecordBatch> {
    batch(objects, schema, segment.rows())
}

/// Rows given as (key, value) pairs as a record batch.
pub fn rows_batch(
    objects: &dyn ReadObjects,
    schema: &Schema,
    rows: &[(&[u8], &[u8])],
) -> Result<RecordBatch> {
    batch(objects, schema, rows.iter().copied())
}

fn batch<'a>(
    objects: &dyn ReadObjects,
    schema: &Schema,
    rows: impl Iterator<Item = (&'a [u8], &'a [u8])>,
) -> Result<RecordBatch> {
    let mut columns: Vec<Column> = schema
        .fields
        .iter()
        .map(|field| Column::new(field.kind))
        .collect();
    for (key, value) in rows {
        let cells = rows::decode(schema, key, value)?;
        for ((column, field), cell) in columns.iter_mut().zip(&schema.fields).zip(cells) {
            let cell = rows::resolve(objects, field.kind, cell)?;
            column.push(cell).map_err(|error| failed(schema, &error))?;
        }
    }
    let columns = columns.iter_mut().map(Column::finish).collect();
    RecordBatch::try_new(arrow_schema(schema), columns).map_err(|error| failed(schema, &error))
}

/// An Arrow or Parquet failure about a table.
pub(super) fn failed(schema: &Schema, error: &dyn std::fmt::Display) -> Error {
    Error::integrity(format!(
        "rows of table '{}' do not fit its columns: {error}",
        schema.name
    ))
}

/// A column under construction.
enum Column {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
    Fixed(FixedSizeBinaryBuilder),
    Time(TimestampMicrosecondBuilder),
    Vector(ListBuilder<Float32Builder>),
}

impl Column {
    fn new(kind: Type) -> Column {
        match kind {
            Type::Bool => Column::Bool(BooleanBuilder::new()),
            Type::Int => Column::Int(Int64Builder::new()),
            Type::Float => Column::Float(Float64Builder::new()),
            Type::Text | Type::Json => Column::Text(StringBuilder::new()),
            Type::Bytes => Column::Bytes(BinaryBuilder::new()),
            Type::Fixed(length) => Column::Fixed(FixedSizeBinaryBuilder::new(i32::from(length))),
            Type::Time => {
                Column::Time(TimestampMicrosecondBuilder::new().with_data_type(data_type(kind)))
            }
            Type::Vector => {
                Column::Vector(ListBuilder::new(Float32Builder::new()).with_field(vector_item()))
            }
        }
    }

    fn push(&mut self, value: Value) -> std::result::Result<(), ArrowError> {
        match (self, value) {
            (Column::Bool(column), Value::Bool(flag)) => column.append_value(flag),
            (Column::Int(column), Value::Int(number)) => column.append_value(number),
            (Column::Float(column), Value::Float(number)) => column.append_value(number),
            (Column::Text(column), Value::Text(text)) => column.append_value(text),
            (Column::Bytes(column), Value::Bytes(bytes)) => column.append_value(bytes),
            (Column::Fixed(column), Value::Bytes(bytes)) => column.append_value(bytes)?,
            (Column::Time(column), Value::Int(number)) => column.append_value(number),
            (Column::Vector(column), Value::Vector(vector)) => {
                column.values().append_slice(&vector);
                column.append(true);
            }
            (column, Value::Null) => column.push_null(),
            (_, value) => {
                return Err(ArrowError::InvalidArgumentError(format!(
                    "unexpected value {value:?}"
                )))
            }
        }
        Ok(())
    }

    fn push_null(&mut self) {
        match self {
            Column::Bool(column) => column.append_null(),
            Column::Int(column) => column.append_null(),
            Column::Float(column) => column.append_null(),
            Column::Text(column) => column.append_null(),
            Column::Bytes(column) => column.append_null(),
            Column::Fixed(column) => column.append_null(),
            Column::Time(column) => column.append_null(),
            Column::Vector(column) => column.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        let builder: &mut dyn ArrayBuilder = match self {
            Column::Bool(column) => column,
            Column::Int(column) => column,
            Column::Float(column) => column,
            Column::Text(column) => column,
            Column::Bytes(column) => column,
            Column::Fixed(column) => column,
            Column::Time(column) => column,
            Column::Vector(column) => column,
        };
        builder.finish()
    }
}
