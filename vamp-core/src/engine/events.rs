//! Events: those that the engine records, and those that others bring.

use super::Engine;
use crate::{
    Result,
    driver::{Aggregate, Event, Page, Query},
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::SystemTime,
};
use tokio::sync::broadcast;

impl Engine {
    /// Records that something happened at this time (`None` = now); durable when it returns, with the event as stored.
    /// `value` is JSON.
    ///
    /// # Errors
    ///
    /// `Invalid` when the value is not JSON; when the store fails.
    pub async fn record(
        &self,
        kind: impl Into<String>,
        tags: Vec<String>,
        value: Vec<u8>,
        at: Option<SystemTime>,
    ) -> Result<Event> {
        let now = self.shared.clock.now();
        let event = Event { id: self.event_id(now), at: at.unwrap_or(now), kind: kind.into(), tags, value };
        self.shared.events.append(std::slice::from_ref(&event)).await?;
        self.tell_followers(event.clone());
        Ok(event)
    }

    /// Recorded events, newest first; see [`EventStore::query`](crate::driver::EventStore::query).
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn events(&self, query: &Query, page: &Page) -> Result<Vec<Event>> {
        self.shared.events.query(query, page).await
    }

    /// One number from recorded events; see [`EventStore::aggregate`](crate::driver::EventStore::aggregate).
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn aggregate(&self, query: &Query, by: Aggregate) -> Result<Option<f64>> {
        self.shared.events.aggregate(query, by).await
    }

    /// Every event from now on, once it is recorded. Whoever lags too far behind is told how many were lost.
    #[must_use]
    pub fn follow_events(&self) -> broadcast::Receiver<Arc<Event>> {
        self.shared.recorded_events.subscribe()
    }

    pub(super) fn tell_followers(&self, event: Event) {
        // Without a follower there is nobody to tell.
        let _ = self.shared.recorded_events.send(Arc::new(event));
    }

    /// Unique in this process, and sorted by time.
    pub(super) fn event_id(&self, now: SystemTime) -> String {
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let sequence = self.shared.sequence.fetch_add(1, Ordering::Relaxed);
        format!("{:020}-{sequence:08}", since.as_nanos())
    }
}
