//! Who holds bytes: names in the view, operations that undo can go back to, and what keeps the collector waiting.

use std::fmt;

use crate::record::{Record, Ref, RefKind};
use crate::store::LiveSession;

/// Why bytes stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HolderKind {
    /// A branch reaches them.
    Branch,
    /// A tag does.
    Tag,
    /// A frozen set does.
    Frozen,
    /// A branch of a remote does.
    Remote,
    /// They are pending, or a merge or checkout under way needs them.
    Workspace,
    /// Every repository has them.
    Repository,
    /// A stash reaches them.
    Stash,
    /// An operation within the grace period reaches them: undo can bring it back.
    Undo,
    /// Nothing reaches them; they go when the grace period of the collector is over.
    Grace,
    /// Nothing reaches them; they go when a process that may rely on them has ended.
    Session,
    /// Nothing reaches them; too little of their pack is dead for it to be rewritten.
    Repacking,
}

impl HolderKind {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            HolderKind::Branch => "branch",
            HolderKind::Tag => "tag",
            HolderKind::Frozen => "frozen",
            HolderKind::Remote => "remote",
            HolderKind::Workspace => "workspace",
            HolderKind::Repository => "repository",
            HolderKind::Stash => "stash",
            HolderKind::Undo => "undo",
            HolderKind::Grace => "grace",
            HolderKind::Session => "session",
            HolderKind::Repacking => "repacking",
        }
    }

    /// Whether it is part of the present state.
    pub fn is_live(self) -> bool {
        self <= HolderKind::Repository
    }
}

/// Who holds bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// Why.
    pub kind: HolderKind,
    /// The name of the branch, tag, workspace or stash; the number of the operation or process; else empty.
    pub name: String,
    /// What the operation did, or how many share the entry; else empty.
    pub about: String,
}

/// Bytes and who holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Who.
    pub holder: Holder,
    /// How many.
    pub bytes: u64,
}

impl Holder {
    fn new(kind: HolderKind, name: impl Into<String>) -> Holder {
        Holder {
            kind,
            name: name.into(),
            about: String::new(),
        }
    }

    pub(super) fn of_ref(reference: &Ref) -> Holder {
        let kind = match reference.kind {
            RefKind::Branch => HolderKind::Branch,
            RefKind::Tag => HolderKind::Tag,
            RefKind::Frozen => HolderKind::Frozen,
            RefKind::Remote => HolderKind::Remote,
            RefKind::Workspace => HolderKind::Workspace,
            RefKind::Stash => HolderKind::Stash,
        };
        Holder::new(kind, &reference.name)
    }

    pub(super) fn of_operation(number: u64, operation: &Record) -> Holder {
        let about = operation.get("description").and_then(|text| text.as_str());
        Holder {
            about: about.unwrap_or_default().to_string(),
            ..Holder::new(HolderKind::Undo, number.to_string())
        }
    }

    pub(super) fn repository() -> Holder {
        Holder::new(HolderKind::Repository, "")
    }

    /// The files that the stat index says are on disk.
    pub(super) fn working_copy() -> Holder {
        Holder::new(HolderKind::Workspace, "files on disk")
    }

    /// All that are not named one by one.
    pub(super) fn others(kind: HolderKind, count: u64) -> Holder {
        Holder {
            about: format!("{count} more"),
            ..Holder::new(kind, "")
        }
    }

    pub(super) fn grace() -> Holder {
        Holder::new(HolderKind::Grace, "")
    }

    pub(super) fn repacking() -> Holder {
        Holder::new(HolderKind::Repacking, "")
    }

    pub(super) fn session(session: &LiveSession) -> Holder {
        Holder::new(HolderKind::Session, session.process.to_string())
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            HolderKind::Undo => write!(f, "operation {}", self.name),
            kind if self.name.is_empty() => write!(f, "the {}", kind.name()),
            kind => write!(f, "{} {}", kind.name(), self.name),
        }
    }
}
