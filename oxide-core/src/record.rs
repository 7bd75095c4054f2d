//! Commits, views and operations as canonical JSON: sorted keys, no spaces, integers only, unknown fields kept.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::Result;
use crate::hash::{Context, Id};
use crate::pack::Kind;
use crate::store::{ReadObjects, WriteObjects};

/// A record: commit, view, list or schema, as a JSON object.
pub type Record = serde_json::Map<String, Value>;

/// Canonical bytes of a record.
pub fn to_bytes(record: &Record) -> Result<Vec<u8>> {
    todo!("{record:?}")
}

/// Parses canonical bytes; refuses bytes that are not canonical.
pub fn from_bytes(bytes: &[u8]) -> Result<Record> {
    todo!("{}", bytes.len())
}

/// The hash context of a record kind (Commit, View, List, Schema).
pub fn context(kind: Kind) -> Result<Context> {
    todo!("{kind:?}")
}

/// Stores a record and returns its id. Commits and views are checked for the fields that every reader needs.
pub fn write(objects: &dyn WriteObjects, kind: Kind, record: &Record) -> Result<Id> {
    let _ = (objects, kind, record);
    todo!()
}

/// Reads a record and checks that it hashes to `id`.
pub fn read(objects: &dyn ReadObjects, kind: Kind, id: &Id) -> Result<Record> {
    let _ = (objects, kind, id);
    todo!()
}

/// The parts of a commit that the core itself follows.
pub struct CommitLinks {
    /// Parent commits.
    pub parents: Vec<Id>,
    /// Tables by name: (schema id, root id).
    pub tables: BTreeMap<String, (Id, Id)>,
}

/// The links of a commit record.
pub fn commit_links(record: &Record) -> Result<CommitLinks> {
    todo!("{record:?}")
}

/// The parts of a view that the core itself follows.
pub struct ViewLinks {
    /// Every commit that the view names: branches, tags, remote refs, workspace bases, stashes, merge heads.
    pub commits: Vec<Id>,
    /// Pending tables of every workspace: (schema id, root id).
    pub tables: Vec<(Id, Id)>,
    /// Lists of every workspace.
    pub lists: Vec<Id>,
}

/// The links of a view record.
pub fn view_links(record: &Record) -> Result<ViewLinks> {
    todo!("{record:?}")
}
