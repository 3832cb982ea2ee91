//! [`Events`]: events in memory.

use super::lock;
use crate::{
    Error, ErrorKind, Result,
    driver::{Aggregate, Aggregator, Event, EventStore, Page, Query},
};
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Mutex,
    time::SystemTime,
};

const DRIVER: &str = "memory";

/// Events that [`Events::default`] keeps.
const KEPT: usize = 10_000;

/// An [`EventStore`] in memory, for tests and documentation; the oldest events go when there are too many.
#[derive(Debug)]
pub struct Events {
    kept: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    events: BTreeMap<(SystemTime, String), Event>,
    times: HashMap<String, SystemTime>,
}

impl Events {
    /// Keeps at most so many events.
    #[must_use]
    pub fn with_limit(events: usize) -> Self {
        Self { kept: events, state: Mutex::default() }
    }
}

impl Default for Events {
    /// Keeps 10 000 events.
    fn default() -> Self {
        Self::with_limit(KEPT)
    }
}

#[async_trait]
impl EventStore for Events {
    async fn append(&self, events: &[Event]) -> Result<()> {
        events.iter().try_for_each(|event| event.check(DRIVER))?;
        let mut state = lock(&self.state);
        for event in events {
            if !state.times.contains_key(&event.id) {
                state.times.insert(event.id.clone(), event.at);
                state.events.insert((event.at, event.id.clone()), event.clone());
            }
        }
        while state.events.len() > self.kept {
            if let Some(((_, id), _)) = state.events.pop_first() {
                state.times.remove(&id);
            }
        }
        Ok(())
    }

    async fn query(&self, query: &Query, page: &Page) -> Result<Vec<Event>> {
        let state = lock(&self.state);
        let after = match &page.after {
            None => None,
            Some(id) => {
                let unknown = || Error::new(ErrorKind::NotFound, DRIVER, "query", id.as_str());
                Some((*state.times.get(id).ok_or_else(unknown)?, id.clone()))
            }
        };
        let older = state.events.iter().rev().filter(|(key, _)| after.as_ref().is_none_or(|after| *key < after));
        Ok(older.map(|(_, event)| event).filter(|event| query.finds(event)).take(page.limit).cloned().collect())
    }

    async fn aggregate(&self, query: &Query, by: Aggregate) -> Result<Option<f64>> {
        let mut aggregator = Aggregator::new(by, DRIVER)?;
        let state = lock(&self.state);
        state.events.values().filter(|event| query.finds(event)).for_each(|event| aggregator.add(&event.value));
        Ok(aggregator.result())
    }
}
