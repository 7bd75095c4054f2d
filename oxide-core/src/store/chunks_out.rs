//! Writing out a content that is stored as chunks: several threads read, check and decode them, each its piece of the
//! file, from the start of the file to its end.

use std::cell::Cell;
use std::fs::File;
use std::path::Path;

use rayon::prelude::*;

use super::Store;
use crate::error::Result;
use crate::fsx;
use crate::hash::Id;
use crate::progress::Progress;

/// Chunks that are written at once: about a mebibyte.
const TOGETHER: usize = 64;
/// Pieces for each thread before all meet again. That keeps the writes close together.
const PIECES: usize = 4;

thread_local! {
    /// The decoded bytes of a piece. Taken while in use, so that nested work on one thread finds another.
    static DECODED: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Chunks that follow each other, and where the first one begins in the file.
struct Piece<'a> {
    offset: u64,
    chunks: &'a [(Id, u64)],
}

impl Store {
    /// Writes the chunks of `content` into an open, empty file. Returns its length.
    pub(super) fn copy_chunks(
        &self,
        content: &Id,
        chunks: &[(Id, u64)],
        target: &File,
        target_path: &Path,
        progress: &Progress,
    ) -> Result<u64> {
        let mut length = 0u64;
        let piece = |chunks| {
            let offset = length;
            length = length_of(chunks).saturating_add(length);
            Piece { offset, chunks }
        };
        let pieces: Vec<Piece<'_>> = chunks.chunks(TOGETHER).map(piece).collect();
        let copy = |piece: &Piece<'_>| {
            let mut bytes = DECODED.take();
            bytes.clear();
            let copied = self
                .each_chunk(content, piece.chunks, |chunk| {
                    bytes.extend_from_slice(chunk);
                    Ok(())
                })
                .and_then(|_| fsx::write_all_at(target, &bytes, piece.offset, target_path));
            DECODED.set(bytes);
            copied?;
            progress.advance(0, length_of(piece.chunks))
        };
        for pieces in pieces.chunks(PIECES * rayon::current_num_threads()) {
            match pieces {
                [one] => copy(one)?,
                several => several.par_iter().with_max_len(1).try_for_each(copy)?,
            }
        }
        Ok(length)
    }
}

fn length_of(chunks: &[(Id, u64)]) -> u64 {
    let lengths = chunks.iter().map(|(_, length)| *length);
    lengths.fold(0, u64::saturating_add)
}
