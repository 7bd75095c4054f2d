//! Staged changes applied to roots, which may have moved since.

use std::collections::BTreeMap;

use super::items::new_item;
use crate::error::Result;
use crate::files::{files_schema, items_schema, FileRoots, FileRow, ItemRow};
use crate::segment::Change;
use crate::store::{Session, WriteObjects};
use crate::tree;
use crate::workspace::changes::FileChange;
use crate::workspace::Staged;

/// Applies the changes; see [`crate::workspace::WorkingCopy::apply`].
pub(in crate::workspace) fn apply(
    session: &Session,
    staged: &Staged,
    roots: &FileRoots,
) -> Result<FileRoots> {
    if staged.changes() == 0 {
        return Ok(*roots);
    }
    if roots.files != staged.from {
        return apply_elsewhere(session, staged, roots);
    }
    let after = edit(
        session,
        roots,
        &mut changed(staged).map(|change| match change.after {
            Some(after) => {
                let (key, value) = after.row(change.path).encode();
                (key, Some(value))
            }
            None => (FileRow::key(&change.text()), None),
        }),
        &mut staged.items.rows(staged.now, &staged.creator),
        staged.items.is_empty(),
    )?;
    *staged.applied.lock().expect("applied lock") = Some((roots.files, after.files));
    Ok(after)
}

/// The files whose rows change, by key.
fn changed(staged: &Staged) -> impl Iterator<Item = FileChange<'_>> {
    staged.files.by_key().filter(FileChange::is_change)
}

fn edit(
    objects: &dyn WriteObjects,
    roots: &FileRoots,
    files: &mut (dyn Iterator<Item = Change> + Send),
    items: &mut (dyn Iterator<Item = Change> + Send),
    same_items: bool,
) -> Result<FileRoots> {
    let (files, items) = rayon::join(
        || tree::edit_sorted(objects, files_schema(), &roots.files, files),
        || match same_items {
            true => Ok(roots.items),
            false => tree::edit_sorted(objects, items_schema(), &roots.items, items),
        },
    );
    Ok(FileRoots {
        files: files?,
        items: items?,
    })
}

/// Another process moved the table. The disk decides what a file is; which item it is was decided by whoever was first.
fn apply_elsewhere(session: &Session, staged: &Staged, roots: &FileRoots) -> Result<FileRoots> {
    let keys = changed(staged).map(|change| FileRow::key(&change.text()));
    let keys: Vec<Vec<u8>> = keys.collect();
    let current = tree::get_many(session, &roots.files, &keys)?;
    let items = staged.items.rows(staged.now, &staged.creator);
    let mut items: BTreeMap<Vec<u8>, Option<Vec<u8>>> = items.collect();
    let mut files = Vec::with_capacity(keys.len());
    for ((change, key), current) in changed(staged).zip(keys).zip(current) {
        let current = match current {
            Some(value) => Some(FileRow::decode(&key, &value)?),
            None => None,
        };
        let expected = change.before.map(|record| record.item);
        let held = current.map(|row| row.item);
        let Some(mut after) = change.after.copied() else {
            if let Some(item) = held.filter(|item| Some(*item) != expected) {
                items.insert(ItemRow::key(&item), None);
            }
            files.push((key, None));
            continue;
        };
        if held != expected {
            match held {
                Some(item) => {
                    items.insert(ItemRow::key(&after.item), None);
                    after.item = item;
                }
                None => {
                    let (key, value) = new_item(after.item, staged.now, &staged.creator);
                    items.entry(key).or_insert(Some(value));
                }
            }
        }
        files.push((key, Some(after.row(change.path).encode().1)));
    }
    let same_items = items.is_empty();
    edit(
        session,
        roots,
        &mut files.into_iter(),
        &mut items.into_iter(),
        same_items,
    )
}
