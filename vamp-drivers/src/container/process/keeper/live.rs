//! [`Live`]: a process under watch.

use super::{Keeper, Message, RETRY};
use crate::container::process::{
    context::Context,
    health::{self, Verdict},
    procfs::{Identity, Seen},
    record::{Record, Stage},
    spawn::Exit,
    watch,
};
use rustix::fd::OwnedFd;
use std::sync::Arc;
use tokio::{task::JoinSet, time::Instant};
use vamp_core::driver::InstanceState;

/// A process under watch.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) identity: Identity,
    /// Whether it was there when the watch began.
    found: bool,
    pub(super) verdicts: Vec<Verdict>,
    healthy_since: Option<Instant>,
    /// Once it has got the polite signal.
    pub(super) kill_at: Option<Instant>,
    /// Watches its end and its health; ends with this.
    _watches: JoinSet<()>,
}

impl Live {
    /// Whose group is certainly this instance's.
    pub(super) fn leaders(&self) -> Vec<Identity> {
        if self.found { vec![self.identity.clone()] } else { Vec::new() }
    }
}

impl Keeper {
    /// Watches every process that is not watched yet.
    pub(super) fn watch_all(&mut self) {
        let unwatched = self.stored.records.iter().filter(|record| !self.live.contains_key(&record.id));
        let unwatched: Vec<Record> = unwatched.cloned().collect();
        for record in unwatched {
            let Stage::Started(identity) = &record.stage else { continue };
            match identity.open(&self.context.boot) {
                Ok(found) => {
                    let live = self.watch(&record, identity.clone(), found);
                    self.live.insert(record.id, live);
                }
                Err(error) => self.try_again("watched", &error),
            }
        }
    }

    /// `None`: the process is gone already, what is left of it is swept away.
    fn watch(&self, record: &Record, identity: Identity, found: Option<(OwnedFd, Seen)>) -> Live {
        let mut watches = JoinSet::new();
        let verdicts = match &found {
            Some((_, seen)) if !seen.zombie => self.watch_health(record, &mut watches),
            _ => vec![Verdict::Open(None)],
        };
        let handle = found.map(|(handle, _)| handle);
        let found = handle.is_some();
        let end = End { context: Arc::clone(&self.context), instance: record.id.clone(), leader: identity.clone() };
        let mail = self.mail.clone();
        watches.spawn(async move {
            let (instance, exit) = (end.instance.clone(), end.reached(handle).await);
            // The keeper may be gone.
            let _ = mail.send(Message::Ended { instance, exit });
        });
        let healthy = health::state(&verdicts).0 == InstanceState::Healthy;
        Live { identity, found, verdicts, healthy_since: healthy.then(Instant::now), kill_at: None, _watches: watches }
    }

    /// Answers the verdicts to begin with.
    fn watch_health(&self, record: &Record, watches: &mut JoinSet<()>) -> Vec<Verdict> {
        let checks = health::checks(&self.stored.workload.template);
        let before = if record.healthy { Verdict::Good } else { Verdict::Open(None) };
        let verdicts = vec![before.clone(); checks.len()];
        for (check, watch) in checks.into_iter().enumerate() {
            let Some(port) = record.ports.get(watch.port()).copied() else { continue };
            let (mail, instance) = (self.mail.clone(), record.id.clone());
            watches.spawn(watch.watch(port, before.clone(), move |verdict| {
                let _ = mail.send(Message::Verdict { instance: instance.clone(), check, verdict });
            }));
        }
        verdicts
    }

    pub(super) fn judge(&mut self, instance: &str, check: usize, verdict: Verdict) {
        let Some(live) = self.live.get_mut(instance) else { return };
        if let Some(known) = live.verdicts.get_mut(check) {
            *known = verdict;
        }
        let healthy = health::state(&live.verdicts).0 == InstanceState::Healthy;
        live.healthy_since = if healthy { live.healthy_since.or_else(|| Some(Instant::now())) } else { None };
        if let Some(record) = self.stored.record_mut(instance).filter(|record| record.healthy != healthy) {
            record.healthy = healthy;
            self.unsaved = true;
        }
    }

    pub(super) fn ended(&mut self, instance: &str, exit: Exit) {
        let Some(live) = self.live.remove(instance) else { return };
        let forgiven = live.healthy_since.is_some_and(|at| at.elapsed() >= self.context.config.backoff.forgive_after);
        if let Some(record) = self.stored.record_mut(instance).filter(|_| forgiven) {
            record.failures = 0;
        }
        let output = self.context.store.output(instance);
        let stage = match exit {
            Exit::Status(0) if self.stored.workload.template.run_once => Stage::Completed,
            exit => Stage::Failed { reason: format!("{exit}; its output is in {}", output.display()) },
        };
        self.enter(instance, stage);
    }
}

/// The end of an instance, to be waited for.
struct End {
    context: Arc<Context>,
    instance: String,
    leader: Identity,
}

impl End {
    /// Returns when the process has ended and what it left is swept away.
    async fn reached(self, mut handle: Option<OwnedFd>) -> Exit {
        let mut exit = Exit::Unknown;
        let leaders = handle.iter().map(|_| self.leader.clone()).collect::<Vec<_>>();
        while let Some(open) = handle.take() {
            match watch::ended(open).await {
                Ok(ended) => exit = ended,
                Err(error) => {
                    // Not watched is not ended: look again.
                    self.warn("its end cannot be watched", &error);
                    handle = self.look_again().await;
                }
            }
        }
        let instance = self.instance.clone();
        let sweep = move |context: &Context| watch::sweep(&context.store.data, &instance, &leaders);
        if let Err(error) = self.context.blocking(sweep).await.and_then(|swept| swept) {
            self.warn("what it left cannot be ended", &error);
        }
        exit.or_kept(&self.context.store.end(&self.instance))
    }

    async fn look_again(&self) -> Option<OwnedFd> {
        loop {
            tokio::time::sleep(RETRY).await;
            match self.leader.open(&self.context.boot) {
                Ok(found) => return found.map(|(handle, _)| handle),
                Err(error) => self.warn("it cannot be looked at", &error),
            }
        }
    }

    fn warn(&self, what: &str, error: &std::io::Error) {
        tracing::warn!(instance = self.instance, %error, "{what}");
    }
}
