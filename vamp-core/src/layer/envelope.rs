//! [`Envelope`]: a record as bytes.

use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

const FORMAT: u32 = 1;

/// A stored artifact as JSON, for stores that keep bytes: the body exactly as it came, who stored it and when.
///
/// ```
/// # use std::time::SystemTime;
/// # use vamp_core::layer::Envelope;
/// let envelope = Envelope { at: SystemTime::UNIX_EPOCH, author: None, body: b"{\"name\": \"sava\"}".to_vec() };
/// assert_eq!(Envelope::decode(&envelope.encode())?, envelope);
/// # Ok::<(), vamp_core::layer::EnvelopeError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    /// When it was stored; kept in milliseconds.
    pub at: SystemTime,
    /// Who stored it.
    pub author: Option<String>,
    /// The artifact as JSON.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Envelope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { at, author, body } = self;
        f.debug_struct("Envelope").field("at", at).field("author", author).field("bytes", &body.len()).finish()
    }
}

/// Why bytes are no [`Envelope`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Not what [`Envelope::encode`] writes.
    #[error("the stored record is damaged")]
    Damaged(#[source] serde_json::Error),
    /// Written by a newer version.
    #[error("the stored record has format {0}, this version reads up to {FORMAT}")]
    Newer(u32),
}

#[derive(Deserialize)]
struct Head {
    format: u32,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    /// Milliseconds since the Unix epoch.
    at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    body: String,
}

impl Envelope {
    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let since = self.at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let stored = Stored {
            format: FORMAT,
            at: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            author: self.author.clone(),
            body: String::from_utf8_lossy(&self.body).into_owned(),
        };
        // Numbers and strings always are JSON.
        serde_json::to_vec(&stored).unwrap_or_default()
    }

    /// From bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let Head { format } = serde_json::from_slice(bytes).map_err(EnvelopeError::Damaged)?;
        if format > FORMAT {
            return Err(EnvelopeError::Newer(format));
        }
        let stored: Stored = serde_json::from_slice(bytes).map_err(EnvelopeError::Damaged)?;
        let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(stored.at));
        Ok(Self { at: at.unwrap_or(SystemTime::UNIX_EPOCH), author: stored.author, body: stored.body.into_bytes() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_format_is_refused_by_name_and_garbage_as_damaged() {
        let newer = Envelope::decode(br#"{"format":2,"items":[]}"#).unwrap_err();
        assert_eq!(newer.to_string(), "the stored record has format 2, this version reads up to 1");
        assert!(matches!(Envelope::decode(b"\0garbage"), Err(EnvelopeError::Damaged(_))));
        assert!(matches!(Envelope::decode(br#"{"format":1}"#), Err(EnvelopeError::Damaged(_))));
    }
}
