//! The part of the stored artifacts that the world mirrors: what decides what runs and who gets traffic.

use super::{
    Artifact, Engine,
    records::parse,
    shared_map::SharedMap,
    world::{Artifacts, Stored, Unreadable, World},
};
use crate::{
    Result,
    driver::{Cursor, Page, Record, Version, What},
    model::{Deployment, Gateway},
};
use std::{sync::Arc, time::Duration};

/// A failed read of the store is tried again after so long.
const RETRY: Duration = Duration::from_secs(1);

impl Engine {
    /// Takes a record over into the world, if the world still has the one that it replaced; otherwise the store tells
    /// of it in its own order.
    pub(super) fn mirror(&self, kind: &str, name: &str, replaced: Option<&Version>, record: Option<&Record>) {
        self.shared.world.send_if_modified(|world| {
            let Some(artifacts) = &mut world.artifacts else { return false };
            if artifacts.version(kind, name) != replaced {
                return false;
            }
            let taken = artifacts.take(kind, name, record);
            if taken {
                world.note_artifact(kind, name);
            }
            taken
        });
    }

    /// The world has what was just written, or something newer, when this returns. What was written is durable by then,
    /// so a failure here is none of the write: the store tells of it again.
    pub(super) async fn catch_up<T: Artifact>(&self, name: &str, written: Option<&Version>) {
        self.catch_up_with(T::KIND, name, written).await;
    }

    /// As [`catch_up`](Self::catch_up), for a kind that is known when the program runs.
    pub(super) async fn catch_up_with(&self, kind: &'static str, name: &str, written: Option<&Version>) {
        let loaded = self.shared.world.borrow().artifacts.is_some();
        if !loaded || !is_mirrored(kind) || self.mirrored_version(kind, name).as_ref() == written {
            return;
        }
        if let Err(error) = self.refresh_one(kind, name).await {
            tracing::warn!(kind, name, error = %error.report(), "stored, but not read again yet");
        }
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

    /// Reads everything. What changed in the world while the store was read is newer than what was read.
    async fn refresh_all(&self) -> Result<()> {
        let before = self.shared.world.borrow().artifacts.clone();
        let deployments = self.shared.persistence.list(Deployment::KIND, &Page::ALL).await?;
        let gateways = self.shared.persistence.list(Gateway::KIND, &Page::ALL).await?;
        let mut listed = Artifacts::default();
        for record in deployments.iter().chain(&gateways) {
            listed.take(&record.draft.kind, &record.draft.name, Some(record));
        }
        let mut newer = Vec::new();
        self.shared.world.send_modify(|world| {
            let present = world.artifacts.take().unwrap_or_default();
            newer = present.changed_since(&before.unwrap_or_default());
            for (kind, name) in &newer {
                listed.take_from(&present, kind, name);
            }
            world.artifacts = Some(listed);
            world.note_everything();
        });
        for (kind, name) in newer {
            self.refresh_one(kind, &name).await?;
        }
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
                if changed {
                    world.note_artifact(kind, name);
                }
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
        let readable = match kind {
            Deployment::KIND => self.deployments.get(name).map(|stored| &stored.version),
            Gateway::KIND => self.gateways.get(name).map(|stored| &stored.version),
            _ => None,
        };
        readable.or_else(|| self.unreadable.get(&key(kind, name)).map(|unreadable| &unreadable.version))
    }

    /// Takes a record over, or that there is none; whether it is of a kind that is mirrored.
    fn take(&mut self, kind: &str, name: &str, record: Option<&Record>) -> bool {
        let unreadable = match kind {
            Deployment::KIND => take(&mut self.deployments, name, record),
            Gateway::KIND => take(&mut self.gateways, name, record),
            _ => return false,
        };
        let key = key(kind, name);
        match unreadable {
            Some(unreadable) => drop(Arc::make_mut(&mut self.unreadable).insert(key, unreadable)),
            None if self.unreadable.contains_key(&key) => drop(Arc::make_mut(&mut self.unreadable).remove(&key)),
            None => {}
        }
        self.note_selecting(name);
        true
    }

    /// Takes note of whether the gateway of that name follows what runs.
    fn note_selecting(&mut self, name: &str) {
        let selects = self.gateways.get(name).is_some_and(|gateway| gateway.value.selects());
        if selects != self.selecting.contains(name) {
            let selecting = Arc::make_mut(&mut self.selecting);
            if selects {
                selecting.insert(name.to_owned());
            } else {
                selecting.remove(name);
            }
        }
    }

    /// Takes over what others have under this name.
    fn take_from(&mut self, others: &Self, kind: &str, name: &str) {
        match kind {
            Deployment::KIND => copy(&mut self.deployments, &others.deployments, name),
            _ => copy(&mut self.gateways, &others.gateways, name),
        }
        let key = key(kind, name);
        match others.unreadable.get(&key) {
            Some(unreadable) => drop(Arc::make_mut(&mut self.unreadable).insert(key, unreadable.clone())),
            None if self.unreadable.contains_key(&key) => drop(Arc::make_mut(&mut self.unreadable).remove(&key)),
            None => {}
        }
        self.note_selecting(name);
    }

    /// Kinds and names of what is not as it was before.
    fn changed_since(&self, before: &Self) -> Vec<(&'static str, String)> {
        let names = |kind: &'static str| {
            let all = self.names(kind).chain(before.names(kind));
            all.filter(move |name| self.version(kind, name) != before.version(kind, name)).map(move |name| (kind, name))
        };
        let mut changed: Vec<_> = names(Deployment::KIND).chain(names(Gateway::KIND)).collect();
        changed.sort();
        changed.dedup();
        changed
    }

    fn names(&self, kind: &'static str) -> impl Iterator<Item = String> + '_ {
        let prefix = format!("{kind}/");
        let unreadable = self.unreadable.keys().filter_map(move |key| key.strip_prefix(&prefix).map(str::to_owned));
        let deployments = self.deployments.keys().filter(move |_| kind == Deployment::KIND);
        let gateways = self.gateways.keys().filter(move |_| kind == Gateway::KIND);
        deployments.chain(gateways).cloned().chain(unreadable)
    }
}

fn key(kind: &str, name: &str) -> String {
    format!("{kind}/{name}")
}

fn copy<T>(to: &mut SharedMap<Stored<T>>, from: &SharedMap<Stored<T>>, name: &str) {
    match from.get(name) {
        Some(value) => drop(to.insert(name, value.clone())),
        None => drop(to.remove(name)),
    }
}

/// Takes one record over; answers why it cannot be read, if so.
fn take<T: Artifact>(all: &mut SharedMap<Stored<T>>, name: &str, record: Option<&Record>) -> Option<Unreadable> {
    let parsed = record.map(|record| (parse::<T>(record), &record.version));
    match parsed {
        Some((Ok(value), version)) => {
            let stored = Stored { value: Arc::new(value), version: version.clone() };
            all.insert(name, stored);
            None
        }
        Some((Err(error), version)) => {
            tracing::error!(error = %error.report(), "a stored artifact cannot be read; what follows from it stays");
            all.remove(name);
            Some(Unreadable { version: version.clone(), reason: error.report() })
        }
        None => {
            all.remove(name);
            None
        }
    }
}

fn is_mirrored(kind: &str) -> bool {
    [Deployment::KIND, Gateway::KIND].contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::Draft;
    use std::time::SystemTime;

    fn record(name: &str, version: u8, body: &str) -> Record {
        let body = body.as_bytes().to_vec();
        let draft = Draft { kind: Gateway::KIND.to_owned(), name: name.to_owned(), body, author: None };
        Record { draft, version: Version([version].into()), at: SystemTime::UNIX_EPOCH }
    }

    fn artifacts(records: &[Record]) -> Artifacts {
        let mut artifacts = Artifacts::default();
        for record in records {
            assert!(artifacts.take(Gateway::KIND, &record.draft.name, Some(record)));
        }
        artifacts
    }

    #[test]
    fn what_changed_while_everything_was_read_is_newer_than_what_was_read() {
        let gateway = |name: &str| format!("{{\"name\": \"{name}\", \"port\": \"80/http\"}}");
        let before = artifacts(&[record("a", 1, &gateway("a")), record("b", 1, &gateway("b"))]);
        let mut read = before.clone();
        let present = artifacts(&[record("a", 2, &gateway("a")), record("c", 1, "{}")]);
        let newer = present.changed_since(&before);
        assert_eq!(newer.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        for (kind, name) in newer {
            read.take_from(&present, kind, &name);
        }
        assert_eq!(read.version(Gateway::KIND, "a"), Some(&Version([2].into())));
        assert!(!read.gateways.contains_key("b"));
        assert!(read.unreadable_gateway("c").is_some_and(|reason| reason.contains("cannot be read")));
    }
}
