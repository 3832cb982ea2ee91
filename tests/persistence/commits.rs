//! How many durable commits stand between a change and the proxy that serves it.

use crate::embedded::Folder;
use async_trait::async_trait;
use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use vamp_core::{
    Result,
    agent::Agent,
    driver::{
        Aggregate, Changes, Clock, Cursor, Draft, Event, EventStore, Page, PersistenceStore, Query, Record, Version,
    },
    engine::Engine,
    memory, model,
};
use vamp_drivers::{SystemClock, persistence::EmbeddedStore};

const DEADLINE: Duration = Duration::from_secs(20);

/// The store in one file, and how often it was asked to store an artifact: each time is a commit, unless others share it.
#[derive(Debug)]
struct Counted {
    store: EmbeddedStore,
    writes: AtomicUsize,
}

impl Counted {
    fn count(&self) -> &EmbeddedStore {
        self.writes.fetch_add(1, Ordering::SeqCst);
        &self.store
    }
}

#[async_trait]
impl PersistenceStore for Counted {
    async fn get(&self, kind: &str, name: &str) -> Result<Option<Record>> {
        self.store.get(kind, name).await
    }

    async fn put(&self, draft: &Draft, expected: Option<&Version>) -> Result<Version> {
        self.count().put(draft, expected).await
    }

    async fn put_all(&self, drafts: &[(Draft, Option<Version>)]) -> Result<Vec<Version>> {
        self.count().put_all(drafts).await
    }

    async fn delete(&self, kind: &str, name: &str, expected: Option<&Version>) -> Result<()> {
        self.count().delete(kind, name, expected).await
    }

    async fn list(&self, kind: &str, page: &Page) -> Result<Vec<Record>> {
        self.store.list(kind, page).await
    }

    async fn history(&self, kind: &str, name: &str, page: &Page) -> Result<Vec<Record>> {
        self.store.history(kind, name, page).await
    }

    async fn changed(&self, after: &Cursor) -> Result<Changes> {
        PersistenceStore::changed(&self.store, after).await
    }
}

#[async_trait]
impl EventStore for Counted {
    /// Takes for ever: whoever waits for it is never done.
    async fn append(&self, _: &[Event]) -> Result<()> {
        pending().await
    }

    async fn query(&self, query: &Query, page: &Page) -> Result<Vec<Event>> {
        self.store.query(query, page).await
    }

    async fn aggregate(&self, query: &Query, by: Aggregate) -> Result<Option<f64>> {
        self.store.aggregate(query, by).await
    }
}

fn gateway(share: u32) -> model::Gateway {
    let text = format!(
        "name: shop\nport: 9050/http\nroutes:\n  '[127.0.0.1:9051]': {{weight: {share}%}}\n  \
         '[127.0.0.1:9052]': {{weight: {}%}}\n",
        100 - share
    );
    model::read::gateway(&text).expect("the gateway is valid")
}

#[tokio::test]
async fn a_change_of_weights_is_served_after_exactly_one_durable_commit_and_waits_for_no_event() {
    let folder = Folder::new();
    let store = EmbeddedStore::open(folder.file()).expect("the store opens");
    let counted = Arc::new(Counted { store, writes: AtomicUsize::new(0) });
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let routing = Arc::new(memory::KeyValue::new(Arc::clone(&clock)));
    let engine = Engine::builder()
        .containers("memory", Arc::new(memory::Containers::new()))
        .key_value(Arc::clone(&routing) as _)
        .persistence(Arc::clone(&counted) as _)
        .events(Arc::clone(&counted) as _)
        .clock(Arc::clone(&clock))
        .build()
        .expect("every driver is there");
    let proxy = Arc::new(memory::Proxy::default());
    let agent = Agent::new("here", "default", routing, Arc::new(memory::Renderer), Arc::clone(&proxy) as _, clock);
    let tasks = [tokio::spawn(engine.clone().run(pending())), tokio::spawn(agent.run(pending()))];

    engine.put_gateway(&gateway(0), None).await.expect("it is stored");
    engine.gateway("shop").applied(DEADLINE).await.expect("it is served");
    for share in 1..=20 {
        let before = counted.writes.load(Ordering::SeqCst);
        engine.put_gateway(&gateway(share), None).await.expect("it is stored");
        engine.gateway("shop").applied(DEADLINE).await.expect("it is served");
        assert_eq!(counted.writes.load(Ordering::SeqCst) - before, 1, "commits for {share} %");
    }
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
}
