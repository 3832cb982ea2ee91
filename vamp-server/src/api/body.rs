//! Bodies in and out: YAML or JSON.

use super::error::Problem;
use axum::{
    Json,
    body::Bytes,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;
use vamp_core::{
    Violation, Violations,
    driver::Version,
    engine::Failure,
    yaml::{self, Limits},
};

/// The longest `?wait=`.
const LONGEST_WAIT: u64 = 600;

/// The query of a request that changes something.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Change {
    pub(super) validate_only: bool,
    /// Seconds.
    wait: Option<u64>,
    /// Removes instead of merging, as the original has it.
    pub(super) delete: bool,
}

impl Change {
    pub(super) fn deadline(self) -> Option<Duration> {
        self.wait.map(|seconds| Duration::from_secs(seconds.min(LONGEST_WAIT)))
    }
}

/// The text of a body.
pub(super) fn text(body: &Bytes) -> Result<&str, Problem> {
    Ok(yaml::utf8(body)?)
}

/// A failure about an artifact, with the places of its violations in the text that it was read from.
pub(super) fn located(failure: Failure, source: &str) -> Problem {
    let Ok(documents) = yaml::documents(source, Limits::default()) else { return failure.into() };
    let Some(document) = documents.first() else { return failure.into() };
    let locate = |violation: Violation| match violation.line {
        Some(_) => violation,
        None => {
            let place = document.locate(&violation.path);
            violation.at(place.line, place.column)
        }
    };
    match failure {
        Failure::Invalid(Violations(found)) => {
            Failure::Invalid(Violations(found.into_iter().map(locate).collect())).into()
        }
        Failure::Conflict(violation) => Failure::Conflict(locate(violation)).into(),
        other => other.into(),
    }
}

/// The version that a request expects to replace.
pub(super) fn expected(headers: &HeaderMap) -> Result<Option<Version>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let digits = value.to_str().ok().and_then(|text| text.strip_prefix('"')?.strip_suffix('"'));
    let byte = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let version = digits.and_then(|digits| digits.as_bytes().chunks(2).map(byte).collect::<Option<Vec<u8>>>());
    let refuse = || Problem::new(StatusCode::BAD_REQUEST, "`If-Match` takes one ETag as it was answered");
    Ok(Some(Version(version.ok_or_else(refuse)?.into())))
}

/// An answer in the form that the client accepts.
pub(super) fn answer(status: StatusCode, headers: &HeaderMap, value: &Value) -> Response {
    if !wants_yaml(headers) {
        return (status, Json(value)).into_response();
    }
    match serde_saphyr::to_string(value) {
        Ok(text) => (status, [(header::CONTENT_TYPE, "application/x-yaml")], text).into_response(),
        Err(error) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// The same, with the version of the record.
pub(super) fn versioned(status: StatusCode, headers: &HeaderMap, value: &Value, version: &Version) -> Response {
    let mut response = answer(status, headers, value);
    let digits: String = version.0.iter().map(|byte| format!("{byte:02x}")).collect();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{digits}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn wants_yaml(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = accept.split([',', ';']).next().unwrap_or_default().trim();
    ["application/x-yaml", "application/yaml"].contains(&first)
}
