//! Checking everything that is stored, and rebuilding what can be rebuilt.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::progress::Progress;
use crate::store::Store;

/// How to check.
pub struct FsckRequest {
    /// Read and hash every file content; else only lengths, checksums and references.
    pub data: bool,
    /// Rebuild derived files, drop temporary ones of dead processes.
    pub repair: bool,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The object or file.
    pub object: String,
    /// Its kind: "blob", "segment", "pack", "operation", "index", ...
    pub kind: String,
    /// What is wrong, with the paths or commits that need it where known.
    pub problem: String,
    /// What to do.
    pub remedy: String,
    /// Whether `repair` mended it.
    pub repaired: bool,
}

/// The outcome.
#[derive(Clone, Debug, Default)]
pub struct FsckReport {
    /// Objects checked, by kind.
    pub checked: BTreeMap<String, u64>,
    /// What is wrong, sorted by object.
    pub problems: Vec<Problem>,
}

/// Checks the operation chain, every reachable object, every pack and derived file.
pub fn check(store: &Store, request: &FsckRequest, progress: &Progress) -> Result<FsckReport> {
    let _ = (store, request, progress);
    todo!()
}
