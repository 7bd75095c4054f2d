//! Cells: what follows the key, one tagged payload for each field that is not null.

use super::{canonical_json, Value, INLINE_LIMIT};
use crate::error::{Error, ErrorCode, Result};
use crate::hash::Id;
use crate::schema::{Field, Schema, Type};
use crate::varint::{self, Reader};

const VARINT: u64 = 0;
const FLOAT: u64 = 1;
const BYTES: u64 = 2;
const TRUE: u64 = 3;
const FALSE: u64 = 4;
const EXTERNAL: u64 = 5;

/// Every NaN is stored as this one.
const NAN: u64 = 0x7ff8_0000_0000_0000;

/// One cell as it stands in a row's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell<'a> {
    /// The field's id.
    pub field: u32,
    /// The cell with its tag, so that cells can be copied without knowing their type.
    pub bytes: &'a [u8],
}

/// The cells of a row's value, by ascending field id.
pub fn cells(value: &[u8]) -> impl Iterator<Item = Result<Cell<'_>>> {
    let mut reader = Reader::new("a row", value);
    let mut last = 0;
    std::iter::from_fn(move || {
        if reader.is_empty() {
            return None;
        }
        let cell = next_cell(&mut reader, value, last);
        match &cell {
            Ok(cell) => last = cell.field,
            // Nothing after damage can be trusted.
            Err(_) => reader = Reader::new("a row", &[]),
        }
        Some(cell)
    })
}

fn next_cell<'a>(reader: &mut Reader<'a>, value: &'a [u8], last: u32) -> Result<Cell<'a>> {
    let start = reader.position();
    let tag = reader.varint()?;
    let field = u32::try_from(tag >> 3).map_err(|_| reader.damaged("a field id is too large"))?;
    if field <= last {
        return Err(reader.damaged("fields do not ascend"));
    }
    match tag & 7 {
        VARINT => drop(reader.varint()?),
        FLOAT => drop(reader.take(8)?),
        BYTES => drop(reader.bytes()?),
        TRUE | FALSE => {}
        EXTERNAL => {
            reader.varint()?;
            reader.take(32)?;
        }
        _ => return Err(reader.damaged("unknown type of cell")),
    }
    Ok(Cell {
        field,
        bytes: &value[start..reader.position()],
    })
}

impl Cell<'_> {
    /// The cell's value as its field's type.
    pub fn decode(&self, schema: &Schema, field: &Field) -> Result<Value> {
        let mut reader = Reader::new("a cell", self.bytes);
        let wire = reader.varint()? & 7;
        Ok(match (wire, field.kind) {
            (VARINT, Type::Int | Type::Time) => Value::Int(varint::unzigzag(reader.varint()?)),
            (FLOAT, Type::Float) => {
                let bytes = reader.take(8)?.try_into().expect("8 bytes");
                Value::Float(f64::from_bits(u64::from_le_bytes(bytes)))
            }
            (TRUE, Type::Bool) => Value::Bool(true),
            (FALSE, Type::Bool) => Value::Bool(false),
            (BYTES, kind) => {
                from_bytes(kind, reader.bytes()?).map_err(|why| damaged(schema, field, why))?
            }
            (EXTERNAL, Type::Text | Type::Json | Type::Bytes | Type::Fixed(_) | Type::Vector) => {
                let length = reader.varint()?;
                let id = Id(reader.take(32)?.try_into().expect("32 bytes"));
                Value::External { id, length }
            }
            _ => return Err(damaged(schema, field, "it is of another type")),
        })
    }

    /// The blob that an external cell refers to.
    pub fn external(&self) -> Result<Option<Id>> {
        let mut reader = Reader::new("a cell", self.bytes);
        if reader.varint()? & 7 != EXTERNAL {
            return Ok(None);
        }
        reader.varint()?;
        Ok(Some(Id(reader.take(32)?.try_into().expect("32 bytes"))))
    }
}

/// A value from its payload, inline or in a blob.
pub(super) fn from_bytes(kind: Type, bytes: &[u8]) -> std::result::Result<Value, &'static str> {
    match kind {
        Type::Text | Type::Json => {
            let text = std::str::from_utf8(bytes).map_err(|_| "it is no UTF-8")?;
            Ok(Value::Text(text.to_owned()))
        }
        Type::Bytes => Ok(Value::Bytes(bytes.to_vec())),
        Type::Fixed(length) if bytes.len() != usize::from(length) => Err("its length is wrong"),
        Type::Fixed(_) => Ok(Value::Bytes(bytes.to_vec())),
        Type::Vector if !bytes.len().is_multiple_of(4) => Err("its length is wrong"),
        Type::Vector => {
            let numbers = bytes.chunks_exact(4);
            let number = |four: &[u8]| f32::from_le_bytes(four.try_into().expect("4 bytes"));
            Ok(Value::Vector(numbers.map(number).collect()))
        }
        Type::Bool | Type::Int | Type::Float | Type::Time => Err("it is of another type"),
    }
}

/// A vector's payload. Every NaN is one bit pattern, as with floats.
pub(super) fn vector_bytes(vector: &[f32]) -> Vec<u8> {
    let number = |number: &f32| {
        if number.is_nan() {
            f32::from_bits(0x7fc0_0000)
        } else {
            *number
        }
    };
    vector
        .iter()
        .flat_map(|n| number(n).to_le_bytes())
        .collect()
}

fn tag(field: u32, wire: u64) -> u64 {
    u64::from(field) << 3 | wire
}

/// A cell of a boolean field.
pub(crate) fn write_bool(out: &mut Vec<u8>, field: u32, flag: bool) {
    varint::write(out, tag(field, if flag { TRUE } else { FALSE }));
}

/// A cell of an integer or time field.
pub(crate) fn write_int(out: &mut Vec<u8>, field: u32, number: i64) {
    varint::write(out, tag(field, VARINT));
    varint::write(out, varint::zigzag(number));
}

/// A cell of a float field.
pub(crate) fn write_float(out: &mut Vec<u8>, field: u32, number: f64) {
    let bits = if number.is_nan() {
        NAN
    } else {
        number.to_bits()
    };
    varint::write(out, tag(field, FLOAT));
    out.extend_from_slice(&bits.to_le_bytes());
}

/// A cell of a field of text or bytes, not over [`INLINE_LIMIT`].
pub(crate) fn write_bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    varint::write(out, tag(field, BYTES));
    varint::write_bytes(out, bytes);
}

pub(super) fn encode_cell(
    schema: &Schema,
    field: &Field,
    value: &Value,
    out: &mut Vec<u8>,
) -> Result<()> {
    let tag = |wire: u64| tag(field.id, wire);
    let payload: std::borrow::Cow<[u8]> = match (field.kind, value) {
        (_, Value::Null) => return Ok(()),
        (Type::Bool, Value::Bool(flag)) => {
            write_bool(out, field.id, *flag);
            return Ok(());
        }
        (Type::Int | Type::Time, Value::Int(number)) => {
            write_int(out, field.id, *number);
            return Ok(());
        }
        (Type::Float, Value::Float(number)) => {
            write_float(out, field.id, *number);
            return Ok(());
        }
        (
            Type::Text | Type::Json | Type::Bytes | Type::Fixed(_) | Type::Vector,
            Value::External { id, length },
        ) => {
            varint::write(out, tag(EXTERNAL));
            varint::write(out, *length);
            out.extend_from_slice(&id.0);
            return Ok(());
        }
        (Type::Text, Value::Text(text)) => text.as_bytes().into(),
        (Type::Json, Value::Text(text)) => canonical_json(text)?.into_bytes().into(),
        (Type::Bytes, Value::Bytes(bytes)) => bytes.into(),
        (Type::Fixed(length), Value::Bytes(bytes)) if bytes.len() == usize::from(length) => {
            bytes.into()
        }
        (Type::Vector, Value::Vector(vector)) => vector_bytes(vector).into(),
        _ => {
            return Err(invalid(
                schema,
                field,
                format!("needs a value of type {:?}", field.kind),
            ))
        }
    };
    if payload.len() > INLINE_LIMIT {
        let why = format!("is over {INLINE_LIMIT} bytes and must be stored as a blob");
        return Err(invalid(schema, field, why));
    }
    write_bytes(out, field.id, &payload);
    Ok(())
}

fn invalid(schema: &Schema, field: &Field, why: String) -> Error {
    let message = format!("field '{}' of table '{}' {why}", field.name, schema.name);
    Error::new(ErrorCode::Invalid, message)
}

pub(super) fn damaged(schema: &Schema, field: &Field, why: &str) -> Error {
    Error::integrity(format!(
        "a cell of field '{}' of table '{}' is damaged: {why}",
        field.name, schema.name
    ))
}
