//! Whatever happens to it, every store answers as the one in memory does.

use super::embedded::Folder;
use proptest::prelude::*;
use std::sync::Arc;
use vamp_core::{
    ErrorKind,
    driver::{Draft, Page, PersistenceStore, Version},
    layer::KeyValuePersistence,
    memory::{KeyValue, ManualClock, Persistence},
};
use vamp_drivers::persistence::EmbeddedStore;

/// The expected version, of those that the record ever had.
#[derive(Clone, Copy, Debug)]
enum Expected {
    Absent,
    Latest,
    Former,
}

#[derive(Clone, Debug)]
enum Step {
    Put(String, Expected, u32),
    Delete(String, Option<Expected>),
    List(Option<String>, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = || prop::sample::select(vec!["a", "a/b", "a%2Fb", "b", "ä"]).prop_map(str::to_owned);
    let expected =
        || prop::sample::select(vec![Expected::Absent, Expected::Latest, Expected::Latest, Expected::Former]);
    let step = prop_oneof![
        4 => (name(), expected(), any::<u32>()).prop_map(|(name, expected, body)| Step::Put(name, expected, body)),
        1 => (name(), prop::option::of(expected())).prop_map(|(name, expected)| Step::Delete(name, expected)),
        1 => (prop::option::of(name()), 0..6_usize).prop_map(|(after, limit)| Step::List(after, limit)),
    ];
    prop::collection::vec(step, 1..30)
}

/// A store, and the versions it gave.
struct Run {
    store: Arc<dyn PersistenceStore>,
    versions: Vec<(String, Version)>,
}

impl Run {
    fn expected(&self, name: &str, expected: Expected) -> Option<Version> {
        let mut latest = self.versions.iter().rev().filter(|(of, _)| of == name).map(|(_, version)| version.clone());
        match expected {
            Expected::Absent => None,
            Expected::Latest => latest.next(),
            Expected::Former => latest.nth(1),
        }
    }

    /// What a caller sees of one step, without the versions themselves.
    async fn step(&mut self, step: &Step) -> Result<Vec<String>, ErrorKind> {
        match step {
            Step::Put(name, expected, body) => {
                let expected = self.expected(name, *expected);
                let (kind, name, body) = ("breeds".to_owned(), name.clone(), body.to_string().into_bytes());
                let draft = Draft { kind, name: name.clone(), body, author: None };
                let version = self.store.put(&draft, expected.as_ref()).await.map_err(|error| error.kind)?;
                self.versions.push((name, version));
                Ok(vec![])
            }
            Step::Delete(name, expected) => {
                let expected = expected.and_then(|expected| self.expected(name, expected));
                self.store.delete("breeds", name, expected.as_ref()).await.map_err(|error| error.kind)?;
                Ok(vec![])
            }
            Step::List(after, limit) => {
                let page = Page { after: after.clone(), limit: *limit };
                let records = self.store.list("breeds", &page).await.map_err(|error| error.kind)?;
                Ok(records
                    .into_iter()
                    .map(|record| format!("{:?} {:?}", record.draft.name, record.draft.body))
                    .collect())
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_store_answers_as_the_one_in_memory(steps in steps()) {
        let folder = Folder::new();
        let clock = Arc::new(ManualClock::default());
        let below = Arc::new(KeyValue::new(Arc::<ManualClock>::clone(&clock)));
        let run = |store| Run { store, versions: vec![] };
        let mut memory = run(Arc::new(Persistence::new(Arc::<ManualClock>::clone(&clock))));
        let mut others = [
            run(Arc::new(EmbeddedStore::open(folder.file()).unwrap())),
            run(Arc::new(KeyValuePersistence::new(below, clock, "default"))),
        ];
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            for step in steps.iter().chain([&Step::List(None, usize::MAX)]) {
                let expected = memory.step(step).await;
                for other in &mut others {
                    prop_assert_eq!(&other.step(step).await, &expected, "{:?} of {:?}", step, other.store);
                }
            }
            Ok(())
        })?;
    }
}
