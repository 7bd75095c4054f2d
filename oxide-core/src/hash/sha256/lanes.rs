//! SHA-256 of many messages side by side. One message alone keeps a processor waiting for its own last step; others fill the
//! gaps: two where the processor has instructions for SHA, eight or sixteen in the lanes of wide registers where it has
//! none. Without either, each is hashed by itself.

use std::sync::LazyLock;

use super::{padded, to_bytes, Sha256, BLOCK, INITIAL};
#[cfg(target_arch = "x86_64")]
use super::{sha_extensions, wide};

/// How a processor hashes messages side by side.
pub(super) struct Method {
    /// The most messages at a time.
    pub(super) lanes: usize,
    /// Takes so many blocks of what comes next of each lane into its state (FIPS 180-4, 6.2.2).
    ///
    /// # Safety
    /// The processor must have the method's instructions, there must be one to `lanes` lanes, and what comes next of each
    /// must be that long.
    pub(super) compress: unsafe fn(&mut [Lane<'_>], usize),
}

impl Method {
    /// Those that this processor has, the fastest first.
    fn available() -> Vec<Method> {
        #[cfg(target_arch = "x86_64")]
        return [sha_extensions::method(), wide::avx512(), wide::avx2()]
            .into_iter()
            .flatten()
            .collect();
        #[cfg(not(target_arch = "x86_64"))]
        return Vec::new();
    }

    /// The SHA-256 of each message.
    fn digests(&self, messages: &[&[u8]]) -> Vec<[u8; 32]> {
        let mut digests = vec![[0; 32]; messages.len()];
        // The longest come first, so that the lanes end at about the same time.
        let mut order: Vec<usize> = (0..messages.len()).collect();
        order.sort_by_key(|index| std::cmp::Reverse(messages[*index].len()));
        let mut waiting = order.into_iter();
        let mut lanes = Vec::with_capacity(self.lanes);
        loop {
            let free = self.lanes - lanes.len();
            let next = waiting.by_ref().take(free);
            lanes.extend(next.map(|index| Lane::new(index, messages[index])));
            let Some(length) = lanes.iter().map(|lane| lane.next().len()).min() else {
                return digests;
            };
            // SAFETY: the method is available, and no lane has less than `length` bytes, a multiple of a block.
            unsafe { (self.compress)(&mut lanes, length / BLOCK) };
            lanes.retain_mut(|lane| {
                lane.advance(length);
                let done = lane.next().is_empty();
                if done {
                    digests[lane.message] = lane.digest();
                }
                !done
            });
        }
    }
}

/// The SHA-256 of each message.
pub fn sha256_many(messages: &[&[u8]]) -> Vec<[u8; 32]> {
    static METHOD: LazyLock<Option<Method>> =
        LazyLock::new(|| Method::available().into_iter().next());
    match &*METHOD {
        Some(method) if messages.len() > 1 => method.digests(messages),
        _ => {
            let each = messages.iter();
            each.map(|message| Sha256::digest(message)).collect()
        }
    }
}

/// A message on its way through a lane: its whole blocks, then its end, padded as FIPS 180-4, 5.1.1 says.
pub(super) struct Lane<'a> {
    message: usize,
    pub(super) state: [u32; 8],
    whole: &'a [u8],
    end: [u8; 2 * BLOCK],
    /// Bytes of `end` that count, and how many of them are hashed.
    end_length: usize,
    end_done: usize,
}

impl<'a> Lane<'a> {
    fn new(message: usize, bytes: &'a [u8]) -> Lane<'a> {
        let (whole, rest) = bytes.split_at(bytes.len() - bytes.len() % BLOCK);
        let (end, end_length) = padded(rest, bytes.len() as u64);
        Lane {
            message,
            state: INITIAL,
            whole,
            end,
            end_length,
            end_done: 0,
        }
    }

    /// The bytes that come next; empty when all are hashed.
    pub(super) fn next(&self) -> &[u8] {
        match self.whole.is_empty() {
            true => &self.end[self.end_done..self.end_length],
            false => self.whole,
        }
    }

    fn advance(&mut self, bytes: usize) {
        match self.whole.is_empty() {
            true => self.end_done += bytes,
            false => self.whole = &self.whole[bytes..],
        }
    }

    fn digest(&self) -> [u8; 32] {
        to_bytes(self.state)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::Digest;

    use super::*;

    proptest! {
        #[test]
        fn each_message_has_its_own_digest(
            lengths in prop::collection::vec(0usize..700, 0..40),
            seed: u8,
        ) {
            let messages: Vec<Vec<u8>> = lengths
                .iter()
                .enumerate()
                .map(|(number, length)| {
                    let byte = |at: usize| seed.wrapping_mul(31).wrapping_add((at * 7 + number) as u8);
                    (0..*length).map(byte).collect()
                })
                .collect();
            let slices: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
            let expected: Vec<[u8; 32]> =
                slices.iter().map(|message| sha2::Sha256::digest(message).into()).collect();
            for method in Method::available() {
                prop_assert_eq!(method.digests(&slices), expected.clone());
            }
            prop_assert_eq!(sha256_many(&slices), expected);
        }
    }

    #[test]
    fn every_length_around_the_padding() {
        let bytes: Vec<u8> = (0..200u8).collect();
        let messages: Vec<&[u8]> = (0..=bytes.len()).map(|length| &bytes[..length]).collect();
        for method in Method::available() {
            for (message, digest) in messages.iter().zip(method.digests(&messages)) {
                assert_eq!(digest, <[u8; 32]>::from(sha2::Sha256::digest(message)));
            }
        }
    }
}
