//! Routes, conditions and rewrites: stored, and in gateways.

use super::{named, object, reference, text, value};
use crate::{
    condition::Condition,
    model::{Named, Reference, Route},
    routing::Rewrite,
};
use serde_json::{Map, Value, json};

/// The settings of a route, as they are stored.
#[must_use]
pub fn route(route: &Named<Route<()>>) -> Value {
    let mut settings = settings(&route.value);
    settings.shift_remove("metadata");
    named("routes", route, settings)
}

/// A named condition.
#[must_use]
pub fn condition(condition: &Named<Condition>) -> Value {
    let settings = [("condition".to_owned(), json!(condition.value.as_str()))];
    named("conditions", condition, settings.into_iter().collect())
}

/// A named change of the path of a request.
#[must_use]
pub fn rewrite(rewrite: &Named<Rewrite>) -> Value {
    named("rewrites", rewrite, rewrite_settings(&rewrite.value))
}

fn rewrite_settings(rewrite: &Rewrite) -> Map<String, Value> {
    let path = format!("{} if {}", rewrite.path, rewrite.condition.as_str());
    [("path".to_owned(), Value::String(path))].into_iter().collect()
}

/// A route of a gateway: what it says, or the name of a stored one.
pub(super) fn in_gateway<P>(route: &Route<P>) -> Map<String, Value> {
    match &route.stored {
        Some(name) => [("reference".to_owned(), text(name))].into_iter().collect(),
        None => settings(route),
    }
}

fn settings<P>(route: &Route<P>) -> Map<String, Value> {
    let condition = route.condition.as_ref().map(|condition| match condition {
        Reference::Reference(name) => reference(name),
        Reference::Inline(condition) => json!({"condition": condition.as_str()}),
    });
    let rewrite = |rewrite: &Reference<Rewrite>| match rewrite {
        Reference::Reference(name) => reference(name),
        Reference::Inline(rewrite) => Value::Object(rewrite_settings(rewrite)),
    };
    let mut json = Map::new();
    json.insert("metadata".to_owned(), object(&route.metadata));
    json.insert("weight".to_owned(), value(&route.weight));
    json.insert("balance".to_owned(), route.balance.map_or_else(|| json!("default"), |balance| value(&balance)));
    json.insert("condition".to_owned(), condition.unwrap_or_default());
    json.insert("condition_strength".to_owned(), value(&route.strength));
    json.insert("rewrites".to_owned(), route.rewrites.iter().map(rewrite).collect());
    json.extend(super::entries(&route.settings));
    if let Some(selector) = &route.selector {
        json.insert("selector".to_owned(), json!(selector.as_str()));
    }
    json
}
