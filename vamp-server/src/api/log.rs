//! The log of this server, as it is written: server-sent events.

use super::{Api, error::Problem, extract::Query};
use crate::log::Record;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{
        IntoResponse, Response,
        sse::{self, KeepAlive, Sse},
    },
};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tracing::level_filters::LevelFilter;
use vamp_core::model::format_timestamp;

/// A comment is sent so often, so that nobody takes silence for an end.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const NOT_KEPT: &str = "the log of this server is not kept for its API; it is on its standard error";

/// Which records.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    /// The least level; `OFF` = none.
    pub(super) level: String,
    /// The module, with those in it; empty or `ROOT` = all.
    pub(super) logger: String,
}

/// What one client still has to get.
#[derive(Debug)]
pub(super) struct Follow {
    level: LevelFilter,
    logger: String,
    missed: VecDeque<Arc<Record>>,
    live: Receiver<Arc<Record>>,
}

pub(super) async fn stream(
    State(api): State<Api>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let after = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let follow = Follow::open(&api, which, after)?;
    let records = stream::unfold(follow, async |mut follow| {
        let record = follow.next().await?;
        let sent = sse::Event::default().id(record.id.to_string()).event("log").data(shown(&record).to_string());
        Some((Ok::<_, Infallible>(sent), follow))
    });
    Ok(Sse::new(records).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

/// In the form of the original.
pub(super) fn shown(record: &Record) -> Value {
    json!({
        "logger": record.logger,
        "level": record.level.as_str(),
        "message": record.message,
        "timestamp": format_timestamp(record.at),
    })
}

impl Follow {
    pub(super) fn open(api: &Api, which: Which, after: Option<u64>) -> Result<Self, Problem> {
        let log = api.parts.log.as_ref().ok_or_else(|| Problem::new(StatusCode::NOT_IMPLEMENTED, NOT_KEPT))?;
        let level = match which.level.to_ascii_uppercase().as_str() {
            "" => LevelFilter::INFO,
            "ALL" => LevelFilter::TRACE,
            name => name.parse().map_err(|_| {
                let message = format!("level: `{}` is none of ALL, TRACE, DEBUG, INFO, WARN, ERROR, OFF", which.level);
                Problem::new(StatusCode::BAD_REQUEST, message)
            })?,
        };
        let (missed, live) = log.follow(after);
        let logger = if which.logger.eq_ignore_ascii_case("root") { String::new() } else { which.logger };
        Ok(Self { level, logger, missed: missed.into(), live })
    }

    /// The next record; `None` when the client lags too far behind, and had better come back.
    pub(super) async fn next(&mut self) -> Option<Arc<Record>> {
        loop {
            let record = match self.missed.pop_front() {
                Some(missed) => missed,
                None => match self.live.recv().await {
                    Ok(record) => record,
                    Err(RecvError::Lagged(_) | RecvError::Closed) => return None,
                },
            };
            if record.level <= self.level && self.is_of(&record.logger) {
                return Some(record);
            }
        }
    }

    fn is_of(&self, logger: &str) -> bool {
        let rest = logger.strip_prefix(&*self.logger);
        self.logger.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    }
}
