//! Writing the stat index: a batch appended to the journal, or a new base when the journal has grown.

use std::collections::BTreeSet;
use std::path::Path;

use super::{base, folder, journal, Index, Record, UNKNOWN_OPERATION};
use crate::error::{Error, ErrorCode, Result};
use crate::fsx::{self, Durability, Lock};
use crate::hash::Id;
use crate::paths;
use crate::store::ReadObjects;
use crate::tree::{self, RowChange};

/// A journal up to this size is never merged.
const SMALL_JOURNAL: usize = 256;

/// What to write.
pub(crate) struct Update<'a> {
    /// The operation whose result the working copy is now; `None`: as it was.
    pub(crate) operation: Option<u64>,
    /// The root that the index shall stand for.
    pub(crate) root: &'a Id,
    /// Row changes that lead from one root to another, which save reading the tables.
    pub(crate) known: Option<(Id, Id, &'a [RowChange])>,
    /// How files looked.
    pub(crate) seen: &'a [(Vec<u8>, Record)],
}

/// Brings the index on disk up to date, under its lock. Where the file system refuses, the old index stays: the operation
/// that it lags behind is published, so its verb has succeeded, and the next verb brings the index up to it.
pub(crate) fn update(control: &Path, objects: &dyn ReadObjects, update: &Update<'_>) -> Result<()> {
    match update_locked(control, objects, update) {
        Err(error) if matches!(error.code, ErrorCode::Io | ErrorCode::DiskFull) => Ok(()),
        other => other,
    }
}

fn update_locked(control: &Path, objects: &dyn ReadObjects, update: &Update<'_>) -> Result<()> {
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
    fsx::lock(&lock_path(control))
}

fn try_update(
    control: &Path,
    objects: &dyn ReadObjects,
    update: &Update<'_>,
    current: Option<Index>,
) -> Result<()> {
    let Some(mut index) = current else {
        let mut index = Index::from_table(objects, update.root)?;
        index.operation = update.operation.unwrap_or(UNKNOWN_OPERATION);
        index.apply_seen(update.seen)?;
        return write_base(control, &index);
    };
    let mut touched = BTreeSet::new();
    if index.root != *update.root {
        let read;
        let changes = match update.known {
            Some((from, to, changes)) if from == index.root && to == *update.root => changes,
            _ => {
                read = tree::diff(objects, &index.root, update.root)?;
                &read
            }
        };
        index.apply_rows(changes)?;
        for change in changes {
            let path = crate::files::FileRow::path_of(&change.key)?;
            touched.insert(paths::to_bytes(&path));
        }
        index.root = *update.root;
    }
    touched.extend(index.apply_seen(update.seen)?);
    let operation = update.operation.unwrap_or(index.operation);
    if touched.is_empty() && operation == index.operation && !index.broken_journal {
        return Ok(());
    }
    index.operation = operation;
    let entries = index.journaled + touched.len();
    if index.broken_journal || entries > SMALL_JOURNAL.max(index.base.entry_count() / 16) {
        return write_base(control, &index);
    }
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

pub(super) fn write_base(control: &Path, index: &Index) -> Result<()> {
    let mut nonce = [0; 8];
    getrandom::fill(&mut nonce)
        .map_err(|error| Error::new(ErrorCode::Io, format!("no random numbers: {error}")))?;
    let nonce = u64::from_le_bytes(nonce);
    let bytes = base::build(index, nonce)?;
    fsx::write_atomic(&folder(control).join("stat"), &bytes, Durability::Derived)?;
    let header = journal::header(nonce);
    fsx::write_atomic(&journal::path(control), &header, Durability::Derived)
}
