//! The cookies of clients that stay: a name for each decision, and a token that stands for a route by its name or for an
//! instance by its id.

use crate::digest;
use std::fmt;

/// How long a client stays, in seconds: one day.
const MAX_AGE: u32 = 24 * 60 * 60;

/// The name of the cookie of a decision of a published gateway.
pub(super) fn name(published: &str, decision: &str) -> String {
    let mut name = ["vamp-", &digest::of([published, "\n", decision].concat().as_bytes())].concat();
    name.truncate(15);
    name
}

/// What stands for a route by its name, or for an instance by its id.
pub(super) fn token(name: &str) -> String {
    digest::of(name.as_bytes())
}

/// A cookie for the client; it is written as the value of a `Set-Cookie` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetCookie<'r> {
    /// The name.
    pub name: &'r str,
    /// The token.
    pub value: String,
}

impl fmt::Display for SetCookie<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value } = self;
        write!(f, "{name}={value}; Path=/; Max-Age={MAX_AGE}; HttpOnly; SameSite=Lax")
    }
}
