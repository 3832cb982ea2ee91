//! [`Live`]: a process under watch.

use super::{Keeper, Message};
use crate::container::process::{
    context::Context,
    health::{self, Verdict},
    procfs::Identity,
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
    pub(super) verdicts: Vec<Verdict>,
    healthy_since: Option<Instant>,
    /// Once it has got the polite signal.
    pub(super) kill_at: Option<Instant>,
    /// Watches its end and its health; ends with this.
    _watches: JoinSet<()>,
}

impl Keeper {
    /// Watches every process that is not watched yet.
    pub(super) fn watch_all(&mut self) {
        let unwatched = self.stored.records.iter().filter(|record| !self.live.contains_key(&record.id));
        let unwatched: Vec<Record> = unwatched.cloned().collect();
        for record in unwatched {
            let Stage::Started(identity) = &record.stage else { continue };
            match identity.open(&self.context.boot) {
                Ok(handle) => {
                    let live = self.watch(&record, identity.clone(), handle);
                    self.live.insert(record.id, live);
                }
                Err(error) => self.try_again("watched", &error),
            }
        }
    }

    /// `None` as the handle: the process is gone already, what is left of it is swept away.
    fn watch(&self, record: &Record, identity: Identity, handle: Option<OwnedFd>) -> Live {
        let mut watches = JoinSet::new();
        let (mail, context) = (self.mail.clone(), Arc::clone(&self.context));
        let (instance, leader) = (record.id.clone(), identity.clone());
        watches.spawn(async move {
            let exit = match handle {
                Some(handle) => watch::ended(handle).await,
                None => Ok(Exit::Unknown),
            };
            let exit = exit.unwrap_or_else(|error| {
                tracing::warn!(instance, %error, "the end of a process cannot be watched");
                Exit::Unknown
            });
            let (swept, end) = (instance.clone(), context.store.end(&instance));
            let sweep = move |context: &Context| watch::sweep(&context.store.data, &swept, Some(&leader));
            if let Err(error) = context.blocking(sweep).await.and_then(|swept| swept) {
                tracing::warn!(instance, %error, "what is left of an instance cannot be ended");
            }
            // The keeper may be gone.
            let _ = mail.send(Message::Ended { instance, exit: exit.or_kept(&end) });
        });
        let checks = health::checks(&self.stored.workload.template);
        let before = if record.healthy { Verdict::Good } else { Verdict::Open(None) };
        let verdicts = vec![before.clone(); checks.len()];
        for (check, watch) in checks.into_iter().enumerate() {
            let Some(port) = record.ports.get(watch.port()).copied() else { continue };
            let (mail, instance, before) = (self.mail.clone(), record.id.clone(), before.clone());
            watches.spawn(watch.watch(port, before, move |verdict| {
                let _ = mail.send(Message::Verdict { instance: instance.clone(), check, verdict });
            }));
        }
        let healthy = health::state(&verdicts).0 == InstanceState::Healthy;
        let healthy_since = healthy.then(Instant::now);
        Live { identity, verdicts, healthy_since, kill_at: None, _watches: watches }
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
