//! Two messages at a time with the processor's SHA instructions.

use std::arch::x86_64::*;

use super::lanes::{Lane, Method};
use super::{BLOCK, K};

const LANES: usize = 2;

/// Where the processor has them.
pub(super) fn method() -> Option<Method> {
    let available = is_x86_feature_detected!("sha")
        && is_x86_feature_detected!("sse4.1")
        && is_x86_feature_detected!("ssse3");
    available.then_some(Method {
        lanes: LANES,
        least: LANES,
        compress: compress_lanes,
    })
}

/// # Safety
/// See [`Method::compress`].
unsafe fn compress_lanes(lanes: &mut [Lane<'_>], blocks: usize) {
    // SAFETY: as the caller says.
    unsafe {
        match lanes {
            [a, b] => {
                let inputs = [a.next().as_ptr(), b.next().as_ptr()];
                compress([&mut a.state, &mut b.state], inputs, blocks);
            }
            [a] => {
                let input = a.next().as_ptr();
                compress([&mut a.state], [input], blocks);
            }
            _ => unreachable!("there are one or two lanes"),
        }
    }
}

/// Takes `blocks` blocks of each input into its state (FIPS 180-4, 6.2.2), the inputs in lock step.
///
/// # Safety
/// Needs the instructions of [`method`], and every input must have that many blocks.
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
                let sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
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
