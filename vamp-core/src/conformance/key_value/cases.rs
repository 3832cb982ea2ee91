//! One function per case.

use super::{BreakableKeyValue, DurableKeyValue, KeyValueFixture};
use crate::{
    ErrorKind, Result,
    conformance::suite::soon,
    driver::{Changes, Cursor, KeyValueExt, KeyValueStore, Lease, Transaction, Version, What, Write},
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// The store, and where the case keeps its keys.
struct Place {
    store: Arc<dyn KeyValueStore>,
    root: String,
}

impl Place {
    fn of(fixture: &impl KeyValueFixture) -> Self {
        Self { store: fixture.store(), root: fixture.root() }
    }

    fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.root)
    }

    fn write(&self, name: &str, value: &[u8]) -> Write {
        Write::Put { key: self.key(name), value: value.to_vec(), lease: None }
    }

    async fn put(&self, name: &str, value: &[u8]) -> Version {
        self.store.put(&self.key(name), value.to_vec()).await.unwrap()
    }

    async fn delete(&self, name: &str) {
        self.store.delete(&self.key(name)).await.unwrap();
    }

    async fn value(&self, name: &str) -> Option<Vec<u8>> {
        self.store.get(&self.key(name)).await.unwrap().map(|entry| entry.value)
    }

    async fn version(&self, name: &str) -> Option<Version> {
        self.store.get(&self.key(name)).await.unwrap().map(|entry| entry.version)
    }

    async fn commit(&self, checks: Vec<(String, Option<Version>)>, writes: Vec<Write>) -> Result<Vec<Version>> {
        self.store.commit(&Transaction { checks, writes }).await
    }

    async fn put_under(&self, lease: &Lease, name: &str) -> Result<Vec<Version>> {
        let write = Write::Put { key: self.key(name), value: b"held".to_vec(), lease: Some(lease.clone()) };
        self.commit(vec![], vec![write]).await
    }

    async fn cursor(&self) -> Cursor {
        self.store.list(&self.root).await.unwrap().1
    }

    async fn changed(&self, after: &Cursor) -> Changes {
        soon(self.store.changed(&self.root, after)).await.unwrap()
    }

    fn ttl(&self) -> Duration {
        self.store.limits().shortest_lease.max(Duration::from_secs(1))
    }
}

fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind)
}

/// K0: the limits are true.
pub async fn k0_what_the_limits_allow_is_taken_and_more_is_too_large(fixture: &mut impl KeyValueFixture) {
    let place = Place::of(fixture);
    let limits = place.store.limits();
    place.put("large", &vec![b'x'; limits.value_bytes]).await;
    let larger = place.store.put(&place.key("larger"), vec![b'x'; limits.value_bytes + 1]).await;
    assert_eq!(kind(larger), Some(ErrorKind::TooLarge));

    let writes = |count| (0..count).map(|n| place.write(&format!("many/{n}"), b"x")).collect();
    assert_eq!(place.commit(vec![], writes(limits.operations)).await.unwrap().len(), limits.operations);
    assert_eq!(kind(place.commit(vec![], writes(limits.operations + 1)).await), Some(ErrorKind::TooLarge));
}

/// K1: linearizable; absent = `Ok(None)`.
pub async fn k1_a_read_answers_the_last_acknowledged_write(fixture: &mut impl KeyValueFixture) {
    let place = Place::of(fixture);
    assert_eq!(place.value("a").await, None);
    for value in [&b"one"[..], b"", b"\0\xff two"] {
        let version = place.put("a", value).await;
        let entry = place.store.get(&place.key("a")).await.unwrap().unwrap();
        assert_eq!((entry.value.as_slice(), entry.version), (value, version));
    }
    place.delete("a").await;
    assert_eq!(place.value("a").await, None);
    place.delete("a").await;
}

/// K1: keys are paths.
pub async fn k1_a_key_that_is_no_path_is_invalid(fixture: &mut impl KeyValueFixture) {
    let place = Place::of(fixture);
    for key in ["", "/", "a", "/a//b", "/a/", "/a/../b", "/a/./b", "/a\0b"] {
        assert_eq!(kind(place.store.get(key).await), Some(ErrorKind::Invalid), "get {key:?}");
        assert_eq!(kind(place.store.put(key, vec![]).await), Some(ErrorKind::Invalid), "put {key:?}");
    }
}

/// K2: every key below the prefix, sorted, with versions.
pub async fn k2_a_list_has_every_key_below_the_path_sorted_with_versions(fixture: &mut impl KeyValueFixture) {
    let place = Place::of(fixture);
    let mut expected = Vec::new();
    for name in ["in/b", "in/a", "in/a/deep", "in/a-b", "in/10", "in/9"] {
        expected.push((place.key(name), place.put(name, b"x").await));
    }
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    place.put("inside", b"a sibling that begins alike").await;
    place.put("in", b"the path itself").await;
    place.put("in/gone", b"x").await;
    place.delete("in/gone").await;

    for prefix in [place.key("in"), place.key("in/")] {
        assert_eq!(place.store.list(&prefix).await.unwrap().0, expected, "{prefix}");
    }
    assert_eq!(place.store.list(&place.key("none")).await.unwrap().0, []);
}

/// K2, and no `Err` is an empty answer.
pub async fn k2_a_failed_read_is_an_error(fixture: &mut impl BreakableKeyValue) {
    let place = Place::of(fixture);
    place.put("a", b"x").await;
    fixture.break_reads().await;
    assert!(place.store.list(&place.root).await.is_err(), "a failed list is an error");
    assert!(place.store.get(&place.key("a")).await.is_err(), "a failed get is an error");
}

/// K3: all or nothing.
pub async fn k3_a_failed_check_writes_nothing(fixture: &mut impl KeyValueFixture) {
    let place = Place::of(fixture);
    let old = place.put("a", b"one").await;
    place.put("a", b"two").await;
    let failing = [(place.key("a"), Some(old.clone())), (place.key("a"), None), (place.key("absent"), Some(old))];
    for check in failing {
        let writes = vec![place.write("b", b"x"), Write::Delete { key: place.key("a") }];
        assert_eq!(kind(place.commit(vec![check.clone()], writes).await), Some(ErrorKind::Conflict), "{check:?}");
        assert_eq!((place.value("a").await, place.value("b").await), (Some(b"two".to_vec()), None));
    }
}

/// K3: one version per write.
pub async fn k3_checks_that_hold_write_everything(fixture: &mut impl KeyValueFixture) {
    let place = Place::of(fixture);
    let lock = place.put("lock", b"me").await;
    place.put("old", b"x").await;
    let checks = vec![(place.key("lock"), Some(lock)), (place.key("a"), None)];
    let writes = vec![place.write("a", b"1"), Write::Delete { key: place.key("old") }, place.write("b", b"2")];
    let versions = place.commit(checks, writes).await.unwrap();
    assert_eq!(versions.len(), 3);
    assert_eq!(place.version("a").await.as_ref(), versions.first());
    assert_eq!(place.version("b").await.as_ref(), versions.last());
    assert_eq!(place.value("old").await, None);
}

/// K3: no key twice.
pub async fn k3_a_key_written_twice_is_invalid(fixture: &mut impl KeyValueFixture) {
    let place = Place::of(fixture);
    let twice = vec![place.write("a", b"1"), Write::Delete { key: place.key("a") }];
    assert_eq!(kind(place.commit(vec![], twice).await), Some(ErrorKind::Invalid));
    assert_eq!(place.value("a").await, None);
}

/// K3, under contention.
pub async fn k3_of_writers_who_expect_the_same_version_one_wins(fixture: &mut impl KeyValueFixture) {
    let place = Arc::new(Place::of(fixture));
    let first = place.put("a", b"0").await;
    let mut writers = tokio::task::JoinSet::new();
    for n in 1..=8_u8 {
        let (place, first) = (Arc::clone(&place), first.clone());
        writers.spawn(async move { place.store.compare_and_put(&place.key("a"), vec![n], Some(&first)).await });
    }
    let (won, lost): (Vec<_>, Vec<_>) = writers.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 7));
    assert!(lost.into_iter().all(|result| kind(result) == Some(ErrorKind::Conflict)));
    assert_eq!(place.version("a").await, won.into_iter().next().and_then(Result::ok));
}

/// K4: acknowledged = survives the store's own restart.
pub async fn k4_what_is_acknowledged_survives_a_restart(fixture: &mut impl DurableKeyValue) {
    let place = Place::of(fixture);
    place.put("gone", b"x").await;
    let version = place.put("kept", b"x").await;
    place.delete("gone").await;
    place.put("last", b"x").await;
    drop(place);
    fixture.reopen().await;
    let place = Place::of(fixture);
    assert_eq!(place.version("kept").await, Some(version));
    assert_eq!((place.value("gone").await, place.value("last").await), (None, Some(b"x".to_vec())));
}

/// K5: gone between `ttl` and 2 × `ttl`.
pub async fn k5_what_is_under_a_lease_goes_with_it_and_not_before(fixture: &mut impl KeyValueFixture) {
    let place = Place::of(fixture);
    let lease = place.store.lease(place.ttl()).await.unwrap();
    place.put_under(&lease, "held").await.unwrap();
    place.put_under(&lease, "freed").await.unwrap();
    place.put("freed", b"without a lease").await;

    fixture.elapse(place.ttl() * 3 / 4).await;
    assert_eq!(place.value("held").await, Some(b"held".to_vec()));
    fixture.elapse(place.ttl() * 5 / 4).await;
    assert_eq!(place.value("held").await, None);
    assert_eq!(place.value("freed").await, Some(b"without a lease".to_vec()), "overwriting frees a key of its lease");
}

/// K5: and `changed` says so.
pub async fn k5_who_waits_learns_that_a_lease_has_ended(fixture: &mut impl KeyValueFixture) {
    let place = Arc::new(Place::of(fixture));
    let lease = place.store.lease(place.ttl()).await.unwrap();
    place.put_under(&lease, "held").await.unwrap();
    let cursor = place.cursor().await;
    let waiter = Arc::clone(&place);
    let waiting = tokio::spawn(async move {
        let mut cursor = cursor;
        while waiter.value("held").await.is_some() {
            cursor = waiter.changed(&cursor).await.cursor;
        }
    });
    // Lets it begin to wait.
    tokio::task::yield_now().await;
    fixture.elapse(place.ttl() * 2).await;
    soon(waiting).await.unwrap();
}

/// K5: no promise that cannot be kept.
pub async fn k5_a_lease_shorter_than_is_honoured_is_invalid(fixture: &mut impl KeyValueFixture) {
    let place = Place::of(fixture);
    let shorter = place.store.limits().shortest_lease / 2;
    assert_eq!(kind(place.store.lease(shorter).await), Some(ErrorKind::Invalid));
}

/// K6: renewing begins the time to live again.
pub async fn k6_a_renewed_lease_lives_on(fixture: &mut impl KeyValueFixture) {
    let place = Place::of(fixture);
    let lease = place.store.lease(place.ttl()).await.unwrap();
    place.put_under(&lease, "held").await.unwrap();
    for _ in 0..4 {
        fixture.elapse(place.ttl() / 2).await;
        place.store.renew(&lease).await.unwrap();
    }
    assert_eq!(place.value("held").await, Some(b"held".to_vec()));
}

/// K6: renewing a lost lease = `NotFound`.
pub async fn k6_a_lost_lease_is_not_found(fixture: &mut impl KeyValueFixture) {
    let place = Place::of(fixture);
    let lease = place.store.lease(place.ttl()).await.unwrap();
    fixture.elapse(place.ttl() * 2).await;
    assert_eq!(kind(place.store.renew(&lease).await), Some(ErrorKind::NotFound));
    assert_eq!(kind(place.put_under(&lease, "held").await), Some(ErrorKind::NotFound));
    assert_eq!(place.value("held").await, None);
}

/// V1: not even after delete and re-create.
pub async fn v1_a_version_never_repeats_for_a_key(fixture: &mut impl KeyValueFixture) {
    let place = Place::of(fixture);
    let mut versions = Vec::new();
    for _ in 0..3 {
        versions.push(place.put("a", b"the same").await);
        versions.push(place.put("a", b"the same").await);
        place.delete("a").await;
    }
    let different: BTreeSet<_> = versions.iter().map(|version| &version.0).collect();
    assert_eq!(different.len(), versions.len(), "{versions:?}");
}

/// W1: waiting is cancel-safe.
pub async fn w1_a_cancelled_wait_loses_nothing(fixture: &mut impl KeyValueFixture) {
    let place = Place::of(fixture);
    let cursor = place.cursor().await;
    let wait = place.store.changed(&place.root, &cursor);
    tokio::select! {
        biased;
        // A store may return without a change (W2); then there is nothing to cancel.
        _ = wait => {}
        _ = place.put("a", b"x") => {}
    }
    until_reported(&place, cursor, "a").await;
}

/// W2: never loses a change that follows the list that gave the cursor.
pub async fn w2_a_change_after_the_list_ends_the_wait(fixture: &mut impl KeyValueFixture) {
    let place = Place::of(fixture);
    let cursor = place.cursor().await;
    place.put("a", b"x").await;
    until_reported(&place, cursor.clone(), "a").await;
    place.put("b", b"x").await;
    until_reported(&place, cursor, "a").await;
    let cursor = place.cursor().await;
    place.delete("a").await;
    until_reported(&place, cursor, "a").await;
}

/// Waits until a change of this key, or of all keys, is reported.
async fn until_reported(place: &Place, mut cursor: Cursor, name: &str) {
    loop {
        let changes = place.changed(&cursor).await;
        match changes.what {
            What::All => return,
            What::Keys(keys) if keys.contains(&place.key(name)) => return,
            What::Keys(_) => cursor = changes.cursor,
        }
    }
}

/// W2: what is reported lies below the prefix.
pub async fn w2_a_change_elsewhere_is_not_reported(fixture: &mut impl KeyValueFixture) {
    let place = Place::of(fixture);
    let prefix = place.key("in");
    let (_, mut cursor) = place.store.list(&prefix).await.unwrap();
    place.put("inside", b"x").await;
    place.put("in/a", b"x").await;
    loop {
        let changes = soon(place.store.changed(&prefix, &cursor)).await.unwrap();
        match changes.what {
            What::All => return,
            What::Keys(keys) if keys == [place.key("in/a")] => return,
            What::Keys(keys) => assert_eq!(keys, Vec::<String>::new(), "only what lies below {prefix}"),
        }
        cursor = changes.cursor;
    }
}

/// W3: empty, expired or of another incarnation.
pub async fn w3_an_empty_or_foreign_cursor_returns_at_once_with_all(fixture: &mut impl KeyValueFixture) {
    let place = Place::of(fixture);
    for cursor in [Cursor::default(), Cursor(b"of another time".to_vec().into())] {
        let changes = place.changed(&cursor).await;
        assert_eq!(changes.what, What::All, "{cursor:?}");
        place.put("a", b"x").await;
        until_reported(&place, changes.cursor, "a").await;
    }
}
