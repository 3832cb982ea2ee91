//! The writer: one thread with group commit, since the file has one writer at a time and a commit waits for the disk.

use super::{
    EmbeddedOptions,
    events::Events,
    failure::Failure,
    file::{Changed, StoreFile},
    records::Records,
    schema::{EVENT_TERMS, EVENT_TIMES, EVENTS, HISTORY, META, RECORDS},
};
use redb::{ReadableTable, WriteTransaction};
use std::{io, sync::Arc, thread};
use tokio::sync::{mpsc, oneshot};
use vamp_core::{
    driver::{Draft, Event, Version},
    memory::ChangeFeed,
    moment,
};

/// Changes of one commit, at most.
const BATCH: usize = 256;

/// Changes that wait, at most; who comes then waits before.
const WAITING: usize = 1024;

/// What someone wants to change.
#[derive(Debug)]
pub(super) enum Change {
    /// All of them, each under its expected version, or none.
    Put(Vec<(Draft, Option<Version>)>),
    Delete {
        kind: String,
        name: String,
        expected: Option<Version>,
    },
    Append(Vec<Event>),
}

/// A change that took place.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Of the records that were put.
    pub(super) versions: Vec<Version>,
    /// The records that changed, as `kind/name`.
    keys: Vec<String>,
    changed: bool,
}

struct Job {
    change: Change,
    answer: oneshot::Sender<Result<Done, Failure>>,
}

/// The thread, and the way to it.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(file: Arc<StoreFile>, feed: Arc<ChangeFeed>, options: EmbeddedOptions) -> io::Result<Self> {
        let (jobs, waiting) = mpsc::channel(WAITING);
        let thread = thread::Builder::new()
            .name("vamp-store-writer".to_owned())
            .spawn(move || run(&file, &feed, &options, waiting))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Returns when the change is durable. When the caller goes away meanwhile, the change may take place.
    pub(super) async fn change(&self, change: Change) -> Result<Done, Failure> {
        let (answer, answered) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or(Failure::Closed)?;
        jobs.send(Job { change, answer }).await.map_err(|_| Failure::Closed)?;
        answered.await.map_err(|_| Failure::Closed)?
    }
}

impl Drop for Writer {
    /// Waits for the commit under way, so that the file is free afterwards.
    fn drop(&mut self) {
        self.jobs.take();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the writer of the store had panicked");
        }
    }
}

fn run(file: &StoreFile, feed: &ChangeFeed, options: &EmbeddedOptions, mut waiting: mpsc::Receiver<Job>) {
    let mut batch = Vec::with_capacity(BATCH);
    // What came while the former commit waited for the disk goes into the next one, all together.
    while waiting.blocking_recv_many(&mut batch, BATCH) > 0 {
        let outcomes = file.write(|transaction| apply(transaction, &batch, options));
        if let Ok(outcomes) = &outcomes {
            let done = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok());
            feed.record(done.flat_map(|done| done.keys.clone()));
        }
        moment::reached("before-answer");
        acknowledge(batch.drain(..), outcomes);
    }
}

/// Nothing is acknowledged or refused before the commit: a refusal may rest on a change of the same commit.
fn acknowledge(batch: impl Iterator<Item = Job>, outcomes: Result<Vec<Result<Done, Failure>>, Failure>) {
    match outcomes {
        Ok(outcomes) => {
            for (job, outcome) in batch.zip(outcomes) {
                // Who asked may be gone.
                let _gone = job.answer.send(outcome);
            }
        }
        Err(failure) => {
            for job in batch {
                let _gone = job.answer.send(Err(failure.clone()));
            }
        }
    }
}

/// Applies the changes one after the other; a refused one leaves nothing behind.
fn apply(
    transaction: &WriteTransaction,
    batch: &[Job],
    options: &EmbeddedOptions,
) -> Result<(Vec<Result<Done, Failure>>, Changed), redb::Error> {
    let mut meta = transaction.open_table(META)?;
    let number = |name| Ok::<_, redb::StorageError>(meta.get(name)?.map_or(0, |number| number.value()));
    let (identity, before) = (number("identity")?, number("revision")?);
    let mut records =
        Records { identity, present: transaction.open_table(RECORDS)?, former: transaction.open_table(HISTORY)? };
    let mut events = Events {
        all: transaction.open_table(EVENTS)?,
        times: transaction.open_table(EVENT_TIMES)?,
        terms: transaction.open_table(EVENT_TERMS)?,
    };
    let (mut revision, mut appended) = (before, 0);
    let mut outcomes = Vec::with_capacity(batch.len());
    for job in batch {
        let outcome = match &job.change {
            Change::Put(drafts) => records.put_all(drafts, revision + 1, options)?.map(|versions| {
                let keys = drafts.iter().map(|(draft, _)| format!("{}/{}", draft.kind, draft.name)).collect();
                Done { versions, keys, changed: !drafts.is_empty() }
            }),
            Change::Delete { kind, name, expected } => {
                let deleted = records.delete(kind, name, expected.as_ref())?;
                let keys = |was_there: bool| was_there.then(|| format!("{kind}/{name}")).into_iter().collect();
                deleted.map(|was_there| Done { versions: Vec::new(), keys: keys(was_there), changed: was_there })
            }
            Change::Append(new) => {
                appended += new.len();
                Ok(Done { changed: events.append(new)?, ..Done::default() })
            }
        };
        revision += u64::from(outcome.as_ref().is_ok_and(|done| done.changed));
        outcomes.push(outcome);
    }
    if appended > 0 {
        events.forget(appended, options)?;
    }
    meta.insert("revision", revision)?;
    moment::reached("mid-commit");
    let changed = if revision == before { Changed::Nothing } else { Changed::Something };
    Ok((outcomes, changed))
}
