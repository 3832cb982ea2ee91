//! Lists, page by page.

use super::body;
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Deserialize;
use serde_json::Value;

const TOTAL: HeaderName = HeaderName::from_static("x-total-count");

/// The query of a list.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Paging {
    page: usize,
    per_page: usize,
}

impl Default for Paging {
    fn default() -> Self {
        Self { page: 1, per_page: 30 }
    }
}

/// One page of a sorted list, with `X-Total-Count` and `Link`.
pub(super) fn list(path: &str, paging: Paging, headers: &HeaderMap, all: &[Value]) -> Response {
    let size = paging.per_page.clamp(1, 30);
    let page = paging.page.max(1);
    let last = all.len().div_ceil(size).max(1);
    let shown: Vec<Value> = all.iter().skip((page - 1).saturating_mul(size)).take(size).cloned().collect();
    let mut response = body::answer(StatusCode::OK, headers, &Value::Array(shown));
    let link = |page: usize, relation: &str| format!("<{path}?page={page}&per_page={size}>; rel=\"{relation}\"");
    let links = [
        link(1, "first"),
        link(page.saturating_sub(1).clamp(1, last), "prev"),
        link((page + 1).min(last), "next"),
        link(last, "last"),
    ];
    let set = [(TOTAL, all.len().to_string()), (header::LINK, links.join(", "))];
    for (name, value) in set {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
