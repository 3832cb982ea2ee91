//! What is to be done about one service.

use super::{Drained, Routing};
use crate::{
    driver::{Instance, InstanceState, Observed, Template, Workload, WorkloadId},
    model::{DeployedService, Drain, Intention, Phase, PhaseName},
};
use std::time::{Duration, SystemTime};

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Open connections are waited for at most so long.
    pub(crate) drain_deadline: Duration,
    /// A service that is not healthy so long after it was asked for has failed.
    pub(crate) ready_deadline: Duration,
    /// Time between the polite signal and the kill.
    pub(crate) grace: Duration,
}

/// Everything that the decision depends on.
#[derive(Debug)]
pub(crate) struct Situation<'a> {
    /// `deployment/cluster/service`.
    pub(crate) key: &'a str,
    pub(crate) service: &'a DeployedService,
    pub(crate) id: &'a WorkloadId,
    pub(crate) template: &'a Template,
    /// The workloads of this service, of every revision.
    pub(crate) running: &'a [&'a Observed],
    pub(crate) routing: &'a Routing<'a>,
    pub(crate) settings: Settings,
    pub(crate) now: SystemTime,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Run so many.
    Apply(Box<Workload>),
    /// Stop all.
    Remove(WorkloadId),
    /// Nothing of the service is left: drop it from its deployment.
    Forget,
}

/// What the service is from now on, and what is to be done then.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    /// Stored before anything is done.
    pub(crate) drain: Option<Drain>,
    /// Stored before anything is done.
    pub(crate) phase: Option<(PhaseName, Option<String>)>,
    /// In this order.
    pub(crate) steps: Vec<Step>,
    /// Decide again after so long, if nothing changes before.
    pub(crate) again_after: Option<Duration>,
}

/// Decides. The same situation gives the same plan; carrying it out twice does no harm.
pub(crate) fn decide(situation: &Situation<'_>) -> Plan {
    match situation.service.status.intention {
        Intention::Deployment => situation.deploy(),
        Intention::Undeployment => situation.undeploy(),
    }
}

/// How far a drain is.
enum Leaving {
    /// Wait for this reason, at most so long.
    Wait(Drain, String, Option<Duration>),
    /// Nothing routes to them: stop them.
    Stop(Drain),
}

impl Situation<'_> {
    fn deploy(&self) -> Plan {
        let wanted = self.service.scale.instances;
        let current = self.running.iter().copied().find(|workload| workload.id.as_ref() == Some(self.id));
        let told = current.map_or(0, |workload| workload.wanted);
        let healthy = current.map_or(0, |workload| count(&workload.instances, InstanceState::Healthy));
        let mut plan = Plan::default();
        if current.is_none() || told < wanted {
            plan.steps.push(Step::Apply(self.workload(wanted, Vec::new())));
        }
        let leaving = self.instances_to_leave(wanted, told, healthy);
        let waits = self.leave(leaving, &mut plan, |drain| self.stop_surplus(wanted, told, drain));
        plan.phase = Some(match (waits, healthy >= wanted) {
            (Some(reason), true) => (PhaseName::Updating, Some(reason)),
            (None, true) => (PhaseName::Done, None),
            (_, false) => self.not_healthy(healthy, wanted, current, &mut plan),
        });
        plan
    }

    fn undeploy(&self) -> Plan {
        if self.running.is_empty() {
            // One may have been accepted a moment ago, and not be observed yet: removing what is absent does no harm.
            return Plan { steps: vec![Step::Remove(self.id.clone()), Step::Forget], ..Plan::default() };
        }
        let mut plan = Plan::default();
        let instances = self.running.iter().flat_map(|workload| &workload.instances);
        let leaving: Vec<String> = instances.map(|instance| instance.id.clone()).collect();
        let remove =
            |_: &Drain| self.running.iter().filter_map(|workload| workload.id.clone()).map(Step::Remove).collect();
        let waits = if leaving.is_empty() {
            plan.steps = remove(&Drain { since: self.now, instances: Vec::new(), released: true });
            Some("nothing runs any more".to_owned())
        } else {
            self.leave(leaving, &mut plan, remove)
        };
        plan.phase = Some((PhaseName::Updating, waits));
        plan
    }

    // === who leaves ===

    /// The surplus of the present revision, every instance of a former one as soon as the present one is healthy, and
    /// what is already on its way out.
    fn instances_to_leave(&self, wanted: u32, told: u32, healthy: u32) -> Vec<String> {
        let drained: &[String] = self.service.drain.as_ref().map_or(&[], |drain| &drain.instances);
        let mut leaving = Vec::new();
        for workload in self.running {
            let is_current = workload.id.as_ref() == Some(self.id);
            let stopping = |one: &&Instance| one.state == InstanceState::Stopping && drained.contains(&one.id);
            leaving.extend(workload.instances.iter().filter(stopping).map(|one| one.id.clone()));
            if is_current {
                leaving.extend(pick(&workload.instances, told.saturating_sub(wanted) as usize, drained));
            } else if healthy >= wanted {
                leaving.extend(pick(&workload.instances, usize::MAX, drained));
            }
        }
        leaving.sort();
        leaving.dedup();
        leaving
    }

    fn stop_surplus(&self, wanted: u32, told: u32, drain: &Drain) -> Vec<Step> {
        let former = self.running.iter().filter_map(|workload| workload.id.clone()).filter(|id| id != self.id);
        let mut steps: Vec<Step> = former.map(Step::Remove).collect();
        if told > wanted {
            steps.push(Step::Apply(self.workload(wanted, drain.instances.clone())));
        }
        steps
    }

    // === how they leave ===

    /// Takes instances out of service, one stage after the other; answers why it is not finished.
    fn leave(&self, leaving: Vec<String>, plan: &mut Plan, stop: impl FnOnce(&Drain) -> Vec<Step>) -> Option<String> {
        if leaving.is_empty() {
            return None;
        }
        let (drain, reason) = match self.leaving(leaving) {
            Leaving::Wait(drain, reason, again_after) => {
                plan.again_after = again_after;
                (drain, reason)
            }
            Leaving::Stop(drain) => {
                plan.steps.extend(stop(&drain));
                (drain, "instances are stopping".to_owned())
            }
        };
        plan.drain = Some(drain);
        Some(reason)
    }

    fn leaving(&self, instances: Vec<String>) -> Leaving {
        let before = self.service.drain.as_ref();
        let Some(drain) = before.filter(|drain| instances.iter().all(|one| drain.instances.contains(one))) else {
            let since = before.filter(|drain| !drain.released).map_or(self.now, |drain| drain.since);
            let reason = "instances are taken out of the gateways".to_owned();
            return Leaving::Wait(Drain { since, instances, released: false }, reason, None);
        };
        let drain = Drain { instances, ..drain.clone() };
        if drain.released {
            return match self.routing.acknowledged(self.key) {
                Ok(()) => Leaving::Stop(drain),
                Err(reason) => Leaving::Wait(drain, reason, None),
            };
        }
        match self.routing.drained(self.key, &drain.instances) {
            Drained::Yes => release(drain),
            Drained::Routed(reason) => Leaving::Wait(drain, reason, None),
            Drained::Busy(reason) => {
                let waited = self.now.duration_since(drain.since).unwrap_or_default();
                match self.settings.drain_deadline.saturating_sub(waited) {
                    Duration::ZERO => release(drain),
                    left => Leaving::Wait(drain, reason, Some(left)),
                }
            }
        }
    }

    // === what is not healthy ===

    fn not_healthy(
        &self,
        healthy: u32,
        wanted: u32,
        current: Option<&Observed>,
        plan: &mut Plan,
    ) -> (PhaseName, Option<String>) {
        let instances = current.map(|workload| workload.instances.as_slice()).unwrap_or_default();
        let reason = instances.iter().find_map(|one| Some(format!("; `{}`: {}", one.id, one.reason.as_deref()?)));
        let notification = Some(format!("{healthy} of {wanted} instances are healthy{}", reason.unwrap_or_default()));
        let waited = self.now.duration_since(self.service.status.since).unwrap_or_default();
        match self.settings.ready_deadline.saturating_sub(waited) {
            Duration::ZERO => (PhaseName::Failed, notification),
            left => {
                plan.again_after = Some(plan.again_after.map_or(left, |other| other.min(left)));
                (PhaseName::Updating, notification)
            }
        }
    }

    fn workload(&self, instances: u32, retire: Vec<String>) -> Box<Workload> {
        let mut workload = Workload::new(self.id.clone(), self.template.clone(), instances);
        workload.retire = retire;
        workload.grace = self.settings.grace;
        Box::new(workload)
    }
}

fn release(drain: Drain) -> Leaving {
    let reason = "finished instances are taken out of the routing table".to_owned();
    Leaving::Wait(Drain { released: true, ..drain }, reason, None)
}

/// Picks `surplus` of those that still serve: first those already chosen, then the least healthy, then the youngest.
fn pick(instances: &[Instance], surplus: usize, chosen: &[String]) -> Vec<String> {
    let gone = |one: &Instance| {
        matches!(one.state, InstanceState::Stopping | InstanceState::Completed | InstanceState::Failed)
    };
    let mut candidates: Vec<&Instance> = instances.iter().filter(|one| !gone(one)).collect();
    candidates.reverse();
    candidates.sort_by_key(|one| (!chosen.contains(&one.id), one.state == InstanceState::Healthy));
    candidates.into_iter().take(surplus).map(|one| one.id.clone()).collect()
}

fn count(instances: &[Instance], state: InstanceState) -> u32 {
    u32::try_from(instances.iter().filter(|one| one.state == state).count()).unwrap_or(u32::MAX)
}

/// Stores a phase in a service; whether that changed anything.
pub(crate) fn set_phase(
    service: &mut DeployedService,
    name: PhaseName,
    notification: Option<String>,
    now: SystemTime,
) -> bool {
    let phase = &mut service.status.phase;
    if phase.name == name && phase.notification == notification {
        return false;
    }
    let since = if phase.name == name { phase.since } else { now };
    *phase = Phase { name, since, notification };
    true
}
