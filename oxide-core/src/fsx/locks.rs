//! Advisory locks (flock): held by an open file, so they vanish with the process whatever becomes of it.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{flock, FlockOperation};
use rustix::io::Errno;

use super::{create_new, fault_point, recording};
use crate::error::{Error, Result};

/// An advisory lock on a file (flock), released when dropped or when the process dies.
#[derive(Debug)]
pub struct Lock(File);

#[track_caller]
fn open(path: &Path) -> Result<File> {
    fault_point("lock", path)?;
    let turn = recording::turn();
    let is_new = turn.is_recorded() && !path.exists();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|e| Error::io("lock", path, &e))?;
    if is_new {
        turn.created(path, &file);
    }
    Ok(file)
}

/// Takes an exclusive lock, creating the file; waits for its holder.
#[track_caller]
pub fn lock(path: &Path) -> Result<Lock> {
    let file = open(path)?;
    loop {
        match flock(&file, FlockOperation::LockExclusive) {
            Ok(()) => return Ok(Lock(file)),
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(Error::io("lock", path, &errno.into())),
        }
    }
}

/// Takes an exclusive lock without waiting; `None` while somebody holds it.
#[track_caller]
pub fn try_lock(path: &Path) -> Result<Option<Lock>> {
    try_lock_open(open(path)?, path)
}

/// [`try_lock`] of a file that is open already.
pub fn try_lock_open(file: File, path: &Path) -> Result<Option<Lock>> {
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(Lock(file))),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(errno) => Err(Error::io("lock", path, &errno.into())),
    }
}

/// Creates a new file under a name that `name` makes. It is locked until it is closed, so that a collector of leftovers
/// sees that it is in use; one that came between its creation and its lock has taken it for a leftover, and there is
/// another try under another name.
#[track_caller]
pub fn create_locked(mut name: impl FnMut() -> PathBuf) -> Result<(PathBuf, File)> {
    loop {
        let path = name();
        let file = create_new(&path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) if names(&path, &file) => return Ok((path, file)),
            Ok(()) | Err(Errno::WOULDBLOCK) => continue,
            Err(errno) => return Err(Error::io("lock", &path, &errno.into())),
        }
    }
}

/// Whether `path` still leads to this open file or folder.
fn names(path: &Path, file: &File) -> bool {
    let (Ok(named), Ok(held)) = (std::fs::metadata(path), file.metadata()) else {
        return false;
    };
    (named.dev(), named.ino()) == (held.dev(), held.ino())
}

/// Locks an existing file or folder without waiting; `None` while somebody holds it or when `path` leads to it no more.
pub fn try_lock_named(path: &Path) -> Result<Option<Lock>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::io("open", path, &e)),
    };
    Ok(try_lock_open(file, path)?.filter(|lock| names(path, &lock.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_excludes_others_until_it_is_dropped() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("lock");
        let held = lock(&path).expect("first lock");
        assert!(try_lock(&path).expect("second lock").is_none());
        drop(held);
        assert!(try_lock(&path).expect("third lock").is_some());
    }
}
