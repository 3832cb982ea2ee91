//! [`Running`]: what runs behind a route, from the stored deployments and the last observation.

use crate::{
    driver::{self, InstanceState, Observation, Observed, WorkloadId},
    engine::Artifacts,
    model::{DeployedService, Intention},
    routing::{Instance, ServicePath, Services, Traffic},
};
use std::num::NonZeroU16;

/// The name of a service's workload within its deployment.
pub(crate) fn workload_name(cluster: &str, service: &str) -> String {
    format!("{cluster}/{service}")
}

/// The id of the workload that a service with this revision of its template is.
pub(crate) fn workload_id(namespace: &str, path: &ServicePath, revision: String) -> WorkloadId {
    WorkloadId {
        namespace: namespace.to_owned(),
        owner: path.deployment.clone(),
        name: workload_name(&path.cluster, &path.service),
        revision,
    }
}

/// Answers the compiler from stored deployments and the last complete observation.
#[derive(Debug)]
pub(crate) struct Running<'a> {
    pub(crate) artifacts: &'a Artifacts,
    /// `None` = never observed.
    pub(crate) observed: Option<&'a Observation>,
}

impl Running<'_> {
    fn service(&self, path: &ServicePath) -> Option<&DeployedService> {
        self.artifacts.deployments.get(&path.deployment)?.value.cluster(&path.cluster)?.service(&path.service)
    }
}

impl Services for Running<'_> {
    fn instances(&self, path: &ServicePath) -> Result<Vec<Instance>, String> {
        if let Some(reason) = self.artifacts.unreadable_deployment(&path.deployment) {
            return Err(reason);
        }
        // A service that is not stored has no instances, whatever is observed.
        let Some(service) = self.service(path) else { return Ok(Vec::new()) };
        let observed = self.observed.ok_or("what runs has not been observed yet")?;
        let name = workload_name(&path.cluster, &path.service);
        let workloads = of_service(observed, &path.deployment, &name);
        let instances = workloads.flat_map(|workload| &workload.instances);
        let mut found: Vec<Instance> = instances.filter_map(|one| routed(one, service, &path.port)).collect();
        found.sort_by(|left, right| left.id.cmp(&right.id));
        Ok(found)
    }

    fn leaving(&self, deployment: &str, cluster: &str, port: &str) -> Vec<ServicePath> {
        let services = self.artifacts.deployments.get(deployment).and_then(|found| found.value.cluster(cluster));
        let services = services.map(|found| found.services.as_slice()).unwrap_or_default();
        let leaves = |service: &&DeployedService| {
            service.status.intention == Intention::Undeployment && service.breed.ports.contains(port)
        };
        let path = |service: &DeployedService| ServicePath {
            deployment: deployment.to_owned(),
            cluster: cluster.to_owned(),
            service: service.breed.name.to_string(),
            port: port.to_owned(),
        };
        services.iter().filter(leaves).map(path).collect()
    }
}

/// The workloads of one service, of every revision.
pub(crate) fn of_service<'a>(
    observation: &'a Observation,
    deployment: &str,
    name: &str,
) -> impl Iterator<Item = &'a Observed> {
    observation
        .workloads
        .iter()
        .filter(move |workload| workload.id.as_ref().is_some_and(|id| id.owner == deployment && id.name == name))
}

/// An instance as the routing table has it; `None` when it gets no request and has none to finish.
fn routed(instance: &driver::Instance, service: &DeployedService, port: &str) -> Option<Instance> {
    let drain = service.drain.as_ref().filter(|drain| drain.instances.contains(&instance.id));
    if drain.is_some_and(|drain| drain.released) {
        return None;
    }
    let leaves = drain.is_some() || service.status.intention == Intention::Undeployment;
    let traffic = match instance.state {
        InstanceState::Healthy if !leaves => Traffic::Ready,
        InstanceState::Healthy | InstanceState::Unhealthy | InstanceState::Stopping => Traffic::Draining,
        // Nothing was ever sent to it, or nothing answers any more.
        InstanceState::Staged | InstanceState::Running | InstanceState::Completed | InstanceState::Failed => {
            return None;
        }
    };
    let number = instance.ports.get(port).copied().and_then(NonZeroU16::new)?;
    Some(Instance { id: instance.id.clone(), host: instance.host.clone(), port: number, traffic })
}
