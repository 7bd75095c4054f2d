//! Sweeping: packs with dead records are rewritten, what is dead gets a tombstone, and goes for good once no session can
//! rely on it any more.

use std::collections::HashSet;
use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::inventory::{Inventory, SweptPack};
use super::{GcReport, GcRequest};
use crate::error::Result;
use crate::hash::Id;
use crate::pack::{Entry, Group};
use crate::progress::Progress;
use crate::store::{LiveSession, Store};

/// How long a tombstone stands before what it names goes, and how long a new pack or object is left alone: its writer
/// may be about to publish.
pub(super) const GRACE: Duration = match cfg!(test) {
    false => Duration::from_secs(10 * 60),
    true => Duration::from_millis(100),
};
/// File times may lag behind the clock by which sessions begin. On one machine the lag is a tick; the tests of the
/// collector, which cannot wait for seconds, count on that.
const CLOCK_MARGIN: Duration = match cfg!(test) {
    false => Duration::from_secs(2),
    true => Duration::from_millis(20),
};

impl Inventory {
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
        let known = oldest.is_none_or(|session| knows(&session, *since));
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
    Ok(oldest.map_or(settled, |session| {
        settled.min(began(&session) - CLOCK_MARGIN)
    }))
}

/// Whether a session must have seen a tombstone of that time: it began afterwards.
pub(super) fn knows(session: &LiveSession, since: SystemTime) -> bool {
    began(session) > since + CLOCK_MARGIN
}

fn began(session: &LiveSession) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(session.began)
}

fn modified(path: &std::path::Path) -> Option<SystemTime> {
    fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .ok()
}
