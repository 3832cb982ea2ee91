//! Starts HAProxy, adopts one that runs, and starts it again when it has ended.

use super::{
    actor::Actor,
    address, certificates,
    complaint::{self, Complaint},
    compose::Configuration,
    entries,
    failure::Failure,
    folder::LOG,
    found,
    outline::Outline,
    plan::Plan,
    process::{self, HaproxyVersion, Process},
    reload::Refusal,
    store, sync,
    worker::Worker,
};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::{Instant, sleep};

/// How long a start may take until the first worker serves.
const START: Duration = Duration::from_secs(10);
/// How long a running master may be silent: it executes itself again during a reload.
const SILENCE: Duration = Duration::from_secs(3);
/// How long a port may stay taken by what ended before.
const PORT: Duration = Duration::from_millis(500);
const POLL: Duration = Duration::from_millis(10);

impl Actor {
    /// Takes over the HAProxy that runs in the folder, or starts one.
    pub(super) async fn adopt_or_start(&mut self) -> Result<(), Failure> {
        match self.running_master().await? {
            None => self.revive().await,
            Some(pid) => {
                self.process = Some(Process::of(pid)?);
                self.read_version().await;
                self.verify().await
            }
        }
    }

    /// The master that runs in this folder.
    async fn running_master(&self) -> Result<Option<i32>, Failure> {
        let deadline = Instant::now() + SILENCE;
        loop {
            if let Ok(processes) = self.shared.master.processes().await {
                return Ok(Some(processes.master));
            }
            // One that was started a moment ago does not answer yet; a second one beside it would never be found again.
            let masters = found::masters(self.shared.folder.path());
            if masters.map_err(|error| Failure::file("/proc", &error))?.is_empty() {
                return Ok(None);
            }
            if Instant::now() >= deadline {
                return Err(Failure::unavailable(format!(
                    "HAProxy runs in {} but its master socket does not answer; end it first",
                    self.shared.folder.path().display()
                )));
            }
            sleep(POLL).await;
        }
    }

    /// Compares what HAProxy serves with what was kept, and repairs the difference.
    pub(super) async fn verify(&mut self) -> Result<(), Failure> {
        while !self.runs_what_was_kept().await? {
            tracing::warn!("the running HAProxy has another configuration than the one kept: reloading");
            match self.reload(&self.live).await {
                Ok(_) => {
                    self.count(|counters| {
                        counters.reloads += 1;
                        counters.reload_reasons.push("adopted with another configuration".to_owned());
                    })
                    .await;
                }
                Err(Refusal::Configuration(complaints)) => self.set_aside(complaints).await?,
                Err(Refusal::Failed(failure) | Refusal::Unknown(failure)) => return Err(failure),
            }
        }
        self.adrift = false;
        self.sweep().await?;
        for (name, live) in &self.live {
            let plan = Plan::of(live)?;
            let served = async {
                certificates::serve(&self.shared.master, live).await?;
                sync::everywhere(&self.shared.master, &plan).await
            };
            if let Err(failure) = served.await {
                tracing::warn!(gateway = name, %failure, "what the gateway serves is not certain");
                self.unsure.insert(name.clone());
            }
        }
        Ok(())
    }

    /// Takes entries away that no gateway has: who changed them may have been cut off.
    async fn sweep(&self) -> Result<(), Failure> {
        let master = &self.shared.master;
        for pid in master.processes().await?.serving {
            entries::sweep(Worker { master, pid }, self.live.values()).await?;
        }
        Ok(())
    }

    async fn runs_what_was_kept(&self) -> Result<bool, Failure> {
        let configuration = Configuration::of(&self.shared.config, &self.live.values(), &BTreeSet::new())?;
        let master = &self.shared.master;
        for pid in master.processes().await?.serving {
            if (Worker { master, pid }).info("description").await? == configuration.description {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Starts HAProxy with the last good configuration, without gateways whose port another program has taken, and
    /// without those that this HAProxy refuses.
    pub(super) async fn revive(&mut self) -> Result<(), Failure> {
        self.process = None;
        self.drop_unservable().await;
        while let Err(refusal) = self.start().await {
            match refusal {
                Refusal::Configuration(complaints) => self.set_aside(complaints).await?,
                Refusal::Failed(failure) | Refusal::Unknown(failure) => return Err(failure),
            }
        }
        self.unsure.clear();
        self.adrift = false;
        self.read_version().await;
        Ok(())
    }

    async fn start(&mut self) -> Result<(), Refusal> {
        let configuration = self.shared.reloader().write(&self.live, &BTreeSet::new()).await?;
        let folder = &self.shared.folder;
        folder.shorten_log().await?;
        let log = folder.length(LOG).await?;
        let process = Process::of(process::start(&self.shared.config.program, folder.path())?)?;
        let master = &self.shared.master;
        let serving = async {
            loop {
                if let Ok(processes) = master.processes().await
                    && let Some(&pid) = processes.serving.first()
                    && let Ok(found) = (Worker { master, pid }).info("description").await
                    && found == configuration.description
                {
                    return;
                }
                sleep(POLL).await;
            }
        };
        tokio::select! {
            () = serving => {}
            () = process.ended() => {
                let said = folder.read_from(LOG, log).await?;
                return Err(Refusal::Configuration(complaint::read(&said, &configuration, &self.live)));
            }
            () = sleep(START) => {
                process.end().await?;
                return Err(Failure::unavailable(format!("HAProxy did not start within {} s", START.as_secs())).into());
            }
        }
        self.process = Some(process);
        Ok(())
    }

    /// Gives up kept gateways that this HAProxy refuses, so that the others are served: whoever wants them is told at
    /// the next change. Gives up at least one, or fails when none is to blame.
    async fn set_aside(&mut self, complaints: Vec<Complaint>) -> Result<(), Failure> {
        let mut blamed: BTreeSet<String> = complaints.iter().filter_map(|found| found.gateway.clone()).collect();
        blamed.retain(|name| self.live.contains_key(name));
        if blamed.is_empty() {
            for (name, live) in &self.live {
                let alone = [(name.clone(), live.clone())].into();
                if let Err(Refusal::Configuration(_)) = self.shared.reloader().check(&alone).await {
                    blamed.insert(name.clone());
                }
            }
        }
        if blamed.is_empty() {
            let reason = complaints.first().map_or("no reason given", |found| found.text.as_str());
            return Err(Failure::unavailable(format!("HAProxy does not start: {reason}")));
        }
        for name in blamed {
            let reason = complaint::reason(&complaints, &name).unwrap_or_else(|| "HAProxy refuses it".to_owned());
            store::set_aside(&self.shared.folder, &name, &reason).await;
            self.remember(&name, None);
        }
        Ok(())
    }

    /// Gives up gateways whose port is not to be had: whoever wants them is told at the next change.
    async fn drop_unservable(&mut self) {
        let deadline = Instant::now() + PORT;
        let binds: Vec<_> = self
            .live
            .iter()
            .filter_map(|(name, live)| Some((name.clone(), Outline::read(&live.document.structure).bind?)))
            .collect();
        for (name, bind) in binds {
            while let Err(failure) = address::free(bind) {
                if Instant::now() >= deadline {
                    store::set_aside(&self.shared.folder, &name, &failure.reason).await;
                    self.remember(&name, None);
                    break;
                }
                sleep(POLL).await;
            }
        }
    }

    /// Reads the version of the HAProxy that runs.
    pub(super) async fn read_version(&self) {
        let Ok(processes) = self.shared.master.processes().await else { return };
        let Some(&pid) = processes.serving.first() else { return };
        let text = Worker { master: &self.shared.master, pid }.info("Version").await;
        if let Some(version) = text.ok().as_deref().and_then(HaproxyVersion::read) {
            self.shared.change(|view| view.version = version);
        }
    }
}
