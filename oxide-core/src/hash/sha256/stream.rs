//! One message where the processor has no instructions for SHA: the words of the rounds do not depend on the state, so those of
//! eight blocks are prepared in the lanes of wide registers; the rounds themselves then do nothing else.

use std::arch::x86_64::*;
use std::sync::LazyLock;

use super::wide::{next_word, Words};
use super::{BLOCK, K};

/// Blocks that are prepared at a time.
const TOGETHER: usize = 8;

/// Takes as many of the blocks into the state as go this way. Returns the others.
pub(super) fn compress<'a>(state: &mut [u32; 8], blocks: &'a [[u8; BLOCK]]) -> &'a [[u8; BLOCK]] {
    static AVAILABLE: LazyLock<bool> = LazyLock::new(|| {
        !is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
    });
    let (groups, rest) = blocks.as_chunks::<TOGETHER>();
    if groups.is_empty() || !*AVAILABLE {
        return blocks;
    }
    // SAFETY: the processor has the instructions.
    unsafe { compress_groups(state, groups) };
    rest
}

/// # Safety
/// The processor must have the instructions.
#[target_feature(enable = "avx2,bmi1,bmi2")]
unsafe fn compress_groups(state: &mut [u32; 8], groups: &[[[u8; BLOCK]; TOGETHER]]) {
    // What a round adds, of each block.
    let mut added = [[0; TOGETHER]; 64];
    for group in groups {
        let inputs = group.each_ref().map(|block| block.as_ptr());
        // SAFETY: every input has a block, and the instructions are there.
        unsafe { prepare::<__m256i, TOGETHER>(inputs, &mut added) };
        for block in 0..TOGETHER {
            rounds(state, &added, block);
        }
    }
}

/// The words of all rounds, each with its constant.
///
/// # Safety
/// Every input must have a block; must be inlined into a function that has the instructions of `W`.
#[inline(always)]
unsafe fn prepare<W: Words<N>, const N: usize>(inputs: [*const u8; N], added: &mut [[u32; N]; 64]) {
    // SAFETY: as the caller says.
    unsafe {
        let mut w: [W; 16] = W::blocks(inputs);
        for (round, sum) in added.iter_mut().enumerate() {
            if round >= 16 {
                w[round % 16] = next_word(&w, round);
            }
            w[round % 16].add(W::splat(K[round])).store(sum);
        }
    }
}

/// The rounds of one block; names are those of FIPS 180-4, 6.2.2.
#[inline(always)]
fn rounds(state: &mut [u32; 8], added: &[[u32; TOGETHER]; 64], block: usize) {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    // After eight rounds each name stands for the same word again, so that none is ever moved.
    for words in added.as_chunks::<8>().0 {
        round(a, b, c, &mut d, e, f, g, &mut h, words[0][block]);
        round(h, a, b, &mut c, d, e, f, &mut g, words[1][block]);
        round(g, h, a, &mut b, c, d, e, &mut f, words[2][block]);
        round(f, g, h, &mut a, b, c, d, &mut e, words[3][block]);
        round(e, f, g, &mut h, a, b, c, &mut d, words[4][block]);
        round(d, e, f, &mut g, h, a, b, &mut c, words[5][block]);
        round(c, d, e, &mut f, g, h, a, &mut b, words[6][block]);
        round(b, c, d, &mut e, f, g, h, &mut a, words[7][block]);
    }
    for (word, after) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *word = word.wrapping_add(after);
    }
}

/// A round; what it does not change is moved on by its caller's names.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // the words of the state have no other form in registers
fn round(a: u32, b: u32, c: u32, d: &mut u32, e: u32, f: u32, g: u32, h: &mut u32, added: u32) {
    let sum1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
    // What waits longest for the round before is added last.
    let early = h.wrapping_add(added).wrapping_add(!e & g);
    *h = early.wrapping_add(e & f).wrapping_add(sum1);
    *d = d.wrapping_add(*h);
    let sum0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
    *h = h
        .wrapping_add(b & c)
        .wrapping_add(sum0)
        .wrapping_add(a & (b ^ c));
}
