//! Leases: while a session lives, the collector keeps whatever the session may have found in the store.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::fsx;

/// A session's or a reader's lease: a file named by the time of its beginning, locked for as long as the session lives. It needs no
/// flush: it has a meaning only while its process runs.
#[derive(Debug)]
pub struct Lease {
    path: PathBuf,
    /// A process that was forked holds the lock as well, but the file is its parent's to remove.
    process: u32,
    _locked: File,
}

impl Lease {
    pub(super) fn take(control: &Path) -> Result<Lease> {
        let folder = control.join("leases");
        let process = std::process::id();
        let (path, _locked) = fsx::create_locked(|| {
            let name = fsx::unique_name();
            let (time, random) = name.split_once('-').unwrap_or((&name, ""));
            folder.join(format!("{time}-{process}-{random}"))
        })?;
        Ok(Lease {
            path,
            process,
            _locked,
        })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A lease that cannot be removed is unlocked now and so counts as dead.
        if self.process == std::process::id() {
            fsx::discard(&self.path);
        }
    }
}

/// A session whose process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LiveSession {
    /// When it began, in microseconds since 1970 UTC.
    pub began: u64,
    /// Its process.
    pub process: u32,
}

impl LiveSession {
    fn of_name(name: &str) -> Option<LiveSession> {
        let began = u64::from_str_radix(name.get(..16)?, 16).ok()?;
        let process = name.get(17..)?.split('-').next()?.parse().ok()?;
        Some(LiveSession { began, process })
    }
}

/// The live sessions, those that began first in front. Leases of dead processes are removed.
pub(super) fn live(control: &Path) -> Result<Vec<LiveSession>> {
    let folder = control.join("leases");
    let listing = std::fs::read_dir(&folder).map_err(|e| Error::io("list", &folder, &e))?;
    let mut live = Vec::new();
    for item in listing {
        let item = item.map_err(|e| Error::io("list", &folder, &e))?;
        let name = item.file_name();
        let Some(session) = name.to_str().and_then(LiveSession::of_name) else {
            continue;
        };
        let path = item.path();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            Err(e) => return Err(Error::io("open", &path, &e)),
        };
        match fsx::try_lock_open(file, &path)? {
            None => live.push(session),
            Some(_) => fsx::remove_file(&path)?,
        }
    }
    live.sort_unstable();
    Ok(live)
}
