//! Numbers that repeat.

use std::time::{SystemTime, UNIX_EPOCH};

/// The seed of this run: `VAMP_TEST_SEED`, or the time.
pub(crate) fn seed() -> u64 {
    given().unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64)
}

/// `VAMP_TEST_SEED`.
pub(crate) fn given() -> Option<u64> {
    std::env::var("VAMP_TEST_SEED").ok().map(|seed| seed.parse().expect("VAMP_TEST_SEED is a number"))
}

/// SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) % limit as u64) as usize
    }

    pub(crate) fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}
