//! Keys: their fields in key order, each so that bytes sort as the values do.

use super::Value;
use crate::error::{Error, ErrorCode, Result};
use crate::schema::{Field, Schema, Type};

/// Encodes a key alone, from its values in key order. A prefix of the key fields gives a prefix of the key's bytes.
pub fn encode_key(schema: &Schema, values: &[Value]) -> Result<Vec<u8>> {
    let mut key = Vec::new();
    for (id, value) in schema.key.iter().zip(values) {
        let position = schema.fields.partition_point(|field| field.id < *id);
        encode_field(schema, &schema.fields[position], value, &mut key)?;
    }
    Ok(key)
}

/// The bytes of a text or byte field in a key, without what closes it: the start of every key whose field starts so.
pub fn escape(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 2);
    for &byte in bytes {
        out.push(byte);
        if byte == 0 {
            out.push(0xff);
        }
    }
    out
}

pub(super) fn encode_field(
    schema: &Schema,
    field: &Field,
    value: &Value,
    key: &mut Vec<u8>,
) -> Result<()> {
    match (field.kind, value) {
        (Type::Text, Value::Text(text)) => close(key, text.as_bytes()),
        (Type::Bytes, Value::Bytes(bytes)) => close(key, bytes),
        (Type::Fixed(length), Value::Bytes(bytes)) if bytes.len() == usize::from(length) => {
            key.extend_from_slice(bytes);
        }
        (Type::Int | Type::Time, Value::Int(number)) => {
            let ordered = *number as u64 ^ 1 << 63;
            key.extend_from_slice(&ordered.to_be_bytes());
        }
        (Type::Bool, Value::Bool(flag)) => key.push(u8::from(*flag)),
        _ => {
            return Err(Error::new(
                ErrorCode::Invalid,
                format!(
                    "key field '{}' of table '{}' needs a value of type {:?}",
                    field.name, schema.name, field.kind
                ),
            ));
        }
    }
    Ok(())
}

fn close(key: &mut Vec<u8>, bytes: &[u8]) {
    key.extend(escape(bytes));
    key.extend_from_slice(&[0, 0]);
}

/// The values of a key, in key order.
pub fn decode_key(schema: &Schema, key: &[u8]) -> Result<Vec<Value>> {
    let damaged = |why: &str| {
        Error::integrity(format!(
            "a key of table '{}' is damaged: {why}",
            schema.name
        ))
    };
    let mut rest = key;
    let mut values = Vec::with_capacity(schema.key.len());
    for id in &schema.key {
        let field = schema
            .field(*id)
            .ok_or_else(|| damaged("its schema names no such field"))?;
        let mut take = |length: usize| {
            let (head, tail) = rest
                .split_at_checked(length)
                .ok_or_else(|| damaged("it ends too early"))?;
            rest = tail;
            Ok::<&[u8], Error>(head)
        };
        values.push(match field.kind {
            Type::Text => {
                let bytes = open(&mut rest).ok_or_else(|| damaged("a text is not closed"))?;
                Value::Text(String::from_utf8(bytes).map_err(|_| damaged("a text is no UTF-8"))?)
            }
            Type::Bytes => {
                Value::Bytes(open(&mut rest).ok_or_else(|| damaged("bytes are not closed"))?)
            }
            Type::Fixed(length) => Value::Bytes(take(usize::from(length))?.to_vec()),
            Type::Int | Type::Time => {
                let bytes = take(8)?.try_into().expect("8 bytes");
                Value::Int((u64::from_be_bytes(bytes) ^ 1 << 63) as i64)
            }
            Type::Bool => match take(1)?[0] {
                0 => Value::Bool(false),
                1 => Value::Bool(true),
                _ => return Err(damaged("a boolean is neither 0 nor 1")),
            },
            Type::Float | Type::Json | Type::Vector => {
                return Err(damaged("its type cannot be a key"));
            }
        });
    }
    if !rest.is_empty() {
        return Err(damaged("it goes on after its last field"));
    }
    Ok(values)
}

/// Undoes [`close`]: the bytes up to `00 00`, which are cut off `rest`.
fn open(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let zero = rest.iter().position(|&byte| byte == 0)?;
        bytes.extend_from_slice(&rest[..zero]);
        let mark = *rest.get(zero + 1)?;
        *rest = &rest[zero + 2..];
        match mark {
            0 => return Some(bytes),
            0xff => bytes.push(0),
            _ => return None,
        }
    }
}
