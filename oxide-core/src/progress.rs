//! Progress that workers advance and a caller polls, and the caller's wish to stop.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Mutex;

use crate::error::{Error, Result};

/// Shared between the workers of one long call and whoever shows it.
#[derive(Default)]
pub struct Progress {
    phase: Mutex<&'static str>,
    files_done: AtomicU64,
    files_total: AtomicU64,
    bytes_done: AtomicU64,
    bytes_total: AtomicU64,
    cancelled: AtomicBool,
}

/// One reading of a [`Progress`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// What is being done, in the present participle: "scanning", "adding".
    pub phase: &'static str,
    /// Files finished.
    pub files_done: u64,
    /// Files to do; 0 while unknown.
    pub files_total: u64,
    /// Bytes finished.
    pub bytes_done: u64,
    /// Bytes to do; 0 while unknown.
    pub bytes_total: u64,
}

impl Progress {
    /// Begins a phase with its totals (0 = unknown); the counts start again at zero.
    pub fn begin(&self, phase: &'static str, files_total: u64, bytes_total: u64) {
        *self.phase.lock().expect("progress lock") = phase;
        self.files_done.store(0, Ordering::Relaxed);
        self.bytes_done.store(0, Ordering::Relaxed);
        self.files_total.store(files_total, Ordering::Relaxed);
        self.bytes_total.store(bytes_total, Ordering::Relaxed);
    }

    /// Counts finished work, and fails with `Interrupted` once the caller asked to stop.
    pub fn advance(&self, files: u64, bytes: u64) -> Result<()> {
        self.files_done.fetch_add(files, Ordering::Relaxed);
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
        self.check()
    }

    /// Fails with `Interrupted` once the caller asked to stop.
    pub fn check(&self) -> Result<()> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Error::interrupted());
        }
        Ok(())
    }

    /// Asks the workers to stop at the next file.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// The state now.
    pub fn read(&self) -> Reading {
        Reading {
            phase: *self.phase.lock().expect("progress lock"),
            files_done: self.files_done.load(Ordering::Relaxed),
            files_total: self.files_total.load(Ordering::Relaxed),
            bytes_done: self.bytes_done.load(Ordering::Relaxed),
            bytes_total: self.bytes_total.load(Ordering::Relaxed),
        }
    }
}
