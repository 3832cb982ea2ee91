//! [`World`]: everything the engine knows, in one value that is replaced as a whole.

use crate::{
    agent::Acknowledgement,
    driver::{Observation, Version},
    model::{Deployment, Gateway},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::SystemTime,
};

/// Everything the engine knows. Cheap to clone; the parts never change in place.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    /// Grows with every change of what the routing table follows from: artifacts and observations.
    pub(crate) generation: u64,
    /// `None` until read for the first time.
    pub(crate) artifacts: Option<Artifacts>,
    /// By the name of the container driver; missing = not observed yet.
    pub(crate) observed: Arc<BTreeMap<String, Seen>>,
    /// Every agent that was ever heard of and is not forgotten; `None` until read for the first time.
    pub(crate) agents: Option<Arc<BTreeMap<String, AgentView>>>,
    /// What is in the key-value store for the agents.
    pub(crate) published: Arc<Published>,
}

/// The stored artifacts that decide what runs and who gets traffic.
#[derive(Clone, Debug, Default)]
pub(crate) struct Artifacts {
    pub(crate) deployments: Arc<BTreeMap<String, Stored<Deployment>>>,
    pub(crate) gateways: Arc<BTreeMap<String, Stored<Gateway>>>,
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
}

/// What the agents are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Published {
    /// The generation of the world that was compiled.
    pub(crate) generation: u64,
    /// Published gateways to the hash of their content.
    pub(crate) hashes: BTreeMap<String, String>,
    /// Gateways to the published ones that route through them, themselves included.
    pub(crate) includes: BTreeMap<String, BTreeSet<String>>,
    /// Services to the published gateways that route, or once routed, to them.
    pub(crate) services: BTreeMap<String, BTreeSet<String>>,
    /// Gateways to the reason why they are not published as stored.
    pub(crate) held_back: BTreeMap<String, String>,
}

impl World {
    /// Whether what is published follows from what is stored and observed now.
    pub(crate) fn published_is_current(&self) -> bool {
        self.artifacts.is_some() && self.published.generation == self.generation
    }
}
