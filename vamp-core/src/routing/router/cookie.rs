//! The cookies of clients that stay: a name for each decision, and a token that stands for a route by its name or for an
//! instance by its id. Where a time ends it, the seconds follow at which it was given and at which it was last renewed:
//! `<token>.<given>.<renewed>`.

use crate::routing::Sticky;
use std::{fmt, time::Duration};

/// What a client sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent<'a> {
    pub(super) token: &'a [u8],
    given: Option<u64>,
    renewed: Option<u64>,
}

impl<'a> Sent<'a> {
    /// Reads a value; `None` when it no longer holds at `now`, in seconds. Nothing is too old without a `now`.
    pub(super) fn read(value: &'a [u8], sticky: Sticky, now: Option<u64>) -> Option<Self> {
        let mut fields = value.split(|byte| *byte == b'.');
        let token = fields.next()?;
        let mut second = || fields.next().map(seconds);
        let sent = Self { token, given: second(), renewed: second() };
        let over = |time: Option<Duration>, since: Option<u64>| match (time, since, now) {
            (Some(time), Some(since), Some(now)) => now >= since.saturating_add(time.as_secs()),
            _ => false,
        };
        (!over(sticky.ttl, sent.given) && !over(sticky.idle, sent.renewed)).then_some(sent)
    }
}

/// What is no number is long ago.
fn seconds(text: &[u8]) -> u64 {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// A cookie for the client; it is written as the value of a `Set-Cookie` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetCookie<'r> {
    /// The name.
    pub name: &'r str,
    /// The token, and times where one ends it.
    pub value: String,
    /// How long the client keeps it, in seconds; `None` = until it is closed.
    pub max_age: Option<u64>,
}

impl<'r> SetCookie<'r> {
    /// What a client has to be told that is to hold `token` and sent this at `now`; nothing when it knows.
    pub(super) fn renewing(
        name: &'r str,
        token: String,
        sent: Option<Sent<'_>>,
        sticky: Sticky,
        now: Option<u64>,
    ) -> Option<Self> {
        let sent = sent.filter(|sent| sent.token == token.as_bytes());
        if !sticky.is_timed() {
            return sent.is_none().then_some(Self { name, value: token, max_age: None });
        }
        let given = sent.and_then(|sent| sent.given).or(now);
        let knows = sent.is_some_and(|sent| sent.given.is_some() || now.is_none());
        if knows && sticky.idle.is_none() {
            return None;
        }
        let passed = now.unwrap_or(0).saturating_sub(given.unwrap_or(0));
        let left = sticky.ttl.map(|ttl| ttl.as_secs().saturating_sub(passed));
        let max_age = left.into_iter().chain(sticky.idle.map(|idle| idle.as_secs())).min();
        let value = match (given, now) {
            (Some(given), Some(now)) => format!("{token}.{given}.{now}"),
            _ => token,
        };
        Some(Self { name, value, max_age })
    }
}

impl fmt::Display for SetCookie<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, max_age } = self;
        write!(f, "{name}={value}; Path=/; ")?;
        if let Some(seconds) = max_age {
            write!(f, "Max-Age={seconds}; ")?;
        }
        f.write_str("HttpOnly; SameSite=Lax")
    }
}
