//! Staging: reads, hashes and stores what changed, and says how the tables change.

mod apply;
mod collisions;
mod take;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::os::fd::BorrowedFd;
use std::sync::Mutex;

use super::reference;
use super::rename::{self, Identities};
use super::stat_index::Index;
use super::walk::{self, Untracked};
use super::{Skipped, StageRequest, Staged};
use crate::error::{Error, ErrorCode, Result};
use crate::files::{self, FileRow, ItemId, ItemRow};
use crate::paths;
use crate::progress::Progress;
use crate::store::{ReadObjects, Session};
use crate::tree::{self, RowChange};
pub(super) use apply::apply;

/// A file before and after, either of which may be missing.
type Pair = (Option<FileRow>, Option<FileRow>);

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
    let mut staged = Staged {
        skipped: std::mem::take(&mut findings.skipped),
        ..Staged::on(request)
    };
    let mut files = std::mem::take(&mut findings.changed);
    files.append(&mut findings.untracked);
    let links = take::Links {
        by_reference: request.by_reference,
        moved: reference::targets(session.store(), &findings.removed),
    };
    let mut pairs: BTreeMap<String, Pair> = BTreeMap::new();
    for (path, record) in &findings.removed {
        let row = record.row(path);
        pairs.insert(row.path.clone(), (Some(row), None));
    }
    for taken in take::take(root, session, files, &links, progress)? {
        staged.bytes += taken.bytes;
        let path = paths::to_text(&taken.path);
        match taken.outcome {
            Err(reason) => staged.skipped.push(Skipped { path, reason }),
            Ok(record) => {
                let before = taken.before.map(|before| before.row(&taken.path));
                let unchanged = taken.before.is_some_and(|before| before.same_file(&record));
                let mut after = record.row(&taken.path);
                if let Some(before) = &before {
                    after.item = before.item;
                }
                staged.seen.push((taken.path, record));
                if !unchanged {
                    pairs.insert(path, (before, Some(after)));
                }
            }
        }
    }
    let in_the_way = files_in_the_way(index, &pairs)?;
    pairs.extend(in_the_way);
    assign_items(&mut pairs, request)?;
    let identities = identify(&mut pairs, session, request)?;
    describe(&mut staged, index, &pairs, &identities)?;
    staged.items = item_changes(&pairs, &identities, session, request)?;
    staged.files = pairs.into_iter().map(file_change).collect();
    staged.empty_folders = findings
        .empty_folders
        .iter()
        .map(|p| paths::to_text(p))
        .collect();
    staged.empty_folders.sort_unstable();
    staged.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(staged)
}

/// Tracked files that have become the folder of a new one, with their removal. They may lie outside of what was named.
fn files_in_the_way(index: &Index, pairs: &BTreeMap<String, Pair>) -> Result<Vec<(String, Pair)>> {
    let new = pairs.iter().filter(|(_, (before, _))| before.is_none());
    let folders: BTreeSet<&str> = new.flat_map(|(path, _)| files::ancestors(path)).collect();
    let mut removals = Vec::new();
    for folder in folders {
        let path = paths::to_bytes(folder);
        if let Some(record) = index.find(&path)? {
            removals.push((folder.to_string(), (Some(record.row(&path)), None)));
        }
    }
    Ok(removals)
}

/// Gives every new file an item id, in path order.
fn assign_items(pairs: &mut BTreeMap<String, Pair>, request: &StageRequest<'_>) -> Result<()> {
    let random = random()?;
    let seconds = request.now.div_euclid(1_000_000) as u64;
    let new = pairs.values_mut().filter_map(|pair| match pair {
        (None, Some(after)) => Some(after),
        _ => None,
    });
    for (count, row) in new.enumerate() {
        row.item = item_id(seconds, &random, count as u64);
    }
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
    pairs: &mut BTreeMap<String, Pair>,
    objects: &dyn ReadObjects,
    request: &StageRequest<'_>,
) -> Result<Identities> {
    let Some(base) = &request.base else {
        return Ok(Identities::default());
    };
    let adds = pairs.values().any(|pair| pair.0.is_none());
    let removes = pairs.values().any(|pair| pair.1.is_none());
    let same_base = base.files == request.staged.files;
    if !(adds && removes || !same_base && (adds || removes)) {
        return Ok(Identities::default());
    }
    let _span = crate::trace::span("stage: renames");
    let earlier = match same_base {
        true => Vec::new(),
        false => tree::diff(objects, &base.files, &request.staged.files)?,
    };
    let now: Vec<Pair> = pairs.values().cloned().collect();
    let identities = rename::identify(&earlier, &now)?;
    for (path, (_, item)) in &identities.taken {
        if let Some((_, Some(row))) = pairs.get_mut(path) {
            row.item = *item;
            continue;
        }
        // Added by an earlier call: its row takes the item now.
        let key = FileRow::key(path);
        let change = earlier.iter().find(|change| change.key == key);
        if let Some(value) = change.and_then(|change| change.after.as_ref()) {
            let before = FileRow::decode(&key, value)?;
            let after = FileRow {
                item: *item,
                ..before.clone()
            };
            pairs.insert(path.clone(), (Some(before), Some(after)));
        }
    }
    Ok(identities)
}

/// Fills the lists that people read.
fn describe(
    staged: &mut Staged,
    index: &Index,
    pairs: &BTreeMap<String, Pair>,
    identities: &Identities,
) -> Result<()> {
    let old: HashSet<&str> = identities
        .renamed
        .iter()
        .map(|(old, _)| old.as_str())
        .collect();
    let new: HashSet<&str> = identities
        .renamed
        .iter()
        .map(|(_, new)| new.as_str())
        .collect();
    let mut added = Vec::new();
    for (path, pair) in pairs {
        if pair.0.is_none() {
            added.push(path.as_str());
        }
        match pair {
            (None, Some(_)) if !new.contains(path.as_str()) => staged.added.push(path.clone()),
            (Some(_), None) if !old.contains(path.as_str()) => staged.removed.push(path.clone()),
            (Some(before), Some(after)) if before.item == after.item => {
                staged.modified.push(path.clone());
            }
            _ => {}
        }
    }
    staged.renamed = identities.renamed.clone();
    let gone = |path: &str| pairs.get(path).is_some_and(|pair| pair.1.is_none());
    staged.collisions = collisions::find(index, &added, &gone)?;
    Ok(())
}

/// The `items` rows that appear and go with the files.
fn item_changes(
    pairs: &BTreeMap<String, Pair>,
    identities: &Identities,
    objects: &dyn ReadObjects,
    request: &StageRequest<'_>,
) -> Result<Vec<RowChange>> {
    let items = |side: fn(&Pair) -> &Option<FileRow>| -> BTreeSet<ItemId> {
        let rows = pairs.values().filter_map(|pair| side(pair).as_ref());
        rows.map(|row| row.item).collect()
    };
    let before = items(|pair| &pair.0);
    let after = items(|pair| &pair.1);
    let known: BTreeSet<ItemId> = identities.taken.values().map(|(_, item)| *item).collect();
    let (restored, fresh): (Vec<ItemId>, Vec<ItemId>) = after
        .difference(&before)
        .partition(|item| known.contains(item));
    let mut changes = Vec::new();
    for item in fresh {
        changes.push(new_item(item, request));
    }
    if let Some(base) = request.base.as_ref().filter(|_| !restored.is_empty()) {
        let keys: Vec<Vec<u8>> = restored.iter().map(ItemRow::key).collect();
        let values = tree::get_many(objects, &base.items, &keys)?;
        for (item, value) in restored.into_iter().zip(values) {
            changes.push(match value {
                None => new_item(item, request),
                after => RowChange {
                    key: ItemRow::key(&item),
                    before: None,
                    after,
                },
            });
        }
    }
    let lost: Vec<Vec<u8>> = before.difference(&after).map(ItemRow::key).collect();
    if !lost.is_empty() {
        let values = tree::get_many(objects, &request.staged.items, &lost)?;
        for (key, before) in lost.into_iter().zip(values) {
            if before.is_some() {
                changes.push(RowChange {
                    key,
                    before,
                    after: None,
                });
            }
        }
    }
    changes.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(changes)
}

fn new_item(item: ItemId, request: &StageRequest<'_>) -> RowChange {
    let row = ItemRow {
        item,
        created: request.now,
        creator: request.creator.to_string(),
    };
    let (key, value) = row.encode();
    RowChange {
        key,
        before: None,
        after: Some(value),
    }
}

fn file_change((path, (before, after)): (String, Pair)) -> RowChange {
    RowChange {
        key: FileRow::key(&path),
        before: before.map(|row| row.encode().1),
        after: after.map(|row| row.encode().1),
    }
}

impl Staged {
    /// No change yet.
    fn on(request: &StageRequest<'_>) -> Staged {
        Staged {
            added: Vec::new(),
            modified: Vec::new(),
            removed: Vec::new(),
            renamed: Vec::new(),
            skipped: Vec::new(),
            empty_folders: Vec::new(),
            collisions: Vec::new(),
            bytes: 0,
            files: Vec::new(),
            items: Vec::new(),
            from: request.staged.files,
            applied: Mutex::new(None),
            seen: Vec::new(),
            now: request.now,
            creator: request.creator.to_string(),
        }
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
