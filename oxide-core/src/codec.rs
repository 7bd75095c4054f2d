//! Compression of single records by trial: media and other incompressible bytes stay as they are.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::Read;

use crate::error::{Error, Result};

/// How a record's payload is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Encoding {
    /// As it is.
    Raw = 0,
    /// One zstd frame.
    Zstd = 1,
}

impl Encoding {
    /// The encoding written as `byte`.
    pub fn from_byte(byte: u8) -> Result<Encoding> {
        match byte {
            0 => Ok(Encoding::Raw),
            1 => Ok(Encoding::Zstd),
            _ => Err(Error::integrity(format!("unknown encoding {byte}"))),
        }
    }
}

/// Below this a frame's own bytes eat the gain.
const SMALLEST: usize = 64;
/// Bytes compressed to judge a longer record.
const SAMPLE: usize = 8 << 10;
/// In fewer bytes than this even random ones are not equally frequent.
const SMALLEST_COUNTED: usize = 2 << 10;
/// The pieces of one that are counted, and the most bytes of each.
const PIECES: usize = 4;
const PIECE: usize = 1 << 10;
/// Frames up to this decode in one allocation when the frame agrees with the index on its length.
const ONE_ALLOCATION: usize = 16 << 20;

thread_local! {
    /// A context costs more to set up than a small record costs to compress.
    static COMPRESSOR: RefCell<Option<(i32, zstd::bulk::Compressor<'static>)>> = const { RefCell::new(None) };
}

fn compress(bytes: &[u8], level: i32) -> Option<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|slot| {
        if slot.as_ref().is_none_or(|(at, _)| *at != level) {
            *slot = Some((level, zstd::bulk::Compressor::new(level).ok()?));
        }
        let (_, compressor) = slot.as_mut()?;
        compressor.compress(bytes).ok()
    })
}

/// A saving of less than a sixteenth is not worth decoding for.
fn worthwhile(stored: usize, raw: usize) -> bool {
    stored + raw / 16 < raw
}

/// Encodes `bytes`, choosing by a trial on a sample. `media_hint` skips the trial. `None` goes with [`Encoding::Raw`].
pub fn encode(bytes: &[u8], media_hint: bool) -> (Encoding, Option<Vec<u8>>) {
    Encoder::new(media_hint).encode(bytes)
}

/// [`encode`] for pieces of one file, one after the other: where the last one was worth compressing, so is most likely the
/// next, and a trial would only cost time.
pub struct Encoder {
    media_hint: bool,
    worth_it: bool,
}

impl Encoder {
    /// An encoder that knows nothing of the file yet.
    pub fn new(media_hint: bool) -> Encoder {
        Encoder {
            media_hint,
            worth_it: false,
        }
    }

    /// Encodes the next piece.
    pub fn encode(&mut self, bytes: &[u8]) -> (Encoding, Option<Vec<u8>>) {
        if self.media_hint {
            return (Encoding::Raw, None);
        }
        let encoded = encode_at(bytes, !self.worth_it, 1);
        self.worth_it = encoded.0 == Encoding::Zstd;
        encoded
    }
}

/// [`encode`] for tables and records: they are small, read often and compress well, so more effort pays.
pub fn encode_record(bytes: &[u8]) -> (Encoding, Option<Vec<u8>>) {
    encode_at(bytes, true, 3)
}

fn encode_at(bytes: &[u8], trial: bool, level: i32) -> (Encoding, Option<Vec<u8>>) {
    if bytes.len() < SMALLEST {
        return (Encoding::Raw, None);
    }
    if looks_random(bytes) {
        return (Encoding::Raw, None);
    }
    let length = bytes.len().min(SAMPLE);
    let middle = (bytes.len() - length) / 2;
    let sample = &bytes[middle..middle + length];
    let judge = trial && bytes.len() > 2 * SAMPLE;
    if judge && !compress(sample, level).is_some_and(|stored| worthwhile(stored.len(), SAMPLE)) {
        return (Encoding::Raw, None);
    }
    match compress(bytes, level) {
        Some(stored) if worthwhile(stored.len(), bytes.len()) => (Encoding::Zstd, Some(stored)),
        _ => (Encoding::Raw, None),
    }
}

/// Whether each byte is so nearly as frequent as every other that a frame cannot be worth it: a collision entropy (Rényi's of
/// order 2, which Shannon's is never below) of more than 7.8 bits a byte, in pieces from all over. Counting takes less than a
/// trial.
fn looks_random(bytes: &[u8]) -> bool {
    if bytes.len() < SMALLEST_COUNTED {
        return false;
    }
    // Two counts in turn, so that equal neighbours do not wait for each other.
    let mut counts = [[0_u32; 256]; 2];
    let mut counted = 0;
    for piece in bytes.chunks(bytes.len().div_ceil(PIECES)) {
        let (pairs, _) = piece[..piece.len().min(PIECE)].as_chunks::<2>();
        for [even, odd] in pairs {
            counts[0][*even as usize] += 1;
            counts[1][*odd as usize] += 1;
        }
        counted += 2 * pairs.len() as u64;
    }
    let [even, odd] = counts;
    let frequencies = even
        .iter()
        .zip(odd)
        .map(|(even, odd)| u64::from(even + odd));
    let collisions: u64 = frequencies.map(|count| count * count).sum();
    // 2 to the power of 0.2 is 1.149.
    collisions * 256 * 1000 < counted.pow(2) * 1149
}

/// [`decode`] without a copy of what is stored as it is.
pub fn decoded(encoding: Encoding, stored: &[u8], raw_length: usize) -> Result<Cow<'_, [u8]>> {
    if encoding == Encoding::Raw && stored.len() == raw_length {
        return Ok(Cow::Borrowed(stored));
    }
    decode(encoding, stored, raw_length).map(Cow::Owned)
}

/// Decodes a payload whose decoded length is known; refuses any other length without allocating more than it.
pub fn decode(encoding: Encoding, stored: &[u8], raw_length: usize) -> Result<Vec<u8>> {
    let bytes = match encoding {
        Encoding::Raw => stored.to_vec(),
        Encoding::Zstd => decompress(stored, raw_length)?,
    };
    if bytes.len() != raw_length {
        return Err(Error::integrity(format!(
            "{} bytes where {raw_length} were expected",
            bytes.len()
        )));
    }
    Ok(bytes)
}

fn decompress(stored: &[u8], raw_length: usize) -> Result<Vec<u8>> {
    let damaged = |e: std::io::Error| Error::integrity(format!("damaged zstd frame: {e}"));
    let announced = zstd::zstd_safe::get_frame_content_size(stored).unwrap_or(None);
    if announced == Some(raw_length as u64) && raw_length <= ONE_ALLOCATION {
        return zstd::bulk::decompress(stored, raw_length).map_err(damaged);
    }
    // A length that is not believed yet: grow with what really comes out.
    let mut bytes = Vec::new();
    let decoder = zstd::stream::Decoder::with_buffer(stored).map_err(damaged)?;
    decoder
        .take(raw_length as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(damaged)?;
    Ok(bytes)
}

/// Whether these first bytes of a file are compressed media (JPEG, PNG, WebP, MP4, Matroska, ...).
pub fn is_media(head: &[u8]) -> bool {
    let at = |offset: usize, magic: &[u8]| {
        head.get(offset..offset + magic.len())
            .is_some_and(|bytes| bytes == magic)
    };
    let riff = at(0, b"RIFF")
        && (at(8, b"WEBP") || at(8, b"AVI ") || (at(8, b"WAVE") && !at(20, &[1, 0])));
    let mpeg_audio = head.len() > 2 && head[0] == 0xFF && head[1] & 0xE6 == 0xE2;
    at(0, &[0xFF, 0xD8, 0xFF])
        || at(0, b"\x89PNG\r\n\x1a\n")
        || at(0, b"GIF8")
        || riff
        || at(4, b"ftyp")
        || at(4, b"moov")
        || at(0, &[0x1A, 0x45, 0xDF, 0xA3])
        || at(0, b"OggS")
        || at(0, b"fLaC")
        || at(0, b"ID3")
        || mpeg_audio
        || at(0, &[0x00, 0x00, 0x01, 0xBA])
        || at(0, &[0x00, 0x00, 0x01, 0xB3])
        || at(0, b"FLV\x01")
        || at(0, &[0xFF, 0x0A])
        || at(0, b"\x00\x00\x00\x0cJXL ")
        || at(0, b"\x00\x00\x00\x0cjP  ")
        || at(0, &[0xFF, 0x4F, 0xFF, 0x51])
}

/// Whether files of this kind deduplicate by chunks (csv, parquet, npy, tar, raw, text, ...), by first bytes and name.
pub fn deduplicates(head: &[u8], name: &str) -> bool {
    const COMPRESSED: &[&[u8]] = &[
        b"\x1f\x8b",
        b"\x28\xb5\x2f\xfd",
        b"BZh",
        b"\xfd7zXZ\x00",
        b"7z\xbc\xaf\x27\x1c",
        b"\x04\x22\x4d\x18",
    ];
    let compressed = COMPRESSED.iter().any(|magic| head.starts_with(magic));
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let compressed_name = ["gz", "tgz", "zst", "bz2", "xz", "7z", "lz4"]
        .iter()
        .any(|other| extension.eq_ignore_ascii_case(other));
    !is_media(head) && !compressed && !compressed_name
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn media_stay_as_they_are_and_text_is_compressed() {
        let text = "a,b,c\n".repeat(5_000);
        assert_eq!(encode(text.as_bytes(), false).0, Encoding::Zstd);
        assert_eq!(encode(text.as_bytes(), true), (Encoding::Raw, None));
        let mut noise = vec![0; 50_000];
        blake3::Hasher::new().finalize_xof().fill(&mut noise);
        assert_eq!(encode(&noise, false), (Encoding::Raw, None));
        assert!(looks_random(&noise[..SMALLEST_COUNTED]) && looks_random(&noise));
        let fewer: Vec<u8> = noise.iter().map(|byte| byte % 192).collect();
        assert!(
            !looks_random(&fewer),
            "7.58 bits a byte are worth a frame's trial"
        );
        assert!(!looks_random(text.as_bytes()) && !looks_random(&noise[..100]));
    }

    #[test]
    fn media_and_compressed_files_are_recognised() {
        assert!(is_media(&[0xFF, 0xD8, 0xFF, 0xE1]));
        assert!(is_media(b"\x89PNG\r\n\x1a\n...."));
        assert!(is_media(b"RIFF\x10\0\0\0WEBPVP8 "));
        assert!(is_media(b"\0\0\0\x20ftypisom"));
        assert!(is_media(b"\x1A\x45\xDF\xA3 matroska"));
        assert!(!is_media(b"BM a bitmap") && !is_media(b"") && !is_media(b"id,name\n"));
        assert!(deduplicates(b"id,name\n", "table.csv"));
        assert!(!deduplicates(b"\x1f\x8b\x08", "table.csv"));
        assert!(!deduplicates(b"data", "table.CSV.GZ"));
    }

    #[test]
    fn a_frame_that_claims_another_length_is_refused() {
        let stored = zstd::bulk::compress(&vec![0; 30 << 20], 1).expect("compressed");
        for length in [0, 10, (30 << 20) - 1, (30 << 20) + 1, usize::MAX >> 1] {
            assert!(decode(Encoding::Zstd, &stored, length).is_err(), "{length}");
        }
        assert!(decode(Encoding::Zstd, &stored, 30 << 20).is_ok());
        assert!(decode(Encoding::Raw, b"abc", 4).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn what_is_encoded_comes_back(bytes in proptest::collection::vec(0u8..8, 0..40_000)) {
            for (encoding, stored) in [encode(&bytes, false), encode_record(&bytes)] {
                let stored = stored.unwrap_or_else(|| bytes.clone());
                prop_assert_eq!(&decode(encoding, &stored, bytes.len()).expect("decoded"), &bytes);
            }
        }

        #[test]
        fn damaged_frames_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), length in 0usize..1_000_000) {
            let _ = decode(Encoding::Zstd, &bytes, length);
            let mut frame = zstd::bulk::compress(&bytes, 1).expect("compressed");
            if let Some(byte) = frame.get_mut(length % 40) {
                *byte ^= 1;
            }
            let _ = decode(Encoding::Zstd, &frame, bytes.len());
        }
    }
}
