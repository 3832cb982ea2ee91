//! Where a server is, and how its paths are written.

use hyper::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt;

/// What stands for itself in a part of a path; a name may contain `:` and, of a gateway, `/`.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':').remove(b'/');
/// What stands for itself in a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A name, or several with `/` between them, as it stands in a path.
pub(crate) fn encoded(name: &str) -> String {
    utf8_percent_encode(name, PART).to_string()
}

/// The root of a server's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Base {
    pub(super) host: String,
    pub(super) port: u16,
    /// What the `Host` header says.
    pub(super) authority: String,
    /// Ends in `/api/v1`.
    root: String,
}

impl Base {
    /// The API of the server at `url`, which may leave out `http://`.
    pub(super) fn new(url: &str, namespace: Option<&str>) -> Result<Self, String> {
        let refuse = |why: &str| format!("{url:?} is no address of a server: {why}; write http://localhost:8080");
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        if scheme.eq_ignore_ascii_case("https") {
            return Err(refuse("this program speaks plain http; reach a server behind TLS through a tunnel"));
        }
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(refuse("it does not begin with http://"));
        }
        let uri: Uri = format!("http://{rest}").parse().map_err(|error| refuse(&format!("{error}")))?;
        let authority = uri.authority().filter(|one| !one.host().is_empty()).ok_or_else(|| refuse("no host"))?;
        if authority.as_str().contains('@') {
            return Err(refuse("a name and password mean nothing here; use --token-file"));
        }
        let above = uri.path().trim_end_matches('/');
        let namespace = namespace.map(|name| format!("/{}", encoded(name))).unwrap_or_default();
        Ok(Self {
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(80),
            authority: authority.to_string(),
            root: format!("{above}{namespace}/api/v1"),
        })
    }

    /// The path and query of a request.
    pub(super) fn target(&self, path: &str, query: &[(&'static str, String)]) -> String {
        let pair = |(name, value): &(&str, String)| format!("{name}={}", utf8_percent_encode(value, QUERY));
        let query: Vec<String> = query.iter().map(pair).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        let slash = if path.is_empty() { "" } else { "/" };
        format!("{}{slash}{path}{mark}{}", self.root, query.join("&"))
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(url: &str) -> Base {
        Base::new(url, None).expect(url)
    }

    #[test]
    fn an_address_may_leave_out_what_goes_without_saying() {
        for (url, host, port, authority) in [
            ("http://localhost:8080", "localhost", 8080, "localhost:8080"),
            ("localhost:8080/", "localhost", 8080, "localhost:8080"),
            ("vamp.example", "vamp.example", 80, "vamp.example"),
            ("http://[::1]:90", "::1", 90, "[::1]:90"),
        ] {
            let base = base(url);
            assert_eq!((base.host.as_str(), base.port, base.authority.as_str()), (host, port, authority), "{url}");
        }
    }

    #[test]
    fn an_address_that_is_none_is_refused_with_how_to_write_one() {
        for url in ["", "https://a", "ftp://a", "http://", "a b", "http://user:secret@a"] {
            let refused = Base::new(url, None).expect_err(url);
            assert!(refused.contains("http://localhost:8080"), "{url}: {refused}");
        }
    }

    #[test]
    fn a_target_has_the_namespace_and_every_byte_of_names_and_values() {
        let base = Base::new("http://a/vamp/", Some("team one")).expect("a base");
        let query = [("tag", "a:b&c".to_owned()), ("page", "2".to_owned())];
        let target = base.target(&format!("gateways/{}", encoded("sava/web x")), &query);
        assert_eq!(target, "/vamp/team%20one/api/v1/gateways/sava/web%20x?tag=a%3Ab%26c&page=2");
        assert_eq!(self::base("a").target("", &[]), "/api/v1");
    }
}
