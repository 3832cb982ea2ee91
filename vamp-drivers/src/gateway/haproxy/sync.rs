//! Makes workers serve a gateway, and reads back that they do.

use super::{
    failure::Failure,
    master::Master,
    plan::Plan,
    worker::{Found, Worker},
};
use std::time::Duration;
use tokio::time::sleep;
use vamp_core::{ErrorKind, moment};

/// How often a worker is told before it counts as not following.
const ATTEMPTS: usize = 2;

/// How often, and how far apart, the master is asked whether a leaving worker is gone.
const LOOKS: usize = 25;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Makes every worker serve this gateway: those that serve as a whole, those that leave as far as they can.
pub(super) async fn everywhere(master: &Master, plan: &Plan) -> Result<(), Failure> {
    let processes = master.processes().await?;
    if processes.serving.is_empty() {
        return Err(Failure::unavailable("HAProxy has no worker"));
    }
    for pid in processes.serving {
        serve(Worker { master, pid }, plan).await?;
    }
    for pid in processes.leaving {
        match follow(Worker { master, pid }, plan).await {
            Err(failure) if failure.kind != ErrorKind::NotFound && !is_gone(master, pid).await => return Err(failure),
            _ => {}
        }
    }
    Ok(())
}

/// Whether a worker that could not be asked has ended meanwhile. One that is about to end answers nothing any more, but
/// the master knows it a moment longer.
pub(super) async fn is_gone(master: &Master, pid: i32) -> bool {
    let known = |pids: &[i32]| pids.contains(&pid);
    for _ in 0..LOOKS {
        match master.processes().await {
            Ok(processes) if known(&processes.serving) => return false,
            Ok(processes) if known(&processes.leaving) => sleep(BETWEEN_LOOKS).await,
            Ok(_) => return true,
            Err(_) => return false,
        }
    }
    false
}

/// Slots first for who joins, then the maps, then slots for who leaves: no weight ever points to a route without its
/// instances.
async fn serve(worker: Worker<'_>, plan: &Plan) -> Result<(), Failure> {
    let (backends, keys) = (plan.backends(), plan.entries.keys());
    let keys: Vec<_> = keys.collect();
    let mut state = worker.state(&[], &backends, &keys).await?;
    let mut answers = String::new();
    for attempt in 0..=ATTEMPTS {
        let difference = plan.difference(&state.slots);
        let entries = plan.entries.commands(&state.found, &plan.section, true);
        let complete = !state.found.contains(&Found::NoMap);
        if complete && entries.is_empty() && difference.join.is_empty() && difference.leave.is_empty() {
            return Ok(());
        }
        if attempt == ATTEMPTS || !complete {
            break;
        }
        answers = worker.run(&difference.join).await?;
        moment::reached("mid-map-swap");
        let then = [entries, difference.leave].concat();
        state = worker.state(&then, &backends, &keys).await?;
        answers.push_str(&state.said);
    }
    let answers: String = answers.trim().chars().take(200).collect();
    Err(Failure::internal(format!("HAProxy does not serve what it was told; it said `{}`", answers.escape_debug())))
}

/// A leaving worker answers `Proxy is disabled.` to every change of a server, but takes maps.
pub(super) async fn follow(worker: Worker<'_>, plan: &Plan) -> Result<(), Failure> {
    let frozen = worker.slots(&plan.backends()).await?;
    // Without its slots the gateway came after that worker.
    let Some(entries) = plan.entries_for(&frozen).filter(|_| !frozen.is_empty()) else { return Ok(()) };
    let keys: Vec<_> = entries.keys().collect();
    for _ in 0..=ATTEMPTS {
        let found = worker.look_up(&keys).await?;
        // It may not have the rules of this gateway for the shared port.
        let new_hosts = !plan.outline.guarded || entries.has_host_in(&found, &plan.section);
        let commands = entries.commands(&found, &plan.section, new_hosts);
        if commands.is_empty() {
            return Ok(());
        }
        worker.run(&commands).await?;
    }
    Err(Failure::internal(format!("HAProxy's leaving worker {} does not take the weights", worker.pid)))
}
