//! What the load has seen over time: what the plot shows.

use crate::traffic::Population;
use serde::Serialize;

/// Everything until one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Sample {
    /// Since the load began.
    pub(crate) seconds: f64,
    /// Answers by population (Chrome, others) and version (old, new).
    pub(crate) answers: [[u64; 2]; 2],
    pub(crate) failed: u64,
}

/// What happened between two samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Interval {
    /// Its middle.
    pub(crate) seconds: f64,
    /// The share of the new version in percent, by population; `None` without an answer.
    pub(crate) shares: [Option<f64>; 2],
    pub(crate) answered_per_second: f64,
    pub(crate) failed: u64,
}

/// What happened from one sample to the next.
pub(crate) fn intervals(samples: &[Sample]) -> Vec<Interval> {
    samples.windows(2).filter_map(|pair| between(&pair[0], &pair[1])).collect()
}

fn between(from: &Sample, to: &Sample) -> Option<Interval> {
    let took = to.seconds - from.seconds;
    if took <= 0.0 {
        return None;
    }
    let answers = |population: Population, version: usize| {
        let of = |sample: &Sample| sample.answers[population as usize][version];
        of(to).saturating_sub(of(from))
    };
    let share = |population: Population| {
        let (old, new) = (answers(population, 0), answers(population, 1));
        (old + new > 0).then(|| new as f64 * 100.0 / (old + new) as f64)
    };
    let answered: u64 = Population::ALL.iter().map(|&population| answers(population, 0) + answers(population, 1)).sum();
    Some(Interval {
        seconds: from.seconds + took / 2.0,
        shares: Population::ALL.map(share),
        answered_per_second: answered as f64 / took,
        failed: to.failed.saturating_sub(from.failed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_what_came_between_two_samples() {
        let first = Sample { seconds: 1.0, answers: [[10, 0], [20, 5]], failed: 1 };
        let second = Sample { seconds: 3.0, answers: [[13, 1], [20, 5]], failed: 3 };
        let expected = Interval { seconds: 2.0, shares: [Some(25.0), None], answered_per_second: 2.0, failed: 2 };
        assert_eq!(intervals(&[first, second]), [expected]);
    }

    #[test]
    fn no_time_between_two_samples_is_no_interval() {
        assert!(intervals(&[Sample::default(), Sample::default()]).is_empty());
        assert!(intervals(&[Sample::default()]).is_empty());
    }
}
