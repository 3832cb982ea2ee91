//! Records: what the writer does to them, and how they are read.

use super::{
    EmbeddedOptions,
    failure::{DRIVER, Failure},
    schema::{HISTORY, META, RECORDS, version},
};
use redb::{ReadTransaction, ReadableTable, Table};
use std::{ops::Bound, sync::Arc};
use vamp_core::{
    Error, ErrorKind,
    driver::{Draft, Page, Record, Version},
    layer::Envelope,
};

/// The tables of one write transaction.
pub(super) struct Records<'t> {
    pub(super) identity: u64,
    pub(super) present: Table<'t, (&'static str, &'static str), (u64, &'static [u8])>,
    pub(super) former: Table<'t, (&'static str, &'static str, u64), &'static [u8]>,
}

impl Records<'_> {
    /// Whether the record has the expected version; the inner error refuses this change only.
    fn check(&self, kind: &str, name: &str, expected: Option<&Version>) -> Result<Result<(), Failure>, redb::Error> {
        let found = self.present.get((kind, name))?.map(|state| version(self.identity, state.value().0));
        let conflict = || Failure::Conflict { found: found.clone(), expected: expected.cloned() };
        Ok(if found.as_ref() == expected { Ok(()) } else { Err(conflict()) })
    }

    /// Puts all, under one revision, or none.
    pub(super) fn put_all(
        &mut self,
        drafts: &[(Draft, Option<Version>)],
        revision: u64,
        options: &EmbeddedOptions,
    ) -> Result<Result<Vec<Version>, Failure>, redb::Error> {
        for (draft, expected) in drafts {
            if let Err(conflict) = self.check(&draft.kind, &draft.name, expected.as_ref())? {
                return Ok(Err(conflict));
            }
        }
        drafts.iter().map(|(draft, _)| self.put(draft, revision, options)).collect::<Result<_, _>>().map(Ok)
    }

    fn put(&mut self, draft: &Draft, revision: u64, options: &EmbeddedOptions) -> Result<Version, redb::Error> {
        let (kind, name) = (draft.kind.as_str(), draft.name.as_str());
        let envelope =
            Envelope { at: options.clock.now(), author: draft.author.clone(), body: draft.body.clone() }.encode();
        if let Some(former) = self.present.insert((kind, name), (revision, envelope.as_slice()))? {
            let (revision, bytes) = former.value();
            self.former.insert((kind, name, revision), bytes)?;
        }
        self.trim(kind, name, options.states.saturating_sub(1))?;
        Ok(version(self.identity, revision))
    }

    /// Keeps so many former states.
    fn trim(&mut self, kind: &str, name: &str, keep: usize) -> Result<(), redb::Error> {
        let states = self.former.range((kind, name, 0)..=(kind, name, u64::MAX))?.rev();
        let surplus: Vec<u64> =
            states.skip(keep).map(|state| Ok(state?.0.value().2)).collect::<Result<_, redb::StorageError>>()?;
        for revision in surplus {
            self.former.remove((kind, name, revision))?;
        }
        Ok(())
    }

    /// Whether there was anything to remove.
    pub(super) fn delete(
        &mut self,
        kind: &str,
        name: &str,
        expected: Option<&Version>,
    ) -> Result<Result<bool, Failure>, redb::Error> {
        if expected.is_some()
            && let Err(conflict) = self.check(kind, name, expected)?
        {
            return Ok(Err(conflict));
        }
        let was_there = self.present.remove((kind, name))?.is_some();
        self.trim(kind, name, 0)?;
        Ok(Ok(was_there))
    }
}

/// One state of a file.
pub(super) struct Reader<'t> {
    transaction: &'t ReadTransaction,
    identity: u64,
}

impl<'t> Reader<'t> {
    pub(super) fn new(transaction: &'t ReadTransaction) -> Result<Self, Failure> {
        let meta = transaction.open_table(META).map_err(Failure::read)?;
        let identity = meta.get("identity").map_err(Failure::read)?.map_or(0, |identity| identity.value());
        Ok(Self { transaction, identity })
    }

    fn record(&self, kind: &str, name: &str, revision: u64, bytes: &[u8]) -> Result<Record, Failure> {
        let Envelope { at, author, body } = Envelope::decode(bytes).map_err(Arc::new)?;
        let draft = Draft { kind: kind.to_owned(), name: name.to_owned(), body, author };
        Ok(Record { draft, version: version(self.identity, revision), at })
    }

    /// The record, unless it is damaged, which is logged: one bad record never hides others.
    fn readable(&self, kind: &str, name: &str, revision: u64, bytes: &[u8]) -> Option<Record> {
        let record = self.record(kind, name, revision, bytes);
        let log = |failure: &Failure| {
            let error = Error::new(ErrorKind::Internal, DRIVER, "read", format!("{kind}/{name}"));
            let error = error.because(failure.clone());
            tracing::error!(error = error.report(), revision, "a stored record cannot be read");
        };
        record.inspect_err(log).ok()
    }

    pub(super) fn get(&self, kind: &str, name: &str) -> Result<Option<Record>, Failure> {
        let present = self.transaction.open_table(RECORDS).map_err(Failure::read)?;
        let Some(state) = present.get((kind, name)).map_err(Failure::read)? else { return Ok(None) };
        let (revision, bytes) = state.value();
        self.record(kind, name, revision, bytes).map(Some)
    }

    pub(super) fn list(&self, kind: &str, page: &Page) -> Result<Vec<Record>, Failure> {
        let present = self.transaction.open_table(RECORDS).map_err(Failure::read)?;
        let begin = match &page.after {
            Some(after) => Bound::Excluded((kind, after.as_str())),
            None => Bound::Included((kind, "")),
        };
        let states = present.range::<(&str, &str)>((begin, Bound::Unbounded)).map_err(Failure::read)?;
        let mut records = Vec::new();
        for state in states {
            let (key, value) = state.map_err(Failure::read)?;
            let ((found, name), (revision, bytes)) = (key.value(), value.value());
            if found != kind || records.len() >= page.limit {
                break;
            }
            records.extend(self.readable(kind, name, revision, bytes));
        }
        Ok(records)
    }

    pub(super) fn history(&self, kind: &str, name: &str, page: &Page) -> Result<Vec<Record>, Failure> {
        let present = self.transaction.open_table(RECORDS).map_err(Failure::read)?;
        let mut records = Vec::new();
        if let Some(state) = present.get((kind, name)).map_err(Failure::read)? {
            let (revision, bytes) = state.value();
            records.extend(self.readable(kind, name, revision, bytes));
        }
        let former = self.transaction.open_table(HISTORY).map_err(Failure::read)?;
        for state in former.range((kind, name, 0)..=(kind, name, u64::MAX)).map_err(Failure::read)?.rev() {
            let (key, value) = state.map_err(Failure::read)?;
            records.extend(self.readable(kind, name, key.value().2, value.value()));
        }
        records.truncate(page.limit);
        Ok(records)
    }
}
