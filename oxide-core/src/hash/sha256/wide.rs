//! As many messages at a time as a wide register has 32-bit lanes: each instruction does the same step for all of them.

use std::arch::x86_64::*;
use std::array::from_fn;

use super::lanes::{Lane, Method};
use super::{BLOCK, K};

/// Lanes that must be in use for a step of a wide register to be worth it, measured: a step takes as long as sixteen blocks by
/// two with SHA instructions do for nine or ten lanes, without them as one message takes for two or three.
const BESIDE_EXTENSIONS: usize = 10;
const BESIDE_NOTHING: usize = 3;

/// Those for this processor, beside the one with SHA instructions if it has them: eight lanes are slower than that.
pub(super) fn methods(extensions: Option<Method>) -> Vec<Method> {
    let wide = match &extensions {
        Some(_) => [avx512(BESIDE_EXTENSIONS), None],
        None => [avx512(BESIDE_NOTHING), avx2(BESIDE_NOTHING)],
    };
    wide.into_iter().flatten().chain(extensions).collect()
}

/// Sixteen messages, where the processor has AVX-512.
pub(super) fn avx512(least: usize) -> Option<Method> {
    let available = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
    available.then_some(Method {
        lanes: 16,
        least,
        compress: compress_avx512,
    })
}

/// Eight messages, where the processor has AVX2.
pub(super) fn avx2(least: usize) -> Option<Method> {
    is_x86_feature_detected!("avx2").then_some(Method {
        lanes: 8,
        least,
        compress: compress_avx2,
    })
}

/// # Safety
/// See [`Method::compress`].
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn compress_avx512(lanes: &mut [Lane<'_>], blocks: usize) {
    // SAFETY: as the caller says.
    unsafe { compress::<__m512i, 16>(lanes, blocks) }
}

/// # Safety
/// See [`Method::compress`].
#[target_feature(enable = "avx2")]
unsafe fn compress_avx2(lanes: &mut [Lane<'_>], blocks: usize) {
    // SAFETY: as the caller says.
    unsafe { compress::<__m256i, 8>(lanes, blocks) }
}

/// Takes blocks of up to `N` lanes into their states, in lock step. Lanes that are missing do what the first one does, for
/// nothing.
///
/// # Safety
/// See [`Method::compress`]; must be inlined into a function that has the instructions of `W`.
#[inline(always)]
unsafe fn compress<W: Words<N>, const N: usize>(lanes: &mut [Lane<'_>], blocks: usize) {
    let mut inputs = [lanes[0].next().as_ptr(); N];
    let mut words = [[0; N]; 8];
    for (number, lane) in lanes.iter().enumerate() {
        inputs[number] = lane.next().as_ptr();
        for (word, of_lane) in words.iter_mut().zip(lane.state) {
            word[number] = of_lane;
        }
    }
    // SAFETY: every input has `blocks` blocks, and the instructions are there.
    unsafe {
        let mut state = words.map(|word| W::load(&word));
        for _ in 0..blocks {
            let block = W::blocks(inputs);
            inputs = inputs.map(|input| input.add(BLOCK));
            state = step(state, block);
        }
        for (word, of_state) in words.iter_mut().zip(state) {
            of_state.store(word);
        }
    }
    for (number, lane) in lanes.iter_mut().enumerate() {
        lane.state = words.map(|word| word[number]);
    }
}

/// The word of a round from the sixteenth on, of the last sixteen (FIPS 180-4, 6.2.2).
///
/// # Safety
/// Must be inlined into a function that has the instructions of `W`.
#[inline(always)]
pub(super) unsafe fn next_word<W: Words<N>, const N: usize>(w: &[W; 16], round: usize) -> W {
    let back = |words: usize| w[(round - words) % 16];
    // SAFETY: the instructions are there.
    unsafe {
        back(16)
            .add(back(15).sigma0())
            .add(back(7).add(back(2).sigma1()))
    }
}

/// One block taken into a state (FIPS 180-4, 6.2.2); names are those of the standard.
///
/// # Safety
/// Must be inlined into a function that has the instructions of `W`.
#[inline(always)]
unsafe fn step<W: Words<N>, const N: usize>(state: [W; 8], mut w: [W; 16]) -> [W; 8] {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
    // SAFETY: the instructions are there.
    unsafe {
        for (round, k) in K.into_iter().enumerate() {
            let t = round % 16;
            if round >= 16 {
                w[t] = next_word(&w, round);
            }
            let t1 = h.add(w[t]).add(W::splat(k));
            let t1 = t1.add(e.sum1()).add(W::choose(e, f, g));
            let t2 = a.sum0().add(W::majority(a, b, c));
            (h, g, f, e) = (g, f, e, d.add(t1));
            (d, c, b, a) = (c, b, a, t1.add(t2));
        }
        let after = [a, b, c, d, e, f, g, h];
        from_fn(|word| state[word].add(after[word]))
    }
}

/// A register of `N` words, one of each lane, and the functions of FIPS 180-4, 4.1.2.
///
/// # Safety
/// Of all of them: must be inlined into a function that has the instructions.
pub(super) trait Words<const N: usize>: Copy {
    /// The next block of each input, word by word. Every input must have one.
    #[inline(always)]
    unsafe fn blocks(inputs: [*const u8; N]) -> [Self; 16] {
        let mut words = [[0; N]; 16];
        for (lane, input) in inputs.into_iter().enumerate() {
            for (number, word) in words.iter_mut().enumerate() {
                // SAFETY: `number` is below 16, so these four bytes are inside of the block.
                let bytes = unsafe { input.cast::<u32>().add(number).read_unaligned() };
                word[lane] = u32::from_be(bytes);
            }
        }
        // SAFETY: the instructions are there.
        words.map(|word| unsafe { Self::load(&word) })
    }
    unsafe fn load(words: &[u32; N]) -> Self;
    unsafe fn store(self, words: &mut [u32; N]);
    unsafe fn splat(word: u32) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    /// The standard's `Ch`.
    unsafe fn choose(x: Self, y: Self, z: Self) -> Self;
    /// The standard's `Maj`.
    unsafe fn majority(x: Self, y: Self, z: Self) -> Self;
    /// The standard's `Σ0`.
    unsafe fn sum0(self) -> Self;
    /// The standard's `Σ1`.
    unsafe fn sum1(self) -> Self;
    /// The standard's `σ0`.
    unsafe fn sigma0(self) -> Self;
    /// The standard's `σ1`.
    unsafe fn sigma1(self) -> Self;
}

/// # Safety
/// See [`Words`].
#[inline(always)]
unsafe fn xor_512(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    // SAFETY: the instructions are there.
    unsafe { _mm512_ternarylogic_epi32::<0x96>(a, b, c) }
}

impl Words<16> for __m512i {
    /// Whole blocks are loaded, one a register, and transposed: pairs of words, pairs of those, then quarters of registers.
    #[inline(always)]
    unsafe fn blocks(inputs: [*const u8; 16]) -> [Self; 16] {
        // SAFETY: every input has a block, and the instructions are there.
        unsafe {
            let mut rows = [_mm512_setzero_si512(); 16];
            for (row, input) in rows.iter_mut().zip(inputs) {
                *row = _mm512_loadu_si512(input.cast());
            }
            let mut pairs = rows;
            for n in (0..16).step_by(2) {
                pairs[n] = _mm512_unpacklo_epi32(rows[n], rows[n + 1]);
                pairs[n + 1] = _mm512_unpackhi_epi32(rows[n], rows[n + 1]);
            }
            // The register 4i + j gets, of the lanes 4i to 4i + 3, into its quarter k the word 4k + j.
            let mut fours = pairs;
            for n in (0..16).step_by(4) {
                fours[n] = _mm512_unpacklo_epi64(pairs[n], pairs[n + 2]);
                fours[n + 1] = _mm512_unpackhi_epi64(pairs[n], pairs[n + 2]);
                fours[n + 2] = _mm512_unpacklo_epi64(pairs[n + 1], pairs[n + 3]);
                fours[n + 3] = _mm512_unpackhi_epi64(pairs[n + 1], pairs[n + 3]);
            }
            let big_endian =
                _mm512_broadcast_i32x4(_mm_set_epi64x(0x0C0D0E0F_08090A0B, 0x04050607_00010203));
            let mut words = fours;
            for n in 0..4 {
                // The even quarters of two registers, then the odd ones.
                let low = _mm512_shuffle_i32x4::<0x88>(fours[n], fours[n + 4]);
                let high = _mm512_shuffle_i32x4::<0x88>(fours[n + 8], fours[n + 12]);
                words[n] = _mm512_shuffle_i32x4::<0x88>(low, high);
                words[n + 8] = _mm512_shuffle_i32x4::<0xDD>(low, high);
                let low = _mm512_shuffle_i32x4::<0xDD>(fours[n], fours[n + 4]);
                let high = _mm512_shuffle_i32x4::<0xDD>(fours[n + 8], fours[n + 12]);
                words[n + 4] = _mm512_shuffle_i32x4::<0x88>(low, high);
                words[n + 12] = _mm512_shuffle_i32x4::<0xDD>(low, high);
            }
            for word in &mut words {
                *word = _mm512_shuffle_epi8(*word, big_endian);
            }
            words
        }
    }

    #[inline(always)]
    unsafe fn load(words: &[u32; 16]) -> Self {
        // SAFETY: the instructions are there.
        unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
    }
    #[inline(always)]
    unsafe fn store(self, words: &mut [u32; 16]) {
        // SAFETY: the instructions are there.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), self) }
    }
    #[inline(always)]
    unsafe fn splat(word: u32) -> Self {
        // SAFETY: the instructions are there.
        unsafe { _mm512_set1_epi32(word as i32) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the instructions are there.
        unsafe { _mm512_add_epi32(self, other) }
    }
    #[inline(always)]
    unsafe fn choose(x: Self, y: Self, z: Self) -> Self {
        // SAFETY: the instructions are there.
        unsafe { _mm512_ternarylogic_epi32::<0xCA>(x, y, z) }
    }
    #[inline(always)]
    unsafe fn majority(x: Self, y: Self, z: Self) -> Self {
        // SAFETY: the instructions are there.
        unsafe { _mm512_ternarylogic_epi32::<0xE8>(x, y, z) }
    }
    #[inline(always)]
    unsafe fn sum0(self) -> Self {
        // SAFETY: the instructions are there.
        unsafe {
            xor_512(
                _mm512_ror_epi32::<2>(self),
                _mm512_ror_epi32::<13>(self),
                _mm512_ror_epi32::<22>(self),
            )
        }
    }
    #[inline(always)]
    unsafe fn sum1(self) -> Self {
        // SAFETY: the instructions are there.
        unsafe {
            xor_512(
                _mm512_ror_epi32::<6>(self),
                _mm512_ror_epi32::<11>(self),
                _mm512_ror_epi32::<25>(self),
            )
        }
    }
    #[inline(always)]
    unsafe fn sigma0(self) -> Self {
        // SAFETY: the instructions are there.
        unsafe {
            xor_512(
                _mm512_ror_epi32::<7>(self),
                _mm512_ror_epi32::<18>(self),
                _mm512_srli_epi32::<3>(self),
            )
        }
    }
    #[inline(always)]
    unsafe fn sigma1(self) -> Self {
        // SAFETY: the instructions are there.
        unsafe {
            xor_512(
                _mm512_ror_epi32::<17>(self),
                _mm512_ror_epi32::<19>(self),
                _mm512_srli_epi32::<10>(self),
            )
        }
    }
}

/// # Safety
/// See [`Words`].
#[inline(always)]
unsafe fn xor_256(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
    // SAFETY: the instructions are there.
    unsafe { _mm256_xor_si256(_mm256_xor_si256(a, b), c) }
}

/// To the right; `RIGHT` and `LEFT` make 32.
///
/// # Safety
/// See [`Words`].
#[inline(always)]
unsafe fn rotate_256<const RIGHT: i32, const LEFT: i32>(a: __m256i) -> __m256i {
    // SAFETY: the instructions are there.
    unsafe { _mm256_or_si256(_mm256_srli_epi32::<RIGHT>(a), _mm256_slli_epi32::<LEFT>(a)) }
}

impl Words<8> for __m256i {
    #[inline(always)]
    unsafe fn load(words: &[u32; 8]) -> Self {
        // SAFETY: the instructions are there.
        unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
    }
    #[inline(always)]
    unsafe fn store(self, words: &mut [u32; 8]) {
        // SAFETY: the instructions are there.
        unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), self) }
    }
    #[inline(always)]
    unsafe fn splat(word: u32) -> Self {
        // SAFETY: the instructions are there.
        unsafe { _mm256_set1_epi32(word as i32) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the instructions are there.
        unsafe { _mm256_add_epi32(self, other) }
    }
    #[inline(always)]
    unsafe fn choose(x: Self, y: Self, z: Self) -> Self {
        // SAFETY: the instructions are there.
        unsafe { _mm256_xor_si256(z, _mm256_and_si256(x, _mm256_xor_si256(y, z))) }
    }
    #[inline(always)]
    unsafe fn majority(x: Self, y: Self, z: Self) -> Self {
        // SAFETY: the instructions are there.
        unsafe {
            _mm256_or_si256(
                _mm256_and_si256(x, y),
                _mm256_and_si256(z, _mm256_or_si256(x, y)),
            )
        }
    }
    #[inline(always)]
    unsafe fn sum0(self) -> Self {
        // SAFETY: the instructions are there.
        unsafe {
            xor_256(
                rotate_256::<2, 30>(self),
                rotate_256::<13, 19>(self),
                rotate_256::<22, 10>(self),
            )
        }
    }
    #[inline(always)]
    unsafe fn sum1(self) -> Self {
        // SAFETY: the instructions are there.
        unsafe {
            xor_256(
                rotate_256::<6, 26>(self),
                rotate_256::<11, 21>(self),
                rotate_256::<25, 7>(self),
            )
        }
    }
    #[inline(always)]
    unsafe fn sigma0(self) -> Self {
        // SAFETY: the instructions are there.
        unsafe {
            xor_256(
                rotate_256::<7, 25>(self),
                rotate_256::<18, 14>(self),
                _mm256_srli_epi32::<3>(self),
            )
        }
    }
    #[inline(always)]
    unsafe fn sigma1(self) -> Self {
        // SAFETY: the instructions are there.
        unsafe {
            xor_256(
                rotate_256::<17, 15>(self),
                rotate_256::<19, 13>(self),
                _mm256_srli_epi32::<10>(self),
            )
        }
    }
}
