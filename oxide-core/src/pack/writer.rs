//! Writing a pack: records are copied into a large buffer, full buffers are written outside the writer's lock.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Entry, Group, Kind, ENTRY, HEADER, RECORD_HEADER, TRAILER_MAGIC};
use crate::codec::Encoding;
use crate::error::{Error, Result};
use crate::fsx;
use crate::hash::Id;

/// Bytes gathered before they are written.
const BUFFER: usize = 4 << 20;

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
/// meanwhile, so the thread that filled it can write it without holding anybody up.
pub struct PackWriter {
    name: String,
    path: PathBuf,
    file: Arc<File>,
    /// Offset of the first byte of `buffer`.
    start: u64,
    buffer: Vec<u8>,
    in_flight: Vec<(u64, Arc<Vec<u8>>)>,
    /// A buffer that has been written, for use again.
    spare: Option<Vec<u8>>,
    entries: Vec<Entry>,
}

/// A full buffer to be written.
pub struct FullBuffer {
    path: PathBuf,
    file: Arc<File>,
    offset: u64,
    bytes: Arc<Vec<u8>>,
}

impl FullBuffer {
    /// Writes it to its place. To be followed by [`PackWriter::written`].
    pub fn write(&self) -> Result<()> {
        fsx::write_all_at(&self.file, &self.bytes, self.offset, &self.path)?;
        fsx::begin_flush(&self.file, self.offset, self.bytes.len() as u64);
        Ok(())
    }
}

impl PackWriter {
    /// Begins a pack in the folder for temporary files.
    pub fn create(group: Group, temporary: &Path) -> Result<PackWriter> {
        let (name, path, file) = loop {
            let name = group.new_name();
            let path = temporary.join(&name);
            let file = fsx::create_new(&path)?;
            // Held until the pack is published, so that a collector of leftovers sees that the file is in use. One that
            // came first has taken the new file for a leftover.
            let same = file.try_clone().map_err(|e| Error::io("lock", &path, &e))?;
            if let Some(lock) = fsx::try_lock_open(same, &path)? {
                if fsx::names(&path, &lock) {
                    break (name, path, file);
                }
            }
        };
        Ok(PackWriter {
            name,
            path,
            file: Arc::new(file),
            start: 0,
            buffer: HEADER.to_vec(),
            in_flight: Vec::new(),
            spare: None,
            entries: Vec::new(),
        })
    }

    /// The pack's file name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is being written.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its file.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Its length without the footer.
    pub fn length(&self) -> u64 {
        self.start + self.buffer.len() as u64
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
        let stored_length = u32::try_from(record.stored.len()).map_err(|_| {
            Error::new(
                crate::error::ErrorCode::Invalid,
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
        self.buffer.extend_from_slice(&entry.record_header());
        self.buffer.extend_from_slice(record.stored);
        self.entries.push(entry);
        Ok((self.buffer.len() >= BUFFER).then(|| self.hand_out()))
    }

    fn hand_out(&mut self) -> FullBuffer {
        let spare = self.spare.take();
        let fresh = spare.unwrap_or_else(|| Vec::with_capacity(BUFFER + (64 << 10)));
        let bytes = Arc::new(std::mem::replace(&mut self.buffer, fresh));
        let offset = self.start;
        self.start += bytes.len() as u64;
        self.in_flight.push((offset, bytes.clone()));
        FullBuffer {
            path: self.path.clone(),
            file: self.file.clone(),
            offset,
            bytes,
        }
    }

    /// Forgets a buffer that has been written. One of another pack, which was completed meanwhile, is none of this one's.
    pub fn written(&mut self, buffer: FullBuffer) {
        if !Arc::ptr_eq(&self.file, &buffer.file) {
            return;
        }
        self.in_flight
            .retain(|(offset, _)| *offset != buffer.offset);
        if let Some(mut bytes) = Arc::into_inner(buffer.bytes) {
            bytes.clear();
            self.spare = Some(bytes);
        }
    }

    /// The stored payload of a record of this pack, wherever it is now.
    pub fn stored(&self, entry: &Entry) -> Result<Vec<u8>> {
        let length = entry.stored_length as usize;
        let slice = |start: u64, bytes: &[u8]| {
            let from = usize::try_from(entry.offset.checked_sub(start)?).ok()?;
            Some(bytes.get(from..from.checked_add(length)?)?.to_vec())
        };
        let in_flight = self
            .in_flight
            .iter()
            .find_map(|(start, bytes)| slice(*start, bytes));
        if let Some(bytes) = slice(self.start, &self.buffer).or(in_flight) {
            return Ok(bytes);
        }
        let mut bytes = vec![0; length];
        self.file
            .read_exact_at(&mut bytes, entry.offset)
            .map_err(|e| Error::io("read the pack", &self.path, &e))?;
        Ok(bytes)
    }

    /// Writes what is left and the footer. The file is then a whole pack, though not flushed to the disk.
    pub fn seal(&mut self) -> Result<()> {
        // A buffer in flight may be written twice: the same bytes to the same place.
        for (offset, bytes) in &self.in_flight {
            fsx::write_all_at(&self.file, bytes, *offset, &self.path)?;
        }
        self.in_flight.clear();
        self.entries
            .sort_unstable_by(|a, b| (&a.id, a.kind).cmp(&(&b.id, b.kind)));
        self.entries
            .dedup_by(|later, first| (later.id, later.kind) == (first.id, first.kind));
        let footer = self.length();
        let footer_start = self.buffer.len();
        self.buffer.reserve(self.entries.len() * ENTRY);
        for entry in &self.entries {
            self.buffer.extend_from_slice(&entry.to_bytes());
        }
        let crc = crc32fast::hash(&self.buffer[footer_start..]);
        self.buffer
            .extend_from_slice(&(self.entries.len() as u64).to_le_bytes());
        self.buffer.extend_from_slice(&footer.to_le_bytes());
        self.buffer.extend_from_slice(&crc.to_le_bytes());
        self.buffer.extend_from_slice(&[0; 4]);
        self.buffer.extend_from_slice(TRAILER_MAGIC);
        fsx::write_all_at(&self.file, &self.buffer, self.start, &self.path)?;
        self.start += self.buffer.len() as u64;
        self.buffer = Vec::new();
        self.spare = None;
        Ok(())
    }
}
