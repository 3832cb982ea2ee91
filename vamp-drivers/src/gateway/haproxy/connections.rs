//! What is open to the instances of a gateway, as one worker has it.

use super::{
    failure::Failure,
    hosts,
    plan::{Live, Plan},
    worker::{SlotName, SlotState, Worker},
};
use std::{collections::BTreeMap, net::SocketAddr};

/// Connections by instance: a slot belongs to the instance whose address it has *there*.
///
/// A worker that `leaves` cannot be told to send nothing more to an instance that drains, where its map leads there and
/// nowhere else that it can reach. Each client that it still has may send one more request, so each counts.
pub(super) async fn of(
    worker: Worker<'_>,
    leaves: bool,
    live: &Live,
    plan: &Plan,
) -> Result<Vec<(String, u64)>, Failure> {
    let backends = plan.backends();
    let slots = worker.slots(&backends).await?;
    let missing = plan.slots.keys().find(|name| !slots.contains_key(*name));
    if let Some((backend, slot)) = missing.filter(|_| !leaves) {
        return Err(Failure::internal(format!("HAProxy does not tell of {backend}/s{slot}")));
    }
    let counts = worker.connections(&backends).await?;
    let mut found = Vec::new();
    for (name, state) in &slots {
        let Some(&count) = counts.get(name) else {
            return Err(Failure::internal(format!("HAProxy does not count {}/s{}", name.0, name.1)));
        };
        found.extend(instance(plan, name, state).map(|(id, _)| (id, count)));
    }
    if leaves && live.document.structure.contains(" from vamp-http") {
        found.extend(lingering(worker, plan, &slots).await?);
    }
    Ok(found)
}

/// The instance that a worker has in a slot, and whether it gets new requests.
fn instance(plan: &Plan, name: &SlotName, state: &SlotState) -> Option<(String, bool)> {
    let here = |(other, wanted): (&SlotName, &Option<(SocketAddr, bool)>)| {
        let (address, ready) = (*wanted)?;
        let same = other.0 == name.0 && state.address == Some(address);
        same.then(|| Some((plan.instances.get(other)?.clone(), ready)))?
    };
    plan.slots.iter().find_map(here)
}

/// For instances that drain and that this leaving worker may still send requests to: the clients that it has.
async fn lingering(
    worker: Worker<'_>,
    plan: &Plan,
    slots: &BTreeMap<SlotName, SlotState>,
) -> Result<Vec<(String, u64)>, Failure> {
    let open = slots.iter().filter(|(_, state)| state.ready && state.weight > 0);
    let draining = |(name, state): (&SlotName, &SlotState)| {
        instance(plan, name, state).filter(|(_, ready)| !ready).map(|(id, _)| (name.0.clone(), id))
    };
    let mut doomed: Vec<(String, String)> = open.filter_map(draining).collect();
    if doomed.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<_> = plan.entries.keys().collect();
    let led = plan.led_to(&worker.look_up(&keys).await?);
    doomed.retain(|(backend, _)| led.contains(backend));
    if doomed.is_empty() {
        return Ok(Vec::new());
    }
    let mut clients = worker.clients(&plan.section).await?;
    if plan.entries.has_hosts() {
        clients += worker.clients(hosts::FRONTEND).await?;
    }
    Ok(doomed.into_iter().map(|(_, id)| (id, clients)).collect())
}
