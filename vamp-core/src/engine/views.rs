//! Reading what the engine knows anyway, without asking the store.

use super::{
    Engine, Part,
    deploy::with_instances,
    shared_map::SharedMap,
    world::{Stored, World},
};
use crate::{
    driver::{Instance, Version},
    model::{Deployment, Gateway},
    plan,
};
use std::{collections::BTreeMap, sync::Arc};

/// Whether what runs on a driver of containers is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// This server has just started, and nothing was observed yet.
    NotYet,
    /// What was observed last is what runs.
    Current,
    /// The last observation failed, for this reason; what was observed before is kept.
    Stale(String),
}

impl Engine {
    /// A part of the gateways, sorted by name, each with its version.
    pub async fn list_gateways(&self, skip: usize, limit: usize) -> Part<(Arc<Gateway>, Version)> {
        let world = self.loaded().await;
        let gateways = world.artifacts.map(|artifacts| artifacts.gateways).unwrap_or_default();
        part(&gateways, skip, limit, |stored| (Arc::clone(&stored.value), stored.version.clone()))
    }

    /// A part of the deployments, sorted by name, with what runs of each.
    pub async fn list_deployments(&self, skip: usize, limit: usize) -> Part<Deployment> {
        let world = self.loaded().await;
        let deployments = world.artifacts.as_ref().map(|known| known.deployments.clone()).unwrap_or_default();
        part(&deployments, skip, limit, |stored| with_instances(Deployment::clone(&stored.value), &world))
    }

    /// The gateways of a deployment, sorted by name.
    pub async fn gateways_of(&self, deployment: &str) -> Vec<Gateway> {
        let world = self.loaded().await;
        let Some(artifacts) = &world.artifacts else { return Vec::new() };
        let prefix = format!("{deployment}/");
        let from = artifacts.gateways.range(prefix.clone()..);
        let all = from.take_while(|(name, _)| name.starts_with(&prefix));
        all.map(|(_, stored)| Gateway::clone(&stored.value)).collect()
    }

    /// The gateway of that name, as last read or written.
    pub async fn known_gateway(&self, name: &str) -> Option<Arc<Gateway>> {
        let world = self.loaded().await;
        Some(Arc::clone(&world.artifacts?.gateways.get(name)?.value))
    }

    /// The host that a gateway has by itself; see [`Builder::host_domain`](super::Builder::host_domain).
    #[must_use]
    pub fn generated_host(&self, gateway: &Gateway) -> Option<String> {
        gateway.generated_host(self.shared.world.borrow().site.host_domain.as_ref()?)
    }

    /// What was last observed of a service.
    #[must_use]
    pub fn instances(&self, deployment: &str, cluster: &str, service: &str) -> Vec<Instance> {
        instances(&self.shared.world.borrow(), deployment, cluster, service)
    }

    /// Drivers of containers by name, and whether what runs there is known.
    #[must_use]
    pub fn observed(&self) -> BTreeMap<String, Observed> {
        let world = self.shared.world.borrow();
        let names = self.shared.containers.keys();
        let state = |name| match world.observed.get(name) {
            None => Observed::NotYet,
            Some(seen) => seen.stale.clone().map_or(Observed::Current, Observed::Stale),
        };
        names.map(|name| (name.clone(), state(name))).collect()
    }
}

pub(super) fn instances(world: &World, deployment: &str, cluster: &str, service: &str) -> Vec<Instance> {
    let Some(observed) = world.observed.values().next().and_then(|seen| seen.last.as_deref()) else {
        return Vec::new();
    };
    let name = plan::workload_name(cluster, service);
    let workloads = plan::of_service(observed, deployment, &name);
    workloads.flat_map(|workload| workload.instances.iter().cloned()).collect()
}

fn part<T, U>(all: &SharedMap<Stored<T>>, skip: usize, limit: usize, show: impl Fn(&Stored<T>) -> U) -> Part<U> {
    Part { items: all.values().skip(skip).take(limit).map(show).collect(), total: all.len() }
}
