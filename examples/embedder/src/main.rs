//! A program that deploys two versions of a service and routes to them itself: no HAProxy, no server of Vamp's.
//!
//! It shows that the router takes part in everything: it acknowledges what it serves, and an instance with an open
//! request is not stopped before that request has ended.

mod clock;

use clock::SystemClock;
use std::{collections::BTreeMap, error::Error, future::pending, sync::Arc, time::Duration};
use vamp_core::{
    agent::Agent,
    condition::RequestParts,
    engine::{Engine, Options},
    memory,
    model::read,
    routing::router::{Admitted, Entry, InProcess, InProcessRenderer},
};

const OLD: &str = include_str!("../../artifacts/sava-1.0.yml");
const NEW: &str = include_str!("../../artifacts/sava-1.1.yml");
const DEADLINE: Duration = Duration::from_secs(30);

/// A request that is open until the result is dropped.
fn route(router: &InProcess, cookie: &str, seed: u64) -> Result<Admitted, Box<dyn Error>> {
    let (parts, ()) = http::Request::get("/").header("cookie", cookie).body(())?.into_parts();
    Ok(router.admit(Entry::Gateway("sava/9050"), &RequestParts::new(&parts), seed, |_| true)?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (clock, router) = (Arc::new(SystemClock::new()), Arc::new(InProcess::new()));
    let routing = Arc::new(memory::KeyValue::new(clock.clone()));
    let engine = Engine::builder()
        .containers("local", Arc::new(memory::Containers::new()))
        .key_value(routing.clone())
        .persistence(Arc::new(memory::Persistence::new(clock.clone())))
        .events(Arc::new(memory::Events::default()))
        .clock(clock.clone())
        .build()?;
    let agent = Agent::new("here", "default", routing, Arc::new(InProcessRenderer), router.clone(), clock);
    tokio::spawn(engine.clone().run(pending()));
    tokio::spawn(agent.run(pending()));

    for version in [OLD, NEW] {
        engine.deploy("sava", &read::blueprint(version)?, Options::default()).await?;
        engine.settled("sava", DEADLINE).await?;
    }
    let gateway = engine.gateway("sava/sava/web");
    gateway.weights([("sava:1.0", "90%".parse()?), ("sava:1.1", "10%".parse()?)]).await?;
    gateway.condition("sava:1.1", Some("has cookie beta".parse()?), "100%".parse()?).await?;
    gateway.applied(DEADLINE).await?;

    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..10_000 {
        *counts.entry(route(&router, "other=1", seed)?.routed().route().to_owned()).or_default() += 1;
    }
    println!("10 000 requests: {counts:?}");

    let open = route(&router, "beta=1", 1)?;
    println!("open at {} of {}", open.instance().id, open.routed().route());
    gateway.weights([("sava:1.0", "100%".parse()?), ("sava:1.1", "0%".parse()?)]).await?;
    engine.undeploy("sava", &read::blueprint(NEW)?, Options::default()).await?;
    if engine.settled("sava", Duration::from_secs(3)).await.is_ok() {
        return Err("sava:1.1 was stopped with an open request".into());
    }
    println!("sava:1.1 drains; new requests go to {}", route(&router, "beta=1", 2)?.routed().route());
    drop(open);
    engine.settled("sava", DEADLINE).await?;
    println!("its last request has ended, and sava:1.1 is gone");
    Ok(())
}
