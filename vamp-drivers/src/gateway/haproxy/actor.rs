//! The one task that changes HAProxy: one change at a time, whoever asks and whether or not they wait for the answer.

use super::{
    config::HaproxyConfig,
    failure::Failure,
    folder::Folder,
    master::Master,
    plan::Live,
    process::{HaproxyVersion, Process},
    reload::{Gateways, Reloader},
    renewal::UnusableFiles,
    store,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at},
};
use vamp_core::driver::{Applied, Document, ProxyStatus};

/// How long to wait before HAProxy is started again after a start that failed.
const RESTART_PAUSE: Duration = Duration::from_millis(500);
/// How often HAProxy's log is looked at.
const LOG_CHECK: Duration = Duration::from_secs(60);
/// The files of certificates are looked at less often than this.
const LEAST_CHECK: Duration = Duration::from_millis(10);
/// So many reasons of reloads are kept.
const REASONS: usize = 100;

/// Documents by gateway; `None` ends a gateway.
pub(super) type Changes = BTreeMap<String, Option<Document>>;
/// One answer for each gateway.
pub(super) type Answers = BTreeMap<String, Result<Applied, Failure>>;

/// What is asked of the task.
#[derive(Debug)]
pub(super) enum Request {
    /// Serve this.
    Apply(Changes, oneshot::Sender<Answers>),
    /// End HAProxy.
    Stop(oneshot::Sender<Result<(), Failure>>),
}

/// What others may look at while a change is made.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: HaproxyConfig,
    pub(super) folder: Folder,
    pub(super) master: Master,
    view: RwLock<View>,
}

/// What is served and counted.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) version: HaproxyVersion,
    pub(super) live: Gateways,
    pub(super) counters: ProxyStatus,
    pub(super) waiting: Option<String>,
}

impl Shared {
    pub(super) const fn new(config: HaproxyConfig, folder: Folder, master: Master, view: View) -> Self {
        Self { config, folder, master, view: RwLock::new(view) }
    }

    /// Reads the view.
    pub(super) fn look<T>(&self, read: impl FnOnce(&View) -> T) -> T {
        read(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut View)) {
        change(&mut self.view.write().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) const fn reloader(&self) -> Reloader<'_> {
        Reloader { config: &self.config, folder: &self.folder, master: &self.master }
    }
}

/// The task.
#[derive(Debug)]
pub(super) struct Actor {
    pub(super) shared: Arc<Shared>,
    /// What HAProxy serves.
    pub(super) live: Gateways,
    /// Gateways of which that is not certain: the next change begins from what HAProxy says.
    pub(super) unsure: BTreeSet<String>,
    /// Whether it is not even certain which structure HAProxy runs.
    pub(super) adrift: bool,
    /// Whether the counters on disk are not yet those of the view.
    pub(super) uncounted: bool,
    /// Files of certificates that cannot be used.
    pub(super) unusable: UnusableFiles,
    pub(super) process: Option<Process>,
    pub(super) stopped: bool,
}

impl Actor {
    /// Serves requests until nobody can ask any more.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut again = Instant::now();
        let mut log = interval(LOG_CHECK);
        log.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut certificates = interval(self.shared.config.certificate_check.max(LEAST_CHECK));
        certificates.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let dead = self.process.is_none() && !self.stopped;
            tokio::select! {
                request = requests.recv() => match request {
                    None => return,
                    Some(request) => {
                        self.take(request, &mut requests).await;
                        if std::mem::take(&mut self.uncounted) {
                            self.save_counters().await;
                        }
                    }
                },
                () = ended(self.process.as_ref()) => {
                    tracing::warn!("HAProxy has ended and is started again");
                    self.process = None;
                    again = Instant::now();
                }
                _ = certificates.tick() => self.renew_certificates().await,
                _ = log.tick() => {
                    if let Err(failure) = self.shared.folder.shorten_log().await {
                        tracing::warn!(%failure, "HAProxy's log grows");
                    }
                }
                () = sleep_until(again), if dead => {
                    if let Err(failure) = self.revive().await {
                        tracing::error!(%failure, "HAProxy cannot be started again");
                        again = Instant::now() + RESTART_PAUSE;
                    }
                }
            }
        }
    }

    async fn take(&mut self, request: Request, requests: &mut mpsc::Receiver<Request>) {
        match request {
            Request::Stop(answer) => {
                let _ = answer.send(self.stop().await);
            }
            Request::Apply(changes, answer) => {
                let later = self.apply(vec![(changes, answer)], requests).await;
                if let Some(request) = later {
                    // Only a stop cuts a collection short.
                    Box::pin(self.take(request, requests)).await;
                }
            }
        }
    }

    /// Applies changes; a structural one waits a moment for others that can share its reload. Returns the request that
    /// ended the wait, if one did.
    async fn apply(
        &mut self,
        mut batch: Vec<(Changes, oneshot::Sender<Answers>)>,
        requests: &mut mpsc::Receiver<Request>,
    ) -> Option<Request> {
        let mut later = None;
        let deadline = Instant::now() + self.shared.config.coalesce;
        while batch.iter().any(|(changes, _)| self.is_structural(changes)) {
            match timeout_at(deadline, requests.recv()).await {
                Ok(Some(Request::Apply(changes, answer))) => {
                    let apart = batch.iter().all(|(others, _)| changes.keys().all(|name| !others.contains_key(name)));
                    if apart && !self.is_structural(&changes) {
                        let _ = answer.send(self.change(changes).await);
                    } else {
                        batch.push((changes, answer));
                    }
                }
                Ok(other) => {
                    later = other;
                    break;
                }
                Err(_) => break,
            }
        }
        let mut changes = Changes::new();
        let mut waiting = Vec::new();
        for (more, answer) in batch {
            waiting.push((more.keys().cloned().collect::<Vec<_>>(), answer));
            changes.extend(more);
        }
        let answers = self.change(changes).await;
        for (names, answer) in waiting {
            let own = |name: String| answers.get(&name).map(|found| (name.clone(), found.clone()));
            // Whoever asked may have stopped waiting: the change holds all the same.
            let _ = answer.send(names.into_iter().filter_map(own).collect());
        }
        later
    }

    fn is_structural(&self, changes: &Changes) -> bool {
        changes.iter().any(|(name, document)| self.changes_structure(name, document.as_ref()))
    }

    /// Whether only a reload can bring this about.
    pub(super) fn changes_structure(&self, name: &str, document: Option<&Document>) -> bool {
        let served = self.live.get(name).map(|live| &live.document.structure);
        document.map(|document| &document.structure) != served
    }

    /// Takes this as what HAProxy serves. Disk comes before HAProxy and HAProxy before memory: what is answered from
    /// memory is never more than what is served.
    pub(super) fn remember(&mut self, name: &str, live: Option<Live>) {
        self.shared.change(|view| match &live {
            Some(live) => drop(view.live.insert(name.to_owned(), live.clone())),
            None => drop(view.live.remove(name)),
        });
        match live {
            Some(live) => drop(self.live.insert(name.to_owned(), live)),
            None => drop(self.live.remove(name)),
        }
    }

    /// Counts, and keeps the counters.
    pub(super) async fn count(&self, count: impl FnOnce(&mut ProxyStatus)) {
        self.shared.change(|view| {
            count(&mut view.counters);
            let surplus = view.counters.reload_reasons.len().saturating_sub(REASONS);
            view.counters.reload_reasons.drain(..surplus);
        });
        self.save_counters().await;
    }

    async fn save_counters(&self) {
        let counters = self.shared.look(|view| view.counters.clone());
        if let Err(failure) = store::save_counters(&self.shared.folder, &counters).await {
            tracing::warn!(%failure, "the counters are not kept");
        }
    }

    async fn stop(&mut self) -> Result<(), Failure> {
        self.stopped = true;
        match self.process.take() {
            Some(process) => process.end().await,
            None => Ok(()),
        }
    }
}

/// Returns when the process has ended; never without one.
pub(super) async fn ended(process: Option<&Process>) {
    match process {
        Some(process) => process.ended().await,
        None => std::future::pending().await,
    }
}
