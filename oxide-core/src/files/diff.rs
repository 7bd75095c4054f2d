//! Differences of two `files` tables, with renames.

use std::collections::HashMap;

use super::{FileRow, ItemId};
use crate::error::Result;
use crate::hash::Id;
use crate::paths::is_within;
use crate::store::ReadObjects;
use crate::tree::{self, RowChange};

/// Differences of two `files` tables. Sorted by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileChanges {
    /// Only in the second.
    pub added: Vec<FileRow>,
    /// In both, but not equal: content, kind or executable bit, or a new item took the path: (before, after).
    pub modified: Vec<(FileRow, FileRow)>,
    /// Only in the first.
    pub removed: Vec<FileRow>,
    /// The same item under another path: (before, after). The content may differ too.
    pub renamed: Vec<(FileRow, FileRow)>,
    /// Number of files in both that are equal but for what is known of their media.
    pub facts: u64,
}

/// Differences of two `files` tables, limited to `paths` and what is below them (empty: all).
pub fn diff(
    objects: &dyn ReadObjects,
    before: &Id,
    after: &Id,
    paths: &[String],
) -> Result<FileChanges> {
    let within = |row: &FileRow| paths.is_empty() || paths.iter().any(|p| is_within(&row.path, p));
    let mut changes = FileChanges::default();
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    tree::visit_diff(objects, before, after, &mut |change| {
        let (old, new) = decode_change(&change)?;
        let (old, new) = (old.filter(within), new.filter(within));
        match (old, new) {
            (Some(old), Some(new)) if old.item == new.item && old.same_file(&new) => {
                changes.facts += 1;
            }
            (Some(old), Some(new)) if old.item == new.item => changes.modified.push((old, new)),
            (old, new) => {
                removed.extend(old);
                added.extend(new);
            }
        }
        Ok(())
    })?;

    let mut removed_items: HashMap<ItemId, FileRow> =
        removed.into_iter().map(|row| (row.item, row)).collect();
    for new in added {
        match removed_items.remove(&new.item) {
            Some(old) => changes.renamed.push((old, new)),
            None => changes.added.push(new),
        }
    }
    // What is left on one path is a file that another one took the place of.
    let mut left: HashMap<String, FileRow> = removed_items
        .into_values()
        .map(|row| (row.path.clone(), row))
        .collect();
    for new in std::mem::take(&mut changes.added) {
        match left.remove(&new.path) {
            Some(old) => changes.modified.push((old, new)),
            None => changes.added.push(new),
        }
    }
    changes.removed = left.into_values().collect();
    changes.removed.sort_by(|a, b| a.path.cmp(&b.path));
    changes.modified.sort_by(|a, b| a.1.path.cmp(&b.1.path));
    Ok(changes)
}

/// Both rows of a change.
pub(super) fn decode_change(change: &RowChange) -> Result<(Option<FileRow>, Option<FileRow>)> {
    let decode = |value: &Option<Vec<u8>>| {
        let row = value
            .as_ref()
            .map(|value| FileRow::decode(&change.key, value));
        row.transpose()
    };
    Ok((decode(&change.before)?, decode(&change.after)?))
}
