//! The work of one change follows from what changed, not from what there is.

use crate::support::DEADLINE;
use async_trait::async_trait;
use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use vamp_core::{
    Result,
    agent::Agent,
    driver::{Changes, Clock, Cursor, Entry, KeyValueStore, Lease, Limits, Transaction, Version},
    engine::Engine,
    memory,
    model::{Gateway, Route, RoutePath},
};
use vamp_drivers::SystemClock;

/// Counts what the engine asks of the store for the routing table.
#[derive(Debug)]
struct Counting {
    store: Arc<memory::KeyValue>,
    lists: AtomicUsize,
    reads: AtomicUsize,
    writes: AtomicUsize,
}

fn is_about_gateways(key: &str) -> bool {
    key.contains("/gateways")
}

#[async_trait]
impl KeyValueStore for Counting {
    fn limits(&self) -> Limits {
        self.store.limits()
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        self.reads.fetch_add(usize::from(is_about_gateways(key)), SeqCst);
        self.store.get(key).await
    }

    async fn list(&self, prefix: &str) -> Result<(Vec<(String, Version)>, Cursor)> {
        self.lists.fetch_add(usize::from(is_about_gateways(prefix)), SeqCst);
        self.store.list(prefix).await
    }

    async fn commit(&self, transaction: &Transaction) -> Result<Vec<Version>> {
        self.writes.fetch_add(transaction.writes.len(), SeqCst);
        self.store.commit(transaction).await
    }

    async fn changed(&self, prefix: &str, after: &Cursor) -> Result<Changes> {
        self.store.changed(prefix, after).await
    }

    async fn lease(&self, ttl: Duration) -> Result<Lease> {
        self.store.lease(ttl).await
    }

    async fn renew(&self, lease: &Lease) -> Result<()> {
        self.store.renew(lease).await
    }
}

fn gateway(number: u16) -> Gateway {
    let port = format!("{}/http", 9_000 + number).parse().expect("a port");
    let mut gateway = Gateway::new(format!("g{number}").parse().expect("a name"), port);
    let route = |number: u16| Route::new(RoutePath::External(format!("10.0.0.1:{}", 100 + number)));
    gateway.routes = (0..2).map(route).collect();
    gateway
}

#[tokio::test]
async fn one_changed_weight_is_one_write_whatever_the_number_of_gateways() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let store = Arc::new(memory::KeyValue::new(Arc::clone(&clock)));
    let (lists, reads, writes) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let counting = Arc::new(Counting { store: Arc::clone(&store), lists, reads, writes });
    let engine = Engine::builder()
        .containers("memory", Arc::new(memory::Containers::new()))
        .key_value(Arc::<Counting>::clone(&counting))
        .persistence(Arc::new(memory::Persistence::new(Arc::clone(&clock))))
        .events(Arc::new(memory::Events::default()))
        .clock(Arc::clone(&clock))
        .build()
        .expect("every driver is there");
    let proxy = Arc::new(memory::Proxy::default());
    let agent = Agent::new("test", "default", store, Arc::new(memory::Renderer), proxy, clock);
    let engine_runs = tokio::spawn(engine.clone().run(pending()));
    let agent_runs = tokio::spawn(agent.run(pending()));
    for number in 0..200 {
        engine.put_gateway(&gateway(number), None).await.expect("is stored");
    }
    for number in 0..200 {
        engine.applied(&format!("g{number}"), DEADLINE).await.expect("applies");
    }
    let counted = || (counting.lists.load(SeqCst), counting.reads.load(SeqCst), counting.writes.load(SeqCst));
    let (lists, reads, writes) = counted();
    let handle = engine.gateway("g7");
    let weights = [("[10.0.0.1:100]", crate::support::percent(90)), ("[10.0.0.1:101]", crate::support::percent(10))];
    handle.weights(weights).await.expect("moves");
    handle.applied(DEADLINE).await.expect("applies");
    let after = counted();
    assert_eq!((after.0, after.2), (lists, writes + 1), "no list, one write");
    assert!(after.1 <= reads + 2, "what was written is looked up, nothing else: {reads} {after:?}");
    engine_runs.abort();
    agent_runs.abort();
}
