//! Storing file contents: small ones as one record, large media as a file of its own, what deduplicates as chunks.

use std::cell::Cell;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::sync::Arc;

use super::hashing::StreamHasher;
use super::objects::NewObject;
use super::recipe::RecipeWriter;
use super::{Session, StoredContent};
use crate::chunk;
use crate::codec;
use crate::counters;
use crate::error::{Error, Result};
use crate::fsx;
use crate::hash::{self, Context, Id};
use crate::pack::Kind;
use crate::progress::Progress;

/// Contents below this are one record.
const WHOLE_RECORD: usize = 1 << 20;
/// Media up to this are files of their own.
const LARGEST_OBJECT: u64 = 64 << 20;
/// Bytes read at once.
pub(super) const BLOCK: usize = 1 << 20;

thread_local! {
    /// The first block of a file. Taken while in use, so that nested work on one thread finds another.
    static HEAD: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl Session {
    /// Stores a small content that is in memory (up to a few MiB). `name` is its file name, a hint for the encoding.
    pub fn put_content(&self, bytes: &[u8], name: &str) -> Result<StoredContent> {
        let digests = hash::digests(bytes);
        let id = digests.content;
        let new = !self.holds(Kind::Blob, &id)? && {
            let incompressible = codec::is_media(bytes) || !codec::deduplicates(bytes, name);
            self.add(Kind::Blob, &id, bytes, codec::encode(bytes, incompressible))?
        };
        Ok(StoredContent {
            digests,
            size: bytes.len() as u64,
            new,
        })
    }

    /// Stores the content of an open file read from its start to its end, by the policy of its size, type and name.
    pub fn put_file(
        &self,
        file: &File,
        path: &Path,
        name: &str,
        progress: &Progress,
    ) -> Result<StoredContent> {
        let mut head = HEAD.take();
        head.resize(WHOLE_RECORD, 0);
        let stored = self.put_open_file(file, path, name, &mut head, progress);
        HEAD.set(head);
        let stored = stored?;
        counters::FILES_HASHED.add(1);
        counters::BYTES_HASHED.add(stored.size);
        Ok(stored)
    }

    fn put_open_file(
        &self,
        file: &File,
        path: &Path,
        name: &str,
        head: &mut [u8],
        progress: &Progress,
    ) -> Result<StoredContent> {
        let length = read_full(file, head, path)?;
        let head = &head[..length];
        if length < WHOLE_RECORD {
            return self.put_content(head, name);
        }
        let expected = file
            .metadata()
            .map_err(|e| Error::io("read", path, &e))?
            .len();
        if codec::is_media(head) && expected <= LARGEST_OBJECT {
            return self.put_object(head, file, path, progress);
        }
        self.put_chunks(head, file, path, name, progress)
    }

    fn holds_object(&self, id: &Id) -> bool {
        self.objects.contains(id)
            || (!self.tombstoned.contains(&id.to_hex())
                && self.objects.find(self.store().control(), id))
    }

    fn put_object(
        &self,
        head: &[u8],
        file: &File,
        path: &Path,
        progress: &Progress,
    ) -> Result<StoredContent> {
        let (object, target) = NewObject::create(self.store().control())?;
        let mut hasher = StreamHasher::new();
        let mut size = 0;
        // A file that shares its blocks cannot change any more, so the hash is of what is stored.
        let shared = fsx::share_blocks(file, &target, object.path())?;
        let mut block = match shared {
            true => Vec::new(),
            false => head.to_vec(),
        };
        let source = if shared { &target } else { file };
        loop {
            if block.is_empty() {
                block.resize(BLOCK, 0);
                let length = read_full(source, &mut block, path)?;
                block.truncate(length);
            }
            if block.is_empty() {
                break;
            }
            progress.check()?;
            size += block.len() as u64;
            let full = Arc::new(std::mem::take(&mut block));
            hasher.update(&full);
            if !shared {
                fsx::write_all(&target, &full, object.path())?;
            }
        }
        let digests = hasher.finish()?;
        let id = digests.content;
        if self.tombstoned.contains(&id.to_hex()) {
            // Its own file is about to be removed; under another form the content is safe from that.
            return self.put_chunks_again(&target, object.path(), progress);
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
        self.put_chunks(&[], file, path, "", progress)
    }

    fn put_chunks(
        &self,
        head: &[u8],
        file: &File,
        path: &Path,
        name: &str,
        progress: &Progress,
    ) -> Result<StoredContent> {
        let incompressible = codec::is_media(head) || !codec::deduplicates(head, name);
        let mut hasher = StreamHasher::new();
        let mut recipe = RecipeWriter::new();
        let (mut size, mut new, mut ended) = (0, false, false);
        // Bytes read and not yet cut, from `start` on.
        let mut window = head.to_vec();
        let mut start = 0;
        hasher.update(&Arc::new(head.to_vec()));
        loop {
            if !ended && window.len() - start < chunk::MAXIMUM {
                progress.check()?;
                let mut block = vec![0; BLOCK];
                let length = read_full(file, &mut block, path)?;
                block.truncate(length);
                ended = length < BLOCK;
                window.drain(..start);
                start = 0;
                window.extend_from_slice(&block);
                hasher.update(&Arc::new(block));
            }
            if start == window.len() {
                break;
            }
            let bytes = &window[start..start + chunk::next_boundary(&window[start..])];
            let id = Context::Content.id(bytes);
            if !self.holds(Kind::Blob, &id)? {
                new |= self.add(Kind::Blob, &id, bytes, codec::encode(bytes, incompressible))?;
            }
            recipe.push(&id, bytes.len());
            start += bytes.len();
            size += bytes.len() as u64;
        }
        let digests = hasher.finish()?;
        if !self.holds(Kind::Recipe, &digests.content)? {
            let bytes = recipe.finish();
            new |= self.add(
                Kind::Recipe,
                &digests.content,
                &bytes,
                (codec::Encoding::Raw, None),
            )?;
        }
        Ok(StoredContent { digests, size, new })
    }
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
