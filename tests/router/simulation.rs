//! Who would have gone where.

use crate::{
    everyone,
    haproxy_support::{chained, conditioned, gateway, instance, route, table},
    head,
};
use vamp_core::{
    condition::RequestParts,
    routing::{
        Route, Router,
        router::{Entry, Simulation, Step, Unrouted, Why, simulate},
    },
};

const REQUESTS: u64 = 10_000;

fn to(name: &str, ppm: u32) -> Route {
    route(name, ppm, vec![instance(name, 9_100)])
}

fn router() -> Router {
    let inner = vec![conditioned(to("b", 0), "User-Agent == Chrome", 50), to("c", 1_000_000)];
    let shop = gateway("shop", 9050, vec![to("a", 250_000), chained("inner", 750_000, inner)]);
    Router::compile(&table(&[shop, gateway("blog", 9051, vec![to("d", 0)])])).expect("a router")
}

fn simulated(router: &Router, seed: u64) -> Simulation<'_> {
    let parts = [head(&[("user-agent", "Chrome/137")]), head(&[])];
    let entries = [Entry::Gateway("shop"), Entry::Gateway("shop"), Entry::Gateway("blog"), Entry::Gateway("none")];
    let requests = (0..REQUESTS as usize).map(|n| (entries[n % 4], RequestParts::new(&parts[n % 2])));
    simulate(router, requests, seed, everyone)
}

#[test]
fn every_choice_is_counted_with_its_reason() {
    let router = router();
    let simulation = simulated(&router, 1);
    assert_eq!(simulation.requests, REQUESTS);
    assert_eq!(simulation.nowhere[&Unrouted::NoGateway], REQUESTS / 4);
    assert_eq!(simulation.nowhere[&Unrouted::NoShare { gateway: "blog" }], REQUESTS / 4);
    assert_eq!(simulation.count("shop", "a") + simulation.count("shop", "inner"), REQUESTS / 2);
    assert_eq!(simulation.count("inner", "b") + simulation.count("inner", "c"), simulation.count("shop", "inner"));
    // Every second request of the shop is of Chrome, and every second of those goes to b: 3 of 16 in all.
    let by_condition = simulation.steps[&Step { gateway: "inner", route: "b", why: Why::Condition }];
    let expected = REQUESTS as f64 / 2.0 * 3.0 / 16.0;
    let deviation = (expected * 13.0 / 16.0).sqrt();
    assert!((by_condition as f64 - expected).abs() < 4.0 * deviation, "{by_condition}, expected {expected}");
}

#[test]
fn the_same_seed_gives_the_same_and_another_seed_another() {
    let router = router();
    assert_eq!(simulated(&router, 7), simulated(&router, 7));
    assert_ne!(simulated(&router, 7), simulated(&router, 8));
}
