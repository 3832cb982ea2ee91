//! [`KeyValue`]: routing state in memory.

use super::{ChangeFeed, lock};
use crate::{
    Error, ErrorKind, Result,
    driver::{
        Changes, Clock, Cursor, Entry, KeyValueStore, Lease, Limits, Transaction, Version, Write, is_below, is_key,
    },
};
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

const DRIVER: &str = "memory";

/// As strict as the strictest backend (Consul), so that what works here works everywhere.
const LIMITS: Limits = Limits::new(512 * 1024, 64, Duration::from_secs(1));

/// A [`KeyValueStore`] in memory, for the server with its agent in one process, and for tests.
///
/// It is empty after a restart (no K4); cursors and versions from before are known as such.
#[derive(Debug)]
pub struct KeyValue {
    clock: Arc<dyn Clock>,
    feed: ChangeFeed,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    commits: u64,
    grants: u64,
    entries: BTreeMap<String, Held>,
    leases: HashMap<Lease, Grant>,
}

#[derive(Debug)]
struct Held {
    entry: Entry,
    lease: Option<Lease>,
}

#[derive(Debug)]
struct Grant {
    ttl: Duration,
    /// Against [`Clock::elapsed`].
    until: Duration,
}

impl KeyValue {
    /// Empty; leases end by this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, feed: ChangeFeed::new(), state: Mutex::default() }
    }

    /// Runs on the state of this moment: what was under a lost lease is gone.
    fn with<T>(&self, run: impl FnOnce(&mut State) -> T) -> T {
        let mut state = lock(&self.state);
        let gone = state.expire(self.clock.elapsed());
        if !gone.is_empty() {
            self.feed.record(gone);
        }
        run(&mut state)
    }

    /// How long until the next lease ends.
    fn next_expiry(&self) -> Option<Duration> {
        let now = self.clock.elapsed();
        self.with(|state| state.leases.values().map(|grant| grant.until).min()).map(|until| until.saturating_sub(now))
    }

    fn version(&self, commit: u64) -> Version {
        Version([self.feed.incarnation().to_be_bytes(), commit.to_be_bytes()].concat().into())
    }
}

impl State {
    /// Drops what has expired; answers the keys that are gone with it.
    fn expire(&mut self, now: Duration) -> Vec<String> {
        let leases = &mut self.leases;
        let before = leases.len();
        leases.retain(|_, grant| grant.until > now);
        if leases.len() == before {
            return Vec::new();
        }
        let lost = |held: &Held| held.lease.as_ref().is_some_and(|lease| !leases.contains_key(lease));
        self.entries.extract_if(.., |_, held| lost(held)).map(|(key, _)| key).collect()
    }

    /// The first thing that forbids this transaction.
    fn refusal(&self, transaction: &Transaction) -> Option<Error> {
        let failed = transaction
            .checks
            .iter()
            .find(|(key, expected)| self.entries.get(key).map(|held| &held.entry.version) != expected.as_ref());
        if let Some((key, _)) = failed {
            return Some(Error::new(ErrorKind::Conflict, DRIVER, "commit", key.as_str()));
        }
        let lost = |write: &Write| match write {
            Write::Put { lease: Some(lease), .. } => !self.leases.contains_key(lease),
            _ => false,
        };
        let write = transaction.writes.iter().find(|write| lost(write))?;
        Some(Error::new(ErrorKind::NotFound, DRIVER, "commit", write.key()).because("its lease is lost"))
    }

    fn apply(&mut self, write: &Write, version: &Version) {
        match write {
            Write::Put { key, value, lease } => {
                let entry = Entry { value: value.clone(), version: version.clone() };
                self.entries.insert(key.clone(), Held { entry, lease: lease.clone() });
            }
            Write::Delete { key } => {
                self.entries.remove(key);
            }
        }
    }
}

fn check_key(operation: &'static str, key: &str) -> Result<()> {
    if is_key(key) { Ok(()) } else { Err(Error::new(ErrorKind::Invalid, DRIVER, operation, key)) }
}

fn check_prefix(operation: &'static str, prefix: &str) -> Result<()> {
    if prefix == "/" { Ok(()) } else { check_key(operation, prefix.strip_suffix('/').unwrap_or(prefix)) }
}

#[async_trait]
impl KeyValueStore for KeyValue {
    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        check_key("get", key)?;
        Ok(self.with(|state| state.entries.get(key).map(|held| held.entry.clone())))
    }

    async fn list(&self, prefix: &str) -> Result<(Vec<(String, Version)>, Cursor)> {
        check_prefix("list", prefix)?;
        Ok(self.with(|state| {
            let below = state.entries.iter().filter(|(key, _)| is_below(prefix, key));
            (below.map(|(key, held)| (key.clone(), held.entry.version.clone())).collect(), self.feed.cursor())
        }))
    }

    async fn commit(&self, transaction: &Transaction) -> Result<Vec<Version>> {
        transaction.check(&LIMITS, DRIVER)?;
        self.with(|state| {
            if let Some(refusal) = state.refusal(transaction) {
                return Err(refusal);
            }
            state.commits += 1;
            let version = self.version(state.commits);
            for write in &transaction.writes {
                state.apply(write, &version);
            }
            self.feed.record(transaction.writes.iter().map(|write| write.key().to_owned()));
            Ok(vec![version; transaction.writes.len()])
        })
    }

    async fn changed(&self, prefix: &str, after: &Cursor) -> Result<Changes> {
        check_prefix("changed", prefix)?;
        loop {
            let expiry = self.next_expiry();
            let changed = self.feed.changed(|key| is_below(prefix, key), after);
            let Some(expiry) = expiry else { return Ok(changed.await) };
            tokio::select! {
                biased;
                changes = changed => return Ok(changes),
                () = self.clock.sleep(expiry) => {}
            }
        }
    }

    async fn lease(&self, ttl: Duration) -> Result<Lease> {
        if ttl < LIMITS.shortest_lease {
            let why = format!("the shortest lease is {:?}", LIMITS.shortest_lease);
            return Err(Error::new(ErrorKind::Invalid, DRIVER, "lease", format!("{ttl:?}")).because(why));
        }
        let until = self.clock.elapsed().saturating_add(ttl);
        Ok(self.with(|state| {
            state.grants += 1;
            let lease = Lease(format!("{:016x}-{}", self.feed.incarnation(), state.grants));
            state.leases.insert(lease.clone(), Grant { ttl, until });
            lease
        }))
    }

    async fn renew(&self, lease: &Lease) -> Result<()> {
        let now = self.clock.elapsed();
        self.with(|state| {
            let lost = || Error::new(ErrorKind::NotFound, DRIVER, "renew", lease.0.as_str());
            let grant = state.leases.get_mut(lease).ok_or_else(lost)?;
            grant.until = now.saturating_add(grant.ttl);
            Ok(())
        })
    }
}
