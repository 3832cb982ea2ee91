//! How instances leave: drained, released from the routing table, stopped. What is released is never taken back: the
//! driver may have been told to stop it.

use super::{Drained, Plan, Situation, Step, service::stays};
use crate::{
    driver::{Instance, InstanceState, Observed, Retire},
    model::{DeployedService, Drain, Intention},
};
use std::time::Duration;

/// Whether the release of some instances of a workload is that of all of it, so that whoever takes the place of one of
/// them leaves with it, and is never routed to.
pub(crate) fn leaves_as_a_whole(service: &DeployedService, drain: &Drain, is_current: bool) -> bool {
    let goes = service.status.intention == Intention::Undeployment && drain.since >= service.status.since;
    drain.released && (!is_current || goes)
}

impl Situation<'_> {
    // === what is not released yet ===

    /// Takes instances out of service, one stage after the other; answers why it is not finished.
    pub(super) fn leave(&self, instances: Vec<String>, plan: &mut Plan) -> Option<String> {
        if instances.is_empty() {
            return None;
        }
        let before = self.service.drain.as_ref().filter(|drain| !drain.released);
        // The clock may have been set back since.
        let since = before.map_or(self.now, |drain| drain.since.min(self.now));
        let is_known = before.is_some_and(|drain| instances.iter().all(|one| drain.instances.contains(one)));
        let mut drain = Drain { since, instances, released: false };
        let reason = if is_known {
            self.release(&mut drain, plan)
        } else {
            "instances are taken out of the gateways".to_owned()
        };
        plan.drain = Some(drain);
        Some(reason)
    }

    /// Releases what is drained, or has had its time.
    fn release(&self, drain: &mut Drain, plan: &mut Plan) -> String {
        match self.routing.drained(self.key, &drain.instances) {
            Drained::Routed(reason) => return reason,
            Drained::Busy(reason) => {
                let waited = self.now.duration_since(drain.since).unwrap_or_default();
                let left = self.settings.drain_deadline.saturating_sub(waited);
                if left > Duration::ZERO {
                    plan.again_after = Some(left);
                    return reason;
                }
            }
            Drained::Yes => {}
        }
        drain.released = true;
        "finished instances are taken out of the routing table".to_owned()
    }

    // === what is released ===

    /// What was released and is still there, if there is any.
    pub(super) fn released(&self) -> Option<Drain> {
        let before = self.service.drain.as_ref().filter(|drain| drain.released)?;
        let mut instances = Vec::new();
        for workload in self.running {
            let is_current = workload.id.as_ref() == Some(self.id);
            let mut released: Vec<&Instance> = workload.instances.iter().filter(|one| is_of(before, one)).collect();
            if released.is_empty() {
                continue;
            }
            if leaves_as_a_whole(self.service, before, is_current) {
                released = workload.instances.iter().collect();
            } else if self.retire != Retire::Exact && !self.has_surplus(workload) {
                // The platform stopped another one.
                released.retain(|one| one.state == InstanceState::Stopping);
            }
            instances.extend(released.into_iter().map(|one| one.id.clone()));
        }
        instances.sort();
        (!instances.is_empty()).then(|| Drain { instances, ..before.clone() })
    }

    /// Stops what is released, once every agent acknowledged that it is; answers why it is not finished.
    pub(super) fn finish(&self, drain: Drain, plan: &mut Plan) -> Option<String> {
        let reason = match self.routing.acknowledged(self.key) {
            Err(reason) => reason,
            Ok(()) => {
                plan.steps.extend(self.stops(&drain));
                "instances are stopping".to_owned()
            }
        };
        plan.drain = Some(drain);
        Some(reason)
    }

    fn stops(&self, drain: &Drain) -> Vec<Step> {
        let goes = self.service.status.intention == Intention::Undeployment;
        let mut steps = Vec::new();
        for workload in self.running {
            let Some(id) = &workload.id else { continue };
            let all = workload.instances.iter().filter(|one| stays(one)).all(|one| is_of(drain, one));
            let some = workload.instances.iter().any(|one| is_of(drain, one));
            if some && (id != self.id || (goes && all)) {
                steps.push(Step::Remove(id.clone()));
            }
        }
        if let Some((current, surplus)) = self.to_shrink(drain).filter(|_| steps.iter().all(|step| !self.removes(step)))
        {
            let retire = current.instances.iter().filter(|one| is_of(drain, one)).map(|one| one.id.clone());
            steps.push(Step::Apply(self.workload(current.wanted.saturating_sub(surplus), retire.collect())));
        }
        steps
    }

    fn removes(&self, step: &Step) -> bool {
        matches!(step, Step::Remove(id) if id == self.id)
    }

    /// Whether the present revision has released instances that the driver was not told to stop yet: until then there is
    /// no growing, which would bring them back.
    pub(super) fn is_yet_to_shrink(&self) -> bool {
        self.released().is_some_and(|drain| self.to_shrink(&drain).is_some())
    }

    /// By how many the present revision has to shrink for what is released of it.
    fn to_shrink(&self, drain: &Drain) -> Option<(&Observed, u32)> {
        let current = self.current()?;
        let surplus = if self.retire == Retire::Exact {
            let staying = current.instances.iter().filter(|one| stays(one));
            let released = number(staying.clone().filter(|one| is_of(drain, one)));
            // The driver was told already of those that are more than it was told to run.
            released.saturating_sub(number(staying).saturating_sub(current.wanted))
        } else {
            current.wanted.saturating_sub(self.service.scale.instances)
        };
        (surplus > 0).then_some((current, surplus))
    }

    fn has_surplus(&self, workload: &Observed) -> bool {
        workload.wanted > self.service.scale.instances
    }
}

fn is_of(drain: &Drain, instance: &Instance) -> bool {
    drain.instances.contains(&instance.id)
}

fn number<'a>(instances: impl Iterator<Item = &'a Instance>) -> u32 {
    u32::try_from(instances.count()).unwrap_or(u32::MAX)
}
