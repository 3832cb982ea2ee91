//! [`Predicate`]: the tests that a condition is made of.

use super::{Cidr, Expr, Needle, Pattern, text::quote};
use crate::boolean::Leaf;
use http::HeaderName;
use std::{borrow::Cow, fmt};

/// A test of a request. What each one means is told in the [module](super).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Predicate {
    /// The host is this one.
    Host(Host),
    /// The user agent is this one.
    UserAgent(UserAgent),
    /// The header is there.
    HeaderPresent(HeaderName),
    /// The cookie is there.
    CookiePresent(Box<str>),
    /// A value of the header passes.
    Header {
        /// Which header.
        name: HeaderName,
        /// What its value must be.
        test: Match,
    },
    /// A value of the cookie passes.
    Cookie {
        /// Which cookie.
        name: Box<str>,
        /// What its value must be.
        test: Match,
    },
    /// The path passes.
    Path(Match),
    /// The method is this one; in capitals.
    Method(Box<str>),
    /// The client's address is in this network.
    ClientIp(Cidr),
    /// HAProxy's own test.
    Native(Box<str>),
}

/// A test of a value; none is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// It is this.
    Equals(Box<str>),
    /// This is a part of it.
    Contains(Needle),
    /// It begins with this.
    StartsWith(Box<str>),
    /// It ends with this.
    EndsWith(Box<str>),
    /// This is found in it.
    Matches(Pattern),
}

/// The name of a host, in lower case, maybe with a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host(Box<str>);

impl Host {
    /// The host `text`, in lower case.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_ascii_lowercase().into())
    }

    /// The name, and the port if it has one.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it has a port: then it is compared with the whole `Host` header, otherwise with its name.
    #[must_use]
    pub fn has_port(&self) -> bool {
        without_port(self.0.as_bytes()).len() < self.0.len()
    }

    /// Whether `header` says this host.
    pub(super) fn is(&self, header: &[u8]) -> bool {
        let header = if self.has_port() { header } else { without_port(header) };
        header.eq_ignore_ascii_case(self.0.as_bytes())
    }
}

/// A host without the port behind its last colon; those inside brackets belong to an IPv6 address.
pub(crate) fn without_port(host: &[u8]) -> &[u8] {
    match host.iter().rposition(|byte| matches!(byte, b':' | b']')) {
        Some(place) if host.get(place) == Some(&b':') => host.get(..place).unwrap_or(host),
        _ => host,
    }
}

/// A test of the user agent: a text, or a browser's name that stands for one or two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserAgent {
    text: Box<str>,
    parts: Box<[Needle]>,
}

/// What the names of browsers stand for.
const BROWSERS: [(&str, &[&str]); 5] = [
    ("chrome", &["Chrome"]),
    ("firefox", &["Firefox"]),
    ("edge", &["Edge"]),
    ("safari", &["Safari", "Version"]),
    ("ie", &["MSIE"]),
];

impl UserAgent {
    /// The test for `text`, or for what it stands for if it is the name of a browser.
    #[must_use]
    pub fn new(text: &str) -> Self {
        match BROWSERS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            Some((_, parts)) => Self { text: text.into(), parts: parts.iter().map(|part| Needle::new(part)).collect() },
            None => Self { text: text.into(), parts: Box::new([Needle::new(text)]) },
        }
    }

    /// The test as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What must be in the header, all of it.
    #[must_use]
    pub fn parts(&self) -> &[Needle] {
        &self.parts
    }

    /// Whether it stands for nothing but itself.
    pub(super) fn is_expanded(&self) -> bool {
        matches!(&*self.parts, [part] if part.as_str() == &*self.text)
    }

    /// The same test as an ordinary tree, each leaf of which has one part, itself.
    pub(super) fn expand(&self) -> Expr<Cow<'static, Predicate>> {
        let leaf = |part: &Needle| {
            let agent = Self { text: part.as_str().into(), parts: Box::new([part.clone()]) };
            Expr::Leaf(Cow::Owned(Predicate::UserAgent(agent)))
        };
        Expr::and(self.parts.iter().map(leaf).collect())
    }
}

impl Leaf for Predicate {
    fn write(&self, negated: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let equals = if negated { "!=" } else { "==" };
        let has = if negated { "misses" } else { "has" };
        match self {
            Self::Host(host) => write!(f, "host {equals} {}", quote(host.as_str())),
            Self::UserAgent(agent) => write!(f, "user-agent {has} {}", quote(&agent.text)),
            Self::HeaderPresent(name) => write!(f, "{has} header {}", quote(name.as_str())),
            Self::CookiePresent(name) => write!(f, "{has} cookie {}", quote(name)),
            Self::Header { name, test } => test.write(&format!("header {}", quote(name.as_str())), negated, f),
            Self::Cookie { name, test } => test.write(&format!("cookie {}", quote(name)), negated, f),
            Self::Path(test) => test.write("path", negated, f),
            Self::Method(method) => write!(f, "method {equals} {}", quote(method)),
            Self::ClientIp(network) => write!(f, "client ip {}in {network}", if negated { "not " } else { "" }),
            Self::Native(text) => write!(f, "{}< {text} >", if negated { "not " } else { "" }),
        }
    }
}

impl Match {
    fn write(&self, subject: &str, negated: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (prefix, comparison, value) = match (self, negated) {
            (Self::Equals(value), false) => ("", "==", &**value),
            (Self::Equals(value), true) => ("", "!=", &**value),
            (Self::Contains(value), false) => ("", "has", value.as_str()),
            (Self::Contains(value), true) => ("", "misses", value.as_str()),
            (Self::StartsWith(value), _) => ("not ", "starts with", &**value),
            (Self::EndsWith(value), _) => ("not ", "ends with", &**value),
            (Self::Matches(pattern), _) => ("not ", "matches", pattern.as_str()),
        };
        let prefix = if negated { prefix } else { "" };
        write!(f, "{prefix}{subject} {comparison} {}", quote(value))
    }
}
