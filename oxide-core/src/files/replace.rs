//! Taking the state of some paths from another version.

use std::collections::HashSet;

use super::diff::decode_change;
use super::{files_schema, items_schema, FileRoots, FileRow, ItemId, ItemRow};
use crate::error::{Error, Result};
use crate::hash::Context;
use crate::paths::is_within;
use crate::segment::Change;
use crate::store::WriteObjects;
use crate::tree;

/// `target` with the rows at and below `paths` replaced by those of `source` (empty `paths`: all). Items follow.
///
/// An item that came back under its old path while it still lives under a new one outside of `paths` stays with the new
/// path; the row that came back gets an item derived from item and path, with the same creation. A file that stands where
/// a row that came back needs a folder gives way.
pub fn replace(
    objects: &dyn WriteObjects,
    target: &FileRoots,
    source: &FileRoots,
    paths: &[String],
) -> Result<FileRoots> {
    if paths.is_empty() {
        return Ok(*source);
    }
    let within = |row: &FileRow| paths.iter().any(|path| is_within(&row.path, path));
    let (mut leaving, mut coming) = (Vec::new(), Vec::new());
    tree::visit_diff(objects, &target.files, &source.files, &mut |change| {
        let (old, new) = decode_change(&change)?;
        leaving.extend(old.filter(within));
        coming.extend(new.filter(within));
        Ok(())
    })?;
    leaving.extend(files_in_the_way(objects, target, &coming)?);

    let source_items = fetch_items(objects, source, &coming)?;
    let left: HashSet<ItemId> = leaving.iter().map(|row| row.item).collect();
    let mut files: Vec<Change> = Vec::new();
    let mut items: Vec<Change> = Vec::new();
    for row in &leaving {
        files.push((FileRow::key(&row.path), None));
        items.push((ItemRow::key(&row.item), None));
    }
    for (mut row, item_value) in coming.into_iter().zip(source_items) {
        while !left.contains(&row.item)
            && tree::get(objects, &target.items, &ItemRow::key(&row.item))?.is_some()
        {
            row.item = derived_item(&row.item, &row.path);
        }
        items.push((ItemRow::key(&row.item), Some(item_value)));
        let (key, value) = row.encode();
        files.push((key, Some(value)));
    }
    Ok(FileRoots {
        files: tree::edit(objects, files_schema(), &target.files, files)?,
        items: tree::edit(objects, items_schema(), &target.items, items)?,
    })
}

/// Files of the target at a path that a coming row has as its folder.
fn files_in_the_way(
    objects: &dyn WriteObjects,
    target: &FileRoots,
    coming: &[FileRow],
) -> Result<Vec<FileRow>> {
    let folders: HashSet<&str> = coming
        .iter()
        .flat_map(|row| super::ancestors(&row.path))
        .collect();
    let keys: Vec<Vec<u8>> = folders.into_iter().map(FileRow::key).collect();
    let values = tree::get_many(objects, &target.files, &keys)?;
    keys.iter()
        .zip(values)
        .filter_map(|(key, value)| Some(FileRow::decode(key, &value?)))
        .collect()
}

/// The values of the rows' items.
fn fetch_items(
    objects: &dyn WriteObjects,
    roots: &FileRoots,
    rows: &[FileRow],
) -> Result<Vec<Vec<u8>>> {
    let keys: Vec<Vec<u8>> = rows.iter().map(|row| ItemRow::key(&row.item)).collect();
    let values = tree::get_many(objects, &roots.items, &keys)?;
    rows.iter()
        .zip(values)
        .map(|(row, value)| value.ok_or_else(|| missing_item(row)))
        .collect()
}

pub(super) fn missing_item(row: &FileRow) -> Error {
    Error::integrity(format!(
        "item {} of '{}' has no row in table 'items'",
        row.item, row.path
    ))
}

/// Another item for a path, always the same one; it keeps the time in the first bytes.
fn derived_item(item: &ItemId, path: &str) -> ItemId {
    let mut bytes = item.0.to_vec();
    bytes.extend_from_slice(path.as_bytes());
    let hash = Context::Content.id(&bytes).0;
    let mut derived = *item;
    derived.0[4..].copy_from_slice(&hash[..8]);
    derived
}
