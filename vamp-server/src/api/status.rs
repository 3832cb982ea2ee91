//! What this server is, and who serves what it says.

use super::{Api, body, error::Problem, extract::Path};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::time::SystemTime;
use vamp_core::{engine::AgentView, model::format_timestamp};

/// This server, from its start to its end.
#[derive(Debug)]
pub(super) struct Identity {
    namespace: String,
    uuid: String,
    running_since: SystemTime,
}

impl Identity {
    pub(super) fn new(namespace: &str) -> Self {
        let running_since = SystemTime::now();
        let since = running_since.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let uuid = vamp_core::digest::of(format!("{}-{}", std::process::id(), since.as_nanos()).as_bytes());
        Self { namespace: namespace.to_owned(), uuid, running_since }
    }
}

pub(super) async fn info(State(api): State<Api>, headers: HeaderMap) -> Response {
    let agents = api.engine.agents();
    let serving = agents.values().filter(|agent| agent.silent_since.is_none()).count();
    let proxies: Vec<&str> = agents.values().map(|agent| agent.acknowledged.status.proxy.as_str()).collect();
    let identity = &api.identity;
    let shown = json!({
        "message": "Hi, I'm Vamp!",
        "version": env!("CARGO_PKG_VERSION"),
        "uuid": identity.uuid,
        "running_since": format_timestamp(identity.running_since),
        "namespace": identity.namespace,
        "gateway_driver": { "agents": agents.len(), "showing_life": serving, "proxies": proxies },
    });
    body::answer(StatusCode::OK, &headers, &shown)
}

pub(super) async fn agents(State(api): State<Api>, headers: HeaderMap) -> Response {
    let shown: Vec<Value> = api.engine.agents().iter().map(|(name, view)| agent(name, view)).collect();
    body::answer(StatusCode::OK, &headers, &Value::Array(shown))
}

fn agent(name: &str, view: &AgentView) -> Value {
    let acknowledged = &view.acknowledged;
    json!({
        "agent": name,
        "alive": view.silent_since.is_none(),
        "silent_since": view.silent_since.map(format_timestamp),
        "gateways": acknowledged.gateways,
        "refused": acknowledged.refused,
        "connections": acknowledged.draining,
        "status": acknowledged.status,
    })
}

pub(super) async fn forget_agent(State(api): State<Api>, Path(name): Path<String>) -> Result<Response, Problem> {
    api.engine.forget_agent(&name).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
