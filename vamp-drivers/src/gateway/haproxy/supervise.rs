//! Starts HAProxy, adopts one that runs, and starts it again when it has ended.

use super::{
    actor::Actor,
    address,
    compose::Configuration,
    failure::Failure,
    folder::LOG,
    found,
    outline::Outline,
    plan::Plan,
    process::{self, HaproxyVersion, Process},
    sync,
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

    /// Compares what an adopted HAProxy serves with what was kept, and repairs the difference.
    async fn verify(&mut self) -> Result<(), Failure> {
        let configuration = Configuration::of(&self.shared.config, self.live.values(), &BTreeSet::new())?;
        let master = self.shared.master.clone();
        let mut same = false;
        for pid in master.processes().await?.serving {
            let found = Worker { master: &master, pid }.info("description").await?;
            same |= found == configuration.description;
        }
        if !same {
            tracing::warn!("the running HAProxy has another configuration than the one kept: reloading");
            if let Err(refusal) = self.shared.reloader().reload(&self.live, &self.live).await {
                return Err(Failure::unavailable(format!("the kept configuration cannot be loaded: {refusal:?}")));
            }
            self.count(|counters| {
                counters.reloads += 1;
                counters.reload_reasons.push("adopted with another configuration".to_owned());
            })
            .await;
        }
        for (name, live) in &self.live {
            if let Err(failure) = sync::everywhere(&master, &Plan::of(live)?).await {
                tracing::warn!(gateway = name, %failure, "what the gateway serves is not certain");
                self.unsure.insert(name.clone());
            }
        }
        Ok(())
    }

    /// Starts HAProxy with the last good configuration, without gateways whose port another program has taken.
    pub(super) async fn revive(&mut self) -> Result<(), Failure> {
        self.process = None;
        self.drop_unservable().await?;
        let configuration = self.shared.reloader().write(&self.live, &BTreeSet::new()).await?;
        let log = self.shared.folder.read(LOG).await?.map_or(0, |text| text.len());
        let process = Process::of(process::start(&self.shared.config.program, self.shared.folder.path())?)?;
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
                let text = self.shared.folder.read(LOG).await?.unwrap_or_default();
                let new = text.get(log..).unwrap_or_default();
                let alert = new.lines().find(|line| line.starts_with("[ALERT]")).unwrap_or("no reason given");
                return Err(Failure::unavailable(format!("HAProxy does not start: {alert}")));
            }
            () = sleep(START) => {
                process.end().await?;
                return Err(Failure::unavailable(format!("HAProxy did not start within {} s", START.as_secs())));
            }
        }
        self.process = Some(process);
        self.unsure.clear();
        self.read_version().await;
        Ok(())
    }

    /// Gives up gateways whose port is not to be had: whoever wants them is told at the next change.
    async fn drop_unservable(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + PORT;
        let binds: Vec<_> = self
            .live
            .iter()
            .filter_map(|(name, live)| Some((name.clone(), Outline::read(&live.document.structure).bind?)))
            .collect();
        for (name, bind) in binds {
            while let Err(failure) = address::free(bind) {
                if Instant::now() >= deadline {
                    tracing::error!(gateway = name, %failure, "the gateway is not served");
                    self.keep(&name, None).await?;
                    break;
                }
                sleep(POLL).await;
            }
        }
        Ok(())
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
