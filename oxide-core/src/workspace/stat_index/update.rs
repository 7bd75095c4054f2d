//! Writing the stat index: a batch appended to the journal, or a new base when the journal has grown.

use std::collections::BTreeSet;
use std::path::Path;

use super::rewrite::{Seen, Sources};
use super::{folder, journal, Index, Record, UNKNOWN_OPERATION};
use crate::error::{Error, ErrorCode, Result};
use crate::fsx::{self, Durability, Lock};
use crate::hash::Id;
use crate::store::ReadObjects;
use crate::tree;
use crate::workspace::changes::{Changes, FileChange};

/// A journal up to this size is never merged.
const SMALL_JOURNAL: usize = 256;

/// What to write.
pub(crate) struct Update<'a> {
    /// The operation whose result the working copy is now; `None`: as it was.
    pub(crate) operation: Option<u64>,
    /// The root that the index shall stand for.
    pub(crate) root: &'a Id,
    /// What was staged.
    pub(crate) known: Option<Known<'a>>,
    /// How files looked.
    pub(crate) seen: &'a [(Vec<u8>, Record)],
}

/// Staged changes, which save reading the tables and say how files looked.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    /// The roots that the changes were applied to and led to, if nobody moved the table meanwhile.
    pub(crate) applied: Option<(Id, Id)>,
    pub(crate) changes: &'a Changes,
}

/// Brings the index on disk up to date, under its lock.
pub(crate) fn update(control: &Path, objects: &dyn ReadObjects, update: &Update<'_>) -> Result<()> {
    let _lock = lock(control)?;
    match try_update(control, objects, update, Index::open(control)) {
        // Whatever is wrong with the old index, a new one can be built.
        Err(error) if error.code == ErrorCode::Integrity => {
            discard_files(control)?;
            try_update(control, objects, update, None)
        }
        other => other,
    }
}

/// Remembers how files looked, if nobody moved the index since it was read; nothing is lost when it is busy.
pub(crate) fn refresh(
    control: &Path,
    objects: &dyn ReadObjects,
    index: &Index,
    seen: &[(Vec<u8>, Record)],
) -> Result<()> {
    let locked =
        fsx::create_dir_all(&folder(control)).and_then(|()| fsx::try_lock(&lock_path(control)));
    // A repository that cannot be written to can still be looked at.
    let Ok(Some(_lock)) = locked else {
        return Ok(());
    };
    let current = Index::open(control);
    let moved = match &current {
        Some(current) => current.root != index.root,
        None => index.operation != UNKNOWN_OPERATION,
    };
    if moved {
        return Ok(());
    }
    let change = Update {
        operation: None,
        root: &index.root,
        known: None,
        seen,
    };
    match try_update(control, objects, &change, current) {
        Err(error) if error.code == ErrorCode::Interrupted => Err(error),
        _ => Ok(()),
    }
}

/// Removes a damaged index.
pub(crate) fn discard(control: &Path) -> Result<()> {
    let _lock = lock(control)?;
    discard_files(control)
}

fn discard_files(control: &Path) -> Result<()> {
    fsx::remove_file(&journal::path(control))?;
    fsx::remove_file(&folder(control).join("stat"))
}

fn lock_path(control: &Path) -> std::path::PathBuf {
    folder(control).join("stat.lock")
}

fn lock(control: &Path) -> Result<Lock> {
    fsx::create_dir_all(&folder(control))?;
    fsx::lock(&lock_path(control))
}

fn try_update(
    control: &Path,
    objects: &dyn ReadObjects,
    update: &Update<'_>,
    current: Option<Index>,
) -> Result<()> {
    let applied = update.known.and_then(|known| known.applied);
    let mut index = match current {
        Some(index) => index,
        None if applied.is_some_and(|(from, _)| from == tree::empty_root()) => Index::empty(),
        None => Index::from_table(objects, update.root)?,
    };
    let operation = match update.operation {
        Some(operation) => operation,
        None => index.operation,
    };
    let read;
    let rows = match update.known {
        _ if index.root == *update.root => None,
        Some(known) if applied == Some((index.root, *update.root)) => Some(known.changes),
        _ => {
            read = Changes::between(objects, &index.root, update.root)?;
            Some(&read)
        }
    };
    let seen = match update.known {
        Some(known) => Seen::Changes(known.changes),
        None => Seen::sorted(update.seen),
    };
    let limit = SMALL_JOURNAL.max(index.base.entry_count() / 16);
    let changes = rows.map_or(0, Changes::len).max(seen.len());
    if index.broken_journal || index.journaled + changes > limit {
        let sources = Sources {
            index: &index,
            rows,
            seen,
        };
        return write_base(control, &sources, operation, update.root);
    }
    let mut touched = BTreeSet::new();
    if let Some(rows) = rows {
        index.apply_rows(rows)?;
        let changed = rows.iter().filter(FileChange::is_change);
        touched.extend(changed.map(|change| change.path.to_vec()));
    }
    touched.extend(index.apply_seen(seen.iter())?);
    index.root = *update.root;
    if touched.is_empty() && operation == index.operation {
        return Ok(());
    }
    index.operation = operation;
    append(control, &index, &touched)
}

fn append(control: &Path, index: &Index, touched: &BTreeSet<Vec<u8>>) -> Result<()> {
    let mut changes = Vec::with_capacity(touched.len());
    for path in touched {
        changes.push((path.as_slice(), index.find(path)?));
    }
    let path = journal::path(control);
    let file = fsx::open_append(&path)?;
    let batch = journal::batch(index.operation, &index.root, &changes);
    fsx::write_all(&file, &batch, &path)
}

fn write_base(control: &Path, sources: &Sources<'_>, operation: u64, root: &Id) -> Result<()> {
    let mut nonce = [0; 8];
    getrandom::fill(&mut nonce)
        .map_err(|error| Error::new(ErrorCode::Io, format!("no random numbers: {error}")))?;
    let nonce = u64::from_le_bytes(nonce);
    sources.to_file(&folder(control).join("stat"), nonce, operation, root)?;
    let header = journal::header(nonce);
    fsx::write_atomic(&journal::path(control), &header, Durability::Derived)
}
