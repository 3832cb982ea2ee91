//! One function per case.

use super::{BreakablePersistence, CorruptiblePersistence, DurablePersistence, PersistenceFixture};
use crate::{
    ErrorKind, Result,
    conformance::suite::soon,
    driver::{Cursor, Draft, Page, PersistenceStore, Version, What},
};
use std::{collections::BTreeSet, sync::Arc};

const KIND: &str = "breeds";

fn draft(name: &str, body: &str) -> Draft {
    Draft { kind: KIND.to_owned(), name: name.to_owned(), body: body.as_bytes().to_vec(), author: None }
}

fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind)
}

async fn create(store: &dyn PersistenceStore, name: &str) -> Version {
    store.put(&draft(name, "{}"), None).await.unwrap()
}

async fn body(store: &dyn PersistenceStore, name: &str) -> Option<String> {
    let record = store.get(KIND, name).await.unwrap()?;
    Some(String::from_utf8(record.draft.body).unwrap())
}

async fn names(store: &dyn PersistenceStore, page: &Page) -> Vec<String> {
    store.list(KIND, page).await.unwrap().into_iter().map(|record| record.draft.name).collect()
}

/// P1: compare-and-set.
pub async fn p1_a_put_that_expects_something_else_is_a_conflict(fixture: &mut impl PersistenceFixture) {
    let store = fixture.store();
    let first = create(&*store, "a").await;
    let second = store.put(&draft("a", "2"), Some(&first)).await.unwrap();
    for (name, expected) in [("a", None), ("a", Some(&first)), ("absent", Some(&second))] {
        let refused = store.put(&draft(name, "3"), expected).await;
        assert_eq!(kind(refused), Some(ErrorKind::Conflict), "{name} {expected:?}");
    }
    assert_eq!(body(&*store, "a").await.as_deref(), Some("2"));
    assert_eq!(body(&*store, "absent").await, None);
}

/// P5: all or none.
pub async fn p5_all_are_put_or_none(fixture: &mut impl PersistenceFixture) {
    let store = fixture.store();
    let first = create(&*store, "a").await;
    let wrong = [(draft("b", "1"), None), (draft("a", "2"), None)];
    assert_eq!(kind(store.put_all(&wrong).await), Some(ErrorKind::Conflict));
    let damaged = [(draft("b", "1"), None), (draft("c", "no JSON"), None)];
    assert_eq!(kind(store.put_all(&damaged).await), Some(ErrorKind::Invalid));
    assert_eq!(names(&*store, &Page::ALL).await, ["a"]);
    assert_eq!(body(&*store, "a").await.as_deref(), Some("{}"));
    let right = [(draft("b", "1"), None), (draft("a", "2"), Some(first))];
    let versions = store.put_all(&right).await.unwrap();
    let mut found = Vec::new();
    for (draft, _) in &right {
        let record = store.get(KIND, &draft.name).await.unwrap().unwrap();
        assert_eq!(record.draft.body, draft.body);
        found.push(record.version);
    }
    assert_eq!(found, versions);
    assert_eq!(store.put_all(&[]).await.unwrap(), Vec::<Version>::new());
}

/// P1, under contention.
pub async fn p1_of_writers_who_expect_the_same_version_one_wins(fixture: &mut impl PersistenceFixture) {
    let store = fixture.store();
    let first = create(&*store, "a").await;
    let mut writers = tokio::task::JoinSet::new();
    for n in 1..=8 {
        let (store, first) = (Arc::clone(&store), first.clone());
        writers.spawn(async move { store.put(&draft("a", &n.to_string()), Some(&first)).await });
    }
    let (won, lost): (Vec<_>, Vec<_>) = writers.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 7));
    assert!(lost.into_iter().all(|result| kind(result) == Some(ErrorKind::Conflict)));
    let present = store.get(KIND, "a").await.unwrap().map(|record| record.version);
    assert_eq!(present, won.into_iter().next().and_then(Result::ok));
}

/// P1, for removing.
pub async fn p1_a_delete_that_expects_something_else_is_a_conflict(fixture: &mut impl PersistenceFixture) {
    let store = fixture.store();
    let first = create(&*store, "a").await;
    let second = store.put(&draft("a", "2"), Some(&first)).await.unwrap();
    assert_eq!(kind(store.delete(KIND, "a", Some(&first)).await), Some(ErrorKind::Conflict));
    assert_eq!(body(&*store, "a").await.as_deref(), Some("2"));

    store.delete(KIND, "a", Some(&second)).await.unwrap();
    assert_eq!(body(&*store, "a").await, None);
    assert_eq!(kind(store.delete(KIND, "a", Some(&second)).await), Some(ErrorKind::Conflict));
    store.delete(KIND, "a", None).await.unwrap();
    create(&*store, "a").await;
    store.delete(KIND, "a", None).await.unwrap();
    assert_eq!(body(&*store, "a").await, None);
}

/// P1: and to the byte.
pub async fn p1_a_record_comes_back_as_it_was_stored(fixture: &mut impl PersistenceFixture) {
    let store = fixture.store();
    let mut stored = draft("sava/web:1.0", " {\"b\": 1.10,\n \"a\": \"ü\\u0000\", \"b\": 1e400}\n");
    stored.author = Some("ops@example.com".to_owned());
    let version = store.put(&stored, None).await.unwrap();
    let record = store.get(KIND, &stored.name).await.unwrap().unwrap();
    assert_eq!((&record.draft, &record.version), (&stored, &version));
    assert_eq!(store.list(KIND, &Page::ALL).await.unwrap(), [record]);
}

/// P2: durable before `Ok`.
pub async fn p2_what_is_acknowledged_survives_a_restart(fixture: &mut impl DurablePersistence) {
    let store = fixture.store();
    let first = create(&*store, "kept").await;
    let second = store.put(&draft("kept", "2"), Some(&first)).await.unwrap();
    create(&*store, "gone").await;
    store.delete(KIND, "gone", None).await.unwrap();
    create(&*store, "last").await;
    let cursor = soon(store.changed(&Cursor::default())).await.unwrap().cursor;
    drop(store);

    fixture.reopen().await;
    let store = fixture.store();
    assert_eq!(names(&*store, &Page::ALL).await, ["kept", "last"]);
    let kept = store.get(KIND, "kept").await.unwrap().unwrap();
    assert_eq!((kept.draft.body.as_slice(), &kept.version), (&b"2"[..], &second));
    assert_eq!(kind(store.put(&draft("kept", "3"), Some(&first)).await), Some(ErrorKind::Conflict));
    let third = store.put(&draft("kept", "3"), Some(&second)).await.unwrap();
    assert!(third != first && third != second, "V1 holds across a restart");
    reported(&*store, cursor, "kept").await;
}

/// P3: others are served, and the bad one is an error, not absent.
pub async fn p3_one_bad_record_never_hides_others(fixture: &mut impl CorruptiblePersistence) {
    let store = fixture.store();
    for name in ["a", "b", "c"] {
        create(&*store, name).await;
    }
    fixture.corrupt(KIND, "b").await;
    assert_eq!(names(&*store, &Page::ALL).await, ["a", "c"]);
    let page = Page { after: None, limit: 2 };
    assert_eq!(names(&*store, &page).await, ["a", "c"], "a page is as full as it can be");
    assert_eq!(body(&*store, "c").await.as_deref(), Some("{}"));
    assert_eq!(kind(store.get(KIND, "b").await), Some(ErrorKind::Internal));
    assert_eq!(kind(store.put(&draft("b", "{}"), None).await), Some(ErrorKind::Conflict), "it is there");

    store.delete(KIND, "b", None).await.unwrap();
    create(&*store, "b").await;
    assert_eq!(names(&*store, &Page::ALL).await, ["a", "b", "c"]);
}

/// P3: what could not be served is not taken.
pub async fn p3_what_is_no_artifact_is_invalid(fixture: &mut impl PersistenceFixture) {
    let store = fixture.store();
    let nameless = draft("", "{}");
    let kindless = Draft { kind: String::new(), ..draft("a", "{}") };
    let nested = Draft { kind: "a/b".to_owned(), ..draft("a", "{}") };
    let (empty, broken) = (draft("a", ""), draft("a", "{"));
    let binary = Draft { body: vec![b'"', 0xff, b'"'], ..draft("a", "{}") };
    for refused in [nameless, kindless, nested, empty, broken, binary] {
        assert_eq!(kind(store.put(&refused, None).await), Some(ErrorKind::Invalid), "{refused:?}");
    }
    assert_eq!(names(&*store, &Page::ALL).await, Vec::<String>::new());
}

/// P4: sorted by name.
pub async fn p4_a_list_is_sorted_by_name_and_sees_every_put(fixture: &mut impl PersistenceFixture) {
    let store = fixture.store();
    let mut expected = Vec::new();
    for name in ["b", "a/z", "a", "a-1", "Z", "ä", "a.b", "10", "9", "a:1", "a b"] {
        create(&*store, name).await;
        expected.push(name.to_owned());
        expected.sort();
        assert_eq!(names(&*store, &Page::ALL).await, expected);
    }
    assert_eq!(store.list("scales", &Page::ALL).await.unwrap(), []);
}

/// P4: keyset paging.
pub async fn p4_pages_follow_each_other(fixture: &mut impl PersistenceFixture) {
    let store = fixture.store();
    let all: Vec<String> = (0..70).map(|n| format!("sava/{n:02}")).collect();
    for name in &all {
        create(&*store, name).await;
    }
    let mut seen = Vec::new();
    let mut page = Page { after: None, limit: 30 };
    loop {
        let some = names(&*store, &page).await;
        assert!(some.len() <= page.limit);
        let Some(last) = some.last() else { break };
        page.after = Some(last.clone());
        // The page goes on behind a name, whether it is still there or not.
        store.delete(KIND, last, None).await.unwrap();
        seen.extend(some);
    }
    assert_eq!(seen, all);
}

/// P4: each name is itself.
pub async fn p4_names_do_not_collide(fixture: &mut impl PersistenceFixture) {
    let store = fixture.store();
    let alike =
        ["a/b", "a%2Fb", "a%2fb", "a//b", "/a/b", "a/b/", "A/B", ".", "..", "../a", "a\0b", "%", "a\u{301}", "á"];
    for name in alike {
        store.put(&draft(name, &serde_json::to_string(name).unwrap()), None).await.unwrap();
    }
    for name in alike {
        assert_eq!(body(&*store, name).await, serde_json::to_string(name).ok(), "{name:?}");
    }
    store.put(&Draft { kind: "breed".to_owned(), ..draft("s/a", "1") }, None).await.unwrap();
    assert_eq!(store.get(KIND, "a").await.unwrap(), None);
    assert_eq!(store.list(KIND, &Page::ALL).await.unwrap().len(), alike.len());
}

/// P4, and no `Err` is an empty answer.
pub async fn p4_a_failed_read_is_an_error(fixture: &mut impl BreakablePersistence) {
    let store = fixture.store();
    create(&*store, "a").await;
    fixture.break_reads().await;
    assert!(store.list(KIND, &Page::ALL).await.is_err(), "a failed list is an error");
    assert!(store.get(KIND, "a").await.is_err(), "a failed get is an error");
    assert!(store.history(KIND, "a", &Page::ALL).await.is_err(), "a failed history is an error");
}

/// P4: newest first, the present one included.
pub async fn p4_history_begins_with_the_present_and_ends_with_the_record(fixture: &mut impl PersistenceFixture) {
    let store = fixture.store();
    let mut versions = vec![create(&*store, "a").await];
    create(&*store, "a/1").await;
    for n in 1..4 {
        let version = store.put(&draft("a", &n.to_string()), versions.first()).await.unwrap();
        versions.insert(0, version);
    }
    let history = store.history(KIND, "a", &Page::ALL).await.unwrap();
    assert_eq!(history.first(), store.get(KIND, "a").await.unwrap().as_ref());
    let kept: Vec<_> = history.iter().map(|record| record.version.clone()).collect();
    assert_eq!(kept, versions.get(..kept.len()).unwrap());
    assert_eq!(store.history(KIND, "a", &Page { after: None, limit: 1 }).await.unwrap().len(), 1);

    store.delete(KIND, "a", None).await.unwrap();
    assert_eq!(store.history(KIND, "a", &Page::ALL).await.unwrap(), []);
    let again = create(&*store, "a").await;
    let history = store.history(KIND, "a", &Page::ALL).await.unwrap();
    assert_eq!(history.into_iter().map(|record| record.version).collect::<Vec<_>>(), [again]);
}

/// V1: not even after delete and re-create.
pub async fn v1_a_version_never_repeats_for_a_record(fixture: &mut impl PersistenceFixture) {
    let store = fixture.store();
    let mut versions = Vec::new();
    for _ in 0..3 {
        versions.push(create(&*store, "a").await);
        versions.push(store.put(&draft("a", "{}"), versions.last()).await.unwrap());
        store.delete(KIND, "a", None).await.unwrap();
    }
    let different: BTreeSet<_> = versions.iter().map(|version| &version.0).collect();
    assert_eq!(different.len(), versions.len(), "{versions:?}");
}

async fn start(store: &dyn PersistenceStore) -> Cursor {
    soon(store.changed(&Cursor::default())).await.unwrap().cursor
}

/// Waits until a change of this record, or of all, is reported.
async fn reported(store: &dyn PersistenceStore, mut cursor: Cursor, name: &str) {
    loop {
        let changes = soon(store.changed(&cursor)).await.unwrap();
        match changes.what {
            What::All => return,
            What::Keys(keys) if keys.contains(&format!("{KIND}/{name}")) => return,
            What::Keys(_) => cursor = changes.cursor,
        }
    }
}

/// W1: waiting is cancel-safe.
pub async fn w1_a_cancelled_wait_loses_nothing(fixture: &mut impl PersistenceFixture) {
    let store = fixture.store();
    let cursor = start(&*store).await;
    tokio::select! {
        biased;
        _ = store.changed(&cursor) => {}
        _ = create(&*store, "a/b") => {}
    }
    reported(&*store, cursor, "a/b").await;
}

/// W2: never loses a change.
pub async fn w2_no_change_after_a_cursor_is_lost(fixture: &mut impl PersistenceFixture) {
    let store = fixture.store();
    let cursor = start(&*store).await;
    create(&*store, "a/b").await;
    reported(&*store, cursor.clone(), "a/b").await;
    create(&*store, "c").await;
    reported(&*store, cursor, "a/b").await;
    let cursor = start(&*store).await;
    store.delete(KIND, "a/b", None).await.unwrap();
    reported(&*store, cursor, "a/b").await;
}

/// W3: empty, expired or of another incarnation.
pub async fn w3_an_empty_or_foreign_cursor_returns_at_once_with_all(fixture: &mut impl PersistenceFixture) {
    let store = fixture.store();
    for cursor in [Cursor::default(), Cursor(b"of another time".to_vec().into())] {
        assert_eq!(soon(store.changed(&cursor)).await.unwrap().what, What::All, "{cursor:?}");
    }
}
