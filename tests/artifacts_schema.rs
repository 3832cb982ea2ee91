//! The JSON Schemas say what the reader says: what it accepts is valid, and a key that it does not know is not.
#![cfg(test)]

use serde_json::{Value, json};
use std::{cell::RefCell, collections::BTreeMap, fs, path::Path};
use vamp_core::{
    model::{
        read::{self, Artifact, Kind},
        schema, write,
    },
    yaml::{self, Limits, Node},
};

// === as much of JSON Schema as ours use ===

/// Where a value is not what the schema says.
fn wrong(root: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    let Value::Object(keywords) = schema else {
        return (schema == &Value::Bool(false)).then(|| format!("{at}: nothing may stand here"));
    };
    keywords.iter().find_map(|(keyword, rule)| breaks(root, keyword, rule, schema, value, at))
}

fn breaks(root: &Value, keyword: &str, rule: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    let fits = |rule: &Value| wrong(root, rule, value, at).is_none();
    let refuse = |holds: bool| (!holds).then(|| format!("{at}: {value} breaks {keyword} {rule}"));
    match keyword {
        "$schema" | "title" | "$defs" => None,
        "$ref" => {
            let pointer = rule.as_str().expect("text").strip_prefix('#').expect("inside");
            wrong(root, root.pointer(pointer).expect(pointer), value, at)
        }
        "type" => {
            let types: Vec<&str> = match rule {
                Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
                one => one.as_str().into_iter().collect(),
            };
            let own = match value {
                Value::Null => "null",
                Value::Bool(_) => "boolean",
                Value::Number(_) => "number",
                Value::String(_) => "string",
                Value::Array(_) => "array",
                Value::Object(_) => "object",
            };
            refuse(types.contains(&own) || (types.contains(&"integer") && value.is_u64()))
        }
        "const" => refuse(rule == value),
        "enum" => refuse(rule.as_array().expect("a list").contains(value)),
        "not" => refuse(!fits(rule)),
        "anyOf" => refuse(rule.as_array().expect("a list").iter().any(fits)),
        "pattern" => refuse(value.as_str().is_none_or(|text| matches(rule.as_str().expect("text"), text))),
        "maxItems" => {
            refuse(value.as_array().is_none_or(|items| items.len() as u64 <= rule.as_u64().expect("a number")))
        }
        "required" => {
            let missing = |key: &&Value| value.is_object() && value.get(key.as_str().expect("text")).is_none();
            let found = rule.as_array().expect("a list").iter().find(missing)?;
            Some(format!("{at}: {found} is missing"))
        }
        "items" => value
            .as_array()?
            .iter()
            .enumerate()
            .find_map(|(place, item)| wrong(root, rule, item, &format!("{at}/{place}"))),
        "properties" => rule
            .as_object()
            .expect("a map")
            .iter()
            .find_map(|(key, rule)| wrong(root, rule, value.get(key)?, &format!("{at}/{key}"))),
        "additionalProperties" => {
            let known = schema.get("properties").and_then(Value::as_object);
            let others =
                value.as_object()?.iter().filter(|(key, _)| known.is_none_or(|known| !known.contains_key(*key)));
            others.into_iter().find_map(|(key, value)| wrong(root, rule, value, &format!("{at}/{key}")))
        }
        other => panic!("the keyword {other} is not known to this test"),
    }
}

fn invalid(kind: Kind, document: &Value) -> Option<String> {
    thread_local! {
        static SCHEMAS: BTreeMap<Kind, Value> = Kind::ALL.into_iter().map(|kind| (kind, schema(kind))).collect();
    }
    SCHEMAS.with(|schemas| wrong(&schemas[&kind], &schemas[&kind], document, ""))
}

fn matches(pattern: &str, text: &str) -> bool {
    thread_local! {
        static PATTERNS: RefCell<BTreeMap<String, regex::Regex>> = RefCell::default();
    }
    PATTERNS.with_borrow_mut(|patterns| {
        let compiled = || regex::Regex::new(pattern).expect(pattern);
        patterns.entry(pattern.to_owned()).or_insert_with(compiled).is_match(text)
    })
}

// === what is valid ===

/// Every document of a text, with its kind.
fn documents(text: &str, default: Kind) -> Vec<(Kind, Node)> {
    let mut found = Vec::new();
    for document in yaml::documents(text, Limits::default()).expect("YAML") {
        let items = document.items().map_or_else(|| vec![document.clone()], <[Node]>::to_vec);
        for item in items {
            let kind = item.get("kind").and_then(Node::text).map_or(default, |kind| kind.parse().expect(kind));
            found.push((kind, item));
        }
    }
    found
}

/// Short forms, and every key that the examples do not have.
const MORE: [&str; 14] = [
    "kind: blueprint\nname: b\nclusters: {a: x, b: [y, {ref: z}], c: {services: w}, d: {breed: v, scale: big, sla: gold, network: HOST, dialect: {}}}\n",
    "kind: blueprints\nname: b\nclusters: {a: {services: [{name: x, deployable: y, ports: {p: 1}, env: {X: 1}, health_checks: []}], gateways: {sticky: ~, routes: {x: {}}}, health_checks: {port: p, initial_delay: 1s, timeout: 1min, interval: 1500ms, failures: 3}}}\nenv: {a.X: ~}\ngateways: {80: a/p, web: {port: 8080/http, routes: [a/p]}}\n",
    "kind: blueprints\nname: b\nclusters: {a: {ref: x, sla: {ref: gold, escalations: [a, {to_all: [b]}, {to_one: {escalations: c}}]}}, b: {ref: y, sla: {type: own, any: thing}}}\n",
    "kind: blueprints\nname: b\nclusters: {a: {breed: {ref: x}, arguments: {a: 1}, health: {running: 1}, metadata: {x: y}}}\n",
    "kind: breed\nname: b\ndeployable: x\ndependencies: {a: z, c: {ref: d}, e: {breed: f}, g: {name: h, deployable: i}}\narguments: {a: 1}\nenv: {'A[B]': 1}\n",
    "kind: gateway\nname: a/b/c\nroutes: x\nservice: {host: h, port: 80}\nproxy: {}\ninternal: true\ndeployed: true\nselector: port (1)\nvirtual_hosts: a\nsticky: {by: ROUTE, ttl: 1h, idle: 20m}\nrate_limit: 5\ntls: {certificate: a/b.pem}\n",
    "kind: gateway\nname: g\nsticky: INSTANCE\nroutes: {a: stored, b: {ref: c}, d: {condition: {ref: e}, rewrites: [{ref: f}], selector: t}, '[h:1]': {condition: '', balance: default}}\n",
    "kind: scale\nname: s\ncpu: '.5'\nmemory: 1.5 GiB\ninstances: '3'\n",
    "kind: sla\nname: s\ntype: own\nfoo: {bar: 1}\n",
    "kind: escalations\nname: e\ntype: scale_cpu\nminimum: 100m\nmaximum: 2\nscale_by: 0.5\n",
    "kind: workflow\nname: w\nbreed: {ref: b}\nschedule: {event: a}\nscale: {ref: s}\nhealth_checks: []\nnetwork: n\nenv: {}\narguments: []\ninstances: [{name: i, host: h, ports: {web: 80}, deployed: true}]\n",
    "kind: workflows\nname: w\nbreed: b\nschedule: {time: PT5M}\n",
    "kind: template\nname: t\ndef: {}\n",
    "kind: routes\nname: r\nweight: 5 %\ntimeout: {connect: 1s, server: 1m, queue: 5ms, tunnel: 1h}\nretries: 0\nmaxconn: 9\nmaxqueue: '8'\noutlier: {errors: 5, back: 1m}\nslow_start: 30s\n",
];

fn everything() -> Vec<(Kind, Node)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/artifacts");
    let files = fs::read_dir(folder).expect("there are examples");
    let texts = files.map(|entry| fs::read_to_string(entry.expect("a file").path()).expect("reads"));
    let examples = texts.flat_map(|text| documents(&text, Kind::Blueprint));
    examples.chain(MORE.iter().flat_map(|text| documents(text, Kind::Blueprint))).collect()
}

fn artifact(kind: Kind, node: &Node) -> Option<Artifact> {
    // What is imported is not in the document.
    node.get("import").is_none().then(|| {
        let text = node.to_json().to_string();
        read::artifact(&text, kind).unwrap_or_else(|violations| panic!("{text}\n{violations}"))
    })
}

#[test]
fn what_the_reader_accepts_is_valid_and_so_is_what_is_written() {
    for (kind, node) in everything() {
        let document = node.to_json();
        assert_eq!(invalid(kind, &document), None, "{document}");
        let Some(artifact) = artifact(kind, &node) else { continue };
        let written = write::artifact(&artifact);
        assert_eq!(invalid(kind, &written), None, "{written}");
    }
}

/// The same document with another key in each of its maps, one after the other.
fn with_a_strange_key(document: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    match document {
        Value::Object(entries) => {
            let mut more = document.clone();
            more["strange"] = json!("key");
            found.push(more);
            for (key, inner) in entries {
                found.extend(with_a_strange_key(inner).into_iter().map(|changed| {
                    let mut outer = document.clone();
                    outer[key] = changed;
                    outer
                }));
            }
        }
        Value::Array(items) => {
            for (place, inner) in items.iter().enumerate() {
                found.extend(with_a_strange_key(inner).into_iter().map(|changed| {
                    let mut outer = document.clone();
                    outer[place] = changed;
                    outer
                }));
            }
        }
        _ => {}
    }
    found
}

#[test]
fn a_key_is_known_to_both_or_to_none_and_never_lost() {
    let (mut both, mut none) = (0, 0);
    for (kind, node) in everything() {
        let Some(artifact) = artifact(kind, &node) else { continue };
        for document in with_a_strange_key(&write::artifact(&artifact)) {
            let read = read::artifact(&document.to_string(), kind);
            if let Ok(artifact) = &read {
                let kept = write::artifact(artifact).to_string().contains("strange");
                assert!(kept, "a key is neither refused nor kept: {document}");
            }
            let unknown = read.is_err_and(|found| found.iter().any(|one| one.code == "UnexpectedElement"));
            match (unknown, invalid(kind, &document)) {
                (true, None) => panic!("the reader refuses what the schema allows: {document}"),
                // Names, such as those of ports and clusters, are strange to nobody; their values may be.
                (true, Some(_)) => none += 1,
                (false, _) => both += 1,
            }
        }
    }
    assert!(both > 100 && none > 100, "{both} and {none}");
}

#[test]
fn a_mistake_is_not_valid() {
    for (kind, document) in [
        (Kind::Breed, json!({"name": "b"})),
        (Kind::Breed, json!({"name": "a b", "deployable": "x"})),
        (Kind::Breed, json!({"name": "b", "deployable": "x", "kind": "scales"})),
        (Kind::Scale, json!({"name": "s", "cpu": 1, "memory": 64})),
        (Kind::Gateway, json!({"name": "g", "routes": {"a": {"weight": 100}}})),
        (Kind::Gateway, json!({"name": "a/b/c/d/e"})),
        (Kind::Workflow, json!({"name": "w", "breed": "b", "schedule": "hourly"})),
        (Kind::Rewrite, json!({"name": "r", "path": "/x"})),
        (Kind::Blueprint, json!({"name": "b", "clusters": []})),
    ] {
        assert!(invalid(kind, &document).is_some(), "{document}");
        assert!(read::artifact(&document.to_string(), kind).is_err(), "{document}");
    }
}
