//! What is stored, divided into what stays and what goes, and what the rest waits for.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

use super::holder::{Held, Holder, HolderKind};
use super::mark::Marks;
use super::{sweep, GcReport, GcRequest};
use crate::error::{ErrorCode, Result};
use crate::hash::Id;
use crate::pack::{Entry, Kind, PackReader};
use crate::progress::Progress;
use crate::store::{LiveSession, ObjectRef, PackRef, Store};

/// Parts of a hundred that must be dead for a pack to be rewritten.
const WORTHWHILE: u64 = 10;

/// So many holders of each kind are named.
const NAMED: usize = 20;

/// A pack and what of it stays.
pub(super) struct SweptPack {
    pub(super) pack: Arc<PackRef>,
    pub(super) reader: Arc<PackReader>,
    pub(super) tombstoned: bool,
    /// Places of the records that stay, in the pack's index.
    pub(super) kept: Vec<u32>,
    pub(super) dead_bytes: u64,
    pub(super) dead: u64,
    /// Bytes of records that stay in another pack.
    doubled_bytes: u64,
}

/// Everything stored.
pub(super) struct Inventory {
    pub(super) packs: Vec<SweptPack>,
    pub(super) dead_objects: Vec<ObjectRef>,
    pub(super) tombstones: HashMap<String, SystemTime>,
    /// Bytes by the place of their holder in the marks.
    held: Vec<u64>,
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
            held: vec![0; marks.holders().len()],
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
                Some(holder) => inventory.held[holder] += object.size,
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
                    self.held[holder] += bytes;
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

    /// Who holds what, and how much is dead.
    pub(super) fn describe(&self, marks: &Marks, report: &mut GcReport) {
        let mut held: BTreeMap<&Holder, u64> = BTreeMap::new();
        for (holder, bytes) in marks.holders().iter().zip(&self.held) {
            *held.entry(holder).or_default() += bytes;
        }
        let live = held.iter().filter(|(holder, _)| holder.kind.is_live());
        report.live_bytes = live.map(|(_, bytes)| bytes).sum();
        report.dead_bytes = self.dead_bytes;
        let held = held.into_iter().filter(|(_, bytes)| *bytes > 0);
        let held = held.map(|(holder, bytes)| Held {
            holder: holder.clone(),
            bytes,
        });
        let mut held: Vec<Held> = held.collect();
        held.sort_by_key(|held| (held.holder.kind, std::cmp::Reverse(held.bytes)));
        report.held = fold(held);
    }

    /// What a run that changes nothing would give back, and what the rest would wait for.
    pub(super) fn foresee(
        &self,
        store: &Store,
        request: &GcRequest,
        ripe: &HashSet<String>,
        report: &mut GcReport,
    ) -> Result<()> {
        let sessions = store.live_sessions()?;
        let at_once = request.immediate && sessions.is_empty();
        let mut going = HashSet::new();
        for pack in &self.packs {
            let name = &pack.pack.name;
            if ripe.contains(name) || (at_once && !pack.tombstoned && pack.is_due(request)) {
                going.insert(name.clone());
                report.freed_bytes += pack.dead_bytes;
                report.objects += pack.dead;
                report.packs += 1;
            }
        }
        for object in &self.dead_objects {
            let name = object.id.to_hex();
            if ripe.contains(&name) || (at_once && !self.tombstones.contains_key(&name)) {
                going.insert(name);
                report.freed_bytes += object.size;
                report.objects += 1;
            }
        }
        self.wait(store, request, &going, report)
    }

    /// Adds what the dead bytes wait for that are not among those that go.
    pub(super) fn wait(
        &self,
        store: &Store,
        request: &GcRequest,
        going: &HashSet<String>,
        report: &mut GcReport,
    ) -> Result<()> {
        let sessions = store.live_sessions()?;
        let mut waiting: BTreeMap<Holder, u64> = BTreeMap::new();
        let packs = self.packs.iter().map(|pack| {
            let due = pack.tombstoned || pack.is_due(request);
            (pack.pack.name.clone(), due, pack.dead_bytes)
        });
        let objects = self.dead_objects.iter();
        let objects = objects.map(|object| (object.id.to_hex(), true, object.size));
        for (name, due, bytes) in packs.chain(objects) {
            if bytes == 0 || going.contains(&name) {
                continue;
            }
            let holder = match due {
                false => Holder::repacking(),
                true => self.waits_for(&name, request, &sessions),
            };
            *waiting.entry(holder).or_default() += bytes;
        }
        report.waiting_bytes = waiting.values().sum();
        let waiting = waiting.into_iter();
        report
            .held
            .extend(waiting.map(|(holder, bytes)| Held { holder, bytes }));
        Ok(())
    }

    /// What something dead waits for: the oldest session that may not know of its tombstone, or the grace period.
    fn waits_for(&self, name: &str, request: &GcRequest, sessions: &[LiveSession]) -> Holder {
        let since = self.tombstones.get(name).copied();
        let since = since.unwrap_or_else(SystemTime::now);
        let session = sessions
            .first()
            .filter(|session| !sweep::knows(session, since));
        let in_grace = !request.immediate && since + sweep::GRACE > SystemTime::now();
        match session {
            Some(session) if !in_grace => Holder::session(session),
            _ => Holder::grace(),
        }
    }
}

/// Of each kind the largest by themselves, and one entry for all others: thousands of operations hold a little each.
fn fold(held: Vec<Held>) -> Vec<Held> {
    let mut folded: Vec<Held> = Vec::new();
    let mut rest: BTreeMap<HolderKind, (u64, u64)> = BTreeMap::new();
    let mut named: BTreeMap<HolderKind, usize> = BTreeMap::new();
    for held in held {
        let kind = held.holder.kind;
        let named = named.entry(kind).or_default();
        *named += 1;
        if *named <= NAMED {
            folded.push(held);
        } else {
            let (count, bytes) = rest.entry(kind).or_default();
            (*count, *bytes) = (*count + 1, *bytes + held.bytes);
        }
    }
    let rest = rest.into_iter();
    folded.extend(rest.map(|(kind, (count, bytes))| Held {
        holder: Holder::others(kind, count),
        bytes,
    }));
    folded
}

impl SweptPack {
    pub(super) fn is_due(&self, request: &GcRequest) -> bool {
        let going = self.dead_bytes + self.doubled_bytes;
        let share = going.saturating_mul(100);
        let worthwhile = share > self.reader.file_length().saturating_mul(WORTHWHILE);
        going > 0 && (self.kept.is_empty() || request.immediate || worthwhile)
    }
}
