//! Reconciling: what runs is made what is meant to run, one step of a deployment at a time, deployments in parallel.

use super::{
    Change, Engine, Failure, forget,
    records::Found,
    world::{Stored, World},
};
use crate::{
    Result,
    driver::{ContainerDriver, Observation, Observed, WorkloadId},
    model::{DeployedService, Deployment, Intention, PhaseName, resolve},
    plan::{Plan, Situation, Step, decide, of_service, set_phase, workload_id, workload_name},
    routing::ServicePath,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::task::{Id, JoinSet};

/// What failed is tried again after so long.
const RETRY: Duration = Duration::from_secs(2);

impl Engine {
    pub(super) async fn reconcile_changes(&self) {
        let mut worlds = self.shared.world.subscribe();
        let mut tasks: JoinSet<Option<Duration>> = JoinSet::new();
        let mut in_hand: BTreeSet<String> = BTreeSet::new();
        let mut working_on: BTreeMap<Id, String> = BTreeMap::new();
        let mut pending: BTreeSet<String> = BTreeSet::new();
        let mut pauses: BTreeMap<String, Duration> = BTreeMap::new();
        loop {
            // Seen only where it is acted upon, below: a change that comes meanwhile is not lost.
            let world = worlds.borrow().clone();
            let free: Vec<String> = pending.difference(&in_hand).cloned().collect();
            pending.retain(|name| in_hand.contains(name));
            for name in free {
                let (engine, world, owner) = (self.clone(), world.clone(), name.clone());
                let task = tasks.spawn(async move { engine.reconcile(&world, &owner).await });
                working_on.insert(task.id(), name.clone());
                in_hand.insert(name);
            }
            let pause = pauses.values().copied().min().unwrap_or(Duration::MAX).min(self.shared.settings.resync);
            tokio::select! {
                _ = worlds.changed() => pending = owners(&worlds.borrow()),
                () = self.shared.clock.sleep(pause) => pending = owners(&world),
                Some(done) = tasks.join_next_with_id() => {
                    let (task, again_after) = match done {
                        Ok((task, again_after)) => (task, again_after),
                        Err(error) => {
                            tracing::error!(%error, "a reconciliation ended unexpectedly; tried again");
                            (error.id(), Some(RETRY))
                        }
                    };
                    let Some(name) = working_on.remove(&task) else { continue };
                    in_hand.remove(&name);
                    match again_after {
                        Some(pause) => pauses.insert(name, pause),
                        None => pauses.remove(&name),
                    };
                },
            }
        }
    }

    /// One look at one deployment; answers after what time to look again without a change.
    async fn reconcile(&self, world: &World, owner: &str) -> Option<Duration> {
        let (driver, observed) = self.platform(world)?;
        let stored = world.artifacts.as_ref()?.deployments.get(owner);
        let result = async {
            let orphans = self.remove_orphans(world, owner, &*driver, &observed).await?;
            let services = match stored {
                Some(deployment) => self.reconcile_services(world, deployment, &*driver, &observed).await?,
                None => None,
            };
            Ok(orphans.into_iter().chain(services).min())
        };
        result.await.unwrap_or_else(|failure| {
            if !matches!(failure, Failure::Changed { .. }) {
                tracing::warn!(deployment = owner, %failure, "not reconciled; tried again");
            }
            Some(RETRY)
        })
    }

    /// The container driver that services run on, and what it last observed.
    fn platform(&self, world: &World) -> Option<(Arc<dyn ContainerDriver>, Arc<Observation>)> {
        let (name, driver) = self.shared.containers.iter().next()?;
        Some((Arc::clone(driver), world.observed.get(name)?.last.clone()?))
    }

    async fn reconcile_services(
        &self,
        world: &World,
        stored: &Stored<Deployment>,
        driver: &dyn ContainerDriver,
        observed: &Observation,
    ) -> Result<Option<Duration>, Failure> {
        let mut deployment = Deployment::clone(&stored.value);
        let mut steps = Vec::new();
        let mut again_after: Option<Duration> = None;
        for (cluster, found) in deployment.clusters.clone().iter().enumerate() {
            for (index, service) in found.services.iter().enumerate() {
                let path = service_path(&stored.value, found.name.as_str(), service);
                let plan = match self.plan(world, &stored.value, &path, service, observed) {
                    Ok(plan) => plan,
                    Err(failure) => {
                        self.tell_trouble(&path, &failure).await?;
                        continue;
                    }
                };
                again_after = again_after.into_iter().chain(plan.again_after).min();
                self.note(&mut deployment.clusters[cluster].services[index], &plan, &path);
                steps.extend(plan.steps.into_iter().map(|step| (path.clone(), step)));
            }
        }
        if deployment != *stored.value {
            // Steps follow from what is stored: with the next look.
            self.write(&deployment, Some(&stored.version)).await?;
        }
        for (path, step) in steps {
            if let Err(failure) = self.carry_out(driver, &path, step).await {
                self.tell_trouble(&path, &failure).await?;
                return Ok(Some(RETRY));
            }
        }
        Ok(again_after)
    }

    fn plan(
        &self,
        world: &World,
        deployment: &Deployment,
        path: &ServicePath,
        service: &DeployedService,
        observed: &Observation,
    ) -> Result<Plan, Failure> {
        let Some(cluster) = deployment.cluster(&path.cluster) else { return Ok(Plan::default()) };
        let template = resolve::template(deployment, cluster, service)?;
        let id = workload_id(&self.shared.namespace, path, template.revision());
        let name = workload_name(&path.cluster, &path.service);
        let running: Vec<&Observed> = of_service(observed, &path.deployment, &name).collect();
        Ok(decide(&Situation {
            key: &path.service_key(),
            service,
            id: &id,
            template: &template,
            running: &running,
            routing: &self.routing(world),
            settings: self.shared.settings.plan(),
            now: self.shared.clock.now(),
        }))
    }

    /// What the plan says the service is from now on.
    fn note(&self, service: &mut DeployedService, plan: &Plan, path: &ServicePath) {
        service.drain.clone_from(&plan.drain);
        let Some((phase, notification)) = plan.phase.clone() else { return };
        let before = service.status.phase.name;
        if set_phase(service, phase, notification.clone(), self.shared.clock.now()) && before != phase {
            self.tell_phase(path, service.status.intention, phase, notification);
        }
    }

    fn tell_phase(&self, path: &ServicePath, intention: Intention, phase: PhaseName, notification: Option<String>) {
        self.tell(Change::Phase {
            deployment: path.deployment.clone(),
            cluster: path.cluster.clone(),
            service: path.service.clone(),
            phase: format!("{intention:?}/{phase:?}"),
            notification,
        });
    }

    async fn carry_out(&self, driver: &dyn ContainerDriver, path: &ServicePath, step: Step) -> Result<(), Failure> {
        match step {
            Step::Apply(workload) => {
                tracing::info!(workload = %workload.id, instances = workload.instances, retire = ?workload.retire, "apply");
                Ok(driver.apply(&workload).await?)
            }
            Step::Remove(id) => {
                tracing::info!(workload = %id, "remove");
                Ok(driver.remove(&id).await?)
            }
            Step::Forget => forget::forget(self, path).await,
        }
    }

    /// Stores why a service does not get on, for people.
    async fn tell_trouble(&self, path: &ServicePath, failure: &Failure) -> Result<(), Failure> {
        let Some((found, version)) = self.read::<Deployment>(&path.deployment).await? else { return Ok(()) };
        let mut deployment = Arc::unwrap_or_clone(found);
        let service = deployment.cluster_mut(&path.cluster).and_then(|cluster| cluster.service_mut(&path.service));
        let Some(service) = service else { return Ok(()) };
        tracing::warn!(service = %path.service_key(), %failure, "a step failed; tried again");
        if set_phase(service, PhaseName::Updating, Some(failure.to_string()), self.shared.clock.now()) {
            self.write(&deployment, Some(&version)).await?;
        }
        Ok(())
    }

    /// Removes what runs in our name and belongs to no service: what a crash, or a store from yesterday, left. Answers
    /// after what time to look again.
    async fn remove_orphans(
        &self,
        world: &World,
        owner: &str,
        driver: &dyn ContainerDriver,
        observed: &Observation,
    ) -> Result<Option<Duration>, Failure> {
        let stored = world.artifacts.as_ref().and_then(|artifacts| artifacts.deployments.get(owner));
        let unreadable = world.artifacts.as_ref().and_then(|artifacts| artifacts.unreadable_deployment(owner));
        if unreadable.is_some() || orphans(observed, owner, stored.map(|stored| &*stored.value)).next().is_none() {
            return Ok(None);
        }
        // No gateway leads there: whoever serves all of them as they are now sends nothing there. However long it takes.
        let all = world.published.hashes.keys().cloned().collect();
        if let Err(reason) = self.routing(world).all_serve(&all, true) {
            tracing::info!(deployment = owner, reason, "what runs without being stored may still be routed to");
            return Ok(Some(RETRY));
        }
        // The world may be older than the observation; the store is not.
        let stored: Found<Deployment> = self.read(owner).await?;
        for id in orphans(observed, owner, stored.as_ref().map(|(deployment, _)| &**deployment)) {
            tracing::warn!(workload = %id, "runs without being stored: removed");
            driver.remove(id).await?;
        }
        Ok(None)
    }
}

/// Everyone who has something stored or running.
fn owners(world: &World) -> BTreeSet<String> {
    let stored = world.artifacts.iter().flat_map(|artifacts| artifacts.deployments.keys());
    let observed = world.observed.values().filter_map(|seen| seen.last.as_ref());
    let running = observed.flat_map(|last| &last.workloads).filter_map(|workload| workload.id.as_ref());
    stored.chain(running.map(|id| &id.owner)).cloned().collect()
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

fn service_path(deployment: &Deployment, cluster: &str, service: &DeployedService) -> ServicePath {
    ServicePath {
        deployment: deployment.name.to_string(),
        cluster: cluster.to_owned(),
        service: service.breed.name.to_string(),
        port: String::new(),
    }
}
