//! The gateways of a deployment after a merge: what the blueprint says replaces what was, what it omits stays.

use super::extend;
use crate::{
    Violation, Violations,
    engine::records::Update,
    model::{
        Blueprint, DeployedCluster, DeployedService, Deployment, Gateway, GatewayName, GatewayTemplate, Intention,
        Name, Port, Route, RoutePath,
    },
    weight::Weight,
};
use std::{collections::BTreeMap, num::NonZeroU16};

/// A gateway that a merge creates, changes or removes.
#[derive(Debug)]
pub(in crate::engine) struct Merged<'a> {
    /// Its name.
    pub(in crate::engine) name: GatewayName,
    kind: Kind<'a>,
}

#[derive(Debug)]
enum Kind<'a> {
    /// One per port of a cluster.
    Internal { cluster: &'a DeployedCluster, port: &'a str, speaks: Port, template: Option<&'a GatewayTemplate> },
    /// To the outside.
    External { key: &'a str, template: &'a GatewayTemplate },
    /// Of a port that no service of its cluster has any more.
    Vanished,
}

/// The gateways that the merge touches: those of each cluster that the blueprint names, and its external ones.
/// `existing` are the names of the stored gateways of the deployment.
pub(in crate::engine) fn touched<'a>(
    deployment: &'a Deployment,
    blueprint: &'a Blueprint,
    existing: &[GatewayName],
) -> Result<Vec<Merged<'a>>, Violations> {
    let mut found = Vec::new();
    for cluster in &blueprint.clusters {
        let Some(deployed) = deployment.cluster(cluster.name.as_str()) else { continue };
        for (port, speaks) in ports(deployed, |service| service.status.intention == Intention::Deployment) {
            let name = gateway_name(&[deployment.name.as_str(), cluster.name.as_str(), port])?;
            let template = cluster.gateways.get(port).or_else(|| cluster.gateways.get(""));
            found.push(Merged { name, kind: Kind::Internal { cluster: deployed, port, speaks, template } });
        }
        let left = ports(deployed, |_| true);
        let vanished = existing.iter().filter(|name| {
            let segments: Vec<&str> = name.segments().collect();
            matches!(segments.as_slice(), [_, of, port] if *of == cluster.name.as_str() && !left.contains_key(port))
        });
        found.extend(vanished.map(|name| Merged { name: name.clone(), kind: Kind::Vanished }));
    }
    for (key, template) in blueprint.gateways.iter() {
        let name = gateway_name(&[deployment.name.as_str(), key])?;
        found.push(Merged { name, kind: Kind::External { key, template } });
    }
    Ok(found)
}

/// The numbers that the blueprint gives to its gateways.
pub(in crate::engine) fn declared_ports(blueprint: &Blueprint) -> impl Iterator<Item = NonZeroU16> {
    let numbers = |(key, template): (&str, &GatewayTemplate)| {
        [key.parse().ok(), template.port.and_then(|port| port.number)].into_iter().flatten()
    };
    blueprint.gateways.iter().flat_map(numbers)
}

fn ports(cluster: &DeployedCluster, of: impl Fn(&DeployedService) -> bool) -> BTreeMap<&str, Port> {
    let services = cluster.services.iter().filter(|service| of(service));
    services.flat_map(|service| service.breed.ports.iter()).map(|(name, port)| (name, *port)).collect()
}

impl Merged<'_> {
    /// What becomes of the gateway as it is stored.
    pub(in crate::engine) fn update(
        &self,
        deployment: &Deployment,
        before: Option<&Gateway>,
    ) -> Result<Update<Gateway>, Violations> {
        match &self.kind {
            Kind::Internal { cluster, port, speaks, template } => {
                let mut gateway = before.cloned().unwrap_or_else(|| Gateway::new(self.name.clone(), *speaks));
                gateway.port = Port { number: before.and_then(|before| before.port.number), ..*speaks };
                internal(gateway, deployment, cluster, port, *template).map(Update::Put)
            }
            Kind::External { key, template } => {
                external(&self.name, deployment, key, template, before).map(Update::Put)
            }
            Kind::Vanished => Ok(if before.is_some() { Update::Remove } else { Update::Keep }),
        }
    }
}

fn internal(
    mut gateway: Gateway,
    deployment: &Deployment,
    cluster: &DeployedCluster,
    port: &str,
    template: Option<&GatewayTemplate>,
) -> Result<Gateway, Violations> {
    gateway.routes.retain(|route| match &route.path {
        RoutePath::Service { service, .. } => {
            cluster.service(service.as_str()).is_some_and(|one| one.breed.ports.contains(port))
        }
        _ => true,
    });
    for service in &cluster.services {
        if service.status.intention == Intention::Deployment && service.breed.ports.contains(port) {
            let path = service_path(deployment, cluster, service, port)?;
            if gateway.route(&path).is_none() {
                gateway.routes.push(Route::new(path));
            }
        }
    }
    if let Some(template) = template {
        let named =
            |path: &RoutePath, name: &str| matches!(path, RoutePath::Service { service, .. } if *service == *name);
        apply(&mut gateway, template, named);
    }
    Ok(gateway)
}

fn external(
    name: &GatewayName,
    deployment: &Deployment,
    key: &str,
    template: &GatewayTemplate,
    before: Option<&Gateway>,
) -> Result<Gateway, Violations> {
    let number = || key.parse::<NonZeroU16>().ok();
    let kept = || before.map(|before| before.port);
    let port = template.port.or_else(kept).unwrap_or(Port { number: number(), ..Port::default() });
    let full = |path: &str| format!("{}/{path}", deployment.name);
    let declared = template.instantiate(name.clone(), port, |path| {
        full(path).parse::<RoutePath>().map_err(|error| {
            let place = format!("gateways/{key}/routes/{path}");
            Violations::from(Violation::new("UnresolvedGatewayPortError", place, error.to_string()))
        })
    })?;
    let Some(before) = before else { return Ok(declared) };
    // The routes are those of the blueprint; what it omits about them stays.
    let mut gateway = Gateway { port, ..before.clone() };
    let routes = declared.routes.iter().map(|route| before.route(&route.path).unwrap_or(route));
    if !declared.routes.is_empty() {
        gateway.routes = routes.cloned().collect();
    }
    apply(&mut gateway, template, |path, name| path.to_string() == full(name));
    Ok(gateway)
}

/// What the template says replaces what was. Once it gives weights, routes that it gives none share what is left.
fn apply(gateway: &mut Gateway, template: &GatewayTemplate, named: impl Fn(&RoutePath, &str) -> bool) {
    gateway.sticky = template.sticky.or(gateway.sticky);
    if !template.virtual_hosts.is_empty() {
        gateway.virtual_hosts.clone_from(&template.virtual_hosts);
    }
    gateway.settings = template.settings.clone().or(&gateway.settings);
    if template.selector.is_some() {
        gateway.selector.clone_from(&template.selector);
    }
    extend(&mut gateway.metadata, &template.metadata);
    let weighs = template.routes.iter().any(|route| route.weight.is_some_and(|weight| weight > Weight::ZERO));
    for route in &mut gateway.routes {
        if weighs {
            route.weight = None;
        }
        if let Some(given) = template.routes.iter().find(|given| named(&route.path, &given.path)) {
            apply_route(route, given);
        }
    }
    let left = gateway.routes.iter().filter_map(|route| route.weight);
    let complete = gateway.routes.iter().all(|route| route.weight.is_some());
    let sum = Weight::sum(&left.collect::<Vec<_>>());
    // A route that went took its share along: what is left is shared anew.
    if complete && !weighs && sum != 0 && sum != u64::from(Weight::FULL.ppm()) {
        gateway.routes.iter_mut().for_each(|route| route.weight = None);
    }
}

fn apply_route(route: &mut Route, given: &Route<String>) {
    route.weight = given.weight.or(route.weight);
    if given.condition.is_some() {
        route.condition.clone_from(&given.condition);
        route.strength = None;
    }
    route.strength = given.strength.or(route.strength);
    route.balance = given.balance.or(route.balance);
    if !given.rewrites.is_empty() {
        route.rewrites.clone_from(&given.rewrites);
    }
    route.settings = given.settings.or(route.settings);
    route.stored = given.stored.clone().or_else(|| route.stored.take());
    route.selector = given.selector.clone().or_else(|| route.selector.take());
    extend(&mut route.metadata, &given.metadata);
}

fn service_path(
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
