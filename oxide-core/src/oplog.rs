//! The operation chain: `.oxide/operations/<16 digits>`, one file each, the older ones consolidated into runs.
//! Operation n+1 is published by creating its name if absent, so the chain has one head and no lock.

use std::path::Path;

use crate::error::Result;
use crate::record::Record;

/// The highest published operation: (number, record with its `id`). `None` in a repository without any.
pub fn head(control: &Path) -> Result<Option<(u64, Record)>> {
    todo!("{control:?}")
}

/// One operation by its number.
pub fn read(control: &Path, number: u64) -> Result<Record> {
    todo!("{control:?} {number}")
}

/// The lowest number still kept.
pub fn oldest(control: &Path) -> Result<u64> {
    todo!("{control:?}")
}

/// Publishes operation `number` durably. `false` when another process published that number first. Everything that the
/// operation refers to must have been flushed before. Sets the fields `number`, `previous` (the id before it).
pub fn publish(control: &Path, number: u64, operation: Record) -> Result<bool> {
    todo!("{control:?} {number} {operation:?}")
}

/// Folds old operation files into runs, in bounded steps. Called after publishing; losing a race does no harm.
pub fn consolidate(control: &Path) -> Result<()> {
    todo!("{control:?}")
}

/// Forgets operations below `number` (the collector's part).
pub fn drop_before(control: &Path, number: u64) -> Result<()> {
    todo!("{control:?} {number}")
}
