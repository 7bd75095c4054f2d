//! The only module that changes files under `.oxide` or in a working copy: atomic writes, flushes, renames, links and
//! removals, each behind a named fault point that tests can make fail.

pub mod at;
mod faults;
mod locks;

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::OFlags;

use crate::counters;
use crate::error::{Error, ErrorCode, Result};

pub use faults::{fault_point, fault_points};
pub use locks::{lock, names, try_lock, try_lock_named, try_lock_open, Lock};

/// Whether a write must have reached the disk when the call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Flushed, with its folder.
    Durable,
    /// Derived data: may be lost in a power cut.
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
pub fn write_atomic(path: &Path, bytes: &[u8], durability: Durability) -> Result<()> {
    let temporary = write_temporary(path, bytes, durability)?;
    rename(&temporary, path).inspect_err(|_| discard(&temporary))?;
    match durability {
        Durability::Durable => sync_parent(path),
        Durability::Derived => Ok(()),
    }
}

/// Creates `path` with `bytes` only if no such name exists (link(2)); durable. `false` when the name was taken.
pub fn publish_new(path: &Path, bytes: &[u8]) -> Result<bool> {
    let temporary = write_temporary(path, bytes, Durability::Durable)?;
    let linked = link_new(&temporary, path);
    remove_file(&temporary)?;
    if linked? {
        sync_parent(path)?;
        return Ok(true);
    }
    Ok(false)
}

fn write_temporary(path: &Path, bytes: &[u8], durability: Durability) -> Result<PathBuf> {
    let temporary = temporary_for(path);
    let write = || {
        let file = create_new(&temporary)?;
        write_all(&file, bytes, &temporary)?;
        match durability {
            Durability::Durable => sync_data(&file, &temporary),
            Durability::Derived => Ok(()),
        }
    };
    write().inspect_err(|_| discard(&temporary))?;
    Ok(temporary)
}

/// Removes a temporary file after a failure; what cannot be removed now is collected later.
pub fn discard(temporary: &Path) {
    let _ = remove_file(temporary);
}

fn sync_parent(path: &Path) -> Result<()> {
    path.parent().map_or(Ok(()), sync_dir)
}

/// Gives `from` the second name `to` if no such name exists. `false` when the name was taken.
pub fn link_new(from: &Path, to: &Path) -> Result<bool> {
    fault_point("link", to)?;
    match std::fs::hard_link(from, to) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(Error::io("link", to, &e)),
    }
}

/// Renames within one file system.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    fault_point("rename", to)?;
    std::fs::rename(from, to).map_err(|e| Error::io("rename a file to", to, &e))
}

/// Renames within one file system to a name that must be free; makes the folders above it.
pub fn rename_to_free(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        create_dir_all(folder)?;
    }
    fault_point("rename", to)?;
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
    })
}

/// Creates a folder and its parents.
pub fn create_dir_all(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    fault_point("mkdir", path)?;
    std::fs::create_dir_all(path).map_err(|e| Error::io("create the folder", path, &e))
}

/// Removes a file; a missing one is no error.
pub fn remove_file(path: &Path) -> Result<()> {
    fault_point("unlink", path)?;
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::io("remove", path, &e)),
        _ => Ok(()),
    }
}

/// Removes an empty folder; `false` when it is not empty or not there.
pub fn remove_dir_if_empty(path: &Path) -> Result<bool> {
    fault_point("rmdir", path)?;
    match std::fs::remove_dir(path) {
        Ok(()) => Ok(true),
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
pub fn remove_dir_all(path: &Path) -> Result<()> {
    fault_point("rmdir", path)?;
    match std::fs::remove_dir_all(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::io("remove the folder", path, &e)),
        _ => Ok(()),
    }
}

/// Flushes a file's data (fdatasync).
pub fn sync_data(file: &File, path: &Path) -> Result<()> {
    fault_point("flush", path)?;
    counters::FLUSHES.add(1);
    file.sync_data().map_err(|e| Error::io("flush", path, &e))
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
pub fn sync_dir(path: &Path) -> Result<()> {
    fault_point("flush-folder", path)?;
    counters::FLUSHES.add(1);
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|e| Error::io("flush the folder", path, &e))
}

/// Flushes many files and folders, all of them in the file system of `folder`: one call for the whole file system where
/// there is one and they are many, which costs less than a flush for each.
pub fn sync_many(paths: &[PathBuf], folder: &Path) -> Result<()> {
    #[cfg(target_os = "linux")]
    if paths.len() > 32 {
        fault_point("flush-all", folder)?;
        counters::FLUSHES.add(1);
        return File::open(folder)
            .and_then(|file| Ok(rustix::fs::syncfs(&file)?))
            .map_err(|e| Error::io("flush the file system of", folder, &e));
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
pub fn symlink(target: &[u8], path: &Path) -> Result<()> {
    fault_point("symlink", path)?;
    std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(target), path)
        .map_err(|e| Error::io("create the link", path, &e))
}

/// Creates a new file for reading and writing; it must not exist.
pub fn create_new(path: &Path) -> Result<File> {
    create_new_with_mode(path, 0o666)
}

/// [`create_new`] with permission bits, which the process' umask narrows.
pub fn create_new_with_mode(path: &Path, mode: u32) -> Result<File> {
    fault_point("create", path)?;
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(|e| Error::io("create", path, &e))
}

/// Sets or clears the executable bits of a file: set for those who may read it.
pub fn set_executable(path: &Path, executable: bool) -> Result<()> {
    fault_point("chmod", path)?;
    let change = || {
        let mut permissions = std::fs::symlink_metadata(path)?.permissions();
        let mode = permissions.mode();
        permissions.set_mode(match executable {
            true => mode | ((mode & 0o444) >> 2),
            false => mode & !0o111,
        });
        std::fs::set_permissions(path, permissions)
    };
    change().map_err(|e| Error::io("change the permissions of", path, &e))
}

/// Opens a file for reading without following a link at its end and without waiting for a writer of a named pipe.
/// The caller tells apart what it met: `ErrorKind` and errno are untouched.
pub fn open_no_follow(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32)
        .open(path)
}

/// Reserves `length` bytes for a file that is about to be written, so that a full disk shows before any work is done.
/// File systems that cannot reserve are left alone.
pub fn preallocate(file: &File, length: u64, path: &Path) -> Result<()> {
    if length == 0 {
        return Ok(());
    }
    fault_point("preallocate", path)?;
    #[cfg(target_os = "linux")]
    {
        use rustix::io::Errno;
        let reserved =
            rustix::fs::fallocate(file, rustix::fs::FallocateFlags::KEEP_SIZE, 0, length);
        if let Err(errno @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) = reserved {
            return Err(Error::io("reserve space for", path, &errno.into()));
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = file;
    Ok(())
}

/// Writes all of `bytes` at the file's position.
pub fn write_all(mut file: &File, bytes: &[u8], path: &Path) -> Result<()> {
    let (length, failure) = faults::write_point("write", path, bytes.len())?;
    file.write_all(&bytes[..length])
        .map_err(|e| Error::io("write", path, &e))?;
    failure.map_or(Ok(()), Err)
}

/// Writes all of `bytes` at `offset`.
pub fn write_all_at(file: &File, bytes: &[u8], offset: u64, path: &Path) -> Result<()> {
    let (length, failure) = faults::write_point("write", path, bytes.len())?;
    file.write_all_at(&bytes[..length], offset)
        .map_err(|e| Error::io("write", path, &e))?;
    failure.map_or(Ok(()), Err)
}

/// Cuts a file to `length` bytes.
pub fn set_length(file: &File, length: u64, path: &Path) -> Result<()> {
    fault_point("truncate", path)?;
    file.set_len(length).map_err(|e| Error::io("cut", path, &e))
}

/// Makes the empty file `to` share the blocks of `from`. `false` where the file system cannot; `to` is still empty then.
pub fn share_blocks(from: &File, to: &File, to_path: &Path) -> Result<bool> {
    fault_point("reflink", to_path)?;
    Ok(reflink_copy::reflink_file(from, to).is_ok())
}

/// Opens an existing file for appending.
pub fn open_append(path: &Path) -> Result<File> {
    let file = OpenOptions::new().append(true).open(path);
    file.map_err(|error| Error::io("open", path, &error))
}

/// Whether the file system of `folder` can share blocks between files. Tries it with two small files.
pub fn supports_reflink(folder: &Path) -> Result<bool> {
    let (source, target) = (folder.join(unique_name()), folder.join(unique_name()));
    let probe = || {
        let from = create_new(&source)?;
        write_all(&from, b"reflink probe", &source)?;
        share_blocks(&from, &create_new(&target)?, &target)
    };
    let shared = probe();
    remove_file(&source)?;
    remove_file(&target)?;
    shared
}

/// Copies a whole file into the empty file `to` by the cheapest way there is: shared blocks, a copy inside the kernel,
/// or reading and writing. Returns the length, which is that of `from`.
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
    // `io::copy` uses copy_file_range or sendfile where they work.
    let copied = std::io::copy(
        &mut std::io::Read::take(&mut source, length_to_write as u64),
        &mut target,
    )
    .map_err(|e| Error::io("write", to_path, &e))?;
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
