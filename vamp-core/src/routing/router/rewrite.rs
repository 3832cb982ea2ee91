//! Rewrites of the path, in order: each sees what the one before it left.

use crate::{condition::Request, routing::Rewrite};
use http::HeaderName;
use std::net::IpAddr;

/// The path that is left of a request's; `None` when nothing changes it.
pub(super) fn path<'r>(rewrites: impl Iterator<Item = &'r Rewrite>, request: &impl Request) -> Option<&'r str> {
    rewrites.fold(None, |changed, rewrite| {
        let path = changed.map_or(request.path(), |path: &str| path.split('?').next().unwrap_or_default());
        let matches = rewrite.condition.matches(&Changed { request, path }) == Some(true);
        if matches { Some(&rewrite.path) } else { changed }
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
