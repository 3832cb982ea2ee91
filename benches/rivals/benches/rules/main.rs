//! A thousand rules, the first of which that holds is wanted: walked by wirefilter, looked up by the router.

use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderName, header};
use std::{hint::black_box, net::IpAddr, time::Duration};
use vamp_core::{
    condition::Request,
    routing::{Decision, Gateway, Instance, Route, Target, Traffic, router::GatewayRouter},
    weight::Weight,
};
use wirefilter::{ExecutionContext, Filter, Scheme};

const RULES: usize = 1_000;
/// Each of these meets another rule, spread over all.
const REQUESTS: usize = 100;

static TENANT: HeaderName = HeaderName::from_static("x-tenant");

/// What the rules look at.
struct Fields {
    host: String,
    tenant: String,
}

impl Fields {
    /// Meets rule `n` and no other.
    fn of(n: usize) -> Self {
        let host = if n.is_multiple_of(2) { format!("shop{n}.example") } else { "other.example".to_owned() };
        Self { host, tenant: format!("tenant-{n}") }
    }
}

impl Request for Fields {
    fn method(&self) -> &str {
        "GET"
    }

    fn path(&self) -> &str {
        "/"
    }

    fn header_values<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        let host = (*name == header::HOST).then_some(self.host.as_bytes());
        host.or((*name == TENANT).then_some(self.tenant.as_bytes())).into_iter()
    }

    fn client_ip(&self) -> Option<IpAddr> {
        None
    }
}

fn router() -> GatewayRouter {
    let port = 8080.try_into().expect("not zero");
    let route = |name: String, weight, condition: Option<String>| {
        let instance = Instance { id: name.clone(), host: "127.0.0.1".to_owned(), port, traffic: Traffic::Ready };
        let condition = condition.map(|text| text.parse().expect("the rule is valid"));
        Route { condition, strength: Weight::FULL, ..Route::new(name, weight, Target::Instances(vec![instance])) }
    };
    let condition = |n: usize| match n % 2 {
        0 => format!("host == shop{n}.example"),
        _ => format!("header x-tenant == tenant-{n}"),
    };
    let rules = (0..RULES).map(|n| route(n.to_string(), Weight::ZERO, Some(condition(n))));
    let routes = rules.chain([route("rest".to_owned(), Weight::FULL, None)]).collect();
    let decision = Decision { gateway: "shop".to_owned(), sticky: None, routes };
    GatewayRouter::compile(&Gateway::new("shop", port, decision)).expect("the gateway is valid")
}

fn filters(scheme: &Scheme) -> Vec<Filter<'_>> {
    let text = |n: usize| match n % 2 {
        0 => format!(r#"host == "shop{n}.example""#),
        _ => format!(r#"tenant == "tenant-{n}""#),
    };
    (0..RULES).map(|n| scheme.parse(&text(n)).expect("the rule is valid").compile()).collect()
}

/// The first rule that holds.
fn walk<'s>(filters: &[Filter<'s>], context: &ExecutionContext<'s>) -> Option<usize> {
    filters.iter().position(|filter| filter.execute(context) == Ok(true))
}

fn rules(criterion: &mut Criterion) {
    let requests: Vec<Fields> = (0..REQUESTS).map(|n| Fields::of(n * 37 % RULES)).collect();
    let router = router();
    let scheme = Scheme! { host: Bytes, tenant: Bytes };
    let filters = filters(&scheme);
    let context = |(host, tenant)| {
        let mut context = ExecutionContext::new(&scheme);
        context.set_field_value::<&str>("host", host).expect("a field of the scheme");
        context.set_field_value::<&str>("tenant", tenant).expect("a field of the scheme");
        context
    };
    let fields = requests.iter().map(|request| (&*request.host, &*request.tenant));
    let contexts: Vec<ExecutionContext<'_>> = fields.map(context).collect();
    for ((request, context), n) in requests.iter().zip(&contexts).zip(0..) {
        let routed = router.decide(request, 1, |_| true).expect("a route");
        assert_eq!(
            walk(&filters, context).map(|rule| rule.to_string()).as_deref(),
            Some(routed.route()),
            "request {n}"
        );
    }
    let mut group = criterion.benchmark_group("rules-1000");
    group.bench_function("router", |bencher| {
        bencher.iter(|| requests.iter().filter(|one| router.decide(black_box(*one), 1, |_| true).is_ok()).count());
    });
    group.bench_function("wirefilter", |bencher| {
        bencher.iter(|| contexts.iter().filter_map(|one| walk(&filters, black_box(one))).count());
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = rules
}
criterion_main!(benches);
