//! The two fixed tables `files` and `items`: their schemas, their rows as structs, and their merge, which matches a file
//! by its item before its path.

mod diff;
mod facts;
mod merge;
mod replace;
mod rows;

pub use diff::{diff, FileChanges};
pub use merge::{merge, FileConflict, MergedFiles};
pub use replace::replace;
pub use rows::{
    builtin_schemas, earlier_files_schema, files_schema, is_files_schema, items_schema, FileRow,
    FileType, ItemId, ItemRow,
};

use crate::hash::Id;

/// Roots of both tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRoots {
    /// Root of `files`.
    pub files: Id,
    /// Root of `items`.
    pub items: Id,
}

/// The folders that a path is in, from the innermost.
pub(crate) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.rmatch_indices('/')
        .map(|(position, _)| &path[..position])
}

#[cfg(test)]
mod tests;
