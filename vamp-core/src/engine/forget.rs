//! Dropping a service that is gone: first what leads to it, then the service itself.

use super::{
    Engine, Failure,
    records::{Present, Update},
};
use crate::{
    model::{Deployment, Gateway, Intention, RoutePath},
    routing::ServicePath,
    weight::{Weight, rescale},
};

/// Drops a service on its way out of its deployment, with its routes; the last one takes the deployment along.
pub(super) async fn forget(engine: &Engine, path: &ServicePath) -> Result<(), Failure> {
    // Nobody brings the service back between its routes and itself.
    let _structure = engine.shared.structure.lock().await;
    let Some((deployment, _)) = engine.read::<Deployment>(&path.deployment).await? else { return Ok(()) };
    let Some(rest) = without(&deployment, path) else { return Ok(()) };
    let world = engine.loaded().await;
    let gateways = world.artifacts.iter().flat_map(|artifacts| artifacts.gateways.keys());
    let prefix = format!("{}/", path.deployment);
    for name in gateways.filter(|name| name.starts_with(&prefix)) {
        let forget = |present: &Present<Gateway>| {
            let gateway = present.readable()?;
            Ok(gateway.map_or(Update::Keep, |gateway| without_routes(gateway, path, &rest)))
        };
        engine.update(name, None, forget).await?;
    }
    let drop_service = |present: &Present<Deployment>| {
        let rest = present.readable()?.and_then(|deployment| without(deployment, path));
        Ok(match rest {
            None => Update::Keep,
            Some(rest) if rest.clusters.is_empty() => Update::Remove,
            Some(rest) => Update::Put(rest),
        })
    };
    engine.update(&path.deployment, None, drop_service).await.map(|_| ())
}

/// The deployment without the service; `None` when it stays after all, or is gone already.
fn without(deployment: &Deployment, path: &ServicePath) -> Option<Deployment> {
    let service = deployment.cluster(&path.cluster)?.service(&path.service)?;
    if service.status.intention != Intention::Undeployment {
        return None;
    }
    let mut without = deployment.clone();
    let cluster = without.cluster_mut(&path.cluster)?;
    cluster.services.retain(|service| service.breed.name != *path.service);
    without.clusters.retain(|cluster| !cluster.services.is_empty());
    Some(without)
}

/// What becomes of a gateway of the deployment when the service goes.
fn without_routes(gateway: &Gateway, path: &ServicePath, rest: &Deployment) -> Update<Gateway> {
    if !is_of_cluster(gateway, path) {
        let goes = rest.clusters.is_empty() && is_external_of(gateway, &path.deployment);
        return if goes { Update::Remove } else { Update::Keep };
    }
    let mut changed = gateway.clone();
    changed.routes.retain(|route| !leads_to(&route.path, path));
    if changed.routes.is_empty() {
        return Update::Remove;
    }
    if changed.routes.len() == gateway.routes.len() {
        return Update::Keep;
    }
    share_what_is_left(&mut changed);
    Update::Put(changed)
}

/// Traffic that was moved to the service while it left goes to the others, in proportion.
fn share_what_is_left(gateway: &mut Gateway) {
    let weights: Vec<Weight> = gateway.routes.iter().map(|route| route.weight.unwrap_or_default()).collect();
    if Weight::sum(&weights) != 0 {
        for (route, weight) in gateway.routes.iter_mut().zip(rescale(&weights, Weight::FULL)) {
            route.weight = Some(weight);
        }
    }
}

fn leads_to(route: &RoutePath, path: &ServicePath) -> bool {
    matches!(route, RoutePath::Service { deployment, cluster, service, .. }
        if *deployment == *path.deployment && *cluster == *path.cluster && *service == *path.service)
}

/// `deployment/cluster/port`.
fn is_of_cluster(gateway: &Gateway, path: &ServicePath) -> bool {
    let mut segments = gateway.name.segments();
    gateway.name.is_internal()
        && segments.next() == Some(path.deployment.as_str())
        && segments.next() == Some(path.cluster.as_str())
}

/// `deployment/port`, leading nowhere but into the deployment: it came with it and goes with it.
fn is_external_of(gateway: &Gateway, owner: &str) -> bool {
    let inside = |path: &RoutePath| matches!(path, RoutePath::ClusterPort { deployment, .. } if *deployment == *owner);
    gateway.name.segments().count() == 2
        && gateway.name.segments().next() == Some(owner)
        && gateway.routes.iter().all(|route| inside(&route.path))
}
