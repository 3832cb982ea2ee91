//! Publishing: the routing table in the key-value store is what follows from the world.

mod table;
#[cfg(test)]
mod tests;
mod written;

use super::{
    Change, Engine,
    world::{Published, World},
};
use crate::{
    Error, ErrorKind, Result,
    driver::{Changes, Transaction, Version, What, Write},
    layer::batches,
    routing::Complete,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use table::Table;
use written::Written;

/// A failed write is tried again after so long.
const RETRY: Duration = Duration::from_secs(1);

/// So many changed keys are looked up one by one; more are listed.
const FEW: usize = 64;

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

/// What the publisher knows from one time to the next.
#[derive(Debug, Default)]
struct Publisher {
    written: Written,
    table: Table,
    held_back: HeldBack,
    /// Whether the store may hold something else than what was written.
    stale: bool,
    /// Whether it does, so that everything is compared again.
    lost: bool,
}

impl Engine {
    pub(super) async fn publish_changes(&self) {
        let mut worlds = self.shared.world.subscribe();
        let mut publisher = Publisher { stale: true, ..Publisher::default() };
        loop {
            let world = worlds.borrow_and_update().clone();
            if let Err(error) = self.bring_up_to_date(&world, &mut publisher).await {
                tracing::warn!(error = %error.report(), "the routing table cannot be written; agents serve on");
                publisher.stale = true;
                self.shared.clock.sleep(RETRY).await;
                continue;
            }
            let prefix = self.shared.keys.gateways();
            tokio::select! {
                _ = worlds.changed() => {}
                changed = self.shared.key_value.changed(&prefix, &publisher.written.cursor) => {
                    publisher.stale = self.is_foreign(changed, &mut publisher.written).await;
                }
            }
        }
    }

    /// Whether somebody else changed what was written, as far as can be known.
    async fn is_foreign(&self, changed: Result<Changes>, written: &mut Written) -> bool {
        let same = match changed {
            Ok(Changes { cursor, what: What::Keys(keys) }) if keys.len() <= FEW => {
                let same = self.is_as_written(&keys, written).await;
                written.cursor = cursor;
                same
            }
            Ok(_) => Ok(false),
            Err(error) => Err(error),
        };
        if let Err(error) = &same {
            tracing::warn!(error = %error.report(), "the routing table cannot be watched; it is read again");
            self.shared.clock.sleep(RETRY).await;
        }
        !same.unwrap_or(false)
    }

    /// Brings the store up to date with the world: the work follows from what changed, not from what there is.
    async fn bring_up_to_date(&self, world: &World, publisher: &mut Publisher) -> Result<()> {
        if publisher.stale {
            publisher.lost |= self.read_back(&mut publisher.written).await?;
            publisher.stale = false;
        }
        let Some(artifacts) = &world.artifacts else { return Ok(()) };
        let unpublished = world.unpublished();
        let anew = publisher.lost || unpublished.everything;
        if !anew && unpublished.gateways.is_empty() {
            return Ok(());
        }
        let table = &mut publisher.table;
        let names = if anew {
            let all = artifacts.gateways.keys().map(String::as_str).chain(artifacts.unreadable_gateways());
            all.chain(table.names())
                .chain(publisher.written.gateways.keys().map(String::as_str))
                .map(str::to_owned)
                .collect()
        } else {
            unpublished.gateways
        };
        table.refresh(world, artifacts, &names);
        let owners = world.changed.owners.keys().filter(|_| !unpublished.everything);
        table.forget_services(artifacts, if unpublished.everything { None } else { Some(owners) });
        let kept = std::mem::take(&mut publisher.held_back);
        publisher.held_back = kept.into_iter().filter(|(name, _)| !names.contains(name)).collect();
        let changed = self.write_gateways(&names, publisher).await?;
        publisher.lost = false;
        let published = Arc::new(self.published(publisher, &changed, anew));
        self.shared.world.send_modify(|present| {
            present.published = published;
            present.changed.forget(world.generation);
        });
        if !changed.is_empty() {
            self.tell(Change::Published { gateways: changed });
        }
        Ok(())
    }

    fn published(&self, publisher: &Publisher, changed: &[String], anew: bool) -> Published {
        let before = Arc::clone(&self.shared.world.borrow().published);
        let written = &publisher.written.gateways;
        let mut hashes = before.hashes.clone();
        for name in changed {
            match written.get(name) {
                Some((hash, _)) => drop(hashes.insert(name.clone(), hash.clone())),
                None => drop(hashes.remove(name)),
            }
        }
        if anew {
            hashes = written.iter().map(|(name, (hash, _))| (name.clone(), hash.clone())).collect();
        }
        let same = *before.held_back == publisher.held_back;
        let held_back = if same { Arc::clone(&before.held_back) } else { Arc::new(publisher.held_back.clone()) };
        let Table { includes, services, .. } = &publisher.table;
        Published { hashes, includes: includes.clone(), services: services.clone(), held_back }
    }

    /// Writes what differs, in as few transactions as the store takes; answers which gateways that were. What the store
    /// does not take is held back, and blocks nothing else.
    async fn write_gateways(&self, names: &BTreeSet<String>, publisher: &mut Publisher) -> Result<Vec<String>> {
        let Publisher { written, table, held_back, .. } = publisher;
        let before = held_back.len();
        let limits = self.shared.key_value.limits();
        let mut writes = self.differences(names, table, written, held_back)?;
        if written.mark.is_none() || before != held_back.len() || written.names_change(&writes) {
            written.mark_is_old = true;
        }
        if written.mark_is_old {
            // With the last of them, so that agents that believe the change believe its absences too.
            writes.extend(self.mark_for(&written.after(&writes), held_back, written)?);
        }
        let mut changed = Vec::new();
        for batch in batches(writes, &limits) {
            let refused = held_back.len();
            changed.extend(self.commit(batch, written, held_back).await?);
            written.mark_is_old |= refused != held_back.len();
        }
        if written.mark_is_old {
            let late = self.mark_for(&written.after(&[]), held_back, written)?;
            self.commit(late.into_iter().collect(), written, held_back).await?;
            written.mark_is_old = false;
        }
        Ok(changed)
    }

    fn differences(
        &self,
        names: &BTreeSet<String>,
        table: &Table,
        written: &Written,
        held_back: &mut HeldBack,
    ) -> Result<Vec<(Subject, Write)>> {
        let most = self.shared.key_value.limits().value_bytes;
        let mut writes = Vec::new();
        for name in names {
            let key = self.shared.keys.gateway(name);
            let gateway = match table.gateways.get(name) {
                None if written.gateways.contains_key(name) => {
                    writes.push((Subject::Gateway(name.clone(), None), Write::Delete { key }));
                    continue;
                }
                None => continue,
                Some(Err(reason)) => {
                    held_back.insert(name.clone(), reason.clone());
                    continue;
                }
                Some(Ok(gateway)) => gateway,
            };
            let value = serde_json::to_vec(&**gateway).map_err(|error| unwritable(name, error))?;
            if value.len() > most {
                held_back.insert(name.clone(), too_large(value.len(), most));
                continue;
            }
            let hash = crate::digest::of(&value);
            if written.gateways.get(name).is_none_or(|(known, _)| *known != hash) {
                writes.push((Subject::Gateway(name.clone(), Some(hash)), Write::Put { key, value, lease: None }));
            }
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
