//! Artifacts that are stored and do nothing by themselves.

use super::{
    Api,
    body::{self, Change},
    error::Problem,
    extract::{Body, Path, Query},
    kind::Stored,
    page::{self, Paging},
    precondition::Precondition,
};
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::Value;
use vamp_core::{driver::Page, engine::Failure};

/// The routes of one kind.
pub(super) fn routes<T: Stored>() -> Router<Api> {
    Router::new()
        .route(&format!("/{}", T::KIND), get(list::<T>).post(create::<T>))
        .route(&format!("/{}/{{name}}", T::KIND), get(one::<T>).put(put::<T>).delete(remove::<T>))
}

async fn list<T: Stored>(
    State(api): State<Api>,
    Query(paging): Query<Paging>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let shown: Vec<Value> = api.engine.all::<T>(&Page::ALL).await?.iter().map(T::show).collect();
    Ok(page::list(&format!("/api/v1/{}", T::KIND), paging, &headers, &shown))
}

async fn one<T: Stored>(
    State(api): State<Api>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let missing = || Failure::NotFound { kind: T::KIND, name: name.clone() };
    let (artifact, version) = api.engine.find::<T>(&name).await?.ok_or_else(missing)?;
    Ok(body::versioned(StatusCode::OK, &headers, &artifact.show(), &version))
}

async fn create<T: Stored>(
    State(api): State<Api>,
    Query(change): Query<Change>,
    precondition: Precondition,
    headers: HeaderMap,
    Body(source): Body,
) -> Result<Response, Problem> {
    let artifact = T::read(&source)?;
    api.check_native(&artifact).map_err(|failure| body::located(failure, &source))?;
    store(&api, StatusCode::CREATED, &artifact, change, &precondition, &headers).await
}

async fn put<T: Stored>(
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(change): Query<Change>,
    precondition: Precondition,
    headers: HeaderMap,
    Body(source): Body,
) -> Result<Response, Problem> {
    let artifact = T::read_named(&source, &name)?;
    api.check_native(&artifact).map_err(|failure| body::located(failure, &source))?;
    store(&api, StatusCode::OK, &artifact, change, &precondition, &headers).await
}

async fn store<T: Stored>(
    api: &Api,
    status: StatusCode,
    artifact: &T,
    change: Change,
    precondition: &Precondition,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let expected = api.expected::<T>(artifact.name(), precondition).await?;
    if change.validate_only {
        return Ok(body::answer(status, headers, &artifact.show()));
    }
    let version = api.engine.store(artifact, expected.as_ref()).await?;
    // The original answers with a list of what was stored.
    Ok(body::versioned(status, headers, &Value::Array(vec![artifact.show()]), &version))
}

async fn remove<T: Stored>(
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(change): Query<Change>,
    precondition: Precondition,
) -> Result<Response, Problem> {
    let expected = api.expected::<T>(&name, &precondition).await?;
    if !change.validate_only {
        api.engine.remove::<T>(&name, expected.as_ref()).await?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
