//! References: links in the tree that stand for the content of a file outside it.

use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, OsStr};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::disk;
use super::stat_index::{Index, Record};
use super::walk::{Findings, FolderFiles};
use crate::browse;
use crate::error::{Error, Result};
use crate::files::FileType;
use crate::hash::Id;
use crate::media::Facts;
use crate::paths;
use crate::store::{self, Session, Store};

/// Whether a link on disk is the reference that `record` describes. The recorded target is believed unread; another one
/// counts when the same content is there.
pub(crate) fn stands_for(
    store: &Store,
    folder: BorrowedFd<'_>,
    name: &CStr,
    record: &Record,
) -> io::Result<bool> {
    let target = disk::read_link(folder, name)?;
    let target = Path::new(OsStr::from_bytes(&target));
    let recorded = store.external(&record.content).ok().flatten();
    if recorded.is_some_and(|place| place.path().is_ok_and(|path| path == target)) {
        return Ok(true);
    }
    Ok(target.is_absolute() && store::content_at(target, record.size) == Some(record.content))
}

/// The target that a checkout gives to the link.
pub(crate) fn target(store: &Store, content: &Id) -> Result<Vec<u8>> {
    let external = store.external(content)?.ok_or_else(|| {
        Error::integrity(format!(
            "where the external file with the content {content} lies is not recorded"
        ))
        .hint("add the file by reference again, or fetch the record from another copy of the repository")
    })?;
    Ok(external.path()?.into_os_string().into_encoded_bytes())
}

/// A reference that is tracked, with what is known of its media.
pub(super) type Known = (Record, Option<Box<Facts>>);

/// The references among tracked files of the table `root`, by the targets of their links.
pub(super) fn targets(
    session: &Session,
    root: &Id,
    files: &[(Vec<u8>, Record)],
) -> Result<HashMap<Vec<u8>, Known>> {
    let references = files.iter().filter(|(_, r)| r.kind == FileType::Reference);
    let mut known = HashMap::new();
    for (path, record) in references {
        let Ok(target) = target(session.store(), &record.content) else {
            continue;
        };
        let row = browse::file_row(session, root, &paths::to_text(path))?;
        known.insert(target, (*record, row.and_then(|row| row.facts)));
    }
    Ok(known)
}

/// Adds the named tracked files that look unchanged: the file that a link leads to may have changed all the same.
pub(super) fn add_unchanged(
    index: &Index,
    root: BorrowedFd<'_>,
    paths: &[Vec<u8>],
    findings: &mut Findings,
) -> Result<()> {
    let found = findings.files.iter().flat_map(FolderFiles::iter);
    let met: HashSet<Vec<u8>> = found.map(|found| found.path()).collect();
    for path in paths.iter().filter(|path| !met.contains(*path)) {
        let (folder, name) = disk::split(path);
        let Some(record) = index.find(path)?.filter(|r| r.kind != FileType::File) else {
            continue;
        };
        let look = || {
            let handle = disk::open_folder(root, folder)?;
            disk::stat_at(handle.as_fd(), &disk::c_name(name)?)
        };
        // What is gone or cannot be looked at is in the findings already.
        if let Ok(disk) = look() {
            let file = FolderFiles::one(path, Some(record), &disk);
            findings.files.push(file);
        }
    }
    Ok(())
}
