//! Publishing: the routing table in the key-value store is what follows from the world.

#[cfg(test)]
mod tests;
mod written;

use super::{
    Change, Engine, compiled,
    world::{Artifacts, Published, World},
};
use crate::{
    Error, ErrorKind, Result,
    driver::{Transaction, Version, Write},
    layer::batches,
    routing::{Compiled, Complete},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use written::Written;

/// A failed write is tried again after so long.
const RETRY: Duration = Duration::from_secs(1);

/// What a write is about.
#[derive(Clone, Debug)]
enum Subject {
    /// A gateway, and the hash of its content; `None` = it is removed.
    Gateway(String, Option<String>),
    /// The mark of completeness.
    Mark(Complete),
}

/// Gateways to the reason why they are not published as stored.
type HeldBack = BTreeMap<String, String>;

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
        let mut held_back = not_compiled(&compiled);
        let changed = self.write_gateways(&compiled, written, &mut held_back).await?;
        let published = Arc::new(published(world, artifacts, &compiled, written, held_back));
        self.shared.world.send_modify(|world| world.published = published);
        if !changed.is_empty() {
            self.tell(Change::Published { gateways: changed });
        }
        Ok(())
    }

    /// Writes what differs, in as few transactions as the store takes; answers which gateways that were. What the store
    /// does not take is held back, and blocks nothing else.
    async fn write_gateways(
        &self,
        compiled: &Compiled,
        written: &mut Written,
        held_back: &mut HeldBack,
    ) -> Result<Vec<String>> {
        let limits = self.shared.key_value.limits();
        let mut writes = self.differences(compiled, written, held_back)?;
        // With the last of them, so that agents that believe the change believe its absences too.
        writes.extend(self.mark_for(&written.after(&writes), held_back, written)?);
        let mut changed = Vec::new();
        for batch in batches(writes, &limits) {
            changed.extend(self.commit(batch, written, held_back).await?);
        }
        let late = self.mark_for(&written.after(&[]), held_back, written)?;
        self.commit(late.into_iter().collect(), written, held_back).await?;
        Ok(changed)
    }

    fn differences(
        &self,
        compiled: &Compiled,
        written: &Written,
        held_back: &mut HeldBack,
    ) -> Result<Vec<(Subject, Write)>> {
        let most = self.shared.key_value.limits().value_bytes;
        let mut writes = Vec::new();
        for (name, gateway) in &compiled.gateways {
            let Ok(gateway) = gateway else { continue };
            let value = serde_json::to_vec(&**gateway).map_err(|error| unwritable(name, error))?;
            if value.len() > most {
                held_back.insert(name.clone(), too_large(value.len(), most));
                continue;
            }
            let hash = crate::digest::of(&value);
            if written.gateways.get(name).is_none_or(|(known, _)| *known != hash) {
                let key = self.shared.keys.gateway(name);
                writes.push((Subject::Gateway(name.clone(), Some(hash)), Write::Put { key, value, lease: None }));
            }
        }
        for name in written.gateways.keys().filter(|name| !compiled.gateways.contains_key(*name)) {
            let key = self.shared.keys.gateway(name);
            writes.push((Subject::Gateway(name.clone(), None), Write::Delete { key }));
        }
        Ok(writes)
    }

    /// Writes that happen together. When the store refuses them for what they are, one of them must be to blame: then
    /// each is tried alone, and a gateway that is refused is held back.
    async fn commit(
        &self,
        batch: Vec<(Subject, Write)>,
        written: &mut Written,
        held_back: &mut HeldBack,
    ) -> Result<Vec<String>> {
        match self.commit_all(&batch).await {
            Ok(versions) => Ok(written.note(batch.into_iter().map(|(subject, _)| subject).zip(versions))),
            Err(error) if !is_about_content(&error) => Err(error),
            Err(error) => {
                if let [(subject, _)] = batch.as_slice() {
                    match subject {
                        Subject::Gateway(name, _) => drop(held_back.insert(name.clone(), refused(&error))),
                        // Without it nobody believes that a gateway is gone: late, and safe.
                        Subject::Mark(_) => tracing::warn!(error = %error.report(), "removals have to wait"),
                    }
                    return Ok(Vec::new());
                }
                let mut changed = Vec::new();
                for one in batch {
                    changed.extend(Box::pin(self.commit(vec![one], written, held_back)).await?);
                }
                Ok(changed)
            }
        }
    }

    async fn commit_all(&self, batch: &[(Subject, Write)]) -> Result<Vec<Version>> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let writes = batch.iter().map(|(_, write)| write.clone()).collect();
        self.shared.key_value.commit(&Transaction { checks: Vec::new(), writes }).await
    }

    /// The mark for these names, unless it is there already.
    fn mark_for(
        &self,
        names: &BTreeSet<&String>,
        held_back: &HeldBack,
        written: &Written,
    ) -> Result<Option<(Subject, Write)>> {
        let kept = held_back.keys().filter(|name| !names.contains(name)).cloned().collect();
        let mark = Complete::of(names.iter().copied(), kept);
        if written.mark.as_ref().is_some_and(|(known, _)| *known == mark) {
            return Ok(None);
        }
        let value = serde_json::to_vec(&mark).map_err(|error| unwritable("the mark", error))?;
        let write = Write::Put { key: self.shared.keys.complete(), value, lease: None };
        Ok(Some((Subject::Mark(mark), write)))
    }
}

/// Whether a store says that it will never take this, rather than that it cannot now.
const fn is_about_content(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Invalid | ErrorKind::TooLarge | ErrorKind::Unsupported)
}

fn unwritable(name: &str, error: serde_json::Error) -> Error {
    Error::new(ErrorKind::Internal, "engine", "publish", name).because(error)
}

fn too_large(bytes: usize, most: usize) -> String {
    format!(
        "it has {bytes} bytes in the routing table and the routing store takes at most {most}: \
         fewer routes or instances, or shorter conditions, fit"
    )
}

fn refused(error: &Error) -> String {
    format!("the routing store does not take it: {}", error.report())
}

fn not_compiled(compiled: &Compiled) -> HeldBack {
    let reason = |(name, gateway): (&String, &Result<_, String>)| Some((name.clone(), gateway.as_ref().err()?.clone()));
    compiled.gateways.iter().filter_map(reason).collect()
}

fn published(
    world: &World,
    artifacts: &Artifacts,
    compiled: &Compiled,
    written: &Written,
    held_back: HeldBack,
) -> Published {
    let mut services = compiled.services.clone();
    for (service, gateways) in &world.published.services {
        if is_stored(artifacts, service) {
            services.entry(service.clone()).or_default().extend(gateways.iter().cloned());
        }
    }
    Published {
        generation: world.generation,
        hashes: written.gateways.iter().map(|(name, (hash, _))| (name.clone(), hash.clone())).collect(),
        includes: compiled.includes.clone(),
        services,
        held_back,
    }
}

fn compile_world(world: &World, artifacts: &Artifacts) -> Compiled {
    let mut all = Compiled::default();
    for name in artifacts.gateways.keys() {
        let Some(one) = compiled::gateway(world, artifacts, name) else { continue };
        for crossed in one.crossed {
            all.includes.entry(crossed).or_default().insert(name.clone());
        }
        for service in one.services {
            all.services.entry(service).or_default().insert(name.clone());
        }
        all.gateways.insert(name.clone(), one.gateway);
    }
    for name in artifacts.unreadable_gateways() {
        let reason = artifacts.unreadable_gateway(name).unwrap_or_default();
        all.includes.entry(name.to_owned()).or_default().insert(name.to_owned());
        all.gateways.insert(name.to_owned(), Err(reason));
    }
    all
}

fn is_stored(artifacts: &Artifacts, service: &str) -> bool {
    let mut parts = service.splitn(3, '/');
    let (Some(deployment), Some(cluster), Some(service)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    if artifacts.unreadable_deployment(deployment).is_some() {
        return true;
    }
    let deployment = artifacts.deployments.get(deployment);
    deployment.and_then(|stored| stored.value.cluster(cluster)?.service(service)).is_some()
}
