//! A gateway with the rule: the whole decision, draws and the look for a live instance included.

use vamp_core::{
    condition::Request,
    routing::{Decision, Gateway, Instance, Route, Target, Traffic, router::GatewayRouter},
    weight::Weight,
};

/// Whose condition takes a request goes to `rule`, all others to `rest`.
pub(crate) fn of(condition: &str) -> GatewayRouter {
    let port = 8080.try_into().expect("not zero");
    let route = |name: &str, weight, condition: Option<&str>| {
        let instance = Instance { id: name.to_owned(), host: "127.0.0.1".to_owned(), port, traffic: Traffic::Ready };
        let condition = condition.map(|text| text.parse().expect("the rule is valid"));
        Route { condition, strength: Weight::FULL, ..Route::new(name, weight, Target::Instances(vec![instance])) }
    };
    let routes = vec![route("rule", Weight::ZERO, Some(condition)), route("rest", Weight::FULL, None)];
    let decision = Decision { gateway: "shop".to_owned(), sticky: None, routes };
    GatewayRouter::compile(&Gateway::new("shop", port, decision)).expect("the gateway is valid")
}

/// Whether the rule takes a request.
pub(crate) fn takes(router: &GatewayRouter, request: &impl Request) -> bool {
    router.decide(request, 1, |_| true).expect("a route").route() == "rule"
}
