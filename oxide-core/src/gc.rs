//! Giving space back: mark what views within the grace period reach, tombstone packs with dead records, and after the
//! grace sweep or rewrite them. Lock-free: leases and tombstones keep a writer's dedup hits alive.

mod mark;
mod sweep;

use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, ErrorCode, Result};
use crate::fsx::Lock;
use crate::hash::Id;
use crate::oplog;
use crate::progress::Progress;
use crate::record::{self, Record};
use crate::store::{Store, LEFT_BEHIND};
use crate::workspace::WorkingCopy;

pub(crate) use mark::contents_of;
use mark::Marks;
use sweep::Inventory;

/// How old a temporary file must be to count as left behind when the caller is in a hurry.
const LEFT_BEHIND_IMMEDIATE: Duration = Duration::from_secs(600);

/// How to collect.
pub struct GcRequest {
    /// Operations younger than this many seconds keep what they reach.
    pub keep_seconds: u64,
    /// Seconds since 1970 UTC.
    pub now: u64,
    /// Remove at once what is dead, without waiting for tombstones to age.
    pub immediate: bool,
    /// Change nothing.
    pub dry_run: bool,
}

/// What was found and done.
#[derive(Clone, Debug, Default)]
pub struct GcReport {
    /// Bytes that are reachable from branches, tags, remotes and workspaces.
    pub live_bytes: u64,
    /// Bytes that only the named holder keeps: "grace", "undo", "stash".
    pub held: Vec<(String, u64)>,
    /// Bytes that nothing reaches.
    pub dead_bytes: u64,
    /// Bytes given back (or that would be, in a dry run).
    pub freed_bytes: u64,
    /// Bytes that wait for tombstones or leases.
    pub waiting_bytes: u64,
    /// Objects removed.
    pub objects: u64,
    /// Packs removed or rewritten.
    pub packs: u64,
}

/// Collects. Refuses when a reachable object is missing, and changes nothing then.
pub fn collect(store: &Store, request: &GcRequest, progress: &Progress) -> Result<GcReport> {
    let _lock = match request.dry_run {
        true => None,
        false => Some(lock_packs(store, progress)?),
    };
    if !request.dry_run {
        store.put_back_taken()?;
    }
    progress.begin("marking", 0, 0);
    let mut marks = Marks::default();
    let Some(mut chain) = Chain::read(store, request)? else {
        return Ok(GcReport::default());
    };
    let refuse = |error: Error| match error.code {
        ErrorCode::Integrity => error.hint("nothing was collected: run `oxide fsck` first"),
        _ => error,
    };
    check_packs(store).map_err(refuse)?;
    chain.mark(store, &mut marks, progress).map_err(refuse)?;
    let mut report = GcReport::default();
    let mut inventory = Inventory::take(store, &marks, progress)?;
    inventory.describe(&mut report);
    if request.dry_run {
        inventory.foresee(request, &mut report);
        return Ok(report);
    }
    // Nobody may find an operation whose objects are about to go.
    oplog::drop_before(store.control(), chain.first)?;
    inventory.bury(store, request, progress)?;
    // In this order: which sessions are over, what they have published, what is dead after that.
    let ripe = sweep::ripe(store, request)?;
    if !ripe.is_empty() {
        if let Some(now) = Chain::read(store, request)? {
            chain = now;
        }
        chain.mark(store, &mut marks, progress).map_err(refuse)?;
        inventory = Inventory::take(store, &marks, progress)?;
        inventory.remove(store, &ripe, progress, &mut report)?;
        store.rebuild_index()?;
    }
    report.waiting_bytes = inventory.waiting(report.freed_bytes);
    let age = match request.immediate && store.live_sessions()?.is_empty() {
        true => LEFT_BEHIND_IMMEDIATE,
        false => LEFT_BEHIND,
    };
    store.collect_temporary(age)?;
    Ok(report)
}

/// A damaged pack may hold what leads to other objects: while there is one, nothing can be known to be dead.
fn check_packs(store: &Store) -> Result<()> {
    store.refresh()?;
    for pack in store.packs()? {
        pack.open()?;
    }
    Ok(())
}

/// Waits for its turn among those that merge and rewrite packs.
pub(crate) fn lock_packs(store: &Store, progress: &Progress) -> Result<Lock> {
    loop {
        if let Some(lock) = store.try_lock_packs()? {
            return Ok(lock);
        }
        progress.check()?;
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The operations that stay.
struct Chain {
    head: Id,
    /// Views of the operations below the head that are within the grace period.
    kept: Vec<Id>,
    /// The lowest number that stays.
    first: u64,
}

impl Chain {
    /// From the newest operation down to the first that is older than the grace period and than what the working files
    /// stand for; `None` before the first one.
    fn read(store: &Store, request: &GcRequest) -> Result<Option<Chain>> {
        let Some((head, operation)) = oplog::head(store.control())? else {
            return Ok(None);
        };
        let mut chain = Chain {
            head: view_of(&operation)?,
            kept: Vec::new(),
            first: head,
        };
        let oldest = oplog::oldest(store.control())?;
        let on_disk = on_disk(store)?;
        while chain.first > oldest {
            let operation = match oplog::read(store.control(), chain.first - 1) {
                Ok(operation) => operation,
                Err(error) if error.code == ErrorCode::NotFound => break,
                Err(error) => return Err(error),
            };
            let age = i64::try_from(request.now)
                .unwrap_or(i64::MAX)
                .saturating_mul(1_000_000);
            let age = age.saturating_sub(record::integer(&operation, "time")?);
            let old = request.keep_seconds == 0
                || age
                    >= i64::try_from(request.keep_seconds)
                        .unwrap_or(i64::MAX)
                        .saturating_mul(1_000_000);
            if old && on_disk.is_none_or(|number| chain.first <= number) {
                break;
            }
            chain.kept.push(view_of(&operation)?);
            chain.first -= 1;
        }
        Ok(Some(chain))
    }

    fn mark(&self, store: &Store, marks: &mut Marks, progress: &Progress) -> Result<()> {
        marks.add_views(store, &self.head, &self.kept, progress)
    }
}

/// The operation that the working files were last brought to. Those since stay too, whatever their age: what an interrupted
/// command was about to put on disk may be kept by nothing else.
fn on_disk(store: &Store) -> Result<Option<u64>> {
    let tree = store
        .control()
        .parent()
        .map_or(PathBuf::new(), PathBuf::from);
    let copy = WorkingCopy {
        store: store.clone(),
        tree,
    };
    Ok(copy.remembered()?.map(|(number, _)| number))
}

fn view_of(operation: &Record) -> Result<Id> {
    Id::from_hex(record::text(operation, "view")?)
}

#[cfg(test)]
pub(crate) mod tests;
