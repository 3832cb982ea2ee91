//! Which health checks hold for a service, and as what.

use super::Report;
use crate::{
    driver::HealthProbe,
    model::{DeployedCluster, DeployedService, HealthCheck},
};

/// The probes of the checks that hold.
pub(super) fn probes(cluster: &DeployedCluster, service: &DeployedService, report: &mut Report) -> Vec<HealthProbe> {
    effective(cluster, service).into_iter().filter_map(|check| probe(check, service, report)).collect()
}

/// The service's own, and the cluster's for another path; without own ones the cluster's; without those the breed's.
/// The cluster's count only for ports that the breed has.
fn effective<'c>(cluster: &'c DeployedCluster, service: &'c DeployedService) -> Vec<&'c HealthCheck> {
    let shared = cluster.health_checks.as_ref();
    let shared = shared.map(|all| all.iter().filter(|check| service.breed.ports.contains(&check.port)));
    match (&service.health_checks, shared) {
        (Some(own), shared) => {
            let adds = |check: &&HealthCheck| own.iter().any(|other| other.path != check.path);
            own.iter().chain(shared.into_iter().flatten().filter(adds)).collect()
        }
        (None, Some(shared)) => shared.collect(),
        (None, None) => service.breed.health_checks.iter().flatten().collect(),
    }
}

fn probe(check: &HealthCheck, service: &DeployedService, report: &mut Report) -> Option<HealthProbe> {
    if !service.breed.ports.contains(&check.port) {
        let message = format!("a health check asks port `{}`, which is not declared", check.port);
        report.refuse("health_checks", "UnresolvedPortReferenceError", &message);
        return None;
    }
    let path = match check.protocol.to_ascii_uppercase().as_str() {
        "HTTP" => Some(check.path.clone()),
        "TCP" => None,
        _ => {
            let message = format!("a health check speaks `{}`; there is `HTTP` and `TCP`", check.protocol);
            report.refuse("health_checks", "UnsupportedProtocolError", &message);
            return None;
        }
    };
    Some(HealthProbe {
        port: check.port.clone(),
        path,
        initial_delay: check.initial_delay,
        timeout: check.timeout,
        interval: check.interval,
        // No failure at all would make an instance unhealthy before it was asked.
        failures: check.failures.max(1),
    })
}
