//! Staging: reads, hashes and stores what changed, and says how the tables change.

mod apply;
mod collisions;
mod items;
mod small;
mod take;

use std::collections::HashSet;
use std::os::fd::BorrowedFd;
use std::sync::Mutex;

use super::changes::{Changes, FileChange};
use super::disk;
use super::reference;
use super::rename::{self, Identities};
use super::stat_index::{Index, Record};
use super::walk::{self, FoundFiles, Untracked};
use super::{Skipped, StageRequest, Staged};
use crate::error::{Error, ErrorCode, Result};
use crate::files::{FileRow, ItemId};
use crate::paths;
use crate::progress::Progress;
use crate::store::{ReadObjects, Session};
use crate::tree;
pub(super) use apply::apply;
pub(super) use items::ItemChanges;

/// Stages what `request` names; see [`super::WorkingCopy::stage`].
pub(super) fn stage(
    index: &Index,
    root: BorrowedFd<'_>,
    session: &Session,
    request: &StageRequest<'_>,
    progress: &Progress,
) -> Result<Staged> {
    let scopes: Vec<Vec<u8>> = request
        .paths
        .iter()
        .map(|path| paths::to_bytes(path.trim_end_matches('/')))
        .collect();
    progress.begin("scanning", 0, 0);
    let comparison = walk::Request {
        index,
        root,
        untracked: match request.tracked_only {
            true => Untracked::Leave,
            false => Untracked::List,
        },
        strict: true,
        progress,
    };
    let mut findings = {
        let _span = crate::trace::span("stage: walk");
        walk::compare(&comparison, &scopes)?
    };
    if request.by_reference {
        reference::add_unchanged(index, root, &scopes, &mut findings)?;
    }
    let links = take::Links {
        by_reference: request.by_reference,
        moved: reference::targets(session, &request.staged.files, &findings.removed)?,
    };
    let found = FoundFiles::new(std::mem::take(&mut findings.files));
    let mut taken = take::take(root, session, &found, &links, progress)?;
    let mut staged = Staged {
        skipped: std::mem::take(&mut findings.skipped),
        bytes: taken.bytes,
        ..Staged::on(request)
    };
    for (index, reason) in std::mem::take(&mut taken.skipped) {
        let path = found.range(index..index + 1).map(|found| found.path());
        staged.skipped.extend(path.map(|path| Skipped {
            path: paths::to_text(&path),
            reason: reason.clone(),
        }));
    }
    let mut changes = changes(found, taken);
    for (path, record) in std::mem::take(&mut findings.removed) {
        changes.push(&path, Some(&record), None);
    }
    changes.sort();
    add_files_in_the_way(index, &mut changes)?;
    assign_items(&mut changes, request)?;
    let identities = identify(&mut changes, session, request)?;
    let added = changes.by_key().filter(|change| change.before.is_none());
    let gone = |path: &[u8]| {
        changes
            .find(path)
            .is_some_and(|change| change.after.is_none())
    };
    staged.collisions = collisions::find(index, added, &gone)?;
    staged.items = ItemChanges::of(&changes, &identities, session, request)?;
    staged.renamed = identities.renamed;
    staged.files = changes;
    staged.empty_folders = findings
        .empty_folders
        .iter()
        .map(|p| paths::to_text(p))
        .collect();
    staged.empty_folders.sort_unstable();
    staged.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(staged)
}

/// What was read, with what was tracked before.
fn changes(found: FoundFiles, taken: take::Taken) -> Changes {
    let mut changes = Changes::with_capacity(found.len(), found.path_bytes());
    changes.set_records(taken.records, taken.facts);
    let mut places = taken.places.into_iter();
    for folder in found.into_folders() {
        for (found, place) in folder.iter().zip(places.by_ref()) {
            if let Some(place) = place {
                changes.push_known(found.folder, found.name, found.record, place as usize);
            }
        }
    }
    changes
}

/// Adds the removal of tracked files that have become the folder of a new one. They may lie outside of what was named.
fn add_files_in_the_way(index: &Index, changes: &mut Changes) -> Result<()> {
    let mut removals = Vec::new();
    let mut last: &[u8] = b"";
    for change in changes.iter().filter(|change| change.before.is_none()) {
        let mut folder = change.folder();
        if folder == last {
            continue;
        }
        last = folder;
        while !folder.is_empty() {
            if let Some(record) = index.find(folder)? {
                removals.push((folder.to_vec(), record));
            }
            folder = disk::split(folder).0;
        }
    }
    if removals.is_empty() {
        return Ok(());
    }
    for (path, record) in removals {
        changes.push(&path, Some(&record), None);
    }
    changes.sort();
    Ok(())
}

/// Gives every new file an item id, in path order.
fn assign_items(changes: &mut Changes, request: &StageRequest<'_>) -> Result<()> {
    let random = random()?;
    let seconds = request.now.div_euclid(1_000_000) as u64;
    changes.for_each_new(&mut |count, record| {
        record.item = item_id(seconds, &random, count as u64);
    });
    Ok(())
}

fn random() -> Result<[u8; 5]> {
    let mut random = [0; 5];
    getrandom::fill(&mut random)
        .map_err(|error| Error::new(ErrorCode::Io, format!("no random numbers: {error}")))?;
    Ok(random)
}

/// Seconds, random, counter; the counter carries into the seconds.
fn item_id(seconds: u64, random: &[u8; 5], count: u64) -> ItemId {
    let seconds = seconds.wrapping_add(count >> 24) as u32;
    let mut id = [0; 12];
    id[..4].copy_from_slice(&seconds.to_be_bytes());
    id[4..9].copy_from_slice(random);
    id[9..].copy_from_slice(&(count as u32).to_be_bytes()[1..]);
    ItemId(id)
}

/// Finds renamed and restored files and gives them the items that they are.
fn identify(
    changes: &mut Changes,
    objects: &dyn ReadObjects,
    request: &StageRequest<'_>,
) -> Result<Identities> {
    // What was never committed cannot have been removed or renamed.
    let base = request.base.filter(|base| base.files != tree::empty_root());
    let Some(base) = base else {
        return Ok(Identities::default());
    };
    let adds = changes.iter().any(|change| change.before.is_none());
    let removes = changes.iter().any(|change| change.after.is_none());
    let same_base = base.files == request.staged.files;
    if !(adds && removes || !same_base && (adds || removes)) {
        return Ok(Identities::default());
    }
    let _span = crate::trace::span("stage: renames");
    let earlier = match same_base {
        true => Vec::new(),
        false => tree::diff(objects, &base.files, &request.staged.files)?,
    };
    let row = |change: &FileChange<'_>, record: Option<&Record>| {
        record.map(|record| record.row(change.path))
    };
    let now: Vec<(Option<FileRow>, Option<FileRow>)> = changes
        .by_key()
        .filter(FileChange::is_change)
        .map(|change| (row(&change, change.before), row(&change, change.after)))
        .collect();
    let identities = rename::identify(&earlier, &now)?;
    let mut rekeyed = Vec::new();
    for (path, (_, item)) in &identities.taken {
        let bytes = paths::to_bytes(path);
        if let Some(record) = changes.after_mut(&bytes) {
            record.item = *item;
            continue;
        }
        // Added by an earlier call: its row takes the item now.
        let key = FileRow::key(path);
        let change = earlier.iter().find(|change| change.key == key);
        if let Some(value) = change.and_then(|change| change.after.as_ref()) {
            let before = changes.record_of(&FileRow::decode(&key, value)?);
            rekeyed.push((bytes, before, *item));
        }
    }
    if !rekeyed.is_empty() {
        for (path, before, item) in rekeyed {
            let after = Record { item, ..before };
            changes.push(&path, Some(&before), Some(&after));
        }
        changes.sort();
    }
    Ok(identities)
}

impl Staged {
    /// No change yet.
    fn on(request: &StageRequest<'_>) -> Staged {
        Staged {
            renamed: Vec::new(),
            skipped: Vec::new(),
            empty_folders: Vec::new(),
            collisions: Vec::new(),
            bytes: 0,
            files: Changes::default(),
            items: ItemChanges::default(),
            from: request.staged.files,
            applied: Mutex::new(None),
            now: request.now,
            creator: request.creator.to_string(),
        }
    }

    /// Paths that were new, sorted.
    pub fn added(&self) -> impl Iterator<Item = String> + '_ {
        let renamed: HashSet<&str> = self.renamed.iter().map(|(_, new)| new.as_str()).collect();
        let added = self.files.by_key().filter(|change| change.before.is_none());
        added
            .map(|change| change.text())
            .filter(move |path| !renamed.contains(path.as_str()))
    }

    /// Paths whose content, type or executable bit changed, sorted.
    pub fn modified(&self) -> impl Iterator<Item = String> + '_ {
        let same_item = |change: &FileChange<'_>| match (change.before, change.after) {
            (Some(before), Some(after)) => before.item == after.item,
            _ => false,
        };
        let changed = self.files.by_key().filter(FileChange::is_change);
        changed.filter(same_item).map(|change| change.text())
    }

    /// Paths that are gone, sorted.
    pub fn removed(&self) -> impl Iterator<Item = String> + '_ {
        let renamed: HashSet<&str> = self.renamed.iter().map(|(old, _)| old.as_str()).collect();
        let removed = self.files.by_key().filter(|change| change.after.is_none());
        removed
            .map(|change| change.text())
            .filter(move |path| !renamed.contains(path.as_str()))
    }

    /// Pictures and videos among what changes that are damaged, sorted: (path, reason).
    pub fn broken(&self) -> impl Iterator<Item = (String, &str)> + '_ {
        let changed = self.files.by_key().filter(FileChange::is_change);
        changed.filter_map(|change| {
            let facts = self.files.facts(change.after?)?;
            Some((change.text(), facts.broken.as_deref()?))
        })
    }

    /// Number of files whose row changes.
    pub fn changes(&self) -> usize {
        self.files.iter().filter(FileChange::is_change).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn item_ids_are_seconds_random_counter_with_carry() {
        let random = [1, 2, 3, 4, 5];
        assert_eq!(
            item_id(0x0102_0304, &random, 7).0,
            [1, 2, 3, 4, 1, 2, 3, 4, 5, 0, 0, 7]
        );
        assert_eq!(
            item_id(1, &random, (1 << 24) + 2).0,
            [0, 0, 0, 2, 1, 2, 3, 4, 5, 0, 0, 2]
        );
    }
}
