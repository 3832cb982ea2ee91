//! Events: what happened, and what others tell.

mod read;
mod stream;

use read::Asked;
pub(super) use stream::{Feed, stream};

use super::{
    Api, body,
    error::Problem,
    extract::{Body, Query},
    page::{self, View},
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::Response,
};
use serde_json::{Value, json};
use vamp_core::{
    driver::{Aggregate, Event, Page},
    model::format_timestamp,
};

/// How far back pages reach: every page reads those before it.
const REACH: usize = 100_000;

/// Parameters that may be repeated, in the order of the query.
pub(super) type Parameters = Vec<(String, String)>;

pub(super) async fn create(
    State(api): State<Api>,
    headers: HeaderMap,
    Body(source): Body,
) -> Result<Response, Problem> {
    let told = read::told(&source)?;
    let event = api.engine.record(told.kind, told.tags, told.value, told.at).await?;
    Ok(body::answer(StatusCode::CREATED, &headers, &shown(&event)))
}

pub(super) async fn list(
    State(api): State<Api>,
    Query(view): Query<View>,
    Query(parameters): Query<Parameters>,
    uri: Uri,
    headers: HeaderMap,
    Body(source): Body,
) -> Result<Response, Problem> {
    // The original also takes the query as a document in the body of the GET; its parameters do not count then.
    let asked = match source.trim().is_empty() {
        true => Asked::of_parameters(&parameters)?,
        false => Asked::of_document(&source)?,
    };
    if let Some(by) = asked.by {
        let value = api.engine.aggregate(&asked.query, by).await?;
        let nothing = if by == Aggregate::Count { json!(0) } else { Value::Null };
        let shown = json!({ "value": value.map_or(nothing, number) });
        return Ok(body::answer(StatusCode::OK, &headers, &shown));
    }
    let total = api.engine.aggregate(&asked.query, Aggregate::Count).await?.unwrap_or_default() as usize;
    let (skip, size) = (view.skip(), view.size());
    let mut events = Vec::new();
    if skip < REACH.min(total) {
        let page = Page { after: None, limit: skip + size };
        events = api.engine.events(&asked.query, &page).await?.split_off(skip.min(total));
    }
    Ok(page::list(&uri, view, &headers, events.iter().map(shown).collect(), total))
}

/// A number as JSON writes it: without `.0` when it is whole.
pub(super) fn number(number: f64) -> Value {
    match number {
        whole if whole.fract() == 0.0 && whole.abs() < 1e15 => json!(whole as i64),
        other => json!(other),
    }
}

/// An event as the original shows it: a tag `a:b` is accompanied by `a`.
pub(super) fn shown(event: &Event) -> Value {
    let mut tags: Vec<&str> = Vec::new();
    for tag in &event.tags {
        for tag in [Some(tag.as_str()), tag.split_once(':').map(|(group, _)| group)].into_iter().flatten() {
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
    }
    json!({
        "id": event.id,
        "type": event.kind,
        "tags": tags,
        "value": value(event),
        "timestamp": format_timestamp(event.at),
    })
}

/// The value of an event.
pub(super) fn value(event: &Event) -> Value {
    serde_json::from_slice(&event.value).unwrap_or_default()
}
