//! The only module that changes files under `.oxide` or in a working copy: atomic writes, flushes, renames, links and
//! removals, each behind a named fault point that tests can make fail.

use std::fs::File;
use std::path::Path;

use crate::error::Result;

/// Whether a write must have reached the disk when the call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Flushed, with its folder.
    Durable,
    /// Derived data: may be lost in a power cut.
    Derived,
}

/// Writes `bytes` to `path` so that a reader sees the old content or the new, never a part.
pub fn write_atomic(path: &Path, bytes: &[u8], durability: Durability) -> Result<()> {
    todo!("{path:?} {} {durability:?}", bytes.len())
}

/// Creates `path` with `bytes` only if no such name exists (link(2)); durable. `false` when the name was taken.
pub fn publish_new(path: &Path, bytes: &[u8]) -> Result<bool> {
    todo!("{path:?} {}", bytes.len())
}

/// Renames within one file system.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    todo!("{from:?} {to:?}")
}

/// Creates a folder and its parents.
pub fn create_dir_all(path: &Path) -> Result<()> {
    todo!("{path:?}")
}

/// Removes a file; a missing one is no error.
pub fn remove_file(path: &Path) -> Result<()> {
    todo!("{path:?}")
}

/// Removes an empty folder; `false` when it is not empty or not there.
pub fn remove_dir_if_empty(path: &Path) -> Result<bool> {
    todo!("{path:?}")
}

/// Removes a folder with all that is in it; a missing one is no error.
pub fn remove_dir_all(path: &Path) -> Result<()> {
    todo!("{path:?}")
}

/// Flushes a file's data (fdatasync).
pub fn sync_data(file: &File, path: &Path) -> Result<()> {
    todo!("{file:?} {path:?}")
}

/// Flushes a folder's entries.
pub fn sync_dir(path: &Path) -> Result<()> {
    todo!("{path:?}")
}

/// Creates a symbolic link with exactly these target bytes.
pub fn symlink(target: &[u8], path: &Path) -> Result<()> {
    todo!("{target:?} {path:?}")
}

/// Creates a new file for writing; it must not exist.
pub fn create_new(path: &Path) -> Result<File> {
    todo!("{path:?}")
}

/// Writes all of `bytes` at the file's position.
pub fn write_all(file: &mut File, bytes: &[u8], path: &Path) -> Result<()> {
    todo!("{file:?} {} {path:?}", bytes.len())
}

/// An advisory lock on a file (flock), released when dropped or when the process dies.
pub struct Lock(#[allow(dead_code)] File);

/// Takes an exclusive lock, creating the file; waits for its holder.
pub fn lock(path: &Path) -> Result<Lock> {
    todo!("{path:?}")
}

/// Takes an exclusive lock without waiting; `None` while somebody holds it.
pub fn try_lock(path: &Path) -> Result<Option<Lock>> {
    todo!("{path:?}")
}

/// A named point at which tests make a write fail or the process die: `OXIDE_FAULT=name[:kill|enospc|eio|short][:nth]`.
pub fn fault_point(name: &'static str, path: &Path) -> Result<()> {
    todo!("{name} {path:?}")
}

pub mod at;
