//! [`Failure`]: why a request to the engine was not carried out.

use crate::{Error, Violation, Violations};

/// Why a request to the engine was not carried out. Nothing was changed, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The request is wrong, in all these ways.
    #[error("{0}")]
    Invalid(Violations),
    /// What the request is about does not exist.
    #[error("{kind} `{name}` does not exist")]
    NotFound {
        /// The plural kind.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// The request is right by itself, and contradicts what is there.
    #[error("{0}")]
    Conflict(Violation),
    /// Somebody else changed it in the meantime.
    #[error("{kind} `{name}` was changed in the meantime; read it again")]
    Changed {
        /// The plural kind.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// It was carried out and is durable, but has not taken effect within the deadline; it still may.
    #[error("not within the deadline: {0}")]
    NotYet(String),
    /// It was carried out and is durable, but cannot take effect as things are.
    #[error("{0}")]
    Refused(String),
    /// A driver failed.
    #[error("{}", .0.report())]
    Driver(#[from] Error),
}

impl From<Violations> for Failure {
    fn from(violations: Violations) -> Self {
        Self::Invalid(violations)
    }
}

impl From<Violation> for Failure {
    fn from(violation: Violation) -> Self {
        Self::Invalid(violation.into())
    }
}
