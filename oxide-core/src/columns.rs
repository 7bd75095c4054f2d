//! Rows as Arrow columns, in and out, and as Parquet files for the query engine's cache.

pub mod cache;
mod incoming;
mod outgoing;
mod parquet;

pub use incoming::batch_changes;
pub use outgoing::{arrow_schema, rows_batch, segment_batch};
pub use parquet::{export_parquet, parquet_bytes};

#[cfg(test)]
mod tests;
