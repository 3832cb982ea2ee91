//! Following the routing table: what the store says, never less than what is known.

use crate::{
    Result,
    driver::{Cursor, KeyValueStore, Version},
    routing::{Gateway, Keys},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The routing table as last read from the store.
#[derive(Debug)]
pub(super) struct Followed {
    keys: Keys,
    versions: BTreeMap<String, Version>,
    /// Gateways that can be read.
    pub(super) gateways: BTreeMap<String, Arc<Gateway>>,
    /// Gateways that cannot, each with its version's digest and the reason.
    pub(super) unreadable: BTreeMap<String, String>,
    /// Whether a gateway that is not listed is known to be gone.
    pub(super) complete: bool,
    pub(super) cursor: Cursor,
}

impl Followed {
    pub(super) fn new(keys: Keys) -> Self {
        Self {
            keys,
            versions: BTreeMap::new(),
            gateways: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            complete: false,
            cursor: Cursor::default(),
        }
    }

    /// Reads what changed. On `Err` everything stays as it was.
    pub(super) async fn refresh(&mut self, store: &dyn KeyValueStore) -> Result<()> {
        let (listed, cursor) = store.list(&self.keys.gateways()).await?;
        let complete = self.keys.complete();
        self.complete = listed.iter().any(|(key, _)| *key == complete);
        let mut present = BTreeSet::new();
        for (key, version) in listed {
            let Some(name) = self.keys.gateway_of(&key) else { continue };
            if self.versions.get(&name) != Some(&version) {
                self.read(store, &name, &key).await?;
            }
            present.insert(name);
        }
        if self.complete {
            self.versions.retain(|name, _| present.contains(name));
            self.gateways.retain(|name, _| present.contains(name));
            self.unreadable.retain(|name, _| present.contains(name));
        }
        self.cursor = cursor;
        Ok(())
    }

    async fn read(&mut self, store: &dyn KeyValueStore, name: &str, key: &str) -> Result<()> {
        // Gone since the list: the next change tells.
        let Some(entry) = store.get(key).await? else { return Ok(()) };
        match serde_json::from_slice::<Gateway>(&entry.value) {
            Ok(gateway) => {
                self.unreadable.remove(name);
                self.gateways.insert(name.to_owned(), Arc::new(gateway));
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
