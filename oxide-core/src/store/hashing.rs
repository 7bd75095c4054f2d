//! A large file in one pass: it is read once, in blocks whose memory is used again, and both digests are computed in
//! passing. SHA-256, the slower one and the one that cannot be divided, has a thread of its own.

use std::fs::File;
use std::path::Path;
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::contents_in::read_full;
use super::group::lock;
use crate::chunk;
use crate::error::{Error, ErrorCode, Result};
use crate::fsx::ALIGNMENT;
use crate::hash::{Context, Digests, Id, Sha256};

/// Bytes read at once.
pub(super) const BLOCK: usize = 1 << 20;
/// Room in front of the bytes read, for what is left of the block before.
const ROOM: usize = chunk::MAXIMUM;
/// Blocks of one file that are in memory. Whoever holds one beside the hashing thread lets go of it before the next but
/// one is read.
const BLOCKS: usize = 6;
/// Buffers kept for the next file.
const KEPT: usize = 4 * BLOCKS;

/// Memory of blocks that no file uses at the moment.
#[derive(Default)]
pub(super) struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    fn take(&self) -> Vec<u8> {
        let kept = lock(&self.0).pop();
        kept.unwrap_or_else(|| vec![0; ROOM + ALIGNMENT + BLOCK])
    }

    /// Reads the next block of a file.
    pub(super) fn read(&self, file: &File, path: &Path) -> Result<Block> {
        Block::read(self.take(), file, path)
    }

    /// Takes back the memory of a block.
    pub(super) fn put(&self, block: Block) {
        let mut kept = lock(&self.0);
        if kept.len() < KEPT {
            kept.push(block.buffer);
        }
    }
}

/// Bytes of a file that follow each other.
pub(super) struct Block {
    buffer: Vec<u8>,
    /// Where the bytes begin that were read, fit for writes past the page cache. In front of them is [`ROOM`].
    start: usize,
    /// Bytes in front of them that belong to the block before.
    carried: usize,
    read: usize,
}

impl Block {
    fn read(mut buffer: Vec<u8>, file: &File, path: &Path) -> Result<Block> {
        let start = ROOM + buffer[ROOM..].as_ptr().align_offset(ALIGNMENT) % ALIGNMENT;
        let read = read_full(file, &mut buffer[start..start + BLOCK], path)?;
        Ok(Block {
            buffer,
            start,
            carried: 0,
            read,
        })
    }

    /// The bytes read.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.start + self.read]
    }

    /// The bytes read, after those that were carried over.
    pub(super) fn window(&self) -> &[u8] {
        &self.buffer[self.start - self.carried..self.start + self.read]
    }

    /// Puts the end of the block before in front, less than [`chunk::MAXIMUM`] bytes.
    pub(super) fn carry(&mut self, rest: &[u8]) {
        self.carried = rest.len();
        self.buffer[self.start - rest.len()..self.start].copy_from_slice(rest);
    }

    /// Whether the file ended in it.
    pub(super) fn is_last(&self) -> bool {
        self.read < BLOCK
    }
}

/// Hashes a file block by block.
pub(super) struct StreamHasher<'a> {
    pub(super) blake3: blake3::Hasher,
    pub(super) sha256: Sha256Thread<'a>,
}

impl<'a> StreamHasher<'a> {
    pub(super) fn new(buffers: &'a Buffers) -> StreamHasher<'a> {
        StreamHasher {
            blake3: Context::Content.hasher(),
            sha256: Sha256Thread::start(buffers),
        }
    }

    /// Takes a block into both digests.
    pub(super) fn update(&mut self, block: Block) -> Arc<Block> {
        let block = self.sha256.update(block);
        self.blake3.update(block.bytes());
        block
    }

    /// The digests of everything hashed.
    pub(super) fn finish(self) -> Result<Digests> {
        Ok(Digests {
            content: Id(*self.blake3.finalize().as_bytes()),
            sha256: self.sha256.finish()?,
        })
    }
}

/// The thread that computes SHA-256, and the blocks on their way to it and back.
pub(super) struct Sha256Thread<'a> {
    buffers: &'a Buffers,
    /// How many blocks were sent and have not been taken back.
    out: usize,
    blocks: Sender<Arc<Block>>,
    hashed: Receiver<Arc<Block>>,
    thread: JoinHandle<[u8; 32]>,
}

impl<'a> Sha256Thread<'a> {
    fn start(buffers: &'a Buffers) -> Sha256Thread<'a> {
        let (blocks, receiver) = channel::<Arc<Block>>();
        let (sender, hashed) = channel();
        let thread = std::thread::spawn(move || {
            let mut hasher = Sha256::default();
            for block in receiver {
                hasher.update(block.bytes());
                // Nobody takes blocks back any more when the file is given up.
                let _ = sender.send(block);
            }
            hasher.finish()
        });
        Sha256Thread {
            buffers,
            out: 0,
            blocks,
            hashed,
            thread,
        }
    }

    /// Reads the next block of the file, as soon as there is memory for it.
    pub(super) fn read(&mut self, file: &File, path: &Path) -> Result<Block> {
        if self.out < BLOCKS {
            return self.buffers.read(file, path);
        }
        // Blocks come back in order, so this is the oldest one.
        self.out -= 1;
        match self.hashed.recv().ok().and_then(Arc::into_inner) {
            Some(block) => Block::read(block.buffer, file, path),
            None => self.buffers.read(file, path),
        }
    }

    /// Sends a block to the thread.
    pub(super) fn update(&mut self, block: Block) -> Arc<Block> {
        let block = Arc::new(block);
        self.out += 1;
        // A thread that died shows in `finish`.
        let _ = self.blocks.send(block.clone());
        block
    }

    fn finish(self) -> Result<[u8; 32]> {
        drop(self.blocks);
        let digest = self.thread.join();
        let blocks = self.hashed.iter().filter_map(Arc::into_inner);
        blocks.for_each(|block| self.buffers.put(block));
        digest.map_err(|_| {
            let why = "the thread that computes SHA-256 ended early";
            Error::new(ErrorCode::Io, why).hint("run the same command again")
        })
    }
}
