//! Gateways.

use super::{
    Api,
    body::{self, Change},
    error::Problem,
    extract::{Body, Path, Query},
    page::{self, Paging},
    precondition::Precondition,
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use vamp_core::{
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
    precondition: Precondition,
    headers: HeaderMap,
    Body(source): Body,
) -> Result<Response, Problem> {
    let gateway = read::gateway(&source)?;
    let expected = api.expected::<Gateway>(gateway.name.as_str(), &precondition).await?;
    let stored = store(&api, &gateway, change, expected, &headers).await;
    stored.map_err(|failure| body::located(failure, &source))
}

pub(super) async fn put(
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(change): Query<Change>,
    precondition: Precondition,
    headers: HeaderMap,
    Body(source): Body,
) -> Result<Response, Problem> {
    let gateway = read::gateway_named(&source, &name)?;
    let expected = api.expected::<Gateway>(&name, &precondition).await?;
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
    api.check_native(gateway)?;
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
    precondition: Precondition,
) -> Result<Response, Problem> {
    let expected = api.expected::<Gateway>(&name, &precondition).await?;
    if change.validate_only {
        api.engine.check_delete_gateway(&name).await?;
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    api.engine.delete_gateway(&name, expected.as_ref()).await?;
    if let Some(deadline) = change.deadline() {
        api.engine.applied(&name, deadline).await?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
