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
    let gear = gear();
    let middle = end.min(MEAN);
    let mut hash = 0u64;
    let scan = |hash: &mut u64, from: usize, to: usize, mask: u64| {
        for (at, byte) in bytes[from..to].iter().enumerate() {
            *hash = (*hash << 1).wrapping_add(gear[*byte as usize]);
            if *hash & mask == 0 {
                return Some(from + at + 1);
            }
        }
        None
    };
    scan(&mut hash, MINIMUM, middle, MASK_BEFORE)
        .or_else(|| scan(&mut hash, middle, end, MASK_BEYOND))
        .unwrap_or(end)
}

#[cfg(test)]
mod tests;
