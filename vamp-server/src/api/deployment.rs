//! Deployments.

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
    response::Response,
};
use serde_json::Value;
use vamp_core::{
    driver::Page,
    engine::{Failure, Options},
    model::{
        Blueprint, Deployment, Gateway, export,
        read::{self, DeploymentRequest},
        write,
    },
};

pub(super) async fn list(
    State(api): State<Api>,
    Query(paging): Query<Paging>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let gateways = api.engine.all::<Gateway>(&Page::ALL).await?;
    let mut shown = Vec::new();
    for stored in api.engine.all::<Deployment>(&Page::ALL).await? {
        if let Some((deployment, _)) = api.engine.deployment(stored.name.as_str()).await? {
            shown.push(write::deployment(&deployment, &gateways));
        }
    }
    Ok(page::list("/api/v1/deployments", paging, &headers, &shown))
}

pub(super) async fn one(
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(query): Query<Show>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let missing = || Failure::NotFound { kind: "deployments", name: name.clone() };
    let (deployment, version) = api.engine.deployment(&name).await?.ok_or_else(missing)?;
    let gateways = api.engine.all::<Gateway>(&Page::ALL).await?;
    let shown = match query.as_blueprint {
        true => write::blueprint(&export::blueprint(&deployment, &gateways)),
        false => write::deployment(&deployment, &gateways),
    };
    Ok(body::versioned(StatusCode::OK, &headers, &shown, &version))
}

/// The query of a deployment.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Show {
    as_blueprint: bool,
}

pub(super) async fn create(
    State(api): State<Api>,
    Query(change): Query<Change>,
    precondition: Precondition,
    headers: HeaderMap,
    Body(source): Body,
) -> Result<Response, Problem> {
    precondition.none()?;
    let blueprint = api.requested(&source).await?;
    let name = blueprint.name.to_string();
    api.deploy(&name, &blueprint, change, &headers).await.map_err(|failure| body::located(failure, &source))
}

pub(super) async fn merge(
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(change): Query<Change>,
    precondition: Precondition,
    headers: HeaderMap,
    Body(source): Body,
) -> Result<Response, Problem> {
    precondition.none()?;
    let blueprint = api.requested(&source).await?;
    let done = match change.delete {
        true => api.undeploy(&name, &blueprint, change, &headers).await,
        false => api.deploy(&name, &blueprint, change, &headers).await,
    };
    done.map_err(|failure| body::located(failure, &source))
}

pub(super) async fn remove(
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(change): Query<Change>,
    precondition: Precondition,
    headers: HeaderMap,
    Body(source): Body,
) -> Result<Response, Problem> {
    precondition.none()?;
    let blueprint = match source.trim().is_empty() {
        true => api.everything_in(&name).await?,
        false => api.requested(&source).await?,
    };
    let done = api.undeploy(&name, &blueprint, change, &headers).await;
    done.map_err(|failure| body::located(failure, &source))
}

impl Api {
    /// The blueprint that a body is, or names.
    async fn requested(&self, source: &str) -> Result<Blueprint, Problem> {
        match read::deployment(source)? {
            DeploymentRequest::Blueprint(blueprint) => Ok(*blueprint),
            DeploymentRequest::Stored(name) => {
                let missing = || Failure::NotFound { kind: "blueprints", name: name.to_string() };
                let found = self.engine.find::<Blueprint>(name.as_str()).await?;
                Ok(found.ok_or_else(missing)?.0)
            }
        }
    }

    /// The blueprint of everything that is deployed.
    async fn everything_in(&self, name: &str) -> Result<Blueprint, Problem> {
        let missing = || Failure::NotFound { kind: "deployments", name: name.to_owned() };
        let (deployment, _) = self.engine.find::<Deployment>(name).await?.ok_or_else(missing)?;
        Ok(export::blueprint(&deployment, &[]))
    }

    async fn deploy(
        &self,
        name: &str,
        blueprint: &Blueprint,
        change: Change,
        headers: &HeaderMap,
    ) -> Result<Response, Failure> {
        self.check_native(blueprint)?;
        let deployed = self.engine.deploy(name, blueprint, options(change)).await?;
        self.settled(name, deployed, change, headers).await
    }

    async fn undeploy(
        &self,
        name: &str,
        blueprint: &Blueprint,
        change: Change,
        headers: &HeaderMap,
    ) -> Result<Response, Failure> {
        let sliced = self.engine.undeploy(name, blueprint, options(change)).await?;
        self.settled(name, sliced, change, headers).await
    }

    async fn settled(
        &self,
        name: &str,
        mut deployment: Deployment,
        change: Change,
        headers: &HeaderMap,
    ) -> Result<Response, Failure> {
        if let Some(deadline) = change.deadline().filter(|_| !change.validate_only) {
            self.engine.settled(name, deadline).await?;
            deployment = self.engine.deployment(name).await?.map_or(deployment, |(present, _)| present);
        }
        let gateways = self.engine.all::<Gateway>(&Page::ALL).await?;
        // The original answers with a list of one.
        let shown = Value::Array(vec![write::deployment(&deployment, &gateways)]);
        Ok(body::answer(StatusCode::ACCEPTED, headers, &shown))
    }
}

const fn options(change: Change) -> Options {
    if change.validate_only { Options::VALIDATE_ONLY } else { Options::DEFAULT }
}
