//! What ended the demo early: the cause, and what to do.

use std::fmt;

/// A cause in words, and a hint where there is one.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) cause: String,
    pub(crate) hint: Option<String>,
}

impl Problem {
    pub(crate) fn new(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), hint: None }
    }

    pub(crate) fn with_hint(cause: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { cause: cause.into(), hint: Some(hint.into()) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  what to do: {hint}"),
            None => Ok(()),
        }
    }
}

impl From<String> for Problem {
    fn from(cause: String) -> Self {
        Self::new(cause)
    }
}
