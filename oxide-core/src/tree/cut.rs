//! Where tables are cut: after a row by its key's hash and the number of rows since the last cut, never by values.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, RwLock};

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Entries of a page above which a level of the tree is cut, and the target of each page then.
pub(super) const PAGE_TARGET: u32 = 256;

/// Decides, row by row, whether a run of rows ends here.
#[derive(Clone)]
pub(super) struct Cutter {
    level: u64,
    thresholds: Arc<[u64]>,
    count: usize,
}

impl Cutter {
    /// A cutter of `level` (0: rows) that stands just behind a cut.
    pub fn new(level: u64, target: u32) -> Cutter {
        Cutter {
            level,
            thresholds: thresholds(target),
            count: 0,
        }
    }

    /// Counts a row; `true` when the run ends with it.
    pub fn push(&mut self, key: &[u8]) -> bool {
        self.count += 1;
        let cut = self.count == self.thresholds.len()
            || xxh3_64_with_seed(key, self.level) < self.thresholds[self.count - 1];
        if cut {
            self.count = 0;
        }
        cut
    }
}

/// `T[1..=2 x target]` of a target, computed once.
fn thresholds(target: u32) -> Arc<[u64]> {
    static TABLES: LazyLock<RwLock<HashMap<u32, Arc<[u64]>>>> = LazyLock::new(RwLock::default);
    if let Some(table) = TABLES.read().expect("threshold lock").get(&target) {
        return table.clone();
    }
    let table: Arc<[u64]> = (1..=2 * u64::from(target))
        .map(|n| threshold(target, n))
        .collect();
    let mut tables = TABLES.write().expect("threshold lock");
    tables.entry(target).or_insert(table).clone()
}

/// `T[n]`: the chance of a cut after row n, as a fraction of 2^64. Plain IEEE operations in this order and `libm`'s software
/// `exp` give every platform the same table.
fn threshold(target: u32, n: u64) -> u64 {
    let length = 1.103 * f64::from(target);
    let length_4 = (length * length) * (length * length);
    let rise = u128::from(n).pow(4) - u128::from(n - 1).pow(4);
    let chance = 1.0 - libm::exp(-(rise as f64) / length_4);
    (chance * 18_446_744_073_709_551_616.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_thresholds() {
        let some = |target, at: [u64; 5]| at.map(|n| threshold(target, n));
        assert_eq!(
            some(32_768, [1, 1_000, 16_384, 32_768, 65_535]),
            [
                0,
                43_174_412_288,
                190_149_742_964_736,
                1_521_212_694_521_856,
                12_165_911_246_022_656
            ]
        );
        assert_eq!(
            some(256, [1, 10, 128, 256, 511]),
            [
                2_901_735_424,
                9_979_065_421_824,
                24_042_070_653_388_800,
                192_581_810_186_240_000,
                1_481_339_187_263_102_976
            ]
        );
        assert_eq!(
            some(8, [1, 2, 4, 8, 15]),
            [
                3_042_439_199_574_016,
                45_583_937_427_560_448,
                524_859_220_137_641_984,
                4_499_152_459_952_433_152,
                15_984_483_837_570_134_016
            ]
        );
    }

    #[test]
    fn runs_have_the_target_length_on_average_and_never_twice_of_it() {
        let mut cutter = Cutter::new(0, 100);
        let (mut cuts, mut length) = (0, 0);
        for n in 0..100_000u32 {
            length += 1;
            assert!(length <= 200);
            if cutter.push(&n.to_be_bytes()) {
                cuts += 1;
                length = 0;
            }
        }
        assert!((950..=1050).contains(&cuts), "{cuts} cuts");
    }
}
