//! One function per case.

use super::{BreakableEvents, DurableEvents, EventFixture};
use crate::{
    ErrorKind, Result,
    driver::{Aggregate, Event, EventStore, Page, Query},
};
use std::time::{Duration, SystemTime};

const EVERY: [Aggregate; 6] =
    [Aggregate::Count, Aggregate::Min, Aggregate::Max, Aggregate::Average, Aggregate::Sum, Aggregate::Percentile(95.0)];

/// So many seconds after a moment; in 2100, which no retention by age reaches.
fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(4_102_444_800 + seconds)
}

fn event(id: &str, seconds: u64, value: &str) -> Event {
    Event {
        id: id.to_owned(),
        at: at(seconds),
        kind: "metrics".to_owned(),
        tags: vec!["gateways:sava/9050".to_owned(), "rate".to_owned()],
        value: value.as_bytes().to_vec(),
    }
}

fn tagged(tags: &[&str]) -> Query {
    Query { tags: tags.iter().map(|&tag| tag.to_owned()).collect(), ..Query::default() }
}

async fn ids(store: &dyn EventStore, query: &Query, page: &Page) -> Vec<String> {
    store.query(query, page).await.unwrap().into_iter().map(|event| event.id).collect()
}

async fn everything(store: &dyn EventStore) -> Vec<String> {
    ids(store, &Query::default(), &Page::ALL).await
}

fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind)
}

/// V2: idempotent by `id`.
pub async fn v2_appending_twice_stores_once(fixture: &mut impl EventFixture) {
    let store = fixture.store();
    let (first, again) = (event("a", 1, "1"), event("a", 2, "2"));
    store.append(&[first.clone(), first.clone()]).await.unwrap();
    store.append(&[again, event("b", 3, "3")]).await.unwrap();
    assert_eq!(everything(&*store).await, ["b", "a"]);
    assert_eq!(store.query(&Query::default(), &Page::ALL).await.unwrap().last(), Some(&first), "the first one counts");
    assert_eq!(store.aggregate(&tagged(&["rate"]), Aggregate::Count).await.unwrap(), Some(2.0));
}

/// V2: and together.
pub async fn v2_all_events_are_stored_or_none(fixture: &mut impl EventFixture) {
    let store = fixture.store();
    let binary = Event { value: vec![b'"', 0xff, b'"'], ..event("b", 1, "1") };
    for bad in [event("b", 1, "{"), event("b", 1, ""), event("", 1, "1"), binary] {
        let refused = store.append(&[event("a", 1, "1"), bad.clone(), event("c", 1, "1")]).await;
        assert_eq!(kind(refused), Some(ErrorKind::Invalid), "{bad:?}");
    }
    assert_eq!(everything(&*store).await, Vec::<String>::new());
}

/// V2: to the byte and the millisecond.
pub async fn v2_an_event_comes_back_as_it_was_appended(fixture: &mut impl EventFixture) {
    let store = fixture.store();
    let mut stored = event("a", 1, " {\"b\": 1.10,\n\"a\": \"ü\"} ");
    stored.at = at(1) + Duration::from_millis(7);
    stored.tags.clear();
    store.append(&[stored.clone()]).await.unwrap();
    let found = store.query(&Query::default(), &Page::ALL).await.unwrap();
    assert_eq!(found, [stored]);
}

/// V2: what is appended, is there.
pub async fn v2_what_is_acknowledged_survives_a_restart(fixture: &mut impl DurableEvents) {
    let store = fixture.store();
    store.append(&[event("a", 1, "1"), event("b", 2, "2")]).await.unwrap();
    store.append(&[event("c", 3, "3")]).await.unwrap();
    drop(store);
    fixture.reopen().await;
    let store = fixture.store();
    assert_eq!(everything(&*store).await, ["c", "b", "a"]);
    store.append(&[event("c", 3, "3")]).await.unwrap();
    assert_eq!(ids(&*store, &tagged(&["gateways"]), &Page::ALL).await, ["c", "b", "a"]);
}

/// V2: by time and then by id.
pub async fn v2_a_query_answers_newest_first(fixture: &mut impl EventFixture) {
    let store = fixture.store();
    let events = [event("b", 2, "1"), event("z", 1, "1"), event("a", 2, "1"), event("c", 3, "1")];
    store.append(&events).await.unwrap();
    assert_eq!(everything(&*store).await, ["c", "b", "a", "z"]);
    assert_eq!(ids(&*store, &tagged(&["rate"]), &Page::ALL).await, ["c", "b", "a", "z"]);
}

/// V2: no event twice, none left out.
pub async fn v2_pages_follow_each_other(fixture: &mut impl EventFixture) {
    let store = fixture.store();
    let events: Vec<Event> = (0..10).map(|n| event(&n.to_string(), n / 3, "1")).collect();
    store.append(&events).await.unwrap();
    for query in [Query::default(), tagged(&["gateways"])] {
        let mut seen = Vec::new();
        let mut page = Page { after: None, limit: 4 };
        loop {
            let some = ids(&*store, &query, &page).await;
            assert!(some.len() <= 4);
            let Some(last) = some.last() else { break };
            page.after = Some(last.clone());
            seen.extend(some);
            // What comes meanwhile is newer, and disturbs nobody.
            store.append(&[event(&format!("new {}", seen.len()), 100, "1")]).await.unwrap();
        }
        let expected: Vec<String> = (0..10).rev().map(|n| n.to_string()).collect();
        assert_eq!(
            seen.iter().filter(|id| !id.starts_with("new")).collect::<Vec<_>>(),
            expected.iter().collect::<Vec<_>>()
        );
    }
    let unknown = Page { after: Some("never seen".to_owned()), limit: 4 };
    assert_eq!(kind(store.query(&Query::default(), &unknown).await), Some(ErrorKind::NotFound));
}

/// V2: all conditions hold together.
pub async fn v2_a_query_finds_what_meets_all_its_conditions(fixture: &mut impl EventFixture) {
    let store = fixture.store();
    let with = |id: &str, seconds, kind: &str, tags: &[&str]| Event {
        kind: kind.to_owned(),
        tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
        ..event(id, seconds, "1")
    };
    let events = [
        with("a", 1, "archive", &["gateways:sava/9050", "archiving"]),
        with("b", 2, "metrics", &["gateways:sava/9050", "gateways", "rate"]),
        with("c", 3, "metrics", &["gateways:other/9050:x", "rate"]),
        with("d", 4, "metrics", &["gateways2:sava/9050", "rate:x:y", "rate:x"]),
    ];
    store.append(&events).await.unwrap();
    for (tags, expected) in [
        (&["gateways"][..], "c b a"),
        (&["gateways:sava/9050"], "b a"),
        (&["gateways:sava"], ""),
        (&["rate"], "d c b"),
        (&["rate:x"], "d"),
        (&["rate", "gateways:sava/9050"], "b"),
        (&["gateways:sava/9050", "rate"], "b"),
        (&[""], ""),
        (&[], "d c b a"),
    ] {
        assert_eq!(ids(&*store, &tagged(tags), &Page::ALL).await.join(" "), expected, "{tags:?}");
    }
    let metrics = Query { kind: Some("metrics".to_owned()), ..Query::default() };
    assert_eq!(ids(&*store, &metrics, &Page::ALL).await, ["d", "c", "b"]);
    let between = Query { from: Some(at(2)), to: Some(at(4)), ..Query::default() };
    assert_eq!(ids(&*store, &between, &Page::ALL).await, ["c", "b"], "from is included, to is not");
    let all = Query { tags: vec!["gateways".to_owned()], from: Some(at(3)), ..metrics };
    assert_eq!(ids(&*store, &all, &Page::ALL).await, ["c"]);
    let reversed = Query { from: Some(at(4)), to: Some(at(2)), ..Query::default() };
    assert_eq!(ids(&*store, &reversed, &Page::ALL).await, Vec::<String>::new());
}

/// V3: an empty average must not scale a service down.
pub async fn v3_nothing_to_compute_with_is_none_and_never_zero(fixture: &mut impl EventFixture) {
    let store = fixture.store();
    for by in EVERY {
        assert_eq!(store.aggregate(&Query::default(), by).await.unwrap(), None, "{by:?}");
    }
    store.append(&[event("a", 1, "\"7\""), event("b", 2, "{\"value\":7}"), event("c", 3, "null")]).await.unwrap();
    for by in EVERY {
        let expected = (by == Aggregate::Count).then_some(3.0);
        assert_eq!(store.aggregate(&Query::default(), by).await.unwrap(), expected, "{by:?} of no number");
        assert_eq!(store.aggregate(&tagged(&["other"]), by).await.unwrap(), None, "{by:?}");
    }
}

/// V3: over matching events only.
pub async fn v3_numbers_become_one_number(fixture: &mut impl EventFixture) {
    let store = fixture.store();
    let values = ["-1.5", "4", "0", "\"no number\"", "1e1"];
    for (n, value) in (0..).zip(values) {
        store.append(&[event(value, n, value)]).await.unwrap();
    }
    let other = Event { tags: vec!["other".to_owned()], ..event("other", 9, "1000") };
    store.append(&[other]).await.unwrap();
    for (by, expected) in [
        (Aggregate::Count, 5.0),
        (Aggregate::Min, -1.5),
        (Aggregate::Max, 10.0),
        (Aggregate::Sum, 12.5),
        (Aggregate::Average, 3.125),
    ] {
        assert_eq!(store.aggregate(&tagged(&["rate"]), by).await.unwrap(), Some(expected), "{by:?}");
    }
}

/// V3: nearest rank.
pub async fn v3_a_percentile_is_the_nearest_rank(fixture: &mut impl EventFixture) {
    let store = fixture.store();
    for (n, value) in (0..).zip(["50", "15", "20", "40", "35"]) {
        store.append(&[event(value, n, value)]).await.unwrap();
    }
    for (share, expected) in [(0.0, 15.0), (20.0, 15.0), (30.0, 20.0), (40.0, 20.0), (50.0, 35.0), (100.0, 50.0)] {
        let found = store.aggregate(&Query::default(), Aggregate::Percentile(share)).await.unwrap();
        assert_eq!(found, Some(expected), "percentile {share}");
    }
}

/// V3: no number is made up.
pub async fn v3_a_percentile_beyond_100_is_invalid(fixture: &mut impl EventFixture) {
    let store = fixture.store();
    store.append(&[event("a", 1, "1")]).await.unwrap();
    for share in [-1.0, 100.1, f64::NAN] {
        let refused = store.aggregate(&Query::default(), Aggregate::Percentile(share)).await;
        assert_eq!(kind(refused), Some(ErrorKind::Invalid), "{share}");
    }
}

/// V3, and no `Err` is an empty answer.
pub async fn v3_a_failed_read_is_an_error(fixture: &mut impl BreakableEvents) {
    let store = fixture.store();
    store.append(&[event("a", 1, "1")]).await.unwrap();
    fixture.break_reads().await;
    assert!(store.query(&Query::default(), &Page::ALL).await.is_err(), "a failed query is an error");
    assert!(store.aggregate(&Query::default(), Aggregate::Count).await.is_err(), "a failed aggregate is an error");
}
