//! Artifacts as users write them: read, validated, written back.
#![allow(missing_docs, clippy::expect_used, clippy::panic)] // criterion's macros; a bench that fails ends

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::{hint::black_box, time::Duration};
use vamp_core::model::read;

/// A typical blueprint.
const BLUEPRINT: &str = "\
name: shop
gateways:
  9050: web/port
clusters:
  web:
    services:
      - breed:
          name: web:1.0
          deployable:
            type: command
            definition: web --port $port
          ports:
            port: 8080/http
          environment_variables:
            BACKEND: http://$db.host:$db.ports.port
          dependencies:
            db: db:2.1
        scale:
          cpu: 0.5
          memory: 256MB
          instances: 2
        health_checks:
          - path: /health
            port: port
            initial_delay: 1s
            interval: 5s
            timeout: 2s
            failures: 3
  db:
    services: { breed: { name: db:2.1, deployable: db, ports: { port: 5432/tcp } }, scale: { cpu: 1, memory: 1GB, instances: 1 } }
";

fn artifacts(criterion: &mut Criterion) {
    let lines = BLUEPRINT.lines().count();
    assert_eq!(lines, 30);
    read::blueprint(BLUEPRINT).unwrap_or_else(|violations| panic!("{violations}"));
    let mut group = criterion.benchmark_group("artifact-read");
    group.bench_function(BenchmarkId::from_parameter(lines), |bencher| {
        bencher.iter(|| read::blueprint(black_box(BLUEPRINT)));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = artifacts
}
criterion_main!(benches);
