//! The server, or HAProxy, is killed at named moments in the middle of what it does, under load.
//!
//! Two kills at each moment; with `VAMP_SOAK` set, ten.

use crate::{
    canary,
    haproxy_support::assert_share,
    load::{Load, versions},
    process::{GATEWAY, OLD, Vamp},
    server_support::http::{Ask, get, put},
    until_consistent,
};
use serde_json::Value;
use std::time::{Duration, Instant};

/// HAProxy's own death is to be over within a second; a loaded machine has ten times as long.
const OUTAGE: Duration = Duration::from_secs(10);

fn kills() -> u32 {
    if std::env::var_os("VAMP_SOAK").is_some() { 10 } else { 2 }
}

/// The share of the new version in this turn; never the one of the turn before.
const fn share(turn: u32) -> u32 {
    20 + turn % 4 * 20
}

async fn weights(vamp: &Vamp, turn: u32) -> String {
    vamp.weighed(&format!("{}%", 100 - share(turn)), &format!("{}%", share(turn))).await
}

/// The gateway with another condition than in any other turn: structure, so that HAProxy reloads.
async fn condition(vamp: &Vamp, turn: u32) -> String {
    let mut gateway = vamp.ask(get(GATEWAY)).await.expect(200).json();
    let route = &mut gateway["routes"]["sava/sava/sava:1.1/web"];
    route["condition"] = serde_json::json!({ "condition": format!("User-Agent == Nobody{turn}") });
    route["condition_strength"] = "100%".into();
    gateway.to_string()
}

/// What is stored of the routes.
async fn routes(vamp: &Vamp) -> Value {
    vamp.ask(get(GATEWAY)).await.expect(200).json()["routes"].clone()
}

/// Kills the server at the moment that a change of the gateway leads to, again and again. What was acknowledged is
/// there, what was not is there as a whole or not at all; what runs goes on, and nobody notices.
async fn the_server_dies_at(moment: &str, change: impl AsyncFn(&Vamp, u32) -> String) {
    let mut vamp = canary(moment, "10%").await;
    let load = Load::start(vamp.gateway, 2, 2);
    let (instances, haproxy) = (vamp.instances(), vamp.haproxy().0);
    for turn in 0..kills() {
        let before = routes(&vamp).await;
        let body = change(&vamp, turn).await;
        let wanted = serde_json::from_str::<Value>(&body).expect("JSON")["routes"].clone();
        vamp.kill_at_moment(moment, &[]);
        let reply = vamp.try_ask(put(GATEWAY, body.clone())).await;
        vamp.until_killed().await;
        load.answers(50).await;

        vamp.start().await;
        let stored = routes(&vamp).await;
        let same = |what: &str, wanted: &Value| {
            ["sava:1.0", "sava:1.1"].iter().all(|version| {
                let place = format!("/sava~1sava~1{version}~1web/{what}");
                stored.pointer(&place) == wanted.pointer(&place)
            })
        };
        let is = |wanted: &Value| same("weight", wanted) && same("condition", wanted);
        let accepted = reply.is_some_and(|reply| reply.status == 202);
        assert!(is(&wanted) || (!accepted && is(&before)), "accepted: {accepted}; {stored}, {before} before; {body}");
        // The same again, to wait until it is served.
        vamp.ask(put(&format!("{GATEWAY}?wait=60"), body)).await.expect(202);
        vamp.until_settled(&[("sava:1.0", 3), ("sava:1.1", 2)]).await;
        until_consistent(&vamp).await;
        let weight = wanted.pointer("/sava~1sava~1sava:1.1~1web/weight").and_then(Value::as_str).expect("a weight");
        let percent: u32 = weight.trim_end_matches('%').parse().expect("a share");
        assert_share(&versions(vamp.gateway, 500).await, "1.1", percent * 10_000);
        assert_eq!(
            (vamp.instances(), vamp.haproxy().0),
            (instances.clone(), haproxy.clone()),
            "the very same processes"
        );
    }
    assert_eq!(load.stop().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_in_the_middle_of_a_commit_has_all_of_it_or_nothing_under_load() {
    the_server_dies_at("mid-commit", weights).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_between_a_commit_and_its_answer_lost_nothing_under_load() {
    the_server_dies_at("before-answer", weights).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_between_an_acknowledgement_and_its_event_keeps_what_it_acknowledged_under_load() {
    the_server_dies_at("before-event", weights).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_in_the_middle_of_a_swap_of_weights_leaves_them_whole_under_load() {
    the_server_dies_at("mid-map-swap", weights).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_in_the_middle_of_a_reload_leaves_a_haproxy_that_serves_under_load() {
    the_server_dies_at("mid-reload", condition).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_in_the_middle_of_a_start_or_a_drain_neither_doubles_nor_forgets_an_instance_under_load() {
    let mut vamp = canary("mid-spawn-and-drain", "10%").await;
    let load = Load::start(vamp.gateway, 2, 2);
    let scaled = |vamp: &Vamp, instances: u64| -> Ask {
        let body = vamp.blueprint(OLD).replace("instances: 3", &format!("instances: {instances}"));
        put("/deployments/sava", body)
    };
    for _ in 0..kills() {
        for (moment, instances) in [("mid-spawn", 4), ("mid-drain", 3)] {
            let ask = scaled(&vamp, instances);
            vamp.kill_at_moment(moment, &[]);
            // At the latest when the instance starts, or drains, which is after the answer.
            vamp.ask(ask).await.expect(202);
            vamp.until_killed().await;
            load.answers(50).await;
            vamp.start().await;
            vamp.until_settled(&[("sava:1.0", instances), ("sava:1.1", 2)]).await;
            until_consistent(&vamp).await;
            assert_eq!(vamp.instances().len() as u64, instances + 2);
        }
    }
    load.answers(50).await;
    assert_eq!(load.stop().await, Vec::<String>::new());
}

/// Kills HAProxy at the moment that a change of the gateway leads to. The change is served by the next one.
async fn haproxy_dies_at(moment: &str, change: impl AsyncFn(&Vamp, u32) -> String) {
    let vamp = canary(&format!("haproxy-{moment}"), "10%").await;
    let load = Load::start(vamp.gateway, 2, 2);
    let instances = vamp.instances();
    for turn in 0..kills() {
        let body = change(&vamp, turn).await;
        let wanted: Value = serde_json::from_str(&body).expect("JSON");
        let victims: Vec<i32> = vamp.haproxy().1.into_iter().collect();
        vamp.kill_at_moment(moment, &victims);
        let asked = Instant::now();
        vamp.ask(put(&format!("{GATEWAY}?wait=60"), body)).await.expect(202);
        assert!(vamp.moment_has_come());
        load.answers(200).await;
        let outage = load.outage_since(asked).unwrap_or_default();
        println!("{moment}: served again after {outage:?}");
        assert!(outage < OUTAGE, "{outage:?}");
        until_consistent(&vamp).await;
        assert_eq!(vamp.instances(), instances, "the instances lived on");
        let weight = wanted["routes"]["sava/sava/sava:1.1/web"]["weight"].as_str().expect("a weight").to_owned();
        let percent: u32 = weight.trim_end_matches('%').parse().expect("a share");
        assert_share(&versions(vamp.gateway, 500).await, "1.1", percent * 10_000);
    }
    load.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_haproxy_killed_in_the_middle_of_a_reload_is_replaced_and_the_change_is_made_under_load() {
    haproxy_dies_at("mid-reload", condition).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_haproxy_killed_in_the_middle_of_a_swap_of_weights_is_replaced_and_the_change_is_made_under_load() {
    haproxy_dies_at("mid-map-swap", weights).await;
}
