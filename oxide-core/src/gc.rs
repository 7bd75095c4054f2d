//! Giving space back: mark what views within the grace period reach, tombstone packs with dead records, and after the
//! grace sweep or rewrite them. Lock-free: leases and tombstones keep a writer's dedup hits alive.

use crate::error::Result;
use crate::progress::Progress;
use crate::store::Store;

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

/// Collects. Refuses when a reachable object is missing.
pub fn collect(store: &Store, request: &GcRequest, progress: &Progress) -> Result<GcReport> {
    let _ = (store, request, progress);
    todo!()
}
