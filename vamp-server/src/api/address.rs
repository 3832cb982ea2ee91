//! The address of a request, in the one form that the routes are written in: no empty segments, no slash at the end,
//! no prefix of the namespace. Clients put addresses together as they like, the original's CLI with two slashes.

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{Uri, uri::PathAndQuery},
    response::{IntoResponse, Response},
};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use std::{borrow::Cow, convert::Infallible};

/// Lets requests through to `inner` with their addresses in order.
pub(super) fn in_order(inner: Router, namespace: &str) -> Router {
    let prefix = format!("/{namespace}/");
    let inner = TowerToHyperService::new(inner);
    Router::new().fallback(async move |mut request: Request<Body>| {
        if let Some(uri) = ordered(request.uri(), &prefix) {
            *request.uri_mut() = uri;
        }
        let answered: Result<Response, Infallible> = inner.call(request).await;
        answered.unwrap_or_else(IntoResponse::into_response)
    })
}

/// The address in order; `None` = it is.
fn ordered(uri: &Uri, prefix: &str) -> Option<Uri> {
    let path = normal(uri.path(), prefix);
    if path == uri.path() {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{path}{query}")).ok()?);
    Uri::from_parts(parts).ok()
}

fn normal<'p>(path: &'p str, prefix: &str) -> Cow<'p, str> {
    let path = strip_empty(path);
    // What is proxied keeps its own form behind the address of its service.
    match path.strip_prefix(prefix).filter(|rest| ["api", "websocket", "proxy"].contains(&first(rest))) {
        Some(rest) => Cow::Owned(format!("/{rest}")),
        None => path,
    }
}

fn first(path: &str) -> &str {
    path.split('/').next().unwrap_or_default()
}

fn strip_empty(path: &str) -> Cow<'_, str> {
    let begins = path.trim_start_matches('/');
    if first(begins) == "proxy" || begins.split('/').nth(1) == Some("proxy") {
        return if path.starts_with("//") { Cow::Owned(format!("/{begins}")) } else { Cow::Borrowed(path) };
    }
    let ends_with_one = path.len() > 1 && path.ends_with('/');
    if !ends_with_one && !path.contains("//") {
        return Cow::Borrowed(path);
    }
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    Cow::Owned(format!("/{}", segments.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_put_in_order() {
        let table = [
            ("/api/v1/gateways", "/api/v1/gateways"),
            ("/api/v1/gateways/", "/api/v1/gateways"),
            ("//api/v1//deployments/", "/api/v1/deployments"),
            ("/default/api/v1/info", "/api/v1/info"),
            ("/default/other", "/default/other"),
            ("/other/api/v1/info", "/other/api/v1/info"),
            ("/", "/"),
            ("/default/proxy/host/a/port/1//x/", "/proxy/host/a/port/1//x/"),
            ("/api/v1/gateways/a%2F%2Fb/", "/api/v1/gateways/a%2F%2Fb"),
        ];
        for (path, expected) in table {
            assert_eq!(normal(path, "/default/"), expected, "{path}");
        }
        let uri = "/api/v1/gateways/?page=2".parse::<Uri>().unwrap();
        assert_eq!(ordered(&uri, "/default/").unwrap(), "/api/v1/gateways?page=2");
        assert_eq!(ordered(&"/api/v1/gateways".parse().unwrap(), "/default/"), None);
    }
}
