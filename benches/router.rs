//! The router by number of conditions: of hosts and headers, each request meets another one.
#![allow(missing_docs, clippy::expect_used)] // criterion's macros; a bench that fails ends

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use http::request::Parts;
use std::{hint::black_box, time::Duration};
use vamp_core::{
    condition::RequestParts,
    routing::{Decision, Gateway, Instance, Route, Target, Traffic, router::GatewayRouter},
    weight::Weight,
};

/// Conditions of one gateway.
const SIZES: [usize; 3] = [10, 1_000, 10_000];
/// So many requests are decided in a round, spread over all conditions.
const REQUESTS: usize = 100;

fn route(name: String, weight: Weight, condition: Option<String>) -> Route {
    let port = 8080.try_into().expect("not zero");
    let instance = Instance { id: name.clone(), host: "127.0.0.1".to_owned(), port, traffic: Traffic::Ready };
    let condition = condition.map(|text| text.parse().expect("a condition"));
    Route { condition, strength: Weight::FULL, ..Route::new(name, weight, Target::Instances(vec![instance])) }
}

fn gateway(conditions: usize) -> Gateway {
    let condition = |n: usize| match n % 2 {
        0 => format!("host == shop{n}.example"),
        _ => format!("header x-tenant == tenant-{n}"),
    };
    let conditional = (0..conditions).map(|n| route(n.to_string(), Weight::ZERO, Some(condition(n))));
    let routes = conditional.chain([route("rest".to_owned(), Weight::FULL, None)]).collect();
    let decision = Decision { gateway: "shop".to_owned(), sticky: None, routes };
    let port = 8080.try_into().expect("not zero");
    Gateway::new("shop", port, decision)
}

/// The head of a request that meets condition `n` and no other.
fn head(n: usize) -> Parts {
    let host = if n.is_multiple_of(2) { format!("shop{n}.example") } else { "other.example".to_owned() };
    let request = http::Request::get("/shop/basket?item=17")
        .header("host", host)
        .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
        .header("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
        .header("cookie", "session=0f1e2d3c4b5a6978; vamp=1; beta=yes")
        .header("x-tenant", format!("tenant-{n}"));
    request.body(()).expect("the request is valid").into_parts().0
}

fn router(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("router-decide");
    group.throughput(Throughput::Elements(REQUESTS as u64));
    for size in SIZES {
        let router = GatewayRouter::compile(&gateway(size)).expect("the gateway is valid");
        let requests: Vec<(usize, Parts)> = (0..REQUESTS).map(|n| n * 37 % size).map(|n| (n, head(n))).collect();
        for (n, parts) in &requests {
            let routed = router.decide(&RequestParts::new(parts), 1, |_| true).expect("a route");
            assert_eq!(routed.route(), n.to_string());
        }
        let decide = |parts| router.decide(&RequestParts::new(black_box(parts)), 1, |_| true).is_ok();
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| requests.iter().filter(|(_, parts)| decide(parts)).count());
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("router-compile");
    for size in SIZES {
        let gateway = gateway(size);
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| GatewayRouter::compile(black_box(&gateway)));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = router
}
criterion_main!(benches);
