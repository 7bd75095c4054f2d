//! SHA-256 of many messages, two at a time. One message alone keeps a processor waiting for its own last step; a second one
//! fills the gaps. Without the processor's SHA instructions each is hashed by itself.

use sha2::{Digest, Sha256};

/// The SHA-256 of each message.
pub fn sha256_many(messages: &[&[u8]]) -> Vec<[u8; 32]> {
    #[cfg(target_arch = "x86_64")]
    if messages.len() > 1 && x86::available() {
        return x86::sha256_many(messages);
    }
    let each = messages.iter();
    each.map(|message| Sha256::digest(message).into()).collect()
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    /// Bytes that one step of the hash takes.
    const BLOCK: usize = 64;
    const LANES: usize = 2;

    /// The first 32 bits of the fractions of the square roots of the first 8 primes (FIPS 180-4, 5.3.3).
    const INITIAL: [u32; 8] = [
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
        0x5be0cd19,
    ];

    /// The first 32 bits of the fractions of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2).
    #[rustfmt::skip]
    const K: [u32; 64] = [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ];

    pub(super) fn available() -> bool {
        is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("sse4.1")
            && is_x86_feature_detected!("ssse3")
    }

    /// A message on its way through a lane: its whole blocks, then its end, padded as FIPS 180-4, 5.1.1 says.
    struct Lane<'a> {
        message: usize,
        state: [u32; 8],
        whole: &'a [u8],
        end: [u8; 2 * BLOCK],
        /// Bytes of `end` that count, and how many of them are hashed.
        end_length: usize,
        end_done: usize,
    }

    impl<'a> Lane<'a> {
        fn new(message: usize, bytes: &'a [u8]) -> Lane<'a> {
            let (whole, rest) = bytes.split_at(bytes.len() - bytes.len() % BLOCK);
            let mut end = [0; 2 * BLOCK];
            end[..rest.len()].copy_from_slice(rest);
            end[rest.len()] = 0x80;
            let end_length = match rest.len() < BLOCK - 8 {
                true => BLOCK,
                false => 2 * BLOCK,
            };
            let bits = bytes.len() as u64 * 8;
            end[end_length - 8..end_length].copy_from_slice(&bits.to_be_bytes());
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
        fn next(&self) -> &[u8] {
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
            let mut digest = [0; 32];
            for (bytes, word) in digest.chunks_exact_mut(4).zip(self.state) {
                bytes.copy_from_slice(&word.to_be_bytes());
            }
            digest
        }
    }

    /// Needs [`available`].
    pub(super) fn sha256_many(messages: &[&[u8]]) -> Vec<[u8; 32]> {
        let mut digests = vec![[0; 32]; messages.len()];
        let mut waiting = messages.iter().enumerate();
        let mut begin = || waiting.next().map(|(index, bytes)| Lane::new(index, bytes));
        let mut lanes = [begin(), begin()];
        while let [Some(a), Some(b)] = &mut lanes {
            let length = a.next().len().min(b.next().len());
            // SAFETY: the processor has the instructions, and both inputs have this many bytes, a multiple of a block.
            unsafe {
                let inputs = [a.next().as_ptr(), b.next().as_ptr()];
                compress([&mut a.state, &mut b.state], inputs, length / BLOCK);
            }
            for lane in [a, b] {
                lane.advance(length);
            }
            for lane in &mut lanes {
                if let Some(done) = lane.as_ref().filter(|lane| lane.next().is_empty()) {
                    digests[done.message] = done.digest();
                    *lane = begin();
                }
            }
        }
        // The last message is alone.
        for lane in lanes.iter_mut().flatten() {
            while !lane.next().is_empty() {
                let (input, length) = (lane.next().as_ptr(), lane.next().len());
                // SAFETY: as above.
                unsafe { compress([&mut lane.state], [input], length / BLOCK) };
                lane.advance(length);
            }
            digests[lane.message] = lane.digest();
        }
        digests
    }

    /// Takes `blocks` blocks of each input into its state (FIPS 180-4, 6.2.2), the inputs in lock step.
    ///
    /// # Safety
    /// Needs [`available`], and every input must have that many blocks.
    #[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
    unsafe fn compress<const N: usize>(
        states: [&mut [u32; 8]; N],
        mut inputs: [*const u8; N],
        blocks: usize,
    ) {
        const { assert!(N <= LANES) };
        let big_endian = _mm_set_epi64x(0x0c0d0e0f_08090a0b, 0x04050607_00010203);
        // The instructions want the words as (a, b, e, f) and (c, d, g, h).
        let mut abef = [_mm_setzero_si128(); N];
        let mut cdgh = [_mm_setzero_si128(); N];
        for lane in 0..N {
            let [a, b, c, d, e, f, g, h] = states[lane].map(|word| word as i32);
            abef[lane] = _mm_set_epi32(a, b, e, f);
            cdgh[lane] = _mm_set_epi32(c, d, g, h);
        }
        for _ in 0..blocks {
            let (abef_before, cdgh_before) = (abef, cdgh);
            let mut words = [[_mm_setzero_si128(); 4]; N];
            for lane in 0..N {
                for (part, word) in words[lane].iter_mut().enumerate() {
                    // SAFETY: `part` is below 4, so this is inside of a block that the input has.
                    let loaded = unsafe { _mm_loadu_si128(inputs[lane].add(part * 16).cast()) };
                    *word = _mm_shuffle_epi8(loaded, big_endian);
                }
                // SAFETY: the block was there.
                inputs[lane] = unsafe { inputs[lane].add(BLOCK) };
            }
            for step in 0..16 {
                // SAFETY: `step` is below 16, and there are 64 constants.
                let k = unsafe { _mm_loadu_si128(K.as_ptr().add(step * 4).cast()) };
                for lane in 0..N {
                    let [w0, w1, w2, w3] = words[lane];
                    let wk = _mm_add_epi32(w0, k);
                    cdgh[lane] = _mm_sha256rnds2_epu32(cdgh[lane], abef[lane], wk);
                    let wk = _mm_shuffle_epi32(wk, 0x0E);
                    abef[lane] = _mm_sha256rnds2_epu32(abef[lane], cdgh[lane], wk);
                    // The four words that sixteen rounds later come into play; the last ones never do.
                    let sum =
                        _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
                    words[lane] = [w1, w2, w3, _mm_sha256msg2_epu32(sum, w3)];
                }
            }
            for lane in 0..N {
                abef[lane] = _mm_add_epi32(abef[lane], abef_before[lane]);
                cdgh[lane] = _mm_add_epi32(cdgh[lane], cdgh_before[lane]);
            }
        }
        for (lane, state) in states.into_iter().enumerate() {
            // SAFETY: both are 16 bytes without padding, and any bytes are numbers.
            let word = |words: __m128i| -> [u32; 4] { unsafe { std::mem::transmute(words) } };
            let ([f, e, b, a], [h, g, d, c]) = (word(abef[lane]), word(cdgh[lane]));
            *state = [a, b, c, d, e, f, g, h];
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_message_has_its_own_digest(
            lengths in prop::collection::vec(0usize..700, 0..9),
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
                slices.iter().map(|message| Sha256::digest(message).into()).collect();
            prop_assert_eq!(sha256_many(&slices), expected);
        }
    }

    #[test]
    fn every_length_around_the_padding() {
        let bytes: Vec<u8> = (0..200u8).collect();
        let messages: Vec<&[u8]> = (0..=bytes.len()).map(|length| &bytes[..length]).collect();
        for (message, digest) in messages.iter().zip(sha256_many(&messages)) {
            assert_eq!(digest, <[u8; 32]>::from(Sha256::digest(message)));
        }
    }
}
