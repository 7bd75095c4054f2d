//! Arrow to rows.

use arrow::array::{make_array, Array, ArrayRef, AsArray};
use arrow::compute::{cast_with_options, CastOptions};
use arrow::datatypes::{
    DataType, Float32Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use arrow::record_batch::RecordBatch;
use rayon::prelude::*;

use super::outgoing::data_type;
use crate::error::{Error, ErrorCode, Result};
use crate::rows::{self, Value};
use crate::schema::{Field, Schema, Type};
use crate::segment::Change;
use crate::store::WriteObjects;

/// Rows that one thread encodes in one go.
const TOGETHER: usize = 256;

/// A record batch as changes that set its rows. Columns are found by name, and one that the schema does not have is refused;
/// missing ones are null; types are cast where that loses nothing (the numbers of a vector are rounded to 32 bits). Long
/// cells become blobs.
pub fn batch_changes(
    objects: &dyn WriteObjects,
    schema: &Schema,
    batch: &RecordBatch,
) -> Result<Vec<Change>> {
    for column in batch.schema_ref().fields() {
        if schema.position(column.name()).is_none() {
            let why = format!("it has no column '{}'", column.name());
            return Err(invalid(schema, why));
        }
    }
    let columns: Vec<Option<ArrayRef>> = schema
        .fields
        .iter()
        .map(|field| {
            let column = batch.column_by_name(&field.name);
            column.map(|column| fit(schema, field, column)).transpose()
        })
        .collect::<Result<_>>()?;
    let change = |index| {
        let mut values = Vec::with_capacity(columns.len());
        for (field, column) in schema.fields.iter().zip(&columns) {
            values.push(match column {
                Some(column) if column.is_valid(index) => value_at(schema, field, column, index)?,
                _ => Value::Null,
            });
        }
        rows::externalise(objects, schema, &mut values)?;
        let row = rows::encode(schema, &values)?;
        Ok((row.key, Some(row.value)))
    };
    let indices = (0..batch.num_rows()).into_par_iter();
    indices.with_min_len(TOGETHER).map(change).collect()
}

fn invalid(schema: &Schema, why: impl std::fmt::Display) -> Error {
    let message = format!("rows do not fit table '{}': {why}", schema.name);
    Error::new(ErrorCode::Invalid, message)
}

/// The column as its field's Arrow type.
fn fit(schema: &Schema, field: &Field, column: &ArrayRef) -> Result<ArrayRef> {
    let refused = |why: &dyn std::fmt::Display| {
        let from = column.data_type();
        invalid(
            schema,
            format!("column '{}' of type {from}: {why}", field.name),
        )
    };
    let target = match field.kind {
        Type::Time => DataType::Timestamp(TimeUnit::Microsecond, None),
        kind => data_type(kind),
    };
    let column = &without_zone(column)?;
    if *column.data_type() == target {
        return Ok(column.clone());
    }
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let cast = |column: &ArrayRef, to: &DataType| {
        cast_with_options(column, to, &options).map_err(|error| refused(&error))
    };
    let plain = match column.data_type() {
        DataType::Dictionary(_, values) => cast(column, values)?,
        _ => column.clone(),
    };
    if *plain.data_type() != DataType::Null && family(plain.data_type()) != family(&target) {
        return Err(refused(&format!("needs {target}")));
    }
    let fitted = cast(&plain, &target)?;
    let may_lose = matches!(field.kind, Type::Int | Type::Float | Type::Time);
    let widened = matches!(
        (plain.data_type(), field.kind),
        (DataType::Float16 | DataType::Float32, Type::Float)
    );
    if may_lose && !widened && cast(&fitted, plain.data_type())?.to_data() != plain.to_data() {
        return Err(refused(&format!("some values are no {target}")));
    }
    Ok(fitted)
}

/// Moments in UTC without the zone that they are shown in, which changes no value.
fn without_zone(column: &ArrayRef) -> Result<ArrayRef> {
    let DataType::Timestamp(unit, Some(_)) = column.data_type() else {
        return Ok(column.clone());
    };
    let data = column.to_data().into_builder();
    let data = data.data_type(DataType::Timestamp(*unit, None)).build();
    data.map(make_array).map_err(|error| {
        Error::new(
            ErrorCode::Invalid,
            format!("a column of times is malformed: {error}"),
        )
    })
}

/// Types that are casts of each other.
fn family(kind: &DataType) -> &'static str {
    match kind {
        DataType::Boolean => "boolean",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text",
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "bytes",
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => "time",
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => "list",
        kind if kind.is_numeric() => "number",
        _ => "other",
    }
}

/// The value of a row that is not null.
fn value_at(schema: &Schema, field: &Field, column: &ArrayRef, index: usize) -> Result<Value> {
    Ok(match field.kind {
        Type::Bool => Value::Bool(column.as_boolean().value(index)),
        Type::Int => Value::Int(column.as_primitive::<Int64Type>().value(index)),
        Type::Float => Value::Float(column.as_primitive::<Float64Type>().value(index)),
        Type::Text | Type::Json => Value::Text(column.as_string::<i32>().value(index).to_owned()),
        Type::Bytes => Value::Bytes(column.as_binary::<i32>().value(index).to_vec()),
        Type::Fixed(_) => Value::Bytes(column.as_fixed_size_binary().value(index).to_vec()),
        Type::Time => Value::Int(
            column
                .as_primitive::<TimestampMicrosecondType>()
                .value(index),
        ),
        Type::Vector => {
            let numbers = column.as_list::<i32>().value(index);
            if numbers.null_count() > 0 {
                let why = format!("a vector of column '{}' has a null", field.name);
                return Err(invalid(schema, why));
            }
            Value::Vector(numbers.as_primitive::<Float32Type>().values().to_vec())
        }
    })
}
