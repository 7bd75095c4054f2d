//! The working copy: what is on disk beside what is staged.
//!
//! `stat_index` remembers how each tracked file looked when its content was last known, `walk` reads the disk in
//! parallel, `changes` holds what differs and `known_facts` what was read about its media, `ignore` decides what is never tracked, `status` compares, `stage` stores changes, `scan` reads facts of media again, `reference` knows the links
//! that stand for files outside the tree.

mod changes;
pub(crate) mod disk;
mod ignore;
pub(crate) mod known_facts;
pub(crate) mod reference;
mod rename;
mod scan;
mod stage;
pub(crate) mod stat_index;
pub(crate) mod status;
mod walk;

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::error::Result;
use crate::files::FileRoots;
use crate::fsx::{self, Lock};
use crate::hash::Id;
use crate::paths;
use crate::progress::Progress;
use crate::store::{Session, Store};
use changes::Changes;
pub use scan::{scan, Scanned};
use stat_index::{Index, Known, Update};

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
    /// The paths are links to files outside the tree: record where those are, and read but do not store them.
    pub by_reference: bool,
    /// Roots at the base commit, against which renames are found.
    pub base: Option<FileRoots>,
    /// The staged roots now.
    pub staged: FileRoots,
    /// Microseconds since 1970 UTC, for new items.
    pub now: i64,
    /// Creator of new items.
    pub creator: &'a str,
}

/// The outcome of staging: row changes to both tables, not yet part of any operation.
#[derive(Debug)]
pub struct Staged {
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
    /// Every file that differs or was read, and how it looked then.
    pub(crate) files: Changes,
    items: stage::ItemChanges,
    /// The root of `files` that the changes were made on.
    from: Id,
    /// Roots that the changes were applied to and led to, as they are.
    applied: Mutex<Option<(Id, Id)>>,
    now: i64,
    creator: String,
}

impl WorkingCopy {
    /// Compares disk and staged table. Files whose times changed but not their content are remembered in the stat index.
    pub fn status(&self, staged_files: &Id, progress: &Progress) -> Result<Status> {
        let _span = crate::trace::span("status");
        let root = disk::open_root(&self.tree)?;
        let control = self.store.control();
        Index::with(control, &self.store, staged_files, &mut |index| {
            let (status, seen) = status::status(index, root.as_fd(), &self.store, progress)?;
            if !seen.is_empty() || index.is_unsaved() {
                stat_index::refresh(control, &self.store, index, &seen)?;
            }
            Ok(status)
        })
    }

    /// Reads, hashes and stores what changed under the given paths. Changes no table and no file.
    pub fn stage(
        &self,
        session: &Session,
        request: &StageRequest<'_>,
        progress: &Progress,
    ) -> Result<Staged> {
        let _span = crate::trace::span("stage");
        let root = disk::open_root(&self.tree)?;
        let (control, files) = (self.store.control(), &request.staged.files);
        Index::with(control, session, files, &mut |index| {
            stage::stage(index, root.as_fd(), session, request, progress)
        })
    }

    /// Applies staged changes to roots (again and again, when another process moved them).
    pub fn apply(
        &self,
        session: &Session,
        staged: &Staged,
        roots: &FileRoots,
    ) -> Result<FileRoots> {
        let _span = crate::trace::span("stage: apply");
        stage::apply(session, staged, roots)
    }

    /// Remembers that the disk is now at `files` as of operation `operation`, with the stat entries of `staged`.
    pub fn remember(&self, operation: u64, files: &Id, staged: Option<&Staged>) -> Result<()> {
        let _span = crate::trace::span("remember");
        let known = staged.map(|staged| Known {
            applied: *staged.applied.lock().expect("applied lock"),
            changes: &staged.files,
        });
        let update = Update {
            operation: Some(operation),
            root: files,
            known,
            seen: &[],
        };
        stat_index::update(self.store.control(), &self.store, &update)
    }

    /// What the stat index stands for: (operation number, root of `files`). `None` when there is none yet.
    pub fn remembered(&self) -> Result<Option<(u64, Id)>> {
        Ok(remembered(self.store.control()))
    }

    /// The lock that verbs hold while they change working files.
    pub fn lock(&self) -> Result<Lock> {
        let folder = stat_index::folder(self.store.control());
        fsx::create_dir_all(&folder)?;
        fsx::lock(&folder.join("tree.lock"))
    }

    /// That lock, unless another process holds it.
    pub fn try_lock(&self) -> Result<Option<Lock>> {
        let folder = stat_index::folder(self.store.control());
        fsx::try_lock(&folder.join("tree.lock"))
    }

    /// Which of `paths` are ignored, with the rule: (path, file of the rule, line, pattern).
    pub fn check_ignore(&self, paths: &[String]) -> Result<Vec<(String, String, u64, String)>> {
        let root = disk::open_root(&self.tree)?;
        let mut found = Vec::new();
        for path in paths {
            let bytes = paths::to_bytes(path.trim_end_matches('/'));
            if let Some(rule) = ignore::decide(root.as_fd(), &bytes)? {
                let file = paths::to_text(&rule.file);
                found.push((path.clone(), file, rule.line, rule.pattern));
            }
        }
        Ok(found)
    }
}

/// See [`WorkingCopy::remembered`].
pub fn remembered(control: &Path) -> Option<(u64, Id)> {
    let index = Index::open(control);
    let known = index.filter(|index| index.operation != stat_index::UNKNOWN_OPERATION);
    known.map(|index| (index.operation, index.root))
}

/// The folder above `start` (or itself) that has a `.oxide` folder.
pub fn discover(start: &Path) -> Option<PathBuf> {
    start
        .ancestors()
        .find(|folder| folder.join(".oxide").is_dir())
        .map(Path::to_path_buf)
}
