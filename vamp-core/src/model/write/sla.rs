//! Service level agreements and escalations.

use super::{named, reference, text};
use crate::model::{
    ClusterSla, Escalation, Named, Policy, Reference, Sla, Step,
    units::{format_cpu, format_megabytes},
};
use serde_json::{Map, Number, Value, json};
use std::time::Duration;

/// A service level agreement.
#[must_use]
pub fn sla(sla: &Named<Sla>) -> Value {
    named("slas", sla, settings(&sla.value))
}

/// The service level agreement of a cluster.
#[must_use]
pub fn cluster_sla(sla: &ClusterSla) -> Value {
    match sla {
        ClusterSla::Inline(sla) => Value::Object(settings(sla)),
        ClusterSla::Stored { name, escalations } if escalations.is_empty() => reference(name),
        ClusterSla::Stored { name, escalations } => json!({"reference": name, "escalations": list(escalations)}),
    }
}

/// An escalation.
#[must_use]
pub fn escalation(escalation: &Named<Escalation>) -> Value {
    named("escalations", escalation, of_escalation(&escalation.value))
}

fn settings(sla: &Sla) -> Map<String, Value> {
    let mut json = match &sla.policy {
        Policy::ResponseTime { upper, lower, interval, cooldown } => {
            let mut json = typed("response_time_sliding_window");
            let millis = |time: &Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            json.insert("threshold".to_owned(), json!({"upper": millis(upper), "lower": millis(lower)}));
            let window = json!({"interval": interval.as_secs(), "cooldown": cooldown.as_secs()});
            json.insert("window".to_owned(), window);
            json
        }
        Policy::EscalationOnly => typed("escalation_only"),
        Policy::Other { kind, parameters } => typed(kind).into_iter().chain(parameters.clone()).collect(),
    };
    json.insert("escalations".to_owned(), list(&sla.escalations));
    json
}

fn typed(kind: &str) -> Map<String, Value> {
    [("type".to_owned(), json!(kind))].into_iter().collect()
}

fn list(escalations: &[Reference<Escalation>]) -> Value {
    let one = |escalation: &Reference<Escalation>| match escalation {
        Reference::Reference(name) => reference(name),
        Reference::Inline(escalation) => Value::Object(of_escalation(escalation)),
    };
    escalations.iter().map(one).collect()
}

fn of_escalation(escalation: &Escalation) -> Map<String, Value> {
    match escalation {
        Escalation::Instances(of) => step("scale_instances", of, |instances| json!(instances)),
        Escalation::Cpu(of) => step("scale_cpu", of, |millis| number(&format_cpu(*millis))),
        Escalation::Memory(of) => step("scale_memory", of, |bytes| number(&format_megabytes(*bytes))),
        Escalation::All(inner) => group("to_all", inner),
        Escalation::One(inner) => group("to_one", inner),
        Escalation::Other { kind, parameters } => typed(kind).into_iter().chain(parameters.clone()).collect(),
    }
}

/// Decimals that JSON has as a number.
fn number(text: &str) -> Value {
    text.parse::<Number>().map_or_else(|_| json!(text), Value::Number)
}

fn group(kind: &str, escalations: &[Reference<Escalation>]) -> Map<String, Value> {
    let mut json = typed(kind);
    json.insert("escalations".to_owned(), list(escalations));
    json
}

fn step<T>(kind: &str, step: &Step<T>, write: impl Fn(&T) -> Value) -> Map<String, Value> {
    let mut json = typed(kind);
    json.insert("minimum".to_owned(), write(&step.minimum));
    json.insert("maximum".to_owned(), write(&step.maximum));
    json.insert("scale_by".to_owned(), write(&step.by));
    json.extend(step.target.iter().map(|target| ("target".to_owned(), text(target))));
    json
}
