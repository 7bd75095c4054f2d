//! The chunker against a slow reference, golden boundaries, and the properties that deduplication rests on.

use super::*;
use proptest::prelude::*;

/// The definition, read literally: the hash of the bytes since the minimum, computed anew for each candidate.
fn reference(bytes: &[u8]) -> usize {
    let gear: Vec<u64> = (0..=255u8)
        .map(|byte| {
            let digest = blake3::derive_key("oxide gear16k-v1", &[byte]);
            u64::from_le_bytes(digest[..8].try_into().expect("8 bytes"))
        })
        .collect();
    let end = bytes.len().min(MAXIMUM);
    for length in MINIMUM + 1..end {
        let window = &bytes[MINIMUM.max(length.saturating_sub(64))..length];
        let hash = window.iter().fold(0u64, |hash, byte| {
            (hash << 1).wrapping_add(gear[usize::from(*byte)])
        });
        let zero_bits = if length <= MEAN { 16 } else { 12 };
        if hash >> (64 - zero_bits) == 0 {
            return length;
        }
    }
    end
}

fn boundaries(bytes: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut start = 0;
    while start < bytes.len() {
        start += next_boundary(&bytes[start..]);
        found.push(start);
    }
    found
}

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

fn text(length: usize) -> Vec<u8> {
    let rows = (0..).map(|row: u64| format!("{row},{},label {}\n", row * row % 9973, row % 7));
    let mut bytes = Vec::new();
    for row in rows {
        if bytes.len() >= length {
            break;
        }
        bytes.extend_from_slice(row.as_bytes());
    }
    bytes.truncate(length);
    bytes
}

#[test]
fn golden_boundaries() {
    assert_eq!(boundaries(&noise(1, 200_000)), GOLDEN_NOISE);
    assert_eq!(boundaries(&text(200_000)), GOLDEN_TEXT);
    assert_eq!(
        boundaries(&[7; 200_000]),
        [65_536, 131_072, 196_608, 200_000]
    );
    assert_eq!(gear()[0], 5_396_859_120_134_478_846);
}

const GOLDEN_NOISE: &[usize] = &[
    7_111, 29_956, 55_054, 74_736, 91_221, 107_661, 128_921, 146_356, 165_563, 182_772, 200_000,
];
const GOLDEN_TEXT: &[usize] = &[
    15_036, 31_970, 48_883, 66_597, 83_711, 95_983, 119_927, 138_033, 155_230, 173_134, 190_710,
    200_000,
];

#[test]
fn short_streams_are_one_chunk() {
    for length in [0, 1, MINIMUM - 1, MINIMUM] {
        assert_eq!(next_boundary(&noise(2, length)), length);
    }
}

#[test]
fn lengths_gather_around_the_mean() {
    let bytes = noise(3, 16 << 20);
    let ends = boundaries(&bytes);
    let mean = bytes.len() / ends.len();
    assert!((12 << 10..24 << 10).contains(&mean), "mean {mean}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn boundaries_equal_the_reference(seed: u64, length in 0usize..100_000, period in 1usize..5_000) {
        let mut bytes = noise(seed, length);
        prop_assert_eq!(next_boundary(&bytes), reference(&bytes));
        for at in period..bytes.len() {
            bytes[at] = bytes[at - period];
        }
        prop_assert_eq!(next_boundary(&bytes), reference(&bytes));
    }

    #[test]
    fn every_chunk_but_the_last_keeps_the_limits(seed: u64, length in 0usize..600_000) {
        let bytes = noise(seed, length);
        let mut start = 0;
        for end in boundaries(&bytes) {
            prop_assert!(end - start <= MAXIMUM);
            prop_assert!(end - start > MINIMUM || end == length);
            start = end;
        }
        prop_assert_eq!(start, length);
    }

    #[test]
    fn boundaries_meet_again_after_an_insertion(seed: u64, at in 0usize..300_000, inserted in 1usize..5_000) {
        let before = noise(seed, 1 << 20);
        let mut after = before.clone();
        after.splice(at..at, noise(!seed, inserted));
        let shifted: Vec<usize> = boundaries(&before).iter().map(|end| end + inserted).collect();
        let common = boundaries(&after).iter().filter(|end| shifted.contains(end)).count();
        // A few chunks around the insertion may differ; the tail is the same.
        prop_assert!(common * 4 > shifted.len(), "{common} of {}", shifted.len());
        prop_assert_eq!(boundaries(&after).last().copied(), shifted.last().copied());
    }

    #[test]
    fn bytes_beyond_the_maximum_do_not_matter(seed: u64, tail in 0usize..50_000) {
        let bytes = noise(seed, MAXIMUM + tail);
        prop_assert_eq!(next_boundary(&bytes), next_boundary(&bytes[..MAXIMUM]));
    }
}
