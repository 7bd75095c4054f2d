//! Giving space back: mark what views within the grace period reach, tombstone packs with dead records, and after the
//! grace sweep or rewrite them. Lock-free: leases and tombstones keep a writer's dedup hits alive.

mod holder;
mod inventory;
mod mark;
mod sweep;

use std::time::Duration;

use crate::error::{ErrorCode, Result};
use crate::fsx::Lock;
use crate::hash::Id;
use crate::oplog;
use crate::progress::Progress;
use crate::record::{self, Record};
use crate::store::{Store, LEFT_BEHIND};
use crate::workspace;

pub use holder::{Held, Holder, HolderKind};
use inventory::Inventory;
pub(crate) use mark::contents_of;
use mark::Marks;

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
    /// Who holds how many bytes. Each byte counts once, for the first who needs it.
    pub held: Vec<Held>,
    /// Bytes that nothing reaches.
    pub dead_bytes: u64,
    /// Bytes given back (or that would be, in a dry run).
    pub freed_bytes: u64,
    /// Of the dead bytes those that stay for now: [`GcReport::held`] says why.
    pub waiting_bytes: u64,
    /// Objects removed.
    pub objects: u64,
    /// Packs removed or rewritten.
    pub packs: u64,
}

/// Collects. Refuses when a reachable object is missing or a pack is damaged, and changes nothing then.
pub fn collect(store: &Store, request: &GcRequest, progress: &Progress) -> Result<GcReport> {
    let lock = match request.dry_run {
        true => None,
        false => Some(lock_packs(store, progress)?),
    };
    progress.begin("marking", 0, 0);
    let mut marks = Marks::default();
    let Some(mut chain) = Chain::read(store, request, u64::MAX)? else {
        return Ok(GcReport::default());
    };
    check_packs(store)?;
    chain.mark(store, &mut marks, progress)?;
    let mut report = GcReport::default();
    let mut inventory = Inventory::take(store, &marks, progress)?;
    inventory.describe(&marks, &mut report);
    if request.dry_run {
        let ripe = sweep::ripe(store, request)?;
        inventory.foresee(store, request, &ripe, &mut report)?;
        return Ok(report);
    }
    // Nobody may find an operation whose objects are about to go.
    oplog::drop_before(store.control(), chain.first)?;
    inventory.bury(store, request, progress)?;
    // In this order: which sessions are over, what they have published, what is dead after that.
    let ripe = sweep::ripe(store, request)?;
    if !ripe.is_empty() {
        // Whatever was published since still stands in the chain, if only for the next run to forget.
        if let Some(now) = Chain::read(store, request, chain.first)? {
            chain = now;
        }
        chain.mark(store, &mut marks, progress)?;
        inventory = Inventory::take(store, &marks, progress)?;
        inventory.remove(store, &ripe, progress, &mut report)?;
        store.rebuild_index()?;
    }
    inventory.wait(store, request, &ripe, &mut report)?;
    store.collect_temporary(LEFT_BEHIND, lock.as_ref())?;
    Ok(report)
}

/// A damaged pack may hold what leads to other objects, and a sound copy of what it held may look dead elsewhere: while
/// there is one, nothing is removed.
fn check_packs(store: &Store) -> Result<()> {
    store.refresh()?;
    for pack in store.packs()? {
        pack.open().map_err(|error| match error.code {
            ErrorCode::Integrity => error.hint(
                "nothing was collected: `oxide fsck --repair` saves what is whole in that pack and sets it aside; then \
                 run `oxide gc` again",
            ),
            _ => error,
        })?;
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
    /// The view of the head.
    head: Id,
    /// Views of the operations below the head that are within the grace period, with who needs them.
    kept: Vec<(Id, Holder)>,
    /// The lowest number that stays.
    first: u64,
}

impl Chain {
    /// From the newest operation down to the first that is older than the grace period, and at least to number `first`;
    /// `None` before the first one.
    fn read(store: &Store, request: &GcRequest, first: u64) -> Result<Option<Chain>> {
        let Some((head, operation)) = oplog::head(store.control())? else {
            return Ok(None);
        };
        let mut chain = Chain {
            head: view_of(&operation)?,
            kept: Vec::new(),
            first: head,
        };
        let micros = |seconds: u64| {
            let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
            seconds.saturating_mul(1_000_000)
        };
        let oldest = oplog::oldest(store.control())?;
        while chain.first > oldest {
            let number = chain.first - 1;
            if number < first && request.keep_seconds == 0 {
                break;
            }
            let operation = match oplog::read(store.control(), number) {
                Ok(operation) => operation,
                Err(error) if error.code == ErrorCode::NotFound => break,
                Err(error) => return Err(error),
            };
            let age = micros(request.now).saturating_sub(record::integer(&operation, "time")?);
            if number < first && age >= micros(request.keep_seconds) {
                break;
            }
            let holder = Holder::of_operation(number, &operation);
            chain.kept.push((view_of(&operation)?, holder));
            chain.first = number;
        }
        Ok(Some(chain))
    }

    /// Marks what these operations reach, and what a checkout that was interrupted needs to be finished.
    fn mark(&self, store: &Store, marks: &mut Marks, progress: &Progress) -> Result<()> {
        let mut mark = || {
            marks.add_builtin()?;
            marks.add_view(store, &self.head, None, progress)?;
            for (view, holder) in &self.kept {
                marks.add_view(store, view, Some(holder.clone()), progress)?;
            }
            if let Some((_, files)) = workspace::remembered(store.control()) {
                let holder = Holder::working_copy();
                marks.add_files_if_whole(store, &files, holder, progress)?;
            }
            marks.follow_contents(store, progress)
        };
        mark().map_err(|error| match error.code {
            ErrorCode::Integrity => error.hint(
                "nothing was collected: run `oxide fsck` to see what is damaged and how to mend it",
            ),
            _ => error,
        })
    }
}

fn view_of(operation: &Record) -> Result<Id> {
    Id::from_hex(record::text(operation, "view")?)
}

#[cfg(test)]
pub(crate) mod tests;
