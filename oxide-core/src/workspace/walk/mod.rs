//! The disk compared with the stat index: a merge of sorted names, folder by folder, in parallel. Files that look
//! unchanged cost one `stat` and no allocation.
//!
//! `enter` looks at the requested paths, `folder` compares one folder, `findings` is what comes out.

mod enter;
mod findings;
mod folder;

use std::collections::HashSet;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rayon::prelude::*;
use rayon::Scope;

use super::disk::{self, Listing};
use super::ignore::{self, Rules};
use super::stat_index::Index;
use crate::error::{Error, Result};
use crate::paths;
use crate::progress::Progress;
pub(crate) use findings::{Findings, FolderFiles, Found, FoundFiles};
use folder::{Compared, Folder};

/// What to do about files that are not tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untracked {
    /// Do not look for them.
    Leave,
    /// Count them; a folder without tracked files is one entry.
    Count,
    /// List each with its looks.
    List,
}

/// A comparison to make.
pub(crate) struct Request<'a> {
    pub(crate) index: &'a Index,
    pub(crate) root: BorrowedFd<'a>,
    pub(crate) untracked: Untracked,
    /// Whether a path that is neither on disk nor tracked is an error.
    pub(crate) strict: bool,
    pub(crate) progress: &'a Progress,
}

/// Compares everything at and below the given paths (bytes, no trailing `/`; the empty path is all).
pub(crate) fn compare(request: &Request<'_>, scopes: &[Vec<u8>]) -> Result<Findings> {
    let walk = Walk {
        request,
        visited: (0..request.index.folder_count())
            .map(|_| AtomicBool::new(false))
            .collect(),
        visited_others: Mutex::default(),
        findings: Mutex::default(),
        failure: Mutex::default(),
    };
    let mut folders = Vec::new();
    for scope in outermost(scopes) {
        folders.extend(walk.enter(scope)?);
    }
    let roots: Vec<Vec<u8>> = folders.iter().map(|task| task.path.to_vec()).collect();
    let walk_ref = &walk;
    rayon::scope(|scope| {
        for task in folders {
            scope.spawn(move |scope| walk_ref.folder(scope, task));
        }
    });
    walk.finish(&roots)
}

/// The paths that are not below another one of them.
fn outermost(scopes: &[Vec<u8>]) -> Vec<&[u8]> {
    let all: HashSet<&[u8]> = scopes.iter().map(Vec::as_slice).collect();
    let mut kept: Vec<&[u8]> = all
        .iter()
        .copied()
        .filter(|path| {
            let mut above = *path;
            loop {
                if above.is_empty() {
                    return true;
                }
                above = disk::split(above).0;
                if all.contains(above) {
                    return false;
                }
            }
        })
        .collect();
    kept.sort_unstable();
    kept
}

struct Walk<'a> {
    request: &'a Request<'a>,
    /// By number of the folder in the index's base: those not visited in the end are gone.
    visited: Vec<AtomicBool>,
    /// Visited folders that the base does not have.
    visited_others: Mutex<HashSet<Vec<u8>>>,
    findings: Mutex<Findings>,
    failure: Mutex<Option<Error>>,
}

/// A folder to be compared.
struct Task {
    /// The parent's handle; closed when its last subfolder has been opened.
    parent: Arc<OwnedFd>,
    /// Name in the parent.
    name: std::ffi::CString,
    path: Arc<[u8]>,
    rules: Rules,
    /// Only tracked files count below an ignored folder.
    ignored: bool,
    /// The untracked folder that this one belongs to.
    collapsed: Option<Arc<AtomicU64>>,
    /// Whether anything tracked is here or below.
    tracked: bool,
}

impl Walk<'_> {
    fn add(&self, findings: Findings) {
        self.findings
            .lock()
            .expect("findings lock")
            .append(findings);
    }

    fn failed(&self) -> bool {
        self.failure.lock().expect("failure lock").is_some()
    }

    fn fail(&self, error: Error) {
        self.failure
            .lock()
            .expect("failure lock")
            .get_or_insert(error);
    }

    /// Compares one folder and starts its subfolders.
    fn folder<'s>(&'s self, scope: &Scope<'s>, task: Task) {
        if self.failed() {
            return;
        }
        match self.folder_tasks(task) {
            Ok(tasks) => {
                for task in tasks {
                    scope.spawn(move |scope| self.folder(scope, task));
                }
            }
            Err(error) => self.fail(error),
        }
    }

    fn folder_tasks(&self, task: Task) -> Result<Vec<Task>> {
        self.mark_visited(&task);
        let opened = match task.name.is_empty() {
            true => disk::open_folder(task.parent.as_fd(), b""),
            false => disk::open_subfolder(task.parent.as_fd(), &task.name),
        };
        let read = opened.and_then(|handle| {
            let listing = Listing::read(handle.as_fd())?;
            Ok((handle, listing))
        });
        let (handle, listing) = match read {
            Ok(read) => read,
            Err(error) => {
                let mut findings = Findings::default();
                findings.skip(&task.path, disk::reason(&error));
                findings.unreadable.push(task.path.to_vec());
                self.add(findings);
                return Ok(Vec::new());
            }
        };
        let own = listing.find(b".oxide").is_some() && disk::is_repository(handle.as_fd());
        if own && !task.path.is_empty() && !task.tracked {
            let mut findings = Findings::default();
            findings.skip(&task.path, "a repository of its own");
            self.add(findings);
            return Ok(Vec::new());
        }
        let has_rules = listing.find(ignore::FILE_NAME.as_bytes()).is_some();
        let rules = match has_rules {
            true => task.rules.enter(handle.as_fd(), &task.path)?,
            false => task.rules.clone(),
        };
        let slots = match task.tracked {
            true => self.request.index.entries(&task.path)?,
            false => Vec::new(),
        };
        let handle = Arc::new(handle);
        let folder = Folder {
            walk: self,
            task: &task,
            handle: &handle,
            listing: &listing,
            slots: &slots,
            rules: &rules,
        };
        let pieces = folder.pieces();
        let compared: Result<Vec<Compared>> = match pieces.len() {
            1 => pieces.into_iter().map(|p| folder.compare(p)).collect(),
            _ => pieces.into_par_iter().map(|p| folder.compare(p)).collect(),
        };
        let mut subfolders = Vec::new();
        let mut all = Findings::default();
        for mut compared in compared? {
            all.append(compared.findings);
            all.add(compared.files);
            subfolders.append(&mut compared.subfolders);
        }
        if listing.len() == 0 && !task.path.is_empty() && !task.ignored {
            all.empty_folders.push(task.path.to_vec());
        }
        let doubtful = !all.removed.is_empty()
            || !all.counted.is_empty()
            || all.files.iter().any(FolderFiles::has_untracked);
        if doubtful && task.tracked {
            self.request.index.verify(&task.path)?;
        }
        self.add(all);
        Ok(subfolders)
    }

    fn mark_visited(&self, task: &Task) {
        match self.request.index.folder_number(&task.path) {
            Some(number) => self.visited[number].store(true, Ordering::Relaxed),
            None if task.tracked => {
                let mut others = self.visited_others.lock().expect("visited lock");
                others.insert(task.path.to_vec());
            }
            None => {}
        }
    }

    /// Adds what is below folders that were not met, and names what was counted.
    fn finish(self, roots: &[Vec<u8>]) -> Result<Findings> {
        if let Some(error) = self.failure.into_inner().expect("failure lock") {
            return Err(error);
        }
        let index = self.request.index;
        let others = self.visited_others.into_inner().expect("visited lock");
        let mut findings = self.findings.into_inner().expect("findings lock");
        let unreadable: HashSet<Vec<u8>> = findings.unreadable.drain(..).collect();
        for root in roots {
            for folder in index.folders_below(root) {
                let visited = match index.folder_number(folder) {
                    Some(number) => self.visited[number].load(Ordering::Relaxed),
                    None => others.contains(folder),
                };
                if visited || is_below_any(folder, &unreadable) {
                    continue;
                }
                for slot in index.entries(folder)? {
                    let record = index.record(folder, &slot)?;
                    findings
                        .removed
                        .push((disk::join(folder, slot.name), record));
                }
            }
        }
        for (folder, files) in std::mem::take(&mut findings.collapsed) {
            let files = files.load(Ordering::Relaxed);
            if files > 0 {
                findings.counted.push((disk::join(&folder, b""), files));
            }
        }
        Ok(findings)
    }
}

fn is_below_any(folder: &[u8], above: &HashSet<Vec<u8>>) -> bool {
    if above.is_empty() {
        return false;
    }
    let mut path = folder;
    loop {
        if above.contains(path) {
            return true;
        }
        if path.is_empty() {
            return false;
        }
        path = disk::split(path).0;
    }
}

fn is_control(name: &[u8]) -> bool {
    paths::CONTROL_NAMES
        .iter()
        .any(|control| control.as_bytes() == name)
}
