//! [`HaproxyProxy`]: a running HAProxy behind the seam.

use super::{
    access,
    actor::{Actor, Request, Shared, View},
    certificates,
    config::HaproxyConfig,
    connections,
    failure::Failure,
    folder::Folder,
    found,
    master::Master,
    plan::{Live, Plan},
    process::{self, Process},
    store, sync,
    worker::Worker,
};
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};
use tokio::sync::{mpsc, oneshot};
use vamp_core::{
    Error, ErrorKind, Result,
    driver::{Applied, Document, Proxy, ProxyStatus, Target},
};

/// A running HAProxy.
///
/// It runs as a process of its own: when this value is dropped, or our process is killed, it serves on, and the next
/// [`start`](Self::start) with the same folder takes it over.
#[derive(Debug)]
pub struct HaproxyProxy {
    shared: Arc<Shared>,
    requests: mpsc::Sender<Request>,
}

impl HaproxyProxy {
    /// Takes over the HAProxy that runs in the configured folder, or starts one.
    ///
    /// # Errors
    ///
    /// When the program is missing, older than 2.6 or does not start, or the folder is in use or cannot be written.
    pub async fn start(config: HaproxyConfig) -> Result<Self> {
        let subject = config.folder.display().to_string();
        Self::run(config).await.map_err(|failure| failure.error("start", subject))
    }

    async fn run(mut config: HaproxyConfig) -> Result<Self, Failure> {
        config.program = process::locate(config.program);
        let version = process::version(&config.program).await?;
        let folder = Folder::open(&config.folder).await?;
        let master = Master::new(folder.socket());
        let mut live = store::load(&folder).await?;
        certificates::load(&folder, &config, &mut live).await;
        let counters = store::load_counters(&folder).await;
        let view = View { version, live: live.clone(), counters, waiting: None };
        let shared = Arc::new(Shared::new(config, folder, master, view));
        let mut actor = Actor {
            shared: Arc::clone(&shared),
            live,
            unsure: BTreeSet::new(),
            adrift: false,
            uncounted: false,
            unusable: BTreeMap::new(),
            process: None,
            stopped: false,
        };
        actor.adopt_or_start().await?;
        certificates::sweep(&actor.shared.folder, &actor.live).await;
        if let Some(log) = shared.config.access_log.clone() {
            access::follow(&shared.folder, &shared, log)?;
        }
        let (requests, received) = mpsc::channel(64);
        tokio::spawn(actor.run(received));
        Ok(Self { shared, requests })
    }

    /// Ends HAProxy. What it served is kept: a later start serves it again.
    ///
    /// # Errors
    ///
    /// When it does not end.
    pub async fn stop(&self) -> Result<()> {
        let answer = self.ask(Request::Stop).await?;
        answer.map_err(|failure| failure.error("stop", self.subject()))
    }

    /// Ends the HAProxy that runs in this folder, if one does, while no [`HaproxyProxy`] works there.
    ///
    /// # Errors
    ///
    /// When it does not end.
    pub async fn stop_folder(folder: &Path) -> Result<()> {
        let failed = |failure: Failure| failure.error("stop", folder.display().to_string());
        let file = |error: std::io::Error| failed(Failure::file("/proc", &error));
        let Ok(path) = folder.canonicalize() else { return Ok(()) };
        for pid in found::masters(&path).map_err(file)? {
            let process = Process::of(pid);
            // Once it is held it cannot be mistaken for another one, if it still was the right one then.
            if found::masters(&path).map_err(file)?.contains(&pid) {
                process.map_err(failed)?.end().await.map_err(failed)?;
            }
        }
        Ok(())
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let gone = || Error::new(ErrorKind::Internal, "haproxy", "apply", self.subject());
        self.requests.send(request(answer)).await.map_err(|_| gone().because("the task that changes HAProxy ended"))?;
        answered.await.map_err(|_| gone().because("the task that changes HAProxy ended"))
    }

    fn subject(&self) -> String {
        self.shared.folder.path().display().to_string()
    }

    async fn count_connections(&self, live: &Live) -> Result<BTreeMap<String, u64>, Failure> {
        let (master, plan) = (&self.shared.master, Plan::of(live)?);
        let mut counts: BTreeMap<String, u64> = plan.instances.values().map(|id| (id.clone(), 0)).collect();
        let processes = master.processes().await?;
        if processes.serving.is_empty() {
            return Err(Failure::unavailable("HAProxy has no worker"));
        }
        let leaving = processes.leaving.iter().map(|pid| (*pid, true));
        for (pid, leaves) in processes.serving.iter().map(|pid| (*pid, false)).chain(leaving) {
            match connections::of(Worker { master, pid }, leaves, live, &plan).await {
                Ok(found) => found.into_iter().for_each(|(id, count)| *counts.entry(id).or_default() += count),
                Err(_) if sync::is_gone(master, pid).await => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(counts)
    }
}

#[async_trait]
impl Proxy for HaproxyProxy {
    async fn target(&self) -> Result<Target> {
        Ok(self.shared.look(|view| {
            let mut target = Target::new(view.version.number, self.shared.config.bind);
            target.host_port = self.shared.config.host_port;
            target.serving = view.live.iter().map(|(name, live)| (name.clone(), Arc::clone(&live.document))).collect();
            target
        }))
    }

    async fn apply(&self, changes: &BTreeMap<String, Option<Document>>) -> BTreeMap<String, Result<Applied>> {
        let changes = changes.clone();
        let names: Vec<String> = changes.keys().cloned().collect();
        let mut answers = match self.ask(|answer| Request::Apply(changes, answer)).await {
            Ok(answers) => answers,
            Err(error) => {
                let lost = Failure::internal(error.report());
                names.iter().map(|name| (name.clone(), Err(lost.clone()))).collect()
            }
        };
        let of = |name: String| {
            let unanswered = || Err(Failure::internal("no answer for this gateway"));
            let answer = answers.remove(&name).unwrap_or_else(unanswered);
            (name.clone(), answer.map_err(|failure| failure.error("apply", name)))
        };
        names.into_iter().map(of).collect()
    }

    async fn connections(&self, gateway: &str) -> Result<BTreeMap<String, u64>> {
        let live = self.shared.look(|view| view.live.get(gateway).cloned());
        let Some(live) = live else { return Err(Error::new(ErrorKind::NotFound, "haproxy", "connections", gateway)) };
        self.count_connections(&live).await.map_err(|failure| failure.error("connections", gateway))
    }

    async fn status(&self) -> Result<ProxyStatus> {
        let (mut status, version, waiting) =
            self.shared.look(|view| (view.counters.clone(), view.version.text.clone(), view.waiting.clone()));
        status.proxy = format!("HAProxy {version}");
        match self.shared.master.processes().await {
            Ok(processes) => {
                status.leaving_workers = u32::try_from(processes.leaving.len()).unwrap_or(u32::MAX);
                let full = processes.leaving.len() >= self.shared.config.max_leaving_workers;
                status.waiting = waiting.filter(|_| full);
            }
            Err(failure) => status.waiting = Some(failure.reason),
        }
        Ok(status)
    }
}
