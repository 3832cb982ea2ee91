//! Vamp inside another program: a service, a canary beside it, a share of the traffic. `cargo run --example embed`.
#![allow(clippy::clone_on_ref_ptr, reason = "reads better")]

use std::{error::Error, future::pending, sync::Arc, time::Duration};
use vamp_core::{agent::Agent, engine::Engine, engine::Options, memory, model::read};
use vamp_drivers::SystemClock;

const VERSIONS: [&str; 2] = [include_str!("artifacts/sava-1.0.yml"), include_str!("artifacts/sava-1.1.yml")];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Memory drivers here: bring your own, or those of vamp-drivers.
    let (clock, proxy) = (Arc::new(SystemClock::new()), Arc::new(memory::Proxy::default()));
    let routing = Arc::new(memory::KeyValue::new(clock.clone()));
    let engine = Engine::builder()
        .containers("local", Arc::new(memory::Containers::new()))
        .key_value(routing.clone())
        .persistence(Arc::new(memory::Persistence::new(clock.clone())))
        .events(Arc::new(memory::Events::default()))
        .clock(clock.clone())
        .build()?;
    let agent = Agent::new("here", "default", routing, Arc::new(memory::Renderer), proxy, clock);
    tokio::spawn(engine.clone().run(pending()));
    tokio::spawn(agent.run(pending()));

    let deadline = Duration::from_secs(30);
    for version in VERSIONS {
        engine.deploy("sava", &read::blueprint(version)?, Options::default()).await?;
        engine.settled("sava", deadline).await?; // runs, is healthy, and every agent serves it
    }
    let gateway = engine.gateway("sava/sava/web");
    gateway.weights([("sava:1.0", "99.9%".parse()?), ("sava:1.1", "0.1%".parse()?)]).await?; // durable
    gateway.condition("sava:1.1", Some("User-Agent == Chrome".parse()?), "50%".parse()?).await?;
    gateway.applied(deadline).await?; // every agent that shows life serves it
    println!("0.1 % of all requests, and half of all Chrome users, go to sava:1.1");
    Ok(())
}
