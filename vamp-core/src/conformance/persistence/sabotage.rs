//! The suite notices: each clause broken on purpose fails its own cases.

use super::{BreakablePersistence, CorruptiblePersistence, DurablePersistence, PersistenceFixture};
use crate::{
    Error, ErrorKind, Result,
    conformance::suite::conformance_failures,
    driver::{Changes, Cursor, Draft, KeyValueExt, KeyValueStore, Page, PersistenceStore, Record, Version},
    layer::KeyValuePersistence,
    memory::{KeyValue, ManualClock},
};
use async_trait::async_trait;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering::SeqCst},
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    PutsOneByOne,
    DropsTheExpectedVersion,
    DeletesWhateverIsThere,
    DropsTheAuthor,
    LosesTheLastWrite,
    OneBadRecordFailsTheList,
    ABadRecordIsAbsent,
    TakesAnyBody,
    ListsBackwards,
    PagesByOffset,
    FoldsCase,
    EmptyOnError,
    HistoryOfAnother,
    CancelLoses,
    WaitsFromNow,
    WaitsOnAForeignCursor,
}

/// A correct store over a key-value store, but for one fault.
#[derive(Debug)]
struct Sabotaged {
    below: Arc<KeyValue>,
    inner: KeyValuePersistence,
    fault: Fault,
    broken: AtomicBool,
    waiting: AtomicBool,
    last: Mutex<Option<String>>,
}

impl Sabotaged {
    /// Whether the backend is there; `Ok(false)` = it is not, and the fault hides it.
    fn reachable(&self) -> Result<bool> {
        match (self.broken.load(SeqCst), self.fault) {
            (true, Fault::EmptyOnError) => Ok(false),
            (true, _) => Err(Error::new(ErrorKind::Unavailable, "sabotaged", "read", "a record")),
            (false, _) => Ok(true),
        }
    }

    fn folded(&self, name: &str) -> String {
        if self.fault == Fault::FoldsCase { name.replace("%2f", "%2F") } else { name.to_owned() }
    }

    async fn present(&self, kind: &str, name: &str) -> Option<Version> {
        self.inner.get(kind, name).await.ok().flatten().map(|record| record.version)
    }
}

#[async_trait]
impl PersistenceStore for Sabotaged {
    async fn get(&self, kind: &str, name: &str) -> Result<Option<Record>> {
        if !self.reachable()? {
            return Ok(None);
        }
        match (self.fault, self.inner.get(kind, &self.folded(name)).await) {
            (Fault::ABadRecordIsAbsent, Err(_)) => Ok(None),
            (_, found) => found,
        }
    }

    async fn put(&self, draft: &Draft, expected: Option<&Version>) -> Result<Version> {
        let mut draft = Draft { name: self.folded(&draft.name), ..draft.clone() };
        let mut expected = expected.cloned();
        match self.fault {
            Fault::DropsTheExpectedVersion => expected = self.present(&draft.kind, &draft.name).await,
            Fault::FoldsCase if draft.name.contains('%') => expected = self.present(&draft.kind, &draft.name).await,
            Fault::DropsTheAuthor => draft.author = None,
            Fault::TakesAnyBody if draft.body.is_empty() => draft.body = b"null".to_vec(),
            _ => {}
        }
        *self.last.lock().unwrap() = Some(draft.name.clone());
        self.inner.put(&draft, expected.as_ref()).await
    }

    async fn put_all(&self, drafts: &[(Draft, Option<Version>)]) -> Result<Vec<Version>> {
        if self.fault != Fault::PutsOneByOne {
            return self.inner.put_all(drafts).await;
        }
        let mut versions = Vec::new();
        for (draft, expected) in drafts {
            versions.push(self.inner.put(draft, expected.as_ref()).await?);
        }
        Ok(versions)
    }

    async fn delete(&self, kind: &str, name: &str, expected: Option<&Version>) -> Result<()> {
        let expected = expected.filter(|_| self.fault != Fault::DeletesWhateverIsThere);
        self.inner.delete(kind, name, expected).await
    }

    async fn list(&self, kind: &str, page: &Page) -> Result<Vec<Record>> {
        if !self.reachable()? {
            return Ok(vec![]);
        }
        let mut all = self.inner.list(kind, &Page::ALL).await?;
        let stored = self.below.list("/").await?.0.into_iter().filter(|(key, _)| key.contains(kind)).count();
        match self.fault {
            Fault::OneBadRecordFailsTheList if stored > all.len() => {
                return Err(Error::new(ErrorKind::Internal, "sabotaged", "list", kind));
            }
            Fault::ListsBackwards => all.reverse(),
            Fault::PagesByOffset => {
                let at = page.after.as_ref().and_then(|after| after.strip_prefix("sava/")?.parse().ok());
                return Ok(all.into_iter().skip(at.map_or(0, |at: usize| at + 1)).take(page.limit).collect());
            }
            _ => {}
        }
        let behind = |record: &Record| page.after.as_ref().is_none_or(|after| record.draft.name > *after);
        Ok(all.into_iter().filter(behind).take(page.limit).collect())
    }

    async fn history(&self, kind: &str, name: &str, page: &Page) -> Result<Vec<Record>> {
        if !self.reachable()? {
            return Ok(vec![]);
        }
        let mut history = self.inner.history(kind, name, page).await?;
        if self.fault == Fault::HistoryOfAnother {
            history.iter_mut().for_each(|record| record.version = Version(Box::default()));
        }
        Ok(history)
    }

    async fn changed(&self, after: &Cursor) -> Result<Changes> {
        let cancelled = self.waiting.swap(true, SeqCst);
        let now = self.below.list("/").await?.1;
        let ours = now.0.get(..8) == after.0.get(..8);
        let after = match self.fault {
            Fault::CancelLoses if cancelled => &now,
            Fault::WaitsFromNow if ours => &now,
            Fault::WaitsOnAForeignCursor if !ours && !after.0.is_empty() => &now,
            _ => after,
        };
        let changes = self.inner.changed(after).await;
        self.waiting.store(false, SeqCst);
        changes
    }
}

struct Fixture(Arc<Sabotaged>);

fn open(fault: Fault) -> Fixture {
    let clock = Arc::new(ManualClock::default());
    let below = Arc::new(KeyValue::new(Arc::<ManualClock>::clone(&clock)));
    Fixture(Arc::new(Sabotaged {
        inner: KeyValuePersistence::new(Arc::<KeyValue>::clone(&below), clock, "conformance"),
        below,
        fault,
        broken: AtomicBool::new(false),
        waiting: AtomicBool::new(false),
        last: Mutex::default(),
    }))
}

impl PersistenceFixture for Fixture {
    fn store(&self) -> Arc<dyn PersistenceStore> {
        Arc::<Sabotaged>::clone(&self.0)
    }
}

#[async_trait]
impl DurablePersistence for Fixture {
    async fn reopen(&mut self) {
        let last = self.0.last.lock().unwrap().take();
        if let (Fault::LosesTheLastWrite, Some(name)) = (self.0.fault, last) {
            self.0.inner.delete("breeds", &name, None).await.unwrap();
        }
    }
}

#[async_trait]
impl BreakablePersistence for Fixture {
    async fn break_reads(&mut self) {
        self.0.broken.store(true, SeqCst);
    }
}

#[async_trait]
impl CorruptiblePersistence for Fixture {
    async fn corrupt(&mut self, kind: &str, name: &str) {
        let key = format!("/vamp/conformance/artifacts/{kind}/{name}");
        assert!(self.0.below.get(&key).await.unwrap().is_some(), "{key} is there");
        self.0.below.put(&key, b"\0garbage".to_vec()).await.unwrap();
    }
}

async fn failing(fault: Fault) -> Vec<&'static str> {
    let mut failed = Vec::new();
    macro_rules! run {
        ($($cases:tt)*) => { conformance_failures! { failed; $($cases)* } };
    }
    crate::persistence_suite! { @each [run] open(fault) }
    crate::persistence_suite! { @each [run] open(fault), durable }
    crate::persistence_suite! { @each [run] open(fault), breakable }
    crate::persistence_suite! { @each [run] open(fault), corruptible }
    failed
}

#[tokio::test(start_paused = true)]
async fn the_specification_satisfies_every_case() {
    assert_eq!(failing(Fault::None).await, Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn each_broken_clause_is_noticed_by_its_own_cases() {
    let expected: [(Fault, &[&str]); 16] = [
        (
            Fault::DropsTheExpectedVersion,
            &[
                "p1_a_put_that_expects_something_else_is_a_conflict",
                "p1_of_writers_who_expect_the_same_version_one_wins",
                "p2_what_is_acknowledged_survives_a_restart",
            ],
        ),
        (Fault::DeletesWhateverIsThere, &["p1_a_delete_that_expects_something_else_is_a_conflict"]),
        (Fault::DropsTheAuthor, &["p1_a_record_comes_back_as_it_was_stored"]),
        (Fault::LosesTheLastWrite, &["p2_what_is_acknowledged_survives_a_restart"]),
        (Fault::OneBadRecordFailsTheList, &["p3_one_bad_record_never_hides_others"]),
        (Fault::ABadRecordIsAbsent, &["p3_one_bad_record_never_hides_others"]),
        (Fault::TakesAnyBody, &["p3_what_is_no_artifact_is_invalid"]),
        (
            Fault::ListsBackwards,
            &[
                "p4_a_list_is_sorted_by_name_and_sees_every_put",
                "p4_pages_follow_each_other",
                "p2_what_is_acknowledged_survives_a_restart",
                "p3_one_bad_record_never_hides_others",
            ],
        ),
        (Fault::PagesByOffset, &["p4_pages_follow_each_other"]),
        (Fault::FoldsCase, &["p4_names_do_not_collide"]),
        (Fault::EmptyOnError, &["p4_a_failed_read_is_an_error"]),
        (Fault::PutsOneByOne, &["p5_all_are_put_or_none"]),
        (Fault::HistoryOfAnother, &["p4_history_begins_with_the_present_and_ends_with_the_record"]),
        (Fault::CancelLoses, &["w1_a_cancelled_wait_loses_nothing"]),
        (
            Fault::WaitsFromNow,
            &[
                "w1_a_cancelled_wait_loses_nothing",
                "w2_no_change_after_a_cursor_is_lost",
                "p2_what_is_acknowledged_survives_a_restart",
            ],
        ),
        (Fault::WaitsOnAForeignCursor, &["w3_an_empty_or_foreign_cursor_returns_at_once_with_all"]),
    ];
    for (fault, cases) in expected {
        assert_eq!((fault, failing(fault).await), (fault, cases.to_vec()));
    }
}
