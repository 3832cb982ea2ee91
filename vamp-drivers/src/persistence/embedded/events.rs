//! Events: how they are appended, forgotten, and found.

use super::{
    EmbeddedOptions,
    failure::Failure,
    schema::{EVENT_TERMS, EVENT_TIMES, EVENTS, Moment, Term, decode, encode, moment, nanoseconds, terms},
};
use redb::{AccessGuard, ReadTransaction, ReadableTable, ReadableTableMetadata, Table};
use vamp_core::driver::{Event, Page, Query};

/// Old events that one append forgets at most, beyond as many as it brings, so that no append takes long.
const FORGOTTEN_AT_ONCE: usize = 1_000;

/// The tables of one write transaction.
pub(super) struct Events<'t> {
    pub(super) all: Table<'t, Moment<'static>, &'static [u8]>,
    pub(super) times: Table<'t, &'static str, i64>,
    pub(super) terms: Table<'t, (&'static str, i64, &'static str), ()>,
}

impl Events<'_> {
    /// Whether anything was new; every event was checked before.
    pub(super) fn append(&mut self, events: &[Event]) -> Result<bool, redb::Error> {
        let mut new = false;
        for event in events {
            let Ok((at, id)) = moment(event) else { continue };
            if self.times.get(id)?.is_some() {
                continue;
            }
            new = true;
            self.times.insert(id, at)?;
            self.all.insert((at, id), encode(event).as_slice())?;
            for term in terms(event) {
                self.terms.insert((term.as_str(), at, id), ())?;
            }
        }
        Ok(new)
    }

    /// Forgets the oldest, while there are too many or they are too old.
    pub(super) fn forget(&mut self, appended: usize, options: &EmbeddedOptions) -> Result<(), redb::Error> {
        let oldest = options.max_age.and_then(|age| nanoseconds(options.clock.now().checked_sub(age)?));
        let mut surplus = self.all.len()?.saturating_sub(options.events);
        for _ in 0..appended.saturating_add(FORGOTTEN_AT_ONCE) {
            let Some((key, bytes)) = self.all.first()? else { break };
            let (at, id) = key.value();
            if surplus == 0 && oldest.is_none_or(|oldest| at >= oldest) {
                break;
            }
            let (id, event) = (id.to_owned(), decode((at, id), bytes.value()));
            drop((key, bytes));
            surplus = surplus.saturating_sub(1);
            self.all.remove((at, id.as_str()))?;
            self.times.remove(id.as_str())?;
            match event {
                Some(event) => {
                    for term in terms(&event) {
                        self.terms.remove((term.as_str(), at, id.as_str()))?;
                    }
                }
                // Its terms are unknown: look at all of them, since this is rare.
                None => self.terms.retain(|(_, when, which), ()| (when, which) != (at, id.as_str()))?,
            }
        }
        Ok(())
    }
}

/// Where a query begins and ends, in the order of time.
struct Span {
    from: (i64, String),
    /// Excluded.
    to: (i64, String),
}

impl Span {
    /// `None` = nothing can lie in it.
    fn of(query: &Query, after: Option<(i64, String)>) -> Option<Self> {
        // Times that cannot be stored lie before or behind all that can.
        let at = |time: std::time::SystemTime| {
            nanoseconds(time).unwrap_or(if time < std::time::SystemTime::UNIX_EPOCH { i64::MIN } else { i64::MAX })
        };
        let from = (query.from.map_or(i64::MIN, at), String::new());
        let to = (query.to.map_or(i64::MAX, at), String::new());
        let to = after.map_or(to.clone(), |after| after.min(to));
        (from < to).then_some(Self { from, to })
    }
}

/// Hands over every event that the query finds, newest first, until `each` answers `false`.
pub(super) fn find(
    transaction: &ReadTransaction,
    query: &Query,
    after: Option<&str>,
    mut each: impl FnMut(Event) -> bool,
) -> Result<(), Failure> {
    let after = after.map(|id| place(transaction, id)).transpose()?;
    let Some(Span { from, to }) = Span::of(query, after) else { return Ok(()) };
    let all = transaction.open_table(EVENTS).map_err(Failure::read)?;
    let mut visit = |place: Moment<'_>, bytes: &AccessGuard<'_, &[u8]>| {
        decode(place, bytes.value()).filter(|event| query.finds(event)).is_none_or(&mut each)
    };

    let tag = query.tags.first().map(|tag| Term::Tag(tag));
    let Some(term) = tag.or(query.kind.as_deref().map(Term::Kind)).map(|term| term.text()) else {
        let range = all.range((from.0, from.1.as_str())..(to.0, to.1.as_str())).map_err(Failure::read)?;
        for entry in range.rev() {
            let (key, bytes) = entry.map_err(Failure::read)?;
            if !visit(key.value(), &bytes) {
                break;
            }
        }
        return Ok(());
    };
    let index = transaction.open_table(EVENT_TERMS).map_err(Failure::read)?;
    let begin = (term.as_str(), from.0, from.1.as_str());
    let range = index.range(begin..(term.as_str(), to.0, to.1.as_str())).map_err(Failure::read)?;
    for entry in range.rev() {
        let (key, ()) = entry.map(|(key, _)| (key, ())).map_err(Failure::read)?;
        let (_, at, id) = key.value();
        let bytes = all.get((at, id)).map_err(Failure::read)?;
        if bytes.is_some_and(|bytes| !visit((at, id), &bytes)) {
            break;
        }
    }
    Ok(())
}

fn place(transaction: &ReadTransaction, id: &str) -> Result<(i64, String), Failure> {
    let times = transaction.open_table(EVENT_TIMES).map_err(Failure::read)?;
    let at = times.get(id).map_err(Failure::read)?.ok_or(Failure::UnknownEvent)?;
    Ok((at.value(), id.to_owned()))
}

/// One page.
pub(super) fn page(transaction: &ReadTransaction, query: &Query, page: &Page) -> Result<Vec<Event>, Failure> {
    let mut found = Vec::new();
    find(transaction, query, page.after.as_deref(), |event| {
        if found.len() < page.limit {
            found.push(event);
        }
        found.len() < page.limit
    })?;
    Ok(found)
}
