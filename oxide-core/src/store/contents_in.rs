//! Storing file contents: small ones as one record, large media as a file of its own, what deduplicates as chunks.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use super::hashing::{Block, StreamHasher, BLOCK};
use super::objects::NewObject;
use super::session::record;
use super::{Session, StoredContent};
use crate::codec::{self, Encoding};
use crate::counters;
use crate::error::{Error, Result};
use crate::fsx;
use crate::hash::{self, Id};
use crate::pack::Kind;
use crate::progress::Progress;

/// Contents below this are one record.
const WHOLE_RECORD: usize = BLOCK;
/// Media up to this are files of their own.
const LARGEST_OBJECT: u64 = 64 << 20;

impl Session {
    /// Stores a small content that is in memory (up to a few MiB). `name` is its file name, a hint for the encoding.
    pub fn put_content(&self, bytes: &[u8], name: &str) -> Result<StoredContent> {
        let digests = hash::digests(bytes);
        let new = !self.holds(Kind::Blob, &digests.content)? && {
            let (encoding, stored) = encode(bytes, name);
            let encoded = (encoding, stored.as_deref());
            self.add(Kind::Blob, &digests.content, bytes, encoded)?
        };
        Ok(StoredContent {
            digests,
            size: bytes.len() as u64,
            new,
        })
    }

    /// [`put_content`](Self::put_content) of several contents.
    pub fn put_contents(&self, contents: &[(&[u8], &str)]) -> Result<Vec<StoredContent>> {
        let bytes: Vec<&[u8]> = contents.iter().map(|(bytes, _)| *bytes).collect();
        let digests = hash::digests_of_many(&bytes);
        let held = self.holds_each(Kind::Blob, digests.iter().map(|each| &each.content))?;
        let encoded: Vec<_> = std::iter::zip(contents, &held)
            .map(|((bytes, name), held)| (!held).then(|| encode(bytes, name)))
            .collect();
        let mut records = Vec::with_capacity(contents.len());
        for ((bytes, digests), encoded) in bytes.iter().zip(&digests).zip(&encoded) {
            if let Some((encoding, stored)) = encoded {
                let encoded = (*encoding, stored.as_deref());
                records.push(record(Kind::Blob, &digests.content, bytes, encoded)?);
            }
        }
        let mut added = self.add_each(Kind::Blob, &records)?.into_iter();
        let stored = bytes.iter().zip(digests).zip(held);
        let stored = stored.map(|((bytes, digests), held)| StoredContent {
            digests,
            size: bytes.len() as u64,
            new: !held && added.next().unwrap_or(false),
        });
        Ok(stored.collect())
    }

    /// Stores the content of an open file read from its start to its end, by the policy of its size, type and name.
    pub fn put_file(
        &self,
        file: &File,
        path: &Path,
        name: &str,
        progress: &Progress,
    ) -> Result<StoredContent> {
        let stored = self.put_open_file(file, path, name, progress)?;
        counters::FILES_HASHED.add(1);
        counters::BYTES_HASHED.add(stored.size);
        Ok(stored)
    }

    fn put_open_file(
        &self,
        file: &File,
        path: &Path,
        name: &str,
        progress: &Progress,
    ) -> Result<StoredContent> {
        let first = self.buffers.read(file, path)?;
        if first.bytes().len() < WHOLE_RECORD {
            let stored = self.put_content(first.bytes(), name);
            self.buffers.put(first);
            return stored;
        }
        let expected = file
            .metadata()
            .map_err(|e| Error::io("read", path, &e))?
            .len();
        if codec::is_media(first.bytes()) && expected <= LARGEST_OBJECT {
            return self.put_object(first, file, path, progress);
        }
        self.put_chunks(first, file, path, name, progress)
    }

    fn holds_object(&self, id: &Id) -> bool {
        self.objects.contains(id)
            || (!self.tombstoned.contains(&id.to_hex())
                && self.objects.find(self.store().control(), id))
    }

    fn put_object(
        &self,
        first: Block,
        file: &File,
        path: &Path,
        progress: &Progress,
    ) -> Result<StoredContent> {
        let (object, target) = NewObject::create(self.store().control())?;
        let mut hasher = StreamHasher::new(&self.buffers);
        let mut size = 0;
        // A file that shares its blocks cannot change any more, so the hash is of what is stored.
        let shared = fsx::share_blocks(file, target.file(), object.path())?;
        let source = if shared { target.file() } else { file };
        let mut block = match shared {
            true => hasher.sha256.read(source, path)?,
            false => first,
        };
        loop {
            let last = block.is_last();
            let block_now = hasher.update(block);
            let bytes = block_now.bytes();
            if !shared {
                fsx::write_large(&target, bytes, size)?;
            }
            size += bytes.len() as u64;
            progress.advance(0, bytes.len() as u64)?;
            if last {
                break;
            }
            drop(block_now);
            block = hasher.sha256.read(source, path)?;
        }
        let digests = hasher.finish()?;
        let id = digests.content;
        if self.tombstoned.contains(&id.to_hex()) {
            // Its own file is about to be removed; under another form the content is safe from that.
            return self.put_chunks_again(target.file(), object.path(), progress);
        }
        let known = self.holds_object(&id) || self.holds(Kind::Blob, &id)?;
        let new = !known && self.objects.keep(id, object);
        Ok(StoredContent { digests, size, new })
    }

    /// Stores as chunks what has just been written into a file.
    fn put_chunks_again(
        &self,
        mut file: &File,
        path: &Path,
        progress: &Progress,
    ) -> Result<StoredContent> {
        file.rewind().map_err(|e| Error::io("read", path, &e))?;
        let first = self.buffers.read(file, path)?;
        self.put_chunks(first, file, path, "", progress)
    }
}

/// How a small content is to be stored.
fn encode(bytes: &[u8], name: &str) -> (Encoding, Option<Vec<u8>>) {
    let incompressible = codec::is_media(bytes) || !codec::deduplicates(bytes, name);
    codec::encode(bytes, incompressible)
}

/// Reads until `buffer` is full or the file ends. Returns how much there was.
pub(super) fn read_full(mut file: &File, buffer: &mut [u8], path: &Path) -> Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Error::io("read", path, &e)),
        }
    }
    Ok(length)
}
