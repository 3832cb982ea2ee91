//! Following the routing table: what the store says, never less than what is known.

use super::connections::draining;
use crate::{
    Result, digest,
    driver::{Cursor, KeyValueStore, Version},
    routing::{Complete, Gateway, Keys},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A gateway of the table, with what follows from it: worked out once, when it is read.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) gateway: Arc<Gateway>,
    /// The digest of the value in the store.
    pub(super) hash: String,
    /// Its instances that finish what they have and leave.
    pub(super) draining: BTreeSet<String>,
}

/// The routing table as last read from the store.
#[derive(Debug)]
pub(super) struct Followed {
    keys: Keys,
    versions: BTreeMap<String, Version>,
    mark: Option<(Version, Option<Complete>)>,
    /// Whether the mark matches the names that were there with it.
    complete: bool,
    /// Gateways that can be read.
    pub(super) gateways: BTreeMap<String, Known>,
    /// Gateways that cannot, each with the reason.
    pub(super) unreadable: BTreeMap<String, String>,
    pub(super) cursor: Cursor,
}

impl Followed {
    pub(super) fn new(keys: Keys) -> Self {
        Self {
            keys,
            versions: BTreeMap::new(),
            mark: None,
            complete: false,
            gateways: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            cursor: Cursor::default(),
        }
    }

    /// Whether this gateway is known to be gone, not only missing.
    pub(super) fn is_gone(&self, name: &str) -> bool {
        let known = self.gateways.contains_key(name) || self.unreadable.contains_key(name);
        match &self.mark {
            Some((_, Some(mark))) => self.complete && !known && !mark.keeps(name),
            _ => false,
        }
    }

    /// Reads what changed. On `Err` nothing is taken away.
    pub(super) async fn refresh(&mut self, store: &dyn KeyValueStore) -> Result<()> {
        let (listed, cursor) = store.list(&self.keys.gateways()).await?;
        self.complete = false;
        let mark_key = self.keys.complete();
        let mut marked = None;
        let mut present = BTreeSet::new();
        for (key, version) in listed {
            if key == mark_key {
                marked = Some(version);
                continue;
            }
            let Some(name) = self.keys.gateway_of(&key) else { continue };
            if self.versions.get(&name) != Some(&version) {
                self.read(store, &name, &key).await?;
            }
            present.insert(name);
        }
        self.read_mark(store, &mark_key, marked).await?;
        let matches =
            |(_, mark): &(Version, Option<Complete>)| mark.as_ref().is_some_and(|mark| mark.matches(present.iter()));
        self.complete = self.mark.as_ref().is_some_and(matches);
        if self.complete {
            self.versions.retain(|name, _| present.contains(name));
            self.gateways.retain(|name, _| present.contains(name));
            self.unreadable.retain(|name, _| present.contains(name));
        }
        self.cursor = cursor;
        Ok(())
    }

    /// Reads the mark, if another one is there than before.
    async fn read_mark(&mut self, store: &dyn KeyValueStore, key: &str, version: Option<Version>) -> Result<()> {
        if self.mark.as_ref().map(|(known, _)| known) == version.as_ref() {
            return Ok(());
        }
        self.mark = store.get(key).await?.map(|entry| (entry.version, serde_json::from_slice(&entry.value).ok()));
        Ok(())
    }

    async fn read(&mut self, store: &dyn KeyValueStore, name: &str, key: &str) -> Result<()> {
        // Gone since the list: the next change tells.
        let Some(entry) = store.get(key).await? else { return Ok(()) };
        match serde_json::from_slice::<Gateway>(&entry.value) {
            Ok(gateway) => {
                self.unreadable.remove(name);
                let (hash, draining) = (digest::of(&entry.value), draining(&gateway));
                self.gateways.insert(name.to_owned(), Known { gateway: Arc::new(gateway), hash, draining });
            }
            Err(error) => {
                self.unreadable
                    .insert(name.to_owned(), format!("the routing store holds no readable gateway: {error}"));
            }
        }
        self.versions.insert(name.to_owned(), entry.version);
        Ok(())
    }
}
