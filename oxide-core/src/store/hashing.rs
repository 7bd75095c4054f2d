//! Both digests of a large stream at once: BLAKE3 where the stream is read, SHA-256, the slower one, on a thread beside it.

use std::sync::mpsc::{sync_channel, SyncSender};
use std::sync::Arc;
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::hash::{Context, Digests, Id};

/// Blocks that may wait for the thread.
const WAITING: usize = 4;

/// Hashes a stream of blocks.
pub(super) struct StreamHasher {
    blake3: blake3::Hasher,
    blocks: SyncSender<Arc<Vec<u8>>>,
    sha256: JoinHandle<[u8; 32]>,
}

impl StreamHasher {
    pub(super) fn new() -> StreamHasher {
        let (blocks, receiver) = sync_channel::<Arc<Vec<u8>>>(WAITING);
        let sha256 = std::thread::spawn(move || {
            let mut hasher = Sha256::new();
            for block in receiver {
                hasher.update(block.as_slice());
            }
            hasher.finalize().into()
        });
        StreamHasher {
            blake3: Context::Content.hasher(),
            blocks,
            sha256,
        }
    }

    pub(super) fn update(&mut self, block: &Arc<Vec<u8>>) {
        // A thread that died shows in `finish`.
        let _ = self.blocks.send(block.clone());
        self.blake3.update(block);
    }

    pub(super) fn finish(self) -> Result<Digests> {
        drop(self.blocks);
        let sha256 = self.sha256.join().map_err(|_| {
            let why = "the thread that computes SHA-256 ended early";
            Error::new(crate::error::ErrorCode::Io, why).hint("run the same command again")
        })?;
        Ok(Digests {
            content: Id(*self.blake3.finalize().as_bytes()),
            sha256,
        })
    }
}
