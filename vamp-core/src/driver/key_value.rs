//! [`KeyValueStore`]: shared routing state.

use super::{Changes, Cursor, Version};
use crate::{ErrorKind, Result};
use async_trait::async_trait;
use std::{
    fmt::{self, Debug},
    time::Duration,
};

/// Shared routing state: what etcd, Consul, ZooKeeper and redb have natively. `put` and `delete` are sugar in
/// [`KeyValueExt`].
///
/// Keys are `/`-separated and begin with `/`.
#[async_trait]
pub trait KeyValueStore: Debug + Send + Sync + 'static {
    /// K0: value size, operations per transaction, and the shortest lease that the store really honours.
    fn limits(&self) -> Limits;

    /// K1: linearizable; absent = `Ok(None)`.
    async fn get(&self, key: &str) -> Result<Option<Entry>>;

    /// K2: every key below the prefix, sorted, with versions, without values; the cursor belongs to this very read.
    async fn list(&self, prefix: &str) -> Result<(Vec<(String, Version)>, Cursor)>;

    /// K3: all or nothing; a failed check = `Conflict`, nothing written. K4: acknowledged = survives the store's own
    /// restart. Answers one version per write.
    async fn commit(&self, transaction: &Transaction) -> Result<Vec<Version>>;

    /// Returns when something below the prefix changed after the cursor (W1, W2, W3).
    async fn changed(&self, prefix: &str, after: &Cursor) -> Result<Changes>;

    /// K5: what is written under a lease is gone between `ttl` and 2 × `ttl` after the last [`renew`](Self::renew).
    async fn lease(&self, ttl: Duration) -> Result<Lease>;

    /// K6: renewing a lost lease = `NotFound`.
    async fn renew(&self, lease: &Lease) -> Result<()>;
}

/// What a store takes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one value.
    pub value_bytes: usize,
    /// Checks and writes of one transaction, together.
    pub operations: usize,
    /// The shortest lease that the store really honours.
    pub shortest_lease: Duration,
}

impl Limits {
    /// These limits.
    #[must_use]
    pub const fn new(value_bytes: usize, operations: usize, shortest_lease: Duration) -> Self {
        Self { value_bytes, operations, shortest_lease }
    }
}

/// A value and its version. `Debug` shows the length of the value, never the value.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The bytes.
    pub value: Vec<u8>,
    /// Of this very value.
    pub version: Version,
}

impl Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("bytes", &self.value.len()).field("version", &self.version).finish()
    }
}

/// The name of a lease.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lease(pub String);

/// Writes that happen together, or not at all.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    /// Each key must have this version; `None` = must be absent.
    pub checks: Vec<(String, Option<Version>)>,
    /// What is written then, in order; no key twice.
    pub writes: Vec<Write>,
}

/// One write of a [`Transaction`].
#[derive(Clone)]
pub enum Write {
    /// Sets a value.
    Put {
        /// Where.
        key: String,
        /// What.
        value: Vec<u8>,
        /// Gone with this lease.
        lease: Option<Lease>,
    },
    /// Removes a key; removing what is absent succeeds.
    Delete {
        /// Which.
        key: String,
    },
}

impl Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put { key, value, lease } => {
                f.debug_struct("Put").field("key", key).field("bytes", &value.len()).field("lease", lease).finish()
            }
            Self::Delete { key } => f.debug_struct("Delete").field("key", key).finish(),
        }
    }
}

mod sealed {
    pub trait Sealed {}
    impl<T: super::KeyValueStore + ?Sized> Sealed for T {}
}

/// Sugar for callers of a [`KeyValueStore`].
#[async_trait]
pub trait KeyValueExt: KeyValueStore + sealed::Sealed {
    /// Sets a value, whatever was there.
    async fn put(&self, key: &str, value: Vec<u8>) -> Result<Version> {
        let write = Write::Put { key: key.to_owned(), value, lease: None };
        self.commit_one(Vec::new(), write).await
    }

    /// Sets a value if the key has the expected version (`None` = is absent); `Conflict` otherwise.
    async fn compare_and_put(&self, key: &str, value: Vec<u8>, expected: Option<&Version>) -> Result<Version> {
        let write = Write::Put { key: key.to_owned(), value, lease: None };
        self.commit_one(vec![(key.to_owned(), expected.cloned())], write).await
    }

    /// Removes a key, whatever was there.
    async fn delete(&self, key: &str) -> Result<()> {
        self.commit_one(Vec::new(), Write::Delete { key: key.to_owned() }).await.map(|_| ())
    }

    /// One write under checks.
    #[doc(hidden)]
    async fn commit_one(&self, checks: Vec<(String, Option<Version>)>, write: Write) -> Result<Version> {
        let versions = self.commit(&Transaction { checks, writes: vec![write] }).await?;
        let lost = || crate::Error::new(ErrorKind::Internal, "key-value", "commit", "no version for a write");
        versions.into_iter().next().ok_or_else(lost)
    }
}

impl<T: KeyValueStore + ?Sized> KeyValueExt for T {}
