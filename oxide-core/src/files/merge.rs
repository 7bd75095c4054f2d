//! Three-way merge of `files` and `items`. A file is matched by its item, so that a rename on one side and an edit on the
//! other meet in one row. Rows that neither side touched stand in all three trees and cannot get in each other's way; paths
//! are therefore only compared among the touched ones.

mod collisions;
mod items;

use std::collections::BTreeMap;

use super::diff::decode_change;
use super::{facts, files_schema, FileRoots, FileRow, ItemId};
use crate::error::Result;
use crate::hash::Id;
use crate::media::Facts;
use crate::segment::Change;
use crate::store::WriteObjects;
use crate::tree;

/// A file that a merge could not decide. The merged table holds the base's state of the item. Where each side added an item of
/// its own on one path, both are in one conflict.
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

/// Three-way merge of both tables, by item before path. `merge(b, o, t)` and `merge(b, t, o)` have equal roots and mirrored conflicts.
pub fn merge(
    objects: &dyn WriteObjects,
    base: &FileRoots,
    ours: &FileRoots,
    theirs: &FileRoots,
) -> Result<MergedFiles> {
    if ours == theirs || base == theirs {
        return Ok(settled(ours));
    }
    if base == ours {
        return Ok(settled(theirs));
    }
    let mut touched = touched_items(objects, base, ours, theirs)?;
    for item in touched.values_mut() {
        item.decide();
    }
    let rekeyed = collisions::resolve(&mut touched);
    let roots = FileRoots {
        files: write_files(objects, ours, &touched)?,
        items: items::merge(objects, base, ours, theirs, &touched)?,
    };
    Ok(MergedFiles {
        roots,
        conflicts: conflicts(touched),
        rekeyed,
    })
}

fn settled(roots: &FileRoots) -> MergedFiles {
    MergedFiles {
        roots: *roots,
        conflicts: Vec::new(),
        rekeyed: Vec::new(),
    }
}

/// An item that a side touched: its rows, and what becomes of it.
#[derive(Default)]
struct Touched {
    base: Option<FileRow>,
    ours: Option<FileRow>,
    theirs: Option<FileRow>,
    merged: Option<FileRow>,
    conflict: Option<&'static str>,
}

type TouchedItems = BTreeMap<ItemId, Touched>;

/// Every item whose row differs between the base and a side, with its rows in all three.
fn touched_items(
    objects: &dyn WriteObjects,
    base: &FileRoots,
    ours: &FileRoots,
    theirs: &FileRoots,
) -> Result<TouchedItems> {
    let our_side = side_changes(objects, &base.files, &ours.files)?;
    let their_side = side_changes(objects, &base.files, &theirs.files)?;
    let mut touched = TouchedItems::new();
    for (item, (before, _)) in our_side.iter().chain(&their_side) {
        let base = before.clone();
        touched.entry(*item).or_insert_with(|| Touched {
            ours: base.clone(),
            theirs: base.clone(),
            base,
            ..Touched::default()
        });
    }
    for (item, (_, after)) in our_side {
        touched.entry(item).or_default().ours = after;
    }
    for (item, (_, after)) in their_side {
        touched.entry(item).or_default().theirs = after;
    }
    Ok(touched)
}

/// An item's row in two tables.
type BeforeAfter = (Option<FileRow>, Option<FileRow>);

/// Rows before and after by item.
fn side_changes(
    objects: &dyn WriteObjects,
    base: &Id,
    side: &Id,
) -> Result<BTreeMap<ItemId, BeforeAfter>> {
    let mut changes: BTreeMap<ItemId, BeforeAfter> = BTreeMap::new();
    tree::visit_diff(objects, base, side, &mut |change| {
        let (before, after) = decode_change(&change)?;
        if let Some(row) = before {
            let item = row.item;
            changes.entry(item).or_default().0 = Some(row);
        }
        if let Some(row) = after {
            let item = row.item;
            changes.entry(item).or_default().1 = Some(row);
        }
        Ok(())
    })?;
    Ok(changes)
}

impl Touched {
    /// Merges the three rows, without regard to other items.
    fn decide(&mut self) {
        if self.ours == self.theirs || self.theirs == self.base {
            self.merged = self.ours.clone();
            return;
        }
        if self.ours == self.base {
            self.merged = self.theirs.clone();
            return;
        }
        let base = self.base.as_ref();
        let (Some(ours), Some(theirs)) = (&self.ours, &self.theirs) else {
            // What is known of a file's media is no edit that its removal could lose.
            let kept = self.ours.as_ref().or(self.theirs.as_ref());
            if kept
                .zip(base)
                .is_some_and(|(kept, base)| kept.same_file(base))
            {
                self.merged = None;
                return;
            }
            return self.give_up("removed");
        };
        let content = pick(base.map(content), content(ours), content(theirs));
        let path = pick(base.map(|row| &row.path), &ours.path, &theirs.path);
        let executable = pick(
            base.map(|row| row.executable),
            ours.executable,
            theirs.executable,
        );
        let (content, path, executable) = match (content, path, executable) {
            (Some(content), Some(path), Some(executable)) => (content, path, executable),
            (None, ..) => return self.give_up("content"),
            (_, None, _) => return self.give_up("path"),
            _ => return self.give_up("executable"),
        };
        self.merged = Some(FileRow {
            facts: facts_of(&content.0, ours, theirs),
            path: path.clone(),
            content: content.0,
            size: content.1,
            item: ours.item,
            sha256: content.2,
            kind: content.3,
            executable,
        });
    }

    /// Back to the base's state; the first reason stays.
    fn give_up(&mut self, reason: &'static str) {
        self.merged = self.base.clone();
        self.conflict.get_or_insert(reason);
    }
}

/// The facts that belong to a content: they come from where it does.
fn facts_of(content: &Id, ours: &FileRow, theirs: &FileRow) -> Option<Box<Facts>> {
    match (ours.content == *content, theirs.content == *content) {
        (true, false) => ours.facts.clone(),
        (false, true) => theirs.facts.clone(),
        _ => facts::better(ours, theirs),
    }
}

/// The cells that make up the content.
fn content(row: &FileRow) -> (Id, u64, [u8; 32], super::FileType) {
    (row.content, row.size, row.sha256, row.kind)
}

/// The cell that both sides agree on or that one side changed; `None` is a conflict.
fn pick<T: PartialEq>(base: Option<T>, ours: T, theirs: T) -> Option<T> {
    if ours == theirs || base.as_ref() == Some(&theirs) {
        Some(ours)
    } else if base.as_ref() == Some(&ours) {
        Some(theirs)
    } else {
        None
    }
}

/// Our `files` with the touched items brought to their merged state.
fn write_files(objects: &dyn WriteObjects, ours: &FileRoots, touched: &TouchedItems) -> Result<Id> {
    let differing = || touched.values().filter(|item| item.ours != item.merged);
    let leaving = differing().filter_map(|item| item.ours.as_ref());
    let coming = differing().filter_map(|item| item.merged.as_ref());
    // Of one key the last change counts: a path that one item leaves and another takes is set.
    let removals = leaving.map(|row| (FileRow::key(&row.path), None));
    let changes: Vec<Change> = removals
        .chain(coming.map(|row| {
            let (key, value) = row.encode();
            (key, Some(value))
        }))
        .collect();
    tree::edit(objects, files_schema(), &ours.files, changes)
}

fn conflicts(touched: TouchedItems) -> Vec<FileConflict> {
    let mut conflicts: Vec<FileConflict> = touched
        .into_values()
        .filter_map(|item| {
            let named = item.ours.as_ref().or(item.theirs.as_ref());
            Some(FileConflict {
                path: named.or(item.base.as_ref())?.path.clone(),
                reason: item.conflict?,
                base: item.base,
                ours: item.ours,
                theirs: item.theirs,
            })
        })
        .collect();
    // By path, and within one path our new item before theirs.
    conflicts.sort_by(|a, b| (&a.path, a.ours.is_none()).cmp(&(&b.path, b.ours.is_none())));
    conflicts.dedup_by(|theirs, ours| {
        let both_new = ours.base.is_none() && theirs.base.is_none();
        let pair = ours.path == theirs.path && ours.theirs.is_none() && theirs.ours.is_none();
        if both_new && pair {
            ours.theirs = theirs.theirs.take();
        }
        both_new && pair
    });
    conflicts
}
