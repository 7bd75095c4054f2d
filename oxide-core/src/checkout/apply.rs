//! Applying: removals, renames into place, and the stat index brought up to date. Nothing here can run out of space for
//! contents, and nothing asks whether to stop: an operation that was published is carried through.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::{CheckoutPlan, Keep, NewFolder, Remove, Write};
use crate::error::{Error, Result};
use crate::fsx;
use crate::hash::Id;
use crate::paths;
use crate::progress::Progress;
use crate::workspace::disk::{self, DiskKind, DiskStat, Listing, RACY_NANOSECONDS};
use crate::workspace::stat_index::{self, Record, Update};
use crate::workspace::status::{in_batches, in_batches_apart, Handles};
use crate::workspace::{Skipped, WorkingCopy};

/// Files that one thread handles in one go.
const BATCH: usize = 64;

/// Why a file was left as it is.
const CHANGED: &str = "changed while it was being checked out";

/// Moves the prepared files into place, removes what goes, and remembers the result in the stat index as of `operation`.
/// `files` is the root that the disk is then at. Returns paths that could not be changed, with reasons. With `insist` the
/// stat index stays where it was while there are any, so that the next verb tries again.
pub fn apply(
    copy: &WorkingCopy,
    plan: CheckoutPlan,
    operation: u64,
    files: &Id,
    insist: bool,
    progress: &Progress,
) -> Result<Vec<Skipped>> {
    let (seen, skipped) = carry_out(copy, plan, progress)?;
    if skipped.is_empty() || !insist {
        remember(copy, operation, files, &seen)?;
    }
    Ok(skipped)
}

/// What the stat index learns: paths and how their files look.
type Seen = Vec<(Vec<u8>, Record)>;

/// Notes in the stat index that the disk is at `files` as of `operation`.
fn remember(copy: &WorkingCopy, operation: u64, files: &Id, seen: &Seen) -> Result<()> {
    stat_index::update(
        copy.store.control(),
        &copy.store,
        &Update {
            operation: Some(operation),
            root: files,
            known: None,
            seen,
        },
    )
}

/// Moves and removes what is planned. Returns how the files look now, and paths that could not be changed.
fn carry_out(
    copy: &WorkingCopy,
    plan: CheckoutPlan,
    progress: &Progress,
) -> Result<(Seen, Vec<Skipped>)> {
    let _span = crate::trace::span("checkout: apply");
    let root = disk::open_root(&copy.tree)?;
    let mut applier = Applier {
        tree: &copy.tree,
        root: root.as_fd(),
        moved_folders: Vec::new(),
        skipped: Mutex::default(),
    };
    let state = &plan.state;
    let files_total = state.removes.len() + state.writes.len();
    progress.begin("moving into place", files_total as u64, 0);
    applier.each(&state.removes, progress, &|handles, remove| {
        applier.remove(handles, remove)
    })?;
    for path in &state.clear {
        applier.note(path, applier.clear(path));
    }
    for folder in &state.replaced_folders {
        applier.note(folder, applier.remove_empty_tree(folder));
    }
    let moved = state.new_folders.iter().map(|new| applier.move_folder(new));
    applier.moved_folders = moved.collect();
    applier.each(&state.writes, progress, &|handles, write| {
        applier.write(handles, write)
    })?;
    applier.remove_empty_parents(&plan);
    applier.each(&state.kept, progress, &|handles, keep| {
        applier.set_executable(handles, keep)
    })?;
    let seen = applier.look(&plan)?;
    let mut skipped = applier.skipped.into_inner().expect("skipped lock");
    skipped.sort_by(|a, b| a.path.cmp(&b.path));
    skipped.dedup();
    Ok((seen, skipped))
}

/// A step about one path.
trait Step: Sync {
    fn path(&self) -> &[u8];
}

impl Step for Remove {
    fn path(&self) -> &[u8] {
        &self.path
    }
}

impl Step for Write {
    fn path(&self) -> &[u8] {
        &self.path
    }
}

impl Step for Keep {
    fn path(&self) -> &[u8] {
        &self.path
    }
}

struct Applier<'a> {
    tree: &'a Path,
    root: BorrowedFd<'a>,
    /// For each of the plan's new folders the time just before it came into place; `None` when its files must be moved one
    /// by one.
    moved_folders: Vec<Option<i64>>,
    skipped: Mutex<Vec<Skipped>>,
}

impl Applier<'_> {
    /// Does a step for each path, in parallel; one that fails is noted and the rest goes on.
    fn each<T: Step>(
        &self,
        steps: &[T],
        progress: &Progress,
        work: &(dyn Fn(&mut Handles<'_>, &T) -> Result<()> + Sync),
    ) -> Result<()> {
        in_batches_apart(self.root, steps, BATCH, &|handles, _, batch| {
            for step in batch {
                self.note(step.path(), work(handles, step));
            }
            // Stopping half way would help nobody.
            let _ = progress.advance(batch.len() as u64, 0);
            Ok(())
        })
    }

    fn note(&self, path: &[u8], result: Result<()>) {
        if let Err(error) = result {
            self.skipped.lock().expect("skipped lock").push(Skipped {
                path: paths::to_text(path),
                reason: error.message,
            });
        }
    }

    fn error(&self, path: &[u8], error: &io::Error) -> Error {
        Error::io("change", &disk::absolute(self.tree, path), error)
    }

    /// How the file looks now; `None` when it is not there.
    fn looks(&self, handle: &OwnedFd, path: &[u8]) -> Result<Option<DiskStat>> {
        let look = || disk::stat_at(handle.as_fd(), &disk::c_name(disk::split(path).1)?);
        match look() {
            Ok(looks) => Ok(Some(looks)),
            Err(error) if disk::is_missing(&error) => Ok(None),
            Err(error) => Err(self.error(path, &error)),
        }
    }

    fn remove(&self, handles: &mut Handles<'_>, remove: &Remove) -> Result<()> {
        let (folder, name) = disk::split(&remove.path);
        let handle = match handles.folder(folder) {
            Ok(handle) => handle,
            Err(error) if disk::is_missing(&error) => return Ok(()),
            Err(error) => return Err(self.error(&remove.path, &error)),
        };
        let Some(looks) = self.looks(&handle, &remove.path)? else {
            return Ok(());
        };
        if remove.expected.is_some_and(|expected| expected != looks)
            || looks.kind == DiskKind::Folder
        {
            return Err(changed());
        }
        let name = disk::c_name(name).map_err(|error| self.error(&remove.path, &error))?;
        let path = disk::absolute(self.tree, &remove.path);
        fsx::at::remove_file(handle.as_fd(), &name, &path)
    }

    /// Removes whatever is at a path, by force.
    fn clear(&self, path: &[u8]) -> Result<()> {
        let (folder, name) = disk::split(path);
        let open = || Ok((disk::open_folder(self.root, folder)?, disk::c_name(name)?));
        let (handle, name) = open().map_err(|error: io::Error| self.error(path, &error))?;
        fsx::at::remove_all(handle.as_fd(), &name, &disk::absolute(self.tree, path))
    }

    /// Removes a folder that has only folders in it.
    fn remove_empty_tree(&self, folder: &[u8]) -> Result<()> {
        let mut found = vec![folder.to_vec()];
        let mut next = 0;
        while next < found.len() {
            let path = found[next].clone();
            next += 1;
            let read = disk::open_folder(self.root, &path)
                .and_then(|handle| Listing::read(handle.as_fd()));
            let listing = match read {
                Ok(listing) => listing,
                Err(error) if disk::is_missing(&error) => continue,
                Err(error) => return Err(self.error(&path, &error)),
            };
            for index in 0..listing.len() {
                found.push(disk::join(&path, listing.name(index)));
            }
        }
        for path in found.iter().rev() {
            if !self.remove_folder(path)? {
                break;
            }
        }
        Ok(())
    }

    /// Removes an empty folder; `false` when it stays because something is in it.
    fn remove_folder(&self, path: &[u8]) -> Result<bool> {
        let (folder, name) = disk::split(path);
        let open = || Ok((disk::open_folder(self.root, folder)?, disk::c_name(name)?));
        match open() {
            Ok((handle, name)) => {
                let path = disk::absolute(self.tree, path);
                fsx::at::remove_folder_if_empty(handle.as_fd(), &name, &path)
            }
            Err(error) if disk::is_missing(&error) => Ok(true),
            Err(error) => Err(self.error(path, &error)),
        }
    }

    /// Opens a folder, creating what is missing of it.
    fn make_folder(&self, path: &[u8]) -> io::Result<OwnedFd> {
        let mut handle = disk::open_folder(self.root, b"")?;
        let mut above = Vec::new();
        for part in path.split(|byte| *byte == b'/') {
            above = disk::join(&above, part);
            let name = disk::c_name(part)?;
            handle = match disk::open_subfolder(handle.as_fd(), &name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let path = disk::absolute(self.tree, &above);
                    fsx::at::create_folder(handle.as_fd(), &name, &path)
                        .map_err(|error| io::Error::other(error.message))?;
                    disk::open_subfolder(handle.as_fd(), &name)?
                }
                opened => opened?,
            };
        }
        Ok(handle)
    }

    /// Moves a folder that is not there into place. Gives the time just before. Whatever is in its way, its files will
    /// find it and say so, each for itself.
    fn move_folder(&self, new: &NewFolder) -> Option<i64> {
        let (folder, name) = disk::split(&new.path);
        let handle = disk::open_folder(self.root, folder).ok()?;
        let name = disk::c_name(name).ok()?;
        let path = disk::absolute(self.tree, &new.path);
        let before = disk::now();
        let moved = fsx::at::rename_folder_new(&new.prepared, handle.as_fd(), &name, &path);
        moved.unwrap_or(false).then_some(before)
    }

    /// When a file came into place together with its folder.
    fn moved_with_folder(&self, write: &Write) -> Option<i64> {
        let new = write.prepared.as_ref()?.folder.new?;
        self.moved_folders[new]
    }

    fn write(&self, handles: &mut Handles<'_>, write: &Write) -> Result<()> {
        if self.moved_with_folder(write).is_some() {
            return Ok(());
        }
        let Some(prepared) = write.prepared_path() else {
            return Err(Error::integrity("its content was not prepared"));
        };
        let (folder, name) = disk::split(&write.path);
        let handle = match handles.folder(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.make_folder(folder).map(Arc::new)
            }
            opened => opened,
        };
        let handle = handle.map_err(|error| self.error(&write.path, &error))?;
        let name = disk::c_name(name).map_err(|error| self.error(&write.path, &error))?;
        let path = disk::absolute(self.tree, &write.path);
        if !write.forced && write.replaces.is_none() {
            let moved = fsx::at::rename_new(&prepared, handle.as_fd(), &name, &path)?;
            return if moved { Ok(()) } else { Err(changed()) };
        }
        let looks = self.looks(&handle, &write.path)?;
        if !write.forced && looks.as_ref() != write.replaces.as_deref() {
            return Err(changed());
        }
        if looks.is_some() && fsx::at::exchange(&prepared, handle.as_fd(), &name, &path)? {
            let swapped = looks_at(&prepared).map_err(|e| self.error(&write.path, &e))?;
            let as_seen = looks.is_some_and(|looks| same_but_renamed(&looks, &swapped));
            if !as_seen && (!write.forced || swapped.kind == DiskKind::Folder) {
                // Somebody saved the file in the moment before the swap: it goes back to its place.
                fsx::at::exchange(&prepared, handle.as_fd(), &name, &path)?;
                return Err(changed());
            }
            // What cannot be removed now goes with the folder of temporary files.
            fsx::discard(&prepared);
            return Ok(());
        }
        fsx::at::rename(&prepared, handle.as_fd(), &name, &path)
    }

    /// Removes folders that lost their last file, and their parents; never the root.
    fn remove_empty_parents(&self, plan: &CheckoutPlan) {
        let removes = plan.state.removes.iter().map(|remove| &remove.path);
        let mut parents: BTreeSet<Vec<u8>> = removes
            .chain(&plan.state.vacated)
            .map(|path| disk::split(path).0.to_vec())
            .collect();
        // In descending order a folder comes after all that is below it.
        while let Some(folder) = parents.pop_last() {
            if folder.is_empty() {
                continue;
            }
            match self.remove_folder(&folder) {
                Ok(true) => {
                    parents.insert(disk::split(&folder).0.to_vec());
                }
                Ok(false) => {}
                Err(error) => self.note(&folder, Err(error)),
            }
        }
    }

    fn set_executable(&self, handles: &mut Handles<'_>, keep: &Keep) -> Result<()> {
        if keep.looks.kind != DiskKind::File || keep.looks.executable == keep.record.executable {
            return Ok(());
        }
        let (folder, name) = disk::split(&keep.path);
        let file = handles
            .folder(folder)
            .and_then(|handle| disk::open_file(handle.as_fd(), &disk::c_name(name)?))
            .map_err(|error| self.error(&keep.path, &error))?;
        let path = disk::absolute(self.tree, &keep.path);
        fsx::at::set_executable(&file, keep.record.executable, &path)
    }

    /// How the files look now that all is done.
    fn look(&self, plan: &CheckoutPlan) -> Result<Seen> {
        let seen = Mutex::new(Vec::new());
        in_batches(
            self.root,
            &plan.state.writes,
            BATCH,
            &|handles, _, batch| {
                let looked: Vec<_> = batch
                    .iter()
                    .filter_map(|write| match self.moved_with_folder(write) {
                        Some(moved_at) => look_of_moved(write, moved_at),
                        None => look_at_written(handles, write),
                    })
                    .collect();
                seen.lock().expect("seen lock").extend(looked);
                Ok(())
            },
        )?;
        in_batches(self.root, &plan.state.kept, BATCH, &|handles, _, batch| {
            let looked: Vec<_> = batch
                .iter()
                .filter_map(|keep| look_at_kept(handles, keep))
                .collect();
            seen.lock().expect("seen lock").extend(looked);
            Ok(())
        })?;
        Ok(seen.into_inner().expect("seen lock"))
    }
}

/// How a file with a path of the store's own looks.
fn looks_at(path: &Path) -> io::Result<DiskStat> {
    let name = disk::c_name(path.as_os_str().as_encoded_bytes())?;
    disk::stat_at(rustix::fs::CWD, &name)
}

/// Whether both are one file in one state; a rename changes the change time.
fn same_but_renamed(before: &DiskStat, after: &DiskStat) -> bool {
    DiskStat {
        ctime: before.ctime,
        ..*after
    } == *before
}

fn changed() -> Error {
    Error::new(crate::error::ErrorCode::FileChanged, CHANGED)
}

fn look_now(handles: &mut Handles<'_>, path: &[u8]) -> Option<DiskStat> {
    let (folder, name) = disk::split(path);
    let handle = handles.folder(folder).ok()?;
    disk::stat_at(handle.as_fd(), &disk::c_name(name).ok()?).ok()
}

/// A file that came into place with its folder, before which nobody saw it: it looks as it was prepared.
fn look_of_moved(write: &Write, moved_at: i64) -> Option<(Vec<u8>, Record)> {
    let looks = &write.prepared.as_ref()?.looks;
    let record = write.record.seen(looks, moved_at);
    Some((write.path.clone(), record))
}

/// A file that was moved into place and still is as it was written.
fn look_at_written(handles: &mut Handles<'_>, write: &Write) -> Option<(Vec<u8>, Record)> {
    let prepared = write.prepared.as_ref()?;
    let read_at = disk::now();
    let looks = look_now(handles, &write.path)?;
    let untouched = looks.inode == prepared.looks.inode
        && looks.mtime == prepared.looks.mtime
        && looks.size == prepared.looks.size;
    if !untouched {
        return None;
    }
    let mut record = write.record.seen(&looks, read_at);
    // The rename set the change time; somebody may have written in that moment.
    record.racy |= looks.mtime >= looks.ctime.saturating_sub(RACY_NANOSECONDS);
    Some((write.path.clone(), record))
}

/// A file that was right already; its executable bit may have been set since.
fn look_at_kept(handles: &mut Handles<'_>, keep: &Keep) -> Option<(Vec<u8>, Record)> {
    let looks = look_now(handles, &keep.path)?;
    let untouched = looks.inode == keep.looks.inode
        && looks.mtime == keep.looks.mtime
        && looks.size == keep.looks.size;
    let record = keep.record.seen(&looks, keep.read_at);
    untouched.then_some((keep.path.clone(), record))
}
