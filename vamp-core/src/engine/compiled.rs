//! Compiling one gateway from the world.

use super::{
    Artifacts,
    world::{Unpublished, World},
};
use crate::{
    plan::Running,
    routing::{CompiledGateway, compile_one},
};

/// The gateway of that name as agents are to be told of it; `None` = there is none with a port. What depends on a record
/// that cannot be read is not known, and stays as it is.
pub(super) fn gateway(world: &World, artifacts: &Artifacts, name: &str) -> Option<CompiledGateway> {
    let gateway = &artifacts.gateways.get(name)?.value;
    let observed = world.observed.values().next().and_then(|seen| seen.last.as_deref());
    let find = |name: &str| artifacts.find_gateway(name);
    let mut compiled = compile_one(gateway, &find, &Running { artifacts, observed, site: &world.site })?;
    let owners = compiled.crossed.iter().filter_map(|name| cluster_owner(name));
    if let Some(reason) = owners.filter_map(|owner| artifacts.unreadable_deployment(owner)).next() {
        // What leaves such a deployment is not known either.
        compiled.gateway = Err(reason);
    }
    Some(compiled)
}

/// What the agents were told that does not follow from the world any more, with the services to which that is about to
/// lead.
pub(super) fn unpublished(world: &World) -> Unpublished {
    let mut unpublished = world.unpublished();
    if let Some(artifacts) = world.artifacts.as_ref().filter(|_| !unpublished.everything) {
        let compiled = unpublished.gateways.iter().filter_map(|name| gateway(world, artifacts, name));
        unpublished.services = compiled.flat_map(|compiled| compiled.services).collect();
    }
    unpublished
}

/// The deployment of `deployment/cluster/port`.
fn cluster_owner(gateway: &str) -> Option<&str> {
    let mut segments = gateway.split('/');
    let owner = segments.next()?;
    (segments.count() == 2).then_some(owner)
}
