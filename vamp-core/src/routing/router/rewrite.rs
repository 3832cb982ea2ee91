//! Rewrites of the path, in order: each sees what the one before it left.

use crate::{condition::Request, routing::Rewrite};
use http::HeaderName;
use std::net::IpAddr;

/// What a request's path becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rewritten<'r> {
    /// The new path.
    pub path: &'r str,
    /// The new query; without one the request keeps its own.
    pub query: Option<&'r str>,
}

/// What is left of a request's path; `None` when nothing changes it.
pub(super) fn rewritten<'r>(
    rewrites: impl Iterator<Item = &'r Rewrite>,
    request: &impl Request,
) -> Option<Rewritten<'r>> {
    rewrites.fold(None, |before: Option<Rewritten<'r>>, rewrite| {
        let path = before.map_or(request.path(), |before| before.path);
        if rewrite.condition.matches(&Changed { request, path }) != Some(true) {
            return before;
        }
        Some(match rewrite.path.split_once('?') {
            Some((path, query)) => Rewritten { path, query: Some(query) },
            None => Rewritten { path: &rewrite.path, query: before.and_then(|before| before.query) },
        })
    })
}

/// A request with another path.
struct Changed<'a, R> {
    request: &'a R,
    path: &'a str,
}

impl<R: Request> Request for Changed<'_, R> {
    fn method(&self) -> &str {
        self.request.method()
    }

    fn path(&self) -> &str {
        self.path
    }

    fn header_values<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.request.header_values(name)
    }

    fn cookie_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.request.cookie_values(name)
    }

    fn client_ip(&self) -> Option<IpAddr> {
        self.request.client_ip()
    }
}
