//! From what went wrong to a problem document: in this one place.

use axum::{
    Json,
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use vamp_core::{
    ErrorKind, Violation, Violations,
    engine::Failure,
    yaml::{self, Limits},
};

/// A problem document (RFC 9457), which also has the original's `message`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status.
    status: u16,
    /// What is wrong, for people.
    detail: String,
    /// The same, under the original's name.
    message: String,
    /// Every violation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Violation>,
}

impl Problem {
    /// A problem without violations.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: message.clone(),
            message,
            errors: Vec::new(),
        }
    }

    /// What is wrong, for people.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// The same, with the places of its violations in the text that was read.
    #[must_use]
    pub(super) fn located(mut self, source: &str) -> Self {
        if self.errors.iter().all(|violation| violation.line.is_some()) {
            return self;
        }
        let Ok(documents) = yaml::documents(source, Limits::default()) else { return self };
        // A place in one of several documents could be in any of them.
        let [document] = documents.as_slice() else { return self };
        for violation in self.errors.iter_mut().filter(|violation| violation.line.is_none()) {
            let place = document.locate(&violation.path);
            (violation.line, violation.column) = (Some(place.line), Some(place.column));
        }
        self.told()
    }

    /// The same, saying what was done before.
    #[must_use]
    pub(super) fn after(mut self, done: &str) -> Self {
        self.message = format!("{}; {done}", self.message);
        self.detail.clone_from(&self.message);
        self
    }

    /// Says what the violations say.
    fn told(mut self) -> Self {
        if !self.errors.is_empty() {
            self.message = Violations(self.errors.clone()).to_string();
            self.detail.clone_from(&self.message);
        }
        self
    }

    pub(super) fn with(mut self, errors: Vec<Violation>) -> Self {
        self.errors = errors;
        self
    }
}

/// The status that a failure is.
#[must_use]
pub const fn status_of(failure: &Failure) -> StatusCode {
    match failure {
        Failure::Invalid(_) => StatusCode::BAD_REQUEST,
        Failure::NotFound { .. } => StatusCode::NOT_FOUND,
        Failure::Conflict(_) | Failure::Refused(_) => StatusCode::CONFLICT,
        Failure::Changed { .. } => StatusCode::PRECONDITION_FAILED,
        Failure::NotYet(_) => StatusCode::GATEWAY_TIMEOUT,
        Failure::Driver(error) => match error.kind {
            ErrorKind::Unavailable | ErrorKind::TimedOut | ErrorKind::Ambiguous => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
            ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            // Such as a time that a store cannot keep.
            ErrorKind::Invalid => StatusCode::BAD_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        },
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let problem = Self::new(status_of(&failure), failure.to_string());
        match failure {
            Failure::Invalid(violations) => problem.with(violations.0),
            Failure::Conflict(violation) => problem.with(vec![violation]),
            _ => problem,
        }
    }
}

impl From<Violations> for Problem {
    fn from(violations: Violations) -> Self {
        Failure::Invalid(violations).into()
    }
}

impl From<vamp_core::Error> for Problem {
    fn from(error: vamp_core::Error) -> Self {
        Failure::Driver(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let is_defect =
            ![StatusCode::GATEWAY_TIMEOUT, StatusCode::NOT_IMPLEMENTED, StatusCode::BAD_GATEWAY].contains(&status);
        if status.is_server_error() && is_defect {
            tracing::error!(status = self.status, message = %self.message, "answered with an error");
        }
        (status, [(header::CONTENT_TYPE, "application/problem+json")], Json(self)).into_response()
    }
}

pub(super) async fn no_such_path(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at `{}`; the API is below /api/v1", uri.path()))
}

pub(super) async fn no_such_method(uri: Uri) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("`{}` does not take this method", uri.path()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vamp_core::Error;

    #[test]
    fn what_a_store_refuses_is_told_apart_from_what_it_cannot_do() {
        let status = |kind| status_of(&Failure::Driver(Error::new(kind, "memory", "append", "an event"))).as_u16();
        let kinds = [ErrorKind::Invalid, ErrorKind::TooLarge, ErrorKind::Unavailable, ErrorKind::StorageFull];
        assert_eq!(kinds.map(status), [400, 413, 503, 507]);
    }
}
