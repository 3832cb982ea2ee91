//! Gateways.

use super::{
    Api,
    body::{self, Change},
    error::Problem,
    extract::{Body, Path, Query},
    page::{self, Paging},
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use vamp_core::{
    Violation,
    driver::{Page, Version},
    engine::Failure,
    model::{Gateway, read, write},
};

pub(super) async fn list(
    State(api): State<Api>,
    Query(paging): Query<Paging>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let gateways = api.engine.all::<Gateway>(&Page::ALL).await?;
    let shown: Vec<_> = gateways.iter().map(write::gateway).collect();
    Ok(page::list("/api/v1/gateways", paging, &headers, &shown))
}

pub(super) async fn one(
    State(api): State<Api>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let missing = || Failure::NotFound { kind: "gateways", name: name.clone() };
    let (gateway, version) = api.engine.find::<Gateway>(&name).await?.ok_or_else(missing)?;
    Ok(body::versioned(StatusCode::OK, &headers, &write::gateway(&gateway), &version))
}

pub(super) async fn create(
    State(api): State<Api>,
    Query(change): Query<Change>,
    headers: HeaderMap,
    Body(source): Body,
) -> Result<Response, Problem> {
    store(&api, &api.read_gateway(&source)?, change, None, &headers)
        .await
        .map_err(|failure| body::located(failure, &source))
}

pub(super) async fn put(
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(change): Query<Change>,
    headers: HeaderMap,
    Body(source): Body,
) -> Result<Response, Problem> {
    let gateway = api.read_gateway(&source)?;
    if gateway.name != *name {
        let message = format!("the path names gateway `{name}` and the body `{}`", gateway.name);
        let violation = Violation::new("InconsistentArtifactName", "name", message);
        return Err(body::located(violation.into(), &source));
    }
    let expected = body::expected(&headers)?;
    let stored = store(&api, &gateway, change, expected, &headers).await;
    stored.map_err(|failure| body::located(failure, &source))
}

async fn store(
    api: &Api,
    gateway: &Gateway,
    change: Change,
    expected: Option<Version>,
    headers: &HeaderMap,
) -> Result<Response, Failure> {
    if change.validate_only {
        let checked = api.engine.check_gateway(gateway).await?;
        return Ok(body::answer(StatusCode::ACCEPTED, headers, &write::gateway(&checked)));
    }
    let (stored, version) = api.engine.put_gateway(gateway, expected.as_ref()).await?;
    if let Some(deadline) = change.deadline() {
        api.engine.applied(stored.name.as_str(), deadline).await?;
    }
    Ok(body::versioned(StatusCode::ACCEPTED, headers, &write::gateway(&stored), &version))
}

pub(super) async fn remove(
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(change): Query<Change>,
) -> Result<Response, Problem> {
    if !change.validate_only {
        api.engine.delete_gateway(&name).await?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

impl Api {
    /// A gateway, with the rule of this server about native conditions.
    fn read_gateway(&self, source: &str) -> Result<Gateway, Problem> {
        let gateway = read::gateway(source)?;
        self.check_native(&gateway).map_err(|failure| body::located(failure, source))?;
        Ok(gateway)
    }
}
