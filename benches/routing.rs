//! From gateways to documents for HAProxy, by number of gateways.
#![allow(missing_docs, clippy::expect_used, clippy::panic)] // criterion's macros; a bench that fails ends

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::{
    collections::BTreeMap,
    hint::black_box,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};
use vamp_core::{
    driver::{GatewayRenderer, Target},
    model,
    routing::{Instance, RoutingTable, ServicePath, Services, Traffic, compile},
    weight::{Weight, rescale, split},
};
use vamp_drivers::gateway::haproxy::{Files, HaproxyConfig, HaproxyRenderer};

const SIZES: [usize; 3] = [10, 1_000, 10_000];

/// Gateways with three routes to services, one of them with a condition.
fn gateways(count: usize) -> BTreeMap<String, Arc<model::Gateway>> {
    let gateway = |n: usize| {
        let text = format!(
            "name: shop{n}\nport: {}/http\nroutes:\n  d{n}/web/web:1.0/http: {{weight: 70%}}\n  d{n}/web/web:1.1/http: \
             {{weight: 20%, condition: user-agent == Firefox and cookie vamp has 1}}\n  d{n}/web/web:1.2/http: {{weight: 10%}}\n",
            20_000 + n
        );
        let gateway = model::read::gateway(&text).unwrap_or_else(|violations| panic!("{violations}"));
        (gateway.name.to_string(), Arc::new(gateway))
    };
    (0..count).map(gateway).collect()
}

/// Two instances of every service.
struct Pairs;

impl Services for Pairs {
    fn instances(&self, path: &ServicePath) -> Result<Vec<Instance>, String> {
        let instance = |n: u16| Instance {
            id: format!("{}/{n}", path.service_key()),
            host: "10.0.0.7".to_owned(),
            port: std::num::NonZeroU16::MIN.saturating_add(8000 + n),
            traffic: Traffic::Ready,
        };
        Ok((0..2).map(instance).collect())
    }

    fn leaving(&self, _: &str, _: &str, _: &str) -> Vec<ServicePath> {
        Vec::new()
    }
}

fn table(gateways: &BTreeMap<String, Arc<model::Gateway>>) -> RoutingTable {
    let compiled = compile(gateways, &Pairs).gateways;
    RoutingTable { gateways: compiled.into_iter().map(|(name, gateway)| (name, gateway.expect("compiles"))).collect() }
}

fn routing(criterion: &mut Criterion) {
    for count in SIZES {
        let gateways = gateways(count);
        let elements = Throughput::Elements(count as u64);
        let mut group = criterion.benchmark_group("compile");
        group.sample_size(20).throughput(elements.clone());
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter_with_large_drop(|| compile(black_box(&gateways), &Pairs));
        });
        group.finish();

        let table = table(&gateways);
        let mut target = Target::new((2, 6), IpAddr::V4(Ipv4Addr::LOCALHOST));
        let mut group = criterion.benchmark_group("render");
        group.sample_size(20).throughput(elements.clone());
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter_with_large_drop(|| HaproxyRenderer.render(black_box(&table), &target));
        });
        group.finish();

        // As after the first time: each route and instance is looked up where it already is.
        let served = HaproxyRenderer.render(&table, &target);
        target.serving =
            served.into_iter().map(|(name, document)| (name, Arc::new(document.expect("renders")))).collect();
        let mut group = criterion.benchmark_group("render-again");
        group.sample_size(20).throughput(elements);
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter_with_large_drop(|| HaproxyRenderer.render(black_box(&table), &target));
        });
        group.finish();

        // From the values: the slots filled, and the maps.
        let documents = target.serving.iter().map(|(name, document)| (name.clone(), (**document).clone())).collect();
        let config = HaproxyConfig::new("nowhere");
        let mut group = criterion.benchmark_group("files");
        group.sample_size(20).throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter_with_large_drop(|| Files::of(&config, black_box(&documents)));
        });
        group.finish();
    }
}

fn weights(criterion: &mut Criterion) {
    for routes in [3, 30] {
        let open: Vec<Option<Weight>> = vec![None; routes];
        let weights = split(&open).expect("nothing is declared");
        let mut group = criterion.benchmark_group("weight-split");
        group.bench_function(BenchmarkId::from_parameter(routes), |bencher| {
            bencher.iter(|| split(black_box(&open)));
        });
        group.finish();
        let mut group = criterion.benchmark_group("weight-rescale");
        group.bench_function(BenchmarkId::from_parameter(routes), |bencher| {
            bencher.iter_batched(
                || weights.clone(),
                |weights| rescale(black_box(&weights), Weight::FULL),
                BatchSize::SmallInput,
            );
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = weights, routing
}
criterion_main!(benches);
