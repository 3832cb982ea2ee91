//! Weights, strengths, chains, dead routes.

use crate::{
    compile, counts, everyone,
    haproxy_support::{assert_share, chained, conditioned, gateway, instance, route, table},
    head,
};
use vamp_core::{
    condition::{Condition, RequestParts},
    routing::{
        Instance, Rewrite, Route, Router, Traffic,
        router::{Entry, GatewayRouter, Rewritten, RouterError, Step, Unrouted, Why},
    },
};

const MANY: u64 = 20_000;

/// A route by weight with one instance of its name.
fn to(name: &str, ppm: u32) -> Route {
    route(name, ppm, vec![instance(name, 9_100)])
}

/// Whether it is none of these.
fn except(dead: &'static [&str]) -> impl Fn(&Instance) -> bool {
    |instance| !dead.contains(&instance.id.as_str())
}

#[test]
fn a_share_is_what_requests_see() {
    let router = compile(&gateway("g", 9050, vec![to("a", 100_000), to("b", 300_000), to("c", 600_000)]));
    let parts = head(&[]);
    let counts = counts(&router, MANY, &RequestParts::new(&parts), everyone);
    for (name, share) in [("a", 100_000), ("b", 300_000), ("c", 600_000)] {
        assert_share(&counts, name, share);
    }
}

#[test]
fn half_the_strength_over_ninety_to_ten_is_ninety_five_to_five() {
    let first = conditioned(to("a", 900_000), "header x-beta == yes", 50);
    let router = compile(&gateway("g", 9050, vec![first, to("b", 100_000)]));
    let (yes, no) = (head(&[("x-beta", "yes")]), head(&[]));
    assert_share(&counts(&router, MANY, &RequestParts::new(&yes), everyone), "b", 50_000);
    assert_share(&counts(&router, MANY, &RequestParts::new(&no), everyone), "b", 100_000);
}

#[test]
fn a_dead_route_leaves_its_share_to_the_others() {
    let router = compile(&gateway("g", 9050, vec![to("a", 100_000), to("b", 300_000), to("c", 600_000)]));
    let parts = head(&[]);
    let found = counts(&router, MANY, &RequestParts::new(&parts), except(&["b"]));
    assert_share(&found, "a", 142_857);
    assert_share(&found, "c", 857_143);
    let (request, dead) = (RequestParts::new(&parts), except(&["a", "b", "c"]));
    assert!(matches!(router.decide(&request, 7, dead), Err(Unrouted::NoneLive { gateway: "g", .. })));
}

#[test]
fn a_draining_instance_gets_nothing_new() {
    let mut draining = to("a", 500_000);
    let mut leaving = instance("a", 9_100);
    leaving.traffic = Traffic::Draining;
    draining.target = vamp_core::routing::Target::Instances(vec![leaving]);
    let router = compile(&gateway("g", 9050, vec![draining, to("b", 500_000)]));
    let parts = head(&[]);
    let counts = counts(&router, 1_000, &RequestParts::new(&parts), everyone);
    assert_eq!(counts.into_keys().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn each_level_of_a_chain_draws_for_itself() {
    let inner = vec![to("b", 250_000), to("c", 750_000)];
    let outer = vec![to("a", 200_000), chained("inner", 800_000, inner)];
    let router = compile(&gateway("g", 9050, outer));
    let parts = head(&[]);
    let request = RequestParts::new(&parts);
    let found = counts(&router, MANY, &request, everyone);
    for (name, share) in [("a", 200_000), ("b", 200_000), ("c", 600_000)] {
        assert_share(&found, name, share);
    }
    let found = counts(&router, MANY, &request, except(&["c"]));
    assert_share(&found, "a", 200_000);
    assert_share(&found, "b", 800_000);
    let found = counts(&router, 1_000, &request, except(&["b", "c"]));
    assert_eq!(found.into_keys().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn the_way_through_a_chain_is_told_with_its_reasons() {
    let inner = vec![conditioned(to("b", 0), "has cookie beta", 100), to("c", 1_000_000)];
    let router = compile(&gateway("g", 9050, vec![to("a", 0), chained("inner", 1_000_000, inner)]));
    let parts = head(&[("cookie", "beta=1")]);
    let request = RequestParts::new(&parts);
    let routed = router.decide(&request, 1, everyone).expect("a route");
    let steps = [
        Step { gateway: "g", route: "inner", why: Why::Weight },
        Step { gateway: "inner", route: "b", why: Why::Condition },
    ];
    assert_eq!(routed.steps().collect::<Vec<_>>(), steps);
    assert_eq!((routed.gateway(), routed.route(), routed.why()), ("inner", "b", Why::Condition));
    let replaced = router.decide(&request, 1, except(&["b"])).expect("a route");
    assert_eq!((replaced.route(), replaced.why()), ("c", Why::Redistributed));
}

#[test]
fn a_condition_that_loses_its_draw_leaves_the_request_to_all_weights() {
    let first = conditioned(to("a", 500_000), "has cookie beta", 50);
    let router = compile(&gateway("g", 9050, vec![first, to("b", 500_000)]));
    let parts = head(&[("cookie", "beta=1")]);
    let mut whys = std::collections::BTreeMap::new();
    for seed in 0..MANY {
        let routed = router.decide(&RequestParts::new(&parts), seed, everyone).expect("a route");
        *whys.entry(format!("{} {:?}", routed.route(), routed.why())).or_insert(0) += 1;
    }
    for (name, share) in
        [("a Condition", 500_000), ("a WeightAfterCondition", 250_000), ("b WeightAfterCondition", 250_000)]
    {
        assert_share(&whys, name, share);
    }
}

#[test]
fn who_has_no_share_gets_nothing() {
    let first = conditioned(to("a", 0), "has cookie beta", 30);
    let router = compile(&gateway("g", 9050, vec![first, to("b", 0)]));
    let (with, without) = (head(&[("cookie", "beta=1")]), head(&[]));
    let refused = Unrouted::NoShare { gateway: "g" };
    assert_eq!(router.decide(&RequestParts::new(&without), 1, everyone).err(), Some(refused));
    let found = counts(&router, MANY, &RequestParts::new(&with), everyone);
    assert_share(&found, "a", 300_000);
    assert_share(&found, &refused.to_string(), 700_000);
}

#[test]
fn the_same_seed_decides_the_same_and_instances_share_evenly() {
    let instances = ["one", "two", "three"].map(|id| instance(id, 9_100)).to_vec();
    let router = compile(&gateway("g", 9050, vec![route("a", 1_000_000, instances)]));
    let parts = head(&[]);
    let mut counts = std::collections::BTreeMap::new();
    for seed in 0..MANY {
        let drawn = || router.decide(&RequestParts::new(&parts), seed, everyone).ok()?.instance(except(&["two"]));
        let instance = drawn().expect("a live one");
        assert_eq!(Some(instance), drawn());
        *counts.entry(instance.id.clone()).or_insert(0) += 1;
    }
    assert_share(&counts, "one", 500_000);
    assert_share(&counts, "three", 500_000);
}

#[test]
fn a_native_condition_is_refused_with_its_route() {
    let native = conditioned(to("a", 0), "has cookie beta or < src 10.0.0.0/8 >", 100);
    let inner = vec![native, to("b", 1_000_000)];
    let outer = gateway("g", 9050, vec![to("c", 0), chained("inner", 1_000_000, inner)]);
    let error = Router::compile(&table(&[outer])).expect_err("a native condition");
    let condition = "has cookie beta or < src 10.0.0.0/8 >".to_owned();
    let (gateway, route) = ("inner".to_owned(), "a".to_owned());
    assert_eq!(error, RouterError::NativeCondition { gateway, route, condition });
}

#[test]
fn two_gateways_cannot_have_one_port_or_one_host() {
    let of = |name, port, host: &str| {
        let mut gateway = gateway(name, port, vec![to("a", 1_000_000)]);
        gateway.virtual_hosts.push(host.to_owned());
        gateway
    };
    let ports = Router::compile(&table(&[of("a", 9050, "a.example"), of("b", 9050, "b.example")]));
    assert!(matches!(ports, Err(RouterError::PortTaken { gateway, other, .. }) if gateway == "b" && other == "a"));
    let hosts = Router::compile(&table(&[of("a", 9050, "a.example"), of("b", 9051, "A.example")]));
    assert!(matches!(hosts, Err(RouterError::HostTaken { host, .. }) if host == "a.example"));
}

#[test]
fn a_gateway_is_found_by_name_by_port_and_by_host() {
    let mut one = gateway("one", 9050, vec![to("a", 1_000_000)]);
    one.virtual_hosts.push("Shop.example".to_owned());
    let router = Router::compile(&table(&[one, gateway("two", 9051, vec![to("b", 1_000_000)])])).expect("a router");
    let name = |entry| router.find(entry).map(|gateway| gateway.name());
    assert_eq!(name(Entry::Gateway("two")), Some("two"));
    assert_eq!(name(Entry::Port(9050.try_into().expect("not zero"))), Some("one"));
    assert_eq!(name(Entry::Host("shop.EXAMPLE:8080")), Some("one"));
    assert_eq!(name(Entry::Host("other.example")), None);
    let parts = head(&[]);
    let nowhere = router.decide(Entry::Gateway("three"), &RequestParts::new(&parts), 1, everyone);
    assert_eq!(nowhere.err(), Some(Unrouted::NoGateway));
}

#[test]
fn the_whole_host_wins_over_wildcards_and_the_longest_wildcard_over_others() {
    let of = |name: &str, port, hosts: &[&str]| {
        let mut gateway = gateway(name, port, vec![to("a", 1_000_000)]);
        gateway.virtual_hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        gateway
    };
    let gateways = [of("one", 9050, &["*.Example"]), of("two", 9051, &["*.a.example", "b.example"])];
    let mut router = Router::compile(&table(&gateways)).expect("a router");
    let name = |router: &Router, host| router.find(Entry::Host(host)).map(|gateway| gateway.name().to_owned());
    for (host, wanted) in [
        ("x.A.example:80", Some("two")),
        ("b.example", Some("two")),
        ("a.example", Some("one")),
        ("c.b.example", Some("one")),
        ("example", None),
        ("example.other", None),
    ] {
        assert_eq!(name(&router, host).as_deref(), wanted, "{host}");
    }
    let long = format!("{}.example", "a".repeat(300));
    assert_eq!(name(&router, &long).as_deref(), Some("one"));
    let taken = GatewayRouter::compile(&of("three", 9052, &["*.example"])).expect("a gateway");
    assert!(matches!(router.insert(taken), Err(RouterError::HostTaken { other, .. }) if other == "one"));
    router.remove("one");
    assert_eq!(name(&router, "c.b.example"), None);
}

#[test]
fn rewrites_along_the_chain_each_see_what_the_one_before_left() {
    let rewrite = |condition: &str, path: &str| Rewrite {
        path: path.to_owned(),
        condition: Condition::parse(condition).expect("a condition"),
    };
    let mut inner = to("a", 1_000_000);
    inner.rewrites = vec![rewrite("path starts with /two", "/three?q=1"), rewrite("path == /three", "/four")];
    let mut outer = chained("inner", 500_000, vec![inner]);
    outer.rewrites = vec![rewrite("path == /", "/two")];
    let router = compile(&gateway("g", 9050, vec![outer, to("b", 500_000)]));
    let parts = head(&[]);
    let request = RequestParts::new(&parts);
    for seed in 0..100 {
        let routed = router.decide(&request, seed, everyone).expect("a route");
        let rewritten = Rewritten { path: "/four", query: Some("q=1") };
        assert_eq!(routed.rewritten(&request), (routed.route() == "a").then_some(rewritten));
    }
}

#[test]
fn gateways_behind_each_other_end_at_the_eighth() {
    let nest = |depth: usize| {
        let half = |inner| chained("next", 500_000, vec![inner, to("b", 500_000)]);
        (1..depth).fold(to("a", 500_000), |inner, _| half(inner))
    };
    let of = |depth| gateway("g", 9050, vec![nest(depth), to("b", 500_000)]);
    let parts = head(&[]);
    let counts = counts(&compile(&of(8)), MANY, &RequestParts::new(&parts), everyone);
    assert_share(&counts, "a", 1_000_000 / 256);
    let refused = GatewayRouter::compile(&of(9));
    assert!(matches!(refused, Err(RouterError::TooDeep { most: 8, .. })));
}
