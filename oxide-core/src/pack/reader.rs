//! Reading packs: the whole file is mapped, the footer is checked once on opening, each payload whenever it is read.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::Mmap;

use super::mapped::Mapped;
use super::{array, Entry, Kind, ENTRY, HEADER, RECORD_HEADER, TRAILER, TRAILER_MAGIC};
use crate::codec;
use crate::counters;
use crate::error::{Error, Result};
use crate::hash::Id;

/// An open pack.
#[derive(Debug)]
pub struct PackReader {
    path: PathBuf,
    map: Arc<Mapped>,
    footer: usize,
    count: usize,
    /// `fan_out[b]`: the number of entries whose id begins with a byte below `b`.
    fan_out: Vec<u32>,
}

fn damaged(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::integrity(format!("pack '{}' is damaged: {why}", path.display())).at(path)
}

pub(super) fn map(path: &Path) -> Result<Option<Mmap>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::io("open the pack", path, &e)),
    };
    // SAFETY: a published pack is never written to or cut, only unlinked, which leaves the mapping whole.
    let map = unsafe { Mmap::map(&file) }.map_err(|e| Error::io("map the pack", path, &e))?;
    Ok(Some(map))
}

impl PackReader {
    /// Opens a pack and checks its footer. `None` when there is no such file (any more).
    pub fn open(path: &Path) -> Result<Option<PackReader>> {
        let Some(map) = map(path)? else {
            return Ok(None);
        };
        counters::PACKS_OPENED.add(1);
        PackReader::check(path, Mapped::new(map)).map(Some)
    }

    fn check(path: &Path, map: Arc<Mapped>) -> Result<PackReader> {
        if map.len() < HEADER.len() + TRAILER || !map.starts_with(HEADER) {
            return Err(damaged(
                path,
                "it does not begin as a pack, or is cut short",
            ));
        }
        let end = map.len() - TRAILER;
        let trailer = &map[end..];
        if &trailer[24..] != TRAILER_MAGIC {
            return Err(damaged(path, "its end is missing"));
        }
        let count = u64::from_le_bytes(array(&trailer[..8]));
        let footer = u64::from_le_bytes(array(&trailer[8..16]));
        let crc = u32::from_le_bytes(array(&trailer[16..20]));
        let length = count.checked_mul(ENTRY as u64);
        let consistent = length.and_then(|length| footer.checked_add(length)) == Some(end as u64);
        if !consistent || footer < HEADER.len() as u64 || count > u64::from(u32::MAX) {
            return Err(damaged(path, "its trailer does not fit its length"));
        }
        if crc32fast::hash(&map[footer as usize..end]) != crc {
            return Err(damaged(path, "its index has a wrong checksum"));
        }
        let mut reader = PackReader {
            path: path.to_path_buf(),
            map,
            footer: footer as usize,
            count: count as usize,
            fan_out: Vec::new(),
        };
        reader.fan_out = reader.checked_fan_out()?;
        reader.map.touch(reader.footer, end - reader.footer);
        Ok(reader)
    }

    /// Checks every entry once, so that later reads of entries cannot fail.
    fn checked_fan_out(&self) -> Result<Vec<u32>> {
        let mut fan_out = vec![0u32; 257];
        let mut last: Option<(Id, Kind)> = None;
        for index in 0..self.count {
            let entry =
                Entry::from_bytes(self.entry_bytes(index)).map_err(|e| damaged(&self.path, e))?;
            let key = (entry.id, entry.kind);
            let end = entry.offset.checked_add(u64::from(entry.stored_length));
            let inside = end.is_some_and(|end| end <= self.footer as u64)
                && entry.offset >= (HEADER.len() + RECORD_HEADER) as u64;
            if last.is_some_and(|last| last >= key) || !inside {
                return Err(damaged(
                    &self.path,
                    format!("entry {index} is out of place"),
                ));
            }
            last = Some(key);
            fan_out[entry.id.0[0] as usize + 1] += 1;
        }
        for byte in 0..256 {
            fan_out[byte + 1] += fan_out[byte];
        }
        Ok(fan_out)
    }

    fn entry_bytes(&self, index: usize) -> &[u8; ENTRY] {
        let start = self.footer + index * ENTRY;
        self.map[start..start + ENTRY]
            .try_into()
            .expect("an entry's length is fixed")
    }

    fn key(&self, index: usize) -> (&[u8], u8) {
        let bytes = self.entry_bytes(index);
        (&bytes[..32], bytes[32])
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its length in bytes.
    pub fn file_length(&self) -> u64 {
        self.map.len() as u64
    }

    /// Number of its records.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it has no record.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The entry at a place in the index's order.
    pub fn entry(&self, index: usize) -> Option<Entry> {
        if index >= self.count {
            return None;
        }
        Entry::from_bytes(self.entry_bytes(index)).ok()
    }

    /// All entries, by (id, kind).
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        (0..self.count).filter_map(|index| self.entry(index))
    }

    /// The first place in the index whose key is not below (`id`, `kind`).
    fn lower_bound(&self, id: &Id, kind: u8) -> usize {
        let byte = id.0[0] as usize;
        let (mut low, mut high) = (self.fan_out[byte] as usize, self.fan_out[byte + 1] as usize);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.key(middle) < (&id.0[..], kind) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Where a record stands in the index.
    pub fn position(&self, kind: Kind, id: &Id) -> Option<usize> {
        let index = self.lower_bound(id, kind as u8);
        (index < self.count && self.key(index) == (&id.0[..], kind as u8)).then_some(index)
    }

    /// The entry of a record.
    pub fn find(&self, kind: Kind, id: &Id) -> Option<Entry> {
        self.position(kind, id).and_then(|index| self.entry(index))
    }

    /// Entries from the first id that is not below `from` on, by (id, kind).
    pub fn entries_from(&self, from: &Id) -> impl Iterator<Item = Entry> + '_ {
        (self.lower_bound(from, 0)..self.count).filter_map(|index| self.entry(index))
    }

    /// The error for a record of this pack.
    pub fn record_error(&self, entry: &Entry, why: impl std::fmt::Display) -> Error {
        let pack = self.path.display();
        Error::integrity(format!(
            "{} {} in pack '{pack}' is damaged: {why}",
            entry.kind.name(),
            entry.id
        ))
        .at(&self.path)
    }

    fn payload(&self, entry: &Entry) -> Result<&[u8]> {
        let start = usize::try_from(entry.offset).unwrap_or(usize::MAX);
        self.map.touch(start, entry.stored_length as usize);
        start
            .checked_add(entry.stored_length as usize)
            .and_then(|end| self.map[..self.footer].get(start..end))
            .ok_or_else(|| self.record_error(entry, "it reaches beyond the pack"))
    }

    /// Whether most of the bytes from a record on can be read without waiting for the disk.
    pub fn is_in_memory(&self, entry: &Entry, length: usize) -> bool {
        usize::try_from(entry.offset).is_ok_and(|start| self.map.is_in_memory(start, length))
    }

    /// A record's stored payload, with its checksum checked.
    pub fn stored(&self, entry: &Entry) -> Result<&[u8]> {
        let bytes = self.payload(entry)?;
        if crc32fast::hash(bytes) != entry.crc {
            return Err(self.record_error(entry, "its checksum is wrong"));
        }
        Ok(bytes)
    }

    /// Checks what reading does not need: that the records, each headed by what the index says of it, fill the pack, and
    /// that unused bytes of the trailer are zero. With the checks on opening and the payloads' checksums this covers
    /// every bit of the file. Gives what is wrong.
    pub fn check_layout(&self) -> Option<String> {
        let mut entries: Vec<Entry> = self.entries().collect();
        entries.sort_unstable_by_key(|entry| entry.offset);
        let mut end = HEADER.len() as u64;
        for entry in entries {
            let named = format!("{} {}", entry.kind.name(), entry.id);
            let start = entry.offset - RECORD_HEADER as u64;
            if start != end {
                return Some(format!("{named} does not follow the record before"));
            }
            self.map.touch(start as usize, RECORD_HEADER);
            if self.map[start as usize..entry.offset as usize] != entry.record_header() {
                return Some(format!("the header of {named} differs from the index"));
            }
            end = entry.offset + u64::from(entry.stored_length);
        }
        if end != self.footer as u64 {
            return Some("there are bytes between its last record and its index".into());
        }
        let trailer = &self.map[self.map.len() - TRAILER..];
        (trailer[20..24] != [0; 4]).then(|| "its trailer has unknown bytes".into())
    }

    /// A record's decoded bytes.
    pub fn read(&self, entry: &Entry) -> Result<Vec<u8>> {
        let stored = self.stored(entry)?;
        codec::decode(entry.encoding, stored, entry.raw_length as usize)
            .map_err(|e| self.record_error(entry, e))
    }

    /// Gives a record's decoded bytes to `use_bytes`, without a copy when they are stored as they are. The caller has
    /// checked the record with [`stored`](Self::stored); it is not checked again.
    pub fn with<T>(&self, entry: &Entry, use_bytes: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
        let stored = self.payload(entry)?;
        let decoded = codec::decoded(entry.encoding, stored, entry.raw_length as usize)
            .map_err(|e| self.record_error(entry, e))?;
        use_bytes(&decoded)
    }
}
