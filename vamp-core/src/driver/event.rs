//! [`EventStore`]: what happened.

use super::Page;
use crate::{Error, ErrorKind, Result};
use async_trait::async_trait;
use std::{fmt::Debug, time::SystemTime};

/// Keeps events: a seam of its own, since a key-value store can hold artifacts but not aggregate events.
#[async_trait]
pub trait EventStore: Debug + Send + Sync + 'static {
    /// V2: idempotent by `id`: appending twice stores once, the first one. All events or none.
    async fn append(&self, events: &[Event]) -> Result<()>;

    /// Newest first, by time and then by id; [`Page::after`] is the id of the last event seen, `NotFound` when it is
    /// not (or no longer) stored.
    async fn query(&self, query: &Query, page: &Page) -> Result<Vec<Event>>;

    /// V3: no matching event = `None`, never 0 (an empty average must not scale a service down). Events whose value is
    /// not a JSON number count for [`Aggregate::Count`] only.
    async fn aggregate(&self, query: &Query, by: Aggregate) -> Result<Option<f64>>;
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Unique; sorts by time of creation.
    pub id: String,
    /// When; kept in milliseconds at least.
    pub at: SystemTime,
    /// E.g. `archive`, `synchronization`, `metrics`.
    pub kind: String,
    /// E.g. `gateways:sava/9050`; a tag `a:b` is also found as `a`.
    pub tags: Vec<String>,
    /// JSON.
    pub value: Vec<u8>,
}

impl Event {
    /// What every store refuses (`Invalid`): an empty id, a value that is not JSON.
    pub fn check(&self, driver: &'static str) -> Result<()> {
        let why = if self.id.is_empty() {
            "an event has an id"
        } else if !super::is_json(&self.value) {
            "the value is not JSON"
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::Invalid, driver, "append", self.id.as_str()).because(why))
    }

    /// Whether a query for this tag finds the event: `a:b` is also found as `a`.
    #[must_use]
    pub fn has_tag(&self, wanted: &str) -> bool {
        let group = |tag: &str| tag.split_once(':').is_some_and(|(group, _)| group == wanted);
        self.tags.iter().any(|tag| tag == wanted || group(tag))
    }
}

/// Which events: all conditions hold together.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// An event has all of these.
    pub tags: Vec<String>,
    /// An event is of this kind.
    pub kind: Option<String>,
    /// Not before.
    pub from: Option<SystemTime>,
    /// Before.
    pub to: Option<SystemTime>,
}

impl Query {
    /// Whether it finds this event.
    #[must_use]
    pub fn finds(&self, event: &Event) -> bool {
        self.tags.iter().all(|tag| event.has_tag(tag))
            && self.kind.as_ref().is_none_or(|kind| *kind == event.kind)
            && self.from.is_none_or(|from| from <= event.at)
            && self.to.is_none_or(|to| event.at < to)
    }
}

/// How the values of events become one number.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Aggregate {
    /// How many events.
    Count,
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
    /// The mean.
    Average,
    /// The sum.
    Sum,
    /// The value below which this share (0 to 100) of the values lies, nearest rank.
    Percentile(f64),
}

/// Reduces matching events, one after the other, to the number that [`EventStore::aggregate`] answers.
///
/// ```
/// use vamp_core::driver::{Aggregate, Aggregator};
///
/// let mut average = Aggregator::new(Aggregate::Average, "memory")?;
/// average.add(b"1");
/// average.add(b"2");
/// assert_eq!(average.result(), Some(1.5));
/// # Ok::<(), vamp_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Aggregator {
    by: Aggregate,
    events: u64,
    numbers: Vec<f64>,
}

impl Aggregator {
    /// Nothing added yet; a percentile outside of 0 to 100 = `Invalid`.
    pub fn new(by: Aggregate, driver: &'static str) -> Result<Self> {
        match by {
            Aggregate::Percentile(share) if !(0.0..=100.0).contains(&share) => {
                let why = "a percentile lies between 0 and 100";
                Err(Error::new(ErrorKind::Invalid, driver, "aggregate", format!("percentile {share}")).because(why))
            }
            _ => Ok(Self { by, events: 0, numbers: Vec::new() }),
        }
    }

    /// Adds the value of one matching event.
    pub fn add(&mut self, value: &[u8]) {
        self.events += 1;
        if self.by != Aggregate::Count
            && let Ok(number) = serde_json::from_slice(value)
        {
            self.numbers.push(number);
        }
    }

    /// The number; `None` when there was nothing to count or to compute with (V3).
    #[must_use]
    pub fn result(mut self) -> Option<f64> {
        let numbers = self.numbers.len() as f64;
        let sum = || self.numbers.iter().sum::<f64>();
        match self.by {
            Aggregate::Count => (self.events > 0).then_some(self.events as f64),
            _ if self.numbers.is_empty() => None,
            Aggregate::Min => self.numbers.into_iter().reduce(f64::min),
            Aggregate::Max => self.numbers.into_iter().reduce(f64::max),
            Aggregate::Average => Some(sum() / numbers),
            Aggregate::Sum => Some(sum()),
            Aggregate::Percentile(share) => {
                self.numbers.sort_by(f64::total_cmp);
                let rank = (share / 100.0 * numbers).ceil().max(1.0) as usize;
                self.numbers.get(rank - 1).copied()
            }
        }
    }
}
