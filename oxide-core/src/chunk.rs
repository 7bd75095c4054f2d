//! Content-defined chunking ("gear16k-v1"): FastCDC with normalised masks over a gear table derived from BLAKE3.
//! Minimum 4 KiB, mean 16 KiB, maximum 64 KiB. Changing anything here needs a new name.

/// The chunker's versioned name, recorded in every recipe.
pub const NAME: &str = "gear16k-v1";

/// Smallest chunk but for a file's last.
pub const MINIMUM: usize = 4 << 10;
/// Target mean.
pub const MEAN: usize = 16 << 10;
/// Largest chunk.
pub const MAXIMUM: usize = 64 << 10;

/// The length of the first chunk of `bytes`. `bytes` must hold at least [`MAXIMUM`] bytes unless the stream ends there.
pub fn next_boundary(bytes: &[u8]) -> usize {
    todo!("{}", bytes.len())
}
