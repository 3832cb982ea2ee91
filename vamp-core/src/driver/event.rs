//! [`EventStore`]: what happened.

use super::Page;
use crate::Result;
use async_trait::async_trait;
use std::{fmt::Debug, time::SystemTime};

/// Keeps events: a seam of its own, since a key-value store can hold artifacts but not aggregate events.
#[async_trait]
pub trait EventStore: Debug + Send + Sync + 'static {
    /// V2: idempotent by `id`: appending twice stores once.
    async fn append(&self, events: &[Event]) -> Result<()>;

    /// Newest first; [`Page::after`] is the id of the last event seen.
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
    /// When.
    pub at: SystemTime,
    /// E.g. `archive`, `synchronization`, `metrics`.
    pub kind: String,
    /// E.g. `gateways:sava/9050`; a tag `a:b` is also found as `a`.
    pub tags: Vec<String>,
    /// JSON.
    pub value: Vec<u8>,
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
