//! Rows as Arrow columns, in and out, and as Parquet files for the query engine's cache.

mod bundle;
pub mod cache;
mod incoming;
mod outgoing;
mod parquet;
pub mod statistics;

pub use bundle::{export_parquet, restore_parquet, Exported, Extract, SEGMENT_COLUMN};
pub use incoming::batch_changes;
pub use outgoing::{arrow_schema, rows_batch, segment_batch};
pub use parquet::parquet_bytes;

#[cfg(test)]
mod tests;
