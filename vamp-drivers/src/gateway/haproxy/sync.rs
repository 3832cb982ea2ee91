//! Makes workers serve a gateway, and reads back that they do.

use super::{failure::Failure, master::Master, plan::Plan, worker::Worker};
use std::time::Duration;
use tokio::time::sleep;
use vamp_core::ErrorKind;

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

/// Slots first for who joins, then the map in one step, then slots for who leaves: no weight ever points to a route
/// without its instances.
async fn serve(worker: Worker<'_>, plan: &Plan) -> Result<(), Failure> {
    let (backends, path, entries) = (plan.backends(), plan.map_path(), plan.entries());
    let mut state = worker.state(&[], &backends, &path).await?;
    let mut answers = String::new();
    for attempt in 0..=ATTEMPTS {
        let difference = plan.difference(&state.slots);
        let same_map = state.map.as_ref() == Some(&entries);
        let shared = plan.shared.commands(worker, false).await?;
        if same_map && shared.is_empty() && difference.join.is_empty() && difference.leave.is_empty() {
            return Ok(());
        }
        if attempt == ATTEMPTS || state.map.is_none() {
            break;
        }
        answers = worker.run(&difference.join).await?;
        let mut then = Vec::new();
        if !same_map {
            then.push(worker.stage_map(&path, &entries).await?);
        }
        then.extend(shared);
        then.extend(difference.leave);
        state = worker.state(&then, &backends, &path).await?;
        answers.push_str(&state.said);
    }
    let answers: String = answers.trim().chars().take(200).collect();
    Err(Failure::internal(format!("HAProxy does not serve what it was told; it said `{}`", answers.escape_debug())))
}

/// A leaving worker answers `Proxy is disabled.` to every change of a server, but takes maps.
pub(super) async fn follow(worker: Worker<'_>, plan: &Plan) -> Result<(), Failure> {
    let path = plan.map_path();
    let frozen = worker.slots(&plan.backends()).await?;
    let Some((entries, shared)) = plan.entries_for(&frozen).zip(plan.shared_for(&frozen)) else { return Ok(()) };
    for attempt in 0..=ATTEMPTS {
        match worker.map(&path).await? {
            // This gateway came after that worker.
            None => return Ok(()),
            Some(map) => {
                let commands = shared.commands(worker, true).await?;
                if map == entries && commands.is_empty() {
                    return Ok(());
                }
                if attempt < ATTEMPTS && map != entries {
                    worker.replace_map(&path, &entries).await?;
                }
                worker.run(&commands).await?;
            }
        }
    }
    Err(Failure::internal(format!("HAProxy's leaving worker {} does not take the weights", worker.pid)))
}
