//! Draws that repeat: the same seed gives the same draws, here and wherever else this function is written down.
//!
//! Draw `index` of a request is SplitMix64 of `seed + (index + 1) · 0x9e3779b97f4a7c15`. The decisions of a published
//! gateway are numbered in declaration order, each before those behind it, the published one with 0. Decision `k` takes
//!
//! | index | for |
//! |---|---|
//! | 4k | the strength of the condition that matched |
//! | 4k + 1 | the weights |
//! | 4k + 2 + 2³²·(p + 1) | whether the live route in place `p` replaces those before it, when the route found is dead |
//! | 4k + 3 | the instance |
//!
//! and no draw is used for anything else, so every one of them is independent of the others.

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// Draw `index` of the request with this seed.
#[must_use]
pub const fn draw(seed: u64, index: u64) -> u64 {
    let mut x = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(GAMMA));
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Draw `index` as a number below `limit`: the high half of its product with `limit`.
#[must_use]
pub const fn draw_below(seed: u64, index: u64, limit: u32) -> u32 {
    // Less than `limit`, so it fits.
    ((draw(seed, index) as u128 * limit as u128) >> 64) as u32
}

/// What a decision draws for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Strength,
    Weights,
    Replacement { place: u32 },
    Instance,
}

/// The index of a draw of decision `choice`.
pub(super) const fn index(choice: u32, purpose: Purpose) -> u64 {
    let first = 4 * choice as u64;
    match purpose {
        Purpose::Strength => first,
        Purpose::Weights => first + 1,
        Purpose::Replacement { place } => first + 2 + ((place as u64 + 1) << 32),
        Purpose::Instance => first + 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_those_of_splitmix64() {
        // The first outputs of the reference implementation for the seed 1234567.
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([0, 1, 2].map(|index| draw(1_234_567, index)), expected);
    }

    #[test]
    fn a_draw_is_below_its_limit_and_reaches_both_ends() {
        let draws: Vec<u32> = (0..1_000).map(|seed| draw_below(seed, 0, 7)).collect();
        assert_eq!((draws.iter().min(), draws.iter().max()), (Some(&0), Some(&6)));
    }

    #[test]
    fn no_two_purposes_share_a_draw() {
        use std::collections::BTreeSet;
        let purposes = [Purpose::Strength, Purpose::Weights, Purpose::Instance];
        let purposes = purposes.into_iter().chain((0..5).map(|place| Purpose::Replacement { place }));
        let all: Vec<u64> = purposes.flat_map(|purpose| (0..5).map(move |choice| index(choice, purpose))).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }
}
