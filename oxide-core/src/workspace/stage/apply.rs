//! Staged changes applied to roots, which may have moved since.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{item_id, random};
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
/// An item is one file's: a second file that would have it becomes a new one.
fn apply_elsewhere(session: &Session, staged: &Staged, roots: &FileRoots) -> Result<FileRoots> {
    let keys: Vec<Vec<u8>> = staged.files.iter().map(|row| row.key.clone()).collect();
    let current = tree::get_many(session, &roots.files, &keys)?;
    let taken = taken_meanwhile(session, staged, roots)?;
    let mut files = Vec::with_capacity(keys.len());
    let mut used = BTreeSet::new();
    let mut dropped = BTreeSet::new();
    for (change, current) in staged.files.iter().zip(current) {
        let item = |value: &Option<Vec<u8>>| match value {
            Some(value) => FileRow::decode(&change.key, value).map(|row| Some(row.item)),
            None => Ok(None),
        };
        let (expected, held) = (item(&change.before)?, item(&current)?);
        dropped.extend(held);
        let Some(after) = &change.after else {
            files.push((change.key.clone(), None));
            continue;
        };
        let mut after = FileRow::decode(&change.key, after)?;
        if held != expected {
            after.item = held.unwrap_or(after.item);
        }
        if taken.contains(&after.item) || used.contains(&after.item) {
            let seconds = staged.now.div_euclid(1_000_000) as u64;
            after.item = item_id(seconds, &random()?, 0);
        }
        used.insert(after.item);
        files.push(after_change(&after));
    }
    let items = item_changes(session, staged, roots, &used, &dropped)?;
    edit(session, roots, files, items)
}

/// Items of files that are not staged here and that another process added or renamed since.
fn taken_meanwhile(
    session: &Session,
    staged: &Staged,
    roots: &FileRoots,
) -> Result<BTreeSet<ItemId>> {
    let ours: HashSet<&[u8]> = staged.files.iter().map(|row| &*row.key).collect();
    let mut taken = BTreeSet::new();
    for change in tree::diff(session, &staged.from, &roots.files)? {
        if let Some(after) = change.after.filter(|_| !ours.contains(&*change.key)) {
            taken.insert(FileRow::decode(&change.key, &after)?.item);
        }
    }
    Ok(taken)
}

/// A row for every item that has a file now, none for those that have lost it.
fn item_changes(
    session: &Session,
    staged: &Staged,
    roots: &FileRoots,
    used: &BTreeSet<ItemId>,
    dropped: &BTreeSet<ItemId>,
) -> Result<Vec<Change>> {
    let rows: HashMap<Vec<u8>, Option<Vec<u8>>> = changes(&staged.items).into_iter().collect();
    let keys: Vec<Vec<u8>> = used.iter().map(ItemRow::key).collect();
    let known = tree::get_many(session, &roots.items, &keys)?;
    let mut items = Vec::new();
    for ((item, key), known) in used.iter().zip(keys).zip(known) {
        if known.is_none() {
            let row = rows.get(&key).cloned().flatten();
            let row = row.unwrap_or_else(|| item_row(staged, *item).encode().1);
            items.push((key, Some(row)));
        }
    }
    let lost = dropped.difference(used);
    items.extend(lost.map(|item| (ItemRow::key(item), None)));
    Ok(items)
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
