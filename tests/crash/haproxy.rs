use crate::{
    canary,
    haproxy_support::assert_share,
    load::{Load, versions},
    process::{is_there, kill},
    server_support::eventually,
    until_consistent,
};
use std::time::{Duration, Instant};

/// HAProxy's own death is to be over within a second; a loaded machine has ten times as long.
const OUTAGE: Duration = Duration::from_secs(10);

/// Waits until the gateway answers again, for good.
async fn until_served(load: &Load, killed: Instant) {
    load.answers(300).await;
    let outage = load.outage_since(killed).unwrap_or_default();
    println!("served again after {outage:?}");
    assert!(outage < OUTAGE, "{outage:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_haproxy_is_replaced_by_one_that_serves_the_same_under_load() {
    let vamp = canary("haproxy", "10%").await;
    let load = Load::start(vamp.gateway, 2, 2);
    load.answers(300).await;
    for only_the_master in [false, true] {
        let (masters, all) = vamp.haproxy();
        let victims: Vec<i32> = if only_the_master { masters.iter() } else { all.iter() }.copied().collect();
        let killed = Instant::now();
        kill(&victims);
        eventually("another HAProxy", async || {
            // A worker without its master is on its way out.
            let (now, _) = vamp.haproxy();
            now.len() == 1 && now.is_disjoint(&all)
        })
        .await;
        until_served(&load, killed).await;
        eventually("nobody of before is left", async || !all.iter().any(|pid| is_there(*pid))).await;
        until_consistent(&vamp).await;
        assert_share(&versions(vamp.gateway, 2_000).await, "1.1", 100_000);
    }
    load.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_and_its_haproxy_killed_together_are_replaced_together_under_load() {
    let mut vamp = canary("both", "10%").await;
    let load = Load::start(vamp.gateway, 2, 2);
    load.answers(300).await;
    for only_the_master in [false, true] {
        let (masters, all) = vamp.haproxy();
        let instances = vamp.instances();
        let victims: Vec<i32> = if only_the_master { masters.iter() } else { all.iter() }.copied().collect();
        vamp.kill();
        kill(&victims);
        let killed = Instant::now();
        vamp.start().await;
        until_served(&load, killed).await;
        until_consistent(&vamp).await;
        assert_eq!(vamp.instances(), instances, "the instances lived on");
        assert_share(&versions(vamp.gateway, 2_000).await, "1.1", 100_000);
    }
    load.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_instance_is_replaced_and_no_request_is_lost_under_load() {
    let vamp = canary("instance", "10%").await;
    let load = Load::start(vamp.gateway, 2, 2);
    load.answers(300).await;
    for turn in 0..4 {
        let before = vamp.instances();
        let victim = before[turn % before.len()].clone();
        kill(&[victim.1]);
        eventually("another in its place", async || {
            let now = vamp.instances();
            now.len() == before.len() && !now.contains(&victim)
        })
        .await;
        vamp.until_settled(&[("sava:1.0", 3), ("sava:1.1", 2)]).await;
        until_consistent(&vamp).await;
        load.answers(200).await;
    }
    assert_share(&versions(vamp.gateway, 2_000).await, "1.1", 100_000);
    assert_eq!(load.stop().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_killed_while_there_is_no_server_costs_no_request_and_is_replaced_by_the_next_under_load() {
    let mut vamp = canary("alone", "10%").await;
    let load = Load::start(vamp.gateway, 2, 2);
    load.answers(300).await;
    let before = vamp.instances();
    let of_old = vamp.service("sava:1.0").await.expect("it runs")["instances"][0]["name"].clone();
    let victim = before.iter().find(|(id, _)| of_old == id.as_str()).expect("it is a process").clone();
    vamp.kill();
    kill(&[victim.1]);
    load.answers(500).await;
    vamp.start().await;
    eventually("another in its place", async || {
        let now = vamp.instances();
        now.len() == before.len() && !now.contains(&victim)
    })
    .await;
    vamp.until_settled(&[("sava:1.0", 3), ("sava:1.1", 2)]).await;
    until_consistent(&vamp).await;
    load.answers(300).await;
    assert_eq!(load.stop().await, Vec::<String>::new());
}
