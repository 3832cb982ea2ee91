//! The schemas of artifacts: those of the model, and of what the API shows beside.

use serde_json::{Map, Value, json};
use vamp_core::model::{read::Kind, schema};

/// A whole artifact.
pub(super) fn whole(kind: Kind) -> String {
    kind.singular().to_owned()
}

/// One that may leave out its name, since it stands in the path.
pub(super) fn unnamed(kind: Kind) -> String {
    format!("{}.unnamed", kind.singular())
}

/// One or several.
pub(super) fn several(kind: Kind) -> String {
    format!("{}.several", kind.singular())
}

/// What is answered when it was stored: with what stood in it, or bare when it was only checked.
pub(super) fn stored(kind: Kind) -> String {
    format!("{}.stored", kind.singular())
}

/// Every schema of artifacts, by name; the parts that they share begin with `part.`.
pub(super) fn all() -> Map<String, Value> {
    let mut all = Map::new();
    for kind in Kind::ALL {
        let mut schema = schema(kind);
        let Value::Object(keywords) = &mut schema else { continue };
        keywords.shift_remove("$schema");
        if let Some(Value::Object(parts)) = keywords.shift_remove("$defs") {
            all.extend(parts.into_iter().map(|(name, part)| (format!("part.{name}"), referring(part))));
        }
        let schema = referring(schema);
        all.insert(unnamed(kind), without_name(schema.clone()));
        all.insert(several(kind), one_or_several(&refer(&whole(kind))));
        all.insert(stored(kind), one_or_several(&any(&shown_with(kind))));
        all.insert(whole(kind), schema);
    }
    let gateway = with_changes(all.get("gateway").cloned().unwrap_or_default());
    all.insert("gateway.checked".to_owned(), gateway);
    all.insert("deployment".to_owned(), deployment());
    all.insert("deployment.or.blueprint".to_owned(), any(&["deployment".to_owned(), whole(Kind::Blueprint)]));
    all.insert("deployment.request".to_owned(), request());
    let kinds: Vec<String> = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Gateway).map(whole).collect();
    let others = ["gateway.checked", "deployment"].map(str::to_owned);
    all.insert("artifact".to_owned(), any(&[kinds.as_slice(), &others].concat()));
    all.insert("documents".to_owned(), documents());
    all
}

/// A blueprint comes with the breeds that stand in it, a gateway that was only checked with what would change.
fn shown_with(kind: Kind) -> Vec<String> {
    match kind {
        Kind::Blueprint => vec![whole(Kind::Breed), whole(kind)],
        Kind::Gateway => vec!["gateway.checked".to_owned()],
        _ => vec![whole(kind)],
    }
}

fn refer(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn part(name: &str) -> Value {
    refer(&format!("part.{name}"))
}

fn any(names: &[String]) -> Value {
    json!({ "anyOf": names.iter().map(|name| refer(name)).collect::<Vec<Value>>() })
}

fn one_or_several(item: &Value) -> Value {
    json!({ "anyOf": [item, { "type": "array", "items": item }] })
}

/// A map of known keys, all of which are there but those named.
fn object(properties: &Value, optional: &[&str]) -> Value {
    let keys = properties.as_object().into_iter().flat_map(Map::keys);
    let required: Vec<&String> = keys.filter(|key| !optional.contains(&key.as_str())).collect();
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
}

fn map(values: &Value) -> Value {
    json!({ "type": "object", "additionalProperties": values })
}

fn list(items: &Value) -> Value {
    json!({ "type": "array", "items": items })
}

/// The same with its references to parts as they are named here, and with alternatives where there are several types:
/// there are programs that do not know the short form.
fn referring(schema: Value) -> Value {
    match schema {
        Value::Object(mut keywords) => {
            if let Some(Value::Array(types)) = keywords.get("type").cloned() {
                keywords.shift_remove("type");
                let form = |of: Value| keywords.clone().into_iter().chain([("type".to_owned(), of)]).collect();
                return json!({ "anyOf": types.into_iter().map(form).collect::<Vec<Value>>() });
            }
            let moved = |(keyword, rule): (String, Value)| match (keyword.as_str(), rule.as_str()) {
                ("$ref", Some(target)) => (keyword, target.replace("#/$defs/", "#/components/schemas/part.").into()),
                _ => (keyword, referring(rule)),
            };
            Value::Object(keywords.into_iter().map(moved).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(referring).collect()),
        other => other,
    }
}

/// The same without the demand for a name, in each of its forms.
fn without_name(mut schema: Value) -> Value {
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|key| key != "name");
    }
    if let Some(Value::Array(forms)) = schema.get_mut("anyOf") {
        forms.iter_mut().for_each(|form| *form = without_name(form.take()));
    }
    schema
}

fn with_changes(mut schema: Value) -> Value {
    schema["properties"]["changes"] =
        json!({ "type": "object", "description": "What would change; only of what is checked and not stored." });
    schema
}

/// What a request to deploy, merge or remove brings.
fn request() -> Value {
    let stored = json!({
        "type": "object",
        "description": "The name of a stored blueprint.",
        "required": ["name"],
        "properties": { "name": part("name"), "kind": { "enum": ["blueprints", "blueprint", "deployments", "deployment"] } },
        "additionalProperties": false,
    });
    json!({ "anyOf": [refer("blueprint"), stored, refer("deployment")] })
}

/// Documents of any kind; in YAML also several of them.
fn documents() -> Value {
    let kinds = Kind::ALL.into_iter().flat_map(|kind| [kind.plural(), kind.singular()]);
    let kinds: Vec<&str> = kinds.chain(["deployments", "deployment"]).collect();
    one_or_several(&json!({
        "type": "object",
        "description": "An artifact, as its kind has it, that says its kind.",
        "required": ["kind", "name"],
        "properties": { "kind": { "enum": kinds }, "name": part("gatewayName") },
    }))
}

fn deployment() -> Value {
    let shown = json!({
        "name": part("name"),
        "kind": { "const": "deployments" },
        "metadata": { "type": "object" },
        "lookup_name": { "type": "string" },
        "clusters": map(&cluster()),
        "ports": map(&json!({ "type": "string" })),
        "environment_variables": part("variables"),
        "hosts": map(&json!({ "type": "string" })),
        "dialects": { "type": "object" },
    });
    with_changes(object(&shown, &[]))
}

fn cluster() -> Value {
    let shown = json!({
        "metadata": { "type": "object" },
        "services": list(&service()),
        "gateways": map(&part("gateway")),
        "health_checks": part("healthChecks"),
        "network": { "type": "string" },
        "dialects": { "type": "object" },
        "sla": part("sla"),
    });
    object(&shown, &["health_checks", "network", "sla"])
}

fn service() -> Value {
    let (text, count) = (json!({ "type": "string" }), json!({ "type": "integer", "minimum": 0 }));
    let time = json!({ "type": "string", "format": "date-time" });
    let phase = json!({
        "name": { "enum": ["Initiated", "Updating", "Done", "Failed"] },
        "since": time,
        "notification": { "type": "string", "description": "Why it waits or failed." },
    });
    let status = json!({
        "intention": { "enum": ["Deployment", "Undeployment"] },
        "since": time,
        "phase": object(&phase, &["notification"]),
    });
    let drain = json!({ "since": time, "instances": list(&text), "released": { "type": "boolean" } });
    let health = json!({ "staged": count, "running": count, "healthy": count, "unhealthy": count });
    let shown = json!({
        "status": object(&status, &[]),
        "breed": part("breed"),
        "environment_variables": part("variables"),
        "scale": part("scale"),
        "instances": list(&instance()),
        "arguments": part("arguments"),
        "health_checks": part("healthChecks"),
        "dependencies": map(&text),
        "network": text,
        "dialects": { "type": "object" },
        "health": object(&health, &[]),
        "drain": object(&drain, &[]),
    });
    object(&shown, &["health_checks", "network", "drain"])
}

fn instance() -> Value {
    let text = json!({ "type": "string" });
    let shown = json!({
        "name": text,
        "host": text,
        "ports": map(&json!({ "type": "integer", "minimum": 0, "maximum": 65535 })),
        "deployed": { "type": "boolean" },
        "metadata": { "type": "object" },
        "state": text,
        "reason": { "type": "string", "description": "Why it is so." },
        "node": { "type": "string", "description": "The machine that it runs on." },
    });
    object(&shown, &["reason", "node"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_schema_and_one_without_its_name() {
        let all = all();
        for kind in Kind::ALL {
            let forms = |name: &str| {
                let schema = &all[name];
                let forms = schema["anyOf"].as_array().expect(name).clone();
                // Kinds with several forms have the demand in each of them.
                forms.into_iter().flat_map(|form| form["anyOf"].as_array().cloned().unwrap_or(vec![form])).collect()
            };
            let demands = |name: &str| {
                let forms: Vec<Value> = forms(name);
                forms
                    .iter()
                    .filter(|form| form["required"].as_array().is_some_and(|keys| keys.contains(&json!("name"))))
                    .count()
            };
            assert!(demands(&whole(kind)) > 0, "{kind}");
            assert_eq!(demands(&unnamed(kind)), 0, "{kind}");
            for key in ["$schema", "$defs"] {
                assert!(all[&whole(kind)].get(key).is_none(), "{kind}");
            }
        }
        assert!(!Value::Object(all).to_string().contains("#/$defs/"));
    }
}
