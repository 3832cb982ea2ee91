//! [`Failure`]: why something did not work, before it is known for whom.

use std::{fmt, io};
use vamp_core::{Error, ErrorKind};

/// A reason that can be told to several callers.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) kind: ErrorKind,
    pub(super) reason: String,
}

impl Failure {
    pub(super) fn new(kind: ErrorKind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into() }
    }

    pub(super) fn unavailable(reason: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, reason)
    }

    pub(super) fn invalid(reason: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, reason)
    }

    pub(super) fn internal(reason: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, reason)
    }

    /// A file or folder that could not be read or written.
    pub(super) fn file(what: &str, error: &io::Error) -> Self {
        Self::new(ErrorKind::of_file(error), format!("{what}: {error}"))
    }

    /// Whether the same will be refused again.
    pub(super) fn is_refusal(&self) -> bool {
        self.kind == ErrorKind::Invalid
    }

    pub(super) fn error(self, operation: &'static str, subject: impl Into<String>) -> Error {
        Error::new(self.kind, "haproxy", operation, subject).because(self.reason)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}
