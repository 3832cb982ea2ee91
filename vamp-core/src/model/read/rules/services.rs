//! Rules about services, their variables and what they depend on.

use super::{breeds, cluster_path, service_path};
use crate::model::{
    Blueprint, Breed, Cluster, ClusterSla, Environment, Escalation, Name, Reference, Service,
    interpolation::{self, Piece},
    read::{
        blueprint::Form,
        breed::has_trait,
        health,
        report::{Path, Report},
    },
};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(blueprint: &Blueprint, form: Form, report: &mut Report<'_>) {
    if blueprint.clusters.iter().all(|cluster| cluster.services.is_empty()) {
        let at = ["clusters"].into_iter().collect();
        report.refuse(&at, "NoServiceError", "the blueprint has no service", "a cluster has at least one breed");
    }
    check_environment(blueprint, report);
    check_unique(blueprint, report);
    for (cluster, index, service) in services(blueprint) {
        let at = service_path(cluster, index);
        check_service_environment(service, &at, report);
        if let Some(breed) = service.breed.inline() {
            check_references(blueprint, &breed.environment_variables, &at.join("breed"), report);
            let ports: Vec<&str> = breed.ports.keys().collect();
            let checks = service.health_checks.as_deref().unwrap_or_default();
            health::resolve_ports(checks, &ports, &at.join("health_checks"), report);
        }
    }
    check_dependencies(blueprint, form, report);
    check_cluster_health(blueprint, report);
    if form == Form::Stored {
        check_escalations(blueprint, report);
    }
}

fn services(blueprint: &Blueprint) -> impl Iterator<Item = (&Cluster, usize, &Service)> {
    let clusters = blueprint.clusters.iter();
    clusters
        .flat_map(|cluster| cluster.services.iter().enumerate().map(move |(index, service)| (cluster, index, service)))
}

/// Variables of the blueprint must exist where they point to.
fn check_environment(blueprint: &Blueprint, report: &mut Report<'_>) {
    let at: Path = ["environment_variables"].into_iter().collect();
    let clusters: BTreeMap<&str, &Cluster> =
        blueprint.clusters.iter().map(|cluster| (cluster.name.as_str(), cluster)).collect();
    for (key, _) in blueprint.environment_variables.iter() {
        let split = key.split_once(".environment_variables.");
        let cluster = split.and_then(|(cluster, name)| Some((clusters.get(cluster)?, name)));
        let known = cluster.is_some_and(|(cluster, name)| {
            breeds(cluster).is_none_or(|all| all.iter().any(|breed| breed.environment_variables.contains(name)))
        });
        if !known {
            let message = format!("`{key}` is no variable of a cluster");
            let hint =
                "write `cluster.environment_variables.NAME`, with a variable that a breed of the cluster declares";
            report.refuse_key(&at.join(key), "UnresolvedEnvironmentVariableError", message, hint);
        }
    }
    check_references(blueprint, &blueprint.environment_variables, &Path::default(), report);
}

/// `$cluster.group.name` must exist in that cluster, if all its breeds are in place.
fn check_references(blueprint: &Blueprint, environment: &Environment, at: &Path, report: &mut Report<'_>) {
    for (name, variable) in environment.iter() {
        let pieces = variable.value.as_deref().map(interpolation::parse).and_then(Result::ok).unwrap_or_default();
        for piece in pieces {
            let Piece::Trait { of, group, name: wanted } = piece else { continue };
            let Some(breeds) = blueprint.cluster(&of).and_then(breeds) else { continue };
            if !breeds.iter().any(|breed| has_trait(breed, &group, &wanted)) {
                let message = format!("`${of}.{group}.{wanted}` is declared by no breed of cluster `{of}`");
                let place = at.join("environment_variables").join(name);
                report.refuse(&place, "UnresolvedEnvironmentVariableError", message, "");
            }
        }
    }
}

fn check_unique(blueprint: &Blueprint, report: &mut Report<'_>) {
    let mut seen = BTreeSet::new();
    for (cluster, index, service) in services(blueprint) {
        let name = service.breed.name();
        if !seen.insert(name) {
            let message = format!("the breed `{name}` is used twice");
            let at = service_path(cluster, index).join("breed");
            let hint = "a service is known by its breed: give the other one another name";
            report.refuse(&at, "NonUniqueBlueprintBreedReferenceError", message, hint);
        }
    }
}

fn check_service_environment(service: &Service, at: &Path, report: &mut Report<'_>) {
    for (name, variable) in service.environment_variables.iter() {
        let place = at.join("environment_variables").join(name);
        if variable.value.is_none() {
            report.refuse(&place, "MissingEnvironmentVariableError", format!("`{name}` has no value"), "");
        }
        let Some(breed) = service.breed.inline() else { continue };
        if !breed.environment_variables.contains(name) {
            let message = format!("`{name}` is no variable of breed `{}`", breed.name);
            let hint = "declare it in the breed; without a value it is written `NAME: ~`";
            report.refuse_key(&place, "UnresolvedDependencyInTraitValueError", message, hint);
        }
    }
}

fn check_dependencies(blueprint: &Blueprint, form: Form, report: &mut Report<'_>) {
    let all: BTreeMap<&str, Option<&Breed>> =
        services(blueprint).map(|(_, _, service)| (service.breed.name().as_str(), service.breed.inline())).collect();
    for (cluster, index, service) in services(blueprint) {
        let Some(breed) = service.breed.inline() else { continue };
        let at = service_path(cluster, index).join("breed").join("dependencies");
        let missing = breed.dependencies.iter().filter(|(_, dependency)| !all.contains_key(dependency.name().as_str()));
        for (alias, dependency) in missing.filter(|_| form == Form::Stored) {
            let message = format!("the dependency `{}` is no breed of the blueprint", dependency.name());
            report.refuse(&at.join(alias), "UnresolvedBreedDependencyError", message, "");
        }
        if reaches(breed, breed.name.as_str(), &all, &mut BTreeSet::new()) {
            let message = format!("`{}` depends on itself", breed.name);
            report.refuse(&at, "RecursiveDependenciesError", message, "");
        }
    }
}

/// Whether the dependencies of `from` lead to `goal`.
fn reaches<'b>(
    from: &'b Breed,
    goal: &str,
    all: &BTreeMap<&'b str, Option<&'b Breed>>,
    seen: &mut BTreeSet<&'b str>,
) -> bool {
    from.dependencies.values().map(Reference::name).any(|name| {
        let next = all.get(name.as_str()).copied().flatten();
        *name == goal || (seen.insert(name.as_str()) && next.is_some_and(|next| reaches(next, goal, all, seen)))
    })
}

/// The port of a check of a cluster must exist in one of its breeds.
fn check_cluster_health(blueprint: &Blueprint, report: &mut Report<'_>) {
    for cluster in &blueprint.clusters {
        let (Some(checks), Some(breeds)) = (&cluster.health_checks, breeds(cluster)) else { continue };
        let ports: BTreeSet<&str> = breeds.iter().flat_map(|breed| breed.ports.keys()).collect();
        let ports: Vec<&str> = ports.into_iter().collect();
        health::resolve_ports(checks, &ports, &cluster_path(cluster).join("health_checks"), report);
    }
}

/// A scaling escalation must target a cluster of the blueprint.
fn check_escalations(blueprint: &Blueprint, report: &mut Report<'_>) {
    for cluster in &blueprint.clusters {
        let escalations = cluster.sla.as_ref().map(ClusterSla::escalations).unwrap_or_default();
        for target in escalations.iter().flat_map(targets) {
            if blueprint.cluster(target.as_str()).is_none() {
                let message = format!("the escalation targets `{target}`, which is no cluster");
                let at = cluster_path(cluster).join("sla").join("escalations");
                report.refuse(&at, "UnresolvedScaleEscalationTargetCluster", message, "");
            }
        }
    }
}

/// The clusters that an escalation scales, as far as it is known.
fn targets(escalation: &Reference<Escalation>) -> Vec<&Name> {
    match escalation.inline() {
        Some(Escalation::All(inner) | Escalation::One(inner)) => inner.iter().flat_map(targets).collect(),
        Some(other) => other.target().into_iter().collect(),
        None => Vec::new(),
    }
}
