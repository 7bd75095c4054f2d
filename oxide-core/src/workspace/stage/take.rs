//! Reading files into the store: one pass that opens, reads, hashes and appends.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use super::small;
use crate::counters;
use crate::error::{Error, ErrorCode, Result};
use crate::files::{FileType, ItemId};
use crate::media::{self, Facts};
use crate::paths;
use crate::progress::Progress;
use crate::store::{Session, StoredContent};
use crate::workspace::disk::{self, DiskKind, DiskStat};
use crate::workspace::known_facts::KnownFacts;
use crate::workspace::reference;
use crate::workspace::stat_index::Record;
use crate::workspace::status::{in_batches, Handles};
use crate::workspace::walk::{Found, FoundFiles};

/// Files from this size on are streamed.
const STREAMED: u64 = 1 << 20;

/// Files from this size on are begun first, so that none of them is left for the end.
const LARGE: u64 = 8 << 20;

/// A batch ends at this many files or bytes.
const BATCH_FILES: usize = 64;
const BATCH_BYTES: u64 = 4 << 20;

/// How often a file that changes while it is read is read again.
const TRIES: usize = 3;

/// Files that were read.
#[derive(Default)]
pub(super) struct Taken {
    /// What they are and how they looked, in the order in which they came.
    pub(super) records: Vec<Record>,
    /// What the records' facts are.
    pub(super) facts: KnownFacts,
    /// Of each file in the order of the list, the position of its record; `None` where it was left out.
    pub(super) places: Vec<Option<u32>>,
    /// Position of a file in the list, and why it was left out.
    pub(super) skipped: Vec<(usize, String)>,
    pub(super) bytes: u64,
}

impl Taken {
    fn add(&mut self, first: usize, outcomes: Vec<Outcome>) {
        for (index, outcome) in (first..).zip(outcomes) {
            match outcome {
                Ok(Read { mut record, facts }) => {
                    self.places[index] = Some(self.records.len() as u32);
                    self.bytes += record.size;
                    record.facts = facts.and_then(|facts| self.facts.keep(*facts));
                    self.records.push(record);
                }
                Err(reason) => self.skipped.push((index, reason)),
            }
        }
    }
}

/// A file that was read.
pub(super) struct Read {
    pub(super) record: Record,
    pub(super) facts: Option<Box<Facts>>,
}

/// A file that was read, or why it was not.
type Outcome = std::result::Result<Read, String>;

/// A content that was stored, with what its headers say.
type Stored = (StoredContent, Option<Box<Facts>>);

/// What links stand for.
pub(super) struct Links {
    /// Every one for the file that it leads to.
    pub(super) by_reference: bool,
    /// By target: references that are gone from their paths, and may stand at others.
    pub(super) moved: HashMap<Vec<u8>, reference::Known>,
}

/// Why a file was not taken.
enum Failure {
    /// The file's own fault: it is left out.
    Skip(String),
    /// The store's: everything ends.
    Fatal(Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Skip(disk::reason(&error))
    }
}

/// Reads and stores files in parallel.
pub(super) fn take(
    root: BorrowedFd<'_>,
    session: &Session,
    files: &FoundFiles,
    links: &Links,
    progress: &Progress,
) -> Result<Taken> {
    let _span = crate::trace::span("stage: read and store");
    if files.is_empty() {
        return Ok(Taken::default());
    }
    let bytes = match links.by_reference {
        // How long the files are that the links lead to is not known before they are read.
        true => 0,
        false => files.iter().map(|found| found.size).sum(),
    };
    progress.begin("adding", files.len() as u64, bytes);
    let taken = Mutex::new(Taken {
        // Room that is not used costs nothing, and room for all saves moving them.
        records: Vec::with_capacity(files.len()),
        places: vec![None; files.len()],
        ..Taken::default()
    });
    in_batches(root, &batches(files), 1, &|handles, _, ranges| {
        for range in ranges {
            let batch: Vec<Found<'_>> = files.range(range.clone()).collect();
            let outcomes = take_batch(handles, session, &batch, links, progress)?;
            taken.lock().expect("taken lock").add(range.start, outcomes);
        }
        Ok(())
    })?;
    let mut taken = taken.into_inner().expect("taken lock");
    taken.skipped.sort_unstable();
    Ok(taken)
}

/// Cuts the list into pieces of about equal work; the largest files come first.
fn batches(files: &FoundFiles) -> Vec<Range<usize>> {
    let mut batches: Vec<Range<usize>> = Vec::new();
    let mut large = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, found) in files.iter().enumerate() {
        let size = found.size;
        if size >= LARGE || index - start == BATCH_FILES || bytes + size > BATCH_BYTES {
            batches.extend((start < index).then_some(start..index));
            (start, bytes) = (index, 0);
        }
        if size >= LARGE {
            large.push((size, index..index + 1));
            start = index + 1;
        } else {
            bytes += size;
        }
    }
    batches.extend((start < files.len()).then_some(start..files.len()));
    large.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    large
        .into_iter()
        .map(|(_, range)| range)
        .chain(batches)
        .collect()
}

fn take_batch(
    handles: &mut Handles<'_>,
    session: &Session,
    mut files: &[Found<'_>],
    links: &Links,
    progress: &Progress,
) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::with_capacity(files.len());
    while let Some(first) = files.first() {
        let length = small::group_length(files);
        if links.by_reference || length < 2 {
            outcomes.push(take_one(handles, session, first, links, progress)?);
            files = &files[1..];
            continue;
        }
        let (group, behind) = files.split_at(length);
        for (found, read) in group
            .iter()
            .zip(small::take_group(handles, session, group)?)
        {
            outcomes.push(match read {
                Some(read) => {
                    progress.advance(1, found.size)?;
                    Ok(read)
                }
                None => take_one(handles, session, found, links, progress)?,
            });
        }
        files = behind;
    }
    Ok(outcomes)
}

fn take_one(
    handles: &mut Handles<'_>,
    session: &Session,
    found: &Found<'_>,
    links: &Links,
    progress: &Progress,
) -> Result<Outcome> {
    let mut outcome = Err("kept changing while it was read".to_string());
    for _ in 0..TRIES {
        let read = match links.by_reference {
            true => read_reference(handles, session, found, progress),
            false => read(handles, session, found, links, progress),
        };
        match read {
            Ok(Some(read)) => {
                outcome = Ok(read);
                break;
            }
            Ok(None) => progress.check()?,
            Err(Failure::Skip(reason)) => {
                outcome = Err(reason);
                break;
            }
            Err(Failure::Fatal(error)) => return Err(error),
        }
    }
    let streamed = found.size >= STREAMED;
    // The bytes of large files were counted as they were read.
    progress.advance(1, if streamed { 0 } else { found.size })?;
    Ok(outcome)
}

/// Reads a file once; `None` when it changed meanwhile.
fn read(
    handles: &mut Handles<'_>,
    session: &Session,
    found: &Found<'_>,
    links: &Links,
    progress: &Progress,
) -> std::result::Result<Option<Read>, Failure> {
    let handle = handles.folder(found.folder)?;
    let name = disk::c_name(found.name)?;
    let text = paths::to_text(found.name);
    let read_at = disk::now();
    if found.kind == DiskKind::Link {
        let before = disk::stat_at(handle.as_fd(), &name)?;
        let target = disk::read_link(handle.as_fd(), &name)?;
        let moved = links.moved.get(&target);
        let known = match found.record {
            Some(record) => Some((*record, None)),
            None => moved.cloned(),
        };
        let known = known.filter(|(record, _)| record.kind == FileType::Reference);
        let unchanged = match &known {
            Some((record, _)) => {
                reference::stands_for(session.store(), handle.as_fd(), &name, record)?
            }
            None => false,
        };
        let after = disk::stat_at(handle.as_fd(), &name)?;
        if before != after || before.kind != DiskKind::Link {
            return Ok(None);
        }
        if let Some((record, facts)) = known.filter(|_| unchanged) {
            let record = record.seen(&after, read_at);
            return Ok(Some(Read { record, facts }));
        }
        count(target.len());
        let stored = session
            .put_content(&target, &text)
            .map_err(Failure::Fatal)?;
        let record = record(&stored, &after, read_at);
        return Ok(Some(Read {
            record,
            facts: None,
        }));
    }
    let file = disk::open_file(handle.as_fd(), &name)?;
    let before = disk::stat_open(&file)?;
    if let Some(reason) = before.kind.refusal() {
        return Err(Failure::Skip(reason.to_string()));
    }
    let read = match before.size < STREAMED {
        true => read_small(handles, session, &file, &before, &text)?,
        false => read_large(session, &file, found, &text, progress)?,
    };
    let after = disk::stat_open(&file)?;
    let same = |stored: &StoredContent| before == after && stored.size == after.size;
    let Some((stored, facts)) = read.filter(|(stored, _)| same(stored)) else {
        return Ok(None);
    };
    let record = record(&stored, &after, read_at);
    if record.racy && after.size >= STREAMED && !holds_still(handles, found, &record)? {
        return Ok(None);
    }
    Ok(Some(Read { record, facts }))
}

/// Whether a large file that was modified just before it was read has the same content once the clock has ticked: a
/// write sets the time when it begins, so half of a long write can be read between two equal looks.
fn holds_still(
    handles: &mut Handles<'_>,
    found: &Found<'_>,
    record: &Record,
) -> std::result::Result<bool, Failure> {
    std::thread::sleep(Duration::from_nanos(disk::RACY_NANOSECONDS as u64));
    let (content, _) = handles.hash(found.folder, found.name)?;
    Ok(content == record.content)
}

/// Reads the file that a link leads to, and records where it is; `None` when one of them changed meanwhile.
fn read_reference(
    handles: &mut Handles<'_>,
    session: &Session,
    found: &Found<'_>,
    progress: &Progress,
) -> std::result::Result<Option<Read>, Failure> {
    let handle = handles.folder(found.folder)?;
    let name = disk::c_name(found.name)?;
    let read_at = disk::now();
    let before = disk::stat_at(handle.as_fd(), &name)?;
    if before.kind != DiskKind::Link {
        return Err(Failure::Skip("is no symbolic link".into()));
    }
    let target = disk::read_link(handle.as_fd(), &name)?;
    let target = PathBuf::from(OsString::from_vec(target));
    if !target.is_absolute() {
        return Err(Failure::Skip("its target is no absolute path".into()));
    }
    let (stored, facts) = match session.put_external(&target, progress) {
        Ok((stored, facts)) => (stored, facts.map(Box::new)),
        Err(error) if error.code == ErrorCode::FileChanged => return Ok(None),
        Err(error) if error.code == ErrorCode::Io && error.path.as_deref() == Some(&target) => {
            return Err(Failure::Skip(error.message))
        }
        Err(error) => return Err(Failure::Fatal(error)),
    };
    if before != disk::stat_at(handle.as_fd(), &name)? {
        return Ok(None);
    }
    let record = Record {
        kind: FileType::Reference,
        ..record(&stored, &before, read_at)
    };
    Ok(Some(Read { record, facts }))
}

/// A small file in one piece; `None` when it has another length than it said.
fn read_small(
    handles: &mut Handles<'_>,
    session: &Session,
    mut file: &File,
    before: &DiskStat,
    name: &str,
) -> std::result::Result<Option<Stored>, Failure> {
    // The look afterwards tells whether there is more.
    let length = before.size as usize;
    let buffer = handles.buffer(length);
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    if filled != length {
        return Ok(None);
    }
    count(filled);
    let bytes = &buffer[..filled];
    let stored = session.put_content(bytes, name).map_err(Failure::Fatal)?;
    Ok(Some((stored, media::of_bytes(bytes).map(Box::new))))
}

/// A large file as a stream; the store decides how.
fn read_large(
    session: &Session,
    file: &File,
    found: &Found<'_>,
    name: &str,
    progress: &Progress,
) -> std::result::Result<Option<Stored>, Failure> {
    let path = PathBuf::from(paths::to_os(&paths::to_text(&found.path())));
    match session.put_file(file, &path, name, progress) {
        // Its headers are in the system's memory still.
        Ok(stored) => {
            let facts = media::of_source(file, stored.size)?;
            Ok(Some((stored, facts.map(Box::new))))
        }
        // Shorter or longer than it said: it is being written to.
        Err(error) if error.code == ErrorCode::FileChanged => Ok(None),
        Err(error) if error.code == ErrorCode::Io && error.path.as_deref() == Some(&path) => {
            Err(Failure::Skip(error.message))
        }
        Err(error) => Err(Failure::Fatal(error)),
    }
}

pub(super) fn count(bytes: usize) {
    counters::FILES_HASHED.add(1);
    counters::BYTES_HASHED.add(bytes as u64);
}

pub(super) fn record(stored: &StoredContent, looks: &DiskStat, read_at: i64) -> Record {
    let record = Record {
        stat: None,
        racy: false,
        kind: match looks.kind {
            DiskKind::Link => FileType::Link,
            _ => FileType::File,
        },
        executable: looks.executable,
        size: stored.size,
        content: stored.digests.content,
        // Files get their items when all of them are known.
        item: ItemId([0; 12]),
        sha256: stored.digests.sha256,
        facts: None,
    };
    record.seen(looks, read_at)
}
