//! The only module that changes files under `.oxide` or in a working copy: atomic writes, flushes, renames, links and
//! removals, each behind a named fault point that tests can make fail.

pub mod at;
mod boot;
mod cold;
mod faults;
mod large;
mod locks;
mod recording;

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::OFlags;

use crate::counters;
use crate::error::{Error, ErrorCode, Result};

pub use boot::boot;
#[cfg(test)]
pub(crate) use boot::tests::BOOT;
pub use cold::ColdFile;
pub use faults::fault_point;
pub use large::{write_large, AlignedBuffer, LargeFile, ALIGNMENT};
pub use locks::{create_locked, lock, try_lock, try_lock_named, try_lock_open, Lock};

/// Whether a write must have reached the disk when the call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Flushed, with its folder.
    Durable,
    /// Derived data with a checksum: may be lost in a power cut, or torn.
    Derived,
}

/// Microseconds since 1970 UTC, now.
pub fn now_micros() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |time| time.as_micros() as u64)
}

/// A name that no other process and no other call makes: `<16 hex digits of microseconds>-<8 random hex digits>`.
/// Names of one process ascend.
pub fn unique_name() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = now_micros();
    let last = LAST
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| {
            Some(now.max(last + 1))
        })
        .unwrap_or(now);
    let mut random = [0u8; 4];
    if getrandom::fill(&mut random).is_err() {
        // Without a source of randomness the process id still keeps processes apart.
        random = std::process::id().to_le_bytes();
    }
    format!(
        "{:016x}-{:08x}",
        now.max(last + 1),
        u32::from_le_bytes(random)
    )
}

/// A new name for a temporary file that will become `path`: in the control folder's `tmp` for files below `.oxide`,
/// where leftovers are collected, else beside `path`.
pub fn temporary_for(path: &Path) -> PathBuf {
    let control = path.ancestors().find(|folder| folder.ends_with(".oxide"));
    match control {
        Some(control) => control.join("tmp").join(format!("file-{}", unique_name())),
        None => path.with_file_name(format!(".oxide-tmp-{}", unique_name())),
    }
}

/// Writes `bytes` to `path` so that a reader sees the old content or the new, never a part.
#[track_caller]
pub fn write_atomic(path: &Path, bytes: &[u8], durability: Durability) -> Result<()> {
    let (temporary, _file) = write_temporary(path, bytes, durability)?;
    if let Err(error) = rename(&temporary, path) {
        discard(&temporary);
        return Err(error);
    }
    match durability {
        Durability::Durable => sync_parent(path),
        Durability::Derived => Ok(()),
    }
}

/// Creates `path` with `bytes` only if no such name exists (link(2)); durable. `false` when the name was taken.
#[track_caller]
pub fn publish_new(path: &Path, bytes: &[u8]) -> Result<bool> {
    let (temporary, _file) = write_temporary(path, bytes, Durability::Durable)?;
    let linked = link_new(&temporary, path);
    discard(&temporary);
    if linked? {
        sync_parent(path)?;
        return Ok(true);
    }
    Ok(false)
}

/// A new temporary file with `bytes`, and its handle: while that is open, no collector of leftovers takes the file.
#[track_caller]
fn write_temporary(path: &Path, bytes: &[u8], durability: Durability) -> Result<(PathBuf, File)> {
    let (temporary, file) = create_locked(|| temporary_for(path))?;
    let mut written = write_all(&file, bytes, &temporary);
    if written.is_ok() && durability != Durability::Derived {
        written = sync_data(&file, &temporary);
    }
    if let Err(error) = written {
        discard(&temporary);
        return Err(error);
    }
    Ok((temporary, file))
}

/// Removes a temporary file after a failure; what cannot be removed now is collected later.
#[track_caller]
pub fn discard(temporary: &Path) {
    let _ = remove_file(temporary);
}

#[track_caller]
fn sync_parent(path: &Path) -> Result<()> {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => sync_dir(Path::new(".")),
        Some(folder) => sync_dir(folder),
        None => Ok(()),
    }
}

/// Gives `from` the second name `to` if no such name exists. `false` when the name was taken.
#[track_caller]
pub fn link_new(from: &Path, to: &Path) -> Result<bool> {
    fault_point("link", to)?;
    let turn = recording::turn();
    match std::fs::hard_link(from, to) {
        Ok(()) => {
            turn.linked(from, to);
            Ok(true)
        }
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(Error::io("link", to, &e)),
    }
}

/// Renames within one file system.
#[track_caller]
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    fault_point("rename", to)?;
    let turn = recording::turn();
    std::fs::rename(from, to).map_err(|e| Error::io("rename a file to", to, &e))?;
    turn.renamed(from, to);
    Ok(())
}

/// Renames within one file system to a name that must be free; makes the folders above it.
#[track_caller]
pub fn rename_to_free(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        create_dir_all(folder)?;
    }
    fault_point("rename", to)?;
    let turn = recording::turn();
    let flags = rustix::fs::RenameFlags::NOREPLACE;
    let renamed = rustix::fs::renameat_with(rustix::fs::CWD, from, rustix::fs::CWD, to, flags);
    let renamed = match renamed {
        // File systems that cannot do it in one step.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP) => {
            match to.symlink_metadata() {
                Ok(_) => Err(rustix::io::Errno::EXIST),
                Err(_) => rustix::fs::rename(from, to),
            }
        }
        renamed => renamed,
    };
    renamed.map_err(|error| {
        let doing = format!("move '{}' to", from.display());
        Error::io(&doing, to, &error.into())
    })?;
    turn.renamed(from, to);
    Ok(())
}

/// Creates a folder and its parents.
#[track_caller]
pub fn create_dir_all(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    fault_point("mkdir", path)?;
    let turn = recording::turn();
    let missing = recording::missing_folders(&turn, path);
    std::fs::create_dir_all(path).map_err(|e| Error::io("create the folder", path, &e))?;
    for folder in &missing {
        turn.folder_created(folder);
    }
    Ok(())
}

/// [`create_dir_all`], flushed: a power cut leaves neither the folder nor those above it behind.
#[track_caller]
pub fn create_dir_all_durable(path: &Path) -> Result<()> {
    let missing = path.ancestors().take_while(|folder| !folder.is_dir());
    let missing: Vec<&Path> = missing.collect();
    create_dir_all(path)?;
    for folder in missing {
        sync_parent(folder)?;
    }
    Ok(())
}

/// Removes a file; a missing one is no error.
#[track_caller]
pub fn remove_file(path: &Path) -> Result<()> {
    fault_point("unlink", path)?;
    let turn = recording::turn();
    match std::fs::remove_file(path) {
        Ok(()) => turn.unlinked(path),
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(e) => return Err(Error::io("remove", path, &e)),
    }
    Ok(())
}

/// Removes an empty folder; `false` when it is not empty or not there.
#[track_caller]
pub fn remove_dir_if_empty(path: &Path) -> Result<bool> {
    fault_point("rmdir", path)?;
    let turn = recording::turn();
    match std::fs::remove_dir(path) {
        Ok(()) => {
            turn.folder_removed(path);
            Ok(true)
        }
        Err(e)
            if matches!(
                e.kind(),
                ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty | ErrorKind::NotADirectory
            ) =>
        {
            Ok(false)
        }
        Err(e) => Err(Error::io("remove the folder", path, &e)),
    }
}

/// Removes a folder with all that is in it; a missing one is no error.
#[track_caller]
pub fn remove_dir_all(path: &Path) -> Result<()> {
    fault_point("rmdir", path)?;
    let turn = recording::turn();
    let going = recording::whole_tree(&turn, path);
    match std::fs::remove_dir_all(path) {
        Ok(()) => turn.tree_removed(&going),
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(e) => return Err(Error::io("remove the folder", path, &e)),
    }
    Ok(())
}

/// Flushes a file's data (fdatasync).
#[track_caller]
pub fn sync_data(file: &File, path: &Path) -> Result<()> {
    fault_point("flush", path)?;
    counters::FLUSHES.add(1);
    let turn = recording::turn();
    file.sync_data().map_err(|e| Error::io("flush", path, &e))?;
    turn.flushed(file);
    Ok(())
}

/// Lets the disk begin with bytes of a file that were just written (`length` 0: to the file's end), so that the flush to come
/// finds little left to do. Nothing can be relied on before that flush, so a failure is none.
pub fn begin_flush(file: &File, offset: u64, length: u64) {
    #[cfg(target_os = "linux")]
    if let (Ok(offset), Ok(length)) = (i64::try_from(offset), i64::try_from(length)) {
        use std::os::fd::AsRawFd;
        // SAFETY: the descriptor is open for as long as `file` is borrowed, and the call touches no memory.
        unsafe {
            libc::sync_file_range(
                file.as_raw_fd(),
                offset,
                length,
                libc::SYNC_FILE_RANGE_WRITE,
            )
        };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (file, offset, length);
}

/// Flushes a folder's entries.
#[track_caller]
pub fn sync_dir(path: &Path) -> Result<()> {
    fault_point("flush-folder", path)?;
    counters::FLUSHES.add(1);
    let turn = recording::turn();
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|e| Error::io("flush the folder", path, &e))?;
    turn.folder_flushed(path);
    Ok(())
}

/// Flushes many files and folders, all of them in the file system of `folder`: one call for the whole file system where
/// there is one and they are many, which costs less than a flush for each.
#[track_caller]
pub fn sync_many(paths: &[PathBuf], folder: &Path) -> Result<()> {
    #[cfg(target_os = "linux")]
    if paths.len() > 32 {
        fault_point("flush-all", folder)?;
        counters::FLUSHES.add(1);
        let turn = recording::turn();
        File::open(folder)
            .and_then(|file| Ok(rustix::fs::syncfs(&file)?))
            .map_err(|e| Error::io("flush the file system of", folder, &e))?;
        turn.all_flushed(folder);
        return Ok(());
    }
    let _ = folder;
    for path in paths {
        if path.is_dir() {
            sync_dir(path)?;
            continue;
        }
        let file = File::open(path).map_err(|e| Error::io("open", path, &e))?;
        sync_data(&file, path)?;
    }
    Ok(())
}

/// Creates a symbolic link with exactly these target bytes.
#[track_caller]
pub fn symlink(target: &[u8], path: &Path) -> Result<()> {
    fault_point("symlink", path)?;
    let turn = recording::turn();
    std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(target), path)
        .map_err(|e| Error::io("create the link", path, &e))?;
    turn.symlinked(path, target);
    Ok(())
}

/// Creates a new file for reading and writing; it must not exist.
#[track_caller]
pub fn create_new(path: &Path) -> Result<File> {
    fault_point("create", path)?;
    let turn = recording::turn();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(|e| Error::io("create", path, &e))?;
    turn.created(path, &file);
    Ok(file)
}

/// Creates a file without a name below a control folder: it is gone when it is closed, whatever becomes of the process.
#[track_caller]
pub fn create_nameless(control: &Path) -> Result<File> {
    create_dir_all(&control.join("tmp"))?;
    let (path, file) = create_locked(|| temporary_for(&control.join("nameless")))?;
    remove_file(&path)?;
    Ok(file)
}

/// Notes that a file is in use now, by its time of change.
#[track_caller]
pub fn mark_used(path: &Path) -> Result<()> {
    fault_point("touch", path)?;
    let turn = recording::turn();
    File::open(path)
        .and_then(|file| file.set_modified(SystemTime::now()))
        .map_err(|e| Error::io("change the time of", path, &e))?;
    turn.touched(path);
    Ok(())
}

/// Opens a file for reading without following a link at its end and without waiting for a writer of a named pipe.
/// The caller tells apart what it met: `ErrorKind` and errno are untouched.
pub fn open_no_follow(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32)
        .open(path)
}

/// Writes all of `bytes` at the file's position.
#[track_caller]
pub fn write_all(mut file: &File, bytes: &[u8], path: &Path) -> Result<()> {
    let (length, failure) = faults::write_point("write", path, bytes.len())?;
    let turn = recording::turn();
    file.write_all(&bytes[..length])
        .map_err(|e| Error::io("write", path, &e))?;
    turn.written(file, &bytes[..length]);
    failure.map_or(Ok(()), Err)
}

/// Writes all of `bytes` at `offset`.
#[track_caller]
pub fn write_all_at(file: &File, bytes: &[u8], offset: u64, path: &Path) -> Result<()> {
    let (length, failure) = faults::write_point("write", path, bytes.len())?;
    let turn = recording::turn();
    file.write_all_at(&bytes[..length], offset)
        .map_err(|e| Error::io("write", path, &e))?;
    turn.written_at(file, &bytes[..length], offset);
    failure.map_or(Ok(()), Err)
}

/// Makes the empty file `to` share the blocks of `from`. `false` where the file system cannot; `to` is still empty then.
#[track_caller]
pub fn share_blocks(from: &File, to: &File, to_path: &Path) -> Result<bool> {
    fault_point("reflink", to_path)?;
    let turn = recording::turn();
    let shared = reflink_copy::reflink_file(from, to).is_ok();
    if shared {
        turn.filled(to);
    }
    Ok(shared)
}

/// Opens an existing file for appending.
pub fn open_append(path: &Path) -> Result<File> {
    let file = OpenOptions::new().append(true).open(path);
    file.map_err(|error| Error::io("open", path, &error))
}

/// Whether the file system of a control folder can share blocks between files. Tries it with two small files.
#[track_caller]
pub fn supports_reflink(control: &Path) -> Result<bool> {
    let probe = control.join("probe");
    let (source, from) = write_temporary(&probe, b"reflink probe", Durability::Derived)?;
    let shared = match write_temporary(&probe, b"", Durability::Derived) {
        Ok((target, to)) => {
            let shared = share_blocks(&from, &to, &target);
            discard(&target);
            shared
        }
        Err(error) => Err(error),
    };
    discard(&source);
    shared
}

/// Copies a whole file into the empty file `to` by the cheapest way there is: shared blocks, a copy inside the kernel,
/// or reading and writing. Returns the length, which is that of `from`.
#[track_caller]
pub fn copy_file(from: &File, from_path: &Path, to: &File, to_path: &Path) -> Result<u64> {
    let length = from
        .metadata()
        .map_err(|e| Error::io("read", from_path, &e))?
        .len();
    if share_blocks(from, to, to_path)? {
        return Ok(length);
    }
    let (length_to_write, failure) = faults::write_point(
        "write",
        to_path,
        usize::try_from(length).unwrap_or(usize::MAX),
    )?;
    let (mut source, mut target) = (from, to);
    let turn = recording::turn();
    // `io::copy` uses copy_file_range or sendfile where they work.
    let copied = std::io::copy(
        &mut std::io::Read::take(&mut source, length_to_write as u64),
        &mut target,
    )
    .map_err(|e| Error::io("write", to_path, &e))?;
    turn.filled(to);
    if let Some(failure) = failure {
        return Err(failure);
    }
    if copied != length {
        return Err(Error::new(
            ErrorCode::Integrity,
            format!(
                "'{}' ended after {copied} of {length} bytes",
                from_path.display()
            ),
        )
        .at(from_path));
    }
    Ok(length)
}

#[cfg(test)]
mod tests;
