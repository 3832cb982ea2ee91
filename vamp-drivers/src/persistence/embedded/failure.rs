//! [`Failure`]: what can go wrong with the file, and what it means to a caller.

use std::{path::PathBuf, sync::Arc};
use vamp_core::{Error, ErrorKind, driver::Version, layer::EnvelopeError};

pub(super) const DRIVER: &str = "embedded";

/// Cloned when one failed commit was for many callers.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{} is in use by another process; stop that one, or give this one a data folder of its own", .0.display())]
    InUse(PathBuf),
    #[error("{} cannot be opened", .path.display())]
    Open { path: PathBuf, source: Arc<redb::Error> },
    #[error(
        "the file has format {found}, this version reads up to {known}: use the version that wrote it, or a newer one"
    )]
    NewerFormat { found: u64, known: u64 },
    #[error("the store has {}, expected was {}", told(.found.as_ref()), told(.expected.as_ref()))]
    Conflict { found: Option<Version>, expected: Option<Version> },
    #[error("no event has this id; it may be older than what is kept")]
    UnknownEvent,
    #[error("{bytes} bytes, at most {most} are taken")]
    TooLarge { bytes: usize, most: usize },
    #[error("the time lies outside of the years 1678 to 2261")]
    Time,
    #[error(transparent)]
    Unreadable(#[from] Arc<EnvelopeError>),
    #[error("the file cannot be read")]
    Read(#[source] Arc<redb::Error>),
    #[error("nothing was written")]
    NotWritten(#[source] Arc<redb::Error>),
    #[error("the commit failed, and whether it took place cannot be told")]
    Unknown { before: u64, source: Arc<redb::Error> },
    #[error("the store is closed")]
    Closed,
}

fn told(version: Option<&Version>) -> &'static str {
    if version.is_some() { "another version" } else { "no record" }
}

impl From<&Failure> for ErrorKind {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Conflict { .. } => Self::Conflict,
            Failure::UnknownEvent => Self::NotFound,
            Failure::TooLarge { .. } => Self::TooLarge,
            Failure::Time | Failure::NewerFormat { .. } => Self::Invalid,
            Failure::Unreadable(_) => Self::Internal,
            Failure::Unknown { .. } => Self::Ambiguous,
            Failure::Open { source, .. } | Failure::Read(source) | Failure::NotWritten(source) => kind(source),
            Failure::InUse(_) | Failure::Closed => Self::Unavailable,
        }
    }
}

/// What the file system says may change; a damaged file stays damaged.
fn kind(error: &redb::Error) -> ErrorKind {
    match error {
        redb::Error::Io(error) => ErrorKind::of_file(error),
        redb::Error::PreviousIo | redb::Error::DatabaseClosed => ErrorKind::Unavailable,
        _ => ErrorKind::Internal,
    }
}

impl Failure {
    /// For the caller of an operation.
    pub(super) fn during(self, operation: &'static str, subject: impl Into<String>) -> Error {
        Error::new(ErrorKind::from(&self), DRIVER, operation, subject).because(self)
    }

    /// Whether redb refuses everything from now on, until the file is opened again.
    pub(super) fn is_of_the_disk(&self) -> bool {
        let source = match self {
            Self::Read(source) | Self::NotWritten(source) => source,
            Self::Unknown { .. } => return true,
            _ => return false,
        };
        matches!(kind(source), ErrorKind::Unavailable | ErrorKind::StorageFull)
    }

    /// A read that failed.
    pub(super) fn read(error: impl Into<redb::Error>) -> Self {
        Self::Read(Arc::new(error.into()))
    }
}
