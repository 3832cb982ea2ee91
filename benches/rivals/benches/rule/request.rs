//! The requests that the rule is evaluated for.

use http::{HeaderName, header, request::Parts};
use std::net::IpAddr;
use vamp_core::condition::Request;

/// What Firefox, Chrome, Safari and curl send.
pub(crate) const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    "curl/8.14.1",
];

/// The head of a request with 12 headers and 3 cookies.
pub(crate) fn head(user_agent: &str) -> Parts {
    let request = http::Request::get("/shop/basket?item=17")
        .header("host", "shop.example.com")
        .header("user-agent", user_agent)
        .header("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
        .header("accept-language", "en-GB,en;q=0.7,de;q=0.3")
        .header("accept-encoding", "gzip, deflate, br, zstd")
        .header("referer", "https://shop.example.com/shop")
        .header("cookie", "session=0f1e2d3c4b5a69788796a5b4c3d2e1f0; vamp=1; theme=dark")
        .header("upgrade-insecure-requests", "1")
        .header("sec-fetch-dest", "document")
        .header("sec-fetch-mode", "navigate")
        .header("x-forwarded-for", "203.0.113.7")
        .header("x-request-id", "6c3a4e0e-8f2b-4b8e-9a53-4f8f3ab0c7de");
    request.body(()).expect("the request is valid").into_parts().0
}

/// What fills the field `user_agent` of the others.
pub(crate) fn user_agent(parts: &Parts) -> &str {
    parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// What fills the field of a cookie: the least that does it, without the quotes and attributes that HAProxy knows.
pub(crate) fn cookie<'p>(parts: &'p Parts, name: &str) -> &'p str {
    let header = parts.headers.get(header::COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut pairs = header.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map_or("", |(_, value)| value)
}

/// A request whose fields have been found already.
#[derive(Debug)]
pub(crate) struct Extracted<'a> {
    pub(crate) user_agent: &'a str,
    pub(crate) cookie: &'a str,
}

impl Request for Extracted<'_> {
    fn method(&self) -> &str {
        "GET"
    }

    fn path(&self) -> &str {
        "/shop/basket"
    }

    fn header_values<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        (*name == header::USER_AGENT).then_some(self.user_agent.as_bytes()).into_iter()
    }

    fn cookie_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        (name == "vamp").then_some(self.cookie.as_bytes()).into_iter()
    }

    fn client_ip(&self) -> Option<IpAddr> {
        None
    }
}
