//! Staged changes applied to roots, which may have moved since.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::items::new_item;
use super::{item_id, random};
use crate::error::Result;
use crate::files::{files_schema, items_schema, FileRoots, FileRow, ItemId, ItemRow};
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
                let (key, value) = staged.files.row(change.path, after).encode();
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
/// An item is one file's: a second file that would have it becomes a new one.
fn apply_elsewhere(session: &Session, staged: &Staged, roots: &FileRoots) -> Result<FileRoots> {
    let keys = changed(staged).map(|change| FileRow::key(&change.text()));
    let keys: Vec<Vec<u8>> = keys.collect();
    let current = tree::get_many(session, &roots.files, &keys)?;
    let taken = taken_meanwhile(session, staged, roots, &keys)?;
    let mut files = Vec::with_capacity(keys.len());
    let mut used = BTreeSet::new();
    let mut dropped = BTreeSet::new();
    for ((change, key), current) in changed(staged).zip(keys).zip(current) {
        let held = match current {
            Some(value) => Some(FileRow::decode(&key, &value)?.item),
            None => None,
        };
        dropped.extend(held);
        let Some(mut after) = change.after.copied() else {
            files.push((key, None));
            continue;
        };
        if held != change.before.map(|record| record.item) {
            after.item = held.unwrap_or(after.item);
        }
        if taken.contains(&after.item) || used.contains(&after.item) {
            let seconds = staged.now.div_euclid(1_000_000) as u64;
            after.item = item_id(seconds, &random()?, 0);
        }
        used.insert(after.item);
        files.push((key, Some(staged.files.row(change.path, &after).encode().1)));
    }
    let items = item_changes(session, staged, roots, &used, &dropped)?;
    let same_items = items.is_empty();
    edit(
        session,
        roots,
        &mut files.into_iter(),
        &mut items.into_iter(),
        same_items,
    )
}

/// Items of files that are not staged here and that another process added or renamed since. `ours`: keys of those that are.
fn taken_meanwhile(
    session: &Session,
    staged: &Staged,
    roots: &FileRoots,
    ours: &[Vec<u8>],
) -> Result<BTreeSet<ItemId>> {
    let ours: HashSet<&[u8]> = ours.iter().map(Vec::as_slice).collect();
    let mut taken = BTreeSet::new();
    for change in tree::diff(session, &staged.from, &roots.files)? {
        if let Some(after) = change.after.filter(|_| !ours.contains(&*change.key)) {
            taken.insert(FileRow::decode(&change.key, &after)?.item);
        }
    }
    Ok(taken)
}

/// A row for every item that has a file now, none for those that have lost it, by key.
fn item_changes(
    session: &Session,
    staged: &Staged,
    roots: &FileRoots,
    used: &BTreeSet<ItemId>,
    dropped: &BTreeSet<ItemId>,
) -> Result<BTreeMap<Vec<u8>, Option<Vec<u8>>>> {
    let rows = staged.items.rows(staged.now, &staged.creator);
    let mut rows: BTreeMap<Vec<u8>, Option<Vec<u8>>> = rows.collect();
    let keys: Vec<Vec<u8>> = used.iter().map(ItemRow::key).collect();
    let known = tree::get_many(session, &roots.items, &keys)?;
    let lost = dropped.difference(used);
    let mut items: BTreeMap<Vec<u8>, Option<Vec<u8>>> =
        lost.map(|item| (ItemRow::key(item), None)).collect();
    for ((item, key), known) in used.iter().zip(keys).zip(known) {
        if known.is_none() {
            let row = rows.remove(&key).flatten();
            let row = row.unwrap_or_else(|| new_item(*item, staged.now, &staged.creator).1);
            items.insert(key, Some(row));
        }
    }
    Ok(items)
}
