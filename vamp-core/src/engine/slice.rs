//! Taking services out of a deployment: traffic has to be moved away before.

use crate::{
    Violation, Violations,
    model::{Blueprint, Deployment, Drain, Gateway, Intention, RoutePath, Status},
    weight::Weight,
};
use std::{sync::Arc, time::SystemTime};

/// The deployment with the services that the blueprint names on their way out. Unknown clusters and services are
/// ignored: what is absent is removed already.
pub(super) fn slice(deployment: &Deployment, blueprint: &Blueprint, now: SystemTime) -> Deployment {
    let mut sliced = deployment.clone();
    for cluster in &blueprint.clusters {
        let Some(deployed) = sliced.cluster_mut(cluster.name.as_str()) else { continue };
        for service in &cluster.services {
            let Some(leaving) = deployed.service_mut(service.breed.name().as_str()) else { continue };
            if leaving.status.intention == Intention::Deployment {
                leaving.status = Status::initiated(Intention::Undeployment, now);
                // What was released may be stopping already: that is not taken back, and ends first.
                if leaving.drain.as_ref().is_none_or(|drain| !drain.released) {
                    leaving.drain = Some(Drain { since: now, instances: Vec::new(), released: false });
                }
            }
        }
    }
    sliced
}

/// The internal gateways that lose routes by it.
pub(super) fn gateways<'a>(
    sliced: &Deployment,
    stored: impl Iterator<Item = &'a Arc<Gateway>>,
) -> Result<Vec<Gateway>, Violations> {
    let mut changed = Vec::new();
    let mut violations = Vec::new();
    for stored in stored {
        match gateway(sliced, stored) {
            Ok(without) => changed.extend(without),
            Err(violation) => violations.push(violation),
        }
    }
    if violations.is_empty() { Ok(changed) } else { Err(Violations(violations)) }
}

/// An internal gateway without the routes that it loses by it; `None` when it loses none.
pub(super) fn gateway(sliced: &Deployment, stored: &Gateway) -> Result<Option<Gateway>, Violation> {
    let mut without = stored.clone();
    without.routes.retain(|route| !leaves(sliced, &route.path));
    if !stored.name.is_internal() || without.routes.len() == stored.routes.len() {
        return Ok(None);
    }
    guard(&without)?;
    Ok(Some(without))
}

/// Whether the path leads to a service that is on its way out.
pub(super) fn leaves(deployment: &Deployment, path: &RoutePath) -> bool {
    let RoutePath::Service { deployment: name, cluster, service, .. } = path else { return false };
    let found = deployment.cluster(cluster.as_str()).and_then(|cluster| cluster.service(service.as_str()));
    *name == deployment.name && found.is_some_and(|service| service.status.intention == Intention::Undeployment)
}

fn guard(gateway: &Gateway) -> Result<(), Violation> {
    let weights: Vec<Weight> = gateway.routes.iter().filter_map(|route| route.weight).collect();
    let sum = Weight::sum(&weights);
    if gateway.routes.is_empty() || sum == u64::from(Weight::FULL.ppm()) {
        return Ok(());
    }
    let sum = u32::try_from(sum).ok().and_then(Weight::from_ppm).unwrap_or_default();
    let message =
        format!("without these services the routes of gateway `{}` would have {sum} of the traffic", gateway.name);
    Err(Violation::new("InvalidRouteWeight", format!("gateways/{}", gateway.name), message)
        .hint("first move the traffic to the services that stay, until they have 100%"))
}
