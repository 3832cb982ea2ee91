//! Deciding takes no memory from the allocator.
#![cfg(test)]

mod haproxy_support;

use haproxy_support::{chained, conditioned, gateway, instance, route};
use std::hint::black_box;
use vamp_core::{
    condition::RequestParts,
    routing::{Instance, Route, Sticky, router::GatewayRouter},
};

fn to(name: &str, ppm: u32) -> Route {
    route(name, ppm, vec![instance(name, 9_100)])
}

/// Every kind of test, one by one and by index, with chains, strengths and cookies.
fn router(conditions: usize) -> GatewayRouter {
    let condition = |n: usize| match n % 5 {
        0 => format!("host == h{n}.example and (User-Agent == Firefox or User-Agent == Chrome)"),
        1 => format!("cookie vamp has {n} and not has header x-a"),
        2 => format!("path starts with /p{n} or header x-b == {n} or method == M{n}"),
        3 => format!("header x-c matches '^(a|b){n}$' or client ip in 10.0.0.0/8"),
        _ => format!("user-agent has robot{n} or User-Agent == Safari"),
    };
    let many = |prefix: &str| -> Vec<Route> {
        let conditional = |n| conditioned(to(&format!("{prefix}{n}"), 0), &condition(n), 50);
        (0..conditions).map(conditional).chain([to(&format!("{prefix}dead"), 500_000)]).collect()
    };
    let inner = many("inner-").into_iter().chain([to("inner-rest", 500_000)]).collect();
    let mut gateway = gateway("g", 9050, many("").into_iter().chain([chained("inner", 500_000, inner)]).collect());
    gateway.decision.sticky = Some(Sticky::INSTANCE);
    GatewayRouter::compile(&gateway).expect("a router")
}

#[test]
fn a_decision_allocates_nothing() {
    for conditions in [3, 100, 5_000] {
        let router = router(conditions);
        let agents = ["Mozilla/5.0 Chrome/120 Safari/537", "Mozilla/5.0 Version/10 Safari/602", "robot4", "curl/8"];
        let requests = agents.map(|agent| {
            let request = http::Request::get("/p7/x").header("host", "h0.example:80").header("user-agent", agent);
            let request = request.header("cookie", "vamp=1; other=2").header("x-b", "2").header("x-c", "a3");
            request.body(()).expect("a request").into_parts().0
        });
        let mut answered = 0;
        let allocations = allocation_counter::measure(|| {
            for seed in 0..200 {
                for parts in &requests {
                    let request = RequestParts::new(black_box(parts)).from_client([192, 0, 2, 1].into());
                    let live = |instance: &Instance| !instance.id.ends_with("dead");
                    let routed = router.decide(&request, seed, live).expect("a route");
                    answered += routed.steps().count();
                    black_box((routed.instance(live), routed.rewritten(&request), routed.why()));
                }
            }
        });
        assert_eq!(allocations.count_total, 0, "with {conditions} conditions");
        assert!(answered >= 800);
    }
    let counted = allocation_counter::measure(|| drop(black_box(vec![1])));
    assert_eq!(counted.count_total, 1, "what is allocated is counted");
}
