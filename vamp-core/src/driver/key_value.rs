//! [`KeyValueStore`]: shared routing state.

use super::{Changes, Cursor, Version};
use crate::{Error, ErrorKind, Result};
use async_trait::async_trait;
use std::{
    collections::BTreeSet,
    fmt::{self, Debug},
    time::Duration,
};

/// Shared routing state: what etcd, Consul, ZooKeeper and redb have natively. `put` and `delete` are sugar in
/// [`KeyValueExt`].
///
/// Keys are `/`-separated and begin with `/`, see [`is_key`]; a prefix is a path: `/a` and `/a/` both mean every key that
/// begins with `/a/`, and `/` means every key, see [`is_below`].
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

    /// K5: what is written under a lease is gone between `ttl` and 2 × `ttl` after the last [`renew`](Self::renew). A
    /// shorter one than [`Limits::shortest_lease`] = `Invalid`; writing under a lost lease = `NotFound`.
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

impl Write {
    /// The key it writes.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }
}

impl Transaction {
    /// What every store refuses before it does anything: a malformed key, a key written twice (`Invalid`), more
    /// operations or bytes than the limits (K0: `TooLarge`).
    pub fn check(&self, limits: &Limits, driver: &'static str) -> Result<()> {
        let refuse = |kind, key: &str, why: String| Err(Error::new(kind, driver, "commit", key).because(why));
        let operations = self.checks.len() + self.writes.len();
        if operations > limits.operations {
            let why = format!("{operations} operations, at most {} are taken", limits.operations);
            return refuse(ErrorKind::TooLarge, "a transaction", why);
        }
        let mut written = BTreeSet::new();
        for key in self.checks.iter().map(|(key, _)| key.as_str()).chain(self.writes.iter().map(Write::key)) {
            if !is_key(key) {
                return refuse(ErrorKind::Invalid, key, KEY_RULE.to_owned());
            }
        }
        for write in &self.writes {
            if !written.insert(write.key()) {
                return refuse(ErrorKind::Invalid, write.key(), "written twice in one transaction".to_owned());
            }
            if let Write::Put { key, value, .. } = write
                && value.len() > limits.value_bytes
            {
                let why = format!("{} bytes, at most {} are taken", value.len(), limits.value_bytes);
                return refuse(ErrorKind::TooLarge, key, why);
            }
        }
        Ok(())
    }
}

const KEY_RULE: &str = "a key begins with `/` and has no empty, `.` or `..` segment and no control character";

/// Whether every store takes this key: segments behind `/`, none of them empty, `.` or `..`, without control characters.
#[must_use]
pub fn is_key(key: &str) -> bool {
    let segment = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(char::is_control);
    key.strip_prefix('/').is_some_and(|path| path.split('/').all(segment))
}

/// Whether `key` lies below the path `prefix`; a key does not lie below itself.
#[must_use]
pub fn is_below(prefix: &str, key: &str) -> bool {
    key.strip_prefix(prefix.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/') && rest.len() > 1)
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
        let lost = || Error::new(ErrorKind::Internal, "key-value", "commit", "no version for a write");
        versions.into_iter().next().ok_or_else(lost)
    }
}

impl<T: KeyValueStore + ?Sized> KeyValueExt for T {}
