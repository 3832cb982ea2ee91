//! [`RouteSettings`] and [`GatewaySettings`]: what few routes and gateways say, and a proxy has a default for.

use super::Tls;
use serde::{Deserialize, Serialize};
use std::{num::NonZeroU32, time::Duration};

/// How requests of a route are sent to its instances. What is not said is the proxy's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RouteSettings {
    /// How long to wait for what.
    #[serde(skip_serializing_if = "Timeout::is_default")]
    pub timeout: Timeout,
    /// How often a request is tried again, at another instance where there is one; only one that may be repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    /// So many requests, or connections, one instance gets at the same time; others wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maxconn: Option<NonZeroU32>,
    /// While so many wait, others are refused at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maxqueue: Option<NonZeroU32>,
    /// Which instances get no requests for a while because they fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outlier: Option<Outlier>,
    /// How long an instance that comes, or comes back, gets fewer requests than the others.
    #[serde(skip_serializing_if = "Option::is_none", with = "time")]
    pub slow_start: Option<Duration>,
}

/// Times to wait; for a connection without HTTP, `tunnel` is how long it may be idle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeout {
    /// Until an instance accepts a connection.
    #[serde(skip_serializing_if = "Option::is_none", with = "time")]
    pub connect: Option<Duration>,
    /// Until an instance says something.
    #[serde(skip_serializing_if = "Option::is_none", with = "time")]
    pub server: Option<Duration>,
    /// Until an instance has room.
    #[serde(skip_serializing_if = "Option::is_none", with = "time")]
    pub queue: Option<Duration>,
    /// Until one of both sides says something once the connection is a tunnel, such as a WebSocket.
    #[serde(skip_serializing_if = "Option::is_none", with = "time")]
    pub tunnel: Option<Duration>,
}

/// When an instance is taken for broken by its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outlier {
    /// After so many failures in a row: a connection that fails, no answer, or a status of 500 and more.
    pub errors: NonZeroU32,
    /// It gets requests again once it has accepted connections for so long.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time")]
    pub back: Option<Duration>,
}

/// What a published gateway says about its entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewaySettings {
    /// So many requests a second are accepted from one client address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<NonZeroU32>,
    /// How it is reached over TLS; without, it is reached without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

impl RouteSettings {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The same, and what `outer` says where these say nothing.
    #[must_use]
    pub fn or(self, outer: Self) -> Self {
        Self {
            timeout: self.timeout.or(outer.timeout),
            retries: self.retries.or(outer.retries),
            maxconn: self.maxconn.or(outer.maxconn),
            maxqueue: self.maxqueue.or(outer.maxqueue),
            outlier: self.outlier.or(outer.outlier),
            slow_start: self.slow_start.or(outer.slow_start),
        }
    }
}

impl Timeout {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    fn or(self, outer: Self) -> Self {
        Self {
            connect: self.connect.or(outer.connect),
            server: self.server.or(outer.server),
            queue: self.queue.or(outer.queue),
            tunnel: self.tunnel.or(outer.tunnel),
        }
    }
}

impl GatewaySettings {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The same, and what `outer` says where these say nothing.
    #[must_use]
    pub fn or(self, outer: &Self) -> Self {
        Self { rate_limit: self.rate_limit.or(outer.rate_limit), tls: self.tls.or_else(|| outer.tls.clone()) }
    }
}

/// A time as people write it, such as `20s`.
pub(super) mod time {
    use crate::model::units::{format_time, parse_time};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
    use std::time::Duration;

    #[allow(clippy::ref_option, reason = "serde calls it so")]
    pub(in crate::routing) fn serialize<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        time.map(format_time).serialize(to)
    }

    pub(in crate::routing) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| parse_time(&text)).transpose().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_not_written_and_what_is_said_reads_back() {
        assert_eq!(serde_json::to_string(&RouteSettings::default()).unwrap(), "{}");
        let json = r#"{"timeout":{"server":"90s","queue":"250ms"},"retries":0,"maxconn":7,"outlier":{"errors":5},"slow_start":"30s"}"#;
        let settings: RouteSettings = serde_json::from_str(json).unwrap();
        assert_eq!(settings.timeout.queue, Some(Duration::from_millis(250)));
        assert_eq!(serde_json::to_string(&settings).unwrap(), json);
    }

    #[test]
    fn what_the_inner_one_says_counts() {
        let of = |json: &str| serde_json::from_str::<RouteSettings>(json).unwrap();
        let both =
            of(r#"{"timeout":{"server":"1s"},"retries":1}"#).or(of(r#"{"timeout":{"server":"2s","queue":"3s"}}"#));
        assert_eq!(both, of(r#"{"timeout":{"server":"1s","queue":"3s"},"retries":1}"#));
    }
}
