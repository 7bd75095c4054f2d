//! Storing a content as chunks. While one block of the file is read, the one before is cut and its chunks are named and
//! compressed, and those of the one before that go into the pack, in the order of the file.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::hashing::{Block, StreamHasher};
use super::recipe::RecipeWriter;
use super::{Session, StoredContent};
use crate::chunk;
use crate::codec::{self, Encoding};
use crate::error::Result;
use crate::hash::{Context, Id};
use crate::pack::Kind;
use crate::progress::Progress;

/// Chunks that one thread names and compresses in one go.
const TOGETHER: usize = 8;

/// A chunk of a block.
struct Chunk {
    range: Range<usize>,
    id: Id,
    /// How it is to be stored; `None` when the store has it.
    encoded: Option<(Encoding, Option<Vec<u8>>)>,
}

/// A block that is cut, all but its end.
struct CutBlock {
    block: Arc<Block>,
    chunks: Vec<Chunk>,
}

impl CutBlock {
    /// What follows the last cut.
    fn rest(&self) -> &[u8] {
        let cut = self.chunks.last().map_or(0, |chunk| chunk.range.end);
        &self.block.window()[cut..]
    }
}

impl Session {
    /// Stores a file of which the first block has been read.
    pub(super) fn put_chunks(
        &self,
        first: Block,
        file: &File,
        path: &Path,
        name: &str,
        progress: &Progress,
    ) -> Result<StoredContent> {
        let incompressible =
            codec::is_media(first.bytes()) || !codec::deduplicates(first.bytes(), name);
        let mut hasher = StreamHasher::new(&self.buffers);
        let mut recipe = RecipeWriter::new();
        let (mut size, mut new) = (0, false);
        let mut block = first;
        let mut waiting: Option<CutBlock> = None;
        loop {
            progress.advance(0, block.bytes().len() as u64)?;
            size += block.bytes().len() as u64;
            let last = block.is_last();
            let block_now = hasher.sha256.update(block);
            let (blake3, sha256) = (&mut hasher.blake3, &mut hasher.sha256);
            let append = || match waiting.take() {
                Some(cut) => self.append(&cut, &mut recipe),
                None => Ok(false),
            };
            let read = || match last {
                true => Ok(None),
                false => sha256.read(file, path).map(Some),
            };
            let cut = || self.cut(block_now.clone(), last, incompressible);
            let ((appended, next), (cut, ())) = rayon::join(
                || rayon::join(append, read),
                || rayon::join(cut, || _ = blake3.update(block_now.bytes())),
            );
            new |= appended?;
            let cut = cut?;
            let Some(mut next) = next? else {
                new |= self.append(&cut, &mut recipe)?;
                break;
            };
            next.carry(cut.rest());
            waiting = Some(cut);
            block = next;
        }
        let digests = hasher.finish()?;
        if !self.holds(Kind::Recipe, &digests.content)? {
            let encoded = (Encoding::Raw, None);
            new |= self.add(Kind::Recipe, &digests.content, &recipe.finish(), encoded)?;
        }
        Ok(StoredContent { digests, size, new })
    }

    /// Finds the chunks of a block, and how those are stored that are new.
    fn cut(&self, block: Arc<Block>, last: bool, incompressible: bool) -> Result<CutBlock> {
        let bytes = block.window();
        let mut ranges = Vec::with_capacity(bytes.len() / chunk::MEAN + 1);
        let mut start = 0;
        while start < bytes.len() && (last || bytes.len() - start >= chunk::MAXIMUM) {
            let end = start + chunk::next_boundary(&bytes[start..]);
            ranges.push(start..end);
            start = end;
        }
        let new_encoder = || codec::Encoder::new(incompressible);
        let chunks = ranges
            .into_par_iter()
            .with_min_len(TOGETHER)
            .map_init(new_encoder, |encoder, range| {
                let bytes = &bytes[range.clone()];
                let id = Context::Content.id(bytes);
                let encoded = match self.holds(Kind::Blob, &id)? {
                    true => None,
                    false => Some(encoder.encode(bytes)),
                };
                Ok(Chunk { range, id, encoded })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(CutBlock { block, chunks })
    }

    /// Adds the chunks that are new. Whether there were any.
    fn append(&self, cut: &CutBlock, recipe: &mut RecipeWriter) -> Result<bool> {
        let mut new = false;
        for chunk in &cut.chunks {
            let bytes = &cut.block.window()[chunk.range.clone()];
            if let Some((encoding, stored)) = &chunk.encoded {
                new |= self.add(Kind::Blob, &chunk.id, bytes, (*encoding, stored.as_deref()))?;
            }
            recipe.push(&chunk.id, bytes.len());
        }
        Ok(new)
    }
}
