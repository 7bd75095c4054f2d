//! What is left of a damaged pack: its records as the index lists them while the index is right, else as their own headers
//! say, one after the other, beginning again behind whatever cannot be a record.

use std::collections::HashSet;
use std::path::Path;

use memmap2::Mmap;

use super::reader::map;
use super::{array, Entry, Group, Kind, ENTRY, HEADER, RECORD_HEADER, TRAILER};
use crate::codec::{self, Encoding};
use crate::error::{Error, Result};
use crate::hash::{Context, Id};

const ZSTD_MAGIC: &[u8; 4] = &[0x28, 0xB5, 0x2F, 0xFD];

/// What [`salvage`] found.
#[derive(Debug)]
pub struct Salvaged {
    map: Mmap,
    /// Whole, right records in the order of the file, each once.
    pub entries: Vec<Entry>,
    /// Records that the index or a header names and whose bytes are not theirs.
    pub lost: Vec<Entry>,
}

impl Salvaged {
    /// The stored payload of one of `entries`.
    pub fn stored(&self, entry: &Entry) -> &[u8] {
        payload(&self.map, entry).unwrap_or_default()
    }
}

/// Collects the records of a pack, whatever is damaged in it. Only records whose bytes are proven right count: by their
/// checksum and, where the id is a hash of the bytes, by that.
pub fn salvage(path: &Path, group: Group) -> Result<Salvaged> {
    let map = map(path)?.ok_or_else(|| {
        Error::integrity(format!("pack '{}' is missing", path.display())).at(path)
    })?;
    let (mut entries, mut lost) = match listed(&map) {
        Some(listed) => listed.into_iter().partition(|entry| is_right(&map, entry)),
        None => scan(&map, group),
    };
    entries.sort_by_key(|entry| entry.offset);
    let mut seen: HashSet<(Kind, Id)> = HashSet::new();
    entries.retain(|entry| seen.insert((entry.kind, entry.id)));
    lost.retain(|entry| seen.insert((entry.kind, entry.id)));
    Ok(Salvaged { map, entries, lost })
}

/// The index, if its checksum is right; the rest of the trailer need not be.
fn listed(map: &[u8]) -> Option<Vec<Entry>> {
    let end = map.len().checked_sub(TRAILER)?;
    let trailer = &map[end..];
    let footer = usize::try_from(u64::from_le_bytes(array(&trailer[8..16]))).ok()?;
    let index = map
        .get(footer..end)
        .filter(|index| !index.is_empty() && index.len() % ENTRY == 0)?;
    if crc32fast::hash(index) != u32::from_le_bytes(array(&trailer[16..20])) {
        return None;
    }
    let entries = index.chunks_exact(ENTRY);
    entries
        .map(|bytes| Entry::from_bytes(bytes.try_into().ok()?).ok())
        .collect()
}

/// Whole, right records and damaged ones, by the records' own headers.
fn scan(map: &[u8], group: Group) -> (Vec<Entry>, Vec<Entry>) {
    let (mut entries, mut lost) = (Vec::new(), Vec::new());
    let mut place = HEADER.len();
    let mut in_step = true;
    while place < map.len() {
        let record = record_at(map, place).filter(|entry| Group::of(entry.kind) == group);
        match record {
            Some(entry) if is_right(map, &entry) => {
                place = entry.offset as usize + entry.stored_length as usize;
                entries.push(entry);
                in_step = true;
            }
            // Its length may be what is damaged: the next record is looked for from the next byte on.
            record => {
                lost.extend(record.filter(|_| in_step));
                in_step = false;
                place += 1;
            }
        }
    }
    (entries, lost)
}

/// The record whose header begins here, if these bytes may be one.
fn record_at(map: &[u8], start: usize) -> Option<Entry> {
    let offset = start.checked_add(RECORD_HEADER)?;
    let header: &[u8; RECORD_HEADER] = map.get(start..offset)?.try_into().ok()?;
    let entry = Entry::from_record_header(header, offset as u64).ok()?;
    let stored = payload(map, &entry)?;
    let fits = match entry.encoding {
        Encoding::Raw => entry.raw_length == entry.stored_length,
        Encoding::Zstd => stored.starts_with(ZSTD_MAGIC),
    };
    fits.then_some(entry)
}

fn payload<'a>(map: &'a [u8], entry: &Entry) -> Option<&'a [u8]> {
    let start = usize::try_from(entry.offset).ok()?;
    map.get(start..start.checked_add(entry.stored_length as usize)?)
}

fn is_right(map: &[u8], entry: &Entry) -> bool {
    let Some(stored) = payload(map, entry).filter(|stored| crc32fast::hash(stored) == entry.crc)
    else {
        return false;
    };
    let Ok(bytes) = codec::decode(entry.encoding, stored, entry.raw_length as usize) else {
        return false;
    };
    let context = match entry.kind {
        Kind::Blob => Context::Content,
        Kind::Segment => Context::Segment,
        Kind::Page => Context::Page,
        Kind::Schema => Context::Schema,
        Kind::Commit => Context::Commit,
        Kind::View => Context::View,
        Kind::List => Context::List,
        // Their ids are those of what they lead to.
        Kind::Recipe | Kind::SegmentDelta | Kind::External => return !bytes.is_empty(),
    };
    context.id(&bytes) == entry.id
}
