//! The log of this process, as far as it is recent: kept in memory for those who read it over the API.

use std::{
    collections::VecDeque,
    fmt::{self, Write as _},
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::sync::broadcast::{self, Receiver};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context};

/// So many records are kept, and wait for a slow reader.
const KEPT: usize = 1_000;
/// A longer message is cut, in bytes.
const LONGEST: usize = 8 * 1024;

static OF_PROCESS: LazyLock<Log> = LazyLock::new(Log::default);

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Grows from record to record, also over a restart: microseconds since 1970, where two are not at once.
    pub(crate) id: u64,
    pub(crate) at: SystemTime,
    pub(crate) level: Level,
    /// The module that wrote it.
    pub(crate) logger: String,
    pub(crate) message: String,
}

/// The records of a log: a [`Layer`] that keeps the last ones and passes each on to whoever follows.
#[derive(Clone, Debug)]
pub struct Log(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    recent: Mutex<VecDeque<Arc<Record>>>,
    live: broadcast::Sender<Arc<Record>>,
}

impl Default for Log {
    fn default() -> Self {
        Self(Arc::new(Shared { recent: Mutex::default(), live: broadcast::Sender::new(KEPT) }))
    }
}

impl Log {
    /// That of this process, in which there is only one.
    #[must_use]
    pub fn of_process() -> Self {
        OF_PROCESS.clone()
    }

    /// What comes from now on, behind what is kept and came after the record with this id.
    pub(crate) fn follow(&self, after: Option<u64>) -> (Vec<Arc<Record>>, Receiver<Arc<Record>>) {
        let recent = self.0.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let missed = |after| recent.iter().filter(|record| record.id > after).cloned().collect();
        (after.map(missed).unwrap_or_default(), self.0.live.subscribe())
    }

    fn push(&self, level: Level, logger: &str, message: String) {
        let at = SystemTime::now();
        let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let now = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
        let mut recent = self.0.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let id = recent.back().map_or(now, |last| now.max(last.id.saturating_add(1)));
        if recent.len() == KEPT {
            recent.pop_front();
        }
        let record = Arc::new(Record { id, at, level, logger: logger.to_owned(), message });
        recent.push_back(Arc::clone(&record));
        // Nobody has to follow.
        let _ = self.0.live.send(record);
    }
}

impl<S: Subscriber> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let mut message = text.message + &text.fields;
        if message.len() > LONGEST {
            let end = (0..=LONGEST).rev().find(|at| message.is_char_boundary(*at)).unwrap_or_default();
            message.truncate(end);
            message.push('…');
        }
        self.push(*event.metadata().level(), event.metadata().target(), message);
    }
}

/// The message of an event, and its fields behind it.
#[derive(Debug, Default)]
struct Text {
    message: String,
    fields: String,
}

impl Text {
    fn add(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => self.message.write_fmt(value),
            name => write!(self.fields, " {name}={value}"),
        };
    }
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format_args!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt as _;

    fn kept(log: &Log) -> Vec<Arc<Record>> {
        log.follow(Some(0)).0
    }

    #[test]
    fn records_have_their_level_their_module_and_their_fields() {
        let log = Log::default();
        let subscriber = tracing_subscriber::registry().with(log.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(gateway = "sava/web", count = 3, "not published");
            tracing::info!("{}", "é".repeat(LONGEST));
        });
        let records = kept(&log);
        assert_eq!((records[0].level, records[0].logger.as_str()), (Level::WARN, module_path!()));
        assert_eq!(records[0].message, "not published gateway=sava/web count=3");
        assert!(records[1].message.len() <= LONGEST + 3 && records[1].message.ends_with('…'));
        assert!(records[0].id < records[1].id);
    }

    #[test]
    fn only_so_many_are_kept_and_who_comes_back_gets_what_was_missed() {
        let log = Log::default();
        for n in 0..KEPT + 10 {
            log.push(Level::INFO, "a", n.to_string());
        }
        let records = kept(&log);
        assert_eq!((records.len(), records[0].message.as_str()), (KEPT, "10"));
        let (missed, mut live) = log.follow(Some(records[KEPT - 2].id));
        assert_eq!(missed.iter().map(|record| record.id).collect::<Vec<_>>(), [records[KEPT - 1].id]);
        assert!(log.follow(None).0.is_empty());
        log.push(Level::INFO, "a", "new".to_owned());
        assert_eq!(live.try_recv().expect("a record").message, "new");
    }
}
