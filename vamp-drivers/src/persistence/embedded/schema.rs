//! The tables of the file, and what their values look like.

use super::failure::Failure;
use redb::TableDefinition;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};
use vamp_core::driver::{Event, Version};

/// `format`, `identity` (of this very file) and `revision` (the number of the last commit of a change).
pub(super) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// Kind and name: the revision of the present state, and its [`Envelope`](vamp_core::layer::Envelope).
pub(super) const RECORDS: TableDefinition<(&str, &str), (u64, &[u8])> = TableDefinition::new("records");

/// Kind, name and revision: former states.
pub(super) const HISTORY: TableDefinition<(&str, &str, u64), &[u8]> = TableDefinition::new("history");

/// Time and id.
pub(super) const EVENTS: TableDefinition<Moment<'static>, &[u8]> = TableDefinition::new("events");

/// The time of an id.
pub(super) const EVENT_TIMES: TableDefinition<&str, i64> = TableDefinition::new("event times");

/// A [`term`] of an event, and where the event is.
pub(super) const EVENT_TERMS: TableDefinition<(&str, i64, &str), ()> = TableDefinition::new("event terms");

/// Where an event is: nanoseconds since the Unix epoch, and its id.
pub(super) type Moment<'a> = (i64, &'a str);

/// The format of the file that this version writes.
pub(super) const FORMAT: u64 = 1;

/// The version of a state, in this very file.
pub(super) fn version(identity: u64, revision: u64) -> Version {
    Version([identity.to_be_bytes(), revision.to_be_bytes()].concat().into())
}

/// Nanoseconds since the Unix epoch; `i64::MAX` is never one, so that it is behind all.
pub(super) fn nanoseconds(time: SystemTime) -> Option<i64> {
    let signed = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).ok(),
        Err(before) => i64::try_from(before.duration().as_nanos()).ok().map(|nanoseconds| -nanoseconds),
    };
    signed.filter(|nanoseconds| *nanoseconds < i64::MAX)
}

fn time(nanoseconds: i64) -> SystemTime {
    let distance = Duration::from_nanos(nanoseconds.unsigned_abs());
    if nanoseconds < 0 { SystemTime::UNIX_EPOCH - distance } else { SystemTime::UNIX_EPOCH + distance }
}

/// What the index of events finds.
pub(super) enum Term<'a> {
    Kind(&'a str),
    Tag(&'a str),
}

impl Term<'_> {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Kind(kind) => format!("kind {kind}"),
            Self::Tag(tag) => format!("tag {tag}"),
        }
    }
}

/// Every term that finds this event: its kind, its tags, and of a tag `a:b` also `a`.
pub(super) fn terms(event: &Event) -> Vec<String> {
    let mut terms = vec![Term::Kind(&event.kind).text()];
    for tag in &event.tags {
        terms.push(Term::Tag(tag).text());
        terms.extend(tag.split_once(':').map(|(group, _)| Term::Tag(group).text()));
    }
    terms.sort_unstable();
    terms.dedup();
    terms
}

#[derive(Serialize, Deserialize)]
struct StoredEvent {
    kind: String,
    tags: Vec<String>,
    value: String,
}

pub(super) fn encode(event: &Event) -> Vec<u8> {
    let stored = StoredEvent {
        kind: event.kind.clone(),
        tags: event.tags.clone(),
        value: String::from_utf8_lossy(&event.value).into_owned(),
    };
    // Texts always are JSON.
    serde_json::to_vec(&stored).unwrap_or_default()
}

/// `None` when the bytes are damaged, which is logged.
pub(super) fn decode((at, id): Moment<'_>, bytes: &[u8]) -> Option<Event> {
    let stored: StoredEvent = match serde_json::from_slice(bytes) {
        Ok(stored) => stored,
        Err(error) => {
            tracing::error!(id, %error, "a stored event is damaged");
            return None;
        }
    };
    let StoredEvent { kind, tags, value } = stored;
    Some(Event { id: id.to_owned(), at: time(at), kind, tags, value: value.into_bytes() })
}

/// The place of an event that is to be stored.
pub(super) fn moment(event: &Event) -> Result<Moment<'_>, Failure> {
    Ok((nanoseconds(event.at).ok_or(Failure::Time)?, &event.id))
}
