//! Artifacts that are stored and do nothing by themselves, of any kind.

use super::{
    Api, body, documents,
    error::Problem,
    extract::{Ask, Body},
    page::{self, View},
    precondition, references, workflow,
};
use axum::{
    Extension, Router,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::Value;
use vamp_core::{
    driver::Version,
    engine::Failure,
    model::{
        Blueprint, Breed, Reference,
        read::{self, Artifact, Kind},
    },
};

/// The routes of one kind.
pub(super) fn routes(kind: Kind) -> Router<Api> {
    let collection = get(list).post(create).put(put_all);
    let item = get(one).put(put).delete(remove);
    let routes = Router::new()
        .route(&format!("/{}", kind.plural()), collection)
        .route(&format!("/{}/{{name}}", kind.plural()), item);
    let routes = match kind {
        Kind::Workflow => routes.route("/workflows/{name}/status", get(workflow::status).put(workflow::put_status)),
        _ => routes,
    };
    routes.layer(Extension(kind))
}

async fn list(Extension(kind): Extension<Kind>, ask: Ask<(), View>) -> Result<Response, Problem> {
    let Ask { api, query: view, .. } = &ask;
    let part = api.engine.list_any(kind, view.skip(), view.size()).await?;
    let mut all = Vec::new();
    for artifact in &part.items {
        all.push(show(&*references::shaped(api, artifact, view.shape()).await?)?);
    }
    Ok(page::list(&ask.uri, *view, &ask.headers, all, part.total))
}

async fn one(Extension(kind): Extension<Kind>, ask: Ask<String, View>) -> Result<Response, Problem> {
    let missing = || Failure::NotFound { kind: kind.plural(), name: ask.at.clone() };
    let (artifact, version) = ask.api.engine.find_any(kind, &ask.at).await?.ok_or_else(missing)?;
    let shown = show(&*references::shaped(&ask.api, &artifact, ask.query.shape()).await?)?;
    Ok(precondition::read(&ask.headers, &shown, &version))
}

async fn create(Extension(kind): Extension<Kind>, ask: Ask, Body(source): Body) -> Result<Response, Problem> {
    if documents::are_several(&source) {
        return ask.store_several(&source, kind, StatusCode::CREATED).await;
    }
    let artifact = read::artifact(&source, kind)?;
    ask.store_one(&artifact, StatusCode::CREATED).await.map_err(|problem| problem.located(&source))
}

/// Several documents at once; the original took them at the root only.
async fn put_all(Extension(kind): Extension<Kind>, ask: Ask, Body(source): Body) -> Result<Response, Problem> {
    ask.store_several(&source, kind, StatusCode::OK).await
}

async fn put(Extension(kind): Extension<Kind>, ask: Ask<String>, Body(source): Body) -> Result<Response, Problem> {
    let source = if kind == Kind::Breed { workflow::as_breed(&ask.headers, source) } else { source };
    let artifact = read::artifact_named(&source, kind, &ask.at)?;
    ask.store_one(&artifact, StatusCode::OK).await.map_err(|problem| problem.located(&source))
}

async fn remove(Extension(kind): Extension<Kind>, ask: Ask<String>) -> Result<Response, Problem> {
    let expected = ask.expected(kind, &ask.at).await?;
    if !ask.query.validate_only {
        ask.api.engine.remove_any(kind, &ask.at, expected.as_ref()).await?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// An artifact as the API shows it.
pub(super) fn show(artifact: &Artifact) -> Result<Value, Problem> {
    let defect = |error: serde_json::Error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    serde_json::to_value(artifact).map_err(defect)
}

impl<P> Ask<P> {
    /// The version that this change of an artifact expects to find.
    pub(super) async fn expected(&self, kind: Kind, name: &str) -> Result<Option<Version>, Problem> {
        if self.precondition.is_none() {
            return Ok(None);
        }
        let found = self.api.engine.find_any(kind, name).await?;
        self.precondition.expected(found.as_ref().map(|(_, version)| version))
    }

    pub(super) async fn store_one(&self, artifact: &Artifact, status: StatusCode) -> Result<Response, Problem> {
        let Self { api, headers, .. } = self;
        let shown = show(artifact)?;
        api.check_native(&shown)?;
        let expected = self.expected(artifact.kind(), artifact.name()).await?;
        if self.query.validate_only {
            return Ok(body::answer(status, headers, &shown));
        }
        // The original keeps the breeds of a blueprint as breeds of their own, and answers a list of what was stored.
        let mut all = api.store_breeds(&breeds_in(artifact)).await?;
        let version = api.engine.store_any(artifact, expected.as_ref()).await?;
        all.push(shown);
        Ok(body::versioned(status, headers, &Value::Array(all), &version))
    }

    async fn store_several(&self, source: &str, kind: Kind, status: StatusCode) -> Result<Response, Problem> {
        self.precondition.none()?;
        let artifacts = read::artifacts(source, Some(kind))?;
        let all = self.api.store_together(&artifacts.iter().collect::<Vec<_>>(), self.query).await?;
        Ok(body::answer(status, &self.headers, &Value::Array(all)))
    }
}

impl Api {
    /// Stores breeds that stand in place in something else.
    pub(super) async fn store_breeds(&self, breeds: &[&Breed]) -> Result<Vec<Value>, Problem> {
        let mut shown = Vec::new();
        for breed in breeds {
            if let Some(artifact) = self.unknown_breed(breed).await? {
                self.engine.store_any(&artifact, None).await?;
            }
            shown.push(show(&Artifact::Breed(Box::new((*breed).clone())))?);
        }
        Ok(shown)
    }

    /// A breed as an artifact to store, if it is not stored like that already.
    pub(super) async fn unknown_breed(&self, breed: &Breed) -> Result<Option<Artifact>, Problem> {
        let artifact = Artifact::Breed(Box::new(breed.clone()));
        let known = self.engine.find_any(Kind::Breed, artifact.name()).await?;
        Ok(known.is_none_or(|(known, _)| known != artifact).then_some(artifact))
    }
}

/// The breeds that stand in place in a blueprint.
pub(super) fn breeds_in(artifact: &Artifact) -> Vec<&Breed> {
    match artifact {
        Artifact::Blueprint(blueprint) => breeds_of(blueprint),
        _ => Vec::new(),
    }
}

/// The breeds that stand in place in a blueprint.
pub(super) fn breeds_of(blueprint: &Blueprint) -> Vec<&Breed> {
    let services = blueprint.clusters.iter().flat_map(|cluster| &cluster.services);
    let inline = services.filter_map(|service| match &service.breed {
        Reference::Inline(breed) => Some(&**breed),
        Reference::Reference(_) => None,
    });
    inline.collect()
}
