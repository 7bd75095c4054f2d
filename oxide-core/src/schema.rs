//! Schemas of versioned tables: typed fields with stable ids, a key, and the rules by which rows merge.

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorCode, Result};
use crate::hash::{Context, Id};

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
    /// One cell with the named field (by id), whatever of it changed: both are taken from one side, and only the named
    /// field is ever in conflict.
    Together(u32),
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

/// Largest allowed target of rows in a segment.
pub const MAXIMUM_TARGET_ROWS: u32 = 1 << 20;

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
        // A JSON value's objects are sorted maps, so its text is canonical.
        let value = serde_json::to_value(self).expect("a schema is plain data");
        value.to_string().into_bytes()
    }

    /// Parses and validates stored bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Schema> {
        let schema: Schema = serde_json::from_slice(bytes)
            .map_err(|error| Error::integrity(format!("a schema cannot be read: {error}")))?;
        schema.validate()?;
        Ok(schema)
    }

    /// The schema's id.
    pub fn id(&self) -> Id {
        Context::Schema.id(&self.to_bytes())
    }

    /// Checks that fields, key and rules fit together.
    pub fn validate(&self) -> Result<()> {
        if self.name.is_empty() || self.fields.iter().any(|field| field.name.is_empty()) {
            return Err(self.invalid("a table and each of its fields need a name"));
        }
        if self.target_rows == 0 || self.target_rows > MAXIMUM_TARGET_ROWS {
            return Err(self.invalid(format!(
                "{} rows a segment; allowed are 1 to {MAXIMUM_TARGET_ROWS}",
                self.target_rows
            )));
        }
        if self.fields.first().is_some_and(|field| field.id == 0) {
            return Err(self.invalid("field ids begin at 1"));
        }
        if !self.fields.is_sorted_by(|a, b| a.id < b.id) {
            return Err(self.invalid("fields are not in ascending order of id"));
        }
        let mut names: Vec<&str> = self.fields.iter().map(|f| f.name.as_str()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(self.invalid(format!("two fields are named '{}'", pair[0])));
        }
        if self.key.is_empty() {
            return Err(self.invalid("it has no key"));
        }
        for (position, id) in self.key.iter().enumerate() {
            let field = self
                .field(*id)
                .ok_or_else(|| self.invalid(format!("key field {id} does not exist")))?;
            if self.key[..position].contains(id) {
                return Err(self.invalid(format!("'{}' is in the key twice", field.name)));
            }
            if matches!(field.kind, Type::Float | Type::Json | Type::Vector) {
                return Err(self.invalid(format!("'{}' cannot be a key field", field.name)));
            }
        }
        for field in &self.fields {
            self.validate_rule(field)?;
        }
        Ok(())
    }

    fn validate_rule(&self, field: &Field) -> Result<()> {
        match field.merge {
            MergeRule::Leaves if field.kind != Type::Json => {
                Err(self.invalid(format!("'{}' merges by leaves but is no JSON", field.name)))
            }
            MergeRule::Together(leader) => {
                let plain = self.field(leader).is_some_and(|leader| {
                    !self.key.contains(&leader.id) && leader.merge == MergeRule::Conflict
                });
                if plain {
                    return Ok(());
                }
                Err(self.invalid(format!(
                    "'{}' is one cell with field {leader}, which is no cell with the rule 'conflict'",
                    field.name
                )))
            }
            MergeRule::Follow(leader) => {
                let follows_cell = self.field(leader).is_some_and(|leader| {
                    !self.key.contains(&leader.id)
                        && !matches!(leader.merge, MergeRule::Follow(_) | MergeRule::Together(_))
                });
                if follows_cell {
                    return Ok(());
                }
                Err(self.invalid(format!(
                    "'{}' follows field {leader}, which is no cell with a rule of its own",
                    field.name
                )))
            }
            _ => Ok(()),
        }
    }

    fn invalid(&self, why: impl std::fmt::Display) -> Error {
        Error::new(
            ErrorCode::Invalid,
            format!("schema of table '{}': {why}", self.name),
        )
    }

    /// The field with this id.
    pub fn field(&self, id: u32) -> Option<&Field> {
        let position = self.fields.binary_search_by_key(&id, |field| field.id);
        position.ok().map(|position| &self.fields[position])
    }

    /// Position of a field by name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// Checks that `newer` may replace this schema: fields keep id and type, the key stays, new fields have new ids.
    pub fn check_evolution(&self, newer: &Schema) -> Result<()> {
        newer.validate()?;
        if newer.name != self.name || newer.key != self.key {
            return Err(newer.invalid("name and key of a table cannot change"));
        }
        if newer.target_rows != self.target_rows {
            return Err(newer.invalid(
                "the rows of a segment cannot change: equal rows would get another root",
            ));
        }
        let highest = self.fields.last().map_or(0, |field| field.id);
        for field in &newer.fields {
            match self.field(field.id) {
                Some(old) if old.kind != field.kind => {
                    return Err(newer.invalid(format!(
                        "field {} ('{}') cannot become another type; add a field with a new id",
                        field.id, field.name
                    )));
                }
                None if field.id <= highest => {
                    return Err(
                        newer.invalid(format!("field '{}' needs an id over {highest}", field.name))
                    );
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(id: u32, name: &str, kind: Type, merge: MergeRule) -> Field {
        Field {
            id,
            name: name.into(),
            kind,
            merge,
            content: false,
        }
    }

    fn sample() -> Schema {
        Schema {
            name: "t".into(),
            fields: vec![
                field(1, "key", Type::Text, MergeRule::Conflict),
                field(2, "data", Type::Json, MergeRule::Leaves),
                field(4, "who", Type::Fixed(3), MergeRule::Follow(2)),
            ],
            key: vec![1],
            target_rows: 8,
        }
    }

    #[test]
    fn golden_bytes() {
        let text = concat!(
            r#"{"fields":[{"id":1,"merge":"conflict","name":"key","type":"text"},"#,
            r#"{"id":2,"merge":"leaves","name":"data","type":"json"},"#,
            r#"{"id":4,"merge":{"follow":2},"name":"who","type":{"fixed":3}}],"#,
            r#""key":[1],"name":"t","target_rows":8}"#
        );
        assert_eq!(String::from_utf8(sample().to_bytes()).unwrap(), text);
        assert_eq!(Schema::from_bytes(text.as_bytes()).unwrap(), sample());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        type Damage = fn(&mut Schema);
        let damages: [Damage; 8] = [
            |s| s.target_rows = 0,
            |s| s.key = vec![],
            |s| s.key = vec![2],
            |s| s.key = vec![9],
            |s| s.fields[1].id = 1,
            |s| s.fields[1].name = "key".into(),
            |s| s.fields[2].merge = MergeRule::Leaves,
            |s| s.fields[2].merge = MergeRule::Together(2),
        ];
        for damage in damages {
            let mut schema = sample();
            damage(&mut schema);
            assert!(Schema::from_bytes(&schema.to_bytes()).is_err());
        }
    }

    #[test]
    fn evolution_adds_and_drops_fields_by_id() {
        let old = sample();
        let mut newer = sample();
        newer
            .fields
            .push(field(5, "new", Type::Int, MergeRule::Maximum));
        old.check_evolution(&newer).unwrap();
        newer.fields.remove(2);
        newer.fields[1].name = "renamed".into();
        old.check_evolution(&newer).unwrap();

        let mut reused = sample();
        reused
            .fields
            .insert(2, field(3, "old id", Type::Int, MergeRule::Conflict));
        assert!(old.check_evolution(&reused).is_err());
        let mut retyped = sample();
        retyped.fields[2].kind = Type::Fixed(4);
        assert!(old.check_evolution(&retyped).is_err());
        let mut recut = sample();
        recut.target_rows = 16;
        assert!(old.check_evolution(&recut).is_err());
    }
}
