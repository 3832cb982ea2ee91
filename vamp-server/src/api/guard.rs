//! Who may ask: the rules of the listener.
//!
//! The process driver runs commands, so a web page must not reach the API through the browser of somebody who may: a
//! foreign `Origin`, a `Host` that is not the listener's (a rebound name), and bodies of a type that forms can send are
//! refused. There is no CORS.

use super::error::Problem;
use crate::config::{Config, Token};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::{net::SocketAddr, sync::Arc};
use vamp_core::Violation;

/// The rules of one listener.
#[derive(Debug)]
pub(super) struct Guard {
    listen: SocketAddr,
    token: Option<Token>,
}

impl Guard {
    pub(super) fn new(config: &Config) -> Self {
        Self { listen: config.listen, token: config.token.clone() }
    }

    fn refusal(&self, method: &Method, path: &str, headers: &HeaderMap) -> Option<Problem> {
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let Some(host) = text(header::HOST).filter(|host| self.is_ours(host)) else {
            return Some(self.foreign_host(text(header::HOST)));
        };
        if let Some(origin) = text(header::ORIGIN).filter(|origin| !self.is_same(origin, host)) {
            let message = format!("`{origin}` is foreign: web pages of others may not use this API");
            return Some(refuse(StatusCode::FORBIDDEN, "ForeignOriginError", "Origin", message));
        }
        if !self.shows_token(text(header::AUTHORIZATION)) {
            let message = "show the token as `Authorization: Bearer …`".to_owned();
            return Some(refuse(StatusCode::UNAUTHORIZED, "MissingTokenError", "Authorization", message));
        }
        let has_body = text(header::CONTENT_LENGTH).is_some_and(|length| length != "0")
            || headers.contains_key(header::TRANSFER_ENCODING);
        let reads_body = method == Method::POST || method == Method::PUT || method == Method::DELETE;
        // What is proxied is for others to read; pages of others are refused above.
        let is_ours = !path.starts_with("/proxy/");
        let is_taken = |content_type: &str| is_artifact_type(content_type) || is_program(method, path, content_type);
        if is_ours && reads_body && has_body && !text(header::CONTENT_TYPE).is_some_and(is_taken) {
            let message = "say what the body is: `application/json` or `application/x-yaml`".to_owned();
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Some(refuse(status, "UnsupportedContentTypeError", "Content-Type", message));
        }
        None
    }

    fn foreign_host(&self, host: Option<&str>) -> Problem {
        let message = match host {
            Some(host) => format!("`{host}` is not this server; it is {}", self.listen),
            None => format!("it is missing; this server is {}", self.listen),
        };
        refuse(StatusCode::FORBIDDEN, "ForeignHostError", "Host", message)
    }

    /// Whether a page of this origin came from here. A proxy in front of a listener that others can reach may add TLS.
    fn is_same(&self, origin: &str, host: &str) -> bool {
        let Some((scheme, place)) = origin.split_once("://") else { return false };
        match self.listen.ip().is_loopback() {
            true => scheme == "http" && self.is_ours(place),
            false => ["http", "https"].contains(&scheme) && place.eq_ignore_ascii_case(host),
        }
    }

    /// A listener on loopback has the names of loopback. For any other one the token is the guard, since it may be
    /// reached by names that it cannot know.
    fn is_ours(&self, host: &str) -> bool {
        if !self.listen.ip().is_loopback() {
            return true;
        }
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, port),
            _ => (host, "80"),
        };
        let address = name.trim_start_matches('[').trim_end_matches(']').parse();
        let is_loopback =
            name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        is_loopback && port == self.listen.port().to_string()
    }

    fn shows_token(&self, authorization: Option<&str>) -> bool {
        let Some(token) = &self.token else { return true };
        let shown =
            authorization.and_then(|text| text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("bearer ")));
        shown.is_some_and(|shown| token.is(shown.trim()))
    }
}

/// A problem with a header.
fn refuse(status: StatusCode, code: &'static str, header: &'static str, message: String) -> Problem {
    let summary = format!("{header}: {message}");
    Problem::new(status, summary).with(vec![Violation::new(code, header, message)])
}

/// The original takes a breed that is a program as it is. No form can send this type.
fn is_program(method: &Method, path: &str, content_type: &str) -> bool {
    method == Method::PUT && path.starts_with("/api/v1/breeds/") && is_javascript(content_type)
}

/// Whether a body is a program of a workflow.
pub(super) fn is_javascript(content_type: &str) -> bool {
    content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/javascript")
}

fn is_artifact_type(content_type: &str) -> bool {
    let name = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    ["application/json", "application/x-yaml", "application/yaml"].contains(&name.as_str())
}

pub(super) async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    match guard.refusal(request.method(), request.uri().path(), request.headers()) {
        Some(problem) => {
            let mut response = problem.into_response();
            if response.status() == StatusCode::UNAUTHORIZED {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            response
        }
        None => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;

    fn refused(listen: &str, method: &Method, headers: &[(&str, &str)]) -> Option<u16> {
        let guard = Guard { listen: listen.parse().unwrap(), token: None };
        let header =
            |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        let problem = guard.refusal(method, "/api/v1/gateways/a", &headers.iter().map(header).collect())?;
        Some(problem.into_response().status().as_u16())
    }

    #[test]
    fn the_listener_answers_to_the_names_of_loopback_only() {
        for host in ["127.0.0.1:8080", "localhost:8080", "LOCALHOST:8080", "[::1]:8080"] {
            assert_eq!(refused("127.0.0.1:8080", &Method::GET, &[("host", host)]), None, "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "localhost",
            "localhost:80",
            "127.0.0.1.evil.example:8080",
            "10.0.0.1:8080",
        ] {
            assert_eq!(refused("127.0.0.1:8080", &Method::GET, &[("host", host)]), Some(403), "{host}");
        }
        assert_eq!(refused("127.0.0.1:8080", &Method::GET, &[]), Some(403));
        assert_eq!(refused("127.0.0.1:80", &Method::GET, &[("host", "localhost")]), None);
    }

    #[test]
    fn a_foreign_origin_is_refused_even_for_reading() {
        let ask = |origin| refused("127.0.0.1:8080", &Method::GET, &[("host", "localhost:8080"), ("origin", origin)]);
        assert_eq!(ask("http://localhost:8080"), None);
        for origin in ["https://evil.example", "http://localhost:3000", "https://localhost:8080", "null"] {
            assert_eq!(ask(origin), Some(403), "{origin}");
        }
    }

    #[test]
    fn a_listener_for_others_takes_only_pages_from_the_name_it_was_asked_by() {
        let ask = |origin| refused("0.0.0.0:8080", &Method::GET, &[("host", "vamp.example"), ("origin", origin)]);
        assert_eq!((ask("http://vamp.example"), ask("https://vamp.example")), (None, None));
        for origin in ["http://evil.example", "https://evil.example", "https://vamp.example:8443", "null", "file://"] {
            assert_eq!(ask(origin), Some(403), "{origin}");
        }
    }

    #[test]
    fn a_body_says_that_it_is_json_or_yaml() {
        let ask = |kind: &str| {
            let headers = [("host", "localhost:8080"), ("content-length", "5"), ("content-type", kind)];
            refused("127.0.0.1:8080", &Method::PUT, &headers)
        };
        for kind in ["application/json", "application/json; charset=utf-8", "application/x-yaml", "Application/YAML"] {
            assert_eq!(ask(kind), None, "{kind}");
        }
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""] {
            assert_eq!(ask(kind), Some(415), "{kind}");
        }
    }
}
