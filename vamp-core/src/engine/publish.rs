//! Publishing: the routing table in the key-value store is what follows from the world.

use super::{
    Change, Engine,
    world::{Artifacts, Published, World},
};
use crate::{
    Result,
    driver::{Cursor, Transaction, Version, Write},
    plan::Running,
    routing::{Compiled, compile},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// A failed write is tried again after so long.
const RETRY: Duration = Duration::from_secs(1);

/// What is in the store, as far as this engine wrote or read it.
#[derive(Debug, Default)]
struct Written {
    gateways: BTreeMap<String, (String, Version)>,
    complete: bool,
    cursor: Cursor,
}

impl Engine {
    pub(super) async fn publish_changes(&self) {
        let mut worlds = self.shared.world.subscribe();
        let mut written = Written::default();
        let mut stale = true;
        loop {
            let world = worlds.borrow_and_update().clone();
            match self.bring_up_to_date(&world, &mut written, stale).await {
                Ok(()) => stale = false,
                Err(error) => {
                    tracing::warn!(error = %error.report(), "the routing table cannot be written; agents serve on");
                    stale = true;
                    self.shared.clock.sleep(RETRY).await;
                    continue;
                }
            }
            let prefix = self.shared.keys.gateways();
            tokio::select! {
                _ = worlds.changed() => {}
                changed = self.shared.key_value.changed(&prefix, &written.cursor) => {
                    stale = true;
                    if changed.is_err() {
                        self.shared.clock.sleep(RETRY).await;
                    }
                }
            }
        }
    }

    async fn bring_up_to_date(&self, world: &World, written: &mut Written, stale: bool) -> Result<()> {
        let lost = stale && self.read_back(written).await?;
        let Some(artifacts) = &world.artifacts else { return Ok(()) };
        if world.published_is_current() && !lost {
            return Ok(());
        }
        let compiled = compile_world(world, artifacts);
        let changed = self.write_gateways(&compiled, written).await?;
        let published = Arc::new(published(world, artifacts, &compiled, written));
        self.shared.world.send_modify(|world| world.published = published);
        if !changed.is_empty() {
            self.tell(Change::Published { gateways: changed });
        }
        Ok(())
    }

    /// Compares the store with what was written; whether something else is there.
    async fn read_back(&self, written: &mut Written) -> Result<bool> {
        let (listed, cursor) = self.shared.key_value.list(&self.shared.keys.gateways()).await?;
        written.cursor = cursor;
        let complete = self.shared.keys.complete();
        let mut found = BTreeMap::new();
        let mut marked = false;
        for (key, version) in listed {
            match self.shared.keys.gateway_of(&key) {
                Some(name) => {
                    found.insert(name, version);
                }
                None => marked |= key == complete,
            }
        }
        let ours =
            |name: &String, version: &Version| written.gateways.get(name).is_some_and(|(_, known)| known == version);
        let same = written.complete == marked
            && found.len() == written.gateways.len()
            && found.iter().all(|(name, version)| ours(name, version));
        if same {
            return Ok(false);
        }
        let known = std::mem::take(&mut written.gateways);
        for (name, version) in found {
            let hash = match known.get(&name) {
                Some((hash, before)) if *before == version => hash.clone(),
                _ => self.hash_in_store(&name).await?,
            };
            written.gateways.insert(name, (hash, version));
        }
        written.complete = marked;
        Ok(true)
    }

    async fn hash_in_store(&self, name: &str) -> Result<String> {
        let entry = self.shared.key_value.get(&self.shared.keys.gateway(name)).await?;
        Ok(entry.map(|entry| crate::digest::of(&entry.value)).unwrap_or_default())
    }

    /// Writes what differs, in as few transactions as the store takes; answers which gateways that were.
    async fn write_gateways(&self, compiled: &Compiled, written: &mut Written) -> Result<Vec<String>> {
        let mut writes = Vec::new();
        for (name, gateway) in &compiled.gateways {
            let Ok(gateway) = gateway else { continue };
            let hash = gateway.hash();
            if written.gateways.get(name).is_none_or(|(known, _)| *known != hash) {
                let value = serde_json::to_vec(&**gateway).map_err(|error| {
                    crate::Error::new(crate::ErrorKind::Internal, "engine", "publish", name).because(error)
                })?;
                writes.push((
                    name.clone(),
                    Some(hash),
                    Write::Put { key: self.shared.keys.gateway(name), value, lease: None },
                ));
            }
        }
        for name in written.gateways.keys().filter(|name| !compiled.gateways.contains_key(*name)) {
            writes.push((name.clone(), None, Write::Delete { key: self.shared.keys.gateway(name) }));
        }
        let changed = writes.iter().map(|(name, _, _)| name.clone()).collect();
        self.commit(writes, written).await?;
        self.mark_complete(compiled, written).await?;
        Ok(changed)
    }

    async fn commit(&self, writes: Vec<(String, Option<String>, Write)>, written: &mut Written) -> Result<()> {
        let limit = self.shared.key_value.limits().operations.max(1);
        for chunk in writes.chunks(limit) {
            let transaction =
                Transaction { checks: Vec::new(), writes: chunk.iter().map(|(_, _, write)| write.clone()).collect() };
            let versions = self.shared.key_value.commit(&transaction).await?;
            for ((name, hash, _), version) in chunk.iter().zip(versions) {
                match hash {
                    Some(hash) => written.gateways.insert(name.clone(), (hash.clone(), version)),
                    None => written.gateways.remove(name),
                };
            }
        }
        Ok(())
    }

    /// Says that what is not there is gone, once everything that could be there is.
    async fn mark_complete(&self, compiled: &Compiled, written: &mut Written) -> Result<()> {
        let unknown =
            |(name, gateway): (&String, &Result<_, String>)| gateway.is_err() && !written.gateways.contains_key(name);
        if written.complete || compiled.gateways.iter().any(unknown) {
            return Ok(());
        }
        let mark = Write::Put { key: self.shared.keys.complete(), value: Vec::new(), lease: None };
        self.shared.key_value.commit(&Transaction { checks: Vec::new(), writes: vec![mark] }).await?;
        written.complete = true;
        Ok(())
    }
}

fn published(world: &World, artifacts: &Artifacts, compiled: &Compiled, written: &Written) -> Published {
    let mut services = compiled.services.clone();
    for (service, gateways) in &world.published.services {
        if is_stored(artifacts, service) {
            services.entry(service.clone()).or_default().extend(gateways.iter().cloned());
        }
    }
    let held_back =
        |(name, gateway): (&String, &Result<_, String>)| Some((name.clone(), gateway.as_ref().err()?.clone()));
    Published {
        generation: world.generation,
        hashes: written.gateways.iter().map(|(name, (hash, _))| (name.clone(), hash.clone())).collect(),
        includes: compiled.includes.clone(),
        services,
        held_back: compiled.gateways.iter().filter_map(held_back).collect(),
    }
}

fn compile_world(world: &World, artifacts: &Artifacts) -> Compiled {
    let gateways = artifacts.gateways.iter().map(|(name, stored)| (name.clone(), Arc::clone(&stored.value))).collect();
    let observed = world.observed.values().next().and_then(|seen| seen.last.as_deref());
    compile(&gateways, &Running { deployments: &artifacts.deployments, observed })
}

fn is_stored(artifacts: &Artifacts, service: &str) -> bool {
    let mut parts = service.splitn(3, '/');
    let (Some(deployment), Some(cluster), Some(service)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let deployment = artifacts.deployments.get(deployment);
    deployment.and_then(|stored| stored.value.cluster(cluster)?.service(service)).is_some()
}
