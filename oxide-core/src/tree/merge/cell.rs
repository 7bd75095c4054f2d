//! Merging the cells of one row by the rules of their fields.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::error::{Error, Result};
use crate::rows::{self, Cell, Value};
use crate::schema::{Field, MergeRule, Schema, Type};
use crate::store::WriteObjects;

/// The outcome for one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowMerge {
    /// The merged row's value.
    Row(Vec<u8>),
    /// Ids of the fields in conflict.
    Conflict(Vec<u32>),
}

/// Whose version is taken where both sides changed the same in different ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// As it was before both changes.
    Base,
    /// As the one side has it.
    Ours,
    /// As the other side has it.
    Theirs,
}

/// Merges two versions of a row, cell by cell. Fields that the schema does not know are kept, and conflict when both sides
/// changed them.
pub fn merge_row(
    objects: &dyn WriteObjects,
    schema: &Schema,
    base: Option<&[u8]>,
    ours: &[u8],
    theirs: &[u8],
) -> Result<RowMerge> {
    let rows = [base.unwrap_or_default(), ours, theirs];
    let (row, contested) = merge_cells(objects, schema, rows, None)?;
    Ok(if contested.is_empty() {
        RowMerge::Row(row)
    } else {
        RowMerge::Conflict(contested)
    })
}

/// The row of a conflict, decided: contested cells, and of cells that merge by leaves the contested leaves, are those of one
/// side; everything else is merged. Where a side has no row, what it decides is the row as a whole, unless the absence of a
/// row only says that there are no leaves.
pub fn decide_row(
    objects: &dyn WriteObjects,
    schema: &Schema,
    base: Option<&[u8]>,
    ours: Option<&[u8]>,
    theirs: Option<&[u8]>,
    side: Side,
) -> Result<Option<Vec<u8>>> {
    let taken = match side {
        Side::Base => base,
        Side::Ours => ours,
        Side::Theirs => theirs,
    };
    let only_leaves = holds_only_leaves(schema);
    if !only_leaves && (taken.is_none() || ours.is_none() || theirs.is_none()) {
        return Ok(taken.map(<[u8]>::to_vec));
    }
    let rows = [base, ours, theirs].map(Option::unwrap_or_default);
    let (row, _) = merge_cells(objects, schema, rows, Some(side))?;
    Ok((!only_leaves || has_leaves(schema, &row)?).then_some(row))
}

/// Whether rows of a table say nothing but leaves, so that no row and one without leaves say the same.
pub fn holds_only_leaves(schema: &Schema) -> bool {
    let mut values = schema
        .fields
        .iter()
        .filter(|field| !schema.key.contains(&field.id));
    values.clone().any(|field| field.merge == MergeRule::Leaves)
        && values.all(|field| !matches!(field.merge, MergeRule::Conflict | MergeRule::Together(_)))
}

/// Whether a row of such a table says anything.
pub fn has_leaves(schema: &Schema, row: &[u8]) -> Result<bool> {
    for cell in rows::cells(row) {
        let field = schema.field(cell?.field);
        if field.is_none_or(|field| field.merge == MergeRule::Leaves) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Merges base, ours and theirs: the row, and the ids of the contested fields, which a side that is `favoured` gives.
fn merge_cells(
    objects: &dyn WriteObjects,
    schema: &Schema,
    [base, ours, theirs]: [&[u8]; 3],
    favoured: Option<Side>,
) -> Result<(Vec<u8>, Vec<u32>)> {
    let mut versions: BTreeMap<u32, Versions> = BTreeMap::new();
    for cell in rows::cells(base) {
        let cell = cell?;
        versions.entry(cell.field).or_default().base = Some(cell.bytes);
    }
    for cell in rows::cells(ours) {
        let cell = cell?;
        versions.entry(cell.field).or_default().ours = Some(cell.bytes);
    }
    for cell in rows::cells(theirs) {
        let cell = cell?;
        versions.entry(cell.field).or_default().theirs = Some(cell.bytes);
    }
    let merger = Merger {
        objects,
        schema,
        versions: &versions,
        favoured,
    };
    let mut row = Vec::new();
    let mut conflicts = Vec::new();
    for (&id, cell) in &versions {
        match merger.decide(id, cell)? {
            Decision::Ours => row.extend_from_slice(cell.ours.unwrap_or_default()),
            Decision::Theirs => row.extend_from_slice(cell.theirs.unwrap_or_default()),
            Decision::Mixed(bytes) => row.extend(bytes),
            Decision::Conflict => match favoured {
                Some(Side::Base) => row.extend_from_slice(cell.base.unwrap_or_default()),
                Some(Side::Ours) => row.extend_from_slice(cell.ours.unwrap_or_default()),
                Some(Side::Theirs) => row.extend_from_slice(cell.theirs.unwrap_or_default()),
                None => conflicts.push(merger.named(id)),
            },
        }
    }
    conflicts.sort_unstable();
    conflicts.dedup();
    Ok((row, conflicts))
}

/// One field's cell in the three rows, with tags; `None` is null.
#[derive(Clone, Copy, Default)]
struct Versions<'a> {
    base: Option<&'a [u8]>,
    ours: Option<&'a [u8]>,
    theirs: Option<&'a [u8]>,
}

impl Versions<'_> {
    /// Both sides changed the cell, differently.
    fn contested(&self) -> bool {
        self.ours != self.theirs && self.ours != self.base && self.theirs != self.base
    }
}

/// Which version of a cell stays.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Decision {
    Ours,
    Theirs,
    Mixed(Vec<u8>),
    Conflict,
}

impl Decision {
    fn larger(order: Ordering) -> Decision {
        match order {
            Ordering::Less => Decision::Theirs,
            _ => Decision::Ours,
        }
    }
}

struct Merger<'a> {
    objects: &'a dyn WriteObjects,
    schema: &'a Schema,
    versions: &'a BTreeMap<u32, Versions<'a>>,
    favoured: Option<Side>,
}

impl Merger<'_> {
    fn decide(&self, id: u32, cell: &Versions) -> Result<Decision> {
        let field = self.schema.field(id);
        let rule = field.map_or(MergeRule::Conflict, |field| field.merge);
        if let MergeRule::Together(leader) = rule {
            return Ok(self.together(leader));
        }
        if rule == MergeRule::Conflict && self.leads(id) {
            return Ok(self.together(id));
        }
        if let MergeRule::Follow(leader) = rule {
            return self.follow(leader, cell);
        }
        if !cell.contested() {
            let theirs_changed = cell.ours == cell.base && cell.theirs != cell.base;
            return Ok(if theirs_changed {
                Decision::Theirs
            } else {
                Decision::Ours
            });
        }
        match (rule, field) {
            (MergeRule::Derived, _) => Ok(Decision::larger(cell.ours.cmp(&cell.theirs))),
            (MergeRule::Maximum, Some(field)) => self.maximum(field, cell),
            (MergeRule::Leaves, Some(field)) => self.leaves(field, cell),
            _ => Ok(Decision::Conflict),
        }
    }

    /// The field that a conflict of this one is told by.
    fn named(&self, id: u32) -> u32 {
        match self.schema.field(id).map(|field| field.merge) {
            Some(MergeRule::Together(leader)) => leader,
            _ => id,
        }
    }

    /// Whether other fields are one cell with this one.
    fn leads(&self, id: u32) -> bool {
        let mut fields = self.schema.fields.iter();
        fields.any(|field| field.merge == MergeRule::Together(id))
    }

    /// One decision for a leader and all that are one cell with it.
    fn together(&self, leader: u32) -> Decision {
        let fields = self.schema.fields.iter();
        let (mut differ, mut ours_changed, mut theirs_changed) = (false, false, false);
        for field in fields.filter(|f| f.id == leader || f.merge == MergeRule::Together(leader)) {
            let cell = self.versions.get(&field.id).copied().unwrap_or_default();
            differ |= cell.ours != cell.theirs;
            ours_changed |= cell.ours != cell.base;
            theirs_changed |= cell.theirs != cell.base;
        }
        match (differ, ours_changed, theirs_changed) {
            (true, true, true) => Decision::Conflict,
            (true, false, _) => Decision::Theirs,
            _ => Decision::Ours,
        }
    }

    /// The side that won a contest for the leader gives this cell too, changed or not: the two belong together. Without such
    /// a contest the side that changed this cell gives it, and of two the one that changed the leader.
    fn follow(&self, leader: u32, cell: &Versions) -> Result<Decision> {
        let leading = self.versions.get(&leader).copied().unwrap_or_default();
        let ours_only = cell.theirs == cell.base;
        let theirs_only = cell.ours == cell.base;
        Ok(match self.decide(leader, &leading)? {
            _ if cell.ours == cell.theirs => Decision::Ours,
            winner @ (Decision::Ours | Decision::Theirs) if leading.contested() => winner,
            _ if ours_only => Decision::Ours,
            _ if theirs_only => Decision::Theirs,
            winner @ (Decision::Ours | Decision::Theirs) if leading.ours != leading.theirs => {
                winner
            }
            _ => Decision::larger(cell.ours.cmp(&cell.theirs)),
        })
    }

    fn maximum(&self, field: &Field, cell: &Versions) -> Result<Decision> {
        let ours = self.value(field, cell.ours)?;
        let theirs = self.value(field, cell.theirs)?;
        let order = match (&ours, &theirs) {
            (Value::Null, _) => Ordering::Less,
            (_, Value::Null) => Ordering::Greater,
            (Value::Int(a), Value::Int(b)) => a.cmp(b),
            (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
            _ => cell.ours.cmp(&cell.theirs),
        };
        Ok(Decision::larger(order))
    }

    fn leaves(&self, field: &Field, cell: &Versions) -> Result<Decision> {
        let base = self.json(field, cell.base)?;
        let ours = self.json(field, cell.ours)?;
        let theirs = self.json(field, cell.theirs)?;
        let three = [base.as_ref(), ours.as_ref(), theirs.as_ref()];
        let Ok(merged) = merge_leaves(three, self.favoured) else {
            return Ok(Decision::Conflict);
        };
        let has_leaves = |merged: &Json| merged.as_object().is_none_or(|leaves| !leaves.is_empty());
        let Some(merged) = merged.filter(has_leaves) else {
            return Ok(Decision::Mixed(Vec::new()));
        };
        let value = Value::Text(merged.to_string());
        rows::encode_cell(self.objects, self.schema, field, value).map(Decision::Mixed)
    }

    fn json(&self, field: &Field, bytes: Option<&[u8]>) -> Result<Option<Json>> {
        match self.value(field, bytes)? {
            Value::Text(text) => serde_json::from_str(&text).map_err(|error| {
                Error::integrity(format!(
                    "a cell of field '{}' of table '{}' is no JSON: {error}",
                    field.name, self.schema.name
                ))
            }),
            _ => Ok(None),
        }
    }

    fn value(&self, field: &Field, bytes: Option<&[u8]>) -> Result<Value> {
        let Some(bytes) = bytes else {
            return Ok(Value::Null);
        };
        let cell = Cell {
            field: field.id,
            bytes,
        };
        let value = cell.decode(self.schema, field)?;
        if field.kind != Type::Json {
            return Ok(value);
        }
        rows::resolve(self.objects, field.kind, value)
    }
}

/// Both sides changed one leaf differently.
struct LeafConflict;

/// Equality of the canonical texts: as numbers 0.0 and -0.0 are equal, and a merge must not depend on who is who.
fn same(a: Option<&Json>, b: Option<&Json>) -> bool {
    a == b && a.map(Json::to_string) == b.map(Json::to_string)
}

/// Merges base, ours and theirs by leaf path: objects are descended into, everything else (arrays too) is one leaf. An object
/// that one side removed has no leaves there, so that leaves which the other side added to it stay. With a side that is
/// `favoured` nothing is contested.
fn merge_leaves(
    [base, ours, theirs]: [Option<&Json>; 3],
    favoured: Option<Side>,
) -> std::result::Result<Option<Json>, LeafConflict> {
    if same(ours, theirs) || same(theirs, base) {
        return Ok(ours.cloned());
    }
    if same(ours, base) {
        return Ok(theirs.cloned());
    }
    let none = Map::new();
    let (ours_within, theirs_within) = match (base, ours, theirs) {
        (_, Some(Json::Object(ours)), Some(Json::Object(theirs))) => (ours, theirs),
        (Some(Json::Object(_)), Some(Json::Object(ours)), None) => (ours, &none),
        (Some(Json::Object(_)), None, Some(Json::Object(theirs))) => (&none, theirs),
        _ => {
            return match favoured {
                Some(Side::Base) => Ok(base.cloned()),
                Some(Side::Ours) => Ok(ours.cloned()),
                Some(Side::Theirs) => Ok(theirs.cloned()),
                None => Err(LeafConflict),
            }
        }
    };
    let within = base.and_then(Json::as_object).unwrap_or(&none);
    let mut merged = Map::new();
    let only_theirs = theirs_within
        .keys()
        .filter(|key| !ours_within.contains_key(*key));
    for key in ours_within.keys().chain(only_theirs) {
        let three = [
            within.get(key),
            ours_within.get(key),
            theirs_within.get(key),
        ];
        if let Some(value) = merge_leaves(three, favoured)? {
            merged.insert(key.clone(), value);
        }
    }
    let is_empty = |side: Option<&Json>| side.and_then(Json::as_object).is_some_and(Map::is_empty);
    let stays = !merged.is_empty() || is_empty(ours) || is_empty(theirs);
    Ok(stays.then_some(Json::Object(merged)))
}
