//! Nothing stops while something may still route to it, and nothing is left half done.

use crate::{
    meddler::Meddler,
    support::{DEADLINE, Vamp, blueprint, eventually},
};
use std::{sync::Arc, time::Duration};
use vamp_core::{
    engine::{Options, Settings},
    memory,
    model::{Deployment, Gateway},
};
use vamp_drivers::SystemClock;

#[tokio::test]
async fn what_nobody_stored_runs_on_as_long_as_an_agent_may_route_to_it() {
    let mut settings = Settings::default();
    settings.drain_deadline = Duration::from_millis(20);
    let store = Arc::new(memory::Persistence::new(Arc::new(SystemClock::new())));
    let vamp = Vamp::start_tuned(memory::Containers::new(), Arc::default(), store, settings);
    vamp.deploy("1.0", 1).await;
    vamp.proxy.set_away(true);
    for name in ["sava/9050", "sava/sava/web"] {
        vamp.persistence.delete("gateways", name, None).await.expect("is deleted");
    }
    vamp.engine.remove::<Deployment>("sava", None).await.expect("is removed");
    let waits = vamp.engine.applied("sava/9050", Duration::from_millis(500)).await;
    assert!(waits.is_err(), "an agent serves it yet");
    let runs = || !vamp.engine.instances("sava", "sava", "sava:1.0").is_empty();
    assert!(runs(), "long after the deadline of a drain");
    vamp.proxy.set_away(false);
    eventually("it is stopped", async || !runs()).await;
}

/// A store in which a server died once it had begun to write a gateway.
async fn died_at(gateway: &str) -> Vamp {
    let meddler = Meddler::new(Arc::new(memory::Persistence::new(Arc::new(SystemClock::new()))));
    let vamp = Vamp::start_with(memory::Containers::new(), Arc::default(), Arc::<Meddler>::clone(&meddler) as _);
    let (reached, died) = tokio::sync::oneshot::channel();
    meddler.before(gateway, || async move {
        reached.send(()).ok();
        std::future::pending::<()>().await;
    });
    let engine = vamp.engine.clone();
    let asking = tokio::spawn(async move { engine.deploy("sava", &blueprint("1.0", 1), Options::default()).await });
    died.await.expect("it gets there");
    asking.abort();
    vamp
}

#[tokio::test]
async fn a_merge_of_which_the_deployment_was_written_is_finished_after_a_restart() {
    for gateway in ["gateways/sava/sava/web", "gateways/sava/9050"] {
        let vamp = died_at(gateway).await.restart();
        eventually("its gateways come", async || {
            vamp.engine.find::<Gateway>("sava/9050").await.expect("reads").is_some()
        })
        .await;
        vamp.engine.settled("sava", DEADLINE).await.expect("settles");
        eventually("it is served", async || vamp.engine.is_served("sava/sava/web")).await;
    }
}

#[tokio::test]
async fn a_merge_of_which_nothing_was_written_is_forgotten_after_a_restart() {
    let vamp = died_at("deployments/sava").await;
    assert!(vamp.persistence.get("merges", "sava").await.expect("reads").is_some());
    let vamp = vamp.restart();
    eventually("it is forgotten", async || vamp.persistence.get("merges", "sava").await.expect("reads").is_none())
        .await;
    assert!(vamp.engine.deployment("sava").await.expect("reads").is_none());
    assert!(vamp.engine.find::<Gateway>("sava/9050").await.expect("reads").is_none());
    vamp.deploy("1.0", 1).await;
}

#[tokio::test]
async fn a_gateway_is_served_when_an_agent_serves_it_as_it_is_stored() {
    let vamp = Vamp::start();
    assert!(!vamp.engine.is_served("sava/9050"));
    vamp.deploy("1.0", 1).await;
    assert!(vamp.engine.is_served("sava/9050") && vamp.engine.is_served("sava/sava/web"));
    vamp.proxy.set_away(true);
    let gateway = vamp.engine.gateway("sava/sava/web");
    let condition = Some("User-Agent == Chrome".parse().expect("parses"));
    gateway.condition("sava:1.0", condition, crate::support::percent(50)).await.expect("is set");
    assert!(!vamp.engine.is_served("sava/9050"));
    vamp.proxy.set_away(false);
    gateway.applied(DEADLINE).await.expect("applies");
    assert!(vamp.engine.is_served("sava/9050"));
}

#[tokio::test]
async fn waiting_for_one_gateway_ends_while_others_change_all_the_time() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 1).await;
    let engine = vamp.engine.clone();
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let changing = tokio::spawn(async move {
        let mut gateway = Gateway::new("other".parse().expect("a name"), "0/http".parse().expect("a port"));
        let mut changes = 0_u32;
        while stopped.try_recv().is_err() {
            changes += 1;
            gateway.metadata.insert("change".to_owned(), changes.into());
            engine.put_gateway(&gateway, None).await.expect("is stored");
        }
        changes
    });
    for strength in 1..=20 {
        let gateway = vamp.engine.gateway("sava/sava/web");
        let condition = Some("User-Agent == Chrome".parse().expect("parses"));
        gateway.condition("sava:1.0", condition, crate::support::percent(strength)).await.expect("is set");
        gateway.applied(DEADLINE).await.expect("applies");
    }
    stop.send(()).expect("changes");
    assert!(changing.await.expect("ends") > 0);
}
