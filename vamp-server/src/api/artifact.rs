//! Artifacts that are stored and do nothing by themselves, of any kind.

use super::{
    Api,
    body::{self, Change},
    documents,
    error::Problem,
    extract::{Body, Path, Query},
    page::{self, Paging},
    precondition::{self, Precondition},
    references, workflow,
};
use axum::{
    Extension, Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
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

async fn list(
    State(api): State<Api>,
    Extension(kind): Extension<Kind>,
    Query(paging): Query<Paging>,
    Query(shape): Query<references::Shape>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let part = api.engine.list_any(kind, paging.skip(), paging.size()).await?;
    let mut shown = Vec::new();
    for artifact in &part.items {
        shown.push(references::shaped(&api, show(artifact)?, shape).await?);
    }
    Ok(page::list(&uri, paging, &headers, shown, part.total))
}

async fn one(
    State(api): State<Api>,
    Extension(kind): Extension<Kind>,
    Path(name): Path<String>,
    Query(shape): Query<references::Shape>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let missing = || Failure::NotFound { kind: kind.plural(), name: name.clone() };
    let (artifact, version) = api.engine.find_any(kind, &name).await?.ok_or_else(missing)?;
    let shown = references::shaped(&api, show(&artifact)?, shape).await?;
    Ok(precondition::read(&headers, &shown, &version))
}

async fn create(
    State(api): State<Api>,
    Extension(kind): Extension<Kind>,
    Query(change): Query<Change>,
    precondition: Precondition,
    headers: HeaderMap,
    Body(source): Body,
) -> Result<Response, Problem> {
    if documents::are_several(&source) {
        return api.store_several(&source, kind, change, &precondition, StatusCode::CREATED, &headers).await;
    }
    let artifact = read::artifact(&source, kind)?;
    let stored = api.store_one(&artifact, change, &precondition, StatusCode::CREATED, &headers).await;
    stored.map_err(|problem| problem.located(&source))
}

/// Several documents at once; the original took them at the root only.
async fn put_all(
    State(api): State<Api>,
    Extension(kind): Extension<Kind>,
    Query(change): Query<Change>,
    precondition: Precondition,
    headers: HeaderMap,
    Body(source): Body,
) -> Result<Response, Problem> {
    api.store_several(&source, kind, change, &precondition, StatusCode::OK, &headers).await
}

async fn put(
    State(api): State<Api>,
    Extension(kind): Extension<Kind>,
    Path(name): Path<String>,
    Query(change): Query<Change>,
    precondition: Precondition,
    headers: HeaderMap,
    Body(source): Body,
) -> Result<Response, Problem> {
    let source = if kind == Kind::Breed { workflow::as_breed(&headers, source) } else { source };
    let artifact = read::artifact_named(&source, kind, &name)?;
    let stored = api.store_one(&artifact, change, &precondition, StatusCode::OK, &headers).await;
    stored.map_err(|problem| problem.located(&source))
}

async fn remove(
    State(api): State<Api>,
    Extension(kind): Extension<Kind>,
    Path(name): Path<String>,
    Query(change): Query<Change>,
    precondition: Precondition,
) -> Result<Response, Problem> {
    let expected = api.expected(kind, &name, &precondition).await?;
    if !change.validate_only {
        api.engine.remove_any(kind, &name, expected.as_ref()).await?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// An artifact as the API shows it.
pub(super) fn show(artifact: &Artifact) -> Result<Value, Problem> {
    let defect = |error: serde_json::Error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    serde_json::to_value(artifact).map_err(defect)
}

impl Api {
    /// The version that a change of this artifact expects to find.
    pub(super) async fn expected(
        &self,
        kind: Kind,
        name: &str,
        precondition: &Precondition,
    ) -> Result<Option<Version>, Problem> {
        if precondition.is_none() {
            return Ok(None);
        }
        let found = self.engine.find_any(kind, name).await?;
        precondition.expected(found.as_ref().map(|(_, version)| version))
    }

    pub(super) async fn store_one(
        &self,
        artifact: &Artifact,
        change: Change,
        precondition: &Precondition,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<Response, Problem> {
        let shown = show(artifact)?;
        self.check_native(&shown)?;
        let expected = self.expected(artifact.kind(), artifact.name(), precondition).await?;
        if change.validate_only {
            return Ok(body::answer(status, headers, &shown));
        }
        // The original keeps the breeds of a blueprint as breeds of their own, and answers a list of what was stored.
        let mut all = self.store_breeds(&breeds_in(artifact)).await?;
        let version = self.engine.store_any(artifact, expected.as_ref()).await?;
        all.push(shown);
        Ok(body::versioned(status, headers, &Value::Array(all), &version))
    }

    /// Stores breeds that stand in place in something else.
    pub(super) async fn store_breeds(&self, breeds: &[&Breed]) -> Result<Vec<Value>, Problem> {
        let mut shown = Vec::new();
        for breed in breeds {
            let artifact = Artifact::Breed(Box::new((*breed).clone()));
            let known = self.engine.find_any(Kind::Breed, artifact.name()).await?;
            if known.is_none_or(|(known, _)| known != artifact) {
                self.engine.store_any(&artifact, None).await?;
            }
            shown.push(show(&artifact)?);
        }
        Ok(shown)
    }

    async fn store_several(
        &self,
        source: &str,
        kind: Kind,
        change: Change,
        precondition: &Precondition,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<Response, Problem> {
        precondition.none()?;
        let artifacts = read::artifacts(source, Some(kind))?;
        let mut all = Vec::new();
        for artifact in &artifacts {
            let shown = show(artifact)?;
            self.check_native(&shown)?;
            all.push(shown);
        }
        if !change.validate_only {
            for artifact in &artifacts {
                self.store_breeds(&breeds_in(artifact)).await?;
                self.engine.store_any(artifact, None).await?;
            }
        }
        Ok(body::answer(status, headers, &Value::Array(all)))
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
