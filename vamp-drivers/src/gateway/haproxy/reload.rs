//! A reload: checked before, confirmed after, taken back when HAProxy refuses it.

use super::{
    certificates::{self, Candidates},
    complaint::{self, Complaint},
    compose::Configuration,
    config::HaproxyConfig,
    entries,
    failure::Failure,
    folder::{CONFIGURATION, Folder, LOG},
    master::{Master, Processes},
    plan::{Live, Plan},
    process, sync,
    worker::Worker,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};
use tokio::time::{Instant, sleep};
use vamp_core::{ErrorKind, moment};

/// How long a reload may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// How often the master is asked whether the new worker runs.
const POLL: Duration = Duration::from_millis(10);

/// Gateways by name.
pub(super) type Gateways = BTreeMap<String, Live>;

/// Why a set of gateways is not served.
#[derive(Debug)]
pub(super) enum Refusal {
    /// HAProxy refuses the configuration.
    Configuration(Vec<Complaint>),
    /// It could not be tried: what was served is.
    Failed(Failure),
    /// It was tried, and it is not known what HAProxy serves.
    Unknown(Failure),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// What a reload works with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reloader<'a> {
    pub(super) config: &'a HaproxyConfig,
    pub(super) folder: &'a Folder,
    pub(super) master: &'a Master,
}

impl Reloader<'_> {
    /// Lets HAProxy check these gateways together, without serving them.
    pub(super) async fn check(&self, next: &Gateways) -> Result<(), Refusal> {
        if next.is_empty() {
            // HAProxy takes a configuration without a listener for an error; master and worker run it all the same.
            return Ok(());
        }
        let mut configuration = Configuration::of(self.config, &next.values(), &BTreeSet::new())?;
        for (name, text) in entries::files(next.values())? {
            // HAProxy reads the maps during a check; those that are served must keep what they have.
            if self.folder.read(&name).await?.is_none() {
                self.folder.write_derived(&name, &text).await?;
            }
        }
        let certificates = Candidates::write(self.folder, next.values(), &mut configuration.text).await?;
        let candidate = format!("{CONFIGURATION}.candidate");
        self.folder.write_derived(&candidate, &configuration.text).await?;
        let answer = process::check(&self.config.program, self.folder.path(), &candidate).await;
        certificates.remove(self.folder).await?;
        let answer = answer?;
        answer.map_err(|output| Refusal::Configuration(complaint::read(&output, &configuration, next)))
    }

    /// Writes the configuration and the maps of these gateways.
    pub(super) async fn write(
        &self,
        gateways: &Gateways,
        down: &BTreeSet<SocketAddr>,
    ) -> Result<Configuration, Failure> {
        let configuration = Configuration::of(self.config, &gateways.values(), down)?;
        for (name, text) in entries::files(gateways.values())? {
            if self.folder.read(&name).await?.as_ref() != Some(&text) {
                self.folder.write_derived(&name, &text).await?;
            }
        }
        certificates::keep(self.folder, gateways.values()).await?;
        self.folder.write_derived(CONFIGURATION, &configuration.text).await?;
        Ok(configuration)
    }

    /// Replaces the workers by one that serves `next`. On any failure `last` is what the files say again, and what is
    /// served. Returns the addresses that were down before and are down still.
    pub(super) async fn reload(&self, last: &Gateways, next: &Gateways) -> Result<BTreeSet<SocketAddr>, Refusal> {
        let before = self.master.processes().await?;
        let down = self.down(&before).await?;
        self.leave_out_the_dead(&before, last, &down).await?;
        self.folder.shorten_log().await?;
        let log = self.folder.length(LOG).await?;
        let configuration = self.write(next, &down).await?;
        let outcome = self.replace_workers_twice(&before, &configuration, log).await;
        if let Ok(Some(pid)) = outcome {
            let told = self.keep_down(Worker { master: self.master, pid }, next, &down).await;
            return told.map(|()| down).map_err(Refusal::Unknown);
        }
        self.write(last, &BTreeSet::new()).await.map_err(Refusal::Unknown)?;
        outcome.map_err(Refusal::Unknown)?;
        let new = self.folder.read_from(LOG, log).await.map_err(Refusal::Unknown)?;
        Err(Refusal::Configuration(complaint::read(&new, &configuration, next)))
    }

    /// The addresses that get no requests because checks fail.
    async fn down(&self, processes: &Processes) -> Result<BTreeSet<SocketAddr>, Failure> {
        let mut down = BTreeSet::new();
        for &pid in &processes.serving {
            let slots = Worker { master: self.master, pid }.all_slots().await?;
            down.extend(slots.values().filter(|slot| slot.ready && !slot.up).filter_map(|slot| slot.address));
        }
        Ok(down)
    }

    /// Takes dead routes out of the maps of workers that are about to leave: while they leave they do not redistribute.
    async fn leave_out_the_dead(
        &self,
        processes: &Processes,
        gateways: &Gateways,
        down: &BTreeSet<SocketAddr>,
    ) -> Result<(), Failure> {
        for live in gateways.values() {
            let plan = Plan::of(live)?;
            if plan.down_commands(down).is_empty() {
                continue;
            }
            for &pid in &processes.serving {
                sync::follow(Worker { master: self.master, pid }, &plan).await?;
            }
        }
        Ok(())
    }

    /// Tells the new worker which of its servers are down, so that no request has to find out.
    async fn keep_down(
        &self,
        worker: Worker<'_>,
        gateways: &Gateways,
        down: &BTreeSet<SocketAddr>,
    ) -> Result<(), Failure> {
        if down.is_empty() {
            return Ok(());
        }
        let mut commands = Vec::new();
        for live in gateways.values() {
            commands.extend(Plan::of(live)?.down_commands(down));
        }
        worker.run(&commands).await.map(drop)
    }

    /// As [`replace_workers`](Self::replace_workers), and once more when the worker before was too busy to hand over its
    /// sockets in time: nothing is wrong with the configuration then. `log` is where the log ended before.
    async fn replace_workers_twice(
        &self,
        before: &Processes,
        configuration: &Configuration,
        log: u64,
    ) -> Result<Option<i32>, Failure> {
        let outcome = self.replace_workers(before, configuration).await?;
        if outcome.is_some() || !self.folder.read_from(LOG, log).await?.contains(complaint::SOCKETS_CAME_LATE) {
            return Ok(outcome);
        }
        self.replace_workers(&self.master.processes().await?, configuration).await
    }

    /// The worker that runs the configuration; `None` when the master says that it could not.
    async fn replace_workers(&self, before: &Processes, configuration: &Configuration) -> Result<Option<i32>, Failure> {
        let deadline = Instant::now() + DEADLINE;
        // 2.6 closes the socket at once when it executes itself again: only the state afterwards tells.
        let _ = self.master.ask("reload").await;
        moment::reached("mid-reload");
        while Instant::now() < deadline {
            sleep(POLL).await;
            let Ok(now) = self.master.processes().await else { continue };
            if now.reloads <= before.reloads || now.master != before.master {
                continue;
            }
            for &pid in now.serving.iter().filter(|pid| !before.serving.contains(pid)) {
                let worker = Worker { master: self.master, pid };
                if worker.info("description").await.is_ok_and(|found| found == configuration.description) {
                    return Ok(Some(pid));
                }
            }
            if now.failed > before.failed {
                return Ok(None);
            }
        }
        Err(Failure::new(ErrorKind::TimedOut, format!("HAProxy did not reload within {} s", DEADLINE.as_secs())))
    }
}
