//! What the headers of stored contents say, read where they lie: of a large content only the pieces that are looked at.

use std::cell::RefCell;
use std::io;
use std::path::Path;

use super::contents::Source;
use super::{objects, Store};
use crate::error::{Error, Result};
use crate::hash::Id;
use crate::media::{self, Facts, ReadAt};

impl Store {
    /// What the headers of a content say; `None` for what is no media. An external file that looks changed is read through
    /// first. An own file's bytes have no checksum but that of all of them, and are believed.
    pub fn media_facts(&self, id: &Id) -> Result<Option<Facts>> {
        match self.source(id)? {
            Source::Blob(pack, entry) => pack.with(&entry, |bytes| Ok(media::of_bytes(bytes))),
            Source::Recipe(chunks) => {
                let chunks = Chunks::new(self, id, &chunks);
                media::of_source(&chunks, chunks.length).map_err(error_of)
            }
            Source::Object(file) => {
                let path = objects::path(self.control(), id);
                of_file(&file, &path)
            }
            Source::External(external) => {
                if !external.looks_untouched() {
                    self.verify_external(&external, id)?;
                }
                of_file(&external.open()?, &external.path()?)
            }
        }
    }
}

fn of_file(file: &std::fs::File, path: &Path) -> Result<Option<Facts>> {
    let look = || media::of_source(file, file.metadata()?.len());
    look().map_err(|error| Error::io("read", path, &error))
}

/// The error that a source of chunks wrapped.
fn error_of(error: io::Error) -> Error {
    let text = error.to_string();
    error
        .downcast::<Error>()
        .unwrap_or_else(|_| Error::integrity(text))
}

/// A content as its chunks; the last one that was read is kept.
struct Chunks<'a> {
    store: &'a Store,
    content: &'a Id,
    /// (where it begins, id, length)
    chunks: Vec<(u64, Id, u64)>,
    length: u64,
    last: RefCell<Option<(usize, Vec<u8>)>>,
}

impl<'a> Chunks<'a> {
    fn new(store: &'a Store, content: &'a Id, chunks: &[(Id, u64)]) -> Chunks<'a> {
        let mut length = 0;
        let place = |(id, size): &(Id, u64)| {
            let start = length;
            length += size;
            (start, *id, *size)
        };
        let chunks = chunks.iter().map(place).collect();
        Chunks {
            store,
            content,
            chunks,
            length,
            last: RefCell::new(None),
        }
    }

    fn read(&self, index: usize) -> Result<Vec<u8>> {
        let (_, id, length) = self.chunks[index];
        let mut bytes = Vec::new();
        let take = |chunk: &[u8]| {
            bytes.extend_from_slice(chunk);
            Ok(())
        };
        self.store.each_chunk(self.content, &[(id, length)], take)?;
        Ok(bytes)
    }
}

impl ReadAt for Chunks<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let index = self.chunks.partition_point(|(start, ..)| *start <= offset);
        let Some(index) = index.checked_sub(1).filter(|_| offset < self.length) else {
            return Ok(0);
        };
        let mut last = self.last.borrow_mut();
        if last.as_ref().is_none_or(|(held, _)| *held != index) {
            *last = Some((index, self.read(index).map_err(io::Error::other)?));
        }
        let bytes = last.as_ref().map_or(&[][..], |(_, bytes)| bytes);
        let from = (offset - self.chunks[index].0) as usize;
        let piece = bytes.get(from..).unwrap_or_default();
        let length = piece.len().min(buffer.len());
        buffer[..length].copy_from_slice(&piece[..length]);
        Ok(length)
    }
}
