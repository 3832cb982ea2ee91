//! Deployments.

use super::{
    Api, artifact,
    body::{self, Change},
    error::Problem,
    extract::{Body, Path, Query},
    page::{self, Paging},
    precondition::{self, Precondition},
    preview, references,
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::Response,
};
use serde_json::Value;
use vamp_core::{
    driver::Version,
    engine::{Failure, Options, Request},
    model::{
        Blueprint, Deployment, export,
        read::{self, DeploymentRequest},
        write,
    },
};

/// The query of a deployment.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Show {
    as_blueprint: bool,
}

pub(super) async fn list(
    State(api): State<Api>,
    Query(paging): Query<Paging>,
    Query(show): Query<Show>,
    Query(shape): Query<references::Shape>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let part = api.engine.list_deployments(paging.skip(), paging.size()).await;
    let mut shown = Vec::new();
    for deployment in &part.items {
        shown.push(api.shown(deployment, show, shape).await?);
    }
    Ok(page::list(&uri, paging, &headers, shown, part.total))
}

pub(super) async fn one(
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(show): Query<Show>,
    Query(shape): Query<references::Shape>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (deployment, version) = api.stored(&name).await?;
    let shown = api.shown(&deployment, show, shape).await?;
    Ok(precondition::read_live(&headers, &shown, &version))
}

pub(super) async fn create(
    State(api): State<Api>,
    Query(change): Query<Change>,
    precondition: Precondition,
    headers: HeaderMap,
    Body(source): Body,
) -> Result<Response, Problem> {
    let blueprint = api.requested(read::deployment(&source)?).await.map_err(|problem| problem.located(&source))?;
    let name = blueprint.name.to_string();
    let done = api.deploy(&name, &blueprint, change, &precondition, &headers).await;
    done.map_err(|problem| problem.located(&source))
}

pub(super) async fn merge(
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(change): Query<Change>,
    precondition: Precondition,
    headers: HeaderMap,
    Body(source): Body,
) -> Result<Response, Problem> {
    let blueprint = api.requested(read::deployment(&source)?).await.map_err(|problem| problem.located(&source))?;
    let done = match change.delete {
        true => api.undeploy(&name, &blueprint, change, &precondition, &headers).await,
        false => api.deploy(&name, &blueprint, change, &precondition, &headers).await,
    };
    done.map_err(|problem| problem.located(&source))
}

pub(super) async fn remove(
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(change): Query<Change>,
    precondition: Precondition,
    headers: HeaderMap,
    Body(source): Body,
) -> Result<Response, Problem> {
    let blueprint = match source.trim().is_empty() {
        true => export::blueprint(&api.stored(&name).await?.0, &[]),
        false => api.requested(read::deployment(&source)?).await.map_err(|problem| problem.located(&source))?,
    };
    let done = api.undeploy(&name, &blueprint, change, &precondition, &headers).await;
    done.map_err(|problem| problem.located(&source))
}

impl Api {
    /// The deployment of that name with what runs of it, and its version.
    pub(super) async fn stored(&self, name: &str) -> Result<(Deployment, Version), Problem> {
        let missing = || Failure::NotFound { kind: "deployments", name: name.to_owned() };
        Ok(self.engine.deployment(name).await?.ok_or_else(missing)?)
    }

    /// The blueprint that a body is, or names.
    pub(super) async fn requested(&self, request: DeploymentRequest) -> Result<Blueprint, Problem> {
        match request {
            DeploymentRequest::Blueprint(blueprint) => Ok(*blueprint),
            DeploymentRequest::Stored(name) => {
                let found = self.engine.find::<Blueprint>(name.as_str()).await?;
                let missing = || references::missing("name", "blueprints", name.as_str());
                Ok(found.ok_or_else(missing)?.0)
            }
        }
    }

    async fn shown(&self, deployment: &Deployment, show: Show, shape: references::Shape) -> Result<Value, Problem> {
        let gateways = self.engine.gateways_of(deployment.name.as_str()).await;
        let shown = match show.as_blueprint {
            true => write::blueprint(&export::blueprint(deployment, &gateways)),
            false => write::deployment(deployment, &gateways),
        };
        references::shaped(self, shown, shape).await
    }

    pub(super) async fn deploy(
        &self,
        name: &str,
        blueprint: &Blueprint,
        change: Change,
        precondition: &Precondition,
        headers: &HeaderMap,
    ) -> Result<Response, Problem> {
        self.check_native(&write::blueprint(blueprint))?;
        let options = self.options(name, change, precondition).await?;
        let refer = |failure| references::in_blueprint(failure, blueprint);
        let deployed = self.engine.deploy(name, blueprint, options).await.map_err(refer)?;
        if change.validate_only {
            let changes = preview::of(self, Request::Deploy { name, blueprint }).await?;
            return Ok(self.would_be(&deployed, changes, headers).await);
        }
        self.store_breeds(&artifact::breeds_of(blueprint)).await?;
        self.settled(name, deployed, change, headers).await
    }

    pub(super) async fn undeploy(
        &self,
        name: &str,
        blueprint: &Blueprint,
        change: Change,
        precondition: &Precondition,
        headers: &HeaderMap,
    ) -> Result<Response, Problem> {
        let options = self.options(name, change, precondition).await?;
        let sliced = self.engine.undeploy(name, blueprint, options).await?;
        if change.validate_only {
            let changes = preview::of(self, Request::Undeploy { name, blueprint }).await?;
            return Ok(self.would_be(&sliced, changes, headers).await);
        }
        self.settled(name, sliced, change, headers).await
    }

    async fn options(&self, name: &str, change: Change, precondition: &Precondition) -> Result<Options, Problem> {
        let options = if change.validate_only { Options::VALIDATE_ONLY } else { Options::DEFAULT };
        if precondition.is_none() {
            return Ok(options);
        }
        let found = self.engine.deployment(name).await?;
        let expected = precondition.expected(found.as_ref().map(|(_, version)| version))?;
        Ok(options.expecting(expected))
    }

    /// A deployment as it would be, and what would change.
    async fn would_be(&self, deployment: &Deployment, changes: Value, headers: &HeaderMap) -> Response {
        let gateways = self.engine.gateways_of(deployment.name.as_str()).await;
        let mut shown = write::deployment(deployment, &gateways);
        shown["changes"] = changes;
        body::answer(StatusCode::ACCEPTED, headers, &Value::Array(vec![shown]))
    }

    async fn settled(
        &self,
        name: &str,
        mut deployment: Deployment,
        change: Change,
        headers: &HeaderMap,
    ) -> Result<Response, Problem> {
        if let Some(deadline) = change.deadline() {
            self.engine.settled(name, deadline).await?;
            deployment = self.engine.deployment(name).await?.map_or(deployment, |(present, _)| present);
        }
        let gateways = self.engine.gateways_of(name).await;
        // The original answers with a list of one.
        let shown = Value::Array(vec![write::deployment(&deployment, &gateways)]);
        Ok(body::answer(StatusCode::ACCEPTED, headers, &shown))
    }
}
