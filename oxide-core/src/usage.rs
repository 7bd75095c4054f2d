//! How much disk a repository takes, by what it is.

use std::path::Path;

use crate::error::{Error, Result};
use crate::store::Store;

/// Files and bytes under `.oxide`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Packs.
    pub packs: u64,
    /// Their bytes.
    pub pack_bytes: u64,
    /// Contents that are files of their own.
    pub object_files: u64,
    /// Their bytes.
    pub object_bytes: u64,
    /// Files of the operation chain (a run of folded operations is one).
    pub operations: u64,
    /// Bytes of the query engine's cache.
    pub cache_bytes: u64,
    /// Bytes of derived indexes.
    pub index_bytes: u64,
    /// All files.
    pub files: u64,
    /// All bytes.
    pub total_bytes: u64,
}

/// Adds up what is stored now.
pub fn measure(store: &Store) -> Result<Usage> {
    let mut usage = Usage::default();
    let control = store.control();
    let mut folders = vec![control.to_owned()];
    while let Some(folder) = folders.pop() {
        let unreadable = |error: std::io::Error| Error::io("list", &folder, &error);
        for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let kind = entry.file_type().map_err(unreadable)?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if let Ok(metadata) = entry.metadata() {
                // A file that went away in between takes no disk.
                let path = entry.path();
                usage.count(path.strip_prefix(control).unwrap_or(&path), metadata.len());
            }
        }
    }
    Ok(usage)
}

impl Usage {
    fn count(&mut self, path: &Path, bytes: u64) {
        self.files += 1;
        self.total_bytes += bytes;
        let place = path.iter().next().and_then(|name| name.to_str());
        match place {
            Some("packs") if path.extension().is_some_and(|kind| kind == "pack") => {
                self.packs += 1;
                self.pack_bytes += bytes;
            }
            Some("objects") => {
                self.object_files += 1;
                self.object_bytes += bytes;
            }
            Some("operations") if !path.ends_with("lock") => self.operations += 1,
            Some("cache") => self.cache_bytes += bytes,
            Some("index") => self.index_bytes += bytes,
            _ => {}
        }
    }
}
