//! Giving space back: mark what views within the grace period reach, tombstone packs with dead records, and after the
//! grace sweep or rewrite them. Lock-free: leases and tombstones keep a writer's dedup hits alive.

mod holder;
mod inventory;
mod mark;
mod sweep;

use std::collections::HashSet;
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
    if !request.dry_run {
        store.put_back_taken()?;
    }
    let Some(mut collection) = Collection::begin(store, request, progress, lock)? else {
        return Ok(GcReport::default());
    };
    if request.dry_run {
        return collection.foresee();
    }
    collection.forget()?;
    collection.bury()?;
    collection.ripen()?;
    collection.mark_again()?;
    collection.remove()?;
    collection.finish()
}

/// A collection under way, in steps between which anything may happen in other processes.
struct Collection<'a> {
    store: &'a Store,
    request: &'a GcRequest,
    progress: &'a Progress,
    /// Nobody else merges or rewrites packs meanwhile.
    _lock: Option<Lock>,
    marks: Marks,
    chain: Chain,
    inventory: Inventory,
    /// Names of what may go now.
    ripe: HashSet<String>,
    report: GcReport,
}

impl<'a> Collection<'a> {
    /// Marks what is needed and looks at everything stored. `None` in a repository without operations.
    fn begin(
        store: &'a Store,
        request: &'a GcRequest,
        progress: &'a Progress,
        lock: Option<Lock>,
    ) -> Result<Option<Collection<'a>>> {
        progress.begin("marking", 0, 0);
        // Whoever finishes an interrupted checkout asks what the operations since did.
        let unfinished = workspace::remembered(store.control()).map_or(u64::MAX, |(done, _)| done);
        let Some(chain) = Chain::read(store, request, unfinished)? else {
            return Ok(None);
        };
        check_packs(store)?;
        let mut marks = Marks::default();
        chain.mark(store, &mut marks, progress)?;
        let inventory = Inventory::take(store, &marks, progress)?;
        let mut report = GcReport::default();
        inventory.describe(&marks, &mut report);
        Ok(Some(Collection {
            store,
            request,
            progress,
            _lock: lock,
            marks,
            chain,
            inventory,
            ripe: HashSet::new(),
            report,
        }))
    }

    /// What this run would do.
    fn foresee(mut self) -> Result<GcReport> {
        let ripe = sweep::ripe(self.store, self.request)?;
        let inventory = &self.inventory;
        inventory.foresee(self.store, self.request, &ripe, &mut self.report)?;
        Ok(self.report)
    }

    /// Drops old operations: nobody may find one whose objects are about to go.
    fn forget(&mut self) -> Result<()> {
        oplog::drop_before(self.store.control(), self.chain.first)
    }

    /// Gives what is dead its tombstone.
    fn bury(&mut self) -> Result<()> {
        self.inventory.bury(self.store, self.request, self.progress)
    }

    /// Finds out which sessions are over. What they have published is read after that, and what is dead after that again.
    fn ripen(&mut self) -> Result<()> {
        self.ripe = sweep::ripe(self.store, self.request)?;
        Ok(())
    }

    /// Marks what was published since.
    fn mark_again(&mut self) -> Result<()> {
        if self.ripe.is_empty() {
            return Ok(());
        }
        // Whatever was published since still stands in the chain, if only for the next run to forget.
        if let Some(chain) = Chain::read(self.store, self.request, self.chain.first)? {
            self.chain = chain;
        }
        self.chain
            .mark(self.store, &mut self.marks, self.progress)?;
        self.inventory = Inventory::take(self.store, &self.marks, self.progress)?;
        Ok(())
    }

    /// Removes what is dead and known to be by everybody.
    fn remove(&mut self) -> Result<()> {
        if self.ripe.is_empty() {
            return Ok(());
        }
        let (inventory, report) = (&self.inventory, &mut self.report);
        inventory.remove(self.store, &self.ripe, self.progress, report)?;
        self.store.rebuild_index()
    }

    /// Says what still waits, and removes what dead processes left behind.
    fn finish(mut self) -> Result<GcReport> {
        let (inventory, report) = (&self.inventory, &mut self.report);
        inventory.wait(self.store, self.request, &self.ripe, report)?;
        self.store.collect_temporary(LEFT_BEHIND)?;
        Ok(self.report)
    }
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
