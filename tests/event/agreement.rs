//! Whatever is appended and asked, the file answers as the store in memory does.

use super::embedded::Folder;
use proptest::prelude::*;
use std::time::{Duration, SystemTime};
use vamp_core::{
    driver::{Aggregate, Event, EventStore, Page, Query},
    memory::Events,
};
use vamp_drivers::persistence::{EmbeddedOptions, EmbeddedStore};

const KEPT: usize = 12;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn tags() -> impl Strategy<Value = Vec<String>> {
    let tag = prop::sample::select(vec!["a", "a:b", "a:b:c", "b", "kind x", ""]).prop_map(str::to_owned);
    prop::collection::vec(tag, 0..3)
}

fn kind() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["x", "y"]).prop_map(str::to_owned)
}

prop_compose! {
    fn event()(id in 0..30_u32, seconds in 0..6_u64, kind in kind(), tags in tags(), value in "-?[1-9]{1,2}|null|\"1\"") -> Event {
        Event { id: id.to_string(), at: at(seconds), kind, tags, value: value.into_bytes() }
    }
}

prop_compose! {
    fn query()(
        tags in tags(),
        kind in prop::option::of(kind()),
        from in prop::option::of(0..6_u64),
        to in prop::option::of(0..7_u64),
    ) -> Query {
        Query { tags, kind, from: from.map(at), to: to.map(at) }
    }
}

fn page() -> impl Strategy<Value = Page> {
    (prop::option::of(0..30_u32), 0..8_usize)
        .prop_map(|(after, limit)| Page { after: after.map(|id| id.to_string()), limit })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_file_answers_as_the_store_in_memory(
        appends in prop::collection::vec(prop::collection::vec(event(), 0..8), 1..6),
        queries in prop::collection::vec((query(), page()), 1..20),
    ) {
        let folder = Folder::new();
        let memory = Events::with_limit(KEPT);
        let options = EmbeddedOptions { events: KEPT as u64, ..EmbeddedOptions::default() };
        let file = EmbeddedStore::open_with(folder.file(), options).unwrap();
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            for events in &appends {
                memory.append(events).await.unwrap();
                file.append(events).await.unwrap();
            }
            for (query, page) in &queries {
                let expected = memory.query(query, page).await.map_err(|error| error.kind);
                prop_assert_eq!(file.query(query, page).await.map_err(|error| error.kind), expected, "{:?} {:?}", query, page);
                for by in [Aggregate::Count, Aggregate::Sum, Aggregate::Percentile(50.0)] {
                    let expected = memory.aggregate(query, by).await.unwrap();
                    prop_assert_eq!(file.aggregate(query, by).await.unwrap(), expected, "{:?} {:?}", by, query);
                }
            }
            Ok(())
        })?;
    }
}
