//! The one error of every seam.

use std::{error::Error as StdError, io};

/// The result of every seam.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a driver could not do, and why.
///
/// `Display` states only what this layer knows (E3); the cause is reached through [`source`](StdError::source).
#[derive(Debug, thiserror::Error)]
#[error("{driver}: {operation} {subject}: {kind}")]
pub struct Error {
    /// What went wrong, as far as a caller has to act on it.
    pub kind: ErrorKind,
    /// The driver that says so, e.g. `process`.
    pub driver: &'static str,
    /// The operation of the seam, e.g. `observe`.
    pub operation: &'static str,
    /// What the operation was about: a key, a workload, a gateway.
    pub subject: String,
    /// The cause, as the layer below told it.
    #[source]
    pub source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What a caller can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request is wrong and will stay wrong.
    #[error("invalid")]
    Invalid,
    /// What the operation is about does not exist.
    #[error("not found")]
    NotFound,
    /// The expected version, or another precondition, does not hold.
    #[error("conflict")]
    Conflict,
    /// Refused by the backend. E2: never retryable.
    #[error("denied")]
    Denied,
    /// This driver cannot do it; see its capabilities.
    #[error("unsupported")]
    Unsupported,
    /// More than the backend takes.
    #[error("too large")]
    TooLarge,
    /// No room is left: nothing was changed, and somebody has to make space.
    #[error("no space left")]
    StorageFull,
    /// The backend cannot be reached, or is not ready.
    #[error("unavailable")]
    Unavailable,
    /// No answer within the deadline; nothing was changed.
    #[error("timed out")]
    TimedOut,
    /// E1: a write may or may not have happened: read before retrying.
    #[error("outcome unknown")]
    Ambiguous,
    /// A defect, or data that cannot be read.
    #[error("internal error")]
    Internal,
}

impl ErrorKind {
    /// What a file that could not be read or written means to a caller.
    #[must_use]
    pub fn of_file(error: &io::Error) -> Self {
        match error.kind() {
            // The disk, the quota, or the largest file that this process may write.
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::StorageFull
            }
            _ => Self::Unavailable,
        }
    }
}

impl Error {
    /// An error without a cause; add one with [`because`](Self::because).
    pub fn new(kind: ErrorKind, driver: &'static str, operation: &'static str, subject: impl Into<String>) -> Self {
        Self { kind, driver, operation, subject: subject.into(), source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Whether the same call may succeed later without any change.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self.kind, ErrorKind::Unavailable | ErrorKind::TimedOut | ErrorKind::StorageFull)
    }

    /// This error and every cause below it, in one line for people.
    #[must_use]
    pub fn report(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
