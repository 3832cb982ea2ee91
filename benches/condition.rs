//! Conditions of three sizes: the rule of the README, what a careful user writes, and what a generator writes.
#![allow(missing_docs, clippy::expect_used, clippy::panic)] // criterion's macros; a bench that fails ends

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::{hint::black_box, time::Duration};
use vamp_core::condition::{Condition, RequestParts};
use vamp_drivers::gateway::haproxy::condition_lines;

const RULE: &str = "(User-Agent == Firefox or User-Agent == Chrome) and cookie vamp has 1";

/// The rule, 12 tests of every kind, and 100 tests, each by its number of tests.
fn conditions() -> [(usize, String); 3] {
    let careful = "(host == shop.example or host == www.shop.example) and (User-Agent == Chrome or User-Agent == Firefox) \
        and not (path starts with /api or path ends with .js) and method != POST and has cookie beta and cookie \
        group == 'early birds' and (header x-version matches '^2\\.[0-9]+$' or client ip in 10.0.0.0/8 or has header x-test)";
    let pairs: Vec<String> =
        (0..50).map(|n| format!("(cookie user has id{n} or header x-tenant == tenant-{n})")).collect();
    [(3, RULE.to_owned()), (12, careful.to_owned()), (100, pairs.join(" and "))]
}

fn head() -> http::request::Parts {
    let request = http::Request::get("/shop/basket")
        .header("host", "shop.example")
        .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
        .header("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
        .header("cookie", "session=0f1e2d3c4b5a6978; vamp=1; beta=yes")
        .header("x-tenant", "tenant-0");
    request.body(()).expect("the request is valid").into_parts().0
}

fn bench(criterion: &mut Criterion) {
    for (tests, text) in conditions() {
        let condition = Condition::parse(&text).unwrap_or_else(|error| panic!("{error}"));
        let mut run = |group: &str, work: &mut dyn FnMut()| {
            let mut group = criterion.benchmark_group(group);
            group.bench_function(BenchmarkId::from_parameter(tests), |bencher| bencher.iter(&mut *work));
            group.finish();
        };
        run("condition-parse", &mut || drop(black_box(Condition::parse(black_box(&text)))));
        run("condition-normalise", &mut || drop(black_box(black_box(&condition).expanded().into_nnf())));
        run("condition-lines", &mut || {
            drop(black_box(condition_lines("http-request", "c", "set-var(txn.c) str(c)", black_box(&condition))));
        });
        let parts = head();
        run("condition-evaluate", &mut || {
            black_box(condition.matches(&RequestParts::new(black_box(&parts))));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = bench
}
criterion_main!(benches);
