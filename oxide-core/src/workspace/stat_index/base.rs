//! The sorted base of the stat index: one file, written once and mapped.
//!
//! ```text
//! header   "OXSTAT2\n", nonce u64, operation u64, root 32, folders u32, entries u32, length of folder paths u64,
//!          length of names u64, boot u64, written i64 (nanoseconds since 1970), crc u32 of the header before it, the
//!          folders and their paths
//! folders  sorted by path: path offset u32, path length u32, first entry u32, entries u32
//! hot      an entry's looks, by folder and name: name offset u32, name length u16, flags u8, 0, mtime i64, ctime i64,
//!          size u64, inode u64, crc u32 of folder path, this entry before the crc, its cold part and its name; 0 u32
//! cold     content 32, item 12, sha256 32
//! paths    of the folders, then the names of the entries
//! ```
//! Comparing unchanged files touches the hot part and the names alone. Integers are little-endian.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use memmap2::Mmap;

use super::{FileStat, Record};
use crate::error::{Error, ErrorCode, Result};
use crate::files::{FileType, ItemId};
use crate::fsx;
use crate::hash::Id;
use crate::workspace::disk::{self, DiskStat};

const MAGIC: &[u8; 8] = b"OXSTAT2\n";
const HEADER: usize = 100;
const FOLDER: usize = 16;
const HOT: usize = 48;
const HOT_CRC: usize = 40;
const COLD: usize = 76;

const LINK: u8 = 1;
const EXECUTABLE: u8 = 2;
const RACY: u8 = 4;
const SEEN: u8 = 8;
const REFERENCE: u8 = 16;

enum Bytes {
    Mapped(Mmap),
    Owned(Vec<u8>),
}

/// A base, mapped or in memory.
pub(crate) struct Base {
    bytes: Bytes,
    folders: usize,
    entries: usize,
    paths: usize,
    /// Entries of files that changed at this time or later prove nothing.
    doubtful: i64,
}

impl Base {
    /// A base without entries.
    pub(super) fn empty() -> Base {
        Base {
            bytes: Bytes::Owned(vec![0; HEADER]),
            folders: 0,
            entries: 0,
            paths: 0,
            doubtful: i64::MAX,
        }
    }

    /// Maps a base file; `None` when it is missing or damaged.
    pub(super) fn open(path: &Path) -> Option<Base> {
        let file = File::open(path).ok()?;
        // SAFETY: bases are replaced by a rename and never changed in place, and every use checks its bytes.
        let mapped = unsafe { Mmap::map(&file) }.ok()?;
        Base::check(Bytes::Mapped(mapped))
    }

    /// A base in memory.
    pub(super) fn from_bytes(bytes: Vec<u8>) -> Option<Base> {
        Base::check(Bytes::Owned(bytes))
    }

    fn check(bytes: Bytes) -> Option<Base> {
        let mut base = Base {
            bytes,
            folders: 0,
            entries: 0,
            paths: 0,
            doubtful: i64::MAX,
        };
        let data = base.data();
        if data.get(..8)? != MAGIC {
            return None;
        }
        let header = data.get(..HEADER)?;
        let folders = u32_at(header, 56)? as usize;
        let entries = u32_at(header, 60)? as usize;
        let paths = usize::try_from(u64_at(header, 64)?).ok()?;
        let names = usize::try_from(u64_at(header, 72)?).ok()?;
        let length = HEADER
            .checked_add(folders.checked_mul(FOLDER)?)?
            .checked_add(entries.checked_mul(HOT + COLD)?)?
            .checked_add(paths)?
            .checked_add(names)?;
        if data.len() != length {
            return None;
        }
        let paths_start = HEADER + folders * FOLDER + entries * (HOT + COLD);
        let mut crc = crc32fast::Hasher::new();
        crc.update(&header[..HEADER - 4]);
        crc.update(&data[HEADER..HEADER + folders * FOLDER]);
        crc.update(&data[paths_start..paths_start + paths]);
        if crc.finalize() != u32_at(header, HEADER - 4)? {
            return None;
        }
        (base.folders, base.entries, base.paths) = (folders, entries, paths);
        Some(base)
    }

    fn data(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Mapped(mapped) => mapped,
            Bytes::Owned(bytes) => bytes,
        }
    }

    pub(super) fn nonce(&self) -> u64 {
        u64_at(self.data(), 8).unwrap_or(0)
    }

    pub(super) fn operation(&self) -> u64 {
        u64_at(self.data(), 16).unwrap_or(0)
    }

    pub(super) fn root(&self) -> Id {
        let mut root = [0; 32];
        root.copy_from_slice(&self.data()[24..56]);
        Id(root)
    }

    /// The run of the machine in which it was written, and when.
    pub(super) fn written(&self) -> (u64, i64) {
        let boot = u64_at(self.data(), 80).unwrap_or(0);
        (boot, u64_at(self.data(), 88).unwrap_or(0) as i64)
    }

    /// From now on nothing is believed of files that changed at `since` or later.
    pub(super) fn doubt(&mut self, since: i64) {
        self.doubtful = since;
    }

    pub(super) fn entry_count(&self) -> usize {
        self.entries
    }

    pub(super) fn folder_count(&self) -> usize {
        self.folders
    }

    /// Whether every entry has its checksum.
    pub(super) fn is_sound(&self) -> bool {
        let mut entries = 0;
        let sound = (0..self.folders).all(|number| {
            let folder = self.folder_path(number);
            let range = self.folder(folder);
            entries += range.len();
            range
                .into_iter()
                .all(|index| self.record(folder, index).is_some())
        });
        sound && entries == self.entries
    }

    fn folder_record(&self, number: usize) -> Option<&[u8]> {
        let start = HEADER + number * FOLDER;
        self.data().get(start..start + FOLDER)
    }

    fn folder_path(&self, number: usize) -> &[u8] {
        let find = || {
            let record = self.folder_record(number)?;
            let start = HEADER
                + self.folders * FOLDER
                + self.entries * (HOT + COLD)
                + u32_at(record, 0)? as usize;
            self.data().get(start..start + u32_at(record, 4)? as usize)
        };
        find().unwrap_or(b"")
    }

    /// Position of the first folder whose path is not below `path`.
    fn lower_bound(&self, path: &[u8]) -> usize {
        let (mut low, mut high) = (0, self.folders);
        while low < high {
            let middle = (low + high) / 2;
            if self.folder_path(middle) < path {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    pub(super) fn folder_number(&self, path: &[u8]) -> Option<usize> {
        let number = self.lower_bound(path);
        (number < self.folders && self.folder_path(number) == path).then_some(number)
    }

    /// Entries of a folder.
    pub(super) fn folder(&self, path: &[u8]) -> Range<usize> {
        let find = || {
            let record = self.folder_record(self.folder_number(path)?)?;
            let first = u32_at(record, 8)? as usize;
            let count = u32_at(record, 12)? as usize;
            (first + count <= self.entries).then_some(first..first + count)
        };
        find().unwrap_or(0..0)
    }

    /// Paths of the folders at and below one.
    pub(super) fn folders_below(&self, path: &[u8]) -> impl Iterator<Item = &[u8]> {
        let own = match path.is_empty() {
            true => None,
            false => self.folder_number(path),
        };
        let prefix = super::below_prefix(path);
        let first = self.lower_bound(&prefix);
        own.into_iter()
            .chain(first..self.folders)
            .map(|number| self.folder_path(number))
            .enumerate()
            .take_while(move |(index, inner)| {
                (own.is_some() && *index == 0) || inner.starts_with(&prefix)
            })
            .map(|(_, inner)| inner)
    }

    fn hot(&self, index: usize) -> Option<&[u8]> {
        let start = HEADER + self.folders * FOLDER + index * HOT;
        self.data().get(start..start + HOT)
    }

    fn cold(&self, index: usize) -> Option<&[u8]> {
        let start = HEADER + self.folders * FOLDER + self.entries * HOT + index * COLD;
        self.data().get(start..start + COLD)
    }

    /// An entry's name; `None` when it points outside the file.
    pub(super) fn name(&self, index: usize) -> Option<&[u8]> {
        let hot = self.hot(index)?;
        let names = HEADER + self.folders * FOLDER + self.entries * (HOT + COLD) + self.paths;
        let start = names + u32_at(hot, 0)? as usize;
        let length = u16::from_le_bytes([hot[4], hot[5]]) as usize;
        self.data().get(start..start + length)
    }

    /// Looks for a name; `Err` when the folder is damaged so that the search cannot be believed.
    pub(super) fn find(
        &self,
        folder: &[u8],
        name: &[u8],
    ) -> std::result::Result<Option<usize>, ()> {
        let range = self.folder(folder);
        let (mut low, mut high) = (range.start, range.end);
        while low < high {
            let middle = (low + high) / 2;
            match self.name(middle).ok_or(())?.cmp(name) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(Some(middle)),
            }
        }
        // A damaged name misleads the search: the neighbours must be sound before "not there" is believed.
        for neighbour in low.saturating_sub(1).max(range.start)..(low + 1).min(range.end) {
            self.record(folder, neighbour).ok_or(())?;
        }
        Ok(None)
    }

    /// An entry, when its checksum holds.
    pub(super) fn record(&self, folder: &[u8], index: usize) -> Option<Record> {
        let (hot, cold) = (self.hot(index)?, self.cold(index)?);
        if entry_crc(folder, &hot[..HOT_CRC], cold, self.name(index)?) != u32_at(hot, HOT_CRC)? {
            return None;
        }
        let flags = hot[6];
        let ctime = u64_at(hot, 16)? as i64;
        Some(Record {
            stat: (flags & SEEN != 0).then_some(FileStat {
                mtime: u64_at(hot, 8)? as i64,
                ctime,
                inode: u64_at(hot, 32)?,
            }),
            racy: flags & RACY != 0 || flags & SEEN != 0 && ctime >= self.doubtful,
            kind: match flags & (LINK | REFERENCE) {
                0 => FileType::File,
                LINK => FileType::Link,
                _ => FileType::Reference,
            },
            executable: flags & EXECUTABLE != 0,
            size: u64_at(hot, 24)?,
            content: Id(cold[..32].try_into().ok()?),
            item: ItemId(cold[32..44].try_into().ok()?),
            sha256: cold[44..].try_into().ok()?,
            facts: None,
        })
    }

    /// Whether a file looks exactly as this entry says and equal looks prove something.
    pub(super) fn unchanged(&self, index: usize, disk: &DiskStat) -> bool {
        let Some(hot) = self.hot(index) else {
            return false;
        };
        let link = disk.kind == crate::workspace::disk::DiskKind::Link;
        let file = disk.kind == crate::workspace::disk::DiskKind::File;
        let flags =
            SEEN | if link { LINK } else { 0 } | if disk.executable { EXECUTABLE } else { 0 };
        // The size of a reference is that of the file elsewhere.
        let reference = link && hot[6] == SEEN | REFERENCE;
        (reference || (file || link) && hot[6] == flags && u64_at(hot, 24) == Some(disk.size))
            && u64_at(hot, 8) == Some(disk.mtime as u64)
            && u64_at(hot, 16) == Some(disk.ctime as u64)
            && disk.ctime < self.doubtful
            && u64_at(hot, 32) == Some(disk.inode)
    }
}

fn entry_crc(folder: &[u8], hot: &[u8], cold: &[u8], name: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    for part in [folder, hot, cold, name] {
        crc.update(part);
    }
    crc.finalize()
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let bytes = bytes.get(offset..offset + 4)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    let bytes = bytes.get(offset..offset + 8)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

/// How much there is of each part of a base.
#[derive(Clone, Copy, Default)]
pub(super) struct Size {
    pub(super) folders: usize,
    pub(super) entries: usize,
    /// Bytes of the folders' paths.
    pub(super) paths: usize,
    /// Bytes of the entries' names.
    pub(super) names: usize,
}

impl Size {
    /// Bytes of the whole base.
    pub(super) fn length(&self) -> usize {
        self.names_start() + self.names
    }

    fn cold_start(&self) -> usize {
        HEADER + self.folders * FOLDER + self.entries * HOT
    }

    fn paths_start(&self) -> usize {
        self.cold_start() + self.entries * COLD
    }

    fn names_start(&self) -> usize {
        self.paths_start() + self.paths
    }
}

/// Puts bytes at an offset of the base.
pub(super) type Put<'a> = dyn FnMut(u64, &[u8]) -> Result<()> + 'a;

/// Bytes of one part that are written together.
const PART: usize = 1 << 20;

/// One part of a base on its way.
struct Part {
    offset: usize,
    waiting: Vec<u8>,
}

impl Part {
    fn at(offset: usize) -> Part {
        Part {
            offset,
            waiting: Vec::new(),
        }
    }

    fn flush(&mut self, put: &mut Put<'_>, at_least: usize) -> Result<()> {
        if self.waiting.len() > at_least {
            put(self.offset as u64, &self.waiting)?;
            self.offset += self.waiting.len();
            self.waiting.clear();
        }
        Ok(())
    }
}

/// Writes a base whose size is known, entry by entry: the parts grow side by side, and little of each is in memory.
pub(super) struct Writer<'a> {
    put: &'a mut Put<'a>,
    size: Size,
    folders: Vec<u8>,
    paths: Vec<u8>,
    hot: Part,
    cold: Part,
    names: Part,
    /// What was added so far.
    done: Size,
}

impl<'a> Writer<'a> {
    pub(super) fn new(size: Size, put: &'a mut Put<'a>) -> Writer<'a> {
        Writer {
            put,
            size,
            folders: Vec::new(),
            paths: Vec::new(),
            hot: Part::at(HEADER + size.folders * FOLDER),
            cold: Part::at(size.cold_start()),
            names: Part::at(size.names_start()),
            done: Size::default(),
        }
    }

    /// Adds the next file; a folder begins with its first one.
    pub(super) fn add(&mut self, folder: &[u8], name: &[u8], record: &Record) -> Result<()> {
        let new_folder = self.done.folders == 0 || {
            let start = self.folders.len() - FOLDER;
            let start = u32_at(&self.folders, start).unwrap_or(0) as usize;
            self.paths.get(start..) != Some(folder)
        };
        if new_folder {
            for number in [self.paths.len(), folder.len(), self.done.entries, 0] {
                self.folders
                    .extend_from_slice(&narrow(number)?.to_le_bytes());
            }
            self.paths.extend_from_slice(folder);
            self.done.folders += 1;
            self.done.paths += folder.len();
        }
        let count = self.folders.len() - 4;
        let entries = u32_at(&self.folders, count).unwrap_or(0) + 1;
        self.folders[count..].copy_from_slice(&entries.to_le_bytes());
        self.entry(folder, name, record)?;
        for part in [&mut self.hot, &mut self.cold, &mut self.names] {
            part.flush(self.put, PART)?;
        }
        Ok(())
    }

    fn entry(&mut self, folder: &[u8], name: &[u8], record: &Record) -> Result<()> {
        let length = u16::try_from(name.len()).map_err(|_| too_large())?;
        let flags = [
            (record.kind == FileType::Link, LINK),
            (record.kind == FileType::Reference, REFERENCE),
            (record.executable, EXECUTABLE),
            (record.racy, RACY),
            (record.stat.is_some(), SEEN),
        ];
        let flags = flags
            .iter()
            .filter(|(set, _)| *set)
            .map(|(_, flag)| flag)
            .sum::<u8>();
        let stat = record.stat.unwrap_or(FileStat {
            mtime: 0,
            ctime: 0,
            inode: 0,
        });
        let hot = &mut self.hot.waiting;
        let start = hot.len();
        hot.extend_from_slice(&narrow(self.done.names)?.to_le_bytes());
        hot.extend_from_slice(&length.to_le_bytes());
        hot.extend_from_slice(&[flags, 0]);
        hot.extend_from_slice(&stat.mtime.to_le_bytes());
        hot.extend_from_slice(&stat.ctime.to_le_bytes());
        hot.extend_from_slice(&record.size.to_le_bytes());
        hot.extend_from_slice(&stat.inode.to_le_bytes());
        let cold = self.cold.waiting.len();
        self.cold.waiting.extend_from_slice(&record.content.0);
        self.cold.waiting.extend_from_slice(&record.item.0);
        self.cold.waiting.extend_from_slice(&record.sha256);
        let crc = entry_crc(folder, &hot[start..], &self.cold.waiting[cold..], name);
        hot.extend_from_slice(&crc.to_le_bytes());
        hot.extend_from_slice(&[0; 4]);
        self.names.waiting.extend_from_slice(name);
        self.done.names += name.len();
        self.done.entries += 1;
        Ok(())
    }

    /// Writes what is left; the header, without which the file is no base, comes last.
    pub(super) fn finish(mut self, nonce: u64, operation: u64, root: &Id) -> Result<()> {
        for part in [&mut self.hot, &mut self.cold, &mut self.names] {
            part.flush(self.put, 0)?;
        }
        let Size {
            folders,
            entries,
            paths,
            names,
        } = self.done;
        let mut header = Vec::with_capacity(HEADER + self.folders.len());
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&nonce.to_le_bytes());
        header.extend_from_slice(&operation.to_le_bytes());
        header.extend_from_slice(&root.0);
        header.extend_from_slice(&narrow(folders)?.to_le_bytes());
        header.extend_from_slice(&narrow(entries)?.to_le_bytes());
        header.extend_from_slice(&(paths as u64).to_le_bytes());
        header.extend_from_slice(&(names as u64).to_le_bytes());
        header.extend_from_slice(&fsx::boot().to_le_bytes());
        header.extend_from_slice(&disk::now().to_le_bytes());
        let mut crc = crc32fast::Hasher::new();
        crc.update(&header);
        crc.update(&self.folders);
        crc.update(&self.paths);
        header.extend_from_slice(&crc.finalize().to_le_bytes());
        header.extend_from_slice(&self.folders);
        (self.put)(self.size.paths_start() as u64, &self.paths)?;
        (self.put)(0, &header)
    }
}

fn narrow(number: usize) -> Result<u32> {
    u32::try_from(number).map_err(|_| too_large())
}

fn too_large() -> Error {
    Error::new(
        ErrorCode::Unsupported,
        "the working copy has more files than its index can hold",
    )
}
