//! The steps from what there is to what is wanted.

use super::{Keeper, RETRY};
use crate::container::process::{
    context::Context,
    procfs,
    record::{Record, Stage},
    spawn, watch,
};
use rustix::process::Signal;
use std::{io, time::SystemTime};
use tokio::time::Instant;

impl Keeper {
    /// Brings what there is closer to what is wanted.
    pub(super) async fn converge(&mut self) {
        self.retry_at = None;
        self.replace_failed();
        for gone in self.stored.forget_the_gone() {
            self.forget(&gone);
        }
        if self.stored.finished() {
            return;
        }
        if let Err(error) = self.save().await {
            return self.try_again("recorded", &error);
        }
        self.start_intended().await;
        self.watch_all();
        self.stop_leaving().await;
        if let Err(error) = self.save().await {
            self.try_again("recorded", &error);
        }
    }

    pub(super) fn try_again(&mut self, done: &str, error: &io::Error) {
        tracing::warn!(workload = %self.id(), %error, "what was decided cannot be {done} yet");
        self.retry_at = Some(Instant::now() + RETRY);
    }

    fn forget(&mut self, gone: &Record) {
        self.unsaved = true;
        self.replace_at.remove(&gone.id);
        self.live.remove(&gone.id);
        self.release(gone);
        // Only there if the instance ran once, and only for that instance.
        let _ = std::fs::remove_file(self.context.store.end(&gone.id));
    }

    /// Puts a new instance in the place of each that failed long enough ago.
    fn replace_failed(&mut self) {
        if self.stored.workload.template.run_once {
            return;
        }
        let now = Instant::now();
        for place in 0..self.stored.records.len() {
            let Some(old) = self.stored.records.get(place).cloned() else { return };
            if old.leaving.is_some() || !matches!(old.stage, Stage::Failed { .. }) {
                continue;
            }
            let wait = self.context.config.backoff.after(old.failures);
            if *self.replace_at.entry(old.id.clone()).or_insert(now + wait) > now {
                continue;
            }
            match self.new_record(old.failures.saturating_add(1)) {
                Ok(new) => {
                    self.stored.records[place] = new;
                    self.forget(&old);
                }
                Err(error) => {
                    self.replace_at.insert(old.id, now + RETRY);
                    self.try_again("started", &error);
                }
            }
        }
    }

    async fn start_intended(&mut self) {
        let intended = |record: &&Record| record.stage == Stage::Intended && record.leaving.is_none();
        let intended: Vec<Record> = self.stored.records.iter().filter(intended).cloned().collect();
        for record in intended {
            let (template, start) = (self.stored.workload.template.clone(), record.clone());
            let started =
                self.context.blocking(move |context| spawn::start(&context.store, &context.boot, &template, &start));
            let started = started.await.unwrap_or_else(|error| Err(error.to_string()));
            let stage = match started {
                Ok(identity) => Stage::Started(identity),
                Err(reason) => Stage::Failed { reason },
            };
            self.enter(&record.id, stage);
        }
    }

    /// Notes how far an instance has come.
    pub(super) fn enter(&mut self, instance: &str, stage: Stage) {
        let backoff = self.context.config.backoff;
        let run_once = self.stored.workload.template.run_once;
        let Some(record) = self.stored.record_mut(instance) else { return };
        record.stage = match stage {
            Stage::Failed { reason } if !run_once && record.leaving.is_none() => {
                Stage::Failed { reason: format!("{reason}; tried again after {:?}", backoff.after(record.failures)) }
            }
            other => other,
        };
        record.healthy = false;
        self.unsaved = true;
    }

    /// Asks the leaving instances to go, and kills those whose grace is over.
    async fn stop_leaving(&mut self) {
        let now = Instant::now();
        for record in &self.stored.records {
            let (Some(leaving), Some(live)) = (record.leaving, self.live.get_mut(&record.id)) else { continue };
            let outcome = match live.kill_at {
                None => {
                    live.kill_at = Some(now + leaving.left(SystemTime::now()));
                    procfs::signal_group(&live.identity, &self.context.boot, Signal::TERM)
                }
                Some(at) if at <= now => {
                    live.kill_at = Some(now + RETRY);
                    let (instance, leaders) = (record.id.clone(), live.leaders());
                    let sweep = move |context: &Context| watch::sweep(&context.store.data, &instance, &leaders);
                    self.context.blocking(sweep).await.and_then(|swept| swept)
                }
                Some(_) => Ok(()),
            };
            if let Err(error) = outcome {
                tracing::warn!(instance = record.id, %error, "an instance cannot be told to stop");
            }
        }
    }
}
