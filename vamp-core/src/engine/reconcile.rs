//! Reconciling: what runs is made what is meant to run, one step of a deployment at a time, deployments in parallel.

use super::{
    Change, Engine, Failure, compiled, containers, forget,
    shared_map::SharedMap,
    world::{Stored, World},
};
use crate::{
    driver::{ContainerDriver, Observation, Observed},
    model::{DeployedService, Deployment, Intention, PhaseName, resolve},
    plan::{
        Near, Plan, Routing, Situation, Step, decide, of_service, set_phase, waits_for, workload_id, workload_name,
    },
    routing::ServicePath,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::task::{Id, JoinError, JoinSet};

/// What failed is tried again after so long.
pub(super) const RETRY: Duration = Duration::from_secs(2);

impl Engine {
    pub(super) async fn reconcile_changes(&self) {
        let mut worlds = self.shared.world.subscribe();
        let mut seen = worlds.borrow_and_update().clone();
        let mut hands = Hands { pending: owners(&seen), ..Hands::default() };
        loop {
            hands.begin(self, &seen);
            let pause = hands.busy.values().flatten().copied().min().unwrap_or(Duration::MAX);
            let resync = self.shared.settings.resync;
            tokio::select! {
                _ = worlds.changed() => {
                    let world = worlds.borrow_and_update().clone();
                    hands.pending.extend(changed_owners(&seen, &world));
                    hands.pending.extend(hands.busy.keys().cloned());
                    seen = world;
                }
                () = self.shared.clock.sleep(pause.min(resync)) => {
                    hands.pending.extend(if pause < resync { hands.busy.keys().cloned().collect() } else { owners(&seen) });
                }
                Some(done) = hands.tasks.join_next_with_id() => hands.end(done),
            }
        }
    }

    /// One look at one deployment.
    async fn reconcile(&self, world: &World, owner: &str) -> Look {
        let not_yet = Look { quiet: false, again_after: None };
        let Some((driver, observed)) = self.platform(world) else { return not_yet };
        let Some(artifacts) = &world.artifacts else { return not_yet };
        let unpublished = compiled::unpublished(world);
        let routing = self.routing(world, &unpublished);
        let result = async {
            let orphans = self.remove_orphans(world, owner, &*driver, &observed, &routing).await?;
            let services = match artifacts.deployments.get(owner) {
                Some(deployment) => self.reconcile_services(&routing, deployment, &*driver, &observed).await?,
                None => Look::QUIET,
            };
            Ok(orphans.and(services))
        };
        result.await.unwrap_or_else(|failure: Failure| {
            if !matches!(failure, Failure::Changed { .. }) {
                tracing::warn!(deployment = owner, %failure, "not reconciled; tried again");
            }
            Look { quiet: false, again_after: Some(RETRY) }
        })
    }

    /// The container driver that services run on, and what it last observed.
    fn platform(&self, world: &World) -> Option<(Arc<dyn ContainerDriver>, Arc<Observation>)> {
        let (name, driver) = self.shared.containers.iter().next()?;
        Some((Arc::clone(driver), world.observed.get(name)?.last.clone()?))
    }

    async fn reconcile_services(
        &self,
        routing: &Routing<'_>,
        stored: &Stored<Deployment>,
        driver: &dyn ContainerDriver,
        observed: &Observation,
    ) -> Result<Look, Failure> {
        let mut deployment = Deployment::clone(&stored.value);
        let mut steps = Vec::new();
        let mut look = Look::QUIET;
        for (cluster, found) in deployment.clusters.clone().iter().enumerate() {
            for (index, service) in found.services.iter().enumerate() {
                let path = service_path(&stored.value, found.name.as_str(), service);
                let plan = match self.plan(routing, &stored.value, &path, service, (driver, observed)) {
                    Ok(plan) => plan,
                    Err(failure) => {
                        self.tell_trouble(&path, &failure).await?;
                        look.quiet = false;
                        continue;
                    }
                };
                look = look.and(Look { quiet: plan.is_done(), again_after: plan.again_after });
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
                return Ok(Look { quiet: false, again_after: Some(RETRY) });
            }
        }
        Ok(look)
    }

    fn plan(
        &self,
        routing: &Routing<'_>,
        deployment: &Deployment,
        path: &ServicePath,
        service: &DeployedService,
        (driver, observed): (&dyn ContainerDriver, &Observation),
    ) -> Result<Plan, Failure> {
        let Some(cluster) = deployment.cluster(&path.cluster) else { return Ok(Plan::default()) };
        let world = self.shared.world.borrow();
        let Some(artifacts) = &world.artifacts else { return Ok(Plan::default()) };
        let near = Near { artifacts, deployment, site: &world.site };
        let template = resolve::template(deployment, cluster, service, &near)?;
        let id = workload_id(&self.shared.namespace, path, template.revision());
        let name = workload_name(&path.cluster, &path.service);
        let running: Vec<&Observed> = of_service(observed, &path.deployment, &name).collect();
        Ok(decide(&Situation {
            key: &path.service_key(),
            service,
            id: &id,
            template: &template,
            running: &running,
            routing,
            retire: driver.capabilities().retire,
            waits_for: waits_for(deployment, service),
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
}

/// What one look at a deployment showed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Whether everything is as it is meant to be: then only another record or observation of it changes anything.
    pub(super) quiet: bool,
    /// Look again after so long, if nothing changes before.
    pub(super) again_after: Option<Duration>,
}

impl Look {
    pub(super) const QUIET: Self = Self { quiet: true, again_after: None };

    pub(super) fn and(self, other: Self) -> Self {
        let again_after = self.again_after.into_iter().chain(other.again_after).min();
        Self { quiet: self.quiet && other.quiet, again_after }
    }
}

/// Who is looked at, and who is to be.
#[derive(Default)]
struct Hands {
    tasks: JoinSet<Look>,
    in_hand: BTreeMap<Id, String>,
    pending: BTreeSet<String>,
    /// Those that are not as they are meant to be, with the time after which to look again.
    busy: BTreeMap<String, Option<Duration>>,
}

impl Hands {
    /// Looks at everyone who is pending; one look at a deployment at a time.
    fn begin(&mut self, engine: &Engine, world: &World) {
        let taken: BTreeSet<&String> = self.in_hand.values().collect();
        let free: Vec<String> = self.pending.iter().filter(|name| !taken.contains(name)).cloned().collect();
        for name in free {
            let (engine, world, owner) = (engine.clone(), world.clone(), name.clone());
            let task = self.tasks.spawn(async move { engine.reconcile(&world, &owner).await });
            self.pending.remove(&name);
            self.in_hand.insert(task.id(), name);
        }
    }

    fn end(&mut self, done: Result<(Id, Look), JoinError>) {
        let (task, look) = match done {
            Ok(done) => done,
            Err(error) => {
                tracing::error!(%error, "a reconciliation ended unexpectedly; tried again");
                (error.id(), Look { quiet: false, again_after: Some(RETRY) })
            }
        };
        let Some(name) = self.in_hand.remove(&task) else { return };
        if look.quiet {
            self.busy.remove(&name);
        } else {
            self.busy.insert(name, look.again_after);
        }
    }
}

/// Everyone who has something stored or running.
fn owners(world: &World) -> BTreeSet<String> {
    let stored = world.artifacts.iter().flat_map(|artifacts| artifacts.deployments.keys());
    let observed = world.observed.values().filter_map(|seen| seen.last.as_ref());
    let running = observed.flat_map(|last| &last.workloads).filter_map(|workload| workload.id.as_ref());
    stored.chain(running.map(|id| &id.owner)).cloned().collect()
}

/// The names of the records that are not what they were.
fn changed_names<'a, T>(
    before: &'a SharedMap<Stored<T>>,
    now: &'a SharedMap<Stored<T>>,
) -> impl Iterator<Item = &'a String> {
    let touched = before.not_shared_with(now).chain(now.not_shared_with(before)).map(|(name, _)| name);
    let version = |records: &'a SharedMap<Stored<T>>, name: &String| records.get(name).map(|record| &record.version);
    touched.filter(move |name| version(before, name) != version(now, name))
}

/// Those of which the record or what runs is not what it was.
fn changed_owners(before: &World, now: &World) -> BTreeSet<String> {
    let (Some(known), Some(present)) = (&before.artifacts, &now.artifacts) else { return owners(now) };
    if !Arc::ptr_eq(&known.unreadable, &present.unreadable) {
        return owners(now);
    }
    let mut changed: BTreeSet<String> = changed_names(&known.deployments, &present.deployments).cloned().collect();
    // Variables may lead to the gateways of a deployment.
    let gateways = changed_names(&known.gateways, &present.gateways).filter_map(|name| name.split('/').next());
    changed.extend(gateways.filter(|owner| present.deployments.contains_key(owner)).map(str::to_owned));
    for (name, seen) in now.observed.iter() {
        let last = before.observed.get(name).and_then(|seen| seen.last.as_ref());
        match (last, &seen.last) {
            (Some(before), Some(now)) if Arc::ptr_eq(before, now) => {}
            (Some(before), Some(now)) => changed.extend(containers::changed_owners(before, now)),
            _ => return owners(now),
        }
    }
    changed
}

fn service_path(deployment: &Deployment, cluster: &str, service: &DeployedService) -> ServicePath {
    ServicePath {
        deployment: deployment.name.to_string(),
        cluster: cluster.to_owned(),
        service: service.breed.name.to_string(),
        port: String::new(),
    }
}
