//! What commits and views refer to, as the collector and the checker follow it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{array, id, object, wrong, Record};
use crate::error::Result;
use crate::hash::Id;

/// The parts of a commit that the core itself follows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitLinks {
    /// Parent commits.
    pub parents: Vec<Id>,
    /// Tables by name: (schema id, root id).
    pub tables: BTreeMap<String, (Id, Id)>,
}

/// The links of a commit record.
pub fn commit_links(record: &Record) -> Result<CommitLinks> {
    let mut links = CommitLinks::default();
    for parent in array(record, "parents")? {
        links.parents.push(id(parent, "a parent")?);
    }
    for (name, table) in object(record, "tables")? {
        links.tables.insert(name.clone(), table_links(table)?);
    }
    Ok(links)
}

/// What a name in a view is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefKind {
    /// A branch.
    Branch,
    /// A tag.
    Tag,
    /// A frozen set.
    Frozen,
    /// A branch of a remote, as it was last seen.
    Remote,
    /// A workspace: its base, what is pending, a merge under way.
    Workspace,
    /// A stash.
    Stash,
}

/// One name in a view with what it refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ref {
    /// What it is.
    pub kind: RefKind,
    /// The branch, tag, `remote/branch`, workspace, or `stash@{n}`.
    pub name: String,
    /// Commits that it names.
    pub commits: Vec<Id>,
    /// Pending tables: (schema id, root id).
    pub tables: Vec<(Id, Id)>,
    /// Lists: of conflicts, of what is frozen.
    pub lists: Vec<Id>,
}

impl Ref {
    fn new(kind: RefKind, name: impl Into<String>, commits: Vec<Id>) -> Ref {
        Ref {
            kind,
            name: name.into(),
            commits,
            tables: Vec::new(),
            lists: Vec::new(),
        }
    }
}

/// Every name in a view, by kind.
pub fn view_refs(record: &Record) -> Result<Vec<Ref>> {
    let mut refs = Vec::new();
    for (name, commit) in members(record, "branches")? {
        let commit = id(commit, "a branch")?;
        refs.push(Ref::new(RefKind::Branch, name, vec![commit]));
    }
    for (name, value) in members(record, "tags")? {
        if let Some(commit) = value.get("commit") {
            refs.push(Ref::new(RefKind::Tag, name, vec![id(commit, "a tag")?]));
        }
    }
    for (name, value) in members(record, "frozen")? {
        let mut frozen = Ref::new(RefKind::Frozen, name, Vec::new());
        let list = value.get("list").unwrap_or(&Value::Null);
        frozen.lists.push(id(list, "a frozen set")?);
        refs.push(frozen);
    }
    for (remote, branches) in members(record, "remotes")? {
        let branches = branches
            .as_object()
            .ok_or_else(|| wrong(&format!("remotes.{remote}"), "an object"))?;
        for (branch, commit) in branches {
            let commit = id(commit, "a remote branch")?;
            let name = format!("{remote}/{branch}");
            refs.push(Ref::new(RefKind::Remote, name, vec![commit]));
        }
    }
    for (name, workspace) in members(record, "workspaces")? {
        let workspace = workspace
            .as_object()
            .ok_or_else(|| wrong(&format!("workspaces.{name}"), "an object"))?;
        refs.push(workspace_ref(name, workspace)?);
    }
    for (index, stash) in elements(record, "stashes")?.iter().enumerate() {
        let commit = id(stash.get("commit").unwrap_or(&Value::Null), "a stash")?;
        let name = format!("stash@{{{index}}}");
        refs.push(Ref::new(RefKind::Stash, name, vec![commit]));
    }
    Ok(refs)
}

/// The parts of a view that the core itself follows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewLinks {
    /// Every commit that the view names but for stashes: branches, tags, remote refs, workspace bases, merge heads.
    pub commits: Vec<Id>,
    /// Commits of stashes.
    pub stashes: Vec<Id>,
    /// Pending tables of every workspace: (schema id, root id).
    pub tables: Vec<(Id, Id)>,
    /// Lists of every workspace and frozen set.
    pub lists: Vec<Id>,
}

/// The links of a view record.
pub fn view_links(record: &Record) -> Result<ViewLinks> {
    let mut links = ViewLinks::default();
    for reference in view_refs(record)? {
        match reference.kind {
            RefKind::Stash => links.stashes.extend(reference.commits),
            _ => links.commits.extend(reference.commits),
        }
        links.tables.extend(reference.tables);
        links.lists.extend(reference.lists);
    }
    Ok(links)
}

fn workspace_ref(name: &str, workspace: &Record) -> Result<Ref> {
    let mut found = Ref::new(RefKind::Workspace, name, Vec::new());
    if let Some(base) = present(workspace, "base") {
        found.commits.push(id(base, "a workspace's base")?);
    }
    for (_, table) in members(workspace, "pending")? {
        found.tables.push(table_links(table)?);
    }
    if let Some(Value::Object(merging)) = present(workspace, "merging") {
        for head in elements(merging, "heads")? {
            found.commits.push(id(head, "a merge head")?);
        }
    }
    if let Some(conflicts) = present(workspace, "conflicts") {
        found.lists.push(id(conflicts, "a workspace's conflicts")?);
    }
    Ok(found)
}

fn table_links(table: &Value) -> Result<(Id, Id)> {
    let part = |name: &str| id(table.get(name).unwrap_or(&Value::Null), name);
    Ok((part("schema")?, part("root")?))
}

fn present<'a>(record: &'a Record, name: &str) -> Option<&'a Value> {
    record.get(name).filter(|value| !value.is_null())
}

/// The members of an object that may be absent.
fn members<'a>(
    record: &'a Record,
    name: &str,
) -> Result<Box<dyn Iterator<Item = (&'a String, &'a Value)> + 'a>> {
    match present(record, name) {
        None => Ok(Box::new(std::iter::empty())),
        Some(Value::Object(map)) => Ok(Box::new(map.iter())),
        Some(_) => Err(wrong(name, "an object")),
    }
}

/// The elements of an array that may be absent.
fn elements<'a>(record: &'a Record, name: &str) -> Result<&'a [Value]> {
    match present(record, name) {
        None => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(wrong(name, "an array")),
    }
}
