//! Publishing into a store that takes little.
#![allow(clippy::clone_on_ref_ptr, reason = "`Arc::clone` coerces to no trait object")]

use crate::{
    Error, ErrorKind, Result,
    agent::Agent,
    driver::{Changes, Clock, Cursor, Entry, KeyValueStore, Lease, Limits, Transaction, Version, Write},
    engine::{Engine, Failure},
    memory,
    model::{Gateway, Route, RoutePath},
};
use async_trait::async_trait;
use std::{future::pending, sync::Arc, time::Duration};

const DEADLINE: Duration = Duration::from_secs(20);
const MOST: usize = 4_096;

/// Takes so many bytes in one transaction, and refuses the gateways with `refused` in their names for a reason of its
/// own.
#[derive(Debug)]
struct Narrow(memory::KeyValue);

#[async_trait]
impl KeyValueStore for Narrow {
    fn limits(&self) -> Limits {
        Limits::new(MOST, 8, Duration::from_secs(1))
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        self.0.get(key).await
    }

    async fn list(&self, prefix: &str) -> Result<(Vec<(String, Version)>, Cursor)> {
        self.0.list(prefix).await
    }

    async fn commit(&self, transaction: &Transaction) -> Result<Vec<Version>> {
        transaction.check(&self.limits(), "narrow")?;
        let mut bytes = 0;
        for write in &transaction.writes {
            let Write::Put { key, value, .. } = write else { continue };
            bytes += key.len() + value.len();
            if key.contains("gateways/refused") {
                return Err(Error::new(ErrorKind::Invalid, "narrow", "commit", key).because("not of that name"));
            }
        }
        if bytes > MOST {
            return Err(Error::new(ErrorKind::TooLarge, "narrow", "commit", format!("{bytes} bytes")));
        }
        self.0.commit(transaction).await
    }

    async fn changed(&self, prefix: &str, after: &Cursor) -> Result<Changes> {
        self.0.changed(prefix, after).await
    }

    async fn lease(&self, ttl: Duration) -> Result<Lease> {
        self.0.lease(ttl).await
    }

    async fn renew(&self, lease: &Lease) -> Result<()> {
        self.0.renew(lease).await
    }
}

/// Real time, from tokio.
#[derive(Debug)]
struct SystemClock(std::time::Instant);

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> std::time::SystemTime {
        std::time::SystemTime::now()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// An engine and an agent on that store.
fn start() -> (Engine, Arc<memory::Proxy>, Arc<Narrow>) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock(std::time::Instant::now()));
    let store = Arc::new(Narrow(memory::KeyValue::new(clock.clone())));
    let proxy = Arc::new(memory::Proxy::default());
    let engine = Engine::builder()
        .containers("memory", Arc::new(memory::Containers::new()))
        .key_value(store.clone())
        .persistence(Arc::new(memory::Persistence::new(clock.clone())))
        .events(Arc::new(memory::Events::default()))
        .clock(clock.clone())
        .build()
        .expect("every driver is there");
    let agent = Agent::new("test", "default", store.clone(), Arc::new(memory::Renderer), proxy.clone(), clock);
    tokio::spawn(engine.clone().run(pending()));
    tokio::spawn(agent.run(pending()));
    (engine, proxy, store)
}

/// A gateway with so many routes, of about 300 bytes each.
fn gateway(name: &str, port: u16, routes: usize) -> Gateway {
    let mut gateway = Gateway::new(name.parse().expect("a name"), format!("{port}/http").parse().expect("a port"));
    let host = |number: usize| format!("{}{number}.example:80", "h".repeat(40));
    gateway.routes = (0..routes).map(|number| Route::new(RoutePath::External(host(number)))).collect();
    gateway
}

#[tokio::test]
async fn a_gateway_that_the_store_never_takes_blocks_no_other_and_says_why() {
    let (engine, proxy, _) = start();
    let all = [gateway("big", 9_001, 40), gateway("refused", 9_002, 1), gateway("small", 9_003, 1)];
    for gateway in &all {
        engine.put_gateway(gateway, None).await.expect("is stored");
    }
    engine.applied("small", DEADLINE).await.expect("is served");
    for (name, reason) in [("big", "at most 4096"), ("refused", "not of that name")] {
        let Err(Failure::NotYet(told)) = engine.applied(name, Duration::from_millis(300)).await else {
            panic!("{name} was served")
        };
        assert!(told.contains(reason) && told.contains(name), "{told}");
    }
    // Removals are believed beside gateways that cannot be written.
    engine.delete_gateway("small", None).await.expect("is removed");
    while proxy.serving().contains_key("small") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn many_gateways_are_written_within_the_bytes_of_a_transaction() {
    let (engine, proxy, _) = start();
    for number in 0..30_u16 {
        engine.put_gateway(&gateway(&format!("g{number}"), 9_000 + number, 5), None).await.expect("is stored");
    }
    for number in 0..30 {
        engine.applied(&format!("g{number}"), DEADLINE).await.expect("is served");
    }
    assert_eq!(proxy.serving().len(), 30);
}
