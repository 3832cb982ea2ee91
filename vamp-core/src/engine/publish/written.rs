//! What is in the routing store, as far as this engine wrote or read it.

use super::Subject;
use crate::{
    Result,
    driver::{Cursor, Version, Write},
    engine::Engine,
    routing::Complete,
};
use std::collections::{BTreeMap, BTreeSet};

/// What is in the store.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Gateways by name: the hash of the content, and its version.
    pub(super) gateways: BTreeMap<String, (String, Version)>,
    /// `None` = there is none, or one that is not ours to read.
    pub(super) mark: Option<(Complete, Version)>,
    /// Whether the mark may be of other names than those that are there.
    pub(super) mark_is_old: bool,
    pub(super) cursor: Cursor,
}

impl Written {
    /// The names that are there once these writes have happened.
    pub(super) fn after<'a>(&'a self, writes: &'a [(Subject, Write)]) -> BTreeSet<&'a String> {
        let mut names: BTreeSet<&String> = self.gateways.keys().collect();
        for (subject, _) in writes {
            match subject {
                Subject::Gateway(name, Some(_)) => drop(names.insert(name)),
                Subject::Gateway(name, None) => drop(names.remove(name)),
                Subject::Mark(_) => {}
            }
        }
        names
    }

    /// Whether other names are there once these writes have happened.
    pub(super) fn names_change(&self, writes: &[(Subject, Write)]) -> bool {
        writes.iter().any(|(subject, _)| match subject {
            Subject::Gateway(_, None) => true,
            Subject::Gateway(name, Some(_)) => !self.gateways.contains_key(name),
            Subject::Mark(_) => false,
        })
    }

    /// Takes note of writes that happened; answers of which gateways.
    pub(super) fn note(&mut self, writes: impl Iterator<Item = (Subject, Version)>) -> Vec<String> {
        let mut changed = Vec::new();
        for (subject, version) in writes {
            match subject {
                Subject::Mark(mark) => self.mark = Some((mark, version)),
                Subject::Gateway(name, hash) => {
                    match hash {
                        Some(hash) => drop(self.gateways.insert(name.clone(), (hash, version))),
                        None => drop(self.gateways.remove(&name)),
                    }
                    changed.push(name);
                }
            }
        }
        changed
    }
}

impl Engine {
    /// Compares the store with what was written; whether something else is there.
    pub(super) async fn read_back(&self, written: &mut Written) -> Result<bool> {
        let keys = &self.shared.keys;
        let (listed, cursor) = self.shared.key_value.list(&keys.gateways()).await?;
        written.cursor = cursor;
        let complete = keys.complete();
        let mut found = BTreeMap::new();
        let mut marked = None;
        for (key, version) in listed {
            match keys.gateway_of(&key) {
                Some(name) => drop(found.insert(name, version)),
                None if key == complete => marked = Some(version),
                None => {}
            }
        }
        let ours =
            |name: &String, version: &Version| written.gateways.get(name).is_some_and(|(_, known)| known == version);
        let same_mark = written.mark.as_ref().map(|(_, version)| version) == marked.as_ref();
        let same = same_mark
            && found.len() == written.gateways.len()
            && found.iter().all(|(name, version)| ours(name, version));
        if same {
            return Ok(false);
        }
        written.mark_is_old = true;
        if !same_mark {
            written.mark = self.mark_in_store().await?;
        }
        let known = std::mem::take(&mut written.gateways);
        for (name, version) in found {
            let hash = match known.get(&name) {
                Some((hash, before)) if *before == version => hash.clone(),
                _ => self.hash_in_store(&name).await?,
            };
            written.gateways.insert(name, (hash, version));
        }
        Ok(true)
    }

    /// Whether these keys hold what was written; what they hold is looked up one by one.
    pub(super) async fn is_as_written(&self, keys: &[String], written: &Written) -> Result<bool> {
        for key in keys {
            let known = match self.shared.keys.gateway_of(key) {
                Some(name) => written.gateways.get(&name).map(|(_, version)| version),
                None if *key == self.shared.keys.complete() => written.mark.as_ref().map(|(_, version)| version),
                None => continue,
            };
            let present = self.shared.key_value.get(key).await?.map(|entry| entry.version);
            if present.as_ref() != known {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn mark_in_store(&self) -> Result<Option<(Complete, Version)>> {
        let entry = self.shared.key_value.get(&self.shared.keys.complete()).await?;
        Ok(entry.and_then(|entry| Some((serde_json::from_slice(&entry.value).ok()?, entry.version))))
    }

    async fn hash_in_store(&self, name: &str) -> Result<String> {
        let entry = self.shared.key_value.get(&self.shared.keys.gateway(name)).await?;
        Ok(entry.map(|entry| crate::digest::of(&entry.value)).unwrap_or_default())
    }
}
