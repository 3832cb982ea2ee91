//! Where requests go, through a real HAProxy.
#![cfg(test)]

mod haproxy_support;

use haproxy_support::{Backend, Client, Haproxy, assert_share, chained, free_port, gateway, route, shares, until};
use std::collections::BTreeMap;
use vamp_core::{
    condition::Condition,
    driver::{Applied, Proxy},
    routing::{Protocol, Rewrite},
    weight::Weight,
};

const MANY: u64 = 20_000;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thirty_and_sixty_percent_are_what_requests_see() {
    let haproxy = Haproxy::start("shares").await;
    let (a, b, c) = (Backend::start("a").await, Backend::start("b").await, Backend::start("c").await);
    let port = free_port();
    let of = |weights: [u32; 3]| {
        let routes = [&a, &b, &c].into_iter().zip(weights);
        let routes = routes.map(|(one, weight)| route(&one.name, weight, vec![one.instance()])).collect();
        gateway("sava/9050", port, routes)
    };
    assert_eq!(haproxy.serve_one(&of([100_000, 300_000, 600_000])).await, Applied::Reloaded);
    let counts = shares(port, MANY, "").await;
    for (name, share) in [("a", 100_000), ("b", 300_000), ("c", 600_000)] {
        assert_share(&counts, name, share);
    }
    assert_eq!(haproxy.serve_one(&of([999_000, 1_000, 0])).await, Applied::AtRunTime);
    let counts = shares(port, MANY, "").await;
    assert_share(&counts, "b", 1_000);
    assert_share(&counts, "c", 0);
    assert_eq!(haproxy.serve_one(&of([0, 0, 0])).await, Applied::AtRunTime);
    assert_eq!(shares(port, 80, "").await.into_keys().collect::<Vec<_>>(), ["503"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_route_leaves_its_share_to_the_others() {
    let haproxy = Haproxy::start("dead").await;
    let (a, b, c) = (Backend::start("a").await, Backend::start("b").await, Backend::start("c").await);
    let port = free_port();
    let routes = [(&a, 100_000), (&b, 300_000), (&c, 600_000)];
    let routes = routes.map(|(one, weight)| route(&one.name, weight, vec![one.instance()])).to_vec();
    haproxy.serve_one(&gateway("sava/9050", port, routes)).await;
    drop(b);
    until("the dead route is noticed", || async { !shares(port, 80, "").await.contains_key("503") }).await;
    let counts = shares(port, MANY, "").await;
    assert_share(&counts, "a", 142_857);
    assert_share(&counts, "c", 857_143);
    drop((a, c));
    until("all are noticed", || async { shares(port, 8, "").await.into_keys().eq(["503"]) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_joins_and_leaves_without_a_reload() {
    let haproxy = Haproxy::start("joins").await;
    let (old, new) = (Backend::start("old").await, Backend::start("new").await);
    let port = free_port();
    let alone = gateway("sava/web", port, vec![route("1.0", 1_000_000, vec![old.instance()])]);
    let both = gateway(
        "sava/web",
        port,
        vec![route("1.1", 250_000, vec![new.instance()]), route("1.0", 750_000, vec![old.instance()])],
    );
    let next = gateway("sava/web", port, vec![route("1.1", 1_000_000, vec![new.instance()])]);
    assert_eq!(haproxy.serve_one(&alone).await, Applied::Reloaded);
    assert_eq!(haproxy.serve_one(&both).await, Applied::AtRunTime);
    assert_share(&shares(port, MANY, "").await, "new", 250_000);
    assert_eq!(haproxy.serve_one(&next).await, Applied::AtRunTime);
    assert_eq!(shares(port, 800, "").await.into_keys().collect::<Vec<_>>(), ["new"]);
    assert_eq!(haproxy.serve_one(&next).await, Applied::Unchanged);
    let status = haproxy.proxy.status().await.expect("a status");
    assert_eq!((status.reloads, status.structural_changes, status.runtime_changes), (1, 1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn chained_gateways_are_decided_in_one_hop() {
    let haproxy = Haproxy::start("chained").await;
    let (a, b, c) = (Backend::start("a").await, Backend::start("b").await, Backend::start("c").await);
    let port = free_port();
    let inner = vec![route("b", 250_000, vec![b.instance()]), route("c", 750_000, vec![c.instance()])];
    let outer = vec![route("a", 200_000, vec![a.instance()]), chained("inner", 800_000, inner)];
    let outermost = gateway("sava/9050", port, vec![chained("outer", 1_000_000, outer)]);
    haproxy.serve_one(&outermost).await;
    let counts = shares(port, MANY, "").await;
    for (name, share) in [("a", 200_000), ("b", 200_000), ("c", 600_000)] {
        assert_share(&counts, name, share);
    }
    drop(c);
    until("c is noticed", || async { !shares(port, 80, "").await.contains_key("503") }).await;
    let counts = shares(port, MANY, "").await;
    assert_share(&counts, "a", 200_000);
    assert_share(&counts, "b", 800_000);
    drop(b);
    until("b is noticed", || async { !shares(port, 80, "").await.contains_key("503") }).await;
    assert_eq!(shares(port, 800, "").await.into_keys().collect::<Vec<_>>(), ["a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_the_strength_over_ninety_to_ten_is_ninety_five_to_five() {
    let haproxy = Haproxy::start("strength").await;
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let port = free_port();
    let of = |percent| {
        let mut first = route("a", 900_000, vec![a.instance()]);
        first.condition = Some(Condition::parse("header x-beta == yes").expect("a condition"));
        first.strength = Weight::from_percent(percent).expect("a share");
        gateway("sava/9050", port, vec![first, route("b", 100_000, vec![b.instance()])])
    };
    haproxy.serve_one(&of(50)).await;
    assert_share(&shares(port, MANY, "x-beta: yes\r\n").await, "b", 50_000);
    assert_share(&shares(port, MANY, "x-beta: no\r\n").await, "b", 100_000);
    assert_eq!(haproxy.serve_one(&of(100)).await, Applied::AtRunTime);
    assert_share(&shares(port, 800, "x-beta: yes\r\n").await, "b", 0);
    drop(a);
    until("the dead route is noticed", || async { !shares(port, 80, "").await.contains_key("503") }).await;
    assert_eq!(shares(port, 800, "x-beta: yes\r\n").await.into_keys().collect::<Vec<_>>(), ["b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_condition_that_matches_decides() {
    let haproxy = Haproxy::start("first").await;
    let (a, b, c) = (Backend::start("a").await, Backend::start("b").await, Backend::start("c").await);
    let port = free_port();
    let conditioned = |backend: &Backend, condition: &str| {
        let mut route = route(&backend.name, 0, vec![backend.instance()]);
        route.condition = Some(Condition::parse(condition).expect("a condition"));
        route.strength = Weight::FULL;
        route
    };
    let inner =
        vec![conditioned(&b, "header x-one == 1 or header x-two == 2"), route("c", 1_000_000, vec![c.instance()])];
    let routes = vec![conditioned(&a, "header x-one == 1"), chained("inner", 1_000_000, inner)];
    haproxy.serve_one(&gateway("sava/9050", port, routes)).await;
    for (headers, expected) in [("x-one: 1\r\n", "a"), ("x-two: 2\r\n", "b"), ("", "c")] {
        assert_eq!(shares(port, 80, headers).await.into_keys().collect::<Vec<_>>(), [expected]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_is_rewritten_and_the_client_forwarded_once() {
    let haproxy = Haproxy::start("rewrite").await;
    let a = Backend::start("a").await;
    let port = free_port();
    let mut to_a = route("a", 1_000_000, vec![a.instance()]);
    let condition = Condition::parse("path starts with /old").expect("a condition");
    to_a.rewrites.push(Rewrite { path: "/new%20place".to_owned(), condition });
    let inner = gateway("sava/9050", port, vec![chained("inner", 1_000_000, vec![to_a])]);
    haproxy.serve_one(&inner).await;
    let mut client = Client::new(port);
    for (sent, arrived) in [("/old/one", "/new%20place"), ("/other", "/other")] {
        let answer = client.send(sent, "").await.expect("an answer");
        assert_eq!(answer.header("x-path"), Some(arrived));
        let forwarded = answer.header("x-forwarded").expect("a header").to_ascii_lowercase();
        assert_eq!(forwarded.matches("127.0.0.1").count(), 1, "{forwarded}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tcp_is_routed_by_weight_and_a_stream_survives_a_reload() {
    let haproxy = Haproxy::start("tcp").await;
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let port = free_port();
    let mut tcp = gateway(
        "sava/9050",
        port,
        vec![route("a", 200_000, vec![a.instance()]), route("b", 800_000, vec![b.instance()])],
    );
    tcp.protocol = Protocol::Tcp;
    haproxy.serve_one(&tcp).await;
    let mut counts = BTreeMap::new();
    let mut stream = Client::new(port);
    let at = stream.get().await.expect("an answer").body;
    for _ in 0..1_000 {
        *counts.entry(Client::new(port).get().await.expect("an answer").body).or_insert(0) += 1;
    }
    assert_share(&counts, "a", 200_000);
    let other = gateway("sava/other", free_port(), vec![route("a", 1_000_000, vec![a.instance()])]);
    let answers = haproxy.serve(&[tcp, other]).await;
    assert_eq!(answers["sava/other"].as_ref().ok(), Some(&Applied::Reloaded));
    assert_eq!(haproxy.proxy.connections("sava/9050").await.expect("a count")[&at], 1);
    assert_eq!(stream.get().await.expect("an answer").body, at);
}
