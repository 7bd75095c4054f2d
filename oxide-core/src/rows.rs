//! Canonical encoding of rows. A key sorts as its bytes do; a value lists only the fields that are not null, so a new
//! nullable column changes no old row. `docs/format.md`, "Rows".

mod cells;
mod key;

pub use cells::{cells, Cell};
pub(crate) use cells::{write_bool, write_bytes, write_float, write_int};
pub use key::{decode_key, encode_key, escape};

use crate::error::{Error, ErrorCode, Result};
use crate::hash::{Context, Id};
use crate::pack::Kind;
use crate::schema::{Field, Schema, Type};
use crate::store::{ReadObjects, WriteObjects};

/// Cells longer than this are stored as blobs and referenced by id.
pub const INLINE_LIMIT: usize = 4096;

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// [`crate::schema::Type::Bool`]
    Bool(bool),
    /// [`crate::schema::Type::Int`] or microseconds of [`crate::schema::Type::Time`]
    Int(i64),
    /// [`crate::schema::Type::Float`]; NaN is stored as one bit pattern
    Float(f64),
    /// [`crate::schema::Type::Text`] or [`crate::schema::Type::Json`]
    Text(String),
    /// [`crate::schema::Type::Bytes`] or [`crate::schema::Type::Fixed`]
    Bytes(Vec<u8>),
    /// [`crate::schema::Type::Vector`]
    Vector(Vec<f32>),
    /// A cell over [`INLINE_LIMIT`], stored as a blob
    External {
        /// Content id of the cell's bytes.
        id: Id,
        /// Their length.
        length: u64,
    },
}

/// A row in canonical bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EncodedRow {
    /// Order-preserving key.
    pub key: Vec<u8>,
    /// The other fields.
    pub value: Vec<u8>,
}

/// Encodes a row given as one value for each field of the schema, in schema order. JSON is brought into canonical form; a
/// cell over [`INLINE_LIMIT`] is refused: [`externalise`] it first.
pub fn encode(schema: &Schema, values: &[Value]) -> Result<EncodedRow> {
    if values.len() != schema.fields.len() {
        return Err(Error::new(
            ErrorCode::Invalid,
            format!(
                "a row of table '{}' has {} cells, not {}",
                schema.name,
                schema.fields.len(),
                values.len()
            ),
        ));
    }
    let mut key = Vec::new();
    for id in &schema.key {
        let position = schema.fields.partition_point(|field| field.id < *id);
        key::encode_field(
            schema,
            &schema.fields[position],
            &values[position],
            &mut key,
        )?;
    }
    let mut value = Vec::new();
    for (field, cell) in schema.fields.iter().zip(values) {
        if !schema.key.contains(&field.id) {
            cells::encode_cell(schema, field, cell, &mut value)?;
        }
    }
    Ok(EncodedRow { key, value })
}

/// Decodes a row into one value for each field of the schema; fields unknown to it are skipped.
pub fn decode(schema: &Schema, key: &[u8], value: &[u8]) -> Result<Vec<Value>> {
    let mut row = vec![Value::Null; schema.fields.len()];
    for (id, cell) in schema.key.iter().zip(decode_key(schema, key)?) {
        let position = schema.fields.partition_point(|field| field.id < *id);
        row[position] = cell;
    }
    // Both lists ascend by id.
    let mut position = 0;
    for cell in cells(value) {
        let cell = cell?;
        while position < row.len() && schema.fields[position].id < cell.field {
            position += 1;
        }
        let known = schema.fields.get(position);
        if let Some(field) = known.filter(|field| field.id == cell.field) {
            if schema.key.contains(&field.id) {
                return Err(cells::damaged(schema, field, "a key field among the cells"));
            }
            row[position] = cell.decode(schema, field)?;
        }
    }
    Ok(row)
}

/// By how much JSON may become longer in its canonical form at most: `1E15` has 18 characters there, and less than that is
/// gained by any other.
const MOST_GROWTH: usize = 5;

/// Stores each cell over [`INLINE_LIMIT`] as a blob and puts the reference in its place; brings long JSON into canonical form.
pub fn externalise(
    objects: &dyn WriteObjects,
    schema: &Schema,
    values: &mut [Value],
) -> Result<()> {
    for (field, value) in schema.fields.iter().zip(values) {
        if !schema.key.contains(&field.id) {
            externalise_cell(objects, field.kind, value)?;
        }
    }
    Ok(())
}

fn externalise_cell(objects: &dyn WriteObjects, kind: Type, value: &mut Value) -> Result<()> {
    if let (Type::Json, Value::Text(text)) = (kind, &mut *value) {
        if text.len() * MOST_GROWTH <= INLINE_LIMIT {
            return Ok(()); // it stays inline in any form, and gets the canonical one when it is encoded
        }
        *text = canonical_json(text)?;
    }
    let bytes = match &*value {
        Value::Text(text) if text.len() > INLINE_LIMIT => text.clone().into_bytes(),
        Value::Bytes(bytes) if bytes.len() > INLINE_LIMIT => bytes.clone(),
        Value::Vector(vector) if vector.len() * 4 > INLINE_LIMIT => cells::vector_bytes(vector),
        _ => return Ok(()),
    };
    let id = Context::Content.id(&bytes);
    objects.write(Kind::Blob, &id, &bytes)?;
    *value = Value::External {
        id,
        length: bytes.len() as u64,
    };
    Ok(())
}

/// The bytes of one cell with its tag; a long one is stored as a blob.
pub(crate) fn encode_cell(
    objects: &dyn WriteObjects,
    schema: &Schema,
    field: &Field,
    mut value: Value,
) -> Result<Vec<u8>> {
    externalise_cell(objects, field.kind, &mut value)?;
    let mut bytes = Vec::new();
    cells::encode_cell(schema, field, &value, &mut bytes)?;
    Ok(bytes)
}

/// The value that an external cell stands for; any other value as it is.
pub fn resolve(objects: &dyn ReadObjects, kind: Type, value: Value) -> Result<Value> {
    let Value::External { id, length } = value else {
        return Ok(value);
    };
    let bytes = objects.read(Kind::Blob, &id)?;
    if bytes.len() as u64 != length || Context::Content.id(&bytes) != id {
        return Err(Error::integrity(format!(
            "blob {id} of a long cell is damaged"
        )));
    }
    cells::from_bytes(kind, &bytes).map_err(|why| {
        Error::integrity(format!("blob {id} of a long cell is no such value: {why}"))
    })
}

/// JSON in its canonical form: sorted keys, no spaces, shortest numbers that keep integers and floats apart. Integers
/// outside 64 bits become the nearest float; of keys given twice the last one counts.
pub fn canonical_json(text: &str) -> Result<String> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| {
        Error::new(
            ErrorCode::Invalid,
            format!("a JSON cell is malformed: {error}"),
        )
    })?;
    Ok(value.to_string())
}

#[cfg(test)]
mod tests;
