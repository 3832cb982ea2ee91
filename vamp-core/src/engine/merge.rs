//! Merging a blueprint into a deployment: what is named is added or replaced, what is omitted stays.

use crate::{
    Violation, Violations,
    model::{
        Blueprint, Breed, Cluster, DeployedCluster, DeployedService, Deployment, Gateway, GatewayName, GatewayTemplate,
        Intention, Name, Ordered, Port, Route, RoutePath, Scale, Service, Status,
    },
    weight::Weight,
};
use std::{collections::BTreeMap, num::NonZeroU16, sync::Arc, time::SystemTime};

/// What the references of a blueprint stand for.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    pub(super) breeds: BTreeMap<String, Breed>,
    pub(super) scales: BTreeMap<String, Scale>,
}

/// The deployment after the merge.
pub(super) fn merge(
    before: Option<&Deployment>,
    name: &Name,
    blueprint: &Blueprint,
    resolved: &Resolved,
    now: SystemTime,
) -> Result<Deployment, Violations> {
    let mut deployment = before.cloned().unwrap_or_else(|| Deployment::new(name.clone()));
    extend(&mut deployment.metadata, &blueprint.metadata);
    extend(&mut deployment.dialects, &blueprint.dialects);
    for (key, variable) in blueprint.environment_variables.iter() {
        deployment.environment_variables.insert(key, variable.clone());
    }
    for cluster in &blueprint.clusters {
        merge_cluster(&mut deployment, cluster, resolved, now);
    }
    let doubled = doubled_breeds(&deployment);
    if doubled.is_empty() { Ok(deployment) } else { Err(Violations(doubled)) }
}

fn merge_cluster(deployment: &mut Deployment, cluster: &Cluster, resolved: &Resolved, now: SystemTime) {
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
        merge_service(deployed, service, resolved, now);
    }
}

fn merge_service(cluster: &mut DeployedCluster, service: &Service, resolved: &Resolved, now: SystemTime) {
    let name = service.breed.name();
    let Some(breed) = service.breed.inline().or_else(|| resolved.breeds.get(name.as_str())) else { return };
    let scale = service.scale.as_ref().and_then(|scale| match scale {
        crate::model::Reference::Inline(scale) => Some(**scale),
        crate::model::Reference::Reference(name) => resolved.scales.get(name.as_str()).copied(),
    });
    let Some(deployed) = cluster.service_mut(name.as_str()) else {
        cluster.services.push(new_service(service, breed, scale.unwrap_or_default(), now));
        return;
    };
    let before = deployed.clone();
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
    if deployed.status.intention == Intention::Undeployment || *deployed != before {
        deployed.status = Status::initiated(Intention::Deployment, now);
        deployed.drain = None;
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

fn extend(map: &mut serde_json::Map<String, serde_json::Value>, more: &serde_json::Map<String, serde_json::Value>) {
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
        for service in &cluster.services {
            let Some(other) = seen.insert(service.breed.name.as_str(), cluster.name.as_str()) else { continue };
            let message = format!("breed `{}` runs in cluster `{other}` already", service.breed.name);
            doubled.push(Violation::new("NonUniqueBreedReferenceError", format!("clusters/{}", cluster.name), message));
        }
    }
    doubled
}

// === gateways ===

/// The gateways after the merge: one per port of each cluster that the blueprint names, and its external ones.
pub(super) fn gateways(
    deployment: &Deployment,
    blueprint: &Blueprint,
    stored: impl Fn(&str) -> Option<Arc<Gateway>>,
) -> Result<Vec<Gateway>, Violations> {
    let mut found = Vec::new();
    for cluster in &blueprint.clusters {
        let Some(deployed) = deployment.cluster(cluster.name.as_str()) else { continue };
        for (port, kind) in ports(deployed) {
            let name = gateway_name(&[deployment.name.as_str(), cluster.name.as_str(), port])?;
            let before = stored(name.as_str());
            let before =
                before.as_deref().cloned().unwrap_or_else(|| Gateway::new(name, Port { number: None, ..kind }));
            let template = cluster.gateways.get(port).or_else(|| cluster.gateways.get(""));
            found.push(internal(before, deployment, deployed, port, template)?);
        }
    }
    for (key, template) in blueprint.gateways.iter() {
        found.push(external(deployment, key, template)?);
    }
    Ok(found)
}

fn ports(cluster: &DeployedCluster) -> BTreeMap<&str, Port> {
    let stays = |service: &&DeployedService| service.status.intention == Intention::Deployment;
    cluster
        .services
        .iter()
        .filter(stays)
        .flat_map(|service| service.breed.ports.iter())
        .map(|(name, port)| (name, *port))
        .collect()
}

fn internal(
    mut gateway: Gateway,
    deployment: &Deployment,
    cluster: &DeployedCluster,
    port: &str,
    template: Option<&GatewayTemplate>,
) -> Result<Gateway, Violations> {
    for service in &cluster.services {
        if service.status.intention == Intention::Deployment && service.breed.ports.contains(port) {
            let path = service_path(deployment, cluster, service, port)?;
            if gateway.route(&path).is_none() {
                gateway.routes.push(Route::new(path));
            }
        }
    }
    if let Some(template) = template {
        apply_template(&mut gateway, template);
    }
    Ok(gateway)
}

/// What the template says about routes replaces what was; with weights in it, routes that it does not name get none.
fn apply_template(gateway: &mut Gateway, template: &GatewayTemplate) {
    gateway.sticky = template.sticky.or(gateway.sticky);
    if !template.virtual_hosts.is_empty() {
        gateway.virtual_hosts.clone_from(&template.virtual_hosts);
    }
    extend(&mut gateway.metadata, &template.metadata);
    let weighs = template.routes.iter().any(|route| route.weight.is_some_and(|weight| weight > Weight::ZERO));
    for route in &mut gateway.routes {
        let named = |named: &&Route<String>| matches!(&route.path, RoutePath::Service { service, .. } if *service == *named.path);
        match template.routes.iter().find(named) {
            Some(given) => *route = given.clone().at(route.path.clone()),
            None if weighs => route.weight = None,
            None => {}
        }
    }
}

fn external(deployment: &Deployment, key: &str, template: &GatewayTemplate) -> Result<Gateway, Violations> {
    let number = || key.parse::<NonZeroU16>().ok();
    let port = template.port.unwrap_or(Port { number: number(), ..Port::default() });
    let name = gateway_name(&[deployment.name.as_str(), key])?;
    template.instantiate(name, port, |path| {
        let full = format!("{}/{path}", deployment.name);
        full.parse::<RoutePath>().map_err(|error| {
            Violation::new("UnresolvedGatewayPortError", format!("gateways/{key}/routes/{path}"), error.to_string())
                .into()
        })
    })
}

pub(super) fn service_path(
    deployment: &Deployment,
    cluster: &DeployedCluster,
    service: &DeployedService,
    port: &str,
) -> Result<RoutePath, Violations> {
    let port: Name = port.parse().map_err(|error: crate::model::ParseTextError| {
        Violations::from(Violation::new("IllegalName", format!("clusters/{}/ports", cluster.name), error.to_string()))
    })?;
    let (deployment, cluster) = (deployment.name.clone(), cluster.name.clone());
    Ok(RoutePath::Service { deployment, cluster, service: service.breed.name.clone(), port })
}

fn gateway_name(segments: &[&str]) -> Result<GatewayName, Violations> {
    segments.join("/").parse().map_err(|error: crate::model::ParseTextError| {
        Violation::new("UnsupportedGatewayNameError", "gateways", error.to_string()).into()
    })
}
