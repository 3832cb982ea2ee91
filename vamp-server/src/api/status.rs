//! What this server is and how its parts are, and who serves what it says.

use super::{
    Api, body,
    error::Problem,
    event::Parameters,
    extract::{Path, Query},
    process,
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};
use std::time::{Duration, SystemTime};
use tokio::time::timeout;
use vamp_core::{
    driver::{self, Aggregate},
    engine::{AgentView, Observed},
    model::{format_timestamp, read::Kind},
};

/// A part that does not answer within this time is said to be silent.
const PATIENCE: Duration = Duration::from_secs(3);

/// The parts, by the names of the original.
const PARTS: [&str; 6] = ["process", "persistence", "key_value", "pulse", "gateway_driver", "container_driver"];

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

/// `?on=` names the parts to tell of; without it all are told. 503 when one of them is not well; the rest is told.
pub(super) async fn info(State(api): State<Api>, Query(parameters): Query<Parameters>, headers: HeaderMap) -> Response {
    let wanted: Vec<&str> = parameters.iter().filter(|(key, _)| key == "on").map(|(_, part)| part.as_str()).collect();
    let identity = &api.identity;
    let mut shown = json!({
        "message": "Hi, I'm Vamp!",
        "version": env!("CARGO_PKG_VERSION"),
        "uuid": identity.uuid,
        "running_since": format_timestamp(identity.running_since),
        "namespace": identity.namespace,
    });
    let mut well = true;
    // There is no JVM; who asks for it wants to know how the process is.
    let is_wanted =
        |part: &str| wanted.is_empty() || wanted.contains(&part) || (part == "process" && wanted.contains(&"jvm"));
    for part in PARTS.into_iter().filter(|part| is_wanted(part)) {
        let told = timeout(PATIENCE, api.part(part)).await;
        let told = told.unwrap_or_else(|_| Err(format!("silent for {} seconds", PATIENCE.as_secs())));
        well &= told.is_ok();
        shown[part] = told.unwrap_or_else(|error| json!({ "error": error }));
    }
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    body::answer(status, &headers, &shown)
}

impl Api {
    async fn part(&self, part: &str) -> Result<Value, String> {
        match part {
            "process" => Ok(process::facts()),
            "persistence" => {
                self.engine.list_any(Kind::Breed, 0, 1).await.map_err(|error| error.report())?;
                Ok(json!({ "database": { "type": self.parts.persistence } }))
            }
            "pulse" => {
                let all = driver::Query::default();
                let events = self.engine.aggregate(&all, Aggregate::Count).await.map_err(|error| error.report())?;
                Ok(json!({ "type": self.parts.persistence, "events": events.unwrap_or_default() as u64 }))
            }
            "key_value" => Ok(json!({ "type": self.parts.key_value })),
            "gateway_driver" => Ok(self.proxies()),
            _ => self.containers(),
        }
    }

    fn proxies(&self) -> Value {
        let agents = self.engine.agents();
        let serving = agents.values().filter(|agent| agent.silent_since.is_none()).count();
        let proxies: Vec<&str> = agents.values().map(|agent| agent.acknowledged.status.proxy.as_str()).collect();
        json!({ "agents": agents.len(), "showing_life": serving, "proxies": proxies })
    }

    fn containers(&self) -> Result<Value, String> {
        let observed = self.engine.observed();
        let state = |(name, observed): (&String, &Observed)| match observed {
            Observed::NotYet => Ok((name.clone(), "not observed yet".into())),
            Observed::Current => Ok((name.clone(), "observed".into())),
            Observed::Stale(reason) => Err(format!("{name}: {reason}")),
        };
        let drivers: Map<String, Value> = observed.iter().map(state).collect::<Result<_, _>>()?;
        Ok(json!({ "drivers": drivers }))
    }
}

/// Counts of what is stored and of what happened.
pub(super) async fn stats(State(api): State<Api>, headers: HeaderMap) -> Result<Response, Problem> {
    let mut stored = Map::new();
    for kind in Kind::ALL {
        stored.insert(kind.plural().to_owned(), json!(api.engine.list_any(kind, 0, 0).await?.total));
    }
    let deployments = api.engine.list_deployments(0, usize::MAX).await;
    let clusters = deployments.items.iter().flat_map(|deployment| &deployment.clusters);
    let services: usize = clusters.clone().map(|cluster| cluster.services.len()).sum();
    stored.insert("deployments".to_owned(), json!(deployments.total));
    stored.insert("clusters".to_owned(), json!(clusters.count()));
    stored.insert("services".to_owned(), json!(services));
    let mut pulse = Map::new();
    let counted = [
        ("changed", "archive", "archive:update"),
        ("deleted", "archive", "archive:delete"),
        ("synchronized", "synchronization", "synchronization"),
    ];
    for (name, kind, tag) in counted {
        let query = driver::Query { tags: vec![tag.to_owned()], kind: Some(kind.to_owned()), from: None, to: None };
        let count = api.engine.aggregate(&query, Aggregate::Count).await?;
        pulse.insert(name.to_owned(), json!(count.unwrap_or_default() as u64));
    }
    let shown = json!({ "process": process::facts(), "persistence": stored, "pulse": pulse });
    Ok(body::answer(StatusCode::OK, &headers, &shown))
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

/// Where instances can run, as the original lists the machines of a cluster; what a driver does not tell is not there.
pub(super) async fn nodes(State(api): State<Api>, headers: HeaderMap) -> Response {
    let mut names = Vec::new();
    for deployment in api.engine.list_deployments(0, usize::MAX).await.items {
        let services = deployment.clusters.into_iter().flat_map(|cluster| cluster.services);
        names.extend(services.flat_map(|service| service.instances).filter_map(|instance| instance.node));
    }
    names.sort();
    names.dedup();
    let shown = names.into_iter().map(|name| json!({ "name": name })).collect();
    body::answer(StatusCode::OK, &headers, &shown)
}

/// What is named in the original and has no counterpart here yet, with what to do instead.
pub(super) fn not_here(message: &'static str) -> impl Fn() -> std::future::Ready<Problem> + Clone {
    move || std::future::ready(Problem::new(StatusCode::NOT_IMPLEMENTED, message))
}
