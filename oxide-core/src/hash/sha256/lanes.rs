//! SHA-256 of many messages side by side. One message alone keeps a processor waiting for its own last step; others fill the
//! gaps: two with a processor's instructions for SHA, sixteen or eight in the lanes of its wide registers. A wide step costs
//! the same however many lanes are in use, so the last few messages go on by a narrower method.

use std::sync::LazyLock;

use super::{compress, padded, to_bytes, BLOCK, INITIAL};
#[cfg(target_arch = "x86_64")]
use super::{sha_extensions, wide};

/// How a processor hashes messages side by side.
pub(super) struct Method {
    /// The most messages at a time.
    pub(super) lanes: usize,
    /// From so many on it is faster than the methods after it.
    pub(super) least: usize,
    /// Takes so many blocks of what comes next of each lane into its state (FIPS 180-4, 6.2.2).
    ///
    /// # Safety
    /// The processor must have the method's instructions, there must be one to `lanes` lanes, and what comes next of each
    /// must be that long.
    pub(super) compress: unsafe fn(&mut [Lane<'_>], usize),
}

impl Method {
    /// Those that this processor has, the one for the most messages first, the one for one message last.
    fn available() -> Vec<Method> {
        #[cfg(target_arch = "x86_64")]
        let wide = wide::methods(sha_extensions::method());
        #[cfg(not(target_arch = "x86_64"))]
        let wide = [];
        let one = Method {
            lanes: 1,
            least: 1,
            compress: compress_one,
        };
        wide.into_iter().chain([one]).collect()
    }
}

/// # Safety
/// See [`Method::compress`].
unsafe fn compress_one(lanes: &mut [Lane<'_>], blocks: usize) {
    let lane = &mut lanes[0];
    let mut state = lane.state;
    compress(&mut state, &lane.next().as_chunks().0[..blocks]);
    lane.state = state;
}

/// The SHA-256 of each message, by the first of the methods at any time that is worth it.
fn digests(methods: &[Method], messages: &[&[u8]]) -> Vec<[u8; 32]> {
    let most = methods.iter().map(|method| method.lanes).max().unwrap_or(1);
    let mut digests = vec![[0; 32]; messages.len()];
    // The longest come first, so that the lanes end at about the same time.
    let mut order: Vec<usize> = (0..messages.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(messages[*index].len()));
    let mut waiting = order.into_iter();
    let mut lanes = Vec::with_capacity(most);
    loop {
        let next = waiting.by_ref().take(most - lanes.len());
        lanes.extend(next.map(|index| Lane::new(index, messages[index])));
        let Some(method) = methods.iter().find(|method| method.least <= lanes.len()) else {
            return digests;
        };
        let together = lanes.len().min(method.lanes);
        let together = &mut lanes[..together];
        let length = together.iter().map(|lane| lane.next().len()).min();
        let length = length.unwrap_or(0);
        // SAFETY: the method is available, and no lane has less than `length` bytes, a multiple of a block.
        unsafe { (method.compress)(together, length / BLOCK) };
        for lane in together {
            lane.advance(length);
            if lane.next().is_empty() {
                digests[lane.message] = lane.digest();
            }
        }
        lanes.retain(|lane| !lane.next().is_empty());
    }
}

/// The SHA-256 of each message.
pub fn sha256_many(messages: &[&[u8]]) -> Vec<[u8; 32]> {
    static METHODS: LazyLock<Vec<Method>> = LazyLock::new(Method::available);
    digests(&METHODS, messages)
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

    /// Each method that there is, by itself down to one message and with those after it.
    fn ways() -> Vec<Vec<Method>> {
        let alone = all_methods()
            .into_iter()
            .map(|method| vec![Method { least: 1, ..method }]);
        alone.chain([all_methods(), Method::available()]).collect()
    }

    /// Those of this processor, also such as it would not choose.
    fn all_methods() -> Vec<Method> {
        let one = Method::available().pop();
        #[cfg(target_arch = "x86_64")]
        let wide = [wide::avx512(9), wide::avx2(3), sha_extensions::method()];
        #[cfg(not(target_arch = "x86_64"))]
        let wide = [None; 0];
        wide.into_iter().flatten().chain(one).collect()
    }

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
            for methods in ways() {
                prop_assert_eq!(digests(&methods, &slices), expected.clone());
            }
            prop_assert_eq!(sha256_many(&slices), expected);
        }
    }

    #[test]
    fn every_length_around_the_padding() {
        let bytes: Vec<u8> = (0..200u8).collect();
        let messages: Vec<&[u8]> = (0..=bytes.len()).map(|length| &bytes[..length]).collect();
        for methods in ways() {
            for (message, digest) in messages.iter().zip(digests(&methods, &messages)) {
                assert_eq!(digest, <[u8; 32]>::from(sha2::Sha256::digest(message)));
            }
        }
    }
}
