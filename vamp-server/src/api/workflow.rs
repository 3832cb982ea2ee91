//! Workflows: their status, and their programs.

use super::{
    Api, artifact, body,
    error::Problem,
    extract::{Ask, Body},
    guard,
    page::View,
};
use axum::{
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use serde_json::{Value, json};
use vamp_core::{
    engine::Failure,
    model::read::{self, Kind},
};

pub(super) async fn status(ask: Ask<String, View>) -> Result<Response, Problem> {
    let shown = ask.api.workflow(&ask.at).await?;
    Ok(body::answer(StatusCode::OK, &ask.headers, &shown["status"]))
}

/// The body is the word, quoted or not.
pub(super) async fn put_status(ask: Ask<String>, Body(source): Body) -> Result<Response, Problem> {
    let mut changed = ask.api.workflow(&ask.at).await?;
    changed["status"] = json!(source.trim().trim_matches('"').trim_matches('\''));
    let workflow = read::artifact(&changed.to_string(), Kind::Workflow)?;
    ask.store_one(&workflow, StatusCode::ACCEPTED).await
}

impl Api {
    async fn workflow(&self, name: &str) -> Result<Value, Problem> {
        let missing = || Failure::NotFound { kind: Kind::Workflow.plural(), name: name.to_owned() };
        let (workflow, _) = self.engine.find_any(Kind::Workflow, name).await?.ok_or_else(missing)?;
        artifact::show(&workflow)
    }
}

/// A body that is a program, as the breed that runs it; every other one as it is.
pub(super) fn as_breed(headers: &HeaderMap, source: String) -> String {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match content_type.is_some_and(guard::is_javascript) {
        true => json!({ "deployable": { "type": "application/javascript", "definition": source } }).to_string(),
        false => source,
    }
}
