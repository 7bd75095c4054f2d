//! Leases: while a session lives, the collector keeps whatever the session may have found in the store.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::fsx;

/// A session's lease: a file named by the time of its beginning, locked for as long as the session lives. It needs no
/// flush: it has a meaning only while its process runs.
pub(super) struct Lease {
    path: PathBuf,
    _locked: File,
}

impl Lease {
    pub(super) fn take(control: &Path) -> Result<Lease> {
        let folder = control.join("leases");
        let (path, _locked) = fsx::create_locked(|| {
            let name = fsx::unique_name();
            let (time, random) = name.split_once('-').unwrap_or((&name, ""));
            folder.join(format!("{time}-{}-{random}", std::process::id()))
        })?;
        Ok(Lease { path, _locked })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A lease that cannot be removed is unlocked now and so counts as dead.
        fsx::discard(&self.path);
    }
}

/// When each live session began (microseconds since 1970 UTC), ascending. Leases of dead processes are removed.
pub(super) fn live(control: &Path) -> Result<Vec<u64>> {
    let folder = control.join("leases");
    let listing = std::fs::read_dir(&folder).map_err(|e| Error::io("list", &folder, &e))?;
    let mut live = Vec::new();
    for item in listing {
        let item = item.map_err(|e| Error::io("list", &folder, &e))?;
        let name = item.file_name();
        let time = name.to_str().and_then(|name| name.get(..16));
        let Some(began) = time.and_then(|time| u64::from_str_radix(time, 16).ok()) else {
            continue;
        };
        let path = item.path();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            Err(e) => return Err(Error::io("open", &path, &e)),
        };
        match fsx::try_lock_open(file, &path)? {
            None => live.push(began),
            Some(_) => fsx::remove_file(&path)?,
        }
    }
    live.sort_unstable();
    Ok(live)
}
