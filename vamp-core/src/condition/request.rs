//! [`Request`]: what a condition looks at.

use super::cookie;
use http::{HeaderName, header, request::Parts};
use std::net::IpAddr;

/// A request, as far as conditions look at it.
pub trait Request {
    /// The method as sent.
    fn method(&self) -> &str;

    /// The path as sent, without the query; empty if the request has none, as `OPTIONS *`.
    fn path(&self) -> &str;

    /// The value of every occurrence of a header, whole, without blanks around it. `host` is among them, also where
    /// the protocol carries it in another way.
    fn header_values<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]>;

    /// The value of every occurrence of a cookie, in order. A request that has read its cookies already answers from
    /// those; otherwise they are read from the `Cookie` headers as HAProxy does.
    fn cookie_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.header_values(&header::COOKIE).flat_map(|value| cookie::values(value, name.as_bytes()))
    }

    /// The address of the connection, where it is known.
    fn client_ip(&self) -> Option<IpAddr>;

    /// The second since 1970 in which it came, where that is known; cookies with a time depend on it.
    fn second(&self) -> Option<u64> {
        None
    }
}

/// A [`Request`] over the head of a request of the `http` crate.
#[derive(Clone, Copy, Debug)]
pub struct RequestParts<'p> {
    parts: &'p Parts,
    client_ip: Option<IpAddr>,
    second: Option<u64>,
}

impl<'p> RequestParts<'p> {
    /// A view of `parts`, of a client that is not known: tests of its address do not hold.
    #[must_use]
    pub const fn new(parts: &'p Parts) -> Self {
        Self { parts, client_ip: None, second: None }
    }

    /// The same request from this client.
    #[must_use]
    pub const fn from_client(self, client_ip: IpAddr) -> Self {
        Self { client_ip: Some(client_ip), ..self }
    }

    /// The same request in this second since 1970.
    #[must_use]
    pub const fn in_second(self, second: u64) -> Self {
        Self { second: Some(second), ..self }
    }
}

impl Request for RequestParts<'_> {
    fn method(&self) -> &str {
        self.parts.method.as_str()
    }

    fn path(&self) -> &str {
        match self.parts.uri.path() {
            "*" => "",
            path => path,
        }
    }

    fn header_values<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        let values = self.parts.headers.get_all(name).iter();
        let authority = match self.parts.uri.authority() {
            Some(authority) if *name == header::HOST && !self.parts.headers.contains_key(header::HOST) => {
                Some(authority.as_str().as_bytes())
            }
            _ => None,
        };
        values.map(|value| value.as_bytes().trim_ascii()).chain(authority)
    }

    fn client_ip(&self) -> Option<IpAddr> {
        self.client_ip
    }

    fn second(&self) -> Option<u64> {
        self.second
    }
}

impl<R: Request> Request for &R {
    fn method(&self) -> &str {
        (**self).method()
    }

    fn path(&self) -> &str {
        (**self).path()
    }

    fn header_values<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        (**self).header_values(name)
    }

    fn cookie_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        (**self).cookie_values(name)
    }

    fn client_ip(&self) -> Option<IpAddr> {
        (**self).client_ip()
    }

    fn second(&self) -> Option<u64> {
        (**self).second()
    }
}
