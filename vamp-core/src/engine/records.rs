//! Artifacts in the persistence store, and the part of them that the world mirrors.

use super::{
    Artifact, Change, Engine, Failure,
    world::{Artifacts, Stored, World},
};
use crate::{
    Error, ErrorKind, Result,
    driver::{Cursor, Draft, Page, Record, Version, What},
    model::{Deployment, Gateway},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// A failed read of the store is tried again after so long.
const RETRY: Duration = Duration::from_secs(1);

/// An artifact and the version of its record, or that there is none.
pub(super) type Found<T> = Option<(Arc<T>, Version)>;

impl Engine {
    // === reading and writing, any kind ===

    /// The artifact of that name, and its version.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or holds something unreadable under that name.
    pub async fn find<T: Artifact>(&self, name: &str) -> Result<Option<(T, Version)>> {
        Ok(self.read::<T>(name).await?.map(|(value, version)| (Arc::unwrap_or_clone(value), version)))
    }

    /// The artifacts of a kind, sorted by name.
    ///
    /// # Errors
    ///
    /// When the store cannot be read. What is unreadable by itself is left out and logged.
    pub async fn all<T: Artifact>(&self, page: &Page) -> Result<Vec<T>> {
        let records = self.shared.persistence.list(T::KIND, page).await?;
        Ok(readable(&records).map(|(_, stored)| Arc::unwrap_or_clone(stored.value)).collect())
    }

    /// Stores an artifact; durable when it returns. `expected` is the version that it replaces; `None` replaces
    /// whatever is there. For gateways and deployments see [`put_gateway`](Self::put_gateway) and
    /// [`deploy`](Self::deploy), which also check.
    ///
    /// # Errors
    ///
    /// [`Failure::Changed`] when the version is not the expected one, [`Failure::Driver`] when the store fails.
    pub async fn store<T: Artifact>(&self, artifact: &T, expected: Option<&Version>) -> Result<Version, Failure> {
        loop {
            let found = match expected {
                Some(version) => Some(version.clone()),
                None => self.shared.persistence.get(T::KIND, artifact.name()).await?.map(|record| record.version),
            };
            match self.write(artifact, found.as_ref()).await {
                Err(Failure::Changed { .. }) if expected.is_none() => {}
                result => return result,
            }
        }
    }

    /// Removes an artifact that nothing else depends on; answers whether it was there. `expected` is the version that
    /// is removed; `None` removes whatever is there.
    ///
    /// # Errors
    ///
    /// [`Failure::Changed`] when the version is not the expected one, [`Failure::Driver`] when the store fails.
    pub async fn remove<T: Artifact>(&self, name: &str, expected: Option<&Version>) -> Result<bool, Failure> {
        let Some((_, version)) = self.read::<T>(name).await? else { return Ok(false) };
        if expected.is_some_and(|expected| *expected != version) {
            return Err(Failure::Changed { kind: T::KIND, name: name.to_owned() });
        }
        self.erase::<T>(name, &version).await?;
        Ok(true)
    }

    pub(super) async fn read<T: Artifact>(&self, name: &str) -> Result<Found<T>> {
        let Some(record) = self.shared.persistence.get(T::KIND, name).await? else { return Ok(None) };
        let value = parse::<T>(&record)?;
        Ok(Some((Arc::new(value), record.version)))
    }

    /// Compare-and-set; the world follows at once.
    pub(super) async fn write<T: Artifact>(
        &self,
        artifact: &T,
        expected: Option<&Version>,
    ) -> Result<Version, Failure> {
        let name = artifact.name().to_owned();
        let body = serde_json::to_vec(artifact)
            .map_err(|error| Error::new(ErrorKind::Internal, "engine", "write", name.clone()).because(error))?;
        let draft = Draft { kind: T::KIND.to_owned(), name: name.clone(), body, author: None };
        let version =
            self.shared.persistence.put(&draft, expected).await.map_err(|error| changed::<T>(error, &name))?;
        let record = Record { draft, version: version.clone(), at: self.shared.clock.now() };
        self.mirror(T::KIND, &name, expected, Some(&record));
        self.catch_up::<T>(&name, Some(&version)).await?;
        self.tell(Change::Stored { kind: T::KIND, name });
        Ok(version)
    }

    pub(super) async fn erase<T: Artifact>(&self, name: &str, expected: &Version) -> Result<(), Failure> {
        let erased = self.shared.persistence.delete(T::KIND, name, Some(expected)).await;
        erased.map_err(|error| changed::<T>(error, name))?;
        self.mirror(T::KIND, name, Some(expected), None);
        self.catch_up::<T>(name, None).await?;
        self.tell(Change::Removed { kind: T::KIND, name: name.to_owned() });
        Ok(())
    }

    // === the world ===

    /// Takes a record over into the world, if the world still has the one that it replaced; otherwise the store tells
    /// of it in its own order.
    fn mirror(&self, kind: &str, name: &str, replaced: Option<&Version>, record: Option<&Record>) {
        self.shared.world.send_if_modified(|world| {
            let Some(artifacts) = &mut world.artifacts else { return false };
            if artifacts.version(kind, name) != replaced {
                return false;
            }
            let taken = artifacts.take(kind, name, record);
            world.generation += u64::from(taken);
            taken
        });
    }

    /// The world has what was just written, or something newer, when this returns.
    async fn catch_up<T: Artifact>(&self, name: &str, written: Option<&Version>) -> Result<()> {
        let loaded = self.shared.world.borrow().artifacts.is_some();
        if !loaded || !is_mirrored(T::KIND) || self.mirrored_version(T::KIND, name).as_ref() == written {
            return Ok(());
        }
        self.refresh_one(T::KIND, name).await
    }

    pub(super) async fn follow_artifacts(&self) {
        let mut cursor = Cursor::default();
        loop {
            match self.refresh(&cursor).await {
                Ok(next) => cursor = next,
                Err(error) => {
                    tracing::warn!(error = %error.report(), "stored artifacts cannot be read; what is known stays");
                    cursor = Cursor::default();
                    self.shared.clock.sleep(RETRY).await;
                }
            }
        }
    }

    async fn refresh(&self, cursor: &Cursor) -> Result<Cursor> {
        let changes = self.shared.persistence.changed(cursor).await?;
        match changes.what {
            What::All => self.refresh_all().await?,
            What::Keys(keys) => {
                for key in keys {
                    if let Some((kind, name)) = key.split_once('/').filter(|(kind, _)| is_mirrored(kind)) {
                        self.refresh_one(kind, name).await?;
                    }
                }
            }
        }
        Ok(changes.cursor)
    }

    async fn refresh_all(&self) -> Result<()> {
        let deployments = self.shared.persistence.list(Deployment::KIND, &Page::ALL).await?;
        let gateways = self.shared.persistence.list(Gateway::KIND, &Page::ALL).await?;
        let artifacts = Artifacts {
            deployments: Arc::new(readable(&deployments).collect()),
            gateways: Arc::new(readable(&gateways).collect()),
        };
        self.shared.world.send_modify(|world| {
            world.artifacts = Some(artifacts);
            world.generation += 1;
        });
        Ok(())
    }

    /// Reads one record until the world did not change meanwhile, so that an older state never follows a newer one.
    async fn refresh_one(&self, kind: &str, name: &str) -> Result<()> {
        loop {
            let before = self.mirrored_version(kind, name);
            let record = self.shared.persistence.get(kind, name).await?;
            let mut taken = false;
            self.shared.world.send_if_modified(|world| {
                let Some(artifacts) = &mut world.artifacts else { return false };
                taken = artifacts.version(kind, name) == before.as_ref();
                if !taken || before.as_ref() == record.as_ref().map(|record| &record.version) {
                    return false;
                }
                let changed = artifacts.take(kind, name, record.as_ref());
                world.generation += u64::from(changed);
                changed
            });
            if taken {
                return Ok(());
            }
        }
    }

    fn mirrored_version(&self, kind: &str, name: &str) -> Option<Version> {
        let world = self.shared.world.borrow();
        world.artifacts.as_ref().and_then(|artifacts| artifacts.version(kind, name)).cloned()
    }

    /// Waits until the artifacts were read for the first time.
    pub(super) async fn loaded(&self) -> World {
        let mut worlds = self.shared.world.subscribe();
        // The sender lives in `self`, so the wait cannot fail.
        let loaded = worlds.wait_for(|world| world.artifacts.is_some()).await;
        loaded.map(|world| world.clone()).unwrap_or_default()
    }
}

impl Artifacts {
    fn version(&self, kind: &str, name: &str) -> Option<&Version> {
        match kind {
            Deployment::KIND => self.deployments.get(name).map(|stored| &stored.version),
            Gateway::KIND => self.gateways.get(name).map(|stored| &stored.version),
            _ => None,
        }
    }

    /// Whether the artifact is mirrored and could be read.
    fn take(&mut self, kind: &str, name: &str, record: Option<&Record>) -> bool {
        match kind {
            Deployment::KIND => take(&mut self.deployments, name, record),
            Gateway::KIND => take(&mut self.gateways, name, record),
            _ => false,
        }
    }
}

fn take<T: Artifact>(all: &mut Arc<BTreeMap<String, Stored<T>>>, name: &str, record: Option<&Record>) -> bool {
    let Some(record) = record else { return Arc::make_mut(all).remove(name).is_some() };
    // One that cannot be read stays what it was.
    let Some((name, stored)) = readable(std::slice::from_ref(record)).next() else { return false };
    Arc::make_mut(all).insert(name, stored);
    true
}

fn is_mirrored(kind: &str) -> bool {
    [Deployment::KIND, Gateway::KIND].contains(&kind)
}

fn parse<T: Artifact>(record: &Record) -> Result<T> {
    let subject = || format!("{}/{}", record.draft.kind, record.draft.name);
    serde_json::from_slice(&record.draft.body)
        .map_err(|error| Error::new(ErrorKind::Internal, "engine", "read", subject()).because(error))
}

pub(super) fn readable<T: Artifact>(records: &[Record]) -> impl Iterator<Item = (String, Stored<T>)> {
    records.iter().filter_map(|record| match parse::<T>(record) {
        Ok(value) => {
            let stored = Stored { value: Arc::new(value), version: record.version.clone() };
            Some((record.draft.name.clone(), stored))
        }
        Err(error) => {
            tracing::error!(error = %error.report(), "a stored artifact cannot be read and is left out");
            None
        }
    })
}

fn changed<T: Artifact>(error: Error, name: &str) -> Failure {
    match error.kind {
        ErrorKind::Conflict => Failure::Changed { kind: T::KIND, name: name.to_owned() },
        _ => Failure::Driver(error),
    }
}
