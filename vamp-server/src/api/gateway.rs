//! Gateways.

use super::{
    Api, artifact,
    body::{self, Change},
    documents,
    error::Problem,
    extract::{Ask, Body},
    page::{self, View},
    precondition, preview,
    references::{self, Shape},
    targets,
};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::Value;
use vamp_core::{
    driver::Version,
    engine::{Failure, Request},
    model::{
        Gateway,
        read::{self, Artifact, Kind},
        write,
    },
};

pub(super) async fn list(ask: Ask<(), View>) -> Result<Response, Problem> {
    let Ask { api, query: view, .. } = &ask;
    let part = api.engine.list_gateways(view.skip(), view.size()).await;
    let mut all = Vec::new();
    for (gateway, _) in &part.items {
        all.push(shown(api, gateway, view.shape()).await?);
    }
    Ok(page::list(&ask.uri, *view, &ask.headers, all, part.total))
}

pub(super) async fn one(ask: Ask<String, View>) -> Result<Response, Problem> {
    let missing = || Failure::NotFound { kind: "gateways", name: ask.at.clone() };
    let (gateway, version) = ask.api.engine.find::<Gateway>(&ask.at).await?.ok_or_else(missing)?;
    let shown = shown(&ask.api, &gateway, ask.query.shape()).await?;
    Ok(precondition::read_live(&ask.headers, &shown, &version))
}

async fn shown(api: &Api, gateway: &Gateway, shape: Shape) -> Result<Value, Problem> {
    if shape == Shape::Stored {
        return Ok(targets::shown(api, gateway).await);
    }
    let artifact = Artifact::Gateway(Box::new(gateway.clone()));
    match &*references::shaped(api, &artifact, shape).await? {
        Artifact::Gateway(gateway) => Ok(targets::shown(api, gateway).await),
        other => artifact::show(other),
    }
}

pub(super) async fn create(ask: Ask, Body(source): Body) -> Result<Response, Problem> {
    if documents::are_several(&source) {
        ask.precondition.none()?;
        return ask.carry_out(&source, Some(Kind::Gateway)).await;
    }
    let gateway = read::gateway(&source)?;
    ask.store_gateway(&gateway).await.map_err(|problem| problem.located(&source))
}

/// Several documents at once; the original took them at the root only.
pub(super) async fn put_all(ask: Ask, Body(source): Body) -> Result<Response, Problem> {
    ask.precondition.none()?;
    ask.carry_out(&source, Some(Kind::Gateway)).await
}

pub(super) async fn put(ask: Ask<String>, Body(source): Body) -> Result<Response, Problem> {
    let gateway = read::gateway_named(&source, &ask.at)?;
    ask.store_gateway(&gateway).await.map_err(|problem| problem.located(&source))
}

impl<P> Ask<P> {
    async fn store_gateway(&self, gateway: &Gateway) -> Result<Response, Problem> {
        let expected = self.expected(Kind::Gateway, gateway.name.as_str()).await?;
        let (shown, version) = self.api.store_gateway(gateway, self.query, expected.as_ref()).await?;
        Ok(match version {
            Some(version) => body::versioned(StatusCode::ACCEPTED, &self.headers, &shown, &version),
            None => body::answer(StatusCode::ACCEPTED, &self.headers, &shown),
        })
    }
}

impl Api {
    /// Stores a gateway, or only checks it; answers it as it is shown, with its version if it was stored.
    async fn store_gateway(
        &self,
        gateway: &Gateway,
        change: Change,
        expected: Option<&Version>,
    ) -> Result<(Value, Option<Version>), Problem> {
        self.check_native(&write::gateway(gateway))?;
        let gateway = &targets::declared(self, gateway);
        if change.validate_only {
            let checked = self.engine.check_gateway(gateway).await?;
            return Ok((self.shown_gateway(&checked, change).await?, None));
        }
        let (stored, version) = self.engine.put_gateway(gateway, expected).await?;
        Ok((self.shown_gateway(&stored, change).await?, Some(version)))
    }

    /// A gateway that was stored or checked, once it is served if that is asked for.
    pub(super) async fn shown_gateway(&self, gateway: &Gateway, change: Change) -> Result<Value, Problem> {
        if change.validate_only {
            let mut shown = targets::shown(self, gateway).await;
            shown["changes"] = preview::of(self, Request::PutGateway(gateway)).await?;
            return Ok(shown);
        }
        if let Some(deadline) = change.deadline() {
            self.engine.applied(gateway.name.as_str(), deadline).await?;
        }
        Ok(targets::shown(self, gateway).await)
    }
}

pub(super) async fn remove(ask: Ask<String>) -> Result<Response, Problem> {
    let Ask { api, at: name, query: change, .. } = &ask;
    let expected = ask.expected(Kind::Gateway, name).await?;
    if change.validate_only {
        api.engine.check_delete_gateway(name).await?;
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    api.engine.delete_gateway(name, expected.as_ref()).await?;
    if let Some(deadline) = change.deadline() {
        api.engine.applied(name, deadline).await?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
