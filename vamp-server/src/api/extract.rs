//! What a request brings, each refused as a problem document: its path, its query, its body.

use super::{Api, body::Change, error::Problem, guard, precondition::Precondition};
use axum::{
    body::to_bytes,
    extract::{self, FromRef, FromRequest, FromRequestParts, Request},
    http::{HeaderMap, StatusCode, Uri, header::CONTENT_TYPE, request::Parts},
};
use serde::de::DeserializeOwned;
use vamp_core::yaml::{self, Limits};

/// The parameters after `?`; those that nobody knows are ignored, as the original does.
#[derive(Debug)]
pub(super) struct Query<T>(pub(super) T);

/// The parts of the path, percent-decoded.
#[derive(Debug)]
pub(super) struct Path<T>(pub(super) T);

/// What handlers get of a request beside its body: the parts of its path, what its query says, and the rest.
#[derive(Debug)]
pub(super) struct Ask<P = (), Q = Change> {
    pub(super) api: Api,
    pub(super) at: P,
    pub(super) query: Q,
    pub(super) precondition: Precondition,
    pub(super) headers: HeaderMap,
    pub(super) uri: Uri,
}

/// The text of the body, within the size that a document may have, with what it imports in place.
#[derive(Debug)]
pub(super) struct Body(pub(super) String);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match extract::Query::try_from_uri(&parts.uri) {
            Ok(extract::Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(Problem::new(rejection.status(), rejection.body_text())),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match extract::Path::from_request_parts(parts, state).await {
            Ok(extract::Path(path)) => Ok(Self(path)),
            Err(rejection) => Err(Problem::new(rejection.status(), rejection.body_text())),
        }
    }
}

impl<P: DeserializeOwned + Send, Q: DeserializeOwned + Send> FromRequestParts<Api> for Ask<P, Q> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let Path(at) = Path::from_request_parts(parts, api).await?;
        let Query(query) = Query::from_request_parts(parts, api).await?;
        let precondition = Precondition::from_request_parts(parts, api).await?;
        Ok(Self { api: api.clone(), at, query, precondition, headers: parts.headers.clone(), uri: parts.uri.clone() })
    }
}

impl<S: Send + Sync> FromRequest<S> for Body
where
    Api: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let limit = Limits::default().bytes;
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_program = content_type.is_some_and(guard::is_javascript);
        let bytes = to_bytes(request.into_body(), limit).await.map_err(|error| {
            let cause = std::error::Error::source(&error);
            if cause.is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>) {
                return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body has more than {limit} bytes"));
            }
            Problem::new(StatusCode::BAD_REQUEST, format!("the body is not complete: {error}"))
        })?;
        let text = yaml::utf8(&bytes)?;
        if is_program {
            return Ok(Self(text.to_owned()));
        }
        let imported = Api::from_ref(state).engine.imported(text).await?;
        Ok(Self(imported.into_owned()))
    }
}
