//! The suite notices: each clause broken on purpose fails its own cases.

use super::{BreakableEvents, DurableEvents, EventFixture};
use crate::{
    Error, ErrorKind, Result,
    conformance::suite::conformance_failures,
    driver::{Aggregate, Event, EventStore, Page, Query},
    memory::Events,
};
use async_trait::async_trait;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering::SeqCst},
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    StoresTwice,
    StoresTheGoodHalf,
    DropsTheValue,
    OldestFirst,
    AnUnknownPageIsTheFirst,
    AnyTagWillDo,
    AnEmptyAverageIsZero,
    AnEmptyCountIsZero,
    TextIsZero,
    TheMedianIsTheMean,
    TakesAnyPercentile,
    LosesTheLastAppend,
    EmptyOnError,
}

/// A correct store, but for one fault.
#[derive(Debug)]
struct Sabotaged {
    inner: Mutex<Arc<Events>>,
    fault: Fault,
    broken: AtomicBool,
    appended: Mutex<Vec<Vec<Event>>>,
}

impl Sabotaged {
    fn inner(&self) -> Arc<Events> {
        Arc::clone(&self.inner.lock().unwrap())
    }

    fn reachable(&self) -> Result<bool> {
        match (self.broken.load(SeqCst), self.fault) {
            (true, Fault::EmptyOnError) => Ok(false),
            (true, _) => Err(Error::new(ErrorKind::Unavailable, "sabotaged", "read", "events")),
            (false, _) => Ok(true),
        }
    }
}

#[async_trait]
impl EventStore for Sabotaged {
    async fn append(&self, events: &[Event]) -> Result<()> {
        self.appended.lock().unwrap().push(events.to_vec());
        let mut events = events.to_vec();
        let inner = self.inner();
        match self.fault {
            Fault::StoresTwice => {
                let stored = inner.query(&Query::default(), &Page::ALL).await?;
                for event in events.iter_mut().filter(|event| stored.iter().any(|stored| stored.id == event.id)) {
                    event.id.push_str(" again");
                }
            }
            Fault::StoresTheGoodHalf => {
                for event in &events {
                    inner.append(std::slice::from_ref(event)).await?;
                }
            }
            Fault::DropsTheValue => {
                for event in events.iter_mut().filter(|event| event.tags.is_empty()) {
                    event.value = b"{}".to_vec();
                }
            }
            Fault::TextIsZero => {
                for event in events.iter_mut().filter(|event| event.value.ends_with(b"r\"") || event.value == b"\"7\"")
                {
                    event.value = b"0".to_vec();
                }
            }
            _ => {}
        }
        inner.append(&events).await
    }

    async fn query(&self, query: &Query, page: &Page) -> Result<Vec<Event>> {
        if !self.reachable()? {
            return Ok(vec![]);
        }
        let inner = self.inner();
        match self.fault {
            Fault::OldestFirst => {
                let mut found = inner.query(query, page).await?;
                found.reverse();
                Ok(found)
            }
            Fault::AnUnknownPageIsTheFirst => match inner.query(query, page).await {
                Err(_) => inner.query(query, &Page { after: None, limit: page.limit }).await,
                found => found,
            },
            Fault::AnyTagWillDo if query.tags.len() > 1 => {
                let tags = query.tags.iter().take(1).cloned().collect();
                inner.query(&Query { tags, ..query.clone() }, page).await
            }
            _ => inner.query(query, page).await,
        }
    }

    async fn aggregate(&self, query: &Query, by: Aggregate) -> Result<Option<f64>> {
        if !self.reachable()? {
            return Ok(None);
        }
        let inner = self.inner();
        match (self.fault, by) {
            (Fault::AnEmptyAverageIsZero, Aggregate::Average) | (Fault::AnEmptyCountIsZero, Aggregate::Count) => {
                Ok(inner.aggregate(query, by).await?.or(Some(0.0)))
            }
            (Fault::TheMedianIsTheMean, Aggregate::Percentile(50.0)) => {
                inner.aggregate(query, Aggregate::Average).await
            }
            (Fault::TakesAnyPercentile, Aggregate::Percentile(share)) if !(0.0..=100.0).contains(&share) => {
                inner.aggregate(query, Aggregate::Max).await
            }
            _ => inner.aggregate(query, by).await,
        }
    }
}

struct Fixture(Arc<Sabotaged>);

fn open(fault: Fault) -> Fixture {
    Fixture(Arc::new(Sabotaged {
        inner: Mutex::default(),
        fault,
        broken: AtomicBool::new(false),
        appended: Mutex::default(),
    }))
}

impl EventFixture for Fixture {
    fn store(&self) -> Arc<dyn EventStore> {
        Arc::<Sabotaged>::clone(&self.0)
    }
}

#[async_trait]
impl DurableEvents for Fixture {
    async fn reopen(&mut self) {
        let mut appended = std::mem::take(&mut *self.0.appended.lock().unwrap());
        if self.0.fault == Fault::LosesTheLastAppend {
            appended.pop();
        }
        *self.0.inner.lock().unwrap() = Arc::default();
        for events in appended {
            self.0.append(&events).await.unwrap();
        }
    }
}

#[async_trait]
impl BreakableEvents for Fixture {
    async fn break_reads(&mut self) {
        self.0.broken.store(true, SeqCst);
    }
}

async fn failing(fault: Fault) -> Vec<&'static str> {
    let mut failed = Vec::new();
    macro_rules! run {
        ($($cases:tt)*) => { conformance_failures! { failed; $($cases)* } };
    }
    crate::event_suite! { @each [run] open(fault) }
    crate::event_suite! { @each [run] open(fault), durable }
    crate::event_suite! { @each [run] open(fault), breakable }
    failed
}

#[tokio::test(start_paused = true)]
async fn the_specification_satisfies_every_case() {
    assert_eq!(failing(Fault::None).await, Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn each_broken_clause_is_noticed_by_its_own_cases() {
    let expected: [(Fault, &[&str]); 13] = [
        (Fault::StoresTwice, &["v2_appending_twice_stores_once", "v2_what_is_acknowledged_survives_a_restart"]),
        (Fault::StoresTheGoodHalf, &["v2_all_events_are_stored_or_none"]),
        (Fault::DropsTheValue, &["v2_an_event_comes_back_as_it_was_appended"]),
        (
            Fault::OldestFirst,
            &[
                "v2_appending_twice_stores_once",
                "v2_a_query_answers_newest_first",
                "v2_pages_follow_each_other",
                "v2_a_query_finds_what_meets_all_its_conditions",
                "v2_what_is_acknowledged_survives_a_restart",
            ],
        ),
        (Fault::AnUnknownPageIsTheFirst, &["v2_pages_follow_each_other"]),
        (Fault::AnyTagWillDo, &["v2_a_query_finds_what_meets_all_its_conditions"]),
        (Fault::AnEmptyAverageIsZero, &["v3_nothing_to_compute_with_is_none_and_never_zero"]),
        (Fault::AnEmptyCountIsZero, &["v3_nothing_to_compute_with_is_none_and_never_zero"]),
        (Fault::TextIsZero, &["v3_nothing_to_compute_with_is_none_and_never_zero", "v3_numbers_become_one_number"]),
        (Fault::TheMedianIsTheMean, &["v3_a_percentile_is_the_nearest_rank"]),
        (Fault::TakesAnyPercentile, &["v3_a_percentile_beyond_100_is_invalid"]),
        (Fault::LosesTheLastAppend, &["v2_what_is_acknowledged_survives_a_restart"]),
        (Fault::EmptyOnError, &["v3_a_failed_read_is_an_error"]),
    ];
    for (fault, cases) in expected {
        assert_eq!((fault, failing(fault).await), (fault, cases.to_vec()));
    }
}
