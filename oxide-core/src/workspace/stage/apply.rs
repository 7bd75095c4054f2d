//! Staged changes applied to roots, which may have moved since.

use std::collections::HashMap;

use crate::error::Result;
use crate::files::{files_schema, items_schema, FileRoots, FileRow, ItemId, ItemRow};
use crate::segment::Change;
use crate::store::{Session, WriteObjects};
use crate::tree;
use crate::workspace::Staged;

/// Applies the changes; see [`crate::workspace::WorkingCopy::apply`].
pub(in crate::workspace) fn apply(
    session: &Session,
    staged: &Staged,
    roots: &FileRoots,
) -> Result<FileRoots> {
    if staged.files.is_empty() {
        return Ok(*roots);
    }
    if roots.files != staged.from {
        return apply_elsewhere(session, staged, roots);
    }
    let after = edit(
        session,
        roots,
        changes(&staged.files),
        changes(&staged.items),
    )?;
    *staged.applied.lock().expect("applied lock") = Some((roots.files, after.files));
    Ok(after)
}

fn edit(
    objects: &dyn WriteObjects,
    roots: &FileRoots,
    files: Vec<Change>,
    items: Vec<Change>,
) -> Result<FileRoots> {
    let edit = |schema, root, changes: Vec<Change>| match changes.is_empty() {
        true => Ok(root),
        false => tree::edit(objects, schema, &root, changes),
    };
    let (files, items) = rayon::join(
        || edit(files_schema(), roots.files, files),
        || edit(items_schema(), roots.items, items),
    );
    Ok(FileRoots {
        files: files?,
        items: items?,
    })
}

fn changes(rows: &[tree::RowChange]) -> Vec<Change> {
    rows.iter()
        .map(|row| (row.key.clone(), row.after.clone()))
        .collect()
}

/// Another process moved the table. The disk decides what a file is; which item it is was decided by whoever was first.
fn apply_elsewhere(session: &Session, staged: &Staged, roots: &FileRoots) -> Result<FileRoots> {
    let keys: Vec<Vec<u8>> = staged.files.iter().map(|row| row.key.clone()).collect();
    let current = tree::get_many(session, &roots.files, &keys)?;
    let mut items: HashMap<Vec<u8>, Option<Vec<u8>>> = changes(&staged.items).into_iter().collect();
    let mut files = Vec::with_capacity(keys.len());
    for (change, current) in staged.files.iter().zip(current) {
        let decode = |value: &Option<Vec<u8>>| match value {
            Some(value) => FileRow::decode(&change.key, value).map(Some),
            None => Ok(None),
        };
        let (before, after, current) = (
            decode(&change.before)?,
            decode(&change.after)?,
            decode(&current)?,
        );
        let expected = before.as_ref().map(|row| row.item);
        let held = current.as_ref().map(|row| row.item);
        let Some(mut after) = after else {
            if let Some(item) = held.filter(|item| Some(*item) != expected) {
                items.insert(ItemRow::key(&item), None);
            }
            files.push((change.key.clone(), None));
            continue;
        };
        if held != expected {
            match held {
                Some(item) => {
                    items.insert(ItemRow::key(&after.item), None);
                    after.item = item;
                }
                None => {
                    let (key, value) = item_row(staged, after.item).encode();
                    items.entry(key).or_insert(Some(value));
                }
            }
        }
        files.push(after_change(&after));
    }
    edit(session, roots, files, items.into_iter().collect())
}

fn after_change(row: &FileRow) -> Change {
    let (key, value) = row.encode();
    (key, Some(value))
}

fn item_row(staged: &Staged, item: ItemId) -> ItemRow {
    ItemRow {
        item,
        created: staged.now,
        creator: staged.creator.clone(),
    }
}
