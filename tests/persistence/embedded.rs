//! The store in one file.

use async_trait::async_trait;
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use vamp_core::{
    conformance::{
        event::{DurableEvents, EventFixture},
        persistence::{DurablePersistence, PersistenceFixture},
    },
    driver::{EventStore, PersistenceStore},
};
use vamp_drivers::persistence::EmbeddedStore;

/// A folder of its own, gone with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("vamp-store-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        Self(std::env::temp_dir().join(name))
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.join("vamp.redb")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

pub(crate) struct Embedded {
    store: Option<Arc<EmbeddedStore>>,
    folder: Folder,
}

pub(crate) fn open() -> Embedded {
    let mut embedded = Embedded { store: None, folder: Folder::new() };
    embedded.open();
    embedded
}

impl Embedded {
    fn open(&mut self) {
        self.store = None;
        let store = EmbeddedStore::open(self.folder.file());
        self.store = Some(Arc::new(store.unwrap_or_else(|error| panic!("{}", error.report()))));
    }

    fn opened(&self) -> Arc<EmbeddedStore> {
        Arc::clone(self.store.as_ref().unwrap())
    }
}

impl PersistenceFixture for Embedded {
    fn store(&self) -> Arc<dyn PersistenceStore> {
        self.opened()
    }
}

impl EventFixture for Embedded {
    fn store(&self) -> Arc<dyn EventStore> {
        self.opened()
    }
}

#[async_trait]
impl DurablePersistence for Embedded {
    async fn reopen(&mut self) {
        self.open();
    }
}

#[async_trait]
impl DurableEvents for Embedded {
    async fn reopen(&mut self) {
        self.open();
    }
}
