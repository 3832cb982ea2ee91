//! What `vamp top` shows, made of what the API says.

use super::super::{
    screen::{Tone, table},
    shape::{self, cell, entries, items, name, short, text},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Write as _};
use vamp_core::weight::{Weight, rescale};

/// One look.
#[derive(Debug, Default)]
pub(super) struct View {
    routes: Vec<Route>,
    agents: Vec<String>,
    rates_are_told: bool,
    /// Why the last look failed; what is shown is from before.
    pub(super) failed: Option<String>,
}

#[derive(Debug)]
struct Route {
    gateway: String,
    port: String,
    path: String,
    weight: String,
    condition: String,
    strength: String,
    targets: usize,
    /// The part of the requests without a condition that it gets: a route without targets leaves its share to the others.
    share: Option<Weight>,
    /// Requests a second, as somebody told.
    rate: Option<f64>,
}

impl View {
    pub(super) fn of(gateways: &[Value], agents: &Value, rates: &[Value], filter: Option<&str>) -> Self {
        let rates = newest(rates);
        let wanted = |gateway: &&Value| filter.is_none_or(|filter| name(gateway).contains(filter));
        let routes = gateways.iter().filter(wanted).flat_map(|gateway| routes(gateway, &rates));
        Self {
            routes: routes.collect(),
            agents: items(agents, "").map(agent).collect(),
            rates_are_told: !rates.is_empty(),
            failed: None,
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let route = |route: &Route| {
            json!({
                "gateway": route.gateway,
                "port": route.port,
                "route": route.path,
                "weight": route.weight,
                "condition": route.condition,
                "strength": route.strength,
                "targets": route.targets,
                "share": route.share,
                "rate": route.rate,
            })
        };
        json!({"routes": self.routes.iter().map(route).collect::<Vec<Value>>(), "agents": self.agents})
    }

    pub(super) fn words(&self) -> String {
        let mut before = "";
        let rows = self.routes.iter().map(|route| {
            let first = before != route.gateway;
            before = &route.gateway;
            let once = |text: &str| if first { cell(text) } else { Tone::Plain.cell("") };
            let targets = if route.targets == 0 { Tone::Bad } else { Tone::Good };
            vec![
                once(&route.gateway),
                once(&route.port),
                cell(short(&route.path)),
                cell(&route.weight),
                cell(&route.condition),
                cell(if route.condition.is_empty() { "" } else { &route.strength }),
                targets.cell(route.targets),
                cell(route.share.map(|share| share.to_string()).unwrap_or_default()),
                cell(route.rate.map(|rate| format!("{rate:.1}")).unwrap_or_default()),
            ]
        });
        let head = ["GATEWAY", "PORT", "ROUTE", "WEIGHT", "CONDITION", "STRENGTH", "TARGETS", "SHARE", "REQ/S"];
        let mut shown = format!("{}\n", table(&head, rows));
        // Writing to a string cannot fail.
        for agent in &self.agents {
            let _ = write!(shown, "\n{agent}");
        }
        if !self.rates_are_told {
            let why = "no rates: nobody tells events of type `metrics` with the tag `metrics:rate`";
            let _ = write!(shown, "\n{}", Tone::Quiet.paint(why));
        }
        if let Some(why) = &self.failed {
            let _ = write!(shown, "\n{}", Tone::Bad.paint(format!("not up to date: {why}")));
        }
        shown
    }
}

fn agent(agent: &Value) -> String {
    let called = text(agent, "/agent");
    let alive = agent.pointer("/alive").and_then(Value::as_bool).unwrap_or_default();
    let life = if alive { Tone::Good.paint("alive") } else { Tone::Bad.paint("silent") };
    let mut shown =
        format!("agent {called}: {life}, {}, {} reloads", text(agent, "/status/proxy"), text(agent, "/status/reloads"));
    let refused: Vec<String> =
        entries(agent, "/refused").map(|(name, why)| format!("{name} ({})", shape::plain(why))).collect();
    if !refused.is_empty() {
        let _ = write!(shown, ", {}", Tone::Bad.paint(format!("refuses {}", refused.join(", "))));
    }
    shown
}

fn routes(gateway: &Value, rates: &BTreeMap<(String, Option<String>), f64>) -> Vec<Route> {
    let found: Vec<(&String, &Value)> = entries(gateway, "/routes").collect();
    let targets = |route: &Value| items(route, "/targets").count();
    let weights: Vec<(Weight, bool)> = found
        .iter()
        .map(|(_, route)| (text(route, "/weight").parse().unwrap_or_default(), targets(route) > 0))
        .collect();
    let shares = shares(&weights);
    let gateway_name = name(gateway);
    let rate = |path: &str| rates.get(&(gateway_name.clone(), Some(path.to_owned()))).copied();
    // With one route, what is told of the gateway is told of that.
    let alone = rates.get(&(gateway_name.clone(), None)).copied().filter(|_| found.len() == 1);
    let made = found.iter().zip(shares).map(|((path, route), share)| Route {
        gateway: gateway_name.clone(),
        port: text(gateway, "/port"),
        path: (*path).clone(),
        weight: text(route, "/weight"),
        condition: shape::condition(route),
        strength: text(route, "/condition_strength"),
        targets: targets(route),
        share,
        rate: rate(path).or(alone),
    });
    made.collect()
}

/// What each route gets of requests that no condition takes; `None` when nobody gets any.
fn shares(weights: &[(Weight, bool)]) -> Vec<Option<Weight>> {
    let live: Vec<Weight> = weights.iter().map(|(weight, live)| if *live { *weight } else { Weight::ZERO }).collect();
    if Weight::sum(&live) == 0 {
        return vec![None; weights.len()];
    }
    rescale(&live, Weight::FULL).into_iter().map(Some).collect()
}

/// The newest rate of each gateway, and of each route of it; the newest comes first.
fn newest(rates: &[Value]) -> BTreeMap<(String, Option<String>), f64> {
    let mut found = BTreeMap::new();
    for event in rates {
        let of =
            |prefix: &str| items(event, "/tags").filter_map(Value::as_str).find_map(|tag| tag.strip_prefix(prefix));
        let value = event.get("value").and_then(|value| value.as_f64().or_else(|| value.as_str()?.parse().ok()));
        if let (Some(gateway), Some(value)) = (of("gateways:"), value) {
            found.entry((gateway.to_owned(), of("routes:").map(str::to_owned))).or_insert(value);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway() -> Value {
        let target = json!([{"host": "127.0.0.1", "port": 1}]);
        json!({"name": "d/c/p", "port": "80/http", "routes": {
            "d/c/a:1/p": {"weight": "60%", "targets": target},
            "d/c/a:2/p": {"weight": "20%", "condition": {"condition": "host == a"}, "condition_strength": "50%", "targets": target},
            "d/c/a:3/p": {"weight": "20%", "targets": []}}})
    }

    #[test]
    fn a_route_without_targets_leaves_its_share_to_the_others() {
        let view = View::of(&[gateway()], &json!([]), &[], None);
        let shares: Vec<String> =
            view.routes.iter().filter_map(|route| route.share).map(|share| share.to_string()).collect();
        assert_eq!(shares, ["75%", "25%", "0%"]);
        assert_eq!(shares_of_none(), [None, None]);
    }

    fn shares_of_none() -> Vec<Option<Weight>> {
        shares(&[(Weight::FULL, false), (Weight::ZERO, true)])
    }

    #[test]
    fn the_newest_rate_counts_and_that_there_is_none_is_told() {
        let told = |route: &str, rate: f64| json!({"tags": ["gateways:d/c/p", "gateways", &format!("routes:{route}"), "metrics:rate"], "value": rate});
        let rates = [told("d/c/a:1/p", 12.0), told("d/c/a:1/p", 99.0)];
        let shown = View::of(&[gateway()], &json!([]), &rates, None).words();
        assert!(shown.contains("12.0") && !shown.contains("99.0") && !shown.contains("no rates"), "{shown}");
        let shown = View::of(&[gateway()], &json!([]), &[], None).words();
        assert!(shown.contains("no rates: nobody tells"), "{shown}");
    }

    #[test]
    fn a_filter_leaves_the_gateways_that_have_it_in_their_name() {
        assert_eq!(View::of(&[gateway()], &json!([]), &[], Some("c/p")).routes.len(), 3);
        assert!(View::of(&[gateway()], &json!([]), &[], Some("x")).routes.is_empty());
    }
}
