//! What runs in our name and belongs to no service.

use super::{
    Engine, Failure,
    reconcile::{Look, RETRY},
    records::Found,
    world::World,
};
use crate::{
    driver::{ContainerDriver, Observation, WorkloadId},
    model::Deployment,
    plan::{Routing, workload_name},
};

impl Engine {
    /// Removes what runs in our name and belongs to no service: what a crash, or a store from yesterday, left. In the
    /// order in which everything leaves: no gateway leads there, so whoever serves all of them as they are now sends
    /// nothing there; however long it takes until everybody does.
    pub(super) async fn remove_orphans(
        &self,
        world: &World,
        owner: &str,
        driver: &dyn ContainerDriver,
        observed: &Observation,
        routing: &Routing<'_>,
    ) -> Result<Look, Failure> {
        let stored = world.artifacts.as_ref().and_then(|artifacts| artifacts.deployments.get(owner));
        let unreadable = world.artifacts.as_ref().and_then(|artifacts| artifacts.unreadable_deployment(owner));
        if unreadable.is_some() || orphans(observed, owner, stored.map(|stored| &*stored.value)).next().is_none() {
            return Ok(Look::QUIET);
        }
        let again = Look { quiet: false, again_after: Some(RETRY) };
        // Those that are gone from the table too, as long as an agent serves them.
        let served = world.agents.iter().flat_map(|agents| agents.values());
        let served = served.flat_map(|agent| agent.acknowledged.gateways.keys());
        let all = world.published.hashes.keys().chain(served).cloned().collect();
        if let Err(reason) = routing.all_serve(&all, true) {
            tracing::info!(deployment = owner, reason, "what runs without being stored may still be routed to");
            return Ok(again);
        }
        // The world may be older than the observation; the store is not.
        let stored: Found<Deployment> = self.read(owner).await?;
        for id in orphans(observed, owner, stored.as_ref().map(|(deployment, _)| &**deployment)) {
            tracing::warn!(workload = %id, "runs without being stored: removed");
            driver.remove(id).await?;
        }
        Ok(again)
    }
}

/// The workloads of an owner that no service of its deployment has.
fn orphans<'a>(
    observed: &'a Observation,
    owner: &'a str,
    deployment: Option<&'a Deployment>,
) -> impl Iterator<Item = &'a WorkloadId> {
    let has = move |id: &WorkloadId| {
        let clusters = deployment.into_iter().flat_map(|deployment| &deployment.clusters);
        let mut services = clusters.flat_map(|cluster| cluster.services.iter().map(move |service| (cluster, service)));
        services.any(|(cluster, service)| workload_name(cluster.name.as_str(), service.breed.name.as_str()) == id.name)
    };
    let owned =
        observed.workloads.iter().filter_map(|workload| workload.id.as_ref()).filter(move |id| id.owner == owner);
    owned.filter(move |id| !has(id))
}
