//! The object store under `.oxide`: packs, own object files, sessions that write, leases that keep the collector away.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Result;
use crate::hash::{Digests, Id};
use crate::pack::Kind;
use crate::progress::Progress;

/// Reads objects by kind and id. Implemented by [`Store`], by [`Session`] (which sees its own unflushed writes) and by
/// [`MemoryObjects`] in tests.
pub trait ReadObjects: Sync {
    /// The object's decoded bytes; an `Integrity` error when it is missing or damaged.
    fn read(&self, kind: Kind, id: &Id) -> Result<Vec<u8>>;
    /// Whether the object is stored.
    fn contains(&self, kind: Kind, id: &Id) -> Result<bool>;
}

/// Writes objects; also reads what was written.
pub trait WriteObjects: ReadObjects {
    /// Stores `bytes` unless the object is there already. `true` when it was new.
    fn write(&self, kind: Kind, id: &Id, bytes: &[u8]) -> Result<bool>;
}

/// A content as it was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredContent {
    /// Its digests.
    pub digests: Digests,
    /// Its length in bytes.
    pub size: u64,
    /// Whether any of it was new to the store.
    pub new: bool,
}

/// An open repository store; cheap to clone, safe to share between threads.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    control: PathBuf,
}

impl Store {
    /// Lays out a new control folder (`.oxide`) at `control` and writes its repository file. Fails when one exists.
    pub fn create(control: &Path) -> Result<Store> {
        todo!("{control:?}")
    }

    /// Opens an existing control folder; refuses unknown required features by name.
    pub fn open(control: &Path) -> Result<Store> {
        todo!("{control:?}")
    }

    /// The control folder.
    pub fn control(&self) -> &Path {
        &self.inner.control
    }

    /// Begins a writing session, which holds a lease until it is dropped.
    pub fn begin(&self) -> Result<Session> {
        todo!()
    }

    /// Ids of one kind that start with the given hex digits, sorted, at most `limit`.
    pub fn find(&self, kind: Kind, hex_prefix: &str, limit: usize) -> Result<Vec<Id>> {
        todo!("{kind:?} {hex_prefix} {limit}")
    }

    /// Whether a file content is stored (as a blob, a recipe or an own object file).
    pub fn has_content(&self, id: &Id) -> Result<bool> {
        todo!("{id:?}")
    }

    /// A file's whole content in memory. For contents known to be small.
    pub fn content(&self, id: &Id) -> Result<Vec<u8>> {
        todo!("{id:?}")
    }

    /// Writes a content into an open, empty file, by the cheapest way the file system offers. Returns its length.
    pub fn copy_content(&self, id: &Id, target: &std::fs::File, target_path: &Path) -> Result<u64> {
        todo!("{id:?} {target:?} {target_path:?}")
    }

    /// A key by which reads of many contents are in disk order: (pack, offset).
    pub fn content_order(&self, id: &Id) -> Result<(u64, u64)> {
        todo!("{id:?}")
    }
}

impl ReadObjects for Store {
    fn read(&self, kind: Kind, id: &Id) -> Result<Vec<u8>> {
        todo!("{kind:?} {id:?}")
    }
    fn contains(&self, kind: Kind, id: &Id) -> Result<bool> {
        todo!("{kind:?} {id:?}")
    }
}

/// One writer's open packs. Nothing of it can be referenced by others before [`Session::flush`].
pub struct Session {
    #[allow(dead_code)]
    store: Store,
}

impl Session {
    /// The store written to.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Stores a small content that is in memory (up to a few MiB). `name` is its file name, a hint for the encoding.
    pub fn put_content(&self, bytes: &[u8], name: &str) -> Result<StoredContent> {
        todo!("{} {name}", bytes.len())
    }

    /// Stores the content of an open file read from its start to its end, by the policy of its size, type and name.
    pub fn put_file(
        &self,
        file: &std::fs::File,
        path: &Path,
        name: &str,
        progress: &Progress,
    ) -> Result<StoredContent> {
        todo!("{file:?} {path:?} {name} {}", progress.read().files_done)
    }

    /// Makes everything written so far durable and visible to other processes. The session can go on.
    pub fn flush(&self) -> Result<()> {
        todo!()
    }
}

impl ReadObjects for Session {
    fn read(&self, kind: Kind, id: &Id) -> Result<Vec<u8>> {
        todo!("{kind:?} {id:?}")
    }
    fn contains(&self, kind: Kind, id: &Id) -> Result<bool> {
        todo!("{kind:?} {id:?}")
    }
}

impl WriteObjects for Session {
    fn write(&self, kind: Kind, id: &Id, bytes: &[u8]) -> Result<bool> {
        todo!("{kind:?} {id:?} {}", bytes.len())
    }
}

/// Objects in memory: the table layer's property tests run on it.
#[derive(Default)]
pub struct MemoryObjects {
    objects: std::sync::Mutex<std::collections::HashMap<(Kind, Id), Vec<u8>>>,
}

impl ReadObjects for MemoryObjects {
    fn read(&self, kind: Kind, id: &Id) -> Result<Vec<u8>> {
        let objects = self.objects.lock().expect("objects lock");
        objects.get(&(kind, *id)).cloned().ok_or_else(|| {
            crate::error::Error::integrity(format!("{} {id} is missing", kind.name()))
        })
    }

    fn contains(&self, kind: Kind, id: &Id) -> Result<bool> {
        Ok(self
            .objects
            .lock()
            .expect("objects lock")
            .contains_key(&(kind, *id)))
    }
}

impl WriteObjects for MemoryObjects {
    fn write(&self, kind: Kind, id: &Id, bytes: &[u8]) -> Result<bool> {
        Ok(self
            .objects
            .lock()
            .expect("objects lock")
            .insert((kind, *id), bytes.to_vec())
            .is_none())
    }
}
