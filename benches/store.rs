//! The embedded store: how long one durable write takes, and how many there are in a second when many write.
#![allow(missing_docs, clippy::expect_used, clippy::panic)] // criterion's macros; a bench that fails ends

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{runtime::Runtime, task::JoinSet};
use vamp_core::driver::{Draft, PersistenceStore};
use vamp_drivers::persistence::EmbeddedStore;

/// A record of its own for each write, as large as a gateway with three routes.
fn draft() -> Draft {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = format!("shop/{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let body = format!("{{\"name\":\"{name}\",\"routes\":\"{}\"}}", "x".repeat(400)).into_bytes();
    Draft { kind: "gateways".to_owned(), name, body, author: None }
}

/// Lets each of `writers` do so many writes, one after the other.
async fn write(store: &Arc<EmbeddedStore>, writers: u64, each: u64) -> Duration {
    let started = Instant::now();
    let mut all = JoinSet::new();
    for _ in 0..writers {
        let store = Arc::clone(store);
        all.spawn(async move {
            for _ in 0..each {
                store.put(&draft(), None).await.expect("the write succeeds");
            }
        });
    }
    all.join_all().await;
    started.elapsed()
}

fn store(criterion: &mut Criterion) {
    let folder = std::env::temp_dir().join(format!("vamp-bench-store-{}", std::process::id()));
    let runtime = Runtime::new().expect("a runtime");
    let store = Arc::new(EmbeddedStore::open(folder.join("store.redb")).expect("a new store opens"));
    let mut group = criterion.benchmark_group("store-put");
    group.sample_size(20).sampling_mode(SamplingMode::Flat);
    for writers in [1, 64] {
        group.throughput(Throughput::Elements(writers));
        group.bench_function(BenchmarkId::from_parameter(writers), |bencher| {
            bencher.iter_custom(|each| runtime.block_on(write(&store, writers, each)));
        });
    }
    group.finish();
    drop(store);
    // A temporary folder that cannot be removed is no reason to fail.
    let _ = fs::remove_dir_all(folder);
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4));
    targets = store
}
criterion_main!(benches);
