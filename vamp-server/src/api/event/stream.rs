//! Events as they happen: server-sent events. Whoever comes back with `Last-Event-ID` gets what happened meanwhile.

use super::{Asked, Parameters, shown};
use crate::api::{
    Api,
    error::Problem,
    extract::{Body, Query},
};
use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{self, KeepAlive, Sse},
    },
};
use futures_util::stream;
use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use vamp_core::driver::{self, Event, Page};

/// A comment is sent so often, so that nobody takes silence for an end.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// So much of what happened meanwhile is sent at most: the newest.
const BACKLOG: usize = 1_000;

/// What one client still has to get.
pub(in crate::api) struct Feed {
    query: driver::Query,
    backlog: VecDeque<Event>,
    live: Receiver<Arc<Event>>,
    /// The id up to which everything is sent.
    last: String,
}

pub(in crate::api) async fn stream(
    State(api): State<Api>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    Body(source): Body,
) -> Result<Response, Problem> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let feed = match source.trim().is_empty() {
        true => Feed::open(&api, Asked::of_parameters(&parameters)?.query, last).await?,
        false => Feed::open(&api, Asked::of_document(&source)?.query, last).await?,
    };
    let events = stream::unfold(feed, async |mut feed| {
        let event = feed.next().await?;
        let sent = sse::Event::default().id(&event.id).event(&event.kind).data(shown(&event).to_string());
        Some((Ok::<_, Infallible>(sent), feed))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

impl Feed {
    /// What the parameters of a query ask for, from now on.
    pub(in crate::api) async fn of_parameters(api: &Api, parameters: &Parameters) -> Result<Self, Problem> {
        Self::open(api, Asked::of_parameters(parameters)?.query, None).await
    }

    /// What a document asks for, from now on.
    pub(in crate::api) async fn of_document(api: &Api, document: &str) -> Result<Self, Problem> {
        Self::open(api, Asked::of_document(document)?.query, None).await
    }

    async fn open(api: &Api, query: driver::Query, last: Option<&str>) -> Result<Self, Problem> {
        // First this, so that nothing is missed between the two.
        let live = api.engine.follow_events();
        let mut backlog = VecDeque::new();
        if let Some(last) = last {
            let since = driver::Query { from: time_of(last).or(query.from), ..query.clone() };
            let found = api.engine.events(&since, &Page { after: None, limit: BACKLOG }).await?;
            backlog.extend(found.into_iter().rev().filter(|event| event.id.as_str() > last));
        }
        Ok(Self { query, backlog, live, last: last.unwrap_or_default().to_owned() })
    }

    /// The next event; `None` when the client lags too far behind, and had better come back.
    pub(in crate::api) async fn next(&mut self) -> Option<Event> {
        if let Some(event) = self.backlog.pop_front() {
            self.last.clone_from(&event.id);
            return Some(event);
        }
        loop {
            match self.live.recv().await {
                Ok(event) if event.id > self.last && self.query.finds(&event) => return Some((*event).clone()),
                Ok(_) => {}
                Err(RecvError::Lagged(_) | RecvError::Closed) => return None,
            }
        }
    }
}

/// When an event of this id was made; ids begin with it.
fn time_of(id: &str) -> Option<SystemTime> {
    let nanos = id.split_once('-')?.0.parse().ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(nanos))
}
