//! Gateways.

use super::{
    Api,
    body::{self, Change},
    documents,
    error::Problem,
    extract::{Body, Path, Query},
    page::{self, Paging},
    precondition::{self, Precondition},
    preview, references, targets,
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use vamp_core::{
    driver::Version,
    engine::{Failure, Request},
    model::{
        Gateway,
        read::{self, Kind},
        write,
    },
};

pub(super) async fn list(
    State(api): State<Api>,
    Query(paging): Query<Paging>,
    Query(shape): Query<references::Shape>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let part = api.engine.list_gateways(paging.skip(), paging.size()).await;
    let mut shown = Vec::new();
    for (gateway, _) in &part.items {
        shown.push(references::shaped(&api, targets::shown(&api, gateway).await, shape).await?);
    }
    Ok(page::list(&uri, paging, &headers, shown, part.total))
}

pub(super) async fn one(
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(shape): Query<references::Shape>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let missing = || Failure::NotFound { kind: "gateways", name: name.clone() };
    let (gateway, version) = api.engine.find::<Gateway>(&name).await?.ok_or_else(missing)?;
    let shown = references::shaped(&api, targets::shown(&api, &gateway).await, shape).await?;
    Ok(precondition::read_live(&headers, &shown, &version))
}

pub(super) async fn create(
    State(api): State<Api>,
    Query(change): Query<Change>,
    precondition: Precondition,
    headers: HeaderMap,
    Body(source): Body,
) -> Result<Response, Problem> {
    if documents::are_several(&source) {
        precondition.none()?;
        return api.carry_out(&source, Some(Kind::Gateway), change, &headers).await;
    }
    let gateway = read::gateway(&source)?;
    let expected = api.expected(Kind::Gateway, gateway.name.as_str(), &precondition).await?;
    let stored = store(&api, &gateway, change, expected, &headers).await;
    stored.map_err(|problem| problem.located(&source))
}

/// Several documents at once; the original took them at the root only.
pub(super) async fn put_all(
    State(api): State<Api>,
    Query(change): Query<Change>,
    precondition: Precondition,
    headers: HeaderMap,
    Body(source): Body,
) -> Result<Response, Problem> {
    precondition.none()?;
    api.carry_out(&source, Some(Kind::Gateway), change, &headers).await
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
    let expected = api.expected(Kind::Gateway, &name, &precondition).await?;
    let stored = store(&api, &gateway, change, expected, &headers).await;
    stored.map_err(|problem| problem.located(&source))
}

async fn store(
    api: &Api,
    gateway: &Gateway,
    change: Change,
    expected: Option<Version>,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let (shown, version) = api.store_gateway(gateway, change, expected.as_ref()).await?;
    Ok(match version {
        Some(version) => body::versioned(StatusCode::ACCEPTED, headers, &shown, &version),
        None => body::answer(StatusCode::ACCEPTED, headers, &shown),
    })
}

impl Api {
    /// Stores a gateway, or only checks it; answers it as it is shown, with its version if it was stored.
    pub(super) async fn store_gateway(
        &self,
        gateway: &Gateway,
        change: Change,
        expected: Option<&Version>,
    ) -> Result<(Value, Option<Version>), Problem> {
        self.check_native(&write::gateway(gateway))?;
        let gateway = &targets::declared(self, gateway);
        if change.validate_only {
            let checked = self.engine.check_gateway(gateway).await?;
            let mut shown = targets::shown(self, &checked).await;
            shown["changes"] = preview::of(self, Request::PutGateway(gateway)).await?;
            return Ok((shown, None));
        }
        let (stored, version) = self.engine.put_gateway(gateway, expected).await?;
        if let Some(deadline) = change.deadline() {
            self.engine.applied(stored.name.as_str(), deadline).await?;
        }
        Ok((targets::shown(self, &stored).await, Some(version)))
    }
}

pub(super) async fn remove(
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(change): Query<Change>,
    precondition: Precondition,
) -> Result<Response, Problem> {
    let expected = api.expected(Kind::Gateway, &name, &precondition).await?;
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
