//! Changes while requests are under way: none of them fails. These tests run alone.
#![cfg(test)]

mod haproxy_support;

use haproxy_support::{Backend, Client, Haproxy, Load, assert_share, free_port, gateway, route, shares, until};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;
use vamp_core::{
    condition::Condition,
    driver::{Applied, Proxy},
    routing::{Gateway, Traffic},
};

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_weight_changes_and_twenty_reloads_under_load_lose_nothing() {
    const CHANGES: usize = 200;
    const RELOADS: usize = 20;
    let haproxy = Haproxy::start("load-weights").await;
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let port = free_port();
    // The condition never matches; a new one is a new structure.
    let of = |change: usize, reloads: usize| {
        let weight = if change.is_multiple_of(2) { 1_000_000 } else { 0 };
        let mut to_a = route("a", weight, vec![a.instance()]);
        to_a.condition = Some(Condition::parse(&format!("header x-reload == {reloads}")).expect("a condition"));
        gateway("sava/9050", port, vec![to_a, route("b", 1_000_000 - weight, vec![b.instance()])])
    };
    haproxy.serve_one(&of(0, 0)).await;
    let before = haproxy.proxy.status().await.expect("a status");
    let load = Load::start(port, 4, 4);
    let (mut slowest, mut slowest_reload) = (Duration::ZERO, Duration::ZERO);
    let mut reloads = 0;
    for change in 1..=CHANGES {
        let mut client = Client::new(port);
        client.get().await.expect("an answer before");
        if change % (CHANGES / RELOADS) == 0 {
            reloads += 1;
            let started = Instant::now();
            assert_eq!(haproxy.serve_one(&of(change - 1, reloads)).await, Applied::Reloaded);
            slowest_reload = slowest_reload.max(started.elapsed());
        }
        let started = Instant::now();
        assert_eq!(haproxy.serve_one(&of(change, reloads)).await, Applied::AtRunTime);
        slowest = slowest.max(started.elapsed());
        let expected = if change.is_multiple_of(2) { "a" } else { "b" };
        // Answered by the worker that is leaving, when there was a reload.
        assert_eq!(client.get().await.expect("an answer").body, expected, "change {change}, an old connection");
        assert_eq!(Client::new(port).get().await.expect("an answer").body, expected, "change {change}");
    }
    let counts = load.stop().await;
    let status = haproxy.proxy.status().await.expect("a status");
    println!("slowest change {slowest:?}, slowest reload {slowest_reload:?}, requests {counts:?}");
    assert_eq!(status.runtime_changes - before.runtime_changes, CHANGES as u64);
    assert_eq!(status.reloads - before.reloads, RELOADS as u64);
    assert_eq!(counts.keys().collect::<Vec<_>>(), ["a", "b"], "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_three_instances_killed_under_load_loses_nothing() {
    let haproxy = Haproxy::start("load-kill").await;
    let mut backends = Vec::new();
    for name in ["a", "b", "c"] {
        backends.push(Backend::slow(name, Duration::from_millis(2)).await);
    }
    let port = free_port();
    let instances = backends.iter().map(Backend::instance).collect();
    haproxy.serve_one(&gateway("sava/9050", port, vec![route("r", 1_000_000, instances)])).await;
    let load = Load::start(port, 8, 8);
    for left in [2, 1] {
        let served = backends[0].requests();
        until("the load has begun", || async { backends[0].requests() > served + 100 }).await;
        drop(backends.pop());
        assert_eq!(backends.len(), left);
    }
    let served = backends[0].requests();
    until("the last one serves", || async { backends[0].requests() > served + 1_000 }).await;
    let counts = load.stop().await;
    assert!(counts.keys().all(|who| ["a", "b", "c"].contains(&who.as_str())), "{counts:?}");
}

/// Adds a version, moves the traffic, drains and stops the old one, again and again, with reloads in between: what the
/// engine does in a release.
#[tokio::test(flavor = "multi_thread")]
async fn versions_that_come_and_go_under_load_lose_nothing() {
    let haproxy = Haproxy::start("load-versions").await;
    let (port, other) = (free_port(), free_port());
    let mut old = version(0).await;
    haproxy.serve_one(&gateway("sava/9050", port, vec![as_route(&old, 1_000_000, Traffic::Ready)])).await;
    let load = Load::start(port, 4, 4);
    for number in 1..=12 {
        let new = version(number).await;
        let of = |weight, traffic| {
            let routes = vec![as_route(&old, 1_000_000 - weight, traffic), as_route(&new, weight, Traffic::Ready)];
            let mut gateways = vec![gateway("sava/9050", port, routes)];
            if number % 3 == 0 {
                gateways.push(gateway("sava/other", other, vec![as_route(&new, 1_000_000, Traffic::Ready)]));
            }
            gateways
        };
        for (weight, traffic) in [
            (0, Traffic::Ready),
            (300_000, Traffic::Ready),
            (1_000_000, Traffic::Ready),
            (1_000_000, Traffic::Draining),
        ] {
            applied(&haproxy, &of(weight, traffic)).await;
        }
        drained(&haproxy, &old).await;
        let mut last = of(1_000_000, Traffic::Draining);
        last[0].decision.routes.remove(0);
        applied(&haproxy, &last).await;
        old = new;
    }
    let counts = load.stop().await;
    println!("requests {counts:?}");
    assert!(counts.keys().all(|who| who.starts_with('v')), "{counts:?}");
    assert_eq!(counts.len(), 13 * 2);
}

async fn version(number: usize) -> (String, Vec<Backend>) {
    let mut backends = Vec::new();
    for instance in ["x", "y"] {
        let delay = Duration::from_millis(if instance == "x" { 0 } else { 10 });
        backends.push(Backend::slow(&format!("v{number}{instance}"), delay).await);
    }
    (format!("sava:{number}"), backends)
}

fn as_route(version: &(String, Vec<Backend>), weight: u32, traffic: Traffic) -> vamp_core::routing::Route {
    let mut instances: Vec<_> = version.1.iter().map(Backend::instance).collect();
    instances.iter_mut().for_each(|instance| instance.traffic = traffic);
    route(&version.0, weight, instances)
}

async fn applied(haproxy: &Haproxy, gateways: &[Gateway]) {
    for (name, answer) in haproxy.serve(gateways).await {
        answer.unwrap_or_else(|error| panic!("{name}: {}", error.report()));
    }
}

/// Waits until nothing is connected to a version, twice in a row.
async fn drained(haproxy: &Haproxy, version: &(String, Vec<Backend>)) {
    let names: Vec<&str> = version.1.iter().map(|backend| backend.name.as_str()).collect();
    let open = async || {
        let counts: BTreeMap<String, u64> = haproxy.proxy.connections("sava/9050").await.expect("a count");
        names.iter().map(|name| counts[*name]).sum::<u64>()
    };
    for _ in 0..2 {
        until("the old version is drained", || async { open().await == 0 }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_killed_under_load_leaves_its_share_to_the_others() {
    let haproxy = Haproxy::start("load-route").await;
    let (a, b, c) = (Backend::start("a").await, Backend::start("b").await, Backend::start("c").await);
    let port = free_port();
    let routes = [(&a, 100_000), (&b, 300_000), (&c, 600_000)];
    let routes = routes.map(|(one, weight)| route(&one.name, weight, vec![one.instance()])).to_vec();
    let dead = gateway("sava/9050", port, routes);
    haproxy.serve_one(&dead).await;
    let load = Load::start(port, 8, 8);
    until("the load has begun", || async { b.requests() > 100 }).await;
    let killed = Instant::now();
    drop(b);
    until("the others have it all", || async { !shares(port, 400, "").await.contains_key("503") }).await;
    println!("redistributed after {:?}; while it died: {:?}", killed.elapsed(), load.stop().await);
    // A new worker does not find out again.
    let load = Load::start(port, 4, 4);
    for _ in 0..5 {
        let mut gateways = vec![dead.clone(), gateway("sava/other", free_port(), Vec::new())];
        applied(&haproxy, &gateways).await;
        gateways.pop();
        applied(&haproxy, &gateways).await;
    }
    let counts = load.stop().await;
    assert_eq!(counts.keys().collect::<Vec<_>>(), ["a", "c"], "{counts:?}");
    assert_eq!(haproxy.proxy.status().await.expect("a status").reloads, 11);
    let counts = shares(port, 20_000, "").await;
    assert_share(&counts, "a", 142_857);
    assert_share(&counts, "c", 857_143);
}
