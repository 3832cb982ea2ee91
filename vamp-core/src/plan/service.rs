//! What is to be done about one service.

use super::Routing;
use crate::{
    driver::{Instance, InstanceState, Observed, Retire, Template, Workload, WorkloadId},
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
    /// Who picks the instances that leave.
    pub(crate) retire: Retire,
    /// What has to be there before the service is started for the first time, if it is not.
    pub(crate) waits_for: Option<String>,
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

impl Plan {
    /// Whether the service is as it is meant to be, and nothing is on its way out.
    pub(crate) fn is_done(&self) -> bool {
        let done = self.phase.as_ref().is_some_and(|(phase, _)| *phase == PhaseName::Done);
        done && self.steps.is_empty() && self.drain.is_none()
    }
}

/// Decides. The same situation gives the same plan; carrying it out twice does no harm.
pub(crate) fn decide(situation: &Situation<'_>) -> Plan {
    match situation.service.status.intention {
        Intention::Deployment => situation.deploy(),
        Intention::Undeployment => situation.undeploy(),
    }
}

impl Situation<'_> {
    fn deploy(&self) -> Plan {
        let wanted = self.service.scale.instances;
        let current = self.current();
        let told = current.map_or(0, |workload| workload.wanted);
        let healthy = current.map_or(0, |workload| count(&workload.instances, InstanceState::Healthy));
        let mut plan = Plan::default();
        if let Some(reason) = self.waits_for.as_ref().filter(|_| self.running.is_empty()) {
            plan.phase = Some((PhaseName::Initiated, Some(format!("waits for {reason}"))));
            return plan;
        }
        let waits = match self.released() {
            Some(drain) => self.finish(drain, &mut plan),
            None => self.leave(self.instances_to_leave(wanted, told, healthy), &mut plan),
        };
        let shrinks = plan.steps.iter().any(|step| matches!(step, Step::Apply(_)));
        if !shrinks && (current.is_none() || told < wanted) && !self.is_yet_to_shrink() {
            let retire = plan.drain.as_ref().filter(|drain| drain.released);
            let retire = retire.map(|drain| drain.instances.clone()).unwrap_or_default();
            plan.steps.push(Step::Apply(self.workload(wanted, retire)));
        }
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
        let waits = if leaving.is_empty() {
            plan.steps = self.running.iter().filter_map(|workload| workload.id.clone()).map(Step::Remove).collect();
            Some("nothing runs any more".to_owned())
        } else {
            match self.released() {
                Some(drain) => self.finish(drain, &mut plan),
                None => self.leave(leaving, &mut plan),
            }
        };
        plan.phase = Some((PhaseName::Updating, waits));
        plan
    }

    /// The workload of the present revision.
    pub(super) fn current(&self) -> Option<&Observed> {
        self.running.iter().copied().find(|workload| workload.id.as_ref() == Some(self.id))
    }

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
        let phase = &self.service.status.phase;
        let begun = match phase.name {
            PhaseName::Failed => return (PhaseName::Failed, notification),
            PhaseName::Initiated if current.is_some() => phase.since,
            PhaseName::Updating => phase.since,
            PhaseName::Initiated | PhaseName::Done => self.now,
        };
        let waited = self.now.duration_since(begun).unwrap_or_default();
        match self.settings.ready_deadline.saturating_sub(waited) {
            Duration::ZERO => (PhaseName::Failed, notification),
            left => {
                plan.again_after = Some(plan.again_after.map_or(left, |other| other.min(left)));
                (PhaseName::Updating, notification)
            }
        }
    }

    pub(super) fn workload(&self, instances: u32, retire: Vec<String>) -> Box<Workload> {
        let mut workload = Workload::new(self.id.clone(), self.template.clone(), instances);
        workload.retire = retire;
        workload.grace = self.settings.grace;
        Box::new(workload)
    }
}

/// Picks `surplus` of those that still serve: first those already chosen, then the least healthy, then the youngest.
fn pick(instances: &[Instance], surplus: usize, chosen: &[String]) -> Vec<String> {
    let mut candidates: Vec<&Instance> = instances.iter().filter(|one| stays(one)).collect();
    candidates.reverse();
    candidates.sort_by_key(|one| (!chosen.contains(&one.id), one.state == InstanceState::Healthy));
    candidates.into_iter().take(surplus).map(|one| one.id.clone()).collect()
}

/// Whether it goes on unless it is told to stop.
pub(super) const fn stays(one: &Instance) -> bool {
    !matches!(one.state, InstanceState::Stopping | InstanceState::Completed | InstanceState::Failed)
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
