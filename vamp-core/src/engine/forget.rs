//! Dropping a service that is gone: first what leads to it, then the service itself.

use super::{Engine, Failure, records::Found};
use crate::{
    model::{Deployment, Gateway, Intention, RoutePath},
    routing::ServicePath,
};
use std::sync::Arc;

/// Drops a service on its way out of its deployment, with its routes; the last one takes the deployment along.
pub(super) async fn forget(engine: &Engine, path: &ServicePath) -> Result<(), Failure> {
    let found: Found<Deployment> = engine.read(&path.deployment).await?;
    let Some((deployment, version)) = found else { return Ok(()) };
    let Some(without) = without(&deployment, path) else { return Ok(()) };
    let world = engine.loaded().await;
    let gateways = world.artifacts.iter().flat_map(|artifacts| artifacts.gateways.values());
    for gateway in gateways.map(|stored| Arc::clone(&stored.value)) {
        forget_routes(engine, gateway, path, &without).await?;
    }
    if without.clusters.is_empty() {
        engine.erase::<Deployment>(&path.deployment, &version).await
    } else {
        engine.write(&without, Some(&version)).await.map(|_| ())
    }
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

async fn forget_routes(
    engine: &Engine,
    gateway: Arc<Gateway>,
    path: &ServicePath,
    without: &Deployment,
) -> Result<(), Failure> {
    let name = gateway.name.to_string();
    if is_of_cluster(&gateway, path) {
        let mut changed = Gateway::clone(&gateway);
        changed.routes.retain(|route| !leads_to(&route.path, path));
        if changed.routes.is_empty() {
            engine.remove::<Gateway>(&name, None).await?;
        } else if changed != *gateway {
            engine.store(&changed, None).await?;
        }
    } else if without.clusters.is_empty() && is_external_of(&gateway, &path.deployment) {
        engine.remove::<Gateway>(&name, None).await?;
    }
    Ok(())
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
