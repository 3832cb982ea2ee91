//! The parts of artifacts.

use super::{Keys, keywords, reference};
use serde_json::{Map, Value, json};

/// Every part that others refer to, by name.
pub(super) fn all() -> Map<String, Value> {
    let parts = [
        ("name", json!({"type": ["string", "number", "boolean"], "pattern": r"^[^\s/\[\]]+$"})),
        (
            "gatewayName",
            json!({"type": ["string", "number", "boolean"], "pattern": r"^[^\s/\[\]]+(/[^\s/\[\]]+){0,3}$"}),
        ),
        ("scalar", scalar()),
        ("whole", json!({"type": ["integer", "string"], "pattern": "^[0-9]+$"})),
        ("percentage", json!({"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*%\s*$"})),
        ("memory", json!({"type": "string", "pattern": r"^\s*([0-9]+\.?[0-9]*|\.[0-9]+)\s*[kKmMgGtT][iI]?[bB]?\s*$"})),
        ("cpu", json!({"type": ["number", "string"], "pattern": r"^\s*([0-9]+\.?[0-9]*|\.[0-9]+)m?\s*$"})),
        ("time", json!({"type": "string", "pattern": "^[0-9]+(ms|s|sec|seconds?|m|min|minutes?|h|hrs|hours?)$"})),
        ("ports", map(scalar())),
        ("variables", map(json!({"type": ["string", "number", "boolean", "null"]}))),
        ("arguments", any([scalar(), map(scalar()), list(map(scalar()))])),
        ("healthChecks", one_or_list(health_check().schema())),
        ("reference", named().schema()),
        ("breed", any([name(), reference("reference"), whole_breed(), nested_breed()])),
        (
            "scale",
            any([name(), reference("reference"), scale().ignored(&["kind", "metadata", "lookup_name"]).schema()]),
        ),
        (
            "condition",
            any([
                json!({"type": "string"}),
                reference("reference"),
                condition().ignored(&["kind", "metadata"]).schema(),
            ]),
        ),
        ("rewrite", any([name(), reference("reference"), rewrite().ignored(&["kind", "metadata"]).schema()])),
        ("route", any([name(), reference("reference"), route().ignored(&["kind", "metadata"]).schema()])),
        ("routes", any([scalar(), map(reference("route")), list(any([scalar(), map(reference("route"))]))])),
        ("gateway", any([scalar(), inner_gateway().schema()])),
        ("service", any([name(), service().or(breed()).optional("name", name()).schema()])),
        ("cluster", any([name(), list(reference("service")), cluster()])),
        ("sla", any_of([name(), stored_sla()], in_place(slas()))),
        (
            "escalation",
            any_of([name(), reference("reference"), grouped("to_all"), grouped("to_one")], in_place(escalations())),
        ),
        ("escalations", one_or_list(reference("escalation"))),
    ];
    parts.into_iter().map(|(name, part)| (name.to_owned(), part)).collect()
}

// === forms ===

fn scalar() -> Value {
    json!({"type": ["string", "number", "boolean"]})
}

fn name() -> Value {
    reference("name")
}

fn any<const N: usize>(of: [Value; N]) -> Value {
    keywords([("anyOf", Value::from(Vec::from(of)))])
}

fn any_of<const N: usize>(of: [Value; N], more: Vec<Value>) -> Value {
    json!({"anyOf": of.into_iter().chain(more).collect::<Vec<Value>>()})
}

fn list(items: Value) -> Value {
    keywords([("type", json!("array")), ("items", items)])
}

fn map(values: Value) -> Value {
    keywords([("type", json!("object")), ("additionalProperties", values)])
}

fn one_or_list(item: Value) -> Value {
    any([item.clone(), list(item)])
}

fn anything() -> Value {
    json!({"type": "object"})
}

/// A map that is the name of a stored artifact.
fn named() -> Keys {
    Keys::default().optional("reference", name()).optional("ref", name()).ignored(&["kind", "metadata", "lookup_name"])
}

// === parts with keys ===

fn whole_breed() -> Value {
    breed().required("name", name()).ignored(&["kind", "metadata"]).schema()
}

/// The breed of a dependency, with the word before it.
fn nested_breed() -> Value {
    Keys::default().required("breed", reference("breed")).schema()
}

pub(super) fn breed() -> Keys {
    let deployable = Keys::default().optional("type", scalar()).required("definition", scalar()).schema();
    Keys::default()
        .required("deployable", any([scalar(), deployable]))
        .optional("ports", reference("ports"))
        .optional("environment_variables", reference("variables"))
        .optional("env", reference("variables"))
        .optional("constants", reference("ports"))
        .optional("arguments", reference("arguments"))
        .optional("dependencies", map(reference("breed")))
        .optional("health_checks", reference("healthChecks"))
        .ignored(&["lookup_name"])
}

fn health_check() -> Keys {
    Keys::default()
        .optional("path", json!({"type": "string", "pattern": "^/"}))
        .required("port", scalar())
        .required("initial_delay", reference("time"))
        .required("timeout", reference("time"))
        .required("interval", reference("time"))
        .required("failures", reference("whole"))
        .optional("protocol", scalar())
}

pub(super) fn scale() -> Keys {
    Keys::default()
        .required("cpu", reference("cpu"))
        .required("memory", reference("memory"))
        .optional("instances", reference("whole"))
}

pub(super) fn condition() -> Keys {
    Keys::default().required("condition", json!({"type": "string"}))
}

pub(super) fn rewrite() -> Keys {
    Keys::default().required("path", json!({"type": "string", "pattern": " [iI][fF] "}))
}

pub(super) fn route() -> Keys {
    let time = || reference("time");
    let timeout = ["connect", "server", "queue", "tunnel"].into_iter();
    let timeout = timeout.fold(Keys::default(), |keys, key| keys.optional(key, time()));
    let outlier = Keys::default().required("errors", reference("whole")).optional("back", time());
    let balance = ["default", "roundrobin", "leastconn", "first", "source", "uri", "random"];
    Keys::default()
        .optional("weight", reference("percentage"))
        .optional("condition", reference("condition"))
        .optional("condition_strength", reference("percentage"))
        .optional("rewrites", one_or_list(reference("rewrite")))
        .optional("balance", json!({"enum": balance}))
        .optional("selector", json!({"type": "string"}))
        .optional("timeout", timeout.schema())
        .optional("retries", reference("whole"))
        .optional("maxconn", reference("whole"))
        .optional("maxqueue", reference("whole"))
        .optional("outlier", outlier.schema())
        .optional("slow_start", time())
        .ignored(&["lookup_name", "targets"])
}

fn sticky_by() -> Value {
    json!({"type": "string", "pattern": "^([rR][oO][uU][tT][eE]|[iI][nN][sS][tT][aA][nN][cC][eE]|[nN][oO][nN][eE])$"})
}

fn common_gateway() -> Keys {
    let time = || reference("time");
    let sticky = Keys::default().required("by", sticky_by()).optional("ttl", time()).optional("idle", time());
    let certificate =
        json!({"type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$"});
    let tls = Keys::default().required("certificate", certificate);
    Keys::default()
        .optional("port", scalar())
        .optional("sticky", any([sticky_by(), sticky.schema()]))
        .optional("virtual_hosts", one_or_list(scalar()))
        .optional("rate_limit", reference("whole"))
        .optional("tls", tls.schema())
        .optional("selector", json!({"type": "string"}))
        .optional("routes", reference("routes"))
        .ignored(&["deployed", "generated_host", "lookup_name", "proxy", "internal"])
}

pub(super) fn gateway() -> Keys {
    let service = Keys::default().required("host", scalar()).required("port", scalar());
    common_gateway().optional("service", service.schema())
}

fn inner_gateway() -> Keys {
    common_gateway().ignored(&["kind", "metadata"])
}

/// The gateways of a cluster by port, or one for its only port.
fn cluster_gateways() -> Value {
    any([map(reference("gateway")), inner_gateway().schema()])
}

pub(super) fn blueprint() -> Keys {
    Keys::default()
        .required("clusters", map(reference("cluster")))
        .optional("gateways", map(reference("gateway")))
        .optional("environment_variables", reference("variables"))
        .optional("env", reference("variables"))
        .ignored(&["dialects", "dialect", "lookup_name"])
}

/// What runs, and how: in a cluster, and as a workflow.
fn running() -> Keys {
    Keys::default()
        .optional("environment_variables", reference("variables"))
        .optional("env", reference("variables"))
        .optional("scale", reference("scale"))
        .optional("arguments", reference("arguments"))
        .optional("health_checks", reference("healthChecks"))
        .optional("network", scalar())
        .ignored(&["dialects", "dialect", "health", "metadata", "kind"])
}

fn service() -> Keys {
    running().optional("breed", reference("breed")).optional("reference", name()).optional("ref", name())
}

/// With its services, or with what one service has.
fn cluster() -> Value {
    let services = any([name(), reference("service"), list(reference("service"))]);
    let own = Keys::default()
        .optional("services", services)
        .optional("gateways", cluster_gateways())
        .optional("sla", reference("sla"));
    service().or(breed()).or(own).optional("name", name()).schema()
}

pub(super) fn workflow() -> Keys {
    let tags = one_or_list(scalar());
    let event = any([tags.clone(), Keys::default().required("tags", tags).schema()]);
    let time = Keys::default()
        .required("period", json!({"type": "string"}))
        .optional("repeat", reference("whole"))
        .optional("start", scalar());
    let event = Keys::default().required("event", event).schema();
    let time = Keys::default().required("time", any([json!({"type": "string"}), time.schema()])).schema();
    let daemon = json!({"type": "string", "pattern": "^[dD][aA][eE][mM][oO][nN]$"});
    let instance = Keys::default()
        .required("name", scalar())
        .required("host", scalar())
        .optional("ports", map(reference("whole")))
        .optional("deployed", json!({"type": ["boolean", "string"]}))
        .ignored(&["health", "metadata"]);
    running()
        .required("breed", reference("breed"))
        .required("schedule", any([daemon, event, time]))
        .optional("status", scalar())
        .optional("instances", one_or_list(instance.schema()))
        .ignored(&["lookup_name"])
}

pub(super) fn template() -> Keys {
    Keys::default().optional("definition", anything()).optional("def", anything())
}

// === agreements ===

/// The forms of an agreement, by its type; a type that is not known has any keys.
pub(super) fn slas() -> Vec<Keys> {
    let pair = |first, second| {
        let keys = Keys::default().required(first, reference("whole"));
        keys.required(second, reference("whole")).schema()
    };
    let window = typed("response_time_sliding_window")
        .required("threshold", pair("upper", "lower"))
        .required("window", pair("interval", "cooldown"));
    let forms = [window, typed("escalation_only"), other_than(&["response_time_sliding_window", "escalation_only"])];
    forms.into_iter().map(|form| form.optional("escalations", reference("escalations"))).collect()
}

/// The forms of an escalation, by its type; a type that is not known has any keys.
pub(super) fn escalations() -> Vec<Keys> {
    let step = |kind: &str, value: Value| {
        let keys = typed(kind).required("minimum", value.clone()).required("maximum", value.clone());
        keys.required("scale_by", value).optional("target", name())
    };
    let group = |kind: &str| typed(kind).required("escalations", reference("escalations"));
    vec![
        step("scale_instances", reference("whole")),
        step("scale_cpu", reference("cpu")),
        step("scale_memory", scalar()),
        group("to_all"),
        group("to_one"),
        other_than(&["scale_instances", "scale_cpu", "scale_memory", "to_all", "to_one"]),
    ]
}

fn typed(kind: &str) -> Keys {
    Keys::default().required("type", json!({"const": kind}))
}

fn other_than(known: &[&str]) -> Keys {
    Keys::default().required("type", json!({"type": "string", "not": {"enum": known}})).open()
}

/// In place, where it has no name.
fn in_place(forms: Vec<Keys>) -> Vec<Value> {
    forms.into_iter().map(|form| form.ignored(&["kind", "metadata"]).schema()).collect()
}

fn stored_sla() -> Value {
    named().optional("escalations", reference("escalations")).schema()
}

/// `to_all: […]`, the short form of a group.
fn grouped(kind: &'static str) -> Value {
    let inner = Keys::default().required("escalations", reference("escalations")).schema();
    Keys::default().required(kind, any([reference("escalations"), inner])).schema()
}
