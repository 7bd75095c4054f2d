//! What is known about the rows of a segment without opening it: per column whether there are nulls, the few values that it
//! holds, or the least and the greatest. Derived, and only ever used to leave out segments that cannot match.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use serde::{Deserialize, Serialize};

/// Up to so many different texts of a column are listed.
const LISTED: usize = 16;
/// Longer texts are no bounds.
const LONGEST_BOUND: usize = 64;

/// A value as statistics compare it. Bytes of a fixed length are hex; times are microseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Known {
    /// Of a bool column.
    Bool(bool),
    /// Of an int or time column.
    Int(i64),
    /// Of a float column.
    Float(f64),
    /// Of a text column, or of bytes of a fixed length.
    Text(String),
}

impl Known {
    /// The order of two values of one column; `None` where they do not compare.
    fn compare(&self, other: &Known) -> Option<Ordering> {
        match (self, other) {
            (Known::Bool(one), Known::Bool(other)) => Some(one.cmp(other)),
            (Known::Int(one), Known::Int(other)) => Some(one.cmp(other)),
            (Known::Text(one), Known::Text(other)) => Some(one.cmp(other)),
            (one, other) => one.number()?.partial_cmp(&other.number()?),
        }
    }

    #[allow(clippy::cast_precision_loss)] // bounds of one column are of one type; a mixed pair compares as SQL does
    fn number(&self) -> Option<f64> {
        match self {
            Known::Int(number) => Some(*number as f64),
            Known::Float(number) => Some(*number),
            Known::Bool(_) | Known::Text(_) => None,
        }
    }
}

/// One column of one segment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ColumnStatistics {
    /// Whether a row has no value.
    #[serde(default, rename = "n", skip_serializing_if = "std::ops::Not::not")]
    pub nulls: bool,
    /// All values, when there are few.
    #[serde(default, rename = "v", skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Known>>,
    /// The least value, where values are not listed.
    #[serde(default, rename = "l", skip_serializing_if = "Option::is_none")]
    pub least: Option<Known>,
    /// The greatest value, where values are not listed.
    #[serde(default, rename = "g", skip_serializing_if = "Option::is_none")]
    pub greatest: Option<Known>,
}

/// The columns that something is known about, by name.
pub type Statistics = BTreeMap<String, ColumnStatistics>;

/// What must hold of a row, at least: a segment in which it cannot hold for any row need not be opened.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Condition {
    /// The column.
    pub column: String,
    /// What its value must be.
    #[serde(flatten)]
    pub test: Test,
}

/// What a value must be.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Test {
    /// One of these.
    Among(Vec<Known>),
    /// This or more.
    Least(Known),
    /// This or less.
    Most(Known),
    /// There (`true`) or null.
    Present(bool),
}

/// The statistics of rows.
pub fn of_batch(batch: &RecordBatch) -> Statistics {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    columns
        .filter_map(|(field, column)| Some((field.name().clone(), of_column(column.as_ref())?)))
        .collect()
}

fn of_column(column: &dyn Array) -> Option<ColumnStatistics> {
    let nulls = column.null_count() > 0;
    if column.null_count() == column.len() {
        return Some(ColumnStatistics {
            nulls,
            values: Some(Vec::new()),
            ..Default::default()
        });
    }
    let known = match column.data_type() {
        DataType::Boolean => {
            let values = column.as_boolean();
            let listed = [(false, values.false_count()), (true, values.true_count())];
            let listed = listed.into_iter().filter(|(_, count)| *count > 0);
            let values = listed.map(|(value, _)| Known::Bool(value)).collect();
            ColumnStatistics {
                values: Some(values),
                ..Default::default()
            }
        }
        DataType::Int64 => bounds(
            column.as_primitive::<Int64Type>().iter().flatten(),
            Known::Int,
        ),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let values = column
                .as_primitive::<TimestampMicrosecondType>()
                .iter()
                .flatten();
            bounds(values, Known::Int)
        }
        DataType::Float64 => {
            let values = column.as_primitive::<Float64Type>().iter().flatten();
            // SQL orders NaN behind every number: with one there is no greatest.
            if values.clone().any(f64::is_nan) {
                return None;
            }
            bounds(values, Known::Float)
        }
        DataType::FixedSizeBinary(_) => {
            let values = column.as_fixed_size_binary().iter().flatten();
            let least = values.clone().min().map(crate::hash::hex).map(Known::Text);
            let greatest = values.max().map(crate::hash::hex).map(Known::Text);
            ColumnStatistics {
                least,
                greatest,
                ..Default::default()
            }
        }
        DataType::Utf8 => of_texts(column.as_string::<i32>().iter().flatten()),
        _ => return None,
    };
    Some(ColumnStatistics { nulls, ..known })
}

fn bounds<T: PartialOrd + Copy>(
    values: impl Iterator<Item = T>,
    known: impl Fn(T) -> Known,
) -> ColumnStatistics {
    let mut found: Option<(T, T)> = None;
    for value in values {
        found = Some(match found {
            None => (value, value),
            Some((least, greatest)) => (
                if value < least { value } else { least },
                if value > greatest { value } else { greatest },
            ),
        });
    }
    ColumnStatistics {
        least: found.map(|(least, _)| known(least)),
        greatest: found.map(|(_, greatest)| known(greatest)),
        ..Default::default()
    }
}

fn of_texts<'a>(values: impl Iterator<Item = &'a str>) -> ColumnStatistics {
    let mut listed: Vec<&str> = Vec::new();
    let mut few = true;
    let mut bounds: Option<(&str, &str)> = None;
    for value in values {
        bounds = Some(bounds.map_or((value, value), |(least, greatest)| {
            (least.min(value), greatest.max(value))
        }));
        if few && !listed.contains(&value) {
            few = listed.len() < LISTED && value.len() <= LONGEST_BOUND;
            listed.push(value);
        }
    }
    if few {
        let values = listed
            .into_iter()
            .map(|value| Known::Text(value.to_owned()));
        return ColumnStatistics {
            values: Some(values.collect()),
            ..Default::default()
        };
    }
    let bound = |text: &str| (text.len() <= LONGEST_BOUND).then(|| Known::Text(text.to_owned()));
    ColumnStatistics {
        least: bounds.and_then(|(least, _)| bound(least)),
        greatest: bounds.and_then(|(_, greatest)| bound(greatest)),
        ..Default::default()
    }
}

/// Whether a row with these statistics can fulfil all conditions.
pub fn can_match(statistics: &Statistics, conditions: &[Condition]) -> bool {
    conditions.iter().all(|condition| {
        let known = statistics.get(&condition.column);
        known.is_none_or(|known| can_be(known, &condition.test))
    })
}

fn can_be(known: &ColumnStatistics, test: &Test) -> bool {
    match test {
        Test::Present(false) => known.nulls,
        Test::Present(true) => known
            .values
            .as_ref()
            .is_none_or(|values| !values.is_empty()),
        Test::Among(wanted) => wanted.iter().any(|value| may_hold(known, value)),
        Test::Least(bound) => match &known.values {
            Some(values) => values
                .iter()
                .any(|value| is_not(value, bound, Ordering::Less)),
            None => known
                .greatest
                .as_ref()
                .is_none_or(|most| is_not(most, bound, Ordering::Less)),
        },
        Test::Most(bound) => match &known.values {
            Some(values) => values
                .iter()
                .any(|value| is_not(value, bound, Ordering::Greater)),
            None => known
                .least
                .as_ref()
                .is_none_or(|least| is_not(least, bound, Ordering::Greater)),
        },
    }
}

fn may_hold(known: &ColumnStatistics, value: &Known) -> bool {
    match &known.values {
        Some(values) => values
            .iter()
            .any(|each| each.compare(value).is_none_or(Ordering::is_eq)),
        None => {
            let below = known
                .least
                .as_ref()
                .is_some_and(|least| !is_not(value, least, Ordering::Less));
            let above = known
                .greatest
                .as_ref()
                .is_some_and(|most| !is_not(value, most, Ordering::Greater));
            !below && !above
        }
    }
}

/// Whether the order of two values is another; values that do not compare may be in any.
fn is_not(one: &Known, other: &Known, order: Ordering) -> bool {
    one.compare(other) != Some(order)
}
