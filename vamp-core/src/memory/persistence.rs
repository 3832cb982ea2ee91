//! [`Persistence`]: artifacts in memory.

use super::{ChangeFeed, lock};
use crate::{
    Error, ErrorKind, Result,
    driver::{Changes, Clock, Cursor, Draft, Page, PersistenceStore, Record, Version},
};
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::{Arc, Mutex},
};

const DRIVER: &str = "memory";

/// States of one record that are kept, the present one included.
const STATES: usize = 50;

/// A [`PersistenceStore`] in memory, for tests and documentation: it is empty after a restart (no P2).
#[derive(Debug)]
pub struct Persistence {
    clock: Arc<dyn Clock>,
    feed: ChangeFeed,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    commits: u64,
    /// By kind and name: the states of a record, the present one first; never empty.
    records: BTreeMap<String, BTreeMap<String, VecDeque<Record>>>,
}

impl Persistence {
    /// Empty; this clock says when a record was stored.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, feed: ChangeFeed::new(), state: Mutex::default() }
    }

    fn version(&self, commit: u64) -> Version {
        Version([self.feed.incarnation().to_be_bytes(), commit.to_be_bytes()].concat().into())
    }
}

impl State {
    fn states(&self, kind: &str, name: &str) -> Option<&VecDeque<Record>> {
        self.records.get(kind)?.get(name)
    }

    fn present(&self, kind: &str, name: &str) -> Option<&Record> {
        self.states(kind, name)?.front()
    }

    fn check(&self, operation: &'static str, kind: &str, name: &str, expected: Option<&Version>) -> Result<()> {
        if self.present(kind, name).map(|record| &record.version) == expected {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Conflict, DRIVER, operation, format!("{kind}/{name}")))
    }
}

#[async_trait]
impl PersistenceStore for Persistence {
    async fn get(&self, kind: &str, name: &str) -> Result<Option<Record>> {
        Ok(lock(&self.state).present(kind, name).cloned())
    }

    async fn put(&self, draft: &Draft, expected: Option<&Version>) -> Result<Version> {
        let mut versions = self.put_all(&[(draft.clone(), expected.cloned())]).await?;
        versions.pop().ok_or_else(|| Error::new(ErrorKind::Internal, DRIVER, "put", draft.name.as_str()))
    }

    async fn put_all(&self, drafts: &[(Draft, Option<Version>)]) -> Result<Vec<Version>> {
        let mut state = lock(&self.state);
        for (draft, expected) in drafts {
            draft.check(DRIVER)?;
            state.check("put", &draft.kind, &draft.name, expected.as_ref())?;
        }
        let mut versions = Vec::with_capacity(drafts.len());
        for (draft, _) in drafts {
            state.commits += 1;
            let version = self.version(state.commits);
            let record = Record { draft: draft.clone(), version: version.clone(), at: self.clock.now() };
            let states = state.records.entry(draft.kind.clone()).or_default().entry(draft.name.clone()).or_default();
            states.push_front(record);
            states.truncate(STATES);
            versions.push(version);
        }
        self.feed.record(drafts.iter().map(|(draft, _)| format!("{}/{}", draft.kind, draft.name)));
        Ok(versions)
    }

    async fn delete(&self, kind: &str, name: &str, expected: Option<&Version>) -> Result<()> {
        let mut state = lock(&self.state);
        if expected.is_some() {
            state.check("delete", kind, name, expected)?;
        }
        if state.records.get_mut(kind).and_then(|names| names.remove(name)).is_some() {
            self.feed.record([format!("{kind}/{name}")]);
        }
        Ok(())
    }

    async fn list(&self, kind: &str, page: &Page) -> Result<Vec<Record>> {
        let state = lock(&self.state);
        let after = page.after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let names =
            state.records.get(kind).into_iter().flat_map(|names| names.range::<str, _>((after, Bound::Unbounded)));
        Ok(names.filter_map(|(_, states)| states.front()).take(page.limit).cloned().collect())
    }

    async fn history(&self, kind: &str, name: &str, page: &Page) -> Result<Vec<Record>> {
        let state = lock(&self.state);
        Ok(state.states(kind, name).into_iter().flatten().take(page.limit).cloned().collect())
    }

    async fn changed(&self, after: &Cursor) -> Result<Changes> {
        Ok(self.feed.changed(|_| true, after).await)
    }
}
