//! Writing a pack: records are copied into a large buffer, full buffers are written by whoever is given them.

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{Entry, Group, Kind, ENTRY, HEADER, RECORD_HEADER, TRAILER, TRAILER_MAGIC};
use crate::codec::Encoding;
use crate::error::{Error, ErrorCode, Result};
use crate::fsx::{self, AlignedBuffer, LargeFile, ALIGNMENT};
use crate::hash::Id;

/// Bytes gathered before they are written.
const BUFFER: usize = 4 << 20;
/// Room for the record that makes a buffer full; a longer one costs a copy.
const ROOM: usize = 1 << 20;

/// A record on its way into a pack.
pub struct Record<'a> {
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: Id,
    /// How `stored` is encoded.
    pub encoding: Encoding,
    /// The length when decoded.
    pub raw_length: u32,
    /// CRC-32 of `stored`.
    pub crc: u32,
    /// The payload as it is stored.
    pub stored: &'a [u8],
}

/// A pack that is being written, under a temporary name.
///
/// A buffer is `in_flight` from the moment it is full until it is in the file; its records are read from memory
/// meanwhile, so that others can write it without holding anybody up.
pub struct PackWriter {
    name: String,
    target: Arc<Target>,
    /// Offset of the first byte of `buffer`.
    start: u64,
    buffer: AlignedBuffer,
    in_flight: Vec<(u64, Arc<AlignedBuffer>)>,
    /// Buffers that have been written, for use again.
    spare: Vec<AlignedBuffer>,
    entries: Vec<Entry>,
}

/// The file, and what is on its way into it.
struct Target {
    file: Arc<LargeFile>,
    waiting: Mutex<Waiting>,
    written: Condvar,
}

#[derive(Default)]
struct Waiting {
    buffers: usize,
    failure: Option<Error>,
}

impl Target {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why a buffer is not in the file.
    fn check(&self) -> Result<()> {
        self.waiting().failure.clone().map_or(Ok(()), Err)
    }

    /// Returns once all that was handed out is in the file.
    fn wait(&self) -> Result<()> {
        let mut waiting = self.waiting();
        while waiting.buffers > 0 {
            waiting = self
                .written
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
        waiting.failure.clone().map_or(Ok(()), Err)
    }
}

/// A full buffer to be written. The pack is not complete without it: one that is dropped makes the pack fail.
pub struct FullBuffer {
    target: Arc<Target>,
    offset: u64,
    bytes: Arc<AlignedBuffer>,
    /// How much of it is to be written; the rest is in the next buffer too.
    length: usize,
    is_handled: bool,
}

impl FullBuffer {
    /// Writes it to its place. A failure is the pack's, which says so when it is next used.
    pub fn write(mut self) {
        let bytes = &self.bytes.bytes()[..self.length];
        let written = fsx::write_large(&self.target.file, bytes, self.offset);
        if let Err(error) = written {
            self.target.waiting().failure.get_or_insert(error);
        }
        self.is_handled = true;
    }
}

impl Drop for FullBuffer {
    fn drop(&mut self) {
        let mut waiting = self.target.waiting();
        waiting.buffers -= 1;
        if !self.is_handled {
            let failure = Error::new(ErrorCode::Io, "part of a pack was not written");
            waiting.failure.get_or_insert(failure);
        }
        self.target.written.notify_all();
    }
}

impl PackWriter {
    /// Begins a pack in the folder for temporary files.
    pub fn create(group: Group, temporary: &Path) -> Result<PackWriter> {
        let mut name = String::new();
        let (path, file) = fsx::create_locked(|| {
            name = group.new_name();
            temporary.join(&name)
        })?;
        let mut buffer = AlignedBuffer::with_capacity(BUFFER + ROOM);
        buffer.extend(HEADER);
        Ok(PackWriter {
            name,
            target: Arc::new(Target {
                file: Arc::new(LargeFile::new(path, file)),
                waiting: Mutex::default(),
                written: Condvar::new(),
            }),
            start: 0,
            buffer,
            in_flight: Vec::new(),
            spare: Vec::new(),
            entries: Vec::new(),
        })
    }

    /// The pack's file name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is being written.
    pub fn path(&self) -> &Path {
        self.target.file.path()
    }

    /// Its file.
    pub fn file(&self) -> &Arc<LargeFile> {
        &self.target.file
    }

    /// Its length without the footer.
    pub fn length(&self) -> u64 {
        self.start + self.buffer.length() as u64
    }

    /// Number of records so far; the next record's place.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has no record yet.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry of the record that was appended as the `index`th.
    pub fn entry(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index)
    }

    /// Appends a record. A full buffer is handed out for writing.
    pub fn append(&mut self, record: &Record<'_>) -> Result<Option<FullBuffer>> {
        self.target.check()?;
        let stored_length = u32::try_from(record.stored.len()).map_err(|_| {
            Error::new(
                ErrorCode::Invalid,
                format!(
                    "{} {} is too large for one record",
                    record.kind.name(),
                    record.id
                ),
            )
        })?;
        let entry = Entry {
            kind: record.kind,
            id: record.id,
            offset: self.length() + RECORD_HEADER as u64,
            stored_length,
            raw_length: record.raw_length,
            encoding: record.encoding,
            crc: record.crc,
        };
        self.buffer.extend(&entry.record_header());
        self.buffer.extend(record.stored);
        self.entries.push(entry);
        Ok((self.buffer.length() >= BUFFER).then(|| self.hand_out()))
    }

    /// Gives all whole blocks to be written. What follows them begins the next buffer.
    fn hand_out(&mut self) -> FullBuffer {
        self.take_back();
        let spare = self.spare.pop();
        let fresh = spare.unwrap_or_else(|| AlignedBuffer::with_capacity(BUFFER + ROOM));
        let bytes = std::mem::replace(&mut self.buffer, fresh);
        let length = bytes.length() - bytes.length() % ALIGNMENT;
        self.buffer.extend(&bytes.bytes()[length..]);
        let (offset, bytes) = (self.start, Arc::new(bytes));
        self.start += length as u64;
        self.in_flight.push((offset, bytes.clone()));
        self.target.waiting().buffers += 1;
        FullBuffer {
            target: self.target.clone(),
            offset,
            bytes,
            length,
            is_handled: false,
        }
    }

    /// Takes back the memory of buffers that nobody writes any more.
    fn take_back(&mut self) {
        for (offset, bytes) in std::mem::take(&mut self.in_flight) {
            match Arc::try_unwrap(bytes) {
                Ok(mut buffer) => {
                    buffer.clear();
                    self.spare.push(buffer);
                }
                Err(bytes) => self.in_flight.push((offset, bytes)),
            }
        }
    }

    /// The stored payload of a record of this pack, wherever it is now.
    pub fn stored(&self, entry: &Entry) -> Result<Vec<u8>> {
        let length = entry.stored_length as usize;
        let end = entry.offset + length as u64;
        let open = (self.start, &self.buffer);
        let in_flight = self
            .in_flight
            .iter()
            .map(|(start, bytes)| (*start, &**bytes));
        let in_memory: Vec<(u64, &AlignedBuffer)> = in_flight.chain([open]).collect();
        let slice = |(start, bytes): &(u64, &AlignedBuffer)| {
            let from = usize::try_from(entry.offset.checked_sub(*start)?).ok()?;
            bytes
                .bytes()
                .get(from..from.checked_add(length)?)
                .map(<[u8]>::to_vec)
        };
        if let Some(bytes) = in_memory.iter().find_map(slice) {
            return Ok(bytes);
        }
        // The buffer that it was put into has been written; the blocks of the next one may begin within it.
        self.target.check()?;
        let next = in_memory
            .iter()
            .find(|(start, _)| (entry.offset..end).contains(start));
        let written = next.map_or(length, |(start, _)| (start - entry.offset) as usize);
        let mut bytes = vec![0; length];
        let (before, rest) = bytes.split_at_mut(written);
        let file = &self.target.file;
        file.file()
            .read_exact_at(before, entry.offset)
            .map_err(|e| Error::io("read the pack", file.path(), &e))?;
        if let Some((_, next)) = next {
            rest.copy_from_slice(&next.bytes()[..rest.len()]);
        }
        Ok(bytes)
    }

    /// Writes what is left and the footer. The file is then a whole pack, though not flushed to the disk.
    pub fn seal(&mut self) -> Result<()> {
        self.entries
            .sort_unstable_by(|a, b| (&a.id, a.kind).cmp(&(&b.id, b.kind)));
        self.entries
            .dedup_by(|later, first| (later.id, later.kind) == (first.id, first.kind));
        let footer = self.length();
        let mut index = Vec::with_capacity(self.entries.len() * ENTRY + TRAILER);
        for entry in &self.entries {
            index.extend_from_slice(&entry.to_bytes());
        }
        let crc = crc32fast::hash(&index);
        index.extend_from_slice(&(self.entries.len() as u64).to_le_bytes());
        index.extend_from_slice(&footer.to_le_bytes());
        index.extend_from_slice(&crc.to_le_bytes());
        index.extend_from_slice(&[0; 4]);
        index.extend_from_slice(TRAILER_MAGIC);
        self.buffer.extend(&index);
        self.target.wait()?;
        fsx::write_large(&self.target.file, self.buffer.bytes(), self.start)?;
        self.start += self.buffer.length() as u64;
        (self.in_flight, self.spare) = Default::default();
        self.buffer = AlignedBuffer::with_capacity(0);
        Ok(())
    }
}
