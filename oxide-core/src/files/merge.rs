//! Three-way merge of `files` and `items`.

use super::{FileRoots, FileRow, ItemId};
use crate::error::Result;
use crate::store::WriteObjects;

/// A file that a merge could not decide. The merged table holds the base's state of the item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileConflict {
    /// The path to name it by: ours, else theirs, else the base's.
    pub path: String,
    /// `content`, `executable`, `path` (renamed differently), `removed` (removed on one side, changed on the other),
    /// `added` (two items on one path) or `folder` (a file where the other side has a folder).
    pub reason: &'static str,
    /// The row in the base.
    pub base: Option<FileRow>,
    /// Our row.
    pub ours: Option<FileRow>,
    /// Their row.
    pub theirs: Option<FileRow>,
}

/// The outcome of merging both tables.
#[derive(Clone, Debug)]
pub struct MergedFiles {
    /// The merged roots.
    pub roots: FileRoots,
    /// What could not be decided, by path.
    pub conflicts: Vec<FileConflict>,
    /// Items that were added on both sides as one path with one content: (dropped id, kept smaller id).
    pub rekeyed: Vec<(ItemId, ItemId)>,
}

/// Three-way merge of both tables. `merge(b, o, t)` and `merge(b, t, o)` have equal roots and mirrored conflicts.
pub fn merge(
    objects: &dyn WriteObjects,
    base: &FileRoots,
    ours: &FileRoots,
    theirs: &FileRoots,
) -> Result<MergedFiles> {
    let _ = (objects, base, ours, theirs);
    todo!()
}
