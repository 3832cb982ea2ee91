//! Virtual hosts: gateways on one port, told apart by the host of a request, through a real HAProxy.
#![cfg(test)]

mod haproxy_support;
#[path = "differential/random.rs"]
mod random;

use haproxy_support::{
    Backend, Client, Folder, Haproxy, assert_share, chained, conditioned, free_port, gateway, route, table, until,
};
use random::Random;
use std::collections::{BTreeMap, BTreeSet};
use vamp_core::{
    driver::{Applied, GatewayRenderer, Proxy},
    routing::{Gateway, Protocol, Router, Sticky, router::Entry},
};
use vamp_drivers::gateway::haproxy::{HaproxyProxy, HaproxyRenderer};

async fn start(name: &str) -> (Haproxy, u16) {
    let (folder, port) = (Folder::new(name), free_port());
    let config = folder.config().with_host_port(port.try_into().expect("not zero"));
    (Haproxy::start_with(folder, config).await, port)
}

fn at(mut gateway: Gateway, hosts: &[&str]) -> Gateway {
    gateway.virtual_hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    gateway
}

/// A gateway with one route to one backend.
fn to(name: &str, backend: &Backend, hosts: &[&str]) -> Gateway {
    at(gateway(name, free_port(), vec![route(&backend.name, 1_000_000, vec![backend.instance()])]), hosts)
}

async fn who(port: u16, host: &str, headers: &str) -> String {
    Client::new(port).send_to(host, "/", headers).await.expect("an answer").who()
}

async fn shares(port: u16, host: &str, headers: &str, many: usize) -> BTreeMap<String, u64> {
    let (mut client, mut counts) = (Client::new(port), BTreeMap::new());
    for _ in 0..many {
        let who = client.send_to(host, "/", headers).await.expect("an answer").who();
        *counts.entry(who).or_insert(0) += 1;
    }
    counts
}

async fn applied(haproxy: &Haproxy, gateways: &[Gateway], name: &str) -> Applied {
    let mut answers = haproxy.serve(gateways).await;
    answers.remove(name).expect("an answer").unwrap_or_else(|error| panic!("{name}: {}", error.report()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_leads_to_its_gateway_and_its_weights_change_at_run_time() {
    let (haproxy, port) = start("hosts-weights").await;
    let (a, b, c) = (Backend::start("a").await, Backend::start("b").await, Backend::start("c").await);
    let own = free_port();
    let shop = |first| {
        let routes = vec![route("a", first, vec![a.instance()]), route("b", 1_000_000 - first, vec![b.instance()])];
        at(gateway("sava/shop", own, routes), &["Shop.Example"])
    };
    let other = to("other", &c, &["other.example"]);
    haproxy.serve(&[shop(250_000), other.clone()]).await;
    for host in ["shop.example", "SHOP.example", "shop.example:8080"] {
        assert_share(&shares(port, host, "", 2_000).await, "a", 250_000);
    }
    assert_eq!(who(port, "other.example", "").await, "c");
    assert_share(&haproxy_support::shares(own, 2_000, "").await, "a", 250_000);
    assert_eq!(applied(&haproxy, &[shop(1_000_000), other.clone()], "sava/shop").await, Applied::AtRunTime);
    assert_eq!(shares(port, "shop.example", "", 100).await.into_keys().collect::<Vec<_>>(), ["a"]);
    let unknown = Client::new(port).send_to("unknown.example", "/", "").await.expect("an answer");
    assert_eq!((unknown.status, unknown.body.as_str()), (404, "No gateway has this host.\n"));
    assert_eq!(haproxy.proxy.status().await.expect("a status").reloads, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_come_and_go_without_a_reload_and_survive_one() {
    let (haproxy, port) = start("hosts-names").await;
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let (first, second) = (to("a", &a, &[]), to("b", &b, &["b.example", "both.example"]));
    haproxy.serve(&[first.clone(), second.clone()]).await;
    assert_eq!(who(port, "a.example", "").await, "404");
    let named = at(first.clone(), &["a.example", "*.a.example"]);
    assert_eq!(applied(&haproxy, &[named.clone(), second.clone()], "a").await, Applied::AtRunTime);
    assert_eq!((who(port, "a.example", "").await.as_str(), who(port, "x.a.example", "").await.as_str()), ("a", "a"));
    // A name moves from one to the other.
    let moved = [at(first, &["*.a.example", "both.example"]), at(second, &["b.example"])];
    let answers = haproxy.serve(&moved).await;
    assert!(answers.values().all(|answer| answer.as_ref().ok() == Some(&Applied::AtRunTime)), "{answers:?}");
    assert_eq!(haproxy.proxy.status().await.expect("a status").reloads, 1);
    let expected = [("a.example", "404"), ("x.a.example", "a"), ("both.example", "a"), ("b.example", "b")];
    for (host, wanted) in expected {
        assert_eq!(who(port, host, "").await, wanted, "{host}");
    }
    let third = to("c", &b, &["c.example"]);
    haproxy.serve(&[moved[0].clone(), moved[1].clone(), third]).await;
    for (host, wanted) in expected.into_iter().chain([("c.example", "b")]) {
        assert_eq!(who(port, host, "").await, wanted, "{host} after a reload");
    }
    // Who takes the proxy over finds the same.
    let (folder, config) = (haproxy.folder, haproxy.proxy);
    drop(config);
    let config = folder.config().with_host_port(port.try_into().expect("not zero"));
    let again = HaproxyProxy::start(config).await.unwrap_or_else(|error| panic!("{}", error.report()));
    for (host, wanted) in expected {
        assert_eq!(who(port, host, "").await, wanted, "{host} after another start");
    }
    let served = again.target().await.expect("a target").serving;
    assert!(
        served["a"].values.contains_key("host/both.example") && !served["b"].values.contains_key("host/both.example")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_name_wins_over_wildcards_and_the_longest_wildcard_over_others() {
    let (haproxy, port) = start("hosts-wildcards").await;
    let (a, b, c) = (Backend::start("a").await, Backend::start("b").await, Backend::start("c").await);
    let gateways = [
        to("a", &a, &["*.example.com"]),
        to("b", &b, &["*.shop.example.com"]),
        to("c", &c, &["www.shop.example.com", "example.com"]),
    ];
    haproxy.serve(&gateways).await;
    for (host, wanted) in [
        ("www.shop.example.com", "c"),
        ("WWW.shop.example.com:80", "c"),
        ("api.shop.example.com", "b"),
        ("v1.api.shop.example.com", "b"),
        ("shop.example.com", "a"),
        ("a.b.c.d.e.f.g.h.example.com", "a"),
        ("a.b.c.d.e.f.g.h.i.example.com", "404"),
        ("example.com", "c"),
        ("com", "404"),
        ("notexample.com", "404"),
        ("example.com.evil", "404"),
    ] {
        assert_eq!(who(port, host, "").await, wanted, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_chains_and_stickiness_hold_on_the_shared_port_for_their_gateway_only() {
    let (haproxy, port) = start("hosts-rules").await;
    let (a, b, c) = (Backend::start("a").await, Backend::start("b").await, Backend::start("c").await);
    let beta = |first: &Backend| conditioned(route(&first.name, 0, vec![first.instance()]), "has header x-beta", 100);
    let rest = |backend: &Backend, ppm| route(&backend.name, ppm, vec![backend.instance()]);
    let conditions = at(gateway("one/port", free_port(), vec![beta(&a), rest(&b, 1_000_000)]), &["one.example"]);
    let others = at(gateway("two", free_port(), vec![beta(&c), rest(&b, 1_000_000)]), &["two.example"]);
    let inner = vec![beta(&c), rest(&b, 500_000), rest(&a, 500_000)];
    let chain = vec![rest(&a, 500_000), chained("inner", 500_000, inner)];
    let chain = at(gateway("three", free_port(), chain), &["three.example"]);
    let mut sticky = at(gateway("four", free_port(), vec![rest(&a, 500_000), rest(&b, 500_000)]), &["four.example"]);
    sticky.decision.sticky = Some(Sticky::ROUTE);
    haproxy.serve(&[conditions, others, chain, sticky, to("plain", &c, &["plain.example"])]).await;
    let beta = "x-beta: 1\r\n";
    for (host, headers, wanted) in [
        ("one.example", beta, "a"),
        ("one.example", "", "b"),
        ("two.example", beta, "c"),
        ("two.example", "", "b"),
        ("plain.example", beta, "c"),
    ] {
        assert_eq!(who(port, host, headers).await, wanted, "{host} {headers}");
    }
    let counts = shares(port, "three.example", beta, 2_000).await;
    assert_share(&counts, "a", 500_000);
    assert_share(&counts, "c", 500_000);
    assert_share(&shares(port, "three.example", "", 2_000).await, "b", 250_000);
    let first = Client::new(port).send_to("four.example", "/", "").await.expect("an answer");
    let cookie = first.header("set-cookie").expect("a cookie").split(';').next().expect("a value").to_owned();
    assert_eq!(first.head.matches("set-cookie").count(), 1, "{}", first.head);
    let stays = shares(port, "four.example", &format!("cookie: {cookie}\r\n"), 200).await;
    assert_eq!(stays.into_keys().collect::<Vec<_>>(), [first.body]);
    let plain = Client::new(port).send_to("plain.example", "/", "").await.expect("an answer");
    assert_eq!(plain.header("set-cookie"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn stickiness_comes_and_goes_at_run_time_on_the_shared_port_too() {
    let (haproxy, port) = start("hosts-sticky").await;
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let own = free_port();
    let of = |sticky| {
        let routes = vec![route("a", 500_000, vec![a.instance()]), route("b", 500_000, vec![b.instance()])];
        let mut gateway = at(gateway("shop", own, routes), &["shop.example"]);
        gateway.decision.sticky = sticky;
        gateway
    };
    haproxy.serve_one(&of(None)).await;
    let cookie = async || {
        let answer = Client::new(port).send_to("shop.example", "/", "").await.expect("an answer");
        answer.header("set-cookie").map(|line| (line.split(';').next().unwrap_or_default().to_owned(), answer.who()))
    };
    assert_eq!(cookie().await, None);
    for sticky in [Sticky::ROUTE, Sticky::INSTANCE] {
        assert_eq!(haproxy.serve_one(&of(Some(sticky))).await, Applied::AtRunTime);
        for _ in 0..4 {
            let (pair, at) = cookie().await.expect("a cookie");
            let stays = shares(port, "shop.example", &format!("cookie: {pair}\r\n"), 40).await;
            assert_eq!(stays.into_keys().collect::<Vec<_>>(), [at], "{pair}");
        }
    }
    assert_eq!(haproxy.serve_one(&of(None)).await, Applied::AtRunTime);
    assert_eq!(cookie().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_route_leaves_its_share_to_the_others_on_the_shared_port_too() {
    let (haproxy, port) = start("hosts-dead").await;
    let (a, b, c) = (Backend::start("a").await, Backend::start("b").await, Backend::start("c").await);
    let routes = || {
        let shares = [(&a, 100_000), (&b, 300_000), (&c, 600_000)];
        shares.map(|(one, weight)| route(&one.name, weight, vec![one.instance()])).to_vec()
    };
    let plain = at(gateway("plain", free_port(), routes()), &["plain.example"]);
    let mut ruled = at(gateway("ruled", free_port(), routes()), &["ruled.example"]);
    ruled.decision.routes[0] = conditioned(ruled.decision.routes[0].clone(), "has header x-beta", 100);
    haproxy.serve(&[plain, ruled]).await;
    drop(c);
    for host in ["plain.example", "ruled.example"] {
        until("the dead route is noticed", || async { !shares(port, host, "", 80).await.contains_key("503") }).await;
        assert_share(&shares(port, host, "", 4_000).await, "a", 250_000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_host_or_the_port_keeps_it_and_the_other_is_told_why() {
    let (haproxy, port) = start("hosts-taken").await;
    let a = Backend::start("a").await;
    let (first, second) = (to("b", &a, &["shop.example"]), to("a", &a, &["x.example", "SHOP.example"]));
    haproxy.serve(std::slice::from_ref(&first)).await;
    let target = haproxy.proxy.target().await.expect("a target");
    let refused = |gateways: &[Gateway], name: &str| {
        HaproxyRenderer.render(&table(gateways), &target).remove(name).expect("an answer").expect_err("refused")
    };
    let reason = "`SHOP.example` is already a virtual host of gateway `b`";
    assert_eq!(refused(&[first.clone(), second.clone()], "a"), reason);
    // The renderer sees only what changes; the proxy what it serves.
    let alone = HaproxyRenderer.render(&table(std::slice::from_ref(&second)), &target).remove("a").expect("an answer");
    let changes = BTreeMap::from([("a".to_owned(), Some(alone.expect("a document")))]);
    let answer = haproxy.proxy.apply(&changes).await.remove("a").expect("an answer").expect_err("taken");
    assert!(answer.report().contains("`shop.example` is already a virtual host of gateway `b`"), "{}", answer.report());
    assert_eq!(who(port, "x.example", "").await, "404");
    let mut same_port = to("c", &a, &[]);
    same_port.port = port.try_into().expect("not zero");
    assert_eq!(refused(&[same_port], "c"), format!("port {port} is the port of virtual hosts"));
    let mut tcp = to("d", &a, &["tcp.example"]);
    tcp.protocol = Protocol::Tcp;
    assert!(refused(&[tcp], "d").contains("type tcp"));
    let bad = to("e", &a, &["a\nb x"]);
    assert_eq!(refused(&[bad], "e"), "`a\\nb x` is not a host name");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_shared_port_a_gateway_with_hosts_is_refused_with_what_to_do() {
    let haproxy = Haproxy::start("hosts-none").await;
    let a = Backend::start("a").await;
    let target = haproxy.proxy.target().await.expect("a target");
    let documents = HaproxyRenderer.render(&table(&[to("a", &a, &["a.example"])]), &target);
    let reason = documents["a"].as_ref().expect_err("refused");
    assert!(reason.contains("--host-port"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_and_the_router_find_the_same_gateway_for_every_host() {
    const GATEWAYS: usize = 12;
    const ASKED: usize = 1_500;
    let seed = random::seed();
    println!("seed {seed}; repeat with VAMP_TEST_SEED={seed}");
    let mut random = Random::new(seed);
    let name = |random: &mut Random, most: usize| {
        let labels = (0..1 + random.below(most)).map(|_| random.pick(&["a", "b", "A", "example", "x-1_2"]));
        labels.collect::<Vec<_>>().join(".")
    };
    let (haproxy, port) = start("hosts-differential").await;
    let (mut taken, mut backends, mut gateways) = (BTreeSet::new(), Vec::new(), Vec::new());
    for number in 0..GATEWAYS {
        let backend = Backend::start(&format!("b{number}")).await;
        let mut hosts = Vec::new();
        for _ in 0..8 {
            let wildcard = if random.below(2) == 0 { "*." } else { "" };
            let host = format!("{wildcard}{}", name(&mut random, 3));
            if taken.insert(host.to_ascii_lowercase()) {
                hosts.push(host);
            }
        }
        gateways.push(Gateway { virtual_hosts: hosts, ..to(&format!("g{number}"), &backend, &[]) });
        backends.push(backend);
    }
    for (name, answer) in haproxy.serve(&gateways).await {
        answer.unwrap_or_else(|error| panic!("{name}: {}", error.report()));
    }
    let router = Router::compile(&table(&gateways)).unwrap_or_else(|error| panic!("{error}"));
    let (mut client, mut found) = (Client::new(port), 0);
    for _ in 0..ASKED {
        let end = random.pick(&["", "", ":80", ".", ":x", "..a"]);
        let start = random.pick(&["", "", "", ".", "*."]);
        let host = format!("{start}{}{end}", name(&mut random, 11));
        let answer = client.send_to(&host, "/", "").await.expect("an answer");
        // A host that is none is refused before anybody is asked.
        if answer.status == 400 {
            continue;
        }
        let ours = router.find(Entry::Host(&host)).map_or("404".to_owned(), |one| one.name().replace('g', "b"));
        assert_eq!(answer.who(), ours, "seed {seed}: `{host}`");
        found += usize::from(answer.status == 200);
    }
    assert!(found * 5 > ASKED, "{found} of {ASKED} found a gateway");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_requests_holds_on_the_shared_port_for_its_gateway_only() {
    let (haproxy, port) = start("hosts-limit").await;
    let a = Backend::start("a").await;
    let mut limited = to("limited", &a, &["limited.example"]);
    limited.settings.rate_limit = Some(5.try_into().expect("not zero"));
    haproxy.serve(&[limited, to("free", &a, &["free.example"])]).await;
    assert!(shares(port, "limited.example", "", 40).await.contains_key("429"));
    assert_eq!(shares(port, "free.example", "", 40).await.into_keys().collect::<Vec<_>>(), ["a"]);
}
