//! A store that lets somebody else in between, at a moment that a test chooses.

use async_trait::async_trait;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};
use vamp_core::{
    Error, ErrorKind, Result,
    driver::{Changes, Cursor, Draft, Page, PersistenceStore, Record, Version},
};

type Meddling = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// Passes everything on to another store.
pub(crate) struct Meddler {
    store: Arc<dyn PersistenceStore>,
    armed: Mutex<Option<(String, Meddling)>>,
    lost_after: Mutex<Option<String>>,
    lost: Mutex<Vec<String>>,
    deaf: AtomicBool,
}

impl fmt::Debug for Meddler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meddler")
    }
}

impl Meddler {
    pub(crate) fn new(store: Arc<dyn PersistenceStore>) -> Arc<Self> {
        let (armed, lost_after, lost) = (Mutex::default(), Mutex::default(), Mutex::default());
        Arc::new(Self { store, armed, lost_after, lost, deaf: AtomicBool::new(false) })
    }

    /// Once, before the next write of `kind/name`, this happens.
    pub(crate) fn before<F: Future<Output = ()> + Send + 'static>(
        &self,
        key: &str,
        meddling: impl FnOnce() -> F + Send + 'static,
    ) {
        *self.armed.lock().expect("is not poisoned") = Some((key.to_owned(), Box::new(|| Box::pin(meddling()))));
    }

    /// Once this is written, it can neither be read nor written any more.
    pub(crate) fn lose_after(&self, key: &str) {
        *self.lost_after.lock().expect("is not poisoned") = Some(key.to_owned());
    }

    /// From now on nobody hears of changes.
    pub(crate) fn deafen(&self) {
        self.deaf.store(true, Ordering::Relaxed);
    }

    /// The store behind.
    pub(crate) fn inner(&self) -> Arc<dyn PersistenceStore> {
        Arc::clone(&self.store)
    }

    async fn meddle(&self, kind: &str, name: &str) {
        let armed = {
            let mut armed = self.armed.lock().expect("is not poisoned");
            let due = armed.as_ref().is_some_and(|(key, _)| *key == format!("{kind}/{name}"));
            if due { armed.take() } else { None }
        };
        if let Some((_, meddling)) = armed {
            meddling().await;
        }
    }

    fn reach(&self, kind: &str, name: &str) -> Result<()> {
        if self.lost.lock().expect("is not poisoned").contains(&format!("{kind}/{name}")) {
            return Err(Error::new(ErrorKind::Unavailable, "meddler", "reach", format!("{kind}/{name}")));
        }
        Ok(())
    }
}

#[async_trait]
impl PersistenceStore for Meddler {
    async fn get(&self, kind: &str, name: &str) -> Result<Option<Record>> {
        self.reach(kind, name)?;
        self.store.get(kind, name).await
    }

    async fn put(&self, draft: &Draft, expected: Option<&Version>) -> Result<Version> {
        self.meddle(&draft.kind, &draft.name).await;
        self.reach(&draft.kind, &draft.name)?;
        let key = format!("{}/{}", draft.kind, draft.name);
        let written = self.store.put(draft, expected).await?;
        if self.lost_after.lock().expect("is not poisoned").as_ref() == Some(&key) {
            self.lost.lock().expect("is not poisoned").push(key);
        }
        Ok(written)
    }

    async fn put_all(&self, drafts: &[(Draft, Option<Version>)]) -> Result<Vec<Version>> {
        for (draft, _) in drafts {
            self.meddle(&draft.kind, &draft.name).await;
            self.reach(&draft.kind, &draft.name)?;
        }
        self.store.put_all(drafts).await
    }

    async fn delete(&self, kind: &str, name: &str, expected: Option<&Version>) -> Result<()> {
        self.meddle(kind, name).await;
        self.reach(kind, name)?;
        self.store.delete(kind, name, expected).await
    }

    async fn list(&self, kind: &str, page: &Page) -> Result<Vec<Record>> {
        self.store.list(kind, page).await
    }

    async fn history(&self, kind: &str, name: &str, page: &Page) -> Result<Vec<Record>> {
        self.store.history(kind, name, page).await
    }

    async fn changed(&self, after: &Cursor) -> Result<Changes> {
        let changes = self.store.changed(after).await;
        if self.deaf.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        changes
    }
}
