//! Changes of the same artifacts at the same time: none is lost.

use crate::{
    meddler::Meddler,
    support::{DEADLINE, Vamp, blueprint, percent},
};
use std::sync::Arc;
use vamp_core::{
    driver::{Clock, PersistenceStore},
    engine::{Engine, Options},
    memory,
    model::Gateway,
    weight::Weight,
};
use vamp_drivers::SystemClock;

const GATEWAY: &str = "sava/sava/web";

/// Two versions, and a store that lets somebody in between.
async fn canary() -> (Vamp, Arc<Meddler>) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let meddler = Meddler::new(Arc::new(memory::Persistence::new(clock)));
    let store: Arc<dyn PersistenceStore> = Arc::<Meddler>::clone(&meddler);
    let vamp = Vamp::start_with(memory::Containers::new(), Arc::default(), store);
    vamp.deploy("1.0", 1).await;
    vamp.deploy("1.1", 1).await;
    (vamp, meddler)
}

async fn set_condition(engine: Engine) {
    let condition = "User-Agent == Chrome".parse().expect("a condition");
    engine.gateway(GATEWAY).condition("sava:1.0", Some(condition), percent(50)).await.expect("is set");
}

async fn has_condition(vamp: &Vamp) -> bool {
    let (gateway, _) = vamp.engine.find::<Gateway>(GATEWAY).await.expect("reads").expect("is there");
    gateway.routes[0].condition.is_some()
}

#[tokio::test]
async fn a_condition_that_is_set_while_a_version_leaves_is_kept() {
    let (vamp, meddler) = canary().await;
    let engine = vamp.engine.clone();
    meddler.before("gateways/sava/sava/web", || set_condition(engine));
    vamp.engine.undeploy("sava", &blueprint("1.1", 1), Options::default()).await.expect("is accepted");
    assert!(has_condition(&vamp).await);
    vamp.engine.settled("sava", DEADLINE).await.expect("settles");
    assert!(has_condition(&vamp).await);
}

#[tokio::test]
async fn a_condition_that_is_set_while_a_version_is_forgotten_is_kept() {
    let (vamp, meddler) = canary().await;
    let engine = vamp.engine.clone();
    // Traffic that somebody moved to it while it left keeps its route until it is gone.
    let weighed = vamp.engine.clone();
    meddler.before("gateways/sava/sava/web", || async move {
        let gateway = weighed.gateway(GATEWAY);
        gateway.weights([("sava:1.0", Weight::ZERO), ("sava:1.1", Weight::FULL)]).await.expect("moves");
    });
    vamp.engine.undeploy("sava", &blueprint("1.1", 1), Options::default()).await.expect("is accepted");
    meddler.before("gateways/sava/sava/web", || set_condition(engine));
    vamp.engine.settled("sava", DEADLINE).await.expect("settles");
    assert!(has_condition(&vamp).await);
    let all = [("sava:1.0".to_owned(), "0%".to_owned())];
    assert_eq!(vamp.weights().await, all, "nobody has all of nothing");
}

#[tokio::test]
async fn weights_that_are_set_while_a_version_is_merged_are_kept() {
    let (vamp, meddler) = canary().await;
    let engine = vamp.engine.clone();
    meddler.before("gateways/sava/sava/web", || async move {
        let gateway = engine.gateway(GATEWAY);
        gateway.weights([("sava:1.0", percent(90)), ("sava:1.1", percent(10))]).await.expect("moves");
    });
    vamp.deploy("1.2", 1).await;
    let weights: Vec<String> = vamp.weights().await.into_iter().map(|(_, weight)| weight).collect();
    assert_eq!(weights, ["90%", "10%", "0%"]);
}

#[tokio::test]
async fn a_write_that_is_durable_is_no_failure_when_it_cannot_be_read_again() {
    let (vamp, meddler) = canary().await;
    let gateway = Gateway::clone(&*vamp.engine.known_gateway(GATEWAY).await.expect("is there"));
    // The engine does not hear what another server writes, and the store is away as soon as it has written itself.
    meddler.deafen();
    let store = meddler.inner();
    let mut other = store.get("gateways", GATEWAY).await.expect("reads").expect("is there");
    other.draft.author = Some("somebody else".to_owned());
    store.put(&other.draft, Some(&other.version)).await.expect("is written");
    meddler.lose_after("gateways/sava/sava/web");
    let stored = vamp.engine.put_gateway(&gateway, None).await;
    assert!(stored.is_ok(), "{stored:?}");
}

#[tokio::test]
async fn clearing_a_condition_clears_its_strength() {
    let (vamp, _) = canary().await;
    set_condition(vamp.engine.clone()).await;
    let (mut gateway, _) = vamp.engine.find::<Gateway>(GATEWAY).await.expect("reads").expect("is there");
    assert_eq!(gateway.routes[0].strength, Some(percent(50)));
    gateway.routes[0].condition = None;
    let (stored, _) = vamp.engine.put_gateway(&gateway, None).await.expect("is stored");
    assert_eq!(stored.routes[0].strength, Some(Weight::ZERO));
}
