//! A reload: checked before, confirmed after, taken back when HAProxy refuses it.

use super::{
    complaint::{self, Complaint},
    compose::{self, Configuration},
    config::HaproxyConfig,
    failure::Failure,
    folder::{CONFIGURATION, Folder, LOG},
    master::{Master, Processes},
    plan::Live,
    process,
    worker::Worker,
};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::{Instant, sleep};
use vamp_core::ErrorKind;

/// How long a reload may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// How often the master is asked whether the new worker runs.
const POLL: Duration = Duration::from_millis(10);
/// Larger logs of HAProxy are emptied before a reload.
const LONGEST_LOG: usize = 1 << 20;

/// Gateways by name.
pub(super) type Gateways = BTreeMap<String, Live>;

/// Why a set of gateways is not served.
#[derive(Debug)]
pub(super) enum Refusal {
    /// HAProxy refuses the configuration.
    Configuration(Vec<Complaint>),
    /// It could not be tried, or its outcome is not known.
    Failed(Failure),
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
        let configuration = Configuration::of(self.config, next.values())?;
        for (name, text) in compose::maps(next.values())? {
            // HAProxy reads the maps during a check; those that are served must keep what they have.
            if self.folder.read(&name).await?.is_none() {
                self.folder.write(&name, &text).await?;
            }
        }
        let candidate = format!("{CONFIGURATION}.candidate");
        self.folder.write(&candidate, &configuration.text).await?;
        let answer = process::check(&self.config.program, self.folder.path(), &candidate).await?;
        answer.map_err(|output| Refusal::Configuration(complaint::read(&output, &configuration, next)))
    }

    /// Writes the configuration and the maps of these gateways.
    pub(super) async fn write(&self, gateways: &Gateways) -> Result<Configuration, Failure> {
        let configuration = Configuration::of(self.config, gateways.values())?;
        for (name, text) in compose::maps(gateways.values())? {
            if self.folder.read(&name).await?.as_ref() != Some(&text) {
                self.folder.write(&name, &text).await?;
            }
        }
        self.folder.write(CONFIGURATION, &configuration.text).await?;
        Ok(configuration)
    }

    /// Replaces the workers by one that serves `next`. On any failure `last` is what the files say again, and what is
    /// served.
    pub(super) async fn reload(&self, last: &Gateways, next: &Gateways) -> Result<(), Refusal> {
        let before = self.master.processes().await?;
        let log = self.shortened_log().await?;
        let configuration = self.write(next).await?;
        let outcome = self.replace_workers(&before, &configuration).await;
        if matches!(outcome, Ok(true)) {
            return Ok(());
        }
        self.write(last).await?;
        outcome?;
        let written = self.folder.read(LOG).await?.unwrap_or_default();
        let new = written.get(log..).unwrap_or_default();
        Err(Refusal::Configuration(complaint::read(new, &configuration, next)))
    }

    /// Empties the log when it has grown large; returns where new messages will begin.
    async fn shortened_log(&self) -> Result<usize, Failure> {
        let length = self.folder.read(LOG).await?.map_or(0, |text| text.len());
        if length <= LONGEST_LOG {
            return Ok(length);
        }
        let path = self.folder.path().join(LOG);
        // HAProxy appends to the same file: it must be emptied, not replaced.
        tokio::fs::write(&path, "").await.map_err(|error| Failure::file(LOG, &error))?;
        Ok(0)
    }

    /// True when a worker runs the configuration, false when the master says that it could not.
    async fn replace_workers(&self, before: &Processes, configuration: &Configuration) -> Result<bool, Failure> {
        let deadline = Instant::now() + DEADLINE;
        // 2.6 closes the socket at once when it executes itself again: only the state afterwards tells.
        let _ = self.master.ask("reload").await;
        while Instant::now() < deadline {
            sleep(POLL).await;
            let Ok(now) = self.master.processes().await else { continue };
            if now.reloads <= before.reloads || now.master != before.master {
                continue;
            }
            for &pid in now.serving.iter().filter(|pid| !before.serving.contains(pid)) {
                let worker = Worker { master: self.master, pid };
                if worker.info("description").await.is_ok_and(|found| found == configuration.description) {
                    return Ok(true);
                }
            }
            if now.failed > before.failed {
                return Ok(false);
            }
        }
        Err(Failure::new(ErrorKind::TimedOut, format!("HAProxy did not reload within {} s", DEADLINE.as_secs())))
    }
}
