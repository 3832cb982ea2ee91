//! References between artifacts: shown as they are, expanded to what they stand for, or reduced to names.

use super::{Api, artifact, error::Problem};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use vamp_core::{
    Violation, Violations,
    engine::Failure,
    model::{Blueprint, Reference, read::Kind},
};

/// An expanded artifact may have references again, so often at most: breeds can depend on each other in a circle.
const DEPTH: usize = 8;
/// How many references one answer expands.
const MOST: usize = 1_000;

/// How references are shown; both at once means neither.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Shape {
    expand_references: bool,
    only_references: bool,
}

/// An artifact in this shape.
pub(super) async fn shaped(api: &Api, mut shown: Value, shape: Shape) -> Result<Value, Problem> {
    match (shape.expand_references, shape.only_references) {
        (true, false) => expand(api, shown).await,
        (false, true) => {
            reduce(&mut shown);
            Ok(shown)
        }
        _ => Ok(shown),
    }
}

/// The refusal of a name in a body that nothing has, as the original has it: 400.
pub(super) fn missing(path: impl Into<String>, kind: &str, name: &str) -> Problem {
    let message = format!("{kind} `{name}` does not exist");
    Failure::Invalid(Violation::new("ArtifactNotFound", path, message).into()).into()
}

/// What a blueprint refers to and is not there, with the place in it.
pub(super) fn in_blueprint(failure: Failure, blueprint: &Blueprint) -> Problem {
    let Failure::NotFound { kind, name } = &failure else { return failure.into() };
    let mut violations = Vec::new();
    for cluster in &blueprint.clusters {
        for (index, service) in cluster.services.iter().enumerate() {
            let breed = matches!(&service.breed, Reference::Reference(of) if of == name.as_str());
            let scale = matches!(&service.scale, Some(Reference::Reference(of)) if of == name.as_str());
            for (refers, key, of) in [(breed, "breed", "breeds"), (scale, "scale", "scales")] {
                if refers && of == *kind {
                    let path = format!("clusters/{}/services/{index}/{key}", cluster.name);
                    violations.push(Violation::new("ArtifactNotFound", path, failure.to_string()));
                }
            }
        }
    }
    match violations.is_empty() {
        true => missing("", kind, name),
        false => Failure::Invalid(Violations(violations)).into(),
    }
}

/// Breeds in place become references, and so do the breeds that breeds depend on.
fn reduce(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Object(dependencies)) = map.get_mut("dependencies") {
                for dependency in dependencies.values_mut() {
                    if let Some(name) = dependency.get("name").or(dependency.get("reference")) {
                        *dependency = name.clone();
                    }
                }
            }
            for (key, value) in map {
                match value.get("name").filter(|_| key == "breed") {
                    Some(name) => *value = json!({ "reference": name }),
                    None => reduce(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(reduce),
        _ => {}
    }
}

async fn expand(api: &Api, mut value: Value) -> Result<Value, Problem> {
    let mut expanded = 0;
    for _ in 0..DEPTH {
        let mut found = Vec::new();
        collect(&value, String::new(), None, &mut found);
        if found.is_empty() {
            break;
        }
        for (pointer, kind, name) in found {
            expanded += 1;
            if expanded > MOST {
                let message = format!("more than {MOST} references; read it without `expand_references`");
                return Err(Problem::new(StatusCode::BAD_REQUEST, message));
            }
            let stored = api.engine.find_any(kind, &name).await?;
            let absent = || missing(pointer.trim_start_matches('/'), kind.plural(), &name);
            let (stored, _) = stored.ok_or_else(absent)?;
            if let Some(place) = value.pointer_mut(&pointer) {
                *place = artifact::show(&stored)?;
            }
        }
    }
    Ok(value)
}

/// Finds `{reference: NAME}`, whose kind the key above says, and the breeds that breeds depend on.
fn collect(value: &Value, pointer: String, kind: Option<Kind>, found: &mut Vec<(String, Kind, String)>) {
    let below = |key: &str| format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(map) => {
            if let (1, Some(name), Some(kind)) = (map.len(), map.get("reference").and_then(Value::as_str), kind) {
                found.push((pointer, kind, name.to_owned()));
                return;
            }
            for (key, value) in map {
                if let (true, Value::Object(dependencies)) = (key == "dependencies", value) {
                    let texts = dependencies.iter().filter_map(|(alias, of)| Some((alias, of.as_str()?)));
                    let at = |alias: &str| format!("{}/{}", below(key), alias.replace('~', "~0").replace('/', "~1"));
                    found.extend(texts.map(|(alias, name)| (at(alias), Kind::Breed, name.to_owned())));
                }
                // Entries of a map of routes are routes.
                let kind = key.parse().ok().or(kind.filter(|_| pointer.ends_with("/routes")));
                collect(value, below(key), kind, found);
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| collect(item, below(&index.to_string()), kind, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_by_the_key_that_they_stand_under() {
        let value = json!({
            "kind": "blueprints",
            "clusters": {"a/b": {"services": [{
                "breed": {"reference": "x"},
                "scale": {"reference": "small"},
                "nothing": {"reference": "y"},
            }]}},
            "dependencies": {"db": "mysql"},
        });
        let mut found = Vec::new();
        collect(&value, String::new(), None, &mut found);
        let found: Vec<(&str, Kind, &str)> =
            found.iter().map(|(pointer, kind, name)| (pointer.as_str(), *kind, name.as_str())).collect();
        let expected = [
            ("/clusters/a~1b/services/0/breed", Kind::Breed, "x"),
            ("/clusters/a~1b/services/0/scale", Kind::Scale, "small"),
            ("/dependencies/db", Kind::Breed, "mysql"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn breeds_are_reduced_to_their_names() {
        let mut value = json!({"clusters": {"a": {"services": [{"breed": {"name": "x", "ports": {}}}]}}});
        reduce(&mut value);
        assert_eq!(value, json!({"clusters": {"a": {"services": [{"breed": {"reference": "x"}}]}}}));
        let mut breed = json!({"name": "x", "dependencies": {"db": {"name": "y"}, "c": "z"}});
        reduce(&mut breed);
        assert_eq!(breed, json!({"name": "x", "dependencies": {"db": "y", "c": "z"}}));
    }
}
