//! Sessions: what one writer puts into the store, invisible to others until it is flushed.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;

use super::group::{lock, GroupWriter};
use super::hashing::Buffers;
use super::lease::Lease;
use super::objects::PendingObjects;
use super::{ReadObjects, Store, WriteObjects};
use crate::codec::{self, Encoding};
use crate::counters;
use crate::error::{Error, ErrorCode, Result};
use crate::fsx;
use crate::hash::Id;
use crate::pack::{Group, Kind, Record};

/// One writer's open packs. Nothing of it can be referenced by others before [`Session::flush`].
pub struct Session {
    store: Store,
    _lease: Lease,
    /// Packs and own files that the collector was about to remove when the session began: what they hold is written again.
    pub(super) tombstoned: HashSet<String>,
    writers: [GroupWriter; 2],
    pub(super) objects: PendingObjects,
    pub(super) buffers: Buffers,
    /// Whether a record was found in a pack: its name may be so new that its own writer has not flushed it yet.
    relies_on_packs: AtomicBool,
    flushing: Mutex<()>,
}

impl Session {
    /// The lease comes first: whatever the session finds after it, the collector keeps.
    pub(super) fn begin(store: Store) -> Result<Session> {
        super::repository::complete(store.control())?;
        let lease = Lease::take(store.control())?;
        let tombstoned = store.tombstoned()?;
        store.refresh()?;
        let writers = Group::ALL.map(|group| GroupWriter::new(group, store.control()));
        Ok(Session {
            store,
            _lease: lease,
            tombstoned,
            writers,
            objects: PendingObjects::default(),
            buffers: Buffers::default(),
            relies_on_packs: AtomicBool::new(false),
            flushing: Mutex::new(()),
        })
    }

    /// The store written to.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Whether the collector was about to remove something when the session began. What nothing reaches may then go at any
    /// moment; else the session's lease keeps it.
    pub fn is_beside_tombstones(&self) -> bool {
        !self.tombstoned.is_empty()
    }

    fn writer(&self, kind: Kind) -> &GroupWriter {
        &self.writers[Group::of(kind) as usize]
    }

    /// Whether the record need not be written: the session has it, or a pack that stays. Packs of other processes that
    /// appeared since count as absent; writing a record twice does no harm.
    pub(super) fn holds(&self, kind: Kind, id: &Id) -> Result<bool> {
        Ok(self.writer(kind).contains(kind, id) || self.packs_hold(kind, id)?)
    }

    /// Whether packs of the store have the record, and go on having it.
    fn packs_hold(&self, kind: Kind, id: &Id) -> Result<bool> {
        let set = self.store.pack_set()?;
        let found = set.look(&[kind], id, |pack, _, _| {
            Ok((!self.tombstoned.contains(&pack.name)).then_some(()))
        });
        match found {
            Ok(super::Found::Here(())) => {
                self.relies_on_packs.store(true, Ordering::Relaxed);
                Ok(true)
            }
            Ok(_) => Ok(false),
            // A damaged pack holds nothing that could be relied on.
            Err(e) if e.code == ErrorCode::Integrity => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// [`holds`](Self::holds) of several.
    pub(super) fn holds_each<'a>(
        &self,
        kind: Kind,
        ids: impl Iterator<Item = &'a Id> + Clone,
    ) -> Result<Vec<bool>> {
        let own = self.writer(kind).contains_each(kind, ids.clone());
        let each = ids.zip(own);
        each.map(|(id, own)| Ok(own || self.packs_hold(kind, id)?))
            .collect()
    }

    /// Adds a record in the given encoding (`None`: as it is). `true` when the session did not have it.
    pub(super) fn add(
        &self,
        kind: Kind,
        id: &Id,
        bytes: &[u8],
        encoded: (Encoding, Option<&[u8]>),
    ) -> Result<bool> {
        let added = self.add_each(kind, &[record(kind, id, bytes, encoded)?])?;
        Ok(added[0])
    }

    /// Adds records of one kind. `true` for each that the session did not have.
    pub(super) fn add_each(&self, kind: Kind, records: &[Record<'_>]) -> Result<Vec<bool>> {
        self.writer(kind).add(records)
    }

    /// Makes everything written so far durable and visible to other processes. The session can go on.
    pub fn flush(&self) -> Result<()> {
        let _one_at_a_time = lock(&self.flushing);
        self.publish().inspect_err(|e| {
            for writer in &self.writers {
                writer.fail(e.clone());
            }
        })
    }

    fn publish(&self) -> Result<()> {
        let mut packs = Vec::new();
        let mut counts = [0; 2];
        for (count, writer) in counts.iter_mut().zip(&self.writers) {
            let sealed = writer.seal()?;
            *count = sealed.len();
            packs.extend(sealed);
        }
        std::thread::scope(|scope| {
            // Flushes that run together share the disk's work.
            let (last, others) = match packs.split_last() {
                Some((last, others)) => (Some(last), others),
                None => (None, &packs[..]),
            };
            let others: Vec<_> = others
                .iter()
                .map(|pack| scope.spawn(|| pack.flush()))
                .collect();
            let result = last.map_or(Ok(()), |pack| pack.flush());
            others.into_iter().fold(result, |result, thread| {
                result.and(thread.join().unwrap_or_else(|_| Err(Error::interrupted())))
            })
        })?;
        self.objects.publish(self.store.control())?;
        if packs.is_empty() && !self.relies_on_packs.load(Ordering::Relaxed) {
            return Ok(());
        }
        let folder = self.store.control().join("packs");
        for pack in &packs {
            fsx::rename(&pack.path, &folder.join(&pack.name))?;
        }
        fsx::sync_dir(&folder)?;
        self.relies_on_packs.store(false, Ordering::Relaxed);
        counters::PACKS_WRITTEN.add(packs.len() as u64);
        let names: Vec<String> = packs.iter().map(|pack| pack.name.clone()).collect();
        self.store.add_packs(&names)?;
        for (count, writer) in counts.into_iter().zip(&self.writers) {
            writer.published(count);
        }
        Ok(())
    }
}

impl ReadObjects for Session {
    fn read(&self, kind: Kind, id: &Id) -> Result<Vec<u8>> {
        match self.writer(kind).read(kind, id)? {
            Some(bytes) => Ok(bytes),
            None => self.store.read(kind, id),
        }
    }

    fn contains(&self, kind: Kind, id: &Id) -> Result<bool> {
        Ok(self.writer(kind).contains(kind, id) || self.store.contains(kind, id)?)
    }

    fn recall(&self, kind: Kind, id: &Id) -> Option<std::sync::Arc<Vec<u8>>> {
        self.store.recall(kind, id)
    }

    fn remember(&self, kind: Kind, id: &Id, bytes: std::sync::Arc<Vec<u8>>) {
        self.store.remember(kind, id, bytes);
    }
}

impl WriteObjects for Session {
    fn keeps(&self, kind: Kind, id: &Id) -> Result<bool> {
        self.holds(kind, id)
    }

    fn write(&self, kind: Kind, id: &Id, bytes: &[u8]) -> Result<bool> {
        if self.holds(kind, id)? {
            return Ok(false);
        }
        let encoded = match kind {
            Kind::Blob => codec::encode(bytes, codec::is_media(bytes)),
            Kind::Recipe => (Encoding::Raw, None),
            _ => codec::encode_record(bytes),
        };
        let (encoding, stored) = encoded;
        self.add(kind, id, bytes, (encoding, stored.as_deref()))
    }
}

/// A record of these bytes in the given encoding (`None`: as they are).
pub(super) fn record<'a>(
    kind: Kind,
    id: &Id,
    bytes: &'a [u8],
    (encoding, encoded): (Encoding, Option<&'a [u8]>),
) -> Result<Record<'a>> {
    let raw_length = u32::try_from(bytes.len()).map_err(|_| {
        let why = format!("{} {id} is too large for one record", kind.name());
        Error::new(ErrorCode::Invalid, why)
    })?;
    let stored = encoded.unwrap_or(bytes);
    Ok(Record {
        kind,
        id: *id,
        encoding,
        raw_length,
        crc: crc32fast::hash(stored),
        stored,
    })
}
