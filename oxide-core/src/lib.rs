//! Bytes of Oxide, without Python: hashing, chunking, packs, versioned tables and working copies.
//!
//! Modules stand in a strict order; each may use only those above it:
//! `error, hash, rings, varint, counters, recent, progress, documents -> fsx -> media -> chunk -> codec -> pack -> index ->
//! store -> schema -> rows -> segment -> tree -> columns -> paths -> files -> dependents -> record -> browse -> oplog ->
//! workspace -> checkout -> usage -> gc -> fsck`.
#![deny(missing_docs, unsafe_op_in_unsafe_fn)]

pub mod browse;
pub mod checkout;
pub mod chunk;
pub mod codec;
pub mod columns;
pub mod counters;
pub mod dependents;
pub mod documents;
pub mod error;
pub mod files;
pub mod fsck;
pub mod fsx;
pub mod gc;
pub mod hash;
pub mod index;
pub mod media;
pub mod oplog;
pub mod pack;
pub mod paths;
pub mod progress;
mod recent;
pub mod record;
pub mod rings;
pub mod rows;
pub mod schema;
pub mod segment;
pub mod store;
pub mod trace;
pub mod tree;
pub mod usage;
pub mod varint;
pub mod workspace;

pub use error::{Error, ErrorCode, Result};
pub use hash::Id;
