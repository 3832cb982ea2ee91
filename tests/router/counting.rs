//! What routes share is looked at once.

use crate::{
    compile, everyone,
    haproxy_support::{chained, conditioned, gateway, instance, route},
};
use http::{HeaderName, header};
use std::{cell::RefCell, collections::BTreeMap, net::IpAddr};
use vamp_core::condition::Request;

/// Counts what is asked of it.
#[derive(Debug, Default)]
struct Counting(RefCell<BTreeMap<String, u32>>);

impl Counting {
    fn count(&self, what: &str) {
        *self.0.borrow_mut().entry(what.to_owned()).or_insert(0) += 1;
    }
}

impl Request for Counting {
    fn method(&self) -> &str {
        self.count("method");
        "GET"
    }

    fn path(&self) -> &str {
        self.count("path");
        "/"
    }

    fn header_values<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.count(name.as_str());
        (*name == header::HOST).then_some(b"h999.example".as_slice()).into_iter()
    }

    fn cookie_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.count(name);
        std::iter::empty()
    }

    fn client_ip(&self) -> Option<IpAddr> {
        self.count("client");
        None
    }
}

fn asked(routes: Vec<vamp_core::routing::Route>) -> BTreeMap<String, u32> {
    let request = Counting::default();
    compile(&gateway("g", 9050, routes)).decide(&request, 1, everyone).expect("a route");
    request.0.into_inner()
}

fn to(name: &str, ppm: u32) -> vamp_core::routing::Route {
    route(name, ppm, vec![instance(name, 9_100)])
}

#[test]
fn a_test_that_many_routes_and_gateways_share_is_made_once() {
    let shared =
        |n: usize| format!("(header x-a == 1 or path ends with .js) and method != M{n} or header x-b matches ^{n}$");
    let many = |from: usize, to_name: &str| -> Vec<_> {
        let conditional = (from..from + 100).map(|n| conditioned(to(&n.to_string(), 0), &shared(n % 50), 100));
        conditional.chain([to(to_name, 1_000_000)]).collect()
    };
    let outer = many(0, "unused").into_iter().take(100).chain([chained("inner", 1_000_000, many(100, "rest"))]);
    let asked = asked(outer.collect());
    assert_eq!((asked["x-a"], asked["path"]), (1, 1));
    assert_eq!(asked["x-b"], 50, "each of the 50 different tests once");
}

#[test]
fn a_thousand_hosts_are_one_question_and_what_stands_beside_them_none() {
    let conditional = (0..1_000).map(|n| {
        let condition = format!("host == h{n}.example and has cookie beta and (header x-a == {n} or method == PUT)");
        conditioned(to(&n.to_string(), 0), &condition, 100)
    });
    let asked = asked(conditional.chain([to("rest", 1_000_000)]).collect());
    assert_eq!(asked, BTreeMap::from([("host".to_owned(), 1), ("beta".to_owned(), 1)]));
}

#[test]
fn choices_behind_a_dead_route_are_made_once() {
    let inner = |name: &str| {
        let conditional = conditioned(to(&format!("{name}-a"), 0), &format!("has header x-{name}"), 100);
        chained(name, 250_000, vec![conditional, to(&format!("{name}-b"), 1_000_000)])
    };
    let request = Counting::default();
    let gateway = gateway("g", 9050, vec![to("dead", 250_000), inner("one"), inner("two"), inner("three")]);
    let router = compile(&gateway);
    for seed in 0..100 {
        request.0.borrow_mut().clear();
        let routed = router.decide(&request, seed, |instance| instance.id != "dead").expect("a route");
        assert_ne!(routed.route(), "dead");
        assert!(request.0.borrow().values().all(|count| *count == 1), "{request:?}");
    }
}
