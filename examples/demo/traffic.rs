//! What the load has seen since the last change, and in all.

use crate::samples::Sample;
use hdrhistogram::Histogram;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The versions of the service, old and new.
pub(crate) const VERSIONS: [&str; 2] = ["1.0", "1.1"];
/// At most so many failures are kept in words.
const WORDS: usize = 5;
/// The slowest answer that is told apart: one minute in microseconds.
const SLOWEST: u64 = 60_000_000;

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Population {
    /// Users of Chrome.
    Chrome,
    /// All others.
    Others,
}

impl Population {
    pub(crate) const ALL: [Self; 2] = [Self::Chrome, Self::Others];

    pub(crate) fn user_agent(self) -> &'static str {
        match self {
            Self::Chrome => {
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"
            }
            Self::Others => "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
        }
    }
}

/// The requests that were sent after the last change was acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    number: u64,
    since: Instant,
    /// Answers by population and version.
    answers: [[u64; 2]; 2],
    latency: Histogram<u64>,
}

/// What the load has seen.
#[derive(Debug)]
pub(crate) struct Traffic {
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    window: Window,
    /// Answers by population and version since the start.
    answers: [[u64; 2]; 2],
    failed: u64,
    words: Vec<String>,
    samples: Vec<Sample>,
}

impl Window {
    fn new(number: u64) -> Result<Self, String> {
        let latency = Histogram::new_with_max(SLOWEST, 3).map_err(|error| error.to_string())?;
        Ok(Self { number, since: Instant::now(), answers: [[0; 2]; 2], latency })
    }

    /// Requests of one population, and how many of them the new version answered.
    pub(crate) fn of(&self, population: Population) -> (u64, u64) {
        let [old, new] = self.answers[population as usize];
        (old + new, new)
    }

    /// All requests, and how many of them the new version answered.
    pub(crate) fn all(&self) -> (u64, u64) {
        let sums = Population::ALL.map(|population| self.of(population));
        (sums[0].0 + sums[1].0, sums[0].1 + sums[1].1)
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.all().0 as f64 / self.since.elapsed().as_secs_f64().max(f64::EPSILON)
    }

    pub(crate) fn milliseconds_at(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1_000.0
    }
}

impl Traffic {
    pub(crate) fn new() -> Result<Self, String> {
        let window = Window::new(0)?;
        let state =
            State { window, answers: [[0; 2]; 2], failed: 0, words: Vec::new(), samples: vec![Sample::default()] };
        Ok(Self { began: Instant::now(), state: Mutex::new(state) })
    }

    // The state is counters: they are as good after a panic elsewhere as before.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts to count anew: only what is sent from now on is in the window.
    pub(crate) fn count_from_now(&self) {
        let window = &mut self.state().window;
        window.number += 1;
        window.since = Instant::now();
        window.answers = [[0; 2]; 2];
        window.latency.reset();
    }

    /// The number of the window that a request sent now belongs to.
    pub(crate) fn number(&self) -> u64 {
        self.state().window.number
    }

    pub(crate) fn window(&self) -> Window {
        self.state().window.clone()
    }

    pub(crate) fn answered(&self) -> u64 {
        self.state().answers.as_flattened().iter().sum()
    }

    /// The time since the start, in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Keeps what has been seen until now.
    pub(crate) fn sample(&self) {
        let seconds = self.seconds();
        let mut state = self.state();
        let sample = Sample { seconds, answers: state.answers, failed: state.failed };
        state.samples.push(sample);
    }

    /// What was kept.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        self.state().samples.clone()
    }

    /// The number of failures since the start; none is ever forgotten.
    pub(crate) fn failed(&self) -> u64 {
        self.state().failed
    }

    /// The first failures in words.
    pub(crate) fn failures(&self) -> Vec<String> {
        self.state().words.clone()
    }

    /// Notes the end of a request that was sent in the window `number`.
    pub(crate) fn note(&self, number: u64, population: Population, took: Duration, outcome: Result<String, String>) {
        let version = outcome.and_then(|version| {
            let known = VERSIONS.iter().position(|known| *known == version);
            known.ok_or_else(|| format!("an answer of the unknown version {version:?}"))
        });
        let mut state = self.state();
        match version {
            Ok(version) => {
                state.answers[population as usize][version] += 1;
                if state.window.number == number {
                    state.window.answers[population as usize][version] += 1;
                    state.window.latency.saturating_record(u64::try_from(took.as_micros()).unwrap_or(SLOWEST));
                }
            }
            Err(words) => {
                state.failed += 1;
                if state.words.len() < WORDS {
                    state.words.push(words);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOK: Duration = Duration::from_millis(2);

    fn answer(traffic: &Traffic, number: u64, population: Population, version: &str) {
        traffic.note(number, population, TOOK, Ok(version.to_owned()));
    }

    #[test]
    fn answers_are_told_apart_by_population_and_version() {
        let traffic = Traffic::new().expect("a histogram");
        for (population, version) in
            [(Population::Chrome, "1.1"), (Population::Chrome, "1.0"), (Population::Others, "1.0")]
        {
            answer(&traffic, 0, population, version);
        }
        let window = traffic.window();
        assert_eq!(window.of(Population::Chrome), (2, 1));
        assert_eq!(window.of(Population::Others), (1, 0));
        assert_eq!(window.all(), (3, 1));
        assert!((window.milliseconds_at(0.5) - 2.0).abs() < 0.01);
    }

    #[test]
    fn a_request_sent_before_the_change_is_not_counted_after_it() {
        let traffic = Traffic::new().expect("a histogram");
        let before = traffic.number();
        traffic.count_from_now();
        answer(&traffic, before, Population::Others, "1.0");
        answer(&traffic, traffic.number(), Population::Others, "1.1");
        assert_eq!(traffic.window().all(), (1, 1));
        assert_eq!(traffic.answered(), 2);
    }

    #[test]
    fn a_failure_counts_in_any_window_and_so_does_an_unknown_version() {
        let traffic = Traffic::new().expect("a histogram");
        traffic.count_from_now();
        traffic.note(0, Population::Chrome, TOOK, Err("cut".to_owned()));
        answer(&traffic, 1, Population::Chrome, "2.0");
        assert_eq!(traffic.failed(), 2);
        assert_eq!(traffic.failures(), ["cut", "an answer of the unknown version \"2.0\""]);
        assert_eq!(traffic.window().all(), (0, 0));
    }
}
