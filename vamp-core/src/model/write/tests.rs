use super::*;
use crate::model::{read, read::DeploymentRequest};
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// Writing and reading back, as JSON text and through serde, gives the same artifact.
fn survives<T>(artifact: &T, json: &Value, read: impl Fn(&str) -> Result<T, crate::Violations>)
where
    T: Debug + PartialEq,
{
    let text = serde_json::to_string_pretty(json).expect("JSON");
    let back = read(&text).unwrap_or_else(|violations| panic!("{text}\n{violations}"));
    assert_eq!(&back, artifact, "{text}");
}

fn survives_serde<T: Debug + PartialEq + Serialize + DeserializeOwned>(artifact: &T) {
    let text = serde_json::to_string(artifact).expect("serialises");
    assert_eq!(&serde_json::from_str::<T>(&text).expect(&text), artifact);
}

const GATEWAYS: [&str; 9] = [
    "name: g\nselector: label (app)((.*))\nroutes: {a: stored, b: {ref: other}, c: {condition: {reference: ios}, rewrites: [r, {path: /n if host == b}], selector: ip (10.*)}}\n",
    "name: g\n",
    "name: g\ntls: {certificate: shop.example/all.pem}\n",
    "name: a/b/c\nport: 5432/tcp\nroutes: a/b\n",
    "name: sava/9050\nport: 9050\nsticky: instance\nvirtual_hosts: [a.example, b.example]\nmetadata: {myKey: [1, ~, 'x']}\n",
    "name: g\nsticky: {by: instance, ttl: 1h, idle: 20m}\n",
    "name: g\nrate_limit: 7\nroutes: {a: {timeout: {connect: 1s, server: 1m, queue: 5ms, tunnel: 1h}, retries: 0, maxconn: 9, maxqueue: 8, outlier: {errors: 5, back: 1m}, slow_start: 30s}}\n",
    "name: g\nservice: {host: 10.0.0.1, port: 80}\nroutes: {'[h:1]': {weight: 33.3333%}, b: {weight: 66.6667%}, myRoute: {}}\n",
    "name: g\nroutes:\n  a:\n    weight: 100%\n    condition: host == \"x y\" and not (method is GET)\n    condition_strength: 5%\n    \
     balance: leastconn\n    rewrites: [{path: /n if host == b}, {path: '/r if { hdr(x) y }'}]\n    metadata: {a: b}\n",
];

#[test]
fn gateways_read_back() {
    for source in GATEWAYS {
        let artifact = read::gateway(source).expect(source);
        survives(&artifact, &gateway(&artifact), read::gateway);
        survives_serde(&artifact);
        // What a stored route weighs is not known here.
        if artifact.routes.iter().any(|route| route.stored.is_some()) {
            continue;
        }
        let completed = artifact.completed().expect("weights sum to 100 %");
        survives(&completed, &gateway(&completed), read::gateway);
    }
}

const BREED: &str = "
name: shop:1.2
deployable: { type: container/docker, definition: acme/shop }
ports: { webPort: 8080/http, any: 0/tcp }
env: { 'LEVEL[SHOP_LEVEL]': info, SECRET: ~, yes: 'no', price: $$5 }
constants: { Schema: v7 }
dependencies: { db: 'mysql:*', q: { name: queue, deployable: q } }
arguments: [ { a: 1 }, { a: 2 }, { privileged: true } ]
health_checks: []
metadata: { camelCase: { x: 1 } }
";

#[test]
fn breeds_read_back() {
    for source in [BREED, "name: a\ndeployable: x\n"] {
        let artifact = read::breed(source).expect(source);
        survives(&artifact, &breed(&artifact), read::breed);
        survives_serde(&artifact);
    }
}

const BLUEPRINT: &str = "
name: sava:1.0
metadata: { a: 1 }
dialects: { Docker: { x: y } }
environment_variables: { myApp.A: '1' }
gateways:
  9050: myApp/web
  admin: { port: 9060/tcp, routes: { myApp/sql: {} } }
clusters:
  myApp:
    metadata: { b: 2 }
    network: HOST
    sla: { type: escalation_only, escalations: [{ to_one: [x, { type: scale_cpu, minimum: 0.1, maximum: 2, scale_by: 500m, target: other }] }, { type: page, who: me }] }
    health_checks: { port: web, initial_delay: 0s, timeout: 90s, interval: 250ms, failures: 0, protocol: TCP }
    gateways: { web: { sticky: route, routes: { a: { weight: 90% }, b: { weight: 10%, condition: host == x } } } }
    services:
      - breed: { name: a, deployable: x, ports: { web: 80, sql: 1/tcp }, env: { A: ~, B: ~ } }
        env: { B: 2 }
        scale: { cpu: 0.125, memory: 1Mi, instances: 3 }
        arguments: [ { k: v } ]
        health_checks: []
        dialects: { marathon: { labels: { camelCase: true } } }
      - { breed: b, scale: big }
  other: { ref: c, sla: { ref: gold, escalations: x } }
";

#[test]
fn blueprints_read_back() {
    for source in [BLUEPRINT, "name: b\nclusters: {web: a}\n"] {
        let artifact = read::blueprint(source).expect(source);
        survives(&artifact, &blueprint(&artifact), read::blueprint);
        survives_serde(&artifact);
        let request = read::deployment(&blueprint(&artifact).to_string()).expect(source);
        assert_eq!(request, DeploymentRequest::Blueprint(Box::new(artifact)));
    }
}

#[test]
fn scales_conditions_and_health_checks_read_back() {
    let small = read::scale("name: s\ncpu: 500m\nmemory: 1.5GB\ninstances: 0\nmetadata: {a: b}\n").expect("reads");
    survives(&small, &scale(&small), read::scale);
    survives_serde(&small);
    assert_eq!(scale(&small)["memory"], "1500.00MB");
    let named = read::condition("name: c\ncondition: \"cookie x has 'y z'\"\n").expect("reads");
    survives(&named, &condition(&named), read::condition);
    survives_serde(&named);
    let check = "path: /h\nport: web\ninitial_delay: 1m\ntimeout: 1500ms\ninterval: 2s\nfailures: 3\n";
    let check = read::health_check(check).expect("reads");
    survives(&check, &health_check(&check), read::health_check);
    assert_eq!(health_check(&check)["interval"], "2s", "the original writes the initial delay here");
}

const OTHERS: [(&str, &str); 13] = [
    ("sla", "name: s\ntype: escalation_only\n"),
    (
        "slas",
        "name: s\ntype: response_time_sliding_window\nthreshold: {upper: 1000, lower: 10}\nwindow: {interval: 500, cooldown: 60}\nescalations: [a, b]\n",
    ),
    ("slas", "name: s\ntype: own\nmyKey: {a: [1, 1.10]}\nescalations: a\nmetadata: {x: y}\n"),
    ("escalation", "name: e\ntype: scale_instances\nminimum: 1\nmaximum: 3\nscale_by: 1\ntarget: web\n"),
    ("escalations", "name: e\ntype: scale_memory\nminimum: 64\nmaximum: 1GB\nscale_by: 0.5\n"),
    ("escalations", "name: e\ntype: to_all\nescalations: [{to_one: {escalations: [a]}}, {type: x, minimum: 1}]\n"),
    (
        "route",
        "name: r\nweight: 10%\ncondition: host == a\ncondition_strength: 5%\nrewrites: x\nbalance: first\nselector: port (1)\nmetadata: {a: b}\n",
    ),
    ("rewrite", "name: r\npath: /n if host == b\n"),
    ("template", "name: t\ndef: {clusters: {myApp: {services: [{scale: {cpu: 1.10}}]}}}\nmetadata: {a: 1}\n"),
    ("templates", "name: t\n"),
    ("workflow", "name: w\nbreed: metrics\nschedule: daemon\n"),
    (
        "workflows",
        "name: w\nbreed: {name: m, deployable: {type: application/javascript, definition: x}, env: {A: ~}}\nschedule: {event: a:b}\nstatus: Suspended\nenv: {A: $workflow.name}\nscale: {cpu: 0.1, memory: 64MB}\narguments: [{a: 1}, {a: 2}]\nnetwork: HOST\nhealth_checks: []\ndialects: {docker: {x: 1}}\n",
    ),
    (
        "workflows",
        "name: w\nbreed: {ref: m}\nscale: small\nschedule: {time: {period: P1DT12H, repeat: 3, start: '2026-01-31T09:05:00+01:00'}}\ninstances: [{name: i, host: h, ports: {web: 80}, deployed: true}]\n",
    ),
];

#[test]
fn every_other_kind_reads_back() {
    for (kind, source) in OTHERS {
        let kind = kind.parse().expect("a kind");
        let read = read::artifacts_of(source, kind).unwrap_or_else(|violations| panic!("{source}\n{violations}"));
        let written = artifact(&read[0]).to_string();
        let back = read::artifacts(&written, None).unwrap_or_else(|violations| panic!("{written}\n{violations}"));
        assert_eq!(back, read, "{written}");
        assert_eq!(read[0].kind(), kind);
    }
}

#[test]
fn a_gateway_is_written_in_the_form_of_the_original() {
    let source = "name: sava:1.0/sava/web\nport: 40000\nroutes: {'sava:1.0/sava/sava:1.0/web': {weight: 100%}}\n";
    let artifact = read::gateway(source).map(|gateway| gateway.completed().expect("sums")).expect(source);
    let wanted = json!({
        "name": "sava:1.0/sava/web",
        "kind": "gateways",
        "metadata": {},
        "lookup_name": "271118ac3851077c564ceb0e75f9c05f28e1acdd",
        "internal": true,
        "deployed": false,
        "port": "40000/http",
        "sticky": null,
        "virtual_hosts": [],
        "selector": null,
        "routes": {
            "sava:1.0/sava/sava:1.0/web": {
                "lookup_name": "1f2c9bf68395805af6ecd4c389c061dfdd24d62d",
                "metadata": {},
                "weight": "100%",
                "balance": "default",
                "condition": null,
                "condition_strength": "0%",
                "rewrites": [],
            },
        },
    });
    assert_eq!(gateway(&artifact), wanted);
}
