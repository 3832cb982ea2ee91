use crate::{
    canary,
    haproxy_support::assert_share,
    load::{Load, versions},
    process::{GATEWAY, OLD, is_there},
    server_support::http::{get, put},
    until_consistent,
};
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// When, after the start of a server, what runs has to be what is stored.
const SETTLED: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_is_missed_by_nobody_and_its_successor_finds_everything_under_load() {
    let mut vamp = canary("server", "10%").await;
    let load = Load::start(vamp.gateway, 2, 2);
    load.answers(500).await;
    let (gateway, instances, haproxy) = (vamp.ask(get(GATEWAY)).await.body, vamp.instances(), vamp.haproxy().0);
    assert_eq!(instances.len(), 5, "{instances:?}");

    vamp.kill();
    load.answers(500).await;
    assert!(instances.iter().all(|(_, pid)| is_there(*pid)), "they outlive it");

    vamp.start().await;
    let started = Instant::now();
    load.answers(500).await;
    sleep_until(started + SETTLED).await;
    let shown = vamp.shown().await;
    assert!(vamp.is_consistent().await, "{}", vamp.difference(&shown));
    assert_eq!((vamp.instances(), vamp.haproxy().0), (instances, haproxy), "the very same processes");
    assert_eq!(vamp.ask(get(GATEWAY)).await.body, gateway);
    assert_share(&versions(vamp.gateway, 3_000).await, "1.1", 100_000);
    vamp.until_settled(&[("sava:1.0", 3), ("sava:1.1", 2)]).await;
    assert_eq!(load.stop().await, Vec::<String>::new());
}

/// The routes of a gateway as they were declared: what runs behind them is observed again after a start.
fn declared(gateway: &Value) -> Value {
    let mut routes = gateway["routes"].clone();
    for route in routes.as_object_mut().expect("routes by name").values_mut() {
        route.as_object_mut().expect("a route").remove("targets").expect("its targets");
    }
    routes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_after_a_kill_at_once() {
    let mut vamp = canary("acknowledged", "10%").await;
    for percent in [0, 100, 25, 75, 50] {
        let body = vamp.weighed(&format!("{}%", 100 - percent), &format!("{percent}%")).await;
        let acknowledged = vamp.ask(put(GATEWAY, body)).await.expect(202).json();
        vamp.kill();
        vamp.start().await;
        let shown = vamp.ask(get(GATEWAY)).await.expect(200).json();
        assert_eq!(declared(&shown), declared(&acknowledged));
        // The same again, to wait until it is served.
        vamp.ask(put(&format!("{GATEWAY}?wait=60"), shown.to_string())).await.expect(202);
        assert_share(&versions(vamp.gateway, 500).await, "1.1", percent * 10_000);
    }
    for instances in [4, 1] {
        let scaled = vamp.blueprint(OLD).replace("instances: 3", &format!("instances: {instances}"));
        vamp.ask(put("/deployments/sava", scaled)).await.expect(202);
        vamp.kill();
        vamp.start().await;
        vamp.until_settled(&[("sava:1.0", instances), ("sava:1.1", 2)]).await;
        until_consistent(&vamp).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn down_leaves_nothing_and_the_next_server_runs_everything_again() {
    let mut vamp = canary("down", "10%").await;
    assert_eq!(vamp.down(), Ok(()));
    assert_eq!(vamp.left(), Vec::<i32>::new());
    vamp.start().await;
    vamp.until_settled(&[("sava:1.0", 3), ("sava:1.1", 2)]).await;
    until_consistent(&vamp).await;
    assert_share(&versions(vamp.gateway, 1_000).await, "1.1", 100_000);
    vamp.kill();
    // Without a server to tell, too.
    assert_eq!(vamp.down(), Ok(()));
    assert_eq!(vamp.left(), Vec::<i32>::new());
}
