//! The object store under `.oxide`: packs, own object files, sessions that write, leases that keep the collector away.
//!
//! `repository` is the control folder's layout, `packs` finds records, `contents` reads whole files (`chunks_out` those
//! that are cut, `headers` what media say of themselves), `session` and `contents_in` write (`hashing` reads and hashes large files, `chunks_in` cuts them, `group`
//! is one group's packs, `objects` own files, `external` what stays outside), `consolidate` merges small packs,
//! `maintenance` is what the collector and the checker need.

mod chunks_in;
mod chunks_out;
mod consolidate;
mod contents;
mod contents_in;
mod external;
mod group;
mod hashing;
mod headers;
mod lease;
mod maintenance;
mod memory;
mod objects;
mod packs;
mod recipe;
mod repository;
mod session;
mod windows;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use crate::error::{Error, ErrorCode, Result};
use crate::hash::{Digests, Id};
use crate::pack::{Entry, Group, Kind, PackReader};
use crate::recent::Recent;

pub(crate) use external::content_at;
pub use external::External;
pub use lease::{Lease, LiveSession};
pub use maintenance::{ObjectRef, LEFT_BEHIND};
pub use memory::MemoryObjects;
pub(crate) use objects::content_of;
pub use packs::PackRef;
pub use session::Session;
pub use windows::ContentWriter;

use packs::{Found, PackSet};

/// Reads objects by kind and id. Implemented by [`Store`], by [`Session`] (which sees its own unflushed writes) and by
/// [`MemoryObjects`] in tests.
pub trait ReadObjects: Sync {
    /// The object's decoded bytes; an `Integrity` error when it is missing or damaged.
    fn read(&self, kind: Kind, id: &Id) -> Result<Vec<u8>>;
    /// Whether the object is stored.
    fn contains(&self, kind: Kind, id: &Id) -> Result<bool>;
    /// The decoded bytes of a page, or the rows of a segment however it is stored, if given to [`ReadObjects::remember`]
    /// lately. Says nothing about what is stored.
    fn recall(&self, _kind: Kind, _id: &Id) -> Option<Arc<Vec<u8>>> {
        None
    }
    /// Keeps the checked, decoded bytes of a table object in memory for a while.
    fn remember(&self, _kind: Kind, _id: &Id, _bytes: Arc<Vec<u8>>) {}
}

/// Writes objects; also reads what was written.
pub trait WriteObjects: ReadObjects {
    /// Stores `bytes` unless the object is there already. `true` when it was new.
    fn write(&self, kind: Kind, id: &Id, bytes: &[u8]) -> Result<bool>;
    /// Whether the object is stored where it stays, so that it need not be written: not if the collector is about to
    /// remove it.
    fn keeps(&self, kind: Kind, id: &Id) -> Result<bool> {
        self.contains(kind, id)
    }
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
    packs: RwLock<Option<Arc<PackSet>>>,
    recent: Recent<(Kind, Id), Vec<u8>>,
}

/// Bytes of decoded table objects that are kept, some ten segments of `files`: a verb asks for the same ones several
/// times.
const RECENT_BYTES: usize = 32 << 20;

/// How often a lookup lists the packs again when they keep vanishing under it.
const ATTEMPTS: usize = 16;

impl Store {
    /// Lays out a new control folder (`.oxide`) at `control` and writes its repository file. Fails when one exists.
    pub fn create(control: &Path) -> Result<Store> {
        repository::create(control)?;
        Store::open(control)
    }

    /// Opens an existing control folder; refuses unknown required features by name.
    pub fn open(control: &Path) -> Result<Store> {
        repository::check(control)?;
        Ok(Store {
            inner: Arc::new(Inner {
                control: control.to_path_buf(),
                packs: RwLock::new(None),
                recent: Recent::with_capacity(RECENT_BYTES),
            }),
        })
    }

    /// The control folder.
    pub fn control(&self) -> &Path {
        &self.inner.control
    }

    /// Begins a writing session, which holds a lease until it is dropped.
    pub fn begin(&self) -> Result<Session> {
        Session::begin(self.clone())
    }

    /// Ids of one kind that start with the given hex digits, sorted, at most `limit`.
    pub fn find(&self, kind: Kind, hex_prefix: &str, limit: usize) -> Result<Vec<Id>> {
        let digits = hex_prefix.to_ascii_lowercase();
        let invalid = || {
            Error::new(
                ErrorCode::Invalid,
                format!("'{hex_prefix}' is not the beginning of an id"),
            )
        };
        if digits.len() > 64 {
            return Err(invalid());
        }
        let from = Id::from_hex(&format!("{digits:0<64}")).map_err(|_| invalid())?;
        let mut found = BTreeSet::new();
        self.refresh()?;
        for pack in self.packs()? {
            if pack.group != Group::of(kind) {
                continue;
            }
            let reader = match pack.open() {
                Ok(Some(reader)) => reader,
                Ok(None) => continue,
                Err(error) if error.code == ErrorCode::Integrity => continue,
                Err(error) => return Err(error),
            };
            let ids = reader
                .entries_from(&from)
                .take_while(|entry| entry.id.to_hex().starts_with(&digits));
            found.extend(
                ids.filter(|entry| entry.kind == kind)
                    .map(|entry| entry.id)
                    .take(limit),
            );
        }
        Ok(found.into_iter().take(limit).collect())
    }

    /// Lists the packs again, as another process or the collector may have changed them.
    pub fn refresh(&self) -> Result<()> {
        let mut slot = self.slot_mut();
        *slot = Some(Arc::new(PackSet::list(self.control(), slot.as_deref())?));
        Ok(())
    }

    fn slot_mut(&self) -> std::sync::RwLockWriteGuard<'_, Option<Arc<PackSet>>> {
        let slot = self.inner.packs.write();
        slot.unwrap_or_else(PoisonError::into_inner)
    }

    /// The packs as they are known now.
    fn pack_set(&self) -> Result<Arc<PackSet>> {
        let known = self.inner.packs.read();
        let known = known.unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(set) = known {
            return Ok(set);
        }
        self.refresh()?;
        self.pack_set()
    }

    /// Makes packs known that this process has just published.
    fn add_packs(&self, names: &[String]) -> Result<()> {
        let set = self.pack_set()?.with(self.control(), names);
        *self.slot_mut() = Some(Arc::new(set));
        Ok(())
    }

    /// The error for an object that should be there.
    fn missing(&self, kind: Kind, id: &Id) -> Error {
        let set = self.pack_set().ok();
        let packs = set.iter().flat_map(|set| set.group(Group::of(kind)));
        let damaged: Vec<String> = packs
            .filter_map(|pack| pack.damage())
            .map(|damage| damage.message.clone())
            .collect();
        if damaged.is_empty() {
            return Error::integrity(format!("{} {id} is missing", kind.name())).hint(
                "run `oxide fsck` to see what needs it, and fetch it from a copy of the repository",
            );
        }
        let damaged = damaged.join("; ");
        Error::integrity(format!("{} {id} is missing; {damaged}", kind.name()))
            .hint("run `oxide fsck --repair`: it collects the records that are whole")
    }

    /// Looks for a record of one of `kinds` (all of one group), newest packs first, and gives it to `accept`.
    fn look<T>(
        &self,
        kinds: &[Kind],
        id: &Id,
        mut accept: impl FnMut(&PackRef, &Arc<PackReader>, Entry) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        for _ in 0..ATTEMPTS {
            let set = self.pack_set()?;
            match set.look(kinds, id, &mut accept)? {
                Found::Here(found) => return Ok(Some(found)),
                Found::Nowhere if set.is_current(self.control()) => return Ok(None),
                Found::Nowhere => {
                    self.refresh()?;
                    let again = self.pack_set()?.look(kinds, id, &mut accept)?;
                    match again {
                        Found::Here(found) => return Ok(Some(found)),
                        Found::Nowhere => return Ok(None),
                        Found::Stale => {}
                    }
                }
                Found::Stale => self.refresh()?,
            }
        }
        Ok(None)
    }
}

impl ReadObjects for Store {
    fn read(&self, kind: Kind, id: &Id) -> Result<Vec<u8>> {
        self.look(&[kind], id, |_, pack, entry| pack.read(&entry).map(Some))?
            .ok_or_else(|| self.missing(kind, id))
    }

    fn contains(&self, kind: Kind, id: &Id) -> Result<bool> {
        let found = self.look(&[kind], id, |_, _, _| Ok(Some(())))?;
        Ok(found.is_some())
    }

    fn recall(&self, kind: Kind, id: &Id) -> Option<Arc<Vec<u8>>> {
        self.inner.recent.get(&(kind, *id))
    }

    fn remember(&self, kind: Kind, id: &Id, bytes: Arc<Vec<u8>>) {
        let length = bytes.len();
        self.inner.recent.put(&(kind, *id), bytes, length);
    }
}

#[cfg(test)]
mod tests;
