//! Breeds.

use super::{
    health,
    report::{Cursor, Fields, Path, Report},
    traits::{self, Aliases},
};
use crate::model::{
    Breed, Deployable, Environment, Name, Ordered, Reference,
    interpolation::{self, Piece},
};

/// An artifact of its own.
pub(super) fn whole(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Breed> {
    breed(at, report, &[])
}

/// Reads a breed; `also` are keys of what stands around it.
pub(super) fn breed(at: &Cursor<'_>, report: &mut Report<'_>, also: &[&'static str]) -> Option<Breed> {
    let mut fields = at.fields(report);
    fields.ignore(also);
    fields.ignore(&["lookup_name"]);
    fields.kind(report, &["breeds"]);
    let name = fields.require(report, "name").and_then(|at| at.parse::<Name>(report, "IllegalName"));
    let deployable = deployable(&mut fields, report);
    let ports = fields.get("ports").map(|at| traits::ports(&at, report)).unwrap_or_default();
    let environment = fields.either("environment_variables", "env");
    let environment = environment.map(|at| traits::environment(&at, report, Aliases::Kept)).unwrap_or_default();
    let constants = fields.get("constants").map(|at| traits::constants(&at, report)).unwrap_or_default();
    let arguments = fields.get("arguments").map(|at| traits::arguments(&at, report)).unwrap_or_default();
    let dependencies = fields.get("dependencies").map(|at| dependencies(&at, report)).unwrap_or_default();
    let health_checks = fields.get("health_checks").map(|at| health::checks(&at, report));
    let metadata = fields.metadata(report);
    fields.finish(report);
    let breed = Breed {
        name: name?,
        deployable: deployable?,
        ports,
        environment_variables: environment,
        constants,
        arguments,
        dependencies,
        health_checks,
        metadata,
    };
    check(&breed, &at.path, report);
    Some(breed)
}

/// Where a breed is expected: a name, a map with `reference` or `ref`, or a breed.
pub(super) fn reference(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Reference<Breed>> {
    if at.node.text().is_some() {
        return at.parse(report, "IllegalName").map(Reference::Reference);
    }
    let mut fields = at.fields(report);
    match fields.either("reference", "ref") {
        Some(name) => {
            fields.ignore(&["kind"]);
            fields.finish(report);
            name.parse(report, "IllegalName").map(Reference::Reference)
        }
        None => breed(at, report, &[]).map(|breed| Reference::Inline(Box::new(breed))),
    }
}

fn deployable(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<Deployable> {
    let Some(at) = fields.get("deployable") else {
        fields.missing(report, "deployable/definition");
        return None;
    };
    if let Some(text) = at.node.text() {
        return Some(Deployable { kind: None, definition: text.to_owned() });
    }
    let mut fields = at.inner_fields(report)?;
    let kind = fields.get("type").map(|at| at.text(report));
    let definition = fields.require(report, "definition").and_then(|at| at.text(report));
    fields.finish(report);
    Some(Deployable { kind: kind.flatten().map(str::to_owned), definition: definition?.to_owned() })
}

fn dependencies(at: &Cursor<'_>, report: &mut Report<'_>) -> Ordered<Reference<Breed>> {
    let mut found = Ordered::new();
    for (alias, at) in at.entries(report) {
        if alias.parse::<Name>().is_err() {
            report.refuse_key(&at.path, "IllegalName", format!("`{alias}` is not a name"), "");
        }
        let nested = at.node.get("breed").is_some();
        let dependency = if nested {
            let mut fields = at.fields(report);
            let breed = fields.get("breed").and_then(|at| reference(&at, report));
            fields.finish(report);
            breed
        } else {
            reference(&at, report)
        };
        dependency.map(|dependency| found.insert(alias, dependency));
    }
    found
}

fn check(breed: &Breed, at: &Path, report: &mut Report<'_>) {
    if let Some(checks) = &breed.health_checks {
        let ports: Vec<&str> = breed.ports.keys().collect();
        health::resolve_ports(checks, &ports, &at.join("health_checks"), report);
    }
    check_references(breed, at, report);
    if is_recursive(breed, &mut Vec::new()) {
        let message = format!("`{}` depends on itself", breed.name);
        report.refuse(&at.join("dependencies"), "RecursiveDependenciesError", message, "");
    }
}

/// Every `$alias.group.name` and `$alias.host` must name a dependency; of a dependency in place, something it has.
fn check_references(breed: &Breed, at: &Path, report: &mut Report<'_>) {
    let variables = variables(&breed.environment_variables, "environment_variables");
    let constants = breed.constants.iter().map(|(name, constant)| ("constants", name, constant.0.as_str()));
    for (group, name, value) in variables.chain(constants) {
        for piece in interpolation::parse(value).unwrap_or_default() {
            if let Some(reference) = unresolved(breed, &piece) {
                let message = format!("`${reference}` is not declared by a dependency");
                let place = at.join(group).join(name);
                report.refuse(
                    &place,
                    "UnresolvedDependencyInTraitValueError",
                    message,
                    "declare it under `dependencies`",
                );
            }
        }
    }
}

/// The group, name and value of every variable that is set.
fn variables<'e>(environment: &'e Environment, group: &'e str) -> impl Iterator<Item = (&'e str, &'e str, &'e str)> {
    environment.iter().filter_map(move |(name, variable)| Some((group, name, variable.value.as_deref()?)))
}

fn unresolved(breed: &Breed, piece: &Piece) -> Option<String> {
    match piece {
        Piece::Host(of) => (!breed.dependencies.contains(of)).then(|| format!("{of}.host")),
        Piece::Trait { of, group, name } => {
            let known = breed.dependencies.get(of).is_some_and(|dependency| match dependency.inline() {
                None => true,
                Some(dependency) => has_trait(dependency, group, name),
            });
            (!known).then(|| format!("{of}.{group}.{name}"))
        }
        Piece::Text(_) | Piece::Local(_) | Piece::Global(_) => None,
    }
}

/// Whether the breed declares `name` in that group.
pub(super) fn has_trait(breed: &Breed, group: &str, name: &str) -> bool {
    match group {
        "ports" => breed.ports.contains(name),
        "environment_variables" | "env" => breed.environment_variables.contains(name),
        "constants" => breed.constants.contains(name),
        "hosts" => name == "host",
        _ => false,
    }
}

/// Whether a breed is reached again through its dependencies in place.
fn is_recursive<'b>(breed: &'b Breed, above: &mut Vec<&'b str>) -> bool {
    if above.contains(&breed.name.as_str()) {
        return true;
    }
    above.push(breed.name.as_str());
    let found = breed.dependencies.values().any(|dependency| match dependency {
        Reference::Reference(name) => above.contains(&name.as_str()),
        Reference::Inline(inner) => is_recursive(inner, above),
    });
    above.pop();
    found
}
