//! Rules about gateways.

use super::{breeds, cluster_path};
use crate::model::{
    Blueprint, Cluster, GatewayTemplate, RoutePath,
    read::{
        gateway::check_tcp,
        report::{Path, Report},
    },
};
use crate::routing::Protocol;
use std::collections::BTreeSet;

pub(super) fn check(blueprint: &Blueprint, report: &mut Report<'_>) {
    let mut numbers = BTreeSet::new();
    for (name, template) in blueprint.gateways.iter() {
        let at = external_path(name);
        check_targets(blueprint, name, template, &at, report);
        let port = template.port.unwrap_or_default();
        if !numbers.insert(port.number) {
            let number = port.number.map_or(0, std::num::NonZeroU16::get);
            let message = format!("two gateways listen on port {number}");
            report.refuse(&at, "DuplicateGatewayPortError", message, "give each its own number");
        }
    }
    for cluster in &blueprint.clusters {
        for (port, template) in cluster.gateways.iter() {
            let at = cluster_path(cluster).join("gateways");
            let at = if port.is_empty() { at } else { at.join(port) };
            check_internal(blueprint, cluster, port, template, &at, report);
        }
    }
}

fn external_path(name: &str) -> Path {
    ["gateways", name].into_iter().collect()
}

/// The routes of a gateway to the outside lead to a port of a cluster.
fn check_targets(blueprint: &Blueprint, name: &str, template: &GatewayTemplate, at: &Path, report: &mut Report<'_>) {
    for route in &template.routes {
        let known = match route.path.parse::<RoutePath>() {
            Ok(RoutePath::DeploymentPort { deployment: cluster, port }) => {
                blueprint.cluster(cluster.as_str()).is_some_and(|cluster| has_port(cluster, port.as_str()))
            }
            _ => false,
        };
        if !known {
            let message = format!("the route `{}` of gateway `{name}` leads to no port of a cluster", route.path);
            let place = at.join("routes").join(&route.path);
            report.refuse_key(&place, "UnresolvedGatewayPortError", message, &targets_hint(blueprint));
        }
    }
}

fn has_port(cluster: &Cluster, port: &str) -> bool {
    breeds(cluster).is_none_or(|breeds| breeds.iter().any(|breed| breed.ports.contains(port)))
}

fn targets_hint(blueprint: &Blueprint) -> String {
    let targets: BTreeSet<String> = blueprint
        .clusters
        .iter()
        .flat_map(|cluster| {
            cluster.services.iter().filter_map(|service| Some((&cluster.name, service.breed.inline()?)))
        })
        .flat_map(|(cluster, breed)| breed.ports.keys().map(move |port| format!("`{cluster}/{port}`")))
        .collect();
    if targets.is_empty() {
        return "write `cluster/port`".to_owned();
    }
    format!("there is {}", targets.into_iter().collect::<Vec<_>>().join(", "))
}

fn check_internal(
    blueprint: &Blueprint,
    cluster: &Cluster,
    port: &str,
    template: &GatewayTemplate,
    at: &Path,
    report: &mut Report<'_>,
) {
    for route in &template.routes {
        if !cluster.services.iter().any(|service| *service.breed.name() == route.path.as_str()) {
            let message = format!("the route `{}` names no breed of cluster `{}`", route.path, cluster.name);
            let names: Vec<&str> = cluster.services.iter().map(|service| service.breed.name().as_str()).collect();
            let place = at.join("routes").join(&route.path);
            report.refuse_key(
                &place,
                "UnresolvedServiceRouteError",
                message,
                &format!("there is `{}`", names.join("`, `")),
            );
        }
    }
    if port.is_empty() {
        check_anonymous(cluster, at, report);
        return;
    }
    let everywhere: Option<Vec<_>> = blueprint.clusters.iter().map(breeds).collect();
    let declared = everywhere.is_none_or(|all| all.iter().flatten().any(|breed| breed.ports.contains(port)));
    if !declared {
        let message = format!("no breed has a port `{port}`");
        report.refuse(
            at,
            "UnresolvedGatewayPortError",
            message,
            "a gateway of a cluster is named like the port of its breeds",
        );
    }
    let tcp = |port: &crate::model::Port| port.protocol == Protocol::Tcp;
    let inline = cluster.services.iter().filter_map(|service| service.breed.inline());
    if inline.filter_map(|breed| breed.ports.get(port)).any(tcp) {
        check_tcp(template.sticky, &template.routes, at, report);
    }
}

fn check_anonymous(cluster: &Cluster, at: &Path, report: &mut Report<'_>) {
    let several = |breed: &&crate::model::Breed| breed.ports.len() > 1;
    if let Some(breed) = cluster.services.iter().filter_map(|service| service.breed.inline()).find(several) {
        let message = format!("`{}` has more than one port, so the gateway must say which", breed.name);
        let hint = "put the name of the port around it: `gateways: { web: { routes: … } }`";
        report.refuse(at, "IllegalAnonymousRoutingPortMappingError", message, hint);
    }
}
