//! The suite notices: each clause broken on purpose fails its own cases.

use super::{BreakableKeyValue, DurableKeyValue, KeyValueFixture};
use crate::{
    Error, ErrorKind, Result,
    conformance::suite::conformance_failures,
    driver::{Changes, Cursor, Entry, KeyValueExt, KeyValueStore, Lease, Limits, Transaction, Version, Write},
    memory::{ChangeFeed, KeyValue, ManualClock},
};
use async_trait::async_trait;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    ClaimsLargerValues,
    EmptyIsAbsent,
    TakesAnyKey,
    ListsWhatBeginsAlike,
    EmptyOnError,
    DropsChecks,
    WritesDespiteConflict,
    SkipsDeletes,
    WritesTwice,
    LosesTheLastWrite,
    ForgetsTheLease,
    ExpiresSilently,
    TakesAnyLease,
    RenewsNothing,
    RenewsWhatIsLost,
    VersionIsTheContent,
    CancelLoses,
    WaitsFromNow,
    ReportsEverything,
    WaitsOnAForeignCursor,
}

/// A correct store, but for one fault.
#[derive(Debug)]
struct Sabotaged {
    inner: KeyValue,
    fault: Fault,
    broken: AtomicBool,
    waiting: AtomicBool,
    last: Mutex<Option<String>>,
    /// Knows commits, but no expiry.
    commits: ChangeFeed,
}

impl Sabotaged {
    fn reachable(&self) -> Result<()> {
        let broken = self.broken.load(SeqCst);
        if broken { Err(Error::new(ErrorKind::Unavailable, "sabotaged", "read", "a key")) } else { Ok(()) }
    }

    fn outward(&self, entry: Entry) -> Entry {
        let version = Version(entry.value.clone().into());
        if self.fault == Fault::VersionIsTheContent { Entry { version, ..entry } } else { entry }
    }

    async fn inward(&self, transaction: &Transaction) -> Transaction {
        let mut changed = transaction.clone();
        match self.fault {
            Fault::DropsChecks => changed.checks.clear(),
            Fault::SkipsDeletes if changed.checks.len() > 1 => {
                changed.writes.retain(|write| matches!(write, Write::Put { .. }));
            }
            Fault::WritesTwice => {
                changed.writes.dedup_by(|a, b| a.key() == b.key());
            }
            Fault::ForgetsTheLease => {
                for write in &mut changed.writes {
                    if let Write::Put { lease, .. } = write {
                        *lease = None;
                    }
                }
            }
            Fault::VersionIsTheContent => {
                for (key, expected) in &mut changed.checks {
                    let present = self.inner.get(key).await.unwrap();
                    if let (Some(content), Some(present)) = (expected.as_mut(), present)
                        && present.value == *content.0
                    {
                        *content = present.version;
                    }
                }
            }
            _ => {}
        }
        changed
    }
}

#[async_trait]
impl KeyValueStore for Sabotaged {
    fn limits(&self) -> Limits {
        let mut limits = self.inner.limits();
        limits.value_bytes += usize::from(self.fault == Fault::ClaimsLargerValues);
        limits
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        match (self.fault, self.reachable()) {
            (Fault::EmptyOnError, Err(_)) => return Ok(None),
            (_, reachable) => reachable?,
        }
        match (self.fault, self.inner.get(key).await) {
            (Fault::TakesAnyKey, Err(_)) => Ok(None),
            (Fault::EmptyIsAbsent, Ok(Some(entry))) if entry.value.is_empty() => Ok(None),
            (_, found) => Ok(found?.map(|entry| self.outward(entry))),
        }
    }

    async fn list(&self, prefix: &str) -> Result<(Vec<(String, Version)>, Cursor)> {
        match (self.fault, self.reachable()) {
            (Fault::EmptyOnError, Err(_)) => return Ok((vec![], Cursor::default())),
            (_, reachable) => reachable?,
        }
        let path = if self.fault == Fault::ListsWhatBeginsAlike { "/" } else { prefix };
        let (mut keys, mut cursor) = self.inner.list(path).await?;
        keys.retain(|(key, _)| key.starts_with(prefix));
        for (key, version) in &mut keys {
            if let Some(entry) = self.inner.get(key).await? {
                *version = self.outward(entry).version;
            }
        }
        if self.fault == Fault::ExpiresSilently {
            cursor = self.commits.cursor();
        }
        Ok((keys, cursor))
    }

    async fn commit(&self, transaction: &Transaction) -> Result<Vec<Version>> {
        let changed = self.inward(transaction).await;
        *self.last.lock().unwrap() = changed.writes.last().map(|write| write.key().to_owned());
        let committed = self.inner.commit(&changed).await;
        self.commits.record(changed.writes.iter().map(|write| write.key().to_owned()));
        let content = |write: &Write| match write {
            Write::Put { value, .. } => Version(value.clone().into()),
            Write::Delete { .. } => Version(Box::default()),
        };
        match (self.fault, committed) {
            (Fault::WritesDespiteConflict, Err(error))
                if error.kind == ErrorKind::Conflict && changed.writes.len() > 1 =>
            {
                self.inner.commit(&Transaction { checks: vec![], ..changed }).await.unwrap();
                Err(error)
            }
            (Fault::SkipsDeletes, Ok(mut versions)) => {
                let last = versions.last().cloned().unwrap();
                versions.resize(transaction.writes.len(), last);
                Ok(versions)
            }
            (Fault::VersionIsTheContent, Ok(_)) => Ok(changed.writes.iter().map(content).collect()),
            (_, committed) => committed,
        }
    }

    async fn changed(&self, prefix: &str, after: &Cursor) -> Result<Changes> {
        let cancelled = self.waiting.swap(true, SeqCst);
        let now = self.inner.list("/").await?.1;
        let ours = now.0.get(..8) == after.0.get(..8);
        let (prefix, after) = match self.fault {
            Fault::ReportsEverything => ("/", after),
            Fault::CancelLoses if cancelled => (prefix, &now),
            Fault::WaitsFromNow if ours => (prefix, &now),
            Fault::WaitsOnAForeignCursor if !ours => (prefix, &now),
            _ => (prefix, after),
        };
        let changes = match self.fault {
            Fault::ExpiresSilently => Ok(self.commits.changed(|key| crate::driver::is_below(prefix, key), after).await),
            _ => self.inner.changed(prefix, after).await,
        };
        self.waiting.store(false, SeqCst);
        changes
    }

    async fn lease(&self, ttl: Duration) -> Result<Lease> {
        let shortest = self.inner.limits().shortest_lease;
        self.inner.lease(if self.fault == Fault::TakesAnyLease { ttl.max(shortest) } else { ttl }).await
    }

    async fn renew(&self, lease: &Lease) -> Result<()> {
        match self.fault {
            Fault::RenewsNothing => Ok(()),
            Fault::RenewsWhatIsLost => self.inner.renew(lease).await.or(Ok(())),
            _ => self.inner.renew(lease).await,
        }
    }
}

struct Fixture {
    store: Arc<Sabotaged>,
    clock: Arc<ManualClock>,
}

fn open(fault: Fault) -> Fixture {
    let clock = Arc::new(ManualClock::default());
    let store = Sabotaged {
        inner: KeyValue::new(Arc::<ManualClock>::clone(&clock)),
        fault,
        broken: AtomicBool::new(false),
        waiting: AtomicBool::new(false),
        last: Mutex::default(),
        commits: ChangeFeed::new(),
    };
    Fixture { store: Arc::new(store), clock }
}

#[async_trait]
impl KeyValueFixture for Fixture {
    fn store(&self) -> Arc<dyn KeyValueStore> {
        Arc::<Sabotaged>::clone(&self.store)
    }

    async fn elapse(&mut self, duration: Duration) {
        self.clock.advance(duration);
    }
}

#[async_trait]
impl DurableKeyValue for Fixture {
    async fn reopen(&mut self) {
        let last = self.store.last.lock().unwrap().take();
        if let (Fault::LosesTheLastWrite, Some(key)) = (self.store.fault, last) {
            self.store.inner.delete(&key).await.unwrap();
        }
    }
}

#[async_trait]
impl BreakableKeyValue for Fixture {
    async fn break_reads(&mut self) {
        self.store.broken.store(true, SeqCst);
    }
}

async fn failing(fault: Fault) -> Vec<&'static str> {
    let mut failed = Vec::new();
    macro_rules! run {
        ($($cases:tt)*) => { conformance_failures! { failed; $($cases)* } };
    }
    crate::key_value_suite! { @each [run] open(fault) }
    crate::key_value_suite! { @each [run] open(fault), durable }
    crate::key_value_suite! { @each [run] open(fault), breakable }
    failed
}

#[tokio::test(start_paused = true)]
async fn the_specification_satisfies_every_case() {
    assert_eq!(failing(Fault::None).await, Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn each_broken_clause_is_noticed_by_its_own_cases() {
    let expected: [(Fault, &[&str]); 20] = [
        (Fault::ClaimsLargerValues, &["k0_what_the_limits_allow_is_taken_and_more_is_too_large"]),
        (Fault::EmptyIsAbsent, &["k1_a_read_answers_the_last_acknowledged_write"]),
        (Fault::TakesAnyKey, &["k1_a_key_that_is_no_path_is_invalid"]),
        (Fault::ListsWhatBeginsAlike, &["k2_a_list_has_every_key_below_the_path_sorted_with_versions"]),
        (Fault::EmptyOnError, &["k2_a_failed_read_is_an_error"]),
        (
            Fault::DropsChecks,
            &["k3_a_failed_check_writes_nothing", "k3_of_writers_who_expect_the_same_version_one_wins"],
        ),
        (Fault::WritesDespiteConflict, &["k3_a_failed_check_writes_nothing"]),
        (Fault::SkipsDeletes, &["k3_checks_that_hold_write_everything"]),
        (Fault::WritesTwice, &["k3_a_key_written_twice_is_invalid"]),
        (Fault::LosesTheLastWrite, &["k4_what_is_acknowledged_survives_a_restart"]),
        (
            Fault::ForgetsTheLease,
            &[
                "k5_what_is_under_a_lease_goes_with_it_and_not_before",
                "k5_who_waits_learns_that_a_lease_has_ended",
                "k6_a_lost_lease_is_not_found",
            ],
        ),
        (Fault::ExpiresSilently, &["k5_who_waits_learns_that_a_lease_has_ended"]),
        (Fault::TakesAnyLease, &["k5_a_lease_shorter_than_is_honoured_is_invalid"]),
        (Fault::RenewsNothing, &["k6_a_renewed_lease_lives_on", "k6_a_lost_lease_is_not_found"]),
        (Fault::RenewsWhatIsLost, &["k6_a_lost_lease_is_not_found"]),
        (Fault::VersionIsTheContent, &["v1_a_version_never_repeats_for_a_key"]),
        (Fault::CancelLoses, &["w1_a_cancelled_wait_loses_nothing"]),
        (
            Fault::WaitsFromNow,
            &[
                "w1_a_cancelled_wait_loses_nothing",
                "w2_a_change_after_the_list_ends_the_wait",
                "w2_a_change_elsewhere_is_not_reported",
                "w3_an_empty_or_foreign_cursor_returns_at_once_with_all",
            ],
        ),
        (Fault::ReportsEverything, &["w2_a_change_elsewhere_is_not_reported"]),
        (Fault::WaitsOnAForeignCursor, &["w3_an_empty_or_foreign_cursor_returns_at_once_with_all"]),
    ];
    for (fault, cases) in expected {
        assert_eq!((fault, failing(fault).await), (fault, cases.to_vec()));
    }
}
