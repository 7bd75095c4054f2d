//! Finding a record among many packs: one merged, sorted, memory-mapped index of each group of packs, beside the packs'
//! own. It is derived: whoever cannot read it looks into every pack instead.
//!
//! ```text
//! "OXPIDX1\n" | CRC-32 of all that follows u32 | packs u32 | records u64
//! for each pack:    length u16 | file name
//! for each record:  first 16 bytes of its id | number of its pack u32        ascending by these 20 bytes
//! ```

use std::fs::File;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use crate::error::Result;
use crate::fsx::{self, Durability};
use crate::hash::Id;
use crate::pack::{Group, PackReader};

/// Up to this many packs of a group are as quickly looked into one by one.
pub const WORTHWHILE: usize = 16;

const MAGIC: &[u8; 8] = b"OXPIDX1\n";
const HEADER: usize = 24;
const PREFIX: usize = 16;
const RECORD: usize = PREFIX + 4;

/// An open merged index.
pub struct MergedIndex {
    map: Mmap,
    names: Vec<String>,
    records: usize,
}

fn path(control: &Path, group: Group) -> PathBuf {
    let name = match group {
        Group::Data => "packs-data",
        Group::Meta => "packs-meta",
    };
    control.join("index").join(name)
}

impl MergedIndex {
    /// Opens the index of a group; `None` when there is none or it is damaged.
    pub fn open(control: &Path, group: Group) -> Option<MergedIndex> {
        let file = File::open(path(control, group)).ok()?;
        // SAFETY: the file is only ever replaced by a rename, never written to.
        let map = unsafe { Mmap::map(&file) }.ok()?;
        if map.len() < HEADER || !map.starts_with(MAGIC) {
            return None;
        }
        let number = |start: usize| -> Option<u32> {
            Some(u32::from_le_bytes(
                map.get(start..start + 4)?.try_into().ok()?,
            ))
        };
        if crc32fast::hash(&map[12..]) != number(8)? {
            return None;
        }
        let packs = number(12)?;
        let records = u64::from_le_bytes(map.get(16..24)?.try_into().ok()?);
        let mut names = Vec::new();
        let mut start = HEADER;
        for _ in 0..packs {
            let length = u16::from_le_bytes(map.get(start..start + 2)?.try_into().ok()?);
            let end = start + 2 + usize::from(length);
            names.push(String::from_utf8(map.get(start + 2..end)?.to_vec()).ok()?);
            start = end;
        }
        let records = usize::try_from(records).ok()?;
        (records.checked_mul(RECORD)?.checked_add(start)? == map.len()).then_some(MergedIndex {
            map,
            names,
            records,
        })
    }

    /// The packs that it covers, by number.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    fn record(&self, place: usize) -> &[u8] {
        let start = self.map.len() - (self.records - place) * RECORD;
        &self.map[start..start + RECORD]
    }

    /// Numbers of the covered packs that may hold a record with this id.
    pub fn candidates(&self, id: &Id) -> impl Iterator<Item = usize> + '_ {
        let prefix: [u8; PREFIX] = std::array::from_fn(|at| id.0[at]);
        let (mut low, mut high) = (0, self.records);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.record(middle)[..PREFIX] < prefix[..] {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (low..self.records)
            .map(|place| self.record(place))
            .take_while(move |record| record[..PREFIX] == prefix)
            .map(|record| {
                let number = &record[PREFIX..];
                u32::from_le_bytes([number[0], number[1], number[2], number[3]]) as usize
            })
    }
}

/// Whether there is a merged index of a group that cannot be read.
pub fn is_damaged(control: &Path, group: Group) -> bool {
    path(control, group).exists() && MergedIndex::open(control, group).is_none()
}

/// Removes the merged index of a group; the packs are looked into one by one until there is a new one.
pub fn discard(control: &Path, group: Group) -> Result<()> {
    fsx::remove_file(&path(control, group))
}

/// Writes the merged index of these packs of a group.
pub fn build<'a>(
    control: &Path,
    group: Group,
    packs: impl Iterator<Item = (&'a str, &'a PackReader)>,
) -> Result<()> {
    let mut names = Vec::new();
    let mut records: Vec<([u8; PREFIX], u32)> = Vec::new();
    let mut count = 0u32;
    for (name, pack) in packs {
        names.extend_from_slice(&(name.len() as u16).to_le_bytes());
        names.extend_from_slice(name.as_bytes());
        records.extend(pack.entries().map(|entry| {
            let prefix = std::array::from_fn(|at| entry.id.0[at]);
            (prefix, count)
        }));
        count += 1;
    }
    records.sort_unstable();
    records.dedup();
    let mut bytes = Vec::with_capacity(HEADER + names.len() + records.len() * RECORD);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend_from_slice(&(records.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&names);
    for (prefix, number) in &records {
        bytes.extend_from_slice(prefix);
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    let crc = crc32fast::hash(&bytes[12..]);
    bytes[8..12].copy_from_slice(&crc.to_le_bytes());
    fsx::create_dir_all(&control.join("index"))?;
    fsx::write_atomic(&path(control, group), &bytes, Durability::Derived)
}
