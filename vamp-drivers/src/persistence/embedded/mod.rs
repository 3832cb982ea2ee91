//! [`EmbeddedStore`]: artifacts and events in one file.

mod events;
mod failure;
mod file;
mod records;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

use crate::SystemClock;
use async_trait::async_trait;
use failure::{DRIVER, Failure};
use file::StoreFile;
use records::Reader;
use redb::ReadTransaction;
use std::{path::Path, sync::Arc, time::Duration};
use vamp_core::{
    Error, ErrorKind, Result,
    driver::{
        Aggregate, Aggregator, Changes, Clock, Cursor, Draft, Event, EventStore, Page, PersistenceStore, Query, Record,
        Version,
    },
    memory::ChangeFeed,
};
use writer::{Change, Done, Writer};

/// Bytes of one artifact, or of the value of one event.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// What an [`EmbeddedStore`] keeps.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// States of one record, the present one included; 50.
    pub states: usize,
    /// Events; the oldest go first; 100 000.
    pub events: u64,
    /// Events older than this go with the next one that is appended; `None` = the number alone decides.
    pub max_age: Option<Duration>,
    /// Says when a record was stored.
    pub clock: Arc<dyn Clock>,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self { states: 50, events: 100_000, max_age: None, clock: Arc::new(SystemClock::new()) }
    }
}

/// A [`PersistenceStore`] and an [`EventStore`] in one file, for one server.
///
/// Acknowledged = on the disk. Changes that arrive while the disk is busy share the next commit. When the disk is full
/// or fails, operations fail, and succeed again when it has recovered.
///
/// ```
/// # use vamp_core::driver::{Draft, PersistenceStore};
/// # use vamp_drivers::persistence::EmbeddedStore;
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> vamp_core::Result<()> {
/// # let folder = std::env::temp_dir().join(format!("vamp-doc-{}", std::process::id()));
/// let store = EmbeddedStore::open(folder.join("vamp.redb"))?;
/// let draft = Draft { kind: "breeds".into(), name: "sava:1.0".into(), body: b"{}".to_vec(), author: None };
/// let version = store.put(&draft, None).await?;
/// assert_eq!(store.get("breeds", "sava:1.0").await?.map(|record| record.version), Some(version));
/// # drop(store);
/// # std::fs::remove_dir_all(folder).ok();
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct EmbeddedStore {
    writer: Writer,
    file: Arc<StoreFile>,
    feed: Arc<ChangeFeed>,
}

impl Drop for EmbeddedStore {
    /// Waits for the commit under way and for reads, so that the file can be opened again at once.
    fn drop(&mut self) {
        self.file.close();
    }
}

impl EmbeddedStore {
    /// Opens the file, or creates it, with the default options. Blocks while a file that was not closed is repaired.
    ///
    /// `Unavailable` when another process has it open, `Invalid` when a newer version wrote it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, EmbeddedOptions::default())
    }

    /// Opens the file, or creates it.
    pub fn open_with(path: impl AsRef<Path>, options: EmbeddedOptions) -> Result<Self> {
        let path = path.as_ref();
        let file = StoreFile::open(path).map_err(|failure| failure.during("open", path.display().to_string()))?;
        Self::over(file, options)
    }

    fn over(file: StoreFile, options: EmbeddedOptions) -> Result<Self> {
        let (file, feed) = (Arc::new(file), Arc::new(ChangeFeed::new()));
        let writer = Writer::start(Arc::clone(&file), Arc::clone(&feed), options)
            .map_err(|error| Error::new(ErrorKind::Unavailable, DRIVER, "open", "the writer").because(error))?;
        Ok(Self { writer, file, feed })
    }

    async fn change(&self, operation: &'static str, subject: String, change: Change) -> Result<Done> {
        self.writer.change(change).await.map_err(|failure| failure.during(operation, subject))
    }

    /// Reads one record in place: that takes microseconds, and handing it to another thread takes several times as long.
    /// A file that has to be opened first is left to a thread that may wait for the disk.
    async fn read_one<T: Send + 'static>(
        &self,
        operation: &'static str,
        subject: String,
        read: impl FnOnce(&ReadTransaction) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T> {
        match self.file.is_open() {
            true => self.file.read(read).map_err(|failure| failure.during(operation, subject)),
            false => self.read(operation, subject, read).await,
        }
    }

    /// Reads any number of records, on a thread that may wait for the disk.
    async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        subject: String,
        read: impl FnOnce(&ReadTransaction) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T> {
        let file = Arc::clone(&self.file);
        match tokio::task::spawn_blocking(move || file.read(read)).await {
            Ok(answer) => answer.map_err(|failure| failure.during(operation, subject)),
            Err(died) => Err(Error::new(ErrorKind::Internal, DRIVER, operation, subject).because(died)),
        }
    }
}

fn check_size(bytes: usize) -> Result<(), Failure> {
    if bytes > MOST_BYTES { Err(Failure::TooLarge { bytes, most: MOST_BYTES }) } else { Ok(()) }
}

#[async_trait]
impl PersistenceStore for EmbeddedStore {
    async fn get(&self, kind: &str, name: &str) -> Result<Option<Record>> {
        let (kind, name) = (kind.to_owned(), name.to_owned());
        self.read_one("get", format!("{kind}/{name}"), move |file| Reader::new(file)?.get(&kind, &name)).await
    }

    async fn put(&self, draft: &Draft, expected: Option<&Version>) -> Result<Version> {
        draft.check(DRIVER)?;
        let subject = format!("{}/{}", draft.kind, draft.name);
        check_size(draft.body.len()).map_err(|failure| failure.during("put", subject.as_str()))?;
        let change = Change::Put(vec![(draft.clone(), expected.cloned())]);
        let lost = Error::new(ErrorKind::Internal, DRIVER, "put", subject.as_str());
        self.change("put", subject, change).await?.versions.pop().ok_or(lost)
    }

    async fn put_all(&self, drafts: &[(Draft, Option<Version>)]) -> Result<Vec<Version>> {
        let subject = format!("{} records", drafts.len());
        let mut bytes = 0;
        for (draft, _) in drafts {
            draft.check(DRIVER)?;
            bytes += draft.body.len();
        }
        // As many as one record may have: a commit is written at once.
        check_size(bytes).map_err(|failure| failure.during("put", subject.as_str()))?;
        Ok(self.change("put", subject, Change::Put(drafts.to_vec())).await?.versions)
    }

    async fn delete(&self, kind: &str, name: &str, expected: Option<&Version>) -> Result<()> {
        let (kind, name) = (kind.to_owned(), name.to_owned());
        let subject = format!("{kind}/{name}");
        let change = Change::Delete { kind, name, expected: expected.cloned() };
        self.change("delete", subject, change).await.map(|_| ())
    }

    async fn list(&self, kind: &str, page: &Page) -> Result<Vec<Record>> {
        let (kind, page) = (kind.to_owned(), page.clone());
        self.read("list", kind.clone(), move |file| Reader::new(file)?.list(&kind, &page)).await
    }

    async fn history(&self, kind: &str, name: &str, page: &Page) -> Result<Vec<Record>> {
        let (kind, name, page) = (kind.to_owned(), name.to_owned(), page.clone());
        let subject = format!("{kind}/{name}");
        self.read("history", subject, move |file| Reader::new(file)?.history(&kind, &name, &page)).await
    }

    async fn changed(&self, after: &Cursor) -> Result<Changes> {
        Ok(self.feed.changed(|_| true, after).await)
    }
}

#[async_trait]
impl EventStore for EmbeddedStore {
    async fn append(&self, events: &[Event]) -> Result<()> {
        for event in events {
            event.check(DRIVER)?;
            let taken = check_size(event.value.len()).and_then(|()| schema::moment(event).map(|_| ()));
            taken.map_err(|failure| failure.during("append", event.id.as_str()))?;
        }
        let subject = format!("{} events", events.len());
        self.change("append", subject, Change::Append(events.to_vec())).await.map(|_| ())
    }

    async fn query(&self, query: &Query, page: &Page) -> Result<Vec<Event>> {
        let (query, page) = (query.clone(), page.clone());
        let subject = page.after.clone().unwrap_or_else(|| "events".to_owned());
        self.read("query", subject, move |file| events::page(file, &query, &page)).await
    }

    async fn aggregate(&self, query: &Query, by: Aggregate) -> Result<Option<f64>> {
        let (query, mut aggregator) = (query.clone(), Aggregator::new(by, DRIVER)?);
        let found = move |file: &ReadTransaction| {
            events::find(file, &query, None, |event| {
                aggregator.add(&event.value);
                true
            })?;
            Ok(aggregator.result())
        };
        self.read("aggregate", format!("{by:?}"), found).await
    }
}
