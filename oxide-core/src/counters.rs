//! Process-wide counts of work done, so that tests assert cost by counting instead of timing.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($name:ident: $doc:literal),* $(,)?) => {
        $(#[doc = $doc] pub static $name: Counter = Counter(AtomicU64::new(0));)*

        /// Every counter by its lower-case name.
        pub fn snapshot() -> Vec<(&'static str, u64)> {
            vec![$((stringify!($name), $name.get())),*]
        }

        /// Sets every counter to zero.
        pub fn reset() {
            $($name.0.store(0, Ordering::Relaxed);)*
        }
    };
}

/// A monotonic count.
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

counters! {
    SEGMENTS_WRITTEN: "Segments stored whole.",
    DELTAS_WRITTEN: "Segments stored as a row delta.",
    PAGES_WRITTEN: "Index pages stored.",
    TABLE_OBJECTS_READ: "Segments, deltas and index pages read.",
    FILES_HASHED: "Working files read and hashed.",
    BYTES_HASHED: "Bytes of working files hashed.",
    FILES_WRITTEN: "Working files written by a checkout.",
    PACKS_WRITTEN: "Packs published.",
    PACKS_OPENED: "Packs opened for reading.",
    FLUSHES: "Flushes of files and folders to the disk.",
}
