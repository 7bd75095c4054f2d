//! Preparing: every new content into a temporary file, so that what follows is renames.

use std::collections::BTreeSet;
use std::ffi::{CStr, OsStr};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustix::fs::{Access, AtFlags};

use super::plan::bytes_of;
use super::{CheckoutPlan, NewFolder, Prepared, PreparedFolder, Temporary, Write};
use crate::counters;
use crate::error::{Error, Result};
use crate::files::FileType;
use crate::fsx;
use crate::paths;
use crate::progress::Progress;
use crate::store::{ContentWriter, Store, LEFT_BEHIND};
use crate::workspace::disk::{self, DiskStat};
use crate::workspace::reference;
use crate::workspace::status::in_batches_apart;
use crate::workspace::WorkingCopy;

/// Files that one thread writes in one go, into one folder.
const BATCH: usize = 256;

/// Threads beside one for each core.
const MOST_WAITING: usize = 4;

/// Folders with longer paths are not prepared under their own names: the call that makes them takes no such path.
const LONGEST: usize = 2_000;

/// Files of one folder, in disk order.
struct Batch {
    folder: Arc<PreparedFolder>,
    /// Positions in the plan's writes.
    writes: Vec<usize>,
}

/// Writes all new content into temporary files under `.oxide/tmp`. A full disk fails here, with nothing changed.
pub fn prepare(copy: &WorkingCopy, plan: &mut CheckoutPlan, progress: &Progress) -> Result<()> {
    let _span = crate::trace::span("checkout: prepare");
    let root = disk::open_root(&copy.tree)?;
    check_writable(copy, root.as_fd(), plan)?;
    if plan.state.writes.is_empty() {
        return Ok(());
    }
    progress.begin("writing", plan.state.writes.len() as u64, plan.bytes);
    // What stays of earlier checkouts that were killed may be what fills the disk. It is no reason to fail.
    let _ = copy.store.collect_temporary(LEFT_BEHIND);
    let temporary = new_folder(copy.store.control())?;
    let (new_folders, batches) = batches(
        &copy.store,
        root.as_fd(),
        &plan.state.writes,
        &temporary.folder,
    )?;
    let writes = &plan.state.writes;
    let prepared = Mutex::new(Vec::with_capacity(writes.len()));
    let write = || {
        in_batches_apart(root.as_fd(), &batches, 1, &|_, _, batch| {
            for batch in batch {
                let done = write_batch(&copy.store, writes, batch, progress)?;
                prepared.lock().expect("prepared lock").extend(done);
            }
            Ok(())
        })
    };
    match waiting_threads(batches.len()) {
        Some(threads) => threads.install(write)?,
        None => write()?,
    }
    for (index, prepared) in prepared.into_inner().expect("prepared lock") {
        plan.state.writes[index].prepared = Some(prepared);
    }
    plan.state.new_folders = new_folders;
    plan.state.temporary = Some(temporary);
    Ok(())
}

/// More threads than there are cores: those that wait for the disk to read leave theirs to others. `None` for little work.
fn waiting_threads(batches: usize) -> Option<rayon::ThreadPool> {
    let cores = rayon::current_num_threads();
    let threads = (cores + cores.min(MOST_WAITING)).min(batches);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    (threads > cores).then(|| pool.build().ok()).flatten()
}

/// Sorts the writes into batches, each of one folder and in the order in which the store reads fastest, and decides where
/// they are prepared.
fn batches(
    store: &Store,
    root: BorrowedFd<'_>,
    writes: &[Write],
    temporary: &Path,
) -> Result<(Vec<NewFolder>, Vec<Batch>)> {
    let mut new_folders: Vec<NewFolder> = Vec::new();
    let mut batches: Vec<((u64, u64), Batch)> = Vec::new();
    let mut first = 0;
    for same_folder in writes.chunk_by(|a, b| folder_of(a) == folder_of(b)) {
        let folder = folder_of(&same_folder[0]);
        let inside = |new: &NewFolder| is_below(folder, &new.path);
        if !new_folders.last().is_some_and(inside) {
            if let Some(path) = highest_missing(root, folder) {
                let prepared = temporary.join(format!("new-{}", new_folders.len()));
                new_folders.push(NewFolder { path, prepared });
            }
        }
        let own_name = new_folders
            .last()
            .filter(|new| inside(new) && folder.len() <= LONGEST);
        let mut ordered = Vec::with_capacity(same_folder.len());
        for (index, write) in (first..).zip(same_folder) {
            ordered.push((store.content_order(&write.record.content)?, index));
        }
        ordered.sort_unstable();
        for part in ordered.chunks(BATCH) {
            let folder = PreparedFolder {
                path: match own_name {
                    Some(new) => new.path_below(folder),
                    None => temporary.join(batches.len().to_string()),
                },
                new: own_name.map(|_| new_folders.len() - 1),
            };
            let batch = Batch {
                folder: Arc::new(folder),
                writes: part.iter().map(|(_, index)| *index).collect(),
            };
            batches.push((part[0].0, batch));
        }
        first += same_folder.len();
    }
    batches.sort_by_key(|(order, _)| *order);
    let batches = batches.into_iter().map(|(_, batch)| batch).collect();
    Ok((new_folders, batches))
}

fn folder_of(write: &Write) -> &[u8] {
    disk::split(&write.path).0
}

impl NewFolder {
    /// Where the folder at a path of the working copy, this one or one below it, is prepared.
    fn path_below(&self, folder: &[u8]) -> PathBuf {
        let below = folder[self.path.len()..].strip_prefix(b"/");
        self.prepared
            .join(OsStr::from_bytes(below.unwrap_or_default()))
    }
}

fn is_below(folder: &[u8], above: &[u8]) -> bool {
    folder
        .strip_prefix(above)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// The highest part of a folder's path that is missing, if nothing stands there and nothing else is wrong.
fn highest_missing(root: BorrowedFd<'_>, folder: &[u8]) -> Option<Vec<u8>> {
    if folder.is_empty() {
        return None;
    }
    let mut handle = disk::open_folder(root, b"").ok()?;
    let mut above = Vec::new();
    for name in folder.split(|byte| *byte == b'/') {
        above = disk::join(&above, name);
        let name = disk::c_name(name).ok()?;
        handle = match disk::open_subfolder(handle.as_fd(), &name) {
            Ok(handle) => handle,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Some(above),
            Err(_) => return None,
        };
    }
    None
}

/// A folder of this checkout alone.
fn new_folder(control: &Path) -> Result<Temporary> {
    loop {
        let name = format!("checkout-{}-{}", std::process::id(), fsx::unique_name());
        let folder = control.join("tmp").join(name);
        fsx::create_dir_all(&folder)?;
        // Between its creation and its lock a collector may have taken the folder for a dead process' one.
        if let Some(_lock) = fsx::try_lock_named(&folder)? {
            return Ok(Temporary { folder, _lock });
        }
    }
}

fn write_batch(
    store: &Store,
    writes: &[Write],
    batch: &Batch,
    progress: &Progress,
) -> Result<Vec<(usize, Prepared)>> {
    let folder = &batch.folder;
    fsx::create_dir_all(&folder.path)?;
    let handle = disk::open_root(&folder.path)?;
    let mut contents = ContentWriter::new(store);
    let mut done = Vec::with_capacity(batch.writes.len());
    for (number, index) in (0..).zip(&batch.writes) {
        let write = &writes[*index];
        let own_name = disk::split(&write.path).1;
        let name = match folder.new {
            Some(_) => disk::c_name(own_name),
            None => disk::c_name(number.to_string().as_bytes()),
        };
        let path = folder.path.join(OsStr::from_bytes(own_name));
        let name = name.map_err(|error| Error::io("create", &path, &error))?;
        let looks = write_new(
            store,
            &mut contents,
            write,
            handle.as_fd(),
            &name,
            &path,
            progress,
        )?;
        done.push((
            *index,
            Prepared {
                folder: folder.clone(),
                number,
                looks,
            },
        ));
        progress.advance(1, 0)?;
    }
    Ok(done)
}

/// Writes a new file or link. `path` is for messages.
fn write_new(
    store: &Store,
    contents: &mut ContentWriter<'_>,
    write: &Write,
    folder: BorrowedFd<'_>,
    name: &CStr,
    path: &Path,
    progress: &Progress,
) -> Result<DiskStat> {
    let record = &write.record;
    let (length, looks) = if record.kind == FileType::File {
        let file = fsx::at::create_new(folder, name, record.executable, path)?;
        let length = contents.copy(&record.content, &file, path, progress)?;
        (length, disk::stat_open(&file))
    } else {
        let target = match record.kind {
            FileType::Reference => reference::target(store, &record.content)?,
            _ => store.content(&record.content)?,
        };
        fsx::at::symlink(&target, folder, name, path)?;
        progress.advance(0, bytes_of(record))?;
        (target.len() as u64, disk::stat_at(folder, name))
    };
    let looks = looks.map_err(|error| Error::io("look at", path, &error))?;
    if record.kind != FileType::Reference && (length != record.size || looks.size != record.size) {
        let text = paths::to_text(&write.path);
        return Err(Error::integrity(format!(
            "the content of '{text}' has {length} bytes instead of {}",
            record.size
        ))
        .at(text));
    }
    counters::FILES_WRITTEN.add(1);
    Ok(looks)
}

/// Fails when a folder in which files must appear or go cannot be changed.
fn check_writable(copy: &WorkingCopy, root: BorrowedFd<'_>, plan: &CheckoutPlan) -> Result<()> {
    let writes = plan.state.writes.iter().map(|write| &write.path);
    let removes = plan.state.removes.iter().map(|remove| &remove.path);
    let folders: BTreeSet<&[u8]> = writes
        .chain(removes)
        .map(|path| disk::split(path).0)
        .collect();
    for folder in folders {
        let mut nearest = folder;
        let handle = loop {
            match disk::open_folder(root, nearest) {
                Ok(handle) => break handle,
                Err(error) if disk::is_missing(&error) && !nearest.is_empty() => {
                    nearest = disk::split(nearest).0;
                }
                Err(error) => return Err(refused(copy, nearest, &error)),
            }
        };
        let access = Access::WRITE_OK | Access::EXEC_OK;
        if let Err(error) = rustix::fs::accessat(&handle, c".", access, AtFlags::EACCESS) {
            return Err(refused(copy, nearest, &error.into()));
        }
    }
    Ok(())
}

fn refused(copy: &WorkingCopy, folder: &[u8], error: &io::Error) -> Error {
    Error::io(
        "change files in",
        &disk::absolute(&copy.tree, folder),
        error,
    )
    .hint("nothing was changed; make the folder writable and run the same command again")
}
