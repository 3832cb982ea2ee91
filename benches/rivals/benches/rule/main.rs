//! One rule, read and evaluated by Vamp, by wirefilter and by cel.
//!
//! In Vamp a test of the user agent looks for the text in it, and `has` for a part of the value: the others are told
//! the same with `contains`.

mod request;
mod router;

use criterion::{Criterion, criterion_group, criterion_main};
use request::{AGENTS, Extracted, cookie, head, user_agent};
use std::{hint::black_box, time::Duration};
use vamp_core::condition::{Condition, RequestParts};
use wirefilter::{ExecutionContext, Filter, Scheme};

const VAMP: &str = "(User-Agent == Firefox or User-Agent == Chrome) and cookie vamp has 1";
const WIREFILTER: &str =
    r#"(user_agent contains "Firefox" || user_agent contains "Chrome") && cookie_vamp contains "1""#;
const CEL: &str = r#"(user_agent.contains("Firefox") || user_agent.contains("Chrome")) && cookie_vamp.contains("1")"#;

fn scheme() -> Scheme {
    Scheme! { user_agent: Bytes, cookie_vamp: Bytes }
}

fn wirefilter(scheme: &Scheme) -> Filter<'_> {
    scheme.parse(WIREFILTER).expect("the rule is valid").compile()
}

fn wirefilter_context<'e>(scheme: &'e Scheme, user_agent: &'e str, cookie: &'e str) -> ExecutionContext<'e> {
    let mut context = ExecutionContext::new(scheme);
    context.set_field_value("user_agent", user_agent).expect("a field of the scheme");
    context.set_field_value("cookie_vamp", cookie).expect("a field of the scheme");
    context
}

/// `parent` holds the functions, which are registered once.
fn cel_context<'p>(parent: &'p cel::Context<'p, 'p>, user_agent: &str, cookie: &str) -> cel::Context<'p, 'p> {
    let mut context = parent.new_inner_scope();
    context.add_variable_from_value("user_agent", user_agent.to_owned());
    context.add_variable_from_value("cookie_vamp", cookie.to_owned());
    context
}

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rule-parse");
    group.bench_function("vamp", |bencher| bencher.iter(|| Condition::parse(black_box(VAMP))));
    let scheme = scheme();
    group.bench_function("wirefilter", |bencher| {
        bencher.iter(|| scheme.parse(black_box(WIREFILTER)).expect("the rule is valid").compile());
    });
    group.bench_function("cel", |bencher| bencher.iter(|| cel::Program::compile(black_box(CEL))));
    group.finish();
}

/// The fields that the rule looks at are at hand.
fn evaluate_fields(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rule-fields");
    let condition = Condition::parse(VAMP).expect("the rule is valid");
    let requests = AGENTS.map(|user_agent| Extracted { user_agent, cookie: "1" });
    group.bench_function("vamp", |bencher| {
        bencher.iter(|| requests.each_ref().map(|request| condition.matches(black_box(request))));
    });
    let router = router::of(VAMP);
    group.bench_function("router", |bencher| {
        bencher.iter(|| requests.each_ref().map(|request| router::takes(&router, black_box(request))));
    });
    let scheme = scheme();
    let filter = wirefilter(&scheme);
    let contexts = AGENTS.map(|user_agent| wirefilter_context(&scheme, user_agent, "1"));
    group.bench_function("wirefilter", |bencher| {
        bencher.iter(|| contexts.each_ref().map(|context| filter.execute(black_box(context))));
    });
    let program = cel::Program::compile(CEL).expect("the rule is valid");
    let parent = cel::Context::default();
    let contexts = AGENTS.map(|user_agent| cel_context(&parent, user_agent, "1"));
    group.bench_function("cel", |bencher| {
        bencher.iter(|| contexts.each_ref().map(|context| program.execute(black_box(context))));
    });
    group.finish();
}

/// The fields have to be found in the head of a request first.
fn evaluate_request(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rule-request");
    let condition = Condition::parse(VAMP).expect("the rule is valid");
    let requests = AGENTS.map(head);
    group.bench_function("vamp", |bencher| {
        bencher.iter(|| requests.each_ref().map(|parts| condition.matches(&RequestParts::new(black_box(parts)))));
    });
    let router = router::of(VAMP);
    group.bench_function("router", |bencher| {
        bencher.iter(|| requests.each_ref().map(|parts| router::takes(&router, &RequestParts::new(black_box(parts)))));
    });
    let scheme = scheme();
    let filter = wirefilter(&scheme);
    group.bench_function("wirefilter", |bencher| {
        bencher.iter(|| {
            requests.each_ref().map(|parts| {
                let parts = black_box(parts);
                let context = wirefilter_context(&scheme, user_agent(parts), cookie(parts, "vamp"));
                filter.execute(&context)
            })
        });
    });
    let program = cel::Program::compile(CEL).expect("the rule is valid");
    let parent = cel::Context::default();
    group.bench_function("cel", |bencher| {
        bencher.iter(|| {
            requests.each_ref().map(|parts| {
                let parts = black_box(parts);
                program.execute(&cel_context(&parent, user_agent(parts), cookie(parts, "vamp")))
            })
        });
    });
    group.finish();
}

/// Every engine gives the same answers, or the comparison means nothing.
fn check() {
    let requests = AGENTS.map(head);
    let condition = Condition::parse(VAMP).expect("the rule is valid");
    let scheme = scheme();
    let filter = wirefilter(&scheme);
    let program = cel::Program::compile(CEL).expect("the rule is valid");
    let parent = cel::Context::default();
    let router = router::of(VAMP);
    let answers = requests.each_ref().map(|parts| {
        let answer = condition.matches(&RequestParts::new(parts)).expect("no native test");
        let (user_agent, cookie) = (user_agent(parts), cookie(parts, "vamp"));
        assert_eq!(condition.matches(&Extracted { user_agent, cookie }), Some(answer));
        assert_eq!(router::takes(&router, &RequestParts::new(parts)), answer);
        assert_eq!(filter.execute(&wirefilter_context(&scheme, user_agent, cookie)), Ok(answer));
        assert_eq!(program.execute(&cel_context(&parent, user_agent, cookie)), Ok(answer.into()));
        answer
    });
    assert_eq!(answers, [true, true, false, false]);
}

fn all(criterion: &mut Criterion) {
    check();
    parse(criterion);
    evaluate_fields(criterion);
    evaluate_request(criterion);
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = all
}
criterion_main!(benches);
