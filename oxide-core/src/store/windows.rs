//! Writing many contents to files, one after the other in the order of the packs: those that lie side by side in a pack that is not
//! in memory are read in one go, past the page cache. Reading them through the mapping would have the system find a page for
//! each of their pages, next to those of the files that are written.

use std::cell::Cell;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use super::contents::write_whole;
use super::Store;
use crate::codec;
use crate::error::Result;
use crate::fsx::{AlignedBuffer, ColdFile, ALIGNMENT};
use crate::hash::Id;
use crate::pack::{Entry, Kind, PackReader};
use crate::progress::Progress;

/// Bytes read at once.
const WINDOW: usize = 2 << 20;
/// Contents after one that was in memory that are not asked about.
const WARM: u32 = 32;
/// A window of which less than this part was used was not worth it; then the mapping is read.
const USED: usize = 4;

thread_local! {
    /// Memory of the last reader of this thread.
    static KEPT: Cell<Option<AlignedBuffer>> = const { Cell::new(None) };
}

/// Writes contents of a store into files.
pub struct ContentWriter<'a> {
    store: &'a Store,
    buffer: Option<AlignedBuffer>,
    /// The pack that is read from, and its file where it can be read past the cache.
    pack: Option<(Arc<PackReader>, Option<ColdFile>)>,
    /// Where in the pack the buffer's bytes begin, how many there are, and how many were used.
    start: u64,
    length: usize,
    used: usize,
    /// Contents that are read through the mapping without asking.
    warm: u32,
}

impl<'a> ContentWriter<'a> {
    /// A writer that has read nothing yet.
    pub fn new(store: &'a Store) -> ContentWriter<'a> {
        ContentWriter {
            store,
            buffer: None,
            pack: None,
            start: 0,
            length: 0,
            used: 0,
            warm: 0,
        }
    }

    /// [`Store::copy_content`].
    pub fn copy(
        &mut self,
        id: &Id,
        target: &File,
        target_path: &Path,
        progress: &Progress,
    ) -> Result<u64> {
        if let Some((entry, stored)) = self.read(id) {
            // What cannot be decoded is looked at again in the usual way, which says what is wrong.
            if let Ok(bytes) = codec::decoded(entry.encoding, stored, entry.raw_length as usize) {
                return write_whole(&bytes, target, target_path, progress);
            }
        }
        self.store.copy_content(id, target, target_path, progress)
    }

    /// The stored bytes of a small content that is not in memory, with their checksum checked.
    fn read(&mut self, id: &Id) -> Option<(Entry, &[u8])> {
        if self.warm > 0 {
            self.warm -= 1;
            return None;
        }
        let found = self
            .store
            .look(&[Kind::Blob, Kind::Recipe], id, |_, pack, entry| {
                Ok(Some((pack.clone(), entry)))
            });
        let (pack, entry) = found.ok().flatten()?;
        if entry.kind != Kind::Blob || entry.stored_length as usize > WINDOW / USED {
            return None;
        }
        let known = self.pack.as_ref();
        if !known.is_some_and(|(known, _)| Arc::ptr_eq(known, &pack)) {
            let file = ColdFile::open(pack.path());
            self.pack = Some((pack, file));
            (self.length, self.used) = (0, 0);
        }
        if self.place(&entry).is_none() && !self.move_to(&entry) {
            self.warm = WARM;
            return None;
        }
        let (first, last) = self.place(&entry)?;
        self.used += last - first;
        let stored = &self.buffer.as_ref()?.bytes()[first..last];
        (crc32fast::hash(stored) == entry.crc).then_some((entry, stored))
    }

    /// Where in the buffer a record is.
    fn place(&self, entry: &Entry) -> Option<(usize, usize)> {
        let first = usize::try_from(entry.offset.checked_sub(self.start)?).ok()?;
        let last = first.checked_add(entry.stored_length as usize)?;
        (last <= self.length).then_some((first, last))
    }

    /// Reads the window that begins with a record. `false` where it is in memory, or windows are not worth it.
    fn move_to(&mut self, entry: &Entry) -> bool {
        let Some((pack, Some(file))) = &self.pack else {
            return false;
        };
        let wasted = self.used * USED < self.length;
        self.length = 0;
        if wasted || pack.is_in_memory(entry, WINDOW) {
            self.used = 0;
            return false;
        }
        let start = entry.offset - entry.offset % ALIGNMENT as u64;
        let kept = || {
            KEPT.take()
                .unwrap_or_else(|| AlignedBuffer::with_capacity(WINDOW))
        };
        let buffer = self.buffer.get_or_insert_with(kept);
        let Ok(length) = file.read(buffer, start, WINDOW) else {
            return false;
        };
        (self.start, self.length, self.used) = (start, length, 0);
        self.place(entry).is_some()
    }
}

impl Drop for ContentWriter<'_> {
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            KEPT.set(Some(buffer));
        }
    }
}
