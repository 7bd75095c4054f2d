//! Tables as content-defined trees: equal rows have an equal root whatever the history.

mod build;
mod cut;
mod diff;
mod edit;
mod merge;
mod page;
mod read;

pub use build::{build, empty};
pub use diff::{diff, visit_diff};
pub use edit::{edit, edit_sorted};
pub use merge::{decide_row, merge, merge_row, RowMerge, Side};
pub use page::empty_root;
pub use read::{
    entries, entries_between, get, get_many, len, page_children, scan, Children, RowVisitor,
};

use crate::hash::Id;

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

#[cfg(test)]
mod tests;
