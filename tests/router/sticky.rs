//! Clients that stay where they were sent first.

use crate::{
    compile, everyone,
    haproxy_support::{chained, conditioned, gateway, instance, route},
    head,
};
use std::{collections::BTreeSet, time::Duration};
use vamp_core::{
    condition::RequestParts,
    routing::{
        Gateway, Instance, Route, Sticky, Traffic,
        router::{GatewayRouter, Why},
    },
};

/// A client that keeps its cookies.
#[derive(Debug, Default)]
struct Browser {
    cookies: Vec<(String, String)>,
}

impl Browser {
    /// Visits once; says which instance answered, and why.
    fn visit(
        &mut self,
        router: &GatewayRouter,
        seed: u64,
        more: &str,
        live: impl Fn(&Instance) -> bool,
    ) -> (String, Why) {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let parts = head(&[("cookie", &pairs.join("; ")), ("x-more", more)]);
        let request = RequestParts::new(&parts);
        let routed = router.decide(&request, seed, &live).expect("a route");
        let instance = routed.instance(&live).expect("an instance");
        for cookie in routed.cookies(&request, instance) {
            self.cookies.retain(|(name, _)| name != cookie.name);
            self.cookies.push((cookie.name.to_owned(), cookie.value));
        }
        (instance.id.clone(), routed.why())
    }
}

fn sticky(to: Sticky, routes: Vec<Route>) -> Gateway {
    let mut gateway = gateway("sava/9050", 9050, routes);
    gateway.decision.sticky = Some(to);
    gateway
}

#[test]
fn a_client_keeps_its_route_until_the_route_has_no_share() {
    let of = |ppm| {
        let to = |name: &str, ppm| route(name, ppm, vec![instance(name, 9_100)]);
        let first = conditioned(to("a", ppm), "header x-more == a", 100);
        compile(&sticky(Sticky::ROUTE, vec![first, to("b", 1_000_000 - ppm)]))
    };
    let mut seen = BTreeSet::new();
    for seed in 0..60 {
        let mut browser = Browser::default();
        let (at, _) = browser.visit(&of(500_000), seed, "", everyone);
        assert_eq!(browser.cookies.len(), 1);
        assert_eq!(browser.visit(&of(10_000), seed + 1_000, "", everyone), (at.clone(), Why::Sticky));
        assert_eq!(browser.visit(&of(0), seed, "", everyone).0, "b");
        let (taken, why) = browser.visit(&of(0), seed, "a", everyone);
        assert_eq!((&*taken, why), ("a", Why::Condition), "a condition at full strength takes clients away");
        seen.insert(at);
    }
    assert_eq!(seen.len(), 2);
}

#[test]
fn a_client_keeps_its_instance_until_that_drains_or_dies() {
    let of = |draining: &str| {
        let instances = ["a", "b", "c"].map(|id| {
            let traffic = if id == draining { Traffic::Draining } else { Traffic::Ready };
            Instance { traffic, ..instance(id, 9_100) }
        });
        compile(&sticky(Sticky::INSTANCE, vec![route("r", 1_000_000, instances.to_vec())]))
    };
    let mut seen = BTreeSet::new();
    for seed in 0..60 {
        let mut browser = Browser::default();
        let (at, _) = browser.visit(&of(""), seed, "", everyone);
        assert_eq!(browser.visit(&of(""), seed + 1_000, "", everyone), (at.clone(), Why::Sticky));
        let (next, _) = browser.visit(&of(""), seed, "", |instance| instance.id != at);
        assert_ne!(next, at);
        let (other, _) = browser.visit(&of(&next), seed, "", everyone);
        assert_ne!(other, next);
        seen.insert(at);
    }
    assert_eq!(seen.len(), 3);
}

#[test]
fn clients_stick_through_chained_gateways() {
    let two = |name: &str| vec![instance(&format!("{name}1"), 9_100), instance(&format!("{name}2"), 9_101)];
    let inner = vec![route("b", 500_000, two("b")), route("c", 500_000, two("c"))];
    let router =
        compile(&sticky(Sticky::INSTANCE, vec![route("a", 300_000, two("a")), chained("inner", 700_000, inner)]));
    let mut seen = BTreeSet::new();
    for seed in 0..100 {
        let mut browser = Browser::default();
        let (at, _) = browser.visit(&router, seed, "", everyone);
        for later in 1..5 {
            assert_eq!(browser.visit(&router, seed + later * 1_000, "", everyone), (at.clone(), Why::Sticky));
        }
        assert_eq!(browser.cookies.len(), if at.starts_with('a') { 1 } else { 2 });
        seen.insert(at);
    }
    assert_eq!(seen.len(), 6);
}

#[test]
fn a_cookie_is_written_for_a_header() {
    let router = compile(&sticky(Sticky::ROUTE, vec![route("a", 1_000_000, vec![instance("a1", 9_100)])]));
    let parts = head(&[]);
    let request = RequestParts::new(&parts);
    let routed = router.decide(&request, 1, everyone).expect("a route");
    let instance = routed.instance(everyone).expect("an instance");
    let cookies: Vec<String> = routed.cookies(&request, instance).map(|cookie| cookie.to_string()).collect();
    let [cookie] = cookies.as_slice() else { panic!("one cookie: {cookies:?}") };
    assert!(cookie.starts_with("vamp-"), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax") && !cookie.contains("Max-Age"), "{cookie}");
}

#[test]
fn a_client_stays_as_long_as_it_may() {
    let of = |ttl: Option<u64>, idle: Option<u64>| {
        let time = |seconds: Option<u64>| seconds.map(Duration::from_secs);
        let to = |name: &str, ppm| route(name, ppm, vec![instance(name, 9_100)]);
        let times = Sticky { ttl: time(ttl), idle: time(idle), ..Sticky::ROUTE };
        compile(&sticky(times, vec![to("a", 1), to("b", 999_999)]))
    };
    let mut browser = Browser::default();
    let only_a = compile(&sticky(Sticky::ROUTE, vec![route("a", 1_000_000, vec![instance("a", 9_100)])]));
    browser.visit(&only_a, 1, "", everyone);
    let (name, token) = browser.cookies.remove(0);
    let visit = |router: &GatewayRouter, value: &str, second: u64| {
        let sent = format!("{name}={value}");
        let parts = head(&[("cookie", &sent)]);
        let request = RequestParts::new(&parts).in_second(second);
        let routed = router.decide(&request, 7, everyone).expect("a route");
        let instance = routed.instance(everyone).expect("an instance");
        let set = routed.cookies(&request, instance).next().map(|cookie| (cookie.value, cookie.max_age));
        (instance.id.clone(), set)
    };
    let timed = |given: u64, renewed: u64| format!("{token}.{given}.{renewed}");
    let ttl = of(Some(3_600), None);
    assert_eq!(visit(&ttl, &timed(1_000, 1_000), 4_599), ("a".to_owned(), None));
    let (at, set) = visit(&ttl, &timed(1_000, 1_000), 4_600);
    assert_eq!((at.as_str(), set.expect("another").1), ("b", Some(3_600)));
    assert_eq!(visit(&ttl, &token, 5_000), ("a".to_owned(), Some((timed(5_000, 5_000), Some(3_600)))));
    let both = of(Some(3_600), Some(600));
    assert_eq!(visit(&both, &timed(1_000, 4_100), 4_300), ("a".to_owned(), Some((timed(1_000, 4_300), Some(300)))));
    assert_eq!(visit(&both, &timed(1_000, 4_100), 4_700).0, "b");
    let idle = of(None, Some(600));
    assert_eq!(visit(&idle, &timed(1, 4_100), 4_699), ("a".to_owned(), Some((timed(1, 4_699), Some(600)))));
}
