//! Schemas of versioned tables: typed fields with stable ids, a key, and the rules by which rows merge.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::hash::Id;

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// True or false.
    Bool,
    /// 64-bit signed integer.
    Int,
    /// 64-bit float.
    Float,
    /// UTF-8 text.
    Text,
    /// Bytes of any length.
    Bytes,
    /// Exactly this many bytes: ids and hashes.
    Fixed(u16),
    /// Any JSON value, canonical text (sorted keys, no spaces).
    Json,
    /// A moment in UTC, in microseconds since 1970.
    Time,
    /// A vector of 32-bit floats.
    Vector,
}

/// How a cell merges when both sides changed it to different values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeRule {
    /// A conflict.
    Conflict,
    /// The larger value wins.
    Maximum,
    /// The side that won the named field (by id) wins here too; no conflict of its own.
    Follow(u32),
    /// Derived from other fields: never a conflict, the larger encoded value wins.
    Derived,
    /// JSON merges by leaf path, arrays whole; a leaf that both sides changed differently is a conflict.
    Leaves,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Stable id, from 1; never used again after a field is dropped.
    pub id: u32,
    /// Column name.
    pub name: String,
    /// Type.
    #[serde(rename = "type")]
    pub kind: Type,
    /// Merge rule.
    pub merge: MergeRule,
    /// Whether the value is the content id of a blob, which the collector must keep.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub content: bool,
}

/// A table's schema. Fields are sorted by id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Table name.
    pub name: String,
    /// Fields, by ascending id.
    pub fields: Vec<Field>,
    /// Ids of the key fields, in key order; never null.
    pub key: Vec<u32>,
    /// Target number of rows in a segment.
    pub target_rows: u32,
}

impl Schema {
    /// Canonical JSON bytes: what is hashed and stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        todo!()
    }

    /// Parses and validates stored bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Schema> {
        todo!("{}", bytes.len())
    }

    /// The schema's id.
    pub fn id(&self) -> Id {
        todo!()
    }

    /// Position of a field by name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// Checks that `newer` may replace this schema: fields keep id and type, the key stays, new fields have new ids.
    pub fn check_evolution(&self, newer: &Schema) -> Result<()> {
        todo!("{newer:?}")
    }
}
