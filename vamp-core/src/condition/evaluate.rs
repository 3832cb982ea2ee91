//! The value of a [`Predicate`] for a request: exactly what HAProxy answers to the same test.

use super::{Match, Predicate, Request};
use http::header;

impl Predicate {
    /// Whether it holds for `request`; `None` if only HAProxy knows.
    pub fn matches(&self, request: &impl Request) -> Option<bool> {
        Some(match self {
            Self::Host(host) => request.header_values(&header::HOST).any(|value| host.is(value)),
            Self::UserAgent(agent) => agent.parts().iter().all(|part| {
                let mut values = request.header_values(&header::USER_AGENT);
                values.any(|value| part.is_in(value))
            }),
            Self::HeaderPresent(name) => request.header_values(name).next().is_some(),
            Self::CookiePresent(name) => request.cookie_values(name).next().is_some(),
            Self::Header { name, test } => request.header_values(name).any(|value| test.passes(value)),
            Self::Cookie { name, test } => request.cookie_values(name).any(|value| test.passes(value)),
            Self::Path(test) => {
                Some(request.path()).is_some_and(|path| !path.is_empty() && test.passes(path.as_bytes()))
            }
            Self::Method(method) => request.method() == &**method,
            Self::ClientIp(network) => request.client_ip().is_some_and(|client| network.contains(client)),
            Self::Native(_) => return None,
        })
    }
}

impl Match {
    fn passes(&self, value: &[u8]) -> bool {
        match self {
            Self::Equals(text) => value == text.as_bytes(),
            Self::Contains(needle) => needle.is_in(value),
            Self::StartsWith(text) => value.starts_with(text.as_bytes()),
            Self::EndsWith(text) => value.ends_with(text.as_bytes()),
            Self::Matches(pattern) => pattern.is_match(value),
        }
    }
}
