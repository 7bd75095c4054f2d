//! What a comparison found.

use std::sync::atomic::AtomicU64;
use std::sync::Arc;

use crate::paths;
use crate::workspace::disk::{self, DiskStat};
use crate::workspace::stat_index::Record;
use crate::workspace::Skipped;

/// A file on disk that is not, or not provably, as the index says.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) folder: Arc<[u8]>,
    pub(crate) name: Box<[u8]>,
    /// What is tracked there; `None` for an untracked file.
    pub(crate) record: Option<Record>,
    pub(crate) disk: DiskStat,
}

impl Found {
    /// The whole path.
    pub(crate) fn path(&self) -> Vec<u8> {
        disk::join(&self.folder, &self.name)
    }
}

/// Everything that is not as the index says. Unsorted.
#[derive(Default)]
pub(crate) struct Findings {
    /// Tracked files that may have changed.
    pub(crate) changed: Vec<Found>,
    /// With [`Untracked::List`]: each untracked file.
    pub(crate) untracked: Vec<Found>,
    /// With [`Untracked::Count`]: single files, and folders (ending in `/`) with their number of files.
    pub(crate) counted: Vec<(Vec<u8>, u64)>,
    /// Tracked files that are gone.
    pub(crate) removed: Vec<(Vec<u8>, Record)>,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) empty_folders: Vec<Vec<u8>>,
    pub(super) collapsed: Vec<(Vec<u8>, Arc<AtomicU64>)>,
    /// Folders that could not be read: nothing is known of what is below them.
    pub(super) unreadable: Vec<Vec<u8>>,
}

impl Findings {
    pub(super) fn append(&mut self, mut other: Findings) {
        self.changed.append(&mut other.changed);
        self.untracked.append(&mut other.untracked);
        self.counted.append(&mut other.counted);
        self.removed.append(&mut other.removed);
        self.skipped.append(&mut other.skipped);
        self.empty_folders.append(&mut other.empty_folders);
        self.collapsed.append(&mut other.collapsed);
        self.unreadable.append(&mut other.unreadable);
    }

    pub(super) fn skip(&mut self, path: &[u8], reason: impl Into<String>) {
        self.skipped.push(Skipped {
            path: paths::to_text(path),
            reason: reason.into(),
        });
    }
}

pub(super) fn collapse(path: &[u8], findings: &mut Findings) -> Arc<AtomicU64> {
    let files = Arc::new(AtomicU64::new(0));
    findings.collapsed.push((path.to_vec(), files.clone()));
    files
}
