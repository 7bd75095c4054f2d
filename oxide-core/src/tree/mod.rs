//! Tables as content-defined trees: equal rows have an equal root whatever the history.

use crate::error::Result;
use crate::hash::Id;
use crate::schema::Schema;
use crate::segment::Change;
use crate::store::{ReadObjects, WriteObjects};

/// One segment of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Key of its last row.
    pub last_key: Vec<u8>,
    /// Number of its rows.
    pub rows: u64,
    /// The segment's id.
    pub id: Id,
}

/// A row that differs between two tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowChange {
    /// The row's key.
    pub key: Vec<u8>,
    /// Its value in the first table.
    pub before: Option<Vec<u8>>,
    /// Its value in the second.
    pub after: Option<Vec<u8>>,
}

/// A row that a merge could not decide. The merged table holds the base's row in its place, so that both directions of a
/// merge have one result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowConflict {
    /// The row's key.
    pub key: Vec<u8>,
    /// Field ids in conflict; empty when one side removed the row.
    pub fields: Vec<u32>,
    /// The row in the common base.
    pub base: Option<Vec<u8>>,
    /// The row on our side.
    pub ours: Option<Vec<u8>>,
    /// The row on their side.
    pub theirs: Option<Vec<u8>>,
}

/// The outcome of a merge.
#[derive(Clone, Debug)]
pub struct Merged {
    /// Root of the merged table.
    pub root: Id,
    /// What could not be decided, in key order.
    pub conflicts: Vec<RowConflict>,
}

/// Root of the empty table; stores its page.
pub fn empty(objects: &dyn WriteObjects) -> Result<Id> {
    let _ = objects;
    todo!()
}

/// Builds a table from rows in strictly ascending key order.
pub fn build(
    objects: &dyn WriteObjects,
    schema: &Schema,
    rows: &mut dyn Iterator<Item = (Vec<u8>, Vec<u8>)>,
) -> Result<Id> {
    let _ = (objects, schema, rows);
    todo!()
}

/// Applies changes (any order; the last one of a key counts) and returns the new root.
pub fn edit(
    objects: &dyn WriteObjects,
    schema: &Schema,
    root: &Id,
    changes: Vec<Change>,
) -> Result<Id> {
    let _ = (objects, schema, root, changes);
    todo!()
}

/// The table's segments in key order.
pub fn entries(objects: &dyn ReadObjects, root: &Id) -> Result<Vec<Entry>> {
    let _ = (objects, root);
    todo!()
}

/// Number of rows.
pub fn len(objects: &dyn ReadObjects, root: &Id) -> Result<u64> {
    let _ = (objects, root);
    todo!()
}

/// One row's value.
pub fn get(objects: &dyn ReadObjects, root: &Id, key: &[u8]) -> Result<Option<Vec<u8>>> {
    let _ = (objects, root, key);
    todo!()
}

/// Values of many rows, in the order of `keys`; opens each segment once.
pub fn get_many(
    objects: &dyn ReadObjects,
    root: &Id,
    keys: &[Vec<u8>],
) -> Result<Vec<Option<Vec<u8>>>> {
    let _ = (objects, root, keys);
    todo!()
}

/// Visits the rows whose key is in `[from, to)` (`to = None`: to the end) in key order, until the visitor returns false.
pub fn scan(
    objects: &dyn ReadObjects,
    root: &Id,
    from: &[u8],
    to: Option<&[u8]>,
    visit: &mut dyn FnMut(&[u8], &[u8]) -> Result<bool>,
) -> Result<()> {
    let _ = (objects, root, from, to, visit);
    todo!()
}

/// Rows that differ between two tables, in key order; equal segments are not opened.
pub fn diff(objects: &dyn ReadObjects, before: &Id, after: &Id) -> Result<Vec<RowChange>> {
    let _ = (objects, before, after);
    todo!()
}

/// Three-way merge by row and cell with the schema's rules.
pub fn merge(
    objects: &dyn WriteObjects,
    schema: &Schema,
    base: &Id,
    ours: &Id,
    theirs: &Id,
) -> Result<Merged> {
    let _ = (objects, schema, base, ours, theirs);
    todo!()
}
