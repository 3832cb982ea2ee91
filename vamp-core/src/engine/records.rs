//! Artifacts in the persistence store.

use super::{Artifact, Change, Engine, Failure, world::Stored};
use crate::{
    Error, ErrorKind, Result,
    driver::{Draft, Page, Record, Version},
};
use std::{sync::Arc, time::Duration};

/// A change is tried again for so long when others change the same artifact at the same time.
pub(super) const CONTENDED: Duration = Duration::from_secs(10);

/// An artifact and the version of its record, or that there is none.
pub(super) type Found<T> = Option<(Arc<T>, Version)>;

/// What is stored under a name, be it readable or not.
#[derive(Debug)]
pub(super) struct Present<T> {
    /// `None` = there is no record; `Err` = there is one that cannot be read.
    value: Option<Result<Arc<T>, String>>,
    version: Option<Version>,
}

impl<T: Artifact> Present<T> {
    /// The artifact; what cannot be read is an error.
    pub(super) fn readable(&self) -> Result<Option<&T>, Failure> {
        match &self.value {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some(value)),
            Some(Err(reason)) => Err(unreadable::<T>(reason).into()),
        }
    }

    fn found(self) -> Result<Found<T>, Failure> {
        let value = self.value.transpose().map_err(|reason| unreadable::<T>(&reason))?;
        Ok(value.zip(self.version))
    }

    /// The artifact; what cannot be read counts as none, and is overwritten.
    pub(super) fn or_overwritten(&self) -> Option<&T> {
        self.value.as_ref().and_then(|value| value.as_deref().ok())
    }
}

/// What becomes of an artifact.
#[derive(Debug)]
pub(super) enum Update<T> {
    /// It stays as it is.
    Keep,
    /// It is stored.
    Put(T),
    /// It is removed.
    Remove,
}

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
        if let Some(version) = expected {
            return self.write(artifact, Some(version)).await;
        }
        let put = |_: &Present<T>| Ok(Update::Put(artifact.clone()));
        let stored = self.update(artifact.name(), None, put).await?;
        let lost = || Error::new(ErrorKind::Internal, "engine", "store", artifact.name());
        Ok(stored.ok_or_else(lost)?.1)
    }

    /// Removes an artifact that nothing else depends on; answers whether it was there. `expected` is the version that
    /// is removed; `None` removes whatever is there.
    ///
    /// # Errors
    ///
    /// [`Failure::Changed`] when the version is not the expected one, [`Failure::Driver`] when the store fails.
    pub async fn remove<T: Artifact>(&self, name: &str, expected: Option<&Version>) -> Result<bool, Failure> {
        let mut was_there = false;
        let remove = |present: &Present<T>| {
            was_there = present.version.is_some();
            Ok(Update::Remove)
        };
        self.update(name, expected, remove).await?;
        Ok(was_there)
    }

    /// Decides from the artifact as it is stored, and stores the decision under the version that it was made from; again
    /// when somebody else was faster. `expected` is the version that it has to have; `None` = any. Answers what is
    /// stored then.
    pub(super) async fn update<T: Artifact>(
        &self,
        name: &str,
        expected: Option<&Version>,
        mut decide: impl FnMut(&Present<T>) -> Result<Update<T>, Failure>,
    ) -> Result<Found<T>, Failure> {
        let begun = self.shared.clock.elapsed();
        loop {
            let present = self.present::<T>(name).await?;
            let changed = || Failure::Changed { kind: T::KIND, name: name.to_owned() };
            if expected.is_some() && expected != present.version.as_ref() {
                return Err(changed());
            }
            let done = match (decide(&present)?, &present.version) {
                (Update::Keep, _) => return present.found(),
                (Update::Put(value), version) => {
                    let version = self.write(&value, version.as_ref()).await;
                    version.map(|version| Some((Arc::new(value), version)))
                }
                (Update::Remove, None) => return Ok(None),
                (Update::Remove, Some(version)) => self.erase::<T>(name, version).await.map(|()| None),
            };
            let in_time = self.shared.clock.elapsed().saturating_sub(begun) < CONTENDED;
            match done {
                Err(Failure::Changed { .. }) if expected.is_none() && in_time => {}
                done => return done,
            }
        }
    }

    async fn present<T: Artifact>(&self, name: &str) -> Result<Present<T>> {
        let record = self.shared.persistence.get(T::KIND, name).await?;
        let parsed = |record: &Record| parse::<T>(record).map(Arc::new).map_err(|error| error.report());
        let value = record.as_ref().map(parsed);
        Ok(Present { value, version: record.map(|record| record.version) })
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
        self.catch_up::<T>(&name, Some(&version)).await;
        self.tell(Change::Stored { kind: T::KIND, name });
        Ok(version)
    }

    pub(super) async fn erase<T: Artifact>(&self, name: &str, expected: &Version) -> Result<(), Failure> {
        let erased = self.shared.persistence.delete(T::KIND, name, Some(expected)).await;
        erased.map_err(|error| changed::<T>(error, name))?;
        self.mirror(T::KIND, name, Some(expected), None);
        self.catch_up::<T>(name, None).await;
        self.tell(Change::Removed { kind: T::KIND, name: name.to_owned() });
        Ok(())
    }
}

pub(super) fn parse<T: Artifact>(record: &Record) -> Result<T> {
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
            tracing::error!(error = %error.report(), "a stored artifact cannot be read and is left out of the list");
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

fn unreadable<T: Artifact>(reason: &str) -> Error {
    Error::new(ErrorKind::Internal, "engine", "read", T::KIND).because(reason)
}
