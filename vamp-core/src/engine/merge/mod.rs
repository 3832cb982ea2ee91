//! Merging a blueprint into a deployment: what is named is added or replaced, what is omitted stays.

pub(super) mod dependencies;
pub(super) mod gateways;

use crate::{
    Violation, Violations,
    model::{
        Blueprint, Breed, Cluster, DeployedCluster, DeployedService, Deployment, Intention, Name, Ordered, PhaseName,
        Scale, Service, Status, resolve,
    },
};
use std::{collections::BTreeMap, time::SystemTime};

/// The deployment after the merge. Breeds and scales of the blueprint are in place.
pub(super) fn merge(
    before: Option<&Deployment>,
    name: &Name,
    blueprint: &Blueprint,
    now: SystemTime,
) -> Result<Deployment, Violations> {
    let mut deployment = before.cloned().unwrap_or_else(|| Deployment::new(name.clone()));
    extend(&mut deployment.metadata, &blueprint.metadata);
    extend(&mut deployment.dialects, &blueprint.dialects);
    for (key, variable) in blueprint.environment_variables.iter() {
        deployment.environment_variables.insert(key, variable.clone());
    }
    for cluster in &blueprint.clusters {
        merge_cluster(&mut deployment, cluster, now);
    }
    let mut violations = doubled_breeds(&deployment);
    violations.extend(dependencies::connect(&mut deployment));
    begin_again(&mut deployment, before, blueprint, now);
    if violations.is_empty() { Ok(deployment) } else { Err(Violations(violations)) }
}

/// A service that runs something else from now on, or has failed and is asked for again, gets its time to become healthy
/// anew. A drain stays what it is: what the driver was told to stop is not taken back.
fn begin_again(deployment: &mut Deployment, before: Option<&Deployment>, blueprint: &Blueprint, now: SystemTime) {
    let Some(before) = before else { return };
    let mut changed = deployment.clone();
    for cluster in &mut changed.clusters {
        let asked_for = |service: &DeployedService| {
            let named = blueprint.cluster(cluster.name.as_str()).map(|one| one.services.iter());
            named.into_iter().flatten().any(|one| *one.breed.name() == service.breed.name)
        };
        let again: Vec<bool> = cluster
            .services
            .iter()
            .map(|service| {
                let failed = service.status.phase.name == PhaseName::Failed && asked_for(service);
                failed || runs_differently(before, deployment, cluster.name.as_str(), service.breed.name.as_str())
            })
            .collect();
        for (service, _) in cluster.services.iter_mut().zip(again).filter(|(_, again)| *again) {
            service.status = Status::initiated(service.status.intention, now);
        }
    }
    *deployment = changed;
}

fn runs_differently(before: &Deployment, after: &Deployment, cluster: &str, breed: &str) -> bool {
    let runs = |deployment: &Deployment| {
        let cluster = deployment.cluster(cluster)?;
        let service = cluster.service(breed).filter(|one| one.status.intention == Intention::Deployment)?;
        Some((service.scale, resolve::template(deployment, cluster, service, &resolve::Anywhere).ok()?.revision()))
    };
    let (before, after) = (runs(before), runs(after));
    before.is_some() && before != after
}

fn merge_cluster(deployment: &mut Deployment, cluster: &Cluster, now: SystemTime) {
    if deployment.cluster(cluster.name.as_str()).is_none() {
        deployment.clusters.push(DeployedCluster {
            name: cluster.name.clone(),
            services: Vec::new(),
            metadata: cluster.metadata.clone(),
            health_checks: None,
            network: None,
            sla: None,
            dialects: serde_json::Map::new(),
        });
    }
    let Some(deployed) = deployment.cluster_mut(cluster.name.as_str()) else { return };
    extend(&mut deployed.metadata, &cluster.metadata);
    extend(&mut deployed.dialects, &cluster.dialects);
    replace(&mut deployed.health_checks, cluster.health_checks.as_ref());
    replace(&mut deployed.network, cluster.network.as_ref());
    replace(&mut deployed.sla, cluster.sla.as_ref());
    for service in &cluster.services {
        merge_service(deployed, service, now);
    }
}

fn merge_service(cluster: &mut DeployedCluster, service: &Service, now: SystemTime) {
    let name = service.breed.name();
    let Some(breed) = service.breed.inline() else { return };
    let scale = service.scale.as_ref().and_then(|scale| scale.inline().copied());
    let Some(deployed) = cluster.service_mut(name.as_str()) else {
        cluster.services.push(new_service(service, breed, scale.unwrap_or_default(), now));
        return;
    };
    deployed.breed = breed.clone();
    deployed.scale = scale.unwrap_or(deployed.scale);
    if !service.environment_variables.is_empty() {
        deployed.environment_variables = service.environment_variables.clone();
    }
    if !service.arguments.is_empty() {
        deployed.arguments.clone_from(&service.arguments);
    }
    replace(&mut deployed.health_checks, service.health_checks.as_ref());
    replace(&mut deployed.network, service.network.as_ref());
    if !service.dialects.is_empty() {
        deployed.dialects.clone_from(&service.dialects);
    }
    if deployed.status.intention == Intention::Undeployment {
        deployed.status = Status::initiated(Intention::Deployment, now);
    }
}

fn new_service(service: &Service, breed: &Breed, scale: Scale, now: SystemTime) -> DeployedService {
    DeployedService {
        breed: breed.clone(),
        scale,
        environment_variables: service.environment_variables.clone(),
        arguments: service.arguments.clone(),
        health_checks: service.health_checks.clone(),
        network: service.network.clone(),
        dialects: service.dialects.clone(),
        dependencies: Ordered::new(),
        status: Status::initiated(Intention::Deployment, now),
        instances: Vec::new(),
        drain: None,
    }
}

pub(super) fn extend(
    map: &mut serde_json::Map<String, serde_json::Value>,
    more: &serde_json::Map<String, serde_json::Value>,
) {
    map.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
}

fn replace<T: Clone>(present: &mut Option<T>, given: Option<&T>) {
    if let Some(given) = given {
        *present = Some(given.clone());
    }
}

fn doubled_breeds(deployment: &Deployment) -> Vec<Violation> {
    let mut seen = BTreeMap::new();
    let mut doubled = Vec::new();
    for cluster in &deployment.clusters {
        for service in cluster.services.iter().filter(|one| one.status.intention == Intention::Deployment) {
            let Some(other) = seen.insert(service.breed.name.as_str(), cluster.name.as_str()) else { continue };
            let message = format!("breed `{}` runs in cluster `{other}` already", service.breed.name);
            doubled.push(Violation::new("NonUniqueBreedReferenceError", format!("clusters/{}", cluster.name), message));
        }
    }
    doubled
}
