//! Content-defined chunking ("gear16k-v1"): FastCDC with normalised masks over a gear table derived from BLAKE3.
//! Minimum 4 KiB, mean 16 KiB, maximum 64 KiB. Changing anything here needs a new name.
//!
//! A rolling hash takes each byte after the minimum: `h = (h << 1) + GEAR[byte]`. A chunk ends after the byte at which the
//! top bits of `h` that the mask names are all zero: 16 bits up to the mean, 12 bits beyond it, so lengths gather around
//! the mean. `GEAR[n]` is the first 8 bytes, little-endian, of BLAKE3 in key derivation mode with the context
//! "oxide gear16k-v1" over the single byte `n`.

use std::sync::OnceLock;

/// The chunker's versioned name, recorded in every recipe.
pub const NAME: &str = "gear16k-v1";

/// Smallest chunk but for a file's last.
pub const MINIMUM: usize = 4 << 10;
/// Target mean.
pub const MEAN: usize = 16 << 10;
/// Largest chunk.
pub const MAXIMUM: usize = 64 << 10;

/// Before the mean a boundary is four times as rare as a mean of 16 KiB needs, beyond it four times as likely. High bits
/// depend on the last 64 bytes, so they decide.
const MASK_BEFORE: u64 = !0 << (64 - 16);
const MASK_BEYOND: u64 = !0 << (64 - 12);

fn gear() -> &'static [u64; 256] {
    static GEAR: OnceLock<[u64; 256]> = OnceLock::new();
    GEAR.get_or_init(|| {
        std::array::from_fn(|n| {
            let digest = blake3::derive_key("oxide gear16k-v1", &[n as u8]);
            u64::from_le_bytes(std::array::from_fn(|at| digest[at]))
        })
    })
}

/// The length of the first chunk of `bytes`. `bytes` must hold at least [`MAXIMUM`] bytes unless the stream ends there.
pub fn next_boundary(bytes: &[u8]) -> usize {
    let end = bytes.len().min(MAXIMUM);
    if end <= MINIMUM {
        return end;
    }
    let middle = end.min(MEAN);
    let mut hash = 0u64;
    let found = scan(&bytes[MINIMUM..middle], &mut hash, MASK_BEFORE).map(|at| MINIMUM + at);
    found
        .or_else(|| scan(&bytes[middle..end], &mut hash, MASK_BEYOND).map(|at| middle + at))
        .unwrap_or(end)
}

/// How many bytes it takes until the hash has zeros where `mask` has ones.
///
/// Four bytes at once: of their sum each step takes what concerns it, so only one shift and one addition in four wait
/// for the step before.
#[inline(always)]
fn scan(bytes: &[u8], hash: &mut u64, mask: u64) -> Option<usize> {
    let gear = gear();
    let add = |sum: u64, byte: u8| (sum << 1).wrapping_add(gear[byte as usize]);
    let mut running = *hash;
    let mut quads = bytes.chunks_exact(4);
    for (number, quad) in (&mut quads).enumerate() {
        let first = add(0, quad[0]);
        let second = add(first, quad[1]);
        let third = add(second, quad[2]);
        let fourth = add(third, quad[3]);
        let hashes = [
            (running << 1).wrapping_add(first),
            (running << 2).wrapping_add(second),
            (running << 3).wrapping_add(third),
            (running << 4).wrapping_add(fourth),
        ];
        if hashes.iter().any(|hash| hash & mask == 0) {
            let at = hashes.iter().position(|hash| hash & mask == 0);
            return at.map(|at| number * 4 + at + 1);
        }
        running = hashes[3];
    }
    let read = bytes.len() - quads.remainder().len();
    for (at, byte) in quads.remainder().iter().enumerate() {
        running = add(running, *byte);
        if running & mask == 0 {
            return Some(read + at + 1);
        }
    }
    *hash = running;
    None
}

#[cfg(test)]
mod tests;
