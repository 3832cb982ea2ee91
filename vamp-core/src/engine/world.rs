//! [`World`]: everything the engine knows, in one value that is replaced as a whole.

use super::shared_map::SharedMap;
use crate::{
    agent::Acknowledgement,
    driver::{Observation, Version},
    model::{Deployment, Gateway},
    plan::Site,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, SystemTime},
};

/// Everything the engine knows. Cheap to clone; the parts never change in place.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    /// Never changes.
    pub(crate) site: Arc<Site>,
    /// Grows with every change of what the routing table follows from: artifacts and observations.
    pub(crate) generation: u64,
    /// What changed since the routing table was last written.
    pub(crate) changed: Changed,
    /// `None` until read for the first time.
    pub(crate) artifacts: Option<Artifacts>,
    /// By the name of the container driver; missing = not observed yet.
    pub(crate) observed: Arc<BTreeMap<String, Seen>>,
    /// Every agent that was ever heard of and is not forgotten; `None` until read for the first time.
    pub(crate) agents: Option<Arc<BTreeMap<String, AgentView>>>,
    /// What is in the key-value store for the agents.
    pub(crate) published: Arc<Published>,
}

/// What changed since the routing table was last written, each with the generation of its last change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changed {
    /// Everything was read anew then.
    pub(crate) everything: Option<u64>,
    /// Stored gateways by name.
    pub(crate) gateways: BTreeMap<String, u64>,
    /// Deployments of which the record or what runs changed, by name.
    pub(crate) owners: BTreeMap<String, u64>,
}

impl Changed {
    /// Forgets what was written as it was in this generation.
    pub(crate) fn forget(&mut self, generation: u64) {
        self.everything = self.everything.filter(|last| *last > generation);
        self.gateways.retain(|_, last| *last > generation);
        self.owners.retain(|_, last| *last > generation);
    }
}

/// What does not follow from the world any more, in what the agents were told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unpublished {
    /// Nothing may be relied upon.
    pub(crate) everything: bool,
    /// Published gateways, and those that are about to be.
    pub(crate) gateways: BTreeSet<String>,
    /// Services to which those are about to lead; only what asks for it is told.
    pub(crate) services: BTreeSet<String>,
}

/// The stored artifacts that decide what runs and who gets traffic.
#[derive(Clone, Debug, Default)]
pub(crate) struct Artifacts {
    pub(crate) deployments: SharedMap<Stored<Deployment>>,
    pub(crate) gateways: SharedMap<Stored<Gateway>>,
    /// The gateways that follow what runs by selectors.
    pub(crate) selecting: Arc<BTreeSet<String>>,
    /// Records that cannot be read, by `kind/name`: there is something, and nobody knows what.
    pub(crate) unreadable: Arc<BTreeMap<String, Unreadable>>,
}

/// A stored record that cannot be read.
#[derive(Clone, Debug)]
pub(crate) struct Unreadable {
    pub(crate) version: Version,
    /// For people.
    pub(crate) reason: String,
}

impl Artifacts {
    /// Why the deployment of that name is not known, if there is one that cannot be read.
    pub(crate) fn unreadable_deployment(&self, name: &str) -> Option<String> {
        let found = self.unreadable.get(&format!("deployments/{name}"))?;
        Some(format!("the stored deployment `{name}` cannot be read: {}", found.reason))
    }

    /// Why the gateway of that name is not known, if there is one that cannot be read.
    pub(crate) fn unreadable_gateway(&self, name: &str) -> Option<String> {
        let found = self.unreadable.get(&format!("gateways/{name}"))?;
        Some(format!("the stored gateway `{name}` cannot be read: {}", found.reason))
    }

    /// The names of the gateways that cannot be read.
    pub(crate) fn unreadable_gateways(&self) -> impl Iterator<Item = &str> {
        self.unreadable.keys().filter_map(|key| key.strip_prefix("gateways/"))
    }

    /// The gateway of that name, as the compiler asks for it.
    pub(crate) fn find_gateway(&self, name: &str) -> Result<Option<Arc<Gateway>>, String> {
        match self.unreadable_gateway(name) {
            Some(reason) => Err(reason),
            None => Ok(self.gateways.get(name).map(|stored| Arc::clone(&stored.value))),
        }
    }
}

/// An artifact and the version of its record.
#[derive(Debug)]
pub(crate) struct Stored<T> {
    pub(crate) value: Arc<T>,
    pub(crate) version: Version,
}

impl<T> Clone for Stored<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), version: self.version.clone() }
    }
}

/// The last complete observation of one driver. A failed one leaves it in place and tells why.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// `None` = never complete.
    pub(crate) last: Option<Arc<Observation>>,
    /// Why there is no newer one.
    pub(crate) stale: Option<String>,
}

/// One agent as last heard.
#[derive(Clone, Debug)]
pub struct AgentView {
    /// What it serves.
    pub acknowledged: Arc<Acknowledgement>,
    /// `None` = it shows life.
    pub silent_since: Option<SystemTime>,
    /// The same on the clock that never jumps.
    pub(crate) silent_from: Option<Duration>,
}

/// What the agents are told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Published {
    /// Published gateways to the hash of their content.
    pub(crate) hashes: SharedMap<String>,
    /// Gateways to the published ones that route through them, themselves included.
    pub(crate) includes: SharedMap<BTreeSet<String>>,
    /// Services to the published gateways that route, or once routed, to them.
    pub(crate) services: SharedMap<BTreeSet<String>>,
    /// Gateways to the reason why they are not published as stored.
    pub(crate) held_back: Arc<BTreeMap<String, String>>,
}

impl World {
    /// Takes note of a changed record.
    pub(crate) fn note_artifact(&mut self, kind: &str, name: &str) {
        self.generation += 1;
        let changed = if kind == "gateways" { &mut self.changed.gateways } else { &mut self.changed.owners };
        changed.insert(name.to_owned(), self.generation);
    }

    /// Takes note that everything was read anew.
    pub(crate) fn note_everything(&mut self) {
        self.generation += 1;
        self.changed.everything = Some(self.generation);
    }

    /// Takes note that what runs of these deployments changed.
    pub(crate) fn note_owners(&mut self, owners: impl IntoIterator<Item = String>) {
        self.generation += 1;
        let generation = self.generation;
        self.changed.owners.extend(owners.into_iter().map(|owner| (owner, generation)));
    }

    /// What the agents were told that does not follow from the world any more.
    pub(crate) fn unpublished(&self) -> Unpublished {
        let mut gateways: BTreeSet<String> = self.changed.gateways.keys().cloned().collect();
        let through = |name: &String| self.published.includes.get(name);
        gateways.extend(self.changed.gateways.keys().filter_map(through).flatten().cloned());
        for owner in self.changed.owners.keys() {
            let prefix = format!("{owner}/");
            for followed in [&self.published.services, &self.published.includes] {
                let of_owner = followed.range(prefix.clone()..).take_while(|(name, _)| name.starts_with(&prefix));
                gateways.extend(of_owner.flat_map(|(_, gateways)| gateways).cloned());
            }
        }
        let selecting = self.artifacts.iter().flat_map(|artifacts| artifacts.selecting.iter());
        for name in selecting.filter(|_| !self.changed.owners.is_empty()) {
            gateways.insert(name.clone());
            gateways.extend(self.published.includes.get(name).into_iter().flatten().cloned());
        }
        let everything = self.artifacts.is_none() || self.changed.everything.is_some();
        Unpublished { everything, gateways, services: BTreeSet::new() }
    }
}
