//! The two fixed tables `files` and `items`: their schemas, their rows as structs, and their merge, which matches a file
//! by its item before its path.

use crate::error::Result;
use crate::hash::Id;
use crate::schema::Schema;
use crate::store::{ReadObjects, WriteObjects};

/// A 12-byte item id in ObjectId layout: seconds, random, counter; big-endian, so ordered by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId(pub [u8; 12]);

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileType {
    /// A regular file.
    File,
    /// A symbolic link; its content is the target's bytes.
    Link,
}

/// A row of `files`. Fields by id: 1 path (key), 2 content_id, 3 size, 4 item_id, 5 sha256, 6 link, 7 executable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRow {
    /// Path from the tree's root, `/` between names, in the UTF-8 mapping of [`crate::paths`].
    pub path: String,
    /// Identity of the content.
    pub content: Id,
    /// Length of the content in bytes.
    pub size: u64,
    /// The item that this file is.
    pub item: ItemId,
    /// SHA-256 of the content.
    pub sha256: [u8; 32],
    /// File or link.
    pub kind: FileType,
    /// Whether the owner may execute it.
    pub executable: bool,
}

/// A row of `items`. Fields by id: 1 item_id (key), 2 created, 3 creator, 4 hidden, 5 source_id, 6 source_item, 7 frame_index, 8 frame_time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemRow {
    /// The item.
    pub item: ItemId,
    /// When it was added, microseconds since 1970 UTC.
    pub created: i64,
    /// Who added it.
    pub creator: String,
}

/// Schema of `files` (target 32 768 rows).
pub fn files_schema() -> &'static Schema {
    todo!()
}

/// Schema of `items` (target 32 768 rows).
pub fn items_schema() -> &'static Schema {
    todo!()
}

impl FileRow {
    /// Canonical key and value.
    pub fn encode(&self) -> (Vec<u8>, Vec<u8>) {
        todo!()
    }
    /// From canonical key and value.
    pub fn decode(key: &[u8], value: &[u8]) -> Result<FileRow> {
        todo!("{key:?} {value:?}")
    }
    /// The key of a path.
    pub fn key(path: &str) -> Vec<u8> {
        todo!("{path}")
    }
    /// The path of a key.
    pub fn path_of(key: &[u8]) -> Result<String> {
        todo!("{key:?}")
    }
}

impl ItemRow {
    /// Canonical key and value.
    pub fn encode(&self) -> (Vec<u8>, Vec<u8>) {
        todo!()
    }
    /// The key of an item.
    pub fn key(item: &ItemId) -> Vec<u8> {
        todo!("{item:?}")
    }
}

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

/// Roots of both tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRoots {
    /// Root of `files`.
    pub files: Id,
    /// Root of `items`.
    pub items: Id,
}

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

/// `target` with the rows at and below `paths` replaced by those of `source` (empty `paths`: all). Items follow.
pub fn replace(
    objects: &dyn WriteObjects,
    target: &FileRoots,
    source: &FileRoots,
    paths: &[String],
) -> Result<FileRoots> {
    let _ = (objects, target, source, paths);
    todo!()
}
