//! The journal of the stat index: changes since its base, appended, each batch with a checksum.
//!
//! ```text
//! "OXSTATJ2", nonce of the base u64, then batches:
//! length u32, crc u32 of the payload, payload: operation u64, root 32, written i64, then entries:
//!   0 (removed) | 1 (set), path length u32, path; when set: flags u8, mtime i64, ctime i64, inode u64, size u64,
//!   content 32, item 12, sha256 32
//! ```

use std::path::{Path, PathBuf};

use super::{set, FileStat, Overlay, Record};
use crate::files::{FileType, ItemId};
use crate::hash::Id;
use crate::workspace::disk;

const MAGIC: &[u8; 8] = b"OXSTATJ2";
const HEADER: usize = 16;

/// What a journal says.
#[derive(Default)]
pub(super) struct Journal {
    pub(super) overlay: Overlay,
    /// Operation and root of the last batch.
    pub(super) head: Option<(u64, Id)>,
    /// When the last batch was written.
    pub(super) written: Option<i64>,
    pub(super) entries: usize,
    /// There is one, but it does not belong to the base.
    pub(super) foreign: bool,
    /// It ends in a batch that is not whole, or there is none at all.
    pub(super) torn: bool,
    /// What was written whole is not what is read.
    pub(super) damaged: bool,
}

pub(super) fn path(control: &Path) -> PathBuf {
    super::folder(control).join("stat.journal")
}

/// The first bytes of a journal.
pub(super) fn header(nonce: u64) -> Vec<u8> {
    [MAGIC.as_slice(), &nonce.to_le_bytes()].concat()
}

/// Reads the journal of the base with this nonce, as far as it is whole.
pub(super) fn read(control: &Path, nonce: u64) -> Journal {
    let mut journal = Journal::default();
    let Ok(bytes) = std::fs::read(path(control)) else {
        journal.torn = true;
        return journal;
    };
    if bytes.get(..HEADER) != Some(header(nonce).as_slice()) {
        journal.foreign = true;
        journal.damaged = bytes.len() >= HEADER && !bytes.starts_with(MAGIC);
        return journal;
    }
    let mut rest = Reader(&bytes[HEADER..]);
    while !rest.0.is_empty() {
        if read_batch(&mut rest, &mut journal).is_none() {
            journal.torn = true;
            break;
        }
    }
    journal
}

fn read_batch(rest: &mut Reader<'_>, journal: &mut Journal) -> Option<()> {
    let length = rest.u32()? as usize;
    let crc = rest.u32()?;
    let payload = rest.take(length)?;
    if crc32fast::hash(payload) != crc {
        journal.damaged = true;
        return None;
    }
    let mut batch = Reader(payload);
    let operation = batch.u64()?;
    let root = Id(batch.array()?);
    let written = batch.u64()? as i64;
    while !batch.0.is_empty() {
        let is_set = batch.array::<1>()?[0] == 1;
        let length = batch.u32()? as usize;
        let path = batch.take(length)?;
        let record = if is_set {
            Some(read_record(&mut batch)?)
        } else {
            None
        };
        set(&mut journal.overlay, path, record);
        journal.entries += 1;
    }
    journal.head = Some((operation, root));
    journal.written = Some(written);
    Some(())
}

fn read_record(batch: &mut Reader<'_>) -> Option<Record> {
    let flags = batch.array::<1>()?[0];
    let stat = FileStat {
        mtime: batch.u64()? as i64,
        ctime: batch.u64()? as i64,
        inode: batch.u64()?,
    };
    Some(Record {
        stat: (flags & 8 != 0).then_some(stat),
        racy: flags & 4 != 0,
        kind: match flags & 17 {
            0 => FileType::File,
            1 => FileType::Link,
            _ => FileType::Reference,
        },
        executable: flags & 2 != 0,
        size: batch.u64()?,
        content: Id(batch.array()?),
        item: ItemId(batch.array()?),
        sha256: batch.array()?,
        facts: None,
    })
}

/// One batch as bytes.
pub(super) fn batch(operation: u64, root: &Id, changes: &[(&[u8], Option<Record>)]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(40 + changes.len() * 160);
    payload.extend_from_slice(&operation.to_le_bytes());
    payload.extend_from_slice(&root.0);
    payload.extend_from_slice(&disk::now().to_le_bytes());
    for (path, record) in changes {
        payload.push(u8::from(record.is_some()));
        payload.extend_from_slice(&(path.len() as u32).to_le_bytes());
        payload.extend_from_slice(path);
        if let Some(record) = record {
            write_record(&mut payload, record);
        }
    }
    let mut bytes = Vec::with_capacity(8 + payload.len());
    bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&payload).to_le_bytes());
    bytes.extend_from_slice(&payload);
    bytes
}

fn write_record(payload: &mut Vec<u8>, record: &Record) {
    let flags = u8::from(record.kind == FileType::Link)
        | u8::from(record.kind == FileType::Reference) << 4
        | u8::from(record.executable) << 1
        | u8::from(record.racy) << 2
        | u8::from(record.stat.is_some()) << 3;
    let stat = record.stat.unwrap_or(FileStat {
        mtime: 0,
        ctime: 0,
        inode: 0,
    });
    payload.push(flags);
    payload.extend_from_slice(&stat.mtime.to_le_bytes());
    payload.extend_from_slice(&stat.ctime.to_le_bytes());
    payload.extend_from_slice(&stat.inode.to_le_bytes());
    payload.extend_from_slice(&record.size.to_le_bytes());
    payload.extend_from_slice(&record.content.0);
    payload.extend_from_slice(&record.item.0);
    payload.extend_from_slice(&record.sha256);
}

/// Takes bytes from the front; `None` at the end.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}
