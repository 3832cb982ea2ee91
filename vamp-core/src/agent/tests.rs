//! One agent on memory drivers and a store that counts, loses and fails.
#![allow(clippy::clone_on_ref_ptr, reason = "`Arc::clone` coerces to no trait object")]

use super::{Acknowledgement, Agent, PARTS, Part, tell};
use crate::{
    Error, ErrorKind, Result,
    driver::{
        Changes, Cursor, Entry, KeyValueExt as _, KeyValueStore, Lease, Limits, Proxy as _, ProxyStatus, Transaction,
        Version,
    },
    memory,
    routing::{Complete, Decision, Gateway, Instance, Keys, Route, Target, Traffic},
    weight::Weight,
};
use async_trait::async_trait;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

/// A store that fails when it is told to, and counts how often it is listed.
#[derive(Debug)]
struct Store {
    inner: memory::KeyValue,
    fails: AtomicBool,
    lists: AtomicUsize,
}

#[async_trait]
impl KeyValueStore for Store {
    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        self.inner.get(key).await
    }

    async fn list(&self, prefix: &str) -> Result<(Vec<(String, Version)>, Cursor)> {
        self.lists.fetch_add(1, Ordering::Relaxed);
        if self.fails.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Unavailable, "test", "list", prefix));
        }
        self.inner.list(prefix).await
    }

    async fn commit(&self, transaction: &Transaction) -> Result<Vec<Version>> {
        let bytes = |write: &crate::driver::Write| match write {
            crate::driver::Write::Put { value, .. } => value.len(),
            crate::driver::Write::Delete { .. } => 0,
        };
        let all: usize = transaction.writes.iter().map(bytes).sum();
        assert!(all <= self.limits().value_bytes, "{all} bytes in one transaction");
        self.inner.commit(transaction).await
    }

    async fn changed(&self, prefix: &str, after: &Cursor) -> Result<Changes> {
        self.inner.changed(prefix, after).await
    }

    async fn lease(&self, ttl: Duration) -> Result<Lease> {
        self.inner.lease(ttl).await
    }

    async fn renew(&self, lease: &Lease) -> Result<()> {
        self.inner.renew(lease).await
    }
}

struct Fixture {
    clock: Arc<memory::ManualClock>,
    store: Arc<Store>,
    proxy: Arc<memory::Proxy>,
    keys: Keys,
    agent: Agent,
}

impl Fixture {
    fn new() -> Self {
        let clock = Arc::new(memory::ManualClock::default());
        let inner = memory::KeyValue::new(clock.clone());
        let store = Arc::new(Store { inner, fails: AtomicBool::default(), lists: AtomicUsize::default() });
        let proxy = Arc::new(memory::Proxy::default());
        let agent = agent(&store, &proxy, &clock);
        Self { clock, store, proxy, keys: Keys::new("default"), agent }
    }

    /// Another agent of the same name, as after a restart.
    fn restart(&mut self) {
        self.agent = agent(&self.store, &self.proxy, &self.clock);
    }

    async fn publish(&self, gateway: &Gateway) {
        let value = serde_json::to_vec(gateway).expect("JSON");
        self.store.put(&self.keys.gateway(&gateway.name), value).await.expect("is put");
    }

    async fn mark(&self, names: &[&str], kept: &[&str]) {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
        let mark = Complete::of(owned(names).iter(), owned(kept));
        self.store.put(&self.keys.complete(), serde_json::to_vec(&mark).expect("JSON")).await.expect("is put");
    }

    /// What the agent has told.
    async fn told(&self) -> Acknowledgement {
        let mut parts = Vec::new();
        for part in 0..PARTS {
            let entry = self.store.get(&self.keys.served("test", part)).await.expect("reads").expect("every part");
            parts.push(serde_json::from_slice::<Part>(&entry.value).expect("a part"));
        }
        Acknowledgement::of(&parts, ProxyStatus::default())
    }

    fn serving(&self) -> Vec<String> {
        self.proxy.serving().into_keys().collect()
    }

    fn lists(&self) -> usize {
        self.store.lists.load(Ordering::Relaxed)
    }
}

fn agent(store: &Arc<Store>, proxy: &Arc<memory::Proxy>, clock: &Arc<memory::ManualClock>) -> Agent {
    Agent::new("test", "default", store.clone(), Arc::new(memory::Renderer), proxy.clone(), clock.clone())
}

fn gateway(name: &str, instances: &[(&str, Traffic)]) -> Gateway {
    let port = 80.try_into().expect("not zero");
    let instances = instances.iter().map(|(id, traffic)| Instance {
        id: (*id).to_owned(),
        host: "127.0.0.1".to_owned(),
        port,
        traffic: *traffic,
    });
    let route = Route::new("route", Weight::FULL, Target::Instances(instances.collect()));
    let decision = Decision { gateway: name.to_owned(), sticky: None, routes: vec![route] };
    Gateway::new(name, port, decision)
}

#[tokio::test]
async fn a_store_that_loses_gateways_one_by_one_takes_none_away_though_its_mark_stands() {
    let mut it = Fixture::new();
    for name in ["a", "b"] {
        it.publish(&gateway(name, &[])).await;
    }
    it.mark(&["a", "b"], &[]).await;
    it.agent.bring_up_to_date().await.expect("steps");
    assert_eq!(it.serving(), ["a", "b"]);
    it.store.delete(&it.keys.gateway("a")).await.expect("is deleted");
    it.agent.look_again();
    it.agent.bring_up_to_date().await.expect("steps");
    assert_eq!(it.serving(), ["a", "b"], "who wiped it did not say that it is gone");
    it.mark(&["b"], &[]).await;
    it.agent.look_again();
    it.agent.bring_up_to_date().await.expect("steps");
    assert_eq!(it.serving(), ["b"]);
}

#[tokio::test]
async fn a_gateway_that_exists_without_being_written_is_served_on() {
    let mut it = Fixture::new();
    for name in ["kept", "other"] {
        it.publish(&gateway(name, &[])).await;
    }
    it.mark(&["kept", "other"], &[]).await;
    it.agent.bring_up_to_date().await.expect("steps");
    for name in ["kept", "other"] {
        it.store.delete(&it.keys.gateway(name)).await.expect("is deleted");
    }
    it.mark(&[], &["kept"]).await;
    it.agent.look_again();
    it.agent.bring_up_to_date().await.expect("steps");
    assert_eq!(it.serving(), ["kept"]);
}

#[tokio::test]
async fn a_restarted_agent_tells_of_a_gateway_that_its_proxy_cannot_give_up() {
    let mut it = Fixture::new();
    it.publish(&gateway("a", &[])).await;
    it.mark(&["a"], &[]).await;
    it.agent.bring_up_to_date().await.expect("steps");
    assert_eq!(it.told().await.gateways, [("a".to_owned(), gateway("a", &[]).hash())].into());

    it.store.delete(&it.keys.gateway("a")).await.expect("is deleted");
    it.mark(&[], &[]).await;
    it.proxy.refuse("a", true);
    it.restart();
    it.agent.bring_up_to_date().await.expect("steps");
    let told = it.told().await;
    assert_eq!(told.gateways, [("a".to_owned(), String::new())].into(), "it serves it, who knows what");
    assert!(told.refused["a"].reason.contains("refused by the test"), "{told:?}");

    it.proxy.refuse("a", false);
    it.clock.advance(Duration::from_secs(2));
    it.agent.bring_up_to_date().await.expect("steps");
    assert_eq!((it.serving().len(), it.told().await.gateways.len()), (0, 0));
}

#[tokio::test]
async fn ten_thousand_gateways_with_long_names_are_told_within_the_limits_of_the_store() {
    let mut it = Fixture::new();
    let clock = it.clock.clone();
    let mut teller = tell::Teller::new("test".to_owned(), it.keys.clone(), it.store.clone(), clock);
    let mut parts = vec![Part::default(); PARTS];
    for number in 0..10_000 {
        let name = format!("{}/{number}", "n".repeat(200));
        parts[Part::of(&name)].gateways.insert(name, "0123456789abcdef".to_owned());
    }
    teller.tell(&parts, &ProxyStatus::default()).await.expect("tells");
    assert_eq!(it.told().await.gateways.len(), 10_000);
    // The real agent of that name serves nothing, and says so.
    it.agent.bring_up_to_date().await.expect("steps");
    assert_eq!(it.told().await.gateways.len(), 0);
}

#[tokio::test]
async fn what_the_store_lost_is_told_again_with_the_next_life_sign() {
    let mut it = Fixture::new();
    it.publish(&gateway("a", &[])).await;
    it.agent.bring_up_to_date().await.expect("steps");
    let told = it.told().await;
    it.store.delete(&it.keys.served("test", Part::of("a"))).await.expect("is deleted");
    it.clock.advance(Duration::from_secs(5));
    it.agent.bring_up_to_date().await.expect("steps");
    assert_eq!(it.told().await, told);
}

#[tokio::test]
async fn connections_are_told_with_the_hashes_that_they_were_counted_under() {
    let mut it = Fixture::new();
    let draining = gateway("a", &[("one", Traffic::Draining)]);
    it.publish(&draining).await;
    it.proxy.set_connections("one", 3);
    for _ in 0..2 {
        it.agent.bring_up_to_date().await.expect("steps");
    }
    let entry = it.store.get(&it.keys.served("test", Part::of("a"))).await.expect("reads").expect("is there");
    let part: Part = serde_json::from_slice(&entry.value).expect("a part");
    assert_eq!(part.gateways["a"], draining.hash());
    assert_eq!(part.draining["one"], Some(3));
}

#[tokio::test]
async fn a_table_that_cannot_be_read_though_it_changes_is_asked_for_again_after_a_while() {
    let it = Fixture::new();
    it.store.fails.store(true, Ordering::Relaxed);
    it.publish(&gateway("a", &[])).await;
    let (clock, store) = (it.clock.clone(), it.store.clone());
    let running = tokio::spawn(it.agent.run(std::future::pending()));
    while clock.sleepers() == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.lists.load(Ordering::Relaxed), 1);
    store.fails.store(false, Ordering::Relaxed);
    clock.advance(Duration::from_secs(2));
    while it.proxy.serving().is_empty() {
        tokio::task::yield_now().await;
    }
    running.abort();
}

#[tokio::test]
async fn while_instances_drain_the_table_is_not_read_again() {
    let mut it = Fixture::new();
    it.publish(&gateway("a", &[("one", Traffic::Draining)])).await;
    it.proxy.set_connections("one", 1);
    it.agent.bring_up_to_date().await.expect("steps");
    let lists = it.lists();
    for _ in 0..10 {
        assert_eq!(it.agent.pause(), Duration::from_millis(100));
        it.clock.advance(Duration::from_millis(100));
        it.agent.bring_up_to_date().await.expect("steps");
    }
    assert_eq!(it.lists(), lists);
    assert_eq!(it.told().await.draining["one"], Some(1));
}

#[tokio::test]
async fn a_refused_gateway_does_not_slow_the_count_of_another() {
    let mut it = Fixture::new();
    it.publish(&gateway("a", &[("one", Traffic::Draining)])).await;
    it.publish(&gateway("bad", &[])).await;
    it.proxy.refuse("bad", true);
    it.agent.bring_up_to_date().await.expect("steps");
    assert_eq!(it.agent.pause(), Duration::from_millis(100));
    assert_eq!(it.proxy.target().await.expect("answers").serving.len(), 1);
}
