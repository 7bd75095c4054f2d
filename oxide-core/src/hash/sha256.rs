//! SHA-256 (FIPS 180-4) as fast as the processor can. The rounds of one message wait for each other, so what is won comes
//! from several messages side by side ([`lanes`]), or from preparing several blocks of one at a time ([`stream`]).

mod lanes;
#[cfg(target_arch = "x86_64")]
mod sha_extensions;
#[cfg(target_arch = "x86_64")]
mod stream;
#[cfg(target_arch = "x86_64")]
mod wide;

pub use lanes::sha256_many;

/// Bytes that one step of the hash takes.
const BLOCK: usize = 64;

/// The first 32 bits of the fractions of the square roots of the first 8 primes (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] = [
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
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

/// The digest of bytes that come piece by piece.
#[derive(Clone, Debug)]
pub struct Sha256 {
    state: [u32; 8],
    /// Bytes that came.
    length: u64,
    /// Those that do not fill a block yet, `length % BLOCK` of them.
    rest: [u8; BLOCK],
}

impl Default for Sha256 {
    fn default() -> Sha256 {
        Sha256 {
            state: INITIAL,
            length: 0,
            rest: [0; BLOCK],
        }
    }
}

impl Sha256 {
    /// The digest of `bytes`.
    pub fn digest(bytes: &[u8]) -> [u8; 32] {
        let mut hasher = Sha256::default();
        hasher.update(bytes);
        hasher.finish()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        let waiting = (self.length % BLOCK as u64) as usize;
        self.length += bytes.len() as u64;
        if waiting > 0 {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - waiting));
            self.rest[waiting..waiting + now.len()].copy_from_slice(now);
            bytes = later;
            if waiting + now.len() < BLOCK {
                return;
            }
            compress(&mut self.state, &[self.rest]);
        }
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        compress(&mut self.state, blocks);
        self.rest[..rest.len()].copy_from_slice(rest);
    }

    /// The digest of everything that came.
    pub fn finish(mut self) -> [u8; 32] {
        let waiting = (self.length % BLOCK as u64) as usize;
        let (end, length) = padded(&self.rest[..waiting], self.length);
        compress(&mut self.state, end[..length].as_chunks().0);
        to_bytes(self.state)
    }
}

/// Takes blocks into a state (FIPS 180-4, 6.2.2).
fn compress(state: &mut [u32; 8], blocks: &[[u8; BLOCK]]) {
    #[cfg(target_arch = "x86_64")]
    let blocks = stream::compress(state, blocks);
    sha2::block_api::compress256(state, blocks);
}

/// The end of a message of `length` bytes, of which `rest` do not fill a block, padded (FIPS 180-4, 5.1.1); and how many bytes
/// of it count.
fn padded(rest: &[u8], length: u64) -> ([u8; 2 * BLOCK], usize) {
    let mut end = [0; 2 * BLOCK];
    end[..rest.len()].copy_from_slice(rest);
    end[rest.len()] = 0x80;
    let end_length = match rest.len() < BLOCK - 8 {
        true => BLOCK,
        false => 2 * BLOCK,
    };
    end[end_length - 8..end_length].copy_from_slice(&(length * 8).to_be_bytes());
    (end, end_length)
}

/// A state as the digest.
fn to_bytes(state: [u32; 8]) -> [u8; 32] {
    let mut digest = [0; 32];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::Digest;

    use super::*;

    proptest! {
        #[test]
        fn pieces_of_any_length(lengths in prop::collection::vec(0usize..2_000, 0..9), seed: u8) {
            let mut hasher = Sha256::default();
            let mut all = Vec::new();
            for (number, length) in lengths.iter().enumerate() {
                let byte = |at: usize| seed.wrapping_mul(29).wrapping_add((at * 5 + number) as u8);
                let piece: Vec<u8> = (0..*length).map(byte).collect();
                hasher.update(&piece);
                all.extend(piece);
            }
            prop_assert_eq!(hasher.finish(), <[u8; 32]>::from(sha2::Sha256::digest(&all)));
        }
    }

    /// FIPS 180-4's own example of two blocks, and the empty message.
    #[test]
    fn published_digests() {
        let message = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        let digest = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
        assert_eq!(crate::hash::hex(&Sha256::digest(message)), digest);
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(crate::hash::hex(&Sha256::digest(b"")), empty);
    }
}
