//! The working copy: what is on disk beside what is staged.
//!
//! `stat_index` remembers how each tracked file looked when its content was last known, `walk` reads the disk in
//! parallel, `ignore` decides what is never tracked, `status` compares, `stage` stores changes.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::files::{FileRoots, FileRow};
use crate::fsx::Lock;
use crate::hash::Id;
use crate::progress::Progress;
use crate::store::{Session, Store};
use crate::tree::RowChange;

/// A working tree with its repository's control folder.
#[derive(Clone)]
pub struct WorkingCopy {
    /// The store.
    pub store: Store,
    /// Root of the tree.
    pub tree: PathBuf,
}

/// A file that could not be taken, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its path.
    pub path: String,
    /// A short reason: "permission denied", "socket", "device", "named pipe", "kept changing while it was read", ...
    pub reason: String,
}

/// The working copy compared with the staged `files` table. Every list is sorted by path.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// Tracked, with other content, type or executable bit.
    pub modified: Vec<String>,
    /// Tracked, not there any more.
    pub removed: Vec<String>,
    /// Not tracked: (path, files). A folder without any tracked file is one entry that ends in `/`.
    pub untracked: Vec<(String, u64)>,
    /// Sockets, devices, unreadable folders and files met on the way.
    pub skipped: Vec<Skipped>,
    /// Folders without any file: they cannot be versioned.
    pub empty_folders: Vec<String>,
}

/// What to stage.
pub struct StageRequest<'a> {
    /// Files and folders, relative to the tree; the empty path is everything. Each must exist on disk or be tracked.
    pub paths: &'a [String],
    /// Take only changes of tracked files (as `commit -a` does); else new files too.
    pub tracked_only: bool,
    /// Root of `files` at the base commit, against which renames are found.
    pub base: Option<Id>,
    /// The staged roots now.
    pub staged: FileRoots,
    /// Microseconds since 1970 UTC, for new items.
    pub now: i64,
    /// Creator of new items.
    pub creator: &'a str,
}

/// The outcome of staging: row changes to both tables, not yet part of any operation.
#[derive(Debug, Default)]
pub struct Staged {
    /// Paths that were new.
    pub added: Vec<String>,
    /// Paths whose content, type or executable bit changed.
    pub modified: Vec<String>,
    /// Paths that are gone.
    pub removed: Vec<String>,
    /// (old, new): a removed and an added path that are one item.
    pub renamed: Vec<(String, String)>,
    /// Files left out, with the reason.
    pub skipped: Vec<Skipped>,
    /// Folders without any file.
    pub empty_folders: Vec<String>,
    /// Groups of paths that are one path on a file system that folds case or normalises.
    pub collisions: Vec<Vec<String>>,
    /// Bytes that were read.
    pub bytes: u64,
    /// Changes to `files` and `items`, by key.
    pub files: Vec<RowChange>,
    /// See `files`.
    pub items: Vec<RowChange>,
    /// Stat entries to remember once an operation holds the change (opaque to callers).
    pub(crate) seen: Vec<StatEntry>,
}

/// How a tracked file looked when its content was known (the stat index's entry).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatEntry {
    /// The file.
    pub row: FileRow,
    /// Modification time, nanoseconds.
    pub mtime: i64,
    /// Change time, nanoseconds.
    pub ctime: i64,
    /// Inode.
    pub inode: u64,
    /// Modified so shortly before it was read that equal times prove nothing (git's racy rule).
    pub racy: bool,
}

impl WorkingCopy {
    /// Compares disk and staged table. Files whose times changed but not their content are remembered in the stat index.
    pub fn status(&self, staged_files: &Id, progress: &Progress) -> Result<Status> {
        let _ = (staged_files, progress);
        todo!()
    }

    /// Reads, hashes and stores what changed under the given paths. Changes no table and no file.
    pub fn stage(
        &self,
        session: &Session,
        request: &StageRequest<'_>,
        progress: &Progress,
    ) -> Result<Staged> {
        let _ = (session, request, progress);
        todo!()
    }

    /// Applies staged changes to roots (again and again, when another process moved them).
    pub fn apply(
        &self,
        session: &Session,
        staged: &Staged,
        roots: &FileRoots,
    ) -> Result<FileRoots> {
        let _ = (session, staged, roots);
        todo!()
    }

    /// Remembers that the disk is now at `files` as of operation `operation`, with the stat entries of `staged`.
    pub fn remember(&self, operation: u64, files: &Id, staged: Option<&Staged>) -> Result<()> {
        let _ = (operation, files, staged);
        todo!()
    }

    /// What the stat index stands for: (operation number, root of `files`). `None` when there is none yet.
    pub fn remembered(&self) -> Result<Option<(u64, Id)>> {
        todo!()
    }

    /// The lock that verbs hold while they change working files.
    pub fn lock(&self) -> Result<Lock> {
        todo!()
    }

    /// Which of `paths` are ignored, with the rule: (path, file of the rule, line, pattern).
    pub fn check_ignore(&self, paths: &[String]) -> Result<Vec<(String, String, u64, String)>> {
        let _ = paths;
        todo!()
    }
}

/// The folder above `start` (or itself) that has a `.oxide` folder.
pub fn discover(start: &Path) -> Option<PathBuf> {
    let _ = start;
    todo!()
}
