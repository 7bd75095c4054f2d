//! The disk compared with the stat index: a merge of sorted names, folder by folder, in parallel. Files that look
//! unchanged cost one `stat` and no allocation.

use std::collections::HashSet;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rayon::prelude::*;
use rayon::Scope;

use super::disk::{self, DiskKind, DiskStat, Listing, PIECE};
use super::ignore::{self, Rules};
use super::stat_index::{Index, Record, Slot};
use super::Skipped;
use crate::error::{Error, ErrorCode, Result};
use crate::paths;
use crate::progress::Progress;

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
    collapsed: Vec<(Vec<u8>, Arc<AtomicU64>)>,
    /// Folders that could not be read: nothing is known of what is below them.
    unreadable: Vec<Vec<u8>>,
}

impl Findings {
    fn append(&mut self, mut other: Findings) {
        self.changed.append(&mut other.changed);
        self.untracked.append(&mut other.untracked);
        self.counted.append(&mut other.counted);
        self.removed.append(&mut other.removed);
        self.skipped.append(&mut other.skipped);
        self.empty_folders.append(&mut other.empty_folders);
        self.collapsed.append(&mut other.collapsed);
        self.unreadable.append(&mut other.unreadable);
    }

    fn skip(&mut self, path: &[u8], reason: impl Into<String>) {
        self.skipped.push(Skipped {
            path: paths::to_text(path),
            reason: reason.into(),
        });
    }
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
    /// Looks at one requested path: a file is compared at once, a folder becomes a task.
    fn enter(&self, path: &[u8]) -> Result<Option<Task>> {
        let request = self.request;
        let mut findings = Findings::default();
        let task = self.enter_into(path, &mut findings)?;
        self.add(findings);
        request.progress.check()?;
        Ok(task)
    }

    fn enter_into(&self, path: &[u8], findings: &mut Findings) -> Result<Option<Task>> {
        let Request { index, root, .. } = *self.request;
        if path.is_empty() {
            let (rules, _) = (Rules::default(), ());
            return self
                .task(root, c"".to_owned(), path, rules, false)
                .map(Some);
        }
        if path.split(|byte| *byte == b'/').any(is_control) {
            findings.skip(path, "belongs to the version control itself");
            return Ok(None);
        }
        let (folder, name) = disk::split(path);
        let looked = disk::open_folder(root, folder).and_then(|handle| {
            let name = disk::c_name(name)?;
            let stat = disk::stat_at(handle.as_fd(), &name)?;
            Ok((handle, name, stat))
        });
        let (handle, name, stat) = match looked {
            Ok(found) => found,
            Err(error) if disk::is_missing(&error) => {
                self.missing(path, findings)?;
                return Ok(None);
            }
            Err(error) => {
                findings.skip(path, disk::reason(&error));
                return Ok(None);
            }
        };
        let record = index.find(path)?;
        if stat.kind != DiskKind::Folder {
            findings.removed.extend(index.tracked_below(path)?);
            return self.file(path, record, stat, findings).map(|()| None);
        }
        if let Some(record) = record {
            findings.removed.push((path.to_vec(), record));
        }
        let (rules, mut ignored) = ignore::rules_at(root, folder)?;
        ignored |= rules.ignored(path, true);
        let tracked = index.has_tracked_below(path)?;
        if ignored && !tracked {
            findings.skip(path, "ignored");
            return Ok(None);
        }
        self.task(handle.as_fd(), name, path, rules, ignored)
            .map(Some)
    }

    fn task(
        &self,
        parent: BorrowedFd<'_>,
        name: std::ffi::CString,
        path: &[u8],
        rules: Rules,
        ignored: bool,
    ) -> Result<Task> {
        let parent = disk::open_folder(parent, b"")
            .map_err(|error| Error::io("open", std::path::Path::new("."), &error))?;
        let tracked = path.is_empty() || self.request.index.has_tracked_below(path)?;
        let mut findings = Findings::default();
        let collapsed = (!tracked && self.request.untracked == Untracked::Count)
            .then(|| collapse(path, &mut findings));
        self.add(findings);
        Ok(Task {
            parent: Arc::new(parent),
            name,
            path: path.into(),
            rules,
            ignored,
            collapsed,
            tracked,
        })
    }

    /// A requested path that is not on disk.
    fn missing(&self, path: &[u8], findings: &mut Findings) -> Result<()> {
        let index = self.request.index;
        let before = findings.removed.len();
        if let Some(record) = index.find(path)? {
            findings.removed.push((path.to_vec(), record));
        }
        findings.removed.extend(index.tracked_below(path)?);
        if findings.removed.len() == before && self.request.strict {
            let text = paths::to_text(path);
            return Err(Error::new(
                ErrorCode::NotFound,
                format!("'{text}' is neither in the working tree nor tracked"),
            )
            .hint("check the spelling; a path beyond a symbolic link is not part of the tree")
            .at(text));
        }
        Ok(())
    }

    /// A requested path that is no folder.
    fn file(
        &self,
        path: &[u8],
        record: Option<Record>,
        disk: DiskStat,
        findings: &mut Findings,
    ) -> Result<()> {
        let (folder, name) = disk::split(path);
        let found = Found {
            folder: folder.into(),
            name: name.into(),
            record,
            disk,
        };
        if let Some(reason) = disk.kind.refusal() {
            findings.skip(path, reason);
        } else if let Some(record) = record {
            if !record.unchanged(&disk) {
                findings.changed.push(found);
            }
        } else if ignore::decide(self.request.root, path)?.is_some() {
            findings.skip(path, "ignored");
        } else {
            self.untracked_file(found, findings);
        }
        Ok(())
    }

    fn untracked_file(&self, found: Found, findings: &mut Findings) {
        match self.request.untracked {
            Untracked::Leave => {}
            Untracked::Count => findings.counted.push((found.path(), 1)),
            Untracked::List => findings.untracked.push(found),
        }
    }

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
        let compared: Result<Vec<(Findings, Vec<Task>)>> = match pieces.len() {
            1 => pieces.into_iter().map(|p| folder.compare(p)).collect(),
            _ => pieces.into_par_iter().map(|p| folder.compare(p)).collect(),
        };
        let mut subfolders = Vec::new();
        let mut all = Findings::default();
        for (findings, mut tasks) in compared? {
            all.append(findings);
            subfolders.append(&mut tasks);
        }
        if listing.len() == 0 && !task.path.is_empty() && !task.ignored {
            all.empty_folders.push(task.path.to_vec());
        }
        let doubtful =
            !all.removed.is_empty() || !all.untracked.is_empty() || !all.counted.is_empty();
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

fn collapse(path: &[u8], findings: &mut Findings) -> Arc<AtomicU64> {
    let files = Arc::new(AtomicU64::new(0));
    findings.collapsed.push((path.to_vec(), files.clone()));
    files
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

/// One folder under comparison.
struct Folder<'a> {
    walk: &'a Walk<'a>,
    task: &'a Task,
    handle: &'a Arc<OwnedFd>,
    listing: &'a Listing,
    slots: &'a [Slot<'a>],
    rules: &'a Rules,
}

impl Folder<'_> {
    /// Ranges of names on disk, each with the tracked names that fall between them.
    fn pieces(&self) -> Vec<(Range<usize>, Range<usize>)> {
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
    fn compare(
        &self,
        (names, slots): (Range<usize>, Range<usize>),
    ) -> Result<(Findings, Vec<Task>)> {
        let mut findings = Findings::default();
        let mut subfolders = Vec::new();
        let progress = self.walk.request.progress;
        progress.advance(names.len() as u64, 0)?;
        let mut slots = self.slots[slots].iter().peekable();
        for index in names {
            let name = self.listing.name(index);
            while let Some(gone) = slots.next_if(|slot| slot.name < name) {
                self.removed(gone, &mut findings)?;
            }
            let slot = slots.next_if(|slot| slot.name == name);
            if is_control(name) {
                continue;
            }
            match slot {
                Some(slot) => self.tracked(index, slot, &mut findings, &mut subfolders)?,
                None => self.other(index, &mut findings, &mut subfolders)?,
            }
        }
        for gone in slots {
            self.removed(gone, &mut findings)?;
        }
        Ok((findings, subfolders))
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
    fn tracked(
        &self,
        index: usize,
        slot: &Slot<'_>,
        findings: &mut Findings,
        subfolders: &mut Vec<Task>,
    ) -> Result<()> {
        if self.listing.kind(index) == DiskKind::Folder {
            self.removed(slot, findings)?;
            return self.subfolder(index, findings, subfolders);
        }
        let disk = match disk::stat_at(self.handle.as_fd(), self.listing.c_name(index)) {
            Ok(disk) => disk,
            Err(error) if disk::is_missing(&error) => return self.removed(slot, findings),
            Err(error) => {
                findings.skip(&self.path(slot.name), disk::reason(&error));
                return Ok(());
            }
        };
        if self.walk.request.index.unchanged(slot, &disk) {
            return Ok(());
        }
        if disk.kind == DiskKind::Folder {
            self.removed(slot, findings)?;
            return self.subfolder(index, findings, subfolders);
        }
        if let Some(reason) = disk.kind.refusal() {
            findings.skip(&self.path(slot.name), reason);
            return Ok(());
        }
        findings.changed.push(Found {
            folder: self.task.path.clone(),
            name: slot.name.into(),
            record: Some(self.walk.request.index.record(&self.task.path, slot)?),
            disk,
        });
        Ok(())
    }

    /// A name that is not tracked.
    fn other(
        &self,
        index: usize,
        findings: &mut Findings,
        subfolders: &mut Vec<Task>,
    ) -> Result<()> {
        let mut kind = self.listing.kind(index);
        let look = || disk::stat_at(self.handle.as_fd(), self.listing.c_name(index));
        if kind == DiskKind::Unknown {
            match look() {
                Ok(disk) => kind = disk.kind,
                Err(_) => return Ok(()),
            }
        }
        if kind == DiskKind::Folder {
            return self.subfolder(index, findings, subfolders);
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
            findings.skip(&self.path(name), reason);
            return Ok(());
        }
        if let Some(files) = &self.task.collapsed {
            files.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        if untracked == Untracked::Count {
            findings.counted.push((self.path(name), 1));
            return Ok(());
        }
        match look() {
            Ok(disk) => findings.untracked.push(Found {
                folder: self.task.path.clone(),
                name: name.into(),
                record: None,
                disk,
            }),
            Err(error) if disk::is_missing(&error) => {}
            Err(error) => findings.skip(&self.path(name), disk::reason(&error)),
        }
        Ok(())
    }

    fn subfolder(
        &self,
        index: usize,
        findings: &mut Findings,
        subfolders: &mut Vec<Task>,
    ) -> Result<()> {
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
                Some(collapse(&path, findings))
            }
            _ => None,
        };
        subfolders.push(Task {
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
