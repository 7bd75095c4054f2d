//! Differences of two `files` tables, with renames.

use super::FileRow;
use crate::error::Result;
use crate::hash::Id;
use crate::store::ReadObjects;

/// Differences of two `files` tables. Sorted by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileChanges {
    /// Only in the second.
    pub added: Vec<FileRow>,
    /// In both with different content, kind or executable bit: (before, after).
    pub modified: Vec<(FileRow, FileRow)>,
    /// Only in the first.
    pub removed: Vec<FileRow>,
    /// The same item under another path: (before, after). The content may differ too.
    pub renamed: Vec<(FileRow, FileRow)>,
}

/// Differences of two `files` tables, limited to `paths` and what is below them (empty: all).
pub fn diff(
    objects: &dyn ReadObjects,
    before: &Id,
    after: &Id,
    paths: &[String],
) -> Result<FileChanges> {
    let _ = (objects, before, after, paths);
    todo!()
}
