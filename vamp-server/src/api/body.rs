//! Bodies in and out: YAML or JSON.

use super::{
    error::Problem,
    negotiate::{Format, preferred},
    precondition::etag,
};
use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;
use std::time::Duration;
use vamp_core::driver::Version;

/// The longest `?wait=`, in seconds.
const LONGEST_WAIT: f64 = 600.0;

/// The query of a request that changes something.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Change {
    pub(super) validate_only: bool,
    #[serde(deserialize_with = "seconds")]
    wait: Option<Duration>,
    /// Removes instead of merging, as the original has it.
    pub(super) delete: bool,
}

impl Change {
    /// How long to wait until what was asked for has taken effect; `None` = not at all.
    pub(super) const fn deadline(self) -> Option<Duration> {
        self.wait
    }
}

fn seconds<'de, D: Deserializer<'de>>(text: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(text)?;
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.0..=LONGEST_WAIT).contains(seconds));
    let refuse = || D::Error::custom(format!("`{text}` is not a number of seconds from 0 to {LONGEST_WAIT}"));
    seconds.map(|seconds| Some(Duration::from_secs_f64(seconds))).ok_or_else(refuse)
}

/// An answer in the form that the client accepts.
pub(super) fn answer(status: StatusCode, headers: &HeaderMap, value: &Value) -> Response {
    if preferred(headers) != Some(Format::Yaml) {
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
    if let Ok(tag) = HeaderValue::try_from(etag(version)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
