//! Deployments.

use super::{
    Api, artifact, body,
    error::Problem,
    extract::{Ask, Body},
    page::{self, View},
    precondition, preview, references,
};
use axum::{http::StatusCode, response::Response};
use serde_json::Value;
use vamp_core::{
    driver::Version,
    engine::{Failure, Options, Request},
    model::{
        Blueprint, Deployment, export,
        read::{self, Artifact, DeploymentRequest},
        write,
    },
};

pub(super) async fn list(ask: Ask<(), View>) -> Result<Response, Problem> {
    let Ask { api, query: view, .. } = &ask;
    let part = api.engine.list_deployments(view.skip(), view.size()).await;
    let mut all = Vec::new();
    for deployment in &part.items {
        all.push(api.shown(deployment, *view).await?);
    }
    Ok(page::list(&ask.uri, *view, &ask.headers, all, part.total))
}

pub(super) async fn one(ask: Ask<String, View>) -> Result<Response, Problem> {
    let (deployment, version) = ask.api.stored(&ask.at).await?;
    let shown = ask.api.shown(&deployment, ask.query).await?;
    Ok(precondition::read_live(&ask.headers, &shown, &version))
}

pub(super) async fn create(ask: Ask, Body(source): Body) -> Result<Response, Problem> {
    let done = async {
        let blueprint = ask.api.requested(read::deployment(&source)?).await?;
        ask.deploy(blueprint.name.as_str(), &blueprint).await
    };
    done.await.map_err(|problem| problem.located(&source))
}

pub(super) async fn merge(ask: Ask<String>, Body(source): Body) -> Result<Response, Problem> {
    let done = async {
        let blueprint = ask.api.requested(read::deployment(&source)?).await?;
        match ask.query.delete {
            true => ask.undeploy(&ask.at, &blueprint).await,
            false => ask.deploy(&ask.at, &blueprint).await,
        }
    };
    done.await.map_err(|problem| problem.located(&source))
}

pub(super) async fn remove(ask: Ask<String>, Body(source): Body) -> Result<Response, Problem> {
    let done = async {
        let blueprint = match source.trim().is_empty() {
            true => export::blueprint(&ask.api.stored(&ask.at).await?.0, &[]),
            false => ask.api.requested(read::deployment(&source)?).await?,
        };
        ask.undeploy(&ask.at, &blueprint).await
    };
    done.await.map_err(|problem| problem.located(&source))
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

    async fn shown(&self, deployment: &Deployment, view: View) -> Result<Value, Problem> {
        let gateways = self.engine.gateways_of(deployment.name.as_str()).await;
        if !view.as_blueprint {
            return Ok(write::deployment(deployment, &gateways));
        }
        // Everything is in place in what is deployed; only names can take its place.
        let blueprint = Artifact::Blueprint(Box::new(export::blueprint(deployment, &gateways)));
        artifact::show(&*references::shaped(self, &blueprint, view.shape()).await?)
    }

    /// A deployment as it would be, and what would change.
    async fn would_be(&self, deployment: &Deployment, request: Request<'_>) -> Result<Value, Problem> {
        let changes = preview::of(self, request).await?;
        let gateways = self.engine.gateways_of(deployment.name.as_str()).await;
        let mut shown = write::deployment(deployment, &gateways);
        shown["changes"] = changes;
        Ok(shown)
    }
}

impl<P> Ask<P> {
    pub(super) async fn deploy(&self, name: &str, blueprint: &Blueprint) -> Result<Response, Problem> {
        let api = &self.api;
        api.check_native(&write::blueprint(blueprint))?;
        let options = self.options(name).await?;
        let refer = |failure| references::in_blueprint(failure, blueprint);
        let deployed = api.engine.deploy(name, blueprint, options).await.map_err(refer)?;
        if self.query.validate_only {
            return Ok(self.accepted(api.would_be(&deployed, Request::Deploy { name, blueprint }).await?));
        }
        api.store_breeds(&artifact::breeds_of(blueprint)).await?;
        self.settled(name, deployed).await
    }

    async fn undeploy(&self, name: &str, blueprint: &Blueprint) -> Result<Response, Problem> {
        let api = &self.api;
        let options = self.options(name).await?;
        let sliced = api.engine.undeploy(name, blueprint, options).await?;
        if self.query.validate_only {
            return Ok(self.accepted(api.would_be(&sliced, Request::Undeploy { name, blueprint }).await?));
        }
        self.settled(name, sliced).await
    }

    async fn options(&self, name: &str) -> Result<Options, Problem> {
        let options = if self.query.validate_only { Options::VALIDATE_ONLY } else { Options::DEFAULT };
        if self.precondition.is_none() {
            return Ok(options);
        }
        let found = self.api.engine.deployment(name).await?;
        let expected = self.precondition.expected(found.as_ref().map(|(_, version)| version))?;
        Ok(options.expecting(expected))
    }

    async fn settled(&self, name: &str, mut deployment: Deployment) -> Result<Response, Problem> {
        let engine = &self.api.engine;
        if let Some(deadline) = self.query.deadline() {
            engine.settled(name, deadline).await?;
            deployment = engine.deployment(name).await?.map_or(deployment, |(present, _)| present);
        }
        let gateways = engine.gateways_of(name).await;
        Ok(self.accepted(write::deployment(&deployment, &gateways)))
    }

    /// The original answers with a list of one.
    fn accepted(&self, shown: Value) -> Response {
        body::answer(StatusCode::ACCEPTED, &self.headers, &Value::Array(vec![shown]))
    }
}
