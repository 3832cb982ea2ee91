//! What must hold between the parts of a blueprint.
//!
//! A breed that is only named switches off every rule that needs its content; those hold again when it is deployed.

mod gateways;
mod services;

use super::{
    blueprint::Form,
    gateway,
    report::{Path, Report},
};
use crate::model::{Blueprint, Breed, Cluster};

pub(super) fn check(blueprint: &Blueprint, form: Form, report: &mut Report<'_>) {
    gateways::check(blueprint, report);
    services::check(blueprint, form, report);
}

/// What holds for every gateway by itself.
pub(super) fn check_gateways(blueprint: &Blueprint, report: &mut Report<'_>) {
    let outer: Path = ["gateways"].into_iter().collect();
    let inner = blueprint.clusters.iter().flat_map(|cluster| {
        let at = cluster_path(cluster).join("gateways");
        cluster.gateways.iter().map(move |(port, gateway)| (at.clone(), port, gateway))
    });
    for (at, port, gateway) in blueprint.gateways.iter().map(|(port, one)| (outer.clone(), port, one)).chain(inner) {
        let at = if port.is_empty() { at } else { at.join(port) };
        gateway::check(gateway.port, gateway.sticky, &gateway.routes, &at, report);
    }
}

/// Every breed of the cluster; `None` when one of them is only named.
fn breeds(cluster: &Cluster) -> Option<Vec<&Breed>> {
    cluster.services.iter().map(|service| service.breed.inline()).collect()
}

fn cluster_path(cluster: &Cluster) -> Path {
    ["clusters", cluster.name.as_str()].into_iter().collect()
}

/// The way to a service; short forms end where the document does.
fn service_path(cluster: &Cluster, index: usize) -> Path {
    cluster_path(cluster).join("services").join(index)
}
