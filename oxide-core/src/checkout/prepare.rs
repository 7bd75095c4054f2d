//! Preparing: every new content into a temporary file, so that what follows is renames.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags};

use super::plan::bytes_of;
use super::{CheckoutPlan, Prepared, Temporary, Write};
use crate::counters;
use crate::error::{Error, Result};
use crate::files::FileType;
use crate::fsx;
use crate::progress::Progress;
use crate::store::{Store, LEFT_BEHIND};
use crate::workspace::disk;
use crate::workspace::reference;
use crate::workspace::status::in_batches;
use crate::workspace::WorkingCopy;

/// Files that one thread writes in one go, into one folder.
const BATCH: usize = 256;

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
    let _ = copy.store.collect_temporary(LEFT_BEHIND, None);
    let temporary = new_folder(copy.store.control())?;
    let order = disk_order(&copy.store, &plan.state.writes)?;
    let writes = &plan.state.writes;
    let prepared = std::sync::Mutex::new(Vec::with_capacity(order.len()));
    in_batches(root.as_fd(), &order, BATCH, &|_, first, batch| {
        let folder = temporary.folder.join((first / BATCH).to_string());
        fsx::create_dir_all(&folder)?;
        let mut done = Vec::with_capacity(batch.len());
        for index in batch {
            let write = &writes[*index];
            done.push((
                *index,
                write_new(&copy.store, write, folder.join(index.to_string()))?,
            ));
            progress.advance(1, bytes_of(&write.row))?;
        }
        prepared.lock().expect("prepared lock").append(&mut done);
        Ok(())
    })?;
    for (index, prepared) in prepared.into_inner().expect("prepared lock") {
        plan.state.writes[index].prepared = Some(prepared);
    }
    plan.state.temporary = Some(temporary);
    Ok(())
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

/// Positions of the writes in the order in which the store reads fastest.
fn disk_order(store: &Store, writes: &[Write]) -> Result<Vec<usize>> {
    let mut keyed = Vec::with_capacity(writes.len());
    for (index, write) in writes.iter().enumerate() {
        keyed.push((store.content_order(&write.row.content)?, index));
    }
    keyed.sort_unstable();
    Ok(keyed.into_iter().map(|(_, index)| index).collect())
}

fn write_new(store: &Store, write: &Write, path: PathBuf) -> Result<Prepared> {
    let row = &write.row;
    let io_error = |error: io::Error| Error::io("look at", &path, &error);
    let (length, looks) = if row.kind != FileType::File {
        let target = match row.kind {
            FileType::Reference => reference::target(store, &row.content)?,
            _ => store.content(&row.content)?,
        };
        fsx::symlink(&target, &path)?;
        let parent = disk::open_root(path.parent().unwrap_or(&path))?;
        let name = path.file_name().unwrap_or_default();
        let name = disk::c_name(name.as_encoded_bytes()).map_err(io_error)?;
        let looks = disk::stat_at(parent.as_fd(), &name).map_err(io_error)?;
        (target.len() as u64, looks)
    } else {
        let file = fsx::create_new(&path)?;
        let length = store.copy_content(&row.content, &file, &path)?;
        if row.executable {
            fsx::at::set_executable(&file, true, &path)?;
        }
        (length, disk::stat_open(&file).map_err(io_error)?)
    };
    if row.kind != FileType::Reference && (length != row.size || looks.size != row.size) {
        return Err(Error::integrity(format!(
            "the content of '{}' has {length} bytes instead of {}",
            row.path, row.size
        ))
        .at(row.path.clone()));
    }
    counters::FILES_WRITTEN.add(1);
    Ok(Prepared { path, looks })
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
