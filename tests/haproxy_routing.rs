//! Where requests go, through a real HAProxy.

mod haproxy_support;

use haproxy_support::{Backend, Haproxy, assert_share, chained, free_port, gateway, route, shares, until};
use vamp_core::driver::{Applied, Proxy};

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
