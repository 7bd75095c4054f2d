//! Equality and order of JSON values: numbers by their value whatever their spelling, texts by code points, no order between
//! types when a query compares, and one when it sorts.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::text::{Node, Place};
use super::{walk, Path};
use crate::error::Result;

/// Whether two values are equal; the order of names in objects is no part of them.
pub fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => numbers(one, other) == Ordering::Equal,
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same = |(name, value)| other.get(name).is_some_and(|other| equal(value, other));
            one.len() == other.len() && one.iter().all(same)
        }
        (one, other) => one == other,
    }
}

/// The order of two values of one type that has an order.
pub fn compare(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => Some(numbers(one, other)),
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        (Value::Bool(one), Value::Bool(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

fn numbers(one: &Number, other: &Number) -> Ordering {
    match (integer(one), integer(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        (Some(one), None) => integer_and_float(one, float(other)),
        (None, Some(other)) => integer_and_float(other, float(one)).reverse(),
        (None, None) => float(one)
            .partial_cmp(&float(other))
            .unwrap_or(Ordering::Equal),
    }
}

fn integer(number: &Number) -> Option<i128> {
    let signed = number.as_i64().map(i128::from);
    signed.or_else(|| number.as_u64().map(i128::from))
}

fn float(number: &Number) -> f64 {
    number.as_f64().unwrap_or(f64::NAN)
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // the remainder decides where floats are too coarse
fn integer_and_float(integer: i128, float: f64) -> Ordering {
    let rounded = (integer as f64)
        .partial_cmp(&float)
        .unwrap_or(Ordering::Equal);
    rounded.then_with(|| integer.cmp(&(float as i128)))
}

/// Bytes that sort as the value at a path does: missing and null, numbers, texts, objects, arrays, false and true. Of an
/// array the least element counts, or the greatest when the order descends; an empty one sorts before null.
pub fn sort_key(document: Option<&str>, path: &Path, descending: bool) -> Result<Vec<u8>> {
    let place = document.map_or(Ok(Place::Missing), |text| {
        Node::whole(text).map(Place::Value)
    })?;
    let mut best: Option<Vec<u8>> = None;
    let mut offer = |key: Vec<u8>| {
        let is_better = best
            .as_ref()
            .is_none_or(|best| (key > *best) == descending && key != *best);
        if is_better {
            best = Some(key);
        }
    };
    walk(&place, &path.0, false, &mut |place| {
        match place {
            Place::Missing => offer(vec![NULL]),
            Place::Value(node) | Place::Fields(node) => match node.value()? {
                Value::Array(elements) if elements.is_empty() => offer(vec![EMPTY]),
                Value::Array(elements) => elements.iter().for_each(|each| offer(key_of(each))),
                value => offer(key_of(&value)),
            },
        }
        Ok(false)
    })?;
    Ok(best.unwrap_or_else(|| vec![NULL]))
}

const EMPTY: u8 = 0;
const NULL: u8 = 1;

fn key_of(value: &Value) -> Vec<u8> {
    match value {
        Value::Null => vec![NULL],
        Value::Number(number) => {
            let number = float(number) + 0.0; // one zero
            let bits = number.to_bits();
            let ordered = if number.is_sign_negative() {
                !bits
            } else {
                bits | (1 << 63)
            };
            [&[2], &ordered.to_be_bytes()[..]].concat()
        }
        Value::String(text) => [&[3], text.as_bytes()].concat(),
        Value::Object(_) => [&[4], value.to_string().as_bytes()].concat(),
        Value::Array(_) => [&[5], value.to_string().as_bytes()].concat(),
        Value::Bool(flag) => vec![6, u8::from(*flag)],
    }
}
