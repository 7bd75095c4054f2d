//! The stat index: how each tracked file looked when its content was last known. A sorted, memory-mapped base
//! (`.oxide/index/stat`) and a small journal of later changes beside it (`.oxide/index/stat.journal`).
//!
//! All of it is derived. A damaged index is forgotten and built again from the staged table; it costs one hashing of
//! the working files, never an error. Readers take no lock; writers take a short one.

mod base;
mod journal;
mod rewrite;
mod update;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, ErrorCode, Result};
use crate::files::{FileRow, FileType, ItemId};
use crate::fsx;
use crate::hash::Id;
use crate::paths;
use crate::store::ReadObjects;
use crate::tree;

use super::changes::{Changes, FileChange};
use super::disk::{self, DiskKind, DiskStat};
use super::known_facts::FactsPlace;
use base::Base;
use rewrite::{Seen, Sources};
#[cfg(test)]
use update::write_base;
pub(crate) use update::{discard, refresh, update, Known, Update};

/// The operation number of an index that was built without knowing one.
pub(crate) const UNKNOWN_OPERATION: u64 = u64::MAX;

/// Times and identity of a file on disk. Packed, since a record of each file is held in memory while many are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(Rust, packed(4))]
pub(crate) struct FileStat {
    pub(crate) mtime: i64,
    pub(crate) ctime: i64,
    pub(crate) inode: u64,
}

/// A tracked file: its row but for the path, and how it looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// `None` when the disk was never seen with this content.
    pub(crate) stat: Option<FileStat>,
    /// Modified so shortly before it was read that equal times prove nothing (git's racy rule).
    pub(crate) racy: bool,
    pub(crate) kind: FileType,
    pub(crate) executable: bool,
    pub(crate) size: u64,
    pub(crate) content: Id,
    pub(crate) item: ItemId,
    pub(crate) sha256: [u8; 32],
    /// Facts that were read with the content, among those of the changes that this record is part of. An index has none.
    pub(crate) facts: Option<FactsPlace>,
}

impl Record {
    /// A row whose file has not been seen on disk.
    pub(crate) fn unseen(row: &FileRow) -> Record {
        Record {
            stat: None,
            racy: false,
            kind: row.kind,
            executable: row.executable,
            size: row.size,
            content: row.content,
            item: row.item,
            sha256: row.sha256,
            facts: None,
        }
    }

    /// The same file as if it had not been seen on disk.
    pub(crate) fn not_seen(self) -> Record {
        Record {
            stat: None,
            racy: false,
            ..self
        }
    }

    /// The row of this file, without facts.
    pub(crate) fn row(&self, path: &[u8]) -> FileRow {
        FileRow {
            path: paths::to_text(path),
            content: self.content,
            size: self.size,
            item: self.item,
            sha256: self.sha256,
            kind: self.kind,
            executable: self.executable,
            facts: None,
        }
    }

    /// Whether both stand for the same bytes, type and executable bit.
    pub(crate) fn same_file(&self, other: &Record) -> bool {
        self.content == other.content
            && self.kind == other.kind
            && self.executable == other.executable
    }

    /// Type and executable bit of a file on disk.
    pub(crate) fn same_kind(&self, disk: &DiskStat) -> bool {
        self.is_kind(disk.kind, disk.executable)
    }

    /// See [`Record::same_kind`].
    pub(crate) fn is_kind(&self, kind: DiskKind, executable: bool) -> bool {
        let expected = match self.kind {
            FileType::File => DiskKind::File,
            FileType::Link | FileType::Reference => DiskKind::Link,
        };
        kind == expected && executable == self.executable
    }

    /// Whether the disk proves by itself that the content is unchanged.
    pub(crate) fn unchanged(&self, disk: &DiskStat) -> bool {
        !self.racy
            // A reference has the size of the file elsewhere; a link cannot change but by being replaced.
            && (self.size == disk.size || self.kind == FileType::Reference)
            && self.same_kind(disk)
            && self.stat
                == Some(FileStat {
                    mtime: disk.mtime,
                    ctime: disk.ctime,
                    inode: disk.inode,
                })
    }

    /// The same file as it looked when it was read after `read_at`.
    pub(crate) fn seen(mut self, disk: &DiskStat, read_at: i64) -> Record {
        self.stat = Some(FileStat {
            mtime: disk.mtime,
            ctime: disk.ctime,
            inode: disk.inode,
        });
        self.racy = disk.is_racy(read_at);
        self
    }
}

/// How long the system may take to bring what a program wrote to the disk: what lies further back than this from the last
/// moment that is known of a run of the machine was on the disk when that run ended.
const WRITTEN_BACK_NANOSECONDS: i64 = 600 * 1_000_000_000;

/// Changes over the base: by folder, by name; `None` for what is not tracked any more.
pub(crate) type Overlay = BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Option<Record>>>;

/// The index as a reader sees it.
pub(crate) struct Index {
    base: Base,
    overlay: Overlay,
    /// Entries in the journal.
    journaled: usize,
    /// The journal cannot be appended to: it is torn, or belongs to another base or another run of the machine.
    broken_journal: bool,
    /// The operation whose result the working copy is.
    pub(crate) operation: u64,
    /// The root of `files` that the index stands for.
    pub(crate) root: Id,
    /// Set when a checksum failed while the index was used.
    damaged: AtomicBool,
}

/// The operation that the working copy was brought to last.
pub(crate) fn remembered(control: &Path) -> Option<u64> {
    let known = Index::open(control).map(|index| index.operation);
    known.filter(|operation| *operation != UNKNOWN_OPERATION)
}

/// What is wrong with the index on disk; nothing when there is none, or when its writer died while it wrote.
pub(crate) fn check(control: &Path) -> Option<&'static str> {
    let path = folder(control).join("stat");
    if !path.exists() {
        return None;
    }
    let Some(base) = Base::open(&path) else {
        return Some("it cannot be read");
    };
    if !base.is_sound() {
        return Some("an entry has a wrong checksum");
    }
    let journal = journal::read(control, base.nonce());
    journal
        .damaged
        .then_some("its journal has a wrong checksum")
}

/// One tracked name in a folder.
#[derive(Clone, Copy)]
pub(crate) struct Slot<'a> {
    pub(crate) name: &'a [u8],
    source: Source<'a>,
}

#[derive(Clone, Copy)]
enum Source<'a> {
    Base(usize),
    Overlay(&'a Record),
}

/// Where the index lies.
pub(crate) fn folder(control: &Path) -> PathBuf {
    control.join("index")
}

impl Index {
    /// Reads what is on disk; `None` when there is nothing usable.
    pub(crate) fn open(control: &Path) -> Option<Index> {
        // A writer replaces the base, then the journal: a journal of another base means that both have just been
        // replaced, or that the writer died in between. The second time it is the latter, and the base is complete.
        for last_try in [false, true] {
            let mut base = Base::open(&folder(control).join("stat"))?;
            let mut journal = journal::read(control, base.nonce());
            if journal.foreign && !last_try {
                continue;
            }
            let (boot, based) = base.written();
            let restarted = boot != fsx::boot();
            if restarted {
                // A power cut may have lost what files held while their times stayed.
                let known_alive = journal.written.unwrap_or(based);
                let doubtful = known_alive.saturating_sub(WRITTEN_BACK_NANOSECONDS);
                base.doubt(doubtful);
                doubt(&mut journal.overlay, doubtful);
            }
            let (operation, root) = journal.head.unwrap_or((base.operation(), base.root()));
            return Some(Index {
                base,
                overlay: journal.overlay,
                journaled: journal.entries,
                broken_journal: journal.foreign || journal.torn || restarted,
                operation,
                root,
                damaged: AtomicBool::new(false),
            });
        }
        None
    }

    /// The index of the empty table, in memory.
    fn empty() -> Index {
        Index {
            base: Base::empty(),
            overlay: Overlay::new(),
            journaled: 0,
            broken_journal: true,
            operation: UNKNOWN_OPERATION,
            root: tree::empty_root(),
            damaged: AtomicBool::new(false),
        }
    }

    /// An index of a table whose files have not been seen, in memory.
    fn from_table(objects: &dyn ReadObjects, root: &Id) -> Result<Index> {
        let mut index = Index::empty();
        if *root == index.root {
            return Ok(index);
        }
        let mut rows = Changes::default();
        tree::scan(objects, root, &[], None, &mut |key, value| {
            let row = FileRow::decode(key, value)?;
            let path = paths::to_bytes(&row.path);
            rows.push(&path, None, Some(&Record::unseen(&row)));
            Ok(true)
        })?;
        rows.sort();
        let sources = Sources {
            index: &index,
            rows: Some(&rows),
            seen: Seen::sorted(&[]),
        };
        index.base = sources.in_memory(UNKNOWN_OPERATION, root)?;
        index.root = *root;
        Ok(index)
    }

    /// The index brought to `root`, in memory: what is on disk with the difference of the tables applied.
    pub(crate) fn load(control: &Path, objects: &dyn ReadObjects, root: &Id) -> Result<Index> {
        let Some(mut index) = Index::open(control) else {
            return Index::from_table(objects, root);
        };
        if index.root == *root {
            return Ok(index);
        }
        match Changes::between(objects, &index.root, root) {
            Ok(changes) => index.apply_rows(&changes)?,
            // The collector may have taken the table that the index stands for: compare with all of the new one.
            Err(error) if error.code == ErrorCode::Integrity => {
                let mut fresh = Index::from_table(objects, root)?;
                fresh.adopt_stats(&index)?;
                return Ok(fresh);
            }
            Err(error) => return Err(error),
        }
        index.root = *root;
        Ok(index)
    }

    /// Runs `work` on the index at `root`; when it meets damage, throws the index away and runs again on a fresh one.
    pub(crate) fn with<T>(
        control: &Path,
        objects: &dyn ReadObjects,
        root: &Id,
        work: &mut dyn FnMut(&Index) -> Result<T>,
    ) -> Result<T> {
        let index = Index::load(control, objects, root);
        let index = match index {
            Ok(index) => index,
            Err(error) if error.code == ErrorCode::Integrity => Index::from_table(objects, root)?,
            Err(error) => return Err(error),
        };
        match work(&index) {
            Err(_) if index.damaged.load(Ordering::Relaxed) => {
                update::discard(control)?;
                work(&Index::from_table(objects, root)?)
            }
            other => other,
        }
    }

    /// Applies row changes. A row that stands for the same file keeps what was seen.
    pub(crate) fn apply_rows(&mut self, changes: &Changes) -> Result<()> {
        for change in changes.iter().filter(FileChange::is_change) {
            let record = match change.after {
                None => None,
                Some(after) => {
                    let mut record = Record {
                        stat: None,
                        racy: false,
                        facts: None,
                        ..*after
                    };
                    if let Some(old) = self.find(change.path)? {
                        if old.same_file(&record) {
                            (record.stat, record.racy) = (old.stat, old.racy);
                        }
                    }
                    Some(record)
                }
            };
            set(&mut self.overlay, change.path, record);
        }
        Ok(())
    }

    /// Sets what was seen of files, where the index holds the same file.
    fn apply_seen<'a>(
        &mut self,
        seen: impl Iterator<Item = (&'a [u8], &'a Record)>,
    ) -> Result<Vec<Vec<u8>>> {
        let mut changed = Vec::new();
        for (path, record) in seen {
            let Some(mut held) = self.find(path)? else {
                continue;
            };
            if held.same_file(record) && (held.stat, held.racy) != (record.stat, record.racy) {
                (held.stat, held.racy) = (record.stat, record.racy);
                set(&mut self.overlay, path, Some(held));
                changed.push(path.to_vec());
            }
        }
        Ok(changed)
    }

    /// Takes over what another index saw of the same files, as far as it is readable.
    fn adopt_stats(&mut self, other: &Index) -> Result<()> {
        let mut seen = Vec::new();
        for folder in other.folders_below(b"") {
            for slot in other.entries(folder)? {
                if let Ok(record) = other.record(folder, &slot) {
                    seen.push((disk::join(folder, slot.name), record));
                }
            }
        }
        let seen = seen.iter().map(|(path, record)| (&path[..], record));
        self.apply_seen(seen).map(|_| ())
    }

    /// Whether nothing on disk holds this index yet.
    pub(crate) fn is_unsaved(&self) -> bool {
        self.broken_journal
    }

    fn damage(&self) -> Error {
        self.damaged.store(true, Ordering::Relaxed);
        Error::integrity("the stat index of the working copy is damaged")
    }

    /// The tracked names in a folder, sorted by their bytes.
    pub(crate) fn entries<'a>(&'a self, folder: &[u8]) -> Result<Vec<Slot<'a>>> {
        let range = self.base.folder(folder);
        let overlay = self.overlay.get(folder);
        let mut slots = Vec::with_capacity(range.len() + overlay.map_or(0, BTreeMap::len));
        let mut later = overlay.into_iter().flatten().peekable();
        for index in range {
            let name = self.base.name(index).ok_or_else(|| self.damage())?;
            let mut replaced = false;
            while let Some((other, record)) = later.next_if(|(other, _)| other.as_slice() <= name) {
                slots.extend(overlay_slot(other, record));
                replaced = other == name;
            }
            if !replaced {
                slots.push(Slot {
                    name,
                    source: Source::Base(index),
                });
            }
        }
        slots.extend(later.filter_map(|(name, record)| overlay_slot(name, record)));
        Ok(slots)
    }

    /// The record of a slot, checked.
    pub(crate) fn record(&self, folder: &[u8], slot: &Slot<'_>) -> Result<Record> {
        match slot.source {
            Source::Overlay(record) => Ok(*record),
            Source::Base(index) => self.base.record(folder, index).ok_or_else(|| self.damage()),
        }
    }

    /// Whether a file looks as it did, without checking the entry: damage makes it look changed.
    pub(crate) fn unchanged(&self, slot: &Slot<'_>, disk: &DiskStat) -> bool {
        match slot.source {
            Source::Overlay(record) => record.unchanged(disk),
            Source::Base(index) => self.base.unchanged(index, disk),
        }
    }

    /// Checks every entry of a folder: names that do not match the disk are believed only then.
    pub(crate) fn verify(&self, folder: &[u8]) -> Result<()> {
        for index in self.base.folder(folder) {
            self.base
                .record(folder, index)
                .ok_or_else(|| self.damage())?;
        }
        Ok(())
    }

    /// One tracked file.
    pub(crate) fn find(&self, path: &[u8]) -> Result<Option<Record>> {
        let (folder, name) = disk::split(path);
        if let Some(record) = self.overlay.get(folder).and_then(|names| names.get(name)) {
            return Ok(*record);
        }
        match self.base.find(folder, name) {
            Ok(Some(index)) => self
                .base
                .record(folder, index)
                .map(Some)
                .ok_or_else(|| self.damage()),
            Ok(None) => Ok(None),
            Err(()) => Err(self.damage()),
        }
    }

    /// Number of a folder in the base: what a walk marks as visited.
    pub(crate) fn folder_number(&self, folder: &[u8]) -> Option<usize> {
        self.base.folder_number(folder)
    }

    /// Number of folders in the base.
    pub(crate) fn folder_count(&self) -> usize {
        self.base.folder_count()
    }

    /// Folders at and below `folder` that hold or held tracked files, sorted.
    pub(crate) fn folders_below<'a>(&'a self, folder: &[u8]) -> Vec<&'a [u8]> {
        let mut found: Vec<&[u8]> = self.base.folders_below(folder).collect();
        let from_base = found.len();
        let prefix = below_prefix(folder);
        found.extend(
            self.overlay
                .range(prefix.clone()..)
                .map(|(path, _)| path.as_slice())
                .take_while(|path| path.starts_with(&prefix)),
        );
        if !folder.is_empty() {
            found.extend(
                self.overlay
                    .get_key_value(folder)
                    .map(|(path, _)| path.as_slice()),
            );
        }
        if found.len() > from_base {
            found.sort_unstable();
            found.dedup();
        }
        found
    }

    /// Whether any file at or below a folder is tracked.
    pub(crate) fn has_tracked_below(&self, folder: &[u8]) -> Result<bool> {
        let prefix = below_prefix(folder);
        let touched = self.overlay.contains_key(folder)
            || self
                .overlay
                .range(prefix.clone()..)
                .next()
                .is_some_and(|(path, _)| path.starts_with(&prefix));
        if !touched {
            return Ok(self.base.folders_below(folder).next().is_some());
        }
        for inner in self.folders_below(folder) {
            if !self.entries(inner)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Every tracked file at and below a folder.
    pub(crate) fn tracked_below(&self, folder: &[u8]) -> Result<Vec<(Vec<u8>, Record)>> {
        let mut found = Vec::new();
        for inner in self.folders_below(folder) {
            for slot in self.entries(inner)? {
                found.push((disk::join(inner, slot.name), self.record(inner, &slot)?));
            }
        }
        Ok(found)
    }
}

/// Believes nothing of files that changed at `since` or later.
fn doubt(overlay: &mut Overlay, since: i64) {
    let records = overlay.values_mut().flat_map(BTreeMap::values_mut);
    for record in records.flatten() {
        record.racy |= record.stat.is_some_and(|stat| stat.ctime >= since);
    }
}

fn overlay_slot<'a>(name: &'a [u8], record: &'a Option<Record>) -> Option<Slot<'a>> {
    record.as_ref().map(|record| Slot {
        name,
        source: Source::Overlay(record),
    })
}

/// What the paths below a folder start with.
fn below_prefix(folder: &[u8]) -> Vec<u8> {
    if folder.is_empty() {
        return Vec::new();
    }
    disk::join(folder, b"")
}

fn set(overlay: &mut Overlay, path: &[u8], record: Option<Record>) {
    let (folder, name) = disk::split(path);
    match overlay.get_mut(folder) {
        Some(names) => {
            names.insert(name.to_vec(), record);
        }
        None => {
            overlay.insert(folder.to_vec(), BTreeMap::from([(name.to_vec(), record)]));
        }
    }
}

#[cfg(test)]
mod tests;
