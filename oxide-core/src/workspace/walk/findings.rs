//! What a comparison found. Files are kept folder by folder, with all names of a piece in one block: there may be
//! millions of them.

use std::ops::Range;
use std::sync::atomic::AtomicU64;
use std::sync::Arc;

use crate::paths;
use crate::workspace::disk::{self, DiskKind, DiskStat};
use crate::workspace::stat_index::Record;
use crate::workspace::Skipped;

/// A file on disk that is not, or not provably, as the index says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    pub(crate) folder: &'a [u8],
    pub(crate) name: &'a [u8],
    /// What is tracked there; `None` for an untracked file.
    pub(crate) record: Option<&'a Record>,
    pub(crate) kind: DiskKind,
    pub(crate) executable: bool,
    pub(crate) size: u64,
}

impl Found<'_> {
    /// The whole path.
    pub(crate) fn path(&self) -> Vec<u8> {
        disk::join(self.folder, self.name)
    }
}

/// Files of one folder, by name.
pub(crate) struct FolderFiles {
    folder: Arc<[u8]>,
    names: Vec<u8>,
    files: Vec<FoundFile>,
    records: Vec<Record>,
}

struct FoundFile {
    name_end: u32,
    /// Position among the records.
    record: Option<u32>,
    kind: DiskKind,
    executable: bool,
    size: u64,
}

impl FolderFiles {
    pub(crate) fn new(folder: Arc<[u8]>) -> FolderFiles {
        FolderFiles {
            folder,
            names: Vec::new(),
            files: Vec::new(),
            records: Vec::new(),
        }
    }

    /// One file.
    pub(crate) fn one(path: &[u8], record: Option<Record>, disk: &DiskStat) -> FolderFiles {
        let (folder, name) = disk::split(path);
        let mut files = FolderFiles::new(folder.into());
        files.push(name, record, disk);
        files
    }

    /// Adds the file with the next name.
    pub(crate) fn push(&mut self, name: &[u8], record: Option<Record>, disk: &DiskStat) {
        self.names.extend_from_slice(name);
        self.files.push(FoundFile {
            name_end: self.names.len() as u32,
            record: record.is_some().then_some(self.records.len() as u32),
            kind: disk.kind,
            executable: disk.executable,
            size: disk.size,
        });
        self.records.extend(record);
    }

    pub(super) fn has_untracked(&self) -> bool {
        self.files.iter().any(|file| file.record.is_none())
    }

    fn shrink(&mut self) {
        self.names.shrink_to_fit();
        self.files.shrink_to_fit();
        self.records.shrink_to_fit();
    }

    fn get(&self, index: usize) -> Found<'_> {
        let start = match index {
            0 => 0,
            _ => self.files[index - 1].name_end as usize,
        };
        let file = &self.files[index];
        Found {
            folder: &self.folder,
            name: &self.names[start..file.name_end as usize],
            record: file.record.map(|record| &self.records[record as usize]),
            kind: file.kind,
            executable: file.executable,
            size: file.size,
        }
    }

    /// The files in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Found<'_>> {
        (0..self.files.len()).map(|index| self.get(index))
    }
}

/// Found files of many folders, by folder and name.
pub(crate) struct FoundFiles {
    folders: Vec<FolderFiles>,
    /// Number of files before each folder's.
    starts: Vec<usize>,
    length: usize,
}

impl FoundFiles {
    pub(crate) fn new(mut folders: Vec<FolderFiles>) -> FoundFiles {
        fn first(files: &FolderFiles) -> (&[u8], &[u8]) {
            let found = files.get(0);
            (found.folder, found.name)
        }
        folders.sort_unstable_by(|a, b| first(a).cmp(&first(b)));
        let mut length = 0;
        let mut starts = Vec::with_capacity(folders.len());
        for folder in &folders {
            starts.push(length);
            length += folder.files.len();
        }
        FoundFiles {
            folders,
            starts,
            length,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Length of all paths together.
    pub(crate) fn path_bytes(&self) -> usize {
        let folders = self.folders.iter();
        let bytes = folders.map(|f| f.names.len() + f.files.len() * (f.folder.len() + 1));
        bytes.sum()
    }

    /// Some files in order.
    pub(crate) fn range(&self, range: Range<usize>) -> impl Iterator<Item = Found<'_>> {
        let folder = self.starts.partition_point(|start| *start <= range.start);
        let mut folder = folder.saturating_sub(1);
        let mut index = range.start - self.starts.get(folder).copied().unwrap_or(0);
        range.map(move |_| {
            while index == self.folders[folder].files.len() {
                (folder, index) = (folder + 1, 0);
            }
            index += 1;
            self.folders[folder].get(index - 1)
        })
    }

    /// All files in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Found<'_>> {
        self.folders.iter().flat_map(FolderFiles::iter)
    }

    /// The folders, for those who need each file once and no more.
    pub(crate) fn into_folders(self) -> impl Iterator<Item = FolderFiles> {
        self.folders.into_iter()
    }

    /// Ranges of about `size` files.
    pub(crate) fn ranges(&self, size: usize) -> Vec<Range<usize>> {
        let starts = (0..self.length).step_by(size);
        starts
            .map(|start| start..(start + size).min(self.length))
            .collect()
    }
}

/// Everything that is not as the index says. Unsorted.
#[derive(Default)]
pub(crate) struct Findings {
    /// Tracked files that may have changed and, with [`super::Untracked::List`], untracked ones. None is empty.
    pub(crate) files: Vec<FolderFiles>,
    /// With [`super::Untracked::Count`]: single files, and folders (ending in `/`) with their number of files.
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
        self.files.append(&mut other.files);
        self.counted.append(&mut other.counted);
        self.removed.append(&mut other.removed);
        self.skipped.append(&mut other.skipped);
        self.empty_folders.append(&mut other.empty_folders);
        self.collapsed.append(&mut other.collapsed);
        self.unreadable.append(&mut other.unreadable);
    }

    /// Adds a folder's files, if there are any.
    pub(super) fn add(&mut self, mut files: FolderFiles) {
        if !files.files.is_empty() {
            files.shrink();
            self.files.push(files);
        }
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
