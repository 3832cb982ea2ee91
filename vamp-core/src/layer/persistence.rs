//! [`KeyValuePersistence`]: artifacts in shared routing state.

use super::{
    Envelope,
    name::{escape, unescape},
};
use crate::{
    Error, ErrorKind, Result,
    driver::{
        Changes, Clock, Cursor, Draft, Entry, KeyValueExt, KeyValueStore, Page, PersistenceStore, Record, Transaction,
        Version, What, Write,
    },
};
use async_trait::async_trait;
use std::sync::Arc;
use tokio::task::JoinSet;

const DRIVER: &str = "key-value persistence";

/// Values that a list reads at the same time.
const AT_ONCE: usize = 32;

/// A [`PersistenceStore`] over any [`KeyValueStore`], so that several servers share one store.
///
/// A record is one value at `/vamp/<namespace>/artifacts/<kind>/<name>`, the name in one segment. It is as durable, and
/// may be as large, as the store below takes; the history is the present state, since a key-value store keeps no more.
///
/// ```
/// # use std::sync::Arc;
/// # use vamp_core::{driver::{Draft, PersistenceStore}, layer::KeyValuePersistence, memory};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> vamp_core::Result<()> {
/// let clock = Arc::new(memory::ManualClock::default());
/// let store = KeyValuePersistence::new(Arc::new(memory::KeyValue::new(clock.clone())), clock, "default");
/// let draft = Draft { kind: "breeds".into(), name: "sava:1.0".into(), body: b"{}".to_vec(), author: None };
/// let version = store.put(&draft, None).await?;
/// assert_eq!(store.get("breeds", "sava:1.0").await?.map(|record| record.version), Some(version));
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct KeyValuePersistence {
    store: Arc<dyn KeyValueStore>,
    clock: Arc<dyn Clock>,
    root: String,
}

impl KeyValuePersistence {
    /// The artifacts of one namespace; the clock says when a record was stored.
    #[must_use]
    pub fn new(store: Arc<dyn KeyValueStore>, clock: Arc<dyn Clock>, namespace: &str) -> Self {
        Self { store, clock, root: format!("/vamp/{}/artifacts", escape(namespace)) }
    }

    fn folder(&self, kind: &str) -> String {
        format!("{}/{}", self.root, escape(kind))
    }

    fn key(&self, kind: &str, name: &str) -> String {
        format!("{}/{}", self.folder(kind), escape(name))
    }

    /// The values of these names, in this order; what was deleted meanwhile is left out.
    async fn entries(&self, kind: &str, names: Vec<String>) -> Result<Vec<(String, Entry)>> {
        let mut reads = JoinSet::new();
        for (at, name) in names.into_iter().enumerate() {
            let (store, key) = (Arc::clone(&self.store), self.key(kind, &name));
            reads.spawn(async move { Ok((at, name, store.get(&key).await?)) });
        }
        let mut found = Vec::with_capacity(reads.len());
        while let Some(read) = reads.join_next().await {
            let died = |error| Error::new(ErrorKind::Internal, DRIVER, "list", kind).because(error);
            if let (at, name, Some(entry)) = read.map_err(died)?? {
                found.push((at, name, entry));
            }
        }
        found.sort_by_key(|(at, ..)| *at);
        Ok(found.into_iter().map(|(_, name, entry)| (name, entry)).collect())
    }
}

fn record(kind: &str, name: &str, entry: Entry) -> Result<Record> {
    let unreadable = |error| Error::new(ErrorKind::Internal, DRIVER, "read", format!("{kind}/{name}")).because(error);
    let Envelope { at, author, body } = Envelope::decode(&entry.value).map_err(unreadable)?;
    let draft = Draft { kind: kind.to_owned(), name: name.to_owned(), body, author };
    Ok(Record { draft, version: entry.version, at })
}

#[async_trait]
impl PersistenceStore for KeyValuePersistence {
    async fn get(&self, kind: &str, name: &str) -> Result<Option<Record>> {
        self.store.get(&self.key(kind, name)).await?.map(|entry| record(kind, name, entry)).transpose()
    }

    async fn put(&self, draft: &Draft, expected: Option<&Version>) -> Result<Version> {
        draft.check(DRIVER)?;
        let envelope = Envelope { at: self.clock.now(), author: draft.author.clone(), body: draft.body.clone() };
        self.store.compare_and_put(&self.key(&draft.kind, &draft.name), envelope.encode(), expected).await
    }

    /// As many as the store below takes in one transaction.
    async fn put_all(&self, drafts: &[(Draft, Option<Version>)]) -> Result<Vec<Version>> {
        let (mut checks, mut writes) = (Vec::new(), Vec::new());
        for (draft, expected) in drafts {
            draft.check(DRIVER)?;
            let envelope = Envelope { at: self.clock.now(), author: draft.author.clone(), body: draft.body.clone() };
            let key = self.key(&draft.kind, &draft.name);
            checks.push((key.clone(), expected.clone()));
            writes.push(Write::Put { key, value: envelope.encode(), lease: None });
        }
        self.store.commit(&Transaction { checks, writes }).await
    }

    async fn delete(&self, kind: &str, name: &str, expected: Option<&Version>) -> Result<()> {
        let key = self.key(kind, name);
        let checks = expected.map(|version| (key.clone(), Some(version.clone()))).into_iter().collect();
        let transaction = Transaction { checks, writes: vec![Write::Delete { key }] };
        self.store.commit(&transaction).await.map(|_| ())
    }

    async fn list(&self, kind: &str, page: &Page) -> Result<Vec<Record>> {
        let folder = self.folder(kind);
        let (keys, _) = self.store.list(&folder).await?;
        let segments = keys.iter().filter_map(|(key, _)| key.strip_prefix(&folder)?.strip_prefix('/'));
        let mut names: Vec<String> = segments.filter_map(unescape).collect();
        names.retain(|name| page.after.as_ref().is_none_or(|after| name > after));
        names.sort_unstable();

        let mut records = Vec::new();
        let mut names = names.into_iter().peekable();
        while names.peek().is_some() && records.len() < page.limit {
            let some = names.by_ref().take(AT_ONCE.min(page.limit - records.len())).collect();
            for (name, entry) in self.entries(kind, some).await? {
                match record(kind, &name, entry) {
                    Ok(record) => records.push(record),
                    Err(error) => tracing::error!(error = error.report(), "a stored record cannot be read"),
                }
            }
        }
        Ok(records)
    }

    async fn history(&self, kind: &str, name: &str, page: &Page) -> Result<Vec<Record>> {
        Ok(self.get(kind, name).await?.into_iter().take(page.limit).collect())
    }

    async fn changed(&self, after: &Cursor) -> Result<Changes> {
        let Changes { cursor, what } = self.store.changed(&self.root, after).await?;
        let What::Keys(keys) = what else { return Ok(Changes { cursor, what }) };
        let artifact = |key: &String| {
            let (kind, name) = key.strip_prefix(&self.root)?.strip_prefix('/')?.split_once('/')?;
            Some(format!("{}/{}", unescape(kind)?, unescape(name)?))
        };
        let what = keys.iter().map(artifact).collect::<Option<_>>().map_or(What::All, What::Keys);
        Ok(Changes { cursor, what })
    }
}
