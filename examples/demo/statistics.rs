//! How far an observed share is from the wanted one.

use serde::Serialize;
use vamp_core::weight::Weight;

/// A fair draw leaves this many standard deviations once in 16 000 shares.
pub(crate) const LIMIT: f64 = 4.0;

/// The share of the new version among the requests of one population.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Share {
    /// Who sent the requests.
    pub(crate) population: &'static str,
    /// The wanted share, from 0 to 1.
    pub(crate) wanted: f64,
    /// The observed share, from 0 to 1.
    pub(crate) observed: f64,
    /// How many requests were counted.
    pub(crate) n: u64,
    /// How many of them the new version answered.
    pub(crate) hits: u64,
    /// The distance in standard deviations; `None` (infinite) when 0 % or 100 % was wanted and missed.
    pub(crate) z: Option<f64>,
}

impl Share {
    pub(crate) fn new(population: &'static str, wanted: f64, hits: u64, n: u64) -> Self {
        let observed = if n == 0 { 0.0 } else { hits as f64 / n as f64 };
        let z = Some(z(wanted, hits, n)).filter(|z| z.is_finite());
        Self { population, wanted, observed, n, hits, z }
    }

    /// Whether chance explains the distance.
    pub(crate) fn is_fair(&self) -> bool {
        self.n > 0 && self.z.is_some_and(|z| z.abs() <= LIMIT)
    }
}

/// The distance between `hits` of `n` and the binomial mean, in standard deviations.
///
/// A wanted share of 0 or 1 leaves nothing to chance: 0 when it is met exactly, infinite otherwise.
pub(crate) fn z(wanted: f64, hits: u64, n: u64) -> f64 {
    let mean = n as f64 * wanted;
    let distance = hits as f64 - mean;
    let deviation = (mean * (1.0 - wanted)).sqrt();
    if deviation > 0.0 {
        distance / deviation
    } else if distance == 0.0 {
        0.0
    } else {
        f64::INFINITY.copysign(distance)
    }
}

/// The share of a route with a condition: those who win the draw of `strength`, and `weight` of all others.
pub(crate) fn with_strength(strength: Weight, weight: Weight) -> f64 {
    fraction(strength) + fraction(strength.complement()) * fraction(weight)
}

/// A weight as a number from 0 to 1.
pub(crate) fn fraction(weight: Weight) -> f64 {
    f64::from(weight.ppm()) / f64::from(Weight::FULL.ppm())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(left: f64, right: f64) {
        assert!((left - right).abs() < 1e-9, "{left} and {right}");
    }

    fn percent(percent: u32) -> Weight {
        Weight::from_percent(percent).expect("at most 100")
    }

    #[test]
    fn the_mean_is_zero_deviations_away() {
        close(z(0.1, 2_000, 20_000), 0.0);
    }

    #[test]
    fn distances_are_counted_in_standard_deviations_with_their_sign() {
        // n p (1 - p) = 10 000 * 0.5 * 0.5, its root is 50.
        close(z(0.5, 5_100, 10_000), 2.0);
        close(z(0.5, 4_850, 10_000), -3.0);
    }

    #[test]
    fn nothing_and_everything_must_be_met_exactly() {
        close(z(0.0, 0, 20_000), 0.0);
        close(z(1.0, 20_000, 20_000), 0.0);
        assert!(!Share::new("all", 0.0, 1, 20_000).is_fair());
        assert!(!Share::new("all", 1.0, 19_999, 20_000).is_fair());
        assert!(Share::new("all", 1.0, 20_000, 20_000).is_fair());
    }

    #[test]
    fn four_deviations_are_fair_and_more_are_not() {
        assert!(Share::new("all", 0.5, 5_200, 10_000).is_fair());
        assert!(!Share::new("all", 0.5, 5_201, 10_000).is_fair());
        assert!(!Share::new("all", 0.5, 4_799, 10_000).is_fair());
    }

    #[test]
    fn a_share_of_no_requests_proves_nothing() {
        assert!(!Share::new("all", 0.0, 0, 0).is_fair());
    }

    #[test]
    fn strength_half_over_a_tenth_gives_55_percent() {
        close(with_strength(percent(50), percent(10)), 0.55);
        close(with_strength(percent(50), percent(90)), 0.95);
        close(with_strength(Weight::ZERO, percent(10)), 0.1);
        close(with_strength(Weight::FULL, Weight::ZERO), 1.0);
    }
}
