//! [`Running`]: what runs behind a route, from the stored deployments and the last observation.

use crate::{
    driver::{self, InstanceState, Observation, Observed, WorkloadId},
    engine::Artifacts,
    model::{Candidate, DeployedService, Group, Intention, resolve},
    plan::{Near, Site, leaves_as_a_whole},
    routing::{HostDomain, Instance, Selectable, ServicePath, Services, Traffic},
};
use std::{num::NonZeroU16, sync::Arc};

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
    pub(crate) site: &'a Site,
}

impl Running<'_> {
    fn service(&self, path: &ServicePath) -> Option<&DeployedService> {
        self.artifacts.deployments.get(&path.deployment)?.value.cluster(&path.cluster)?.service(&path.service)
    }

    fn came_late(
        &self,
        path: &ServicePath,
        service: &DeployedService,
        workload: &Observed,
        one: &driver::Instance,
    ) -> bool {
        let Some(drain) = service.drain.as_ref().filter(|drain| drain.released) else { return false };
        let is_released = |one: &driver::Instance| drain.instances.contains(&one.id);
        if is_released(one) || !workload.instances.iter().any(is_released) {
            return false;
        }
        leaves_as_a_whole(service, drain, self.is_current(path, service, workload))
    }

    /// The ports of the instances of a workload that is one of a stored service's.
    fn selectable_of(&self, workload: &Observed) -> Option<Vec<Selectable>> {
        let id = workload.id.as_ref()?;
        let (cluster, service) = id.name.split_once('/')?;
        let path = |port: &str| ServicePath {
            deployment: id.owner.clone(),
            cluster: cluster.to_owned(),
            service: service.to_owned(),
            port: port.to_owned(),
        };
        let found = self.service(&path(""))?;
        let group = Arc::new(group(workload, id, cluster, service));
        let routed = workload.instances.iter().filter(|one| !self.came_late(&path(""), found, workload, one));
        let mut selectable = Vec::new();
        for one in routed {
            for (index, (name, declared)) in (0..).zip(found.breed.ports.iter()) {
                let Some(instance) = routed_instance(one, found, name) else { continue };
                let numbers = [declared.number, Some(instance.port)].into_iter().flatten();
                let ports = numbers.map(NonZeroU16::get).collect();
                let candidate = Candidate { group: Arc::clone(&group), ip: one.host.clone(), ports, index };
                selectable.push(Selectable { candidate, instance, service: path(name).service_key() });
            }
        }
        Some(selectable)
    }

    /// Whether the workload is of the present revision of the service.
    fn is_current(&self, path: &ServicePath, service: &DeployedService, workload: &Observed) -> bool {
        let Some(deployment) = self.artifacts.deployments.get(&path.deployment) else { return true };
        let Some(cluster) = deployment.value.cluster(&path.cluster) else { return true };
        let near = Near { artifacts: self.artifacts, deployment: &deployment.value, site: self.site };
        let Ok(template) = resolve::template(&deployment.value, cluster, service, &near) else { return true };
        workload.id.as_ref().is_none_or(|id| id.revision == template.revision())
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
        let mut found = Vec::new();
        for workload in workloads {
            // Of a workload that leaves as a whole, whoever came after the release was never routed to.
            let came_late = |one: &&driver::Instance| self.came_late(path, service, workload, one);
            let routed = workload.instances.iter().filter(|one| !came_late(one));
            found.extend(routed.filter_map(|one| routed_instance(one, service, &path.port)));
        }
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

    fn selectable(&self) -> Result<Vec<Selectable>, String> {
        let observed = self.observed.ok_or("what runs has not been observed yet")?;
        let owners = observed.workloads.iter().filter_map(|workload| workload.id.as_ref());
        // What leaves such a deployment is not known, so nothing of it can be told to be there or gone.
        if let Some(reason) = owners.filter_map(|id| self.artifacts.unreadable_deployment(&id.owner)).next() {
            return Err(reason);
        }
        Ok(observed.workloads.iter().filter_map(|workload| self.selectable_of(workload)).flatten().collect())
    }

    fn namespace(&self) -> &str {
        &self.site.namespace
    }

    fn host_domain(&self) -> Option<&HostDomain> {
        self.site.host_domain.as_ref()
    }
}

/// What selectors see of a workload: beside the labels of its platform, the names that it has here.
fn group(workload: &Observed, id: &WorkloadId, cluster: &str, service: &str) -> Group {
    let own = [("deployment", id.owner.as_str()), ("cluster", cluster), ("service", service)];
    let mut labels = workload.labels.clone();
    labels.extend(own.map(|(key, name)| (format!("io.vamp.{key}"), name.to_owned())));
    Group {
        name: service.to_owned(),
        kind: "app".to_owned(),
        namespace: id.namespace.clone(),
        image: workload.image.clone(),
        labels,
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
fn routed_instance(instance: &driver::Instance, service: &DeployedService, port: &str) -> Option<Instance> {
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
