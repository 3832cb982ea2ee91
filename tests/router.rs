//! Where requests go in this process.
#![cfg(test)]

#[path = "differential/conditions.rs"]
#[allow(dead_code, reason = "written for another test too")]
mod conditions;
mod haproxy_support;
#[path = "differential/random.rs"]
mod random;
#[path = "differential/requests.rs"]
#[allow(dead_code, reason = "written for another test too")]
mod requests;

#[path = "router/counting.rs"]
mod counting;
#[path = "router/index.rs"]
mod index;
#[path = "router/rules.rs"]
mod rules;
#[path = "router/simulation.rs"]
mod simulation;
#[path = "router/sticky.rs"]
mod sticky;

use std::collections::BTreeMap;
use vamp_core::{
    condition::Request,
    routing::{Gateway, Instance, router::GatewayRouter},
};

fn compile(gateway: &Gateway) -> GatewayRouter {
    GatewayRouter::compile(gateway).unwrap_or_else(|error| panic!("{error}"))
}

/// Everybody lives.
fn everyone(_: &Instance) -> bool {
    true
}

/// An empty request with these headers.
fn head(headers: &[(&str, &str)]) -> http::request::Parts {
    let request = headers.iter().fold(http::Request::get("/"), |request, (name, value)| request.header(*name, *value));
    request.body(()).expect("a request").into_parts().0
}

/// Which routes, or failures, so many requests with different seeds go to.
fn counts(
    router: &GatewayRouter,
    total: u64,
    request: &impl Request,
    live: impl Fn(&Instance) -> bool,
) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for seed in 0..total {
        let who = match router.decide(request, seed, &live) {
            Ok(routed) => routed.route().to_owned(),
            Err(error) => error.to_string(),
        };
        *counts.entry(who).or_insert(0) += 1;
    }
    counts
}
