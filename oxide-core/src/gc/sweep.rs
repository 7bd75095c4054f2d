//! Sweeping: packs with dead records are rewritten, what is dead gets a tombstone, and goes for good once no session can
//! rely on it any more.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::mark::{Holder, Marks};
use super::{GcReport, GcRequest};
use crate::error::{ErrorCode, Result};
use crate::hash::Id;
use crate::pack::{Entry, Group, Kind, PackReader};
use crate::progress::Progress;
use crate::store::{ObjectRef, PackRef, Store};

/// How long a tombstone stands before what it names goes, and how long a new pack or object is left alone: its writer
/// may be about to publish.
const GRACE: Duration = Duration::from_secs(10 * 60);
/// File times may lag behind the clock by which sessions begin.
const CLOCK_MARGIN: Duration = Duration::from_secs(2);
/// Parts of a hundred that must be dead for a pack to be rewritten.
const WORTHWHILE: u64 = 10;

/// A pack and what of it stays.
pub(super) struct SweptPack {
    pack: Arc<PackRef>,
    reader: Arc<PackReader>,
    tombstoned: bool,
    /// Places of the records that stay, in the pack's index.
    kept: Vec<u32>,
    dead_bytes: u64,
    dead: u64,
    /// Bytes of records that stay in another pack.
    doubled_bytes: u64,
}

/// Everything stored, divided into what stays and what goes.
pub(super) struct Inventory {
    pub(super) packs: Vec<SweptPack>,
    dead_objects: Vec<ObjectRef>,
    tombstones: HashMap<String, SystemTime>,
    live_bytes: u64,
    stash_bytes: u64,
    undo_bytes: u64,
    dead_bytes: u64,
}

impl Inventory {
    /// Looks at every pack and own file. A record that stays is kept once, whatever number of packs have it.
    pub(super) fn take(store: &Store, marks: &Marks, progress: &Progress) -> Result<Inventory> {
        store.refresh()?;
        let tombstones: HashMap<String, SystemTime> = store.tombstones()?.into_iter().collect();
        let mut inventory = Inventory {
            packs: Vec::new(),
            dead_objects: Vec::new(),
            tombstones,
            live_bytes: 0,
            stash_bytes: 0,
            undo_bytes: 0,
            dead_bytes: 0,
        };
        let mut packs = store.packs()?;
        // What lies in a pack that stays need not be copied out of one that goes.
        packs.sort_by_key(|pack| inventory.tombstones.contains_key(&pack.name));
        let mut placed: HashMap<(Kind, Id), (Arc<PackReader>, Entry)> = HashMap::new();
        for pack in packs {
            progress.check()?;
            let reader = match pack.open() {
                Ok(Some(reader)) => reader,
                Ok(None) => continue,
                // A damaged pack is the checker's to mend; nothing of it is touched here.
                Err(error) if error.code == ErrorCode::Integrity => continue,
                Err(error) => return Err(error),
            };
            inventory.add_pack(pack, reader, marks, &mut placed);
        }
        for object in store.objects()? {
            match marks.holder(Kind::Blob, &object.id) {
                Some(holder) => inventory.count(holder, object.size),
                None => {
                    inventory.dead_bytes += object.size;
                    inventory.dead_objects.push(object);
                }
            }
        }
        Ok(inventory)
    }

    fn add_pack(
        &mut self,
        pack: Arc<PackRef>,
        reader: Arc<PackReader>,
        marks: &Marks,
        placed: &mut HashMap<(Kind, Id), (Arc<PackReader>, Entry)>,
    ) {
        let (mut kept, mut dead_bytes, mut dead, mut doubled_bytes) = (Vec::new(), 0, 0, 0);
        for (place, entry) in reader.entries().enumerate() {
            let bytes = u64::from(entry.stored_length);
            let elsewhere = placed.get(&(entry.kind, entry.id));
            // The other copy must be sound before this one may go.
            let needed = elsewhere.is_none_or(|(pack, entry)| pack.stored(entry).is_err());
            match marks.holder(entry.kind, &entry.id) {
                Some(holder) if needed => {
                    self.count(holder, bytes);
                    placed.insert((entry.kind, entry.id), (reader.clone(), entry));
                    kept.push(place as u32);
                }
                Some(_) => doubled_bytes += bytes,
                None => {
                    dead_bytes += bytes;
                    dead += 1;
                }
            }
        }
        self.dead_bytes += dead_bytes;
        self.packs.push(SweptPack {
            tombstoned: self.tombstones.contains_key(&pack.name),
            pack,
            reader,
            kept,
            dead_bytes,
            dead,
            doubled_bytes,
        });
    }

    fn count(&mut self, holder: Holder, bytes: u64) {
        match holder {
            Holder::Live => self.live_bytes += bytes,
            Holder::Stash => self.stash_bytes += bytes,
            Holder::Undo => self.undo_bytes += bytes,
        }
    }

    /// The sums of the report.
    pub(super) fn describe(&self, report: &mut GcReport) {
        report.live_bytes = self.live_bytes;
        report.dead_bytes = self.dead_bytes;
        report.held = [("undo", self.undo_bytes), ("stash", self.stash_bytes)]
            .into_iter()
            .filter(|(_, bytes)| *bytes > 0)
            .map(|(holder, bytes)| (holder.to_string(), bytes))
            .collect();
    }

    /// What a run that changes nothing would give back.
    pub(super) fn foresee(&self, request: &GcRequest, report: &mut GcReport) {
        for pack in self.packs.iter().filter(|pack| pack.is_due(request)) {
            report.freed_bytes += pack.dead_bytes;
            report.objects += pack.dead;
            report.packs += 1;
        }
        for object in &self.dead_objects {
            report.freed_bytes += object.size;
            report.objects += 1;
        }
    }

    /// Copies what stays out of packs that are worth it, and gives everything dead its tombstone. Whatever is so new that
    /// its writer may not have published yet is left for the next time.
    pub(super) fn bury(
        &self,
        store: &Store,
        request: &GcRequest,
        progress: &Progress,
    ) -> Result<()> {
        let settled = settled_before(store, request)?;
        let buried: Vec<&SweptPack> = self
            .packs
            .iter()
            .filter(|pack| !pack.tombstoned && pack.is_due(request))
            .filter(|pack| modified(pack.pack.path()).is_some_and(|time| time < settled))
            .collect();
        let total = buried.iter().map(|pack| pack.reader.file_length()).sum();
        progress.begin("rewriting packs", buried.len() as u64, total);
        for group in Group::ALL {
            let packs = buried.iter().filter(|pack| pack.pack.group == group);
            copy_kept(store, group, packs.copied())?;
        }
        for pack in &buried {
            store.tombstone(&pack.pack.name)?;
            progress.advance(1, pack.reader.file_length())?;
        }
        for object in &self.dead_objects {
            if modified(&object.path).is_some_and(|time| time < settled) {
                store.tombstone(&object.id.to_hex())?;
            }
            progress.check()?;
        }
        Ok(())
    }

    /// Removes what has a tombstone that no living session can have missed. `self` was taken after the tombstones were
    /// set and after those sessions ended, so that whatever they published is marked.
    pub(super) fn remove(
        &self,
        store: &Store,
        ripe: &HashSet<String>,
        progress: &Progress,
        report: &mut GcReport,
    ) -> Result<()> {
        let going: Vec<&SweptPack> = self
            .packs
            .iter()
            .filter(|pack| ripe.contains(&pack.pack.name))
            .collect();
        progress.begin(
            "removing",
            (going.len() + self.dead_objects.len()) as u64,
            0,
        );
        for group in Group::ALL {
            let packs = going.iter().filter(|pack| pack.pack.group == group);
            copy_kept(store, group, packs.copied())?;
        }
        if !going.is_empty() {
            // The pack that has the other copy of a record may be one whose writer died before its name was flushed.
            store.flush_packs()?;
        }
        for pack in &going {
            progress.advance(1, 0)?;
            store.remove_pack(&pack.pack.name)?;
            report.freed_bytes += pack.dead_bytes;
            report.objects += pack.dead;
            report.packs += 1;
        }
        if !going.is_empty() {
            store.flush_packs()?;
        }
        // Not before: a pack that a power cut brings back must not be relied on.
        for pack in &going {
            store.remove_tombstone(&pack.pack.name)?;
        }
        let dead: HashSet<Id> = self.dead_objects.iter().map(|object| object.id).collect();
        for object in &self.dead_objects {
            progress.advance(1, 0)?;
            let name = object.id.to_hex();
            let Some(since) = self.tombstones.get(&name).filter(|_| ripe.contains(&name)) else {
                continue;
            };
            if store.remove_object(&object.id, *since)? {
                report.freed_bytes += object.size;
                report.objects += 1;
            }
            store.remove_tombstone(&name)?;
        }
        let packs: HashSet<&str> = self.packs.iter().map(|pack| &*pack.pack.name).collect();
        for name in self.tombstones.keys() {
            // An own file that is needed again, or something that is gone already.
            let stale = match Id::from_hex(name) {
                Ok(id) => !dead.contains(&id),
                Err(_) => !packs.contains(name.as_str()),
            };
            if stale {
                store.remove_tombstone(name)?;
            }
        }
        Ok(())
    }

    /// Bytes that are dead and still there.
    pub(super) fn waiting(&self, freed: u64) -> u64 {
        self.dead_bytes.saturating_sub(freed)
    }
}

impl SweptPack {
    fn is_due(&self, request: &GcRequest) -> bool {
        let going = self.dead_bytes + self.doubled_bytes;
        let share = going.saturating_mul(100);
        let worthwhile = share > self.reader.file_length().saturating_mul(WORTHWHILE);
        going > 0 && (self.kept.is_empty() || request.immediate || worthwhile)
    }
}

/// Copies the records that stay out of packs of one group.
fn copy_kept<'a>(
    store: &Store,
    group: Group,
    packs: impl Iterator<Item = &'a SweptPack>,
) -> Result<()> {
    let records = packs.flat_map(|pack| {
        let kept = pack.kept.iter();
        let entries = kept.filter_map(|place| pack.reader.entry(*place as usize));
        let mut entries: Vec<Entry> = entries.collect();
        entries.sort_unstable_by_key(|entry| entry.offset);
        entries
            .into_iter()
            .map(|entry| (pack.reader.clone(), entry))
    });
    store.copy_records(group, records).map(drop)
}

/// Names whose tombstone every living session knows of: it began afterwards.
pub(super) fn ripe(store: &Store, request: &GcRequest) -> Result<HashSet<String>> {
    let oldest = store.live_sessions()?.first().copied();
    let now = SystemTime::now();
    let tombstones = store.tombstones()?.into_iter();
    let ripe = tombstones.filter(|(_, since)| {
        let known = oldest
            .is_none_or(|began| UNIX_EPOCH + Duration::from_micros(began) > *since + CLOCK_MARGIN);
        known && (request.immediate || *since + GRACE <= now)
    });
    Ok(ripe.map(|(name, _)| name).collect())
}

/// What is older than this belongs to no session that could still publish it.
fn settled_before(store: &Store, request: &GcRequest) -> Result<SystemTime> {
    let now = SystemTime::now();
    let settled = match request.immediate {
        true => now + CLOCK_MARGIN,
        false => now - GRACE,
    };
    let oldest = store.live_sessions()?.first().copied();
    Ok(oldest.map_or(settled, |began| {
        settled.min(UNIX_EPOCH + Duration::from_micros(began) - CLOCK_MARGIN)
    }))
}

fn modified(path: &std::path::Path) -> Option<SystemTime> {
    fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .ok()
}
