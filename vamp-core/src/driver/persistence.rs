//! [`PersistenceStore`]: artifacts, durably.

use super::{Changes, Cursor, Page, Version};
use crate::{Error, ErrorKind, Result};
use async_trait::async_trait;
use std::{
    fmt::{self, Debug},
    time::SystemTime,
};

/// Keeps artifacts, each under its kind and name.
#[async_trait]
pub trait PersistenceStore: Debug + Send + Sync + 'static {
    /// Absent = `Ok(None)`; a record that cannot be read = `Internal`.
    async fn get(&self, kind: &str, name: &str) -> Result<Option<Record>>;

    /// P1: compare-and-set (`None` = must not exist), `Conflict` otherwise. P2: durable before `Ok`. P3: one bad record
    /// never hides others.
    async fn put(&self, draft: &Draft, expected: Option<&Version>) -> Result<Version>;

    /// P5: puts all of them, each under its expected version (`None` = must not exist), or none, and nobody sees a part of
    /// them. At most one is for each record. Answers the versions in order.
    async fn put_all(&self, drafts: &[(Draft, Option<Version>)]) -> Result<Vec<Version>>;

    /// Removes the record if it has the expected version (`None` = whatever is there; absent succeeds).
    async fn delete(&self, kind: &str, name: &str, expected: Option<&Version>) -> Result<()>;

    /// P4: sorted by name, keyset paging, sees every acknowledged put. A record that cannot be read is left out and
    /// logged (P3); a read that fails is an error, never a shorter list.
    async fn list(&self, kind: &str, page: &Page) -> Result<Vec<Record>>;

    /// States of a record, newest first, beginning with the present one; how many former ones are kept is the store's
    /// choice, and deleting a record ends its history. [`Page::after`] is not used.
    async fn history(&self, kind: &str, name: &str, page: &Page) -> Result<Vec<Record>>;

    /// Returns when a record changed after the cursor (W1, W2, W3); keys are `kind/name`.
    async fn changed(&self, after: &Cursor) -> Result<Changes>;
}

/// A record to store. `Debug` shows the length of the body, never the body.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// The plural kind, e.g. `gateways`.
    pub kind: String,
    /// The artifact's name; may contain `/`.
    pub name: String,
    /// The artifact as JSON.
    pub body: Vec<u8>,
    /// Who changed it.
    pub author: Option<String>,
}

impl Draft {
    /// What every store refuses (`Invalid`): a kind that is empty or contains `/`, an empty name, a body that is not JSON.
    pub fn check(&self, driver: &'static str) -> Result<()> {
        let why = if self.kind.is_empty() || self.kind.contains('/') {
            "a kind is not empty and contains no `/`"
        } else if self.name.is_empty() {
            "a name is not empty"
        } else if !super::is_json(&self.body) {
            "the body is not JSON"
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::Invalid, driver, "put", format!("{}/{}", self.kind, self.name)).because(why))
    }
}

impl Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, body, author } = self;
        f.debug_struct("Draft")
            .field("kind", kind)
            .field("name", name)
            .field("bytes", &body.len())
            .field("author", author)
            .finish()
    }
}

/// A stored record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What was stored.
    pub draft: Draft,
    /// Of this very state.
    pub version: Version,
    /// When.
    pub at: SystemTime,
}
