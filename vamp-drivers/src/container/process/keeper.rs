//! [`Keeper`]: the one task that decides about a workload.
//!
//! It is level-triggered: whatever wakes it, it compares what is wanted with what there is. What it decides is durable
//! before it is done, so that another keeper can go on from any point.

mod converge;
mod live;
mod view;

use super::{
    context::Context,
    health::Verdict,
    procfs::{Carrier, Identity},
    record::{Record, Stage, Stored},
    spawn::Exit,
    store,
};
use live::Live;
use std::{
    collections::BTreeMap,
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
    time::{Instant, sleep_until},
};
use vamp_core::driver::{Workload, WorkloadId};

/// After something failed that should not (a full disk), until it is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Told once the decision is durable.
pub(super) type Reply = oneshot::Sender<Result<(), Refusal>>;

/// Why a keeper did not do as it was asked.
#[derive(Debug)]
pub(super) enum Refusal {
    OtherTemplate,
    Io(io::Error),
}

#[derive(Debug)]
pub(super) enum Message {
    Apply(Box<Workload>, Reply),
    Remove(Reply),
    /// Stops deciding, so that nothing is started any more.
    Halt(Reply),
    Ended {
        instance: String,
        exit: Exit,
    },
    Verdict {
        instance: String,
        check: usize,
        verdict: Verdict,
    },
}

#[derive(Debug)]
pub(super) struct Keeper {
    context: Arc<Context>,
    stored: Stored,
    /// Whether `stored` is ahead of the disk.
    unsaved: bool,
    /// The processes that are watched, by instance.
    live: BTreeMap<String, Live>,
    /// When failed instances are replaced.
    replace_at: BTreeMap<String, Instant>,
    retry_at: Option<Instant>,
    mail: UnboundedSender<Message>,
    mailbox: UnboundedReceiver<Message>,
}

impl Keeper {
    pub(super) fn new(context: Arc<Context>, stored: Stored) -> Self {
        let (mail, mailbox) = unbounded_channel();
        stored.records.iter().flat_map(|record| record.ports.values()).for_each(|port| context.ports.keep(*port));
        Self {
            context,
            stored,
            unsaved: false,
            live: BTreeMap::new(),
            replace_at: BTreeMap::new(),
            retry_at: None,
            mail,
            mailbox,
        }
    }

    pub(super) fn id(&self) -> &WorkloadId {
        &self.stored.workload.id
    }

    pub(super) fn mail(&self) -> UnboundedSender<Message> {
        self.mail.clone()
    }

    /// Finds again what a former server started: also what it had no time to record. An id that was never used is not
    /// used any more, in case its process is yet to appear; answers those ids.
    pub(super) fn adopt(&mut self, carriers: &[Carrier]) -> Vec<String> {
        let mut given_up = Vec::new();
        for record in &mut self.stored.records {
            if record.stage != Stage::Intended {
                continue;
            }
            // Of those that lead a group, the first: the others are its children.
            let of_this = carriers.iter().filter(|c| c.instance == record.id && c.seen.pid == c.seen.group);
            let leader = of_this.min_by_key(|carrier| carrier.seen.started);
            match leader {
                Some(leader) => record.stage = Stage::Started(Identity::of(leader.seen, &self.context.boot)),
                None => given_up.push(std::mem::replace(&mut record.id, new_id(&self.stored.workload.id))),
            }
            self.unsaved = true;
        }
        self.watch_all();
        self.publish();
        given_up
    }

    pub(super) async fn run(mut self) {
        loop {
            self.converge().await;
            self.publish();
            if self.stored.finished() && self.retire().await {
                return;
            }
            let due = self.next_due();
            let message = tokio::select! {
                message = self.mailbox.recv() => message,
                () = sleep_until(due) => None,
            };
            if let Some(Message::Halt(reply)) = message {
                // Whoever asked may have gone.
                let _ = reply.send(Ok(()));
                return;
            }
            if let Some(message) = message {
                self.handle(message).await;
            }
        }
    }

    /// Leaves the post, unless there is mail.
    async fn retire(&mut self) -> bool {
        if !self.mailbox.is_empty() {
            return false;
        }
        let id = self.id().clone();
        let deleted = self.context.blocking(move |context| context.store.delete(&id)).await;
        if let Err(error) = deleted.and_then(|deleted| deleted) {
            self.try_again("forgotten", &error);
            return false;
        }
        // Mail is sent under this lock.
        let mut keepers = self.context.keepers();
        if !self.mailbox.is_empty() {
            return false;
        }
        keepers.by_id.remove(self.id());
        true
    }

    fn next_due(&self) -> Instant {
        let kills = self.live.values().filter_map(|live| live.kill_at);
        let due = kills.chain(self.replace_at.values().copied()).chain(self.retry_at);
        due.min().unwrap_or_else(|| Instant::now() + Duration::from_secs(3600))
    }

    async fn handle(&mut self, message: Message) {
        match message {
            Message::Apply(workload, reply) => {
                let answer = self.apply(*workload).await;
                self.publish();
                let _ = reply.send(answer);
            }
            Message::Remove(reply) => {
                let answer = self.decide(|keeper| {
                    keeper.stored.removed = true;
                    keeper.stored.thin(SystemTime::now());
                    Ok(())
                });
                let answer = answer.await;
                self.publish();
                let _ = reply.send(answer);
            }
            Message::Halt(reply) => drop(reply),
            Message::Ended { instance, exit } => self.ended(&instance, exit),
            Message::Verdict { instance, check, verdict } => self.judge(&instance, check, verdict),
        }
    }

    async fn apply(&mut self, workload: Workload) -> Result<(), Refusal> {
        if workload.template != self.stored.workload.template {
            return Err(Refusal::OtherTemplate);
        }
        self.decide(|keeper| {
            keeper.stored.workload = workload;
            keeper.stored.removed = false;
            keeper.stored.thin(SystemTime::now());
            for _ in 0..keeper.stored.missing() {
                let record = keeper.new_record(0)?;
                keeper.stored.records.push(record);
            }
            Ok(())
        })
        .await
    }

    /// Makes a decision durable, or takes it back.
    async fn decide(&mut self, decision: impl FnOnce(&mut Self) -> io::Result<()>) -> Result<(), Refusal> {
        let before = self.stored.clone();
        let mut outcome = decision(self);
        if outcome.is_ok() {
            self.unsaved = true;
            outcome = self.save().await;
        }
        let Err(error) = outcome else { return Ok(()) };
        let new = std::mem::replace(&mut self.stored, before);
        let is_new = |record: &&Record| !self.stored.records.iter().any(|old| old.id == record.id);
        new.records.iter().filter(is_new).for_each(|record| self.release(record));
        Err(Refusal::Io(error))
    }

    fn new_record(&self, failures: u32) -> io::Result<Record> {
        let mut ports = BTreeMap::new();
        for name in self.stored.workload.template.ports.keys() {
            match self.context.ports.take() {
                Ok(port) => drop(ports.insert(name.clone(), port)),
                Err(error) => {
                    self.context.ports.release(ports.into_values());
                    return Err(error);
                }
            }
        }
        Ok(Record::intended(new_id(self.id()), ports, failures))
    }

    fn release(&self, record: &Record) {
        self.context.ports.release(record.ports.values().copied());
    }

    async fn save(&mut self) -> io::Result<()> {
        if self.unsaved {
            let stored = self.stored.clone();
            self.context.blocking(move |context| context.store.save(&stored)).await??;
            self.unsaved = false;
        }
        Ok(())
    }
}

/// An id that no instance ever had: a part for people, and a part for us.
fn new_id(workload: &WorkloadId) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = workload.name.chars().map(plain).take(40).collect();
    format!("{name}-{}", store::unique())
}
