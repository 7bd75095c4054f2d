//! One folder: a merge of the names on disk with the tracked ones, both sorted.

use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::sync::Arc;

use super::findings::{collapse, Findings, FolderFiles};
use super::{is_control, Task, Untracked, Walk};
use crate::error::Result;
use crate::workspace::disk::{self, DiskKind, Listing, PIECE};
use crate::workspace::ignore::Rules;
use crate::workspace::stat_index::Slot;

/// One folder under comparison.
pub(super) struct Folder<'a> {
    pub(super) walk: &'a Walk<'a>,
    pub(super) task: &'a Task,
    pub(super) handle: &'a Arc<OwnedFd>,
    pub(super) listing: &'a Listing,
    pub(super) slots: &'a [Slot<'a>],
    pub(super) rules: &'a Rules,
}

/// What one piece of a folder came to.
pub(super) struct Compared {
    pub(super) findings: Findings,
    pub(super) files: FolderFiles,
    pub(super) subfolders: Vec<Task>,
}

impl Folder<'_> {
    /// Ranges of names on disk, each with the tracked names that fall between them.
    pub(super) fn pieces(&self) -> Vec<(Range<usize>, Range<usize>)> {
        let mut pieces = Vec::new();
        let (mut name, mut slot) = (0, 0);
        loop {
            let end = (name + PIECE).min(self.listing.len());
            let slot_end = match end == self.listing.len() {
                true => self.slots.len(),
                false => self
                    .slots
                    .partition_point(|slot| slot.name < self.listing.name(end)),
            };
            pieces.push((name..end, slot..slot_end));
            if end == self.listing.len() {
                return pieces;
            }
            (name, slot) = (end, slot_end);
        }
    }

    /// Merges the names on disk with the tracked ones.
    pub(super) fn compare(&self, (names, slots): (Range<usize>, Range<usize>)) -> Result<Compared> {
        let mut compared = Compared {
            findings: Findings::default(),
            files: FolderFiles::new(self.task.path.clone()),
            subfolders: Vec::new(),
        };
        let progress = self.walk.request.progress;
        progress.advance(names.len() as u64, 0)?;
        let mut slots = self.slots[slots].iter().peekable();
        for index in names {
            let name = self.listing.name(index);
            while let Some(gone) = slots.next_if(|slot| slot.name < name) {
                self.removed(gone, &mut compared.findings)?;
            }
            let slot = slots.next_if(|slot| slot.name == name);
            if is_control(name) {
                continue;
            }
            match slot {
                Some(slot) => self.tracked(index, slot, &mut compared)?,
                None => self.other(index, &mut compared)?,
            }
        }
        for gone in slots {
            self.removed(gone, &mut compared.findings)?;
        }
        Ok(compared)
    }

    fn path(&self, name: &[u8]) -> Vec<u8> {
        disk::join(&self.task.path, name)
    }

    fn removed(&self, slot: &Slot<'_>, findings: &mut Findings) -> Result<()> {
        let record = self.walk.request.index.record(&self.task.path, slot)?;
        findings.removed.push((self.path(slot.name), record));
        Ok(())
    }

    /// A name that is tracked.
    fn tracked(&self, index: usize, slot: &Slot<'_>, compared: &mut Compared) -> Result<()> {
        if self.listing.kind(index) == DiskKind::Folder {
            self.removed(slot, &mut compared.findings)?;
            return self.subfolder(index, compared);
        }
        let disk = match disk::stat_at(self.handle.as_fd(), self.listing.c_name(index)) {
            Ok(disk) => disk,
            Err(error) if disk::is_missing(&error) => {
                return self.removed(slot, &mut compared.findings)
            }
            Err(error) => {
                compared
                    .findings
                    .skip(&self.path(slot.name), disk::reason(&error));
                return Ok(());
            }
        };
        if self.walk.request.index.unchanged(slot, &disk) {
            return Ok(());
        }
        if disk.kind == DiskKind::Folder {
            self.removed(slot, &mut compared.findings)?;
            return self.subfolder(index, compared);
        }
        if let Some(reason) = disk.kind.refusal() {
            compared.findings.skip(&self.path(slot.name), reason);
            return Ok(());
        }
        let record = self.walk.request.index.record(&self.task.path, slot)?;
        compared.files.push(slot.name, Some(record), &disk);
        Ok(())
    }

    /// A name that is not tracked.
    fn other(&self, index: usize, compared: &mut Compared) -> Result<()> {
        let mut kind = self.listing.kind(index);
        let look = || disk::stat_at(self.handle.as_fd(), self.listing.c_name(index));
        if kind == DiskKind::Unknown {
            match look() {
                Ok(disk) => kind = disk.kind,
                Err(_) => return Ok(()),
            }
        }
        if kind == DiskKind::Folder {
            return self.subfolder(index, compared);
        }
        let untracked = self.walk.request.untracked;
        if untracked == Untracked::Leave || self.task.ignored {
            return Ok(());
        }
        let name = self.listing.name(index);
        if !self.rules.is_empty() && self.rules.ignored(&self.path(name), false) {
            return Ok(());
        }
        if let Some(reason) = kind.refusal() {
            compared.findings.skip(&self.path(name), reason);
            return Ok(());
        }
        if let Some(files) = &self.task.collapsed {
            files.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        if untracked == Untracked::Count {
            compared.findings.counted.push((self.path(name), 1));
            return Ok(());
        }
        match look() {
            Ok(disk) => compared.files.push(name, None, &disk),
            Err(error) if disk::is_missing(&error) => {}
            Err(error) => compared
                .findings
                .skip(&self.path(name), disk::reason(&error)),
        }
        Ok(())
    }

    fn subfolder(&self, index: usize, compared: &mut Compared) -> Result<()> {
        let request = self.walk.request;
        let path = self.path(self.listing.name(index));
        let tracked = self.task.tracked && request.index.has_tracked_below(&path)?;
        if !tracked && (request.untracked == Untracked::Leave || self.task.ignored) {
            return Ok(());
        }
        let ignored = self.task.ignored || self.rules.ignored(&path, true);
        if ignored && !tracked {
            return Ok(());
        }
        let collapsed = match (tracked, &self.task.collapsed) {
            (false, Some(files)) => Some(files.clone()),
            (false, None) if request.untracked == Untracked::Count => {
                Some(collapse(&path, &mut compared.findings))
            }
            _ => None,
        };
        compared.subfolders.push(Task {
            parent: self.handle.clone(),
            name: self.listing.c_name(index).to_owned(),
            path: path.into(),
            rules: self.rules.clone(),
            ignored,
            collapsed,
            tracked,
        });
        Ok(())
    }
}
