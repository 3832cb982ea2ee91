//! [`Stored`]: where artifacts are found that others refer to.

use super::read::{Artifact, Kind};
use std::collections::BTreeMap;

/// Artifacts by kind and name.
pub trait Stored {
    /// The artifact of that kind and name.
    fn artifact(&self, kind: Kind, name: &str) -> Option<&Artifact>;
}

/// Artifacts in memory; of two with the same kind and name the last counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Artifacts(BTreeMap<Kind, BTreeMap<String, Artifact>>);

impl Artifacts {
    /// Puts an artifact in.
    pub fn insert(&mut self, artifact: Artifact) {
        self.0.entry(artifact.kind()).or_default().insert(artifact.name().to_owned(), artifact);
    }
}

impl FromIterator<Artifact> for Artifacts {
    fn from_iter<I: IntoIterator<Item = Artifact>>(artifacts: I) -> Self {
        let mut all = Self::default();
        artifacts.into_iter().for_each(|artifact| all.insert(artifact));
        all
    }
}

impl Stored for Artifacts {
    fn artifact(&self, kind: Kind, name: &str) -> Option<&Artifact> {
        self.0.get(&kind)?.get(name)
    }
}

/// What is not in the first is looked for in the second.
impl<A: Stored> Stored for (&A, &dyn Stored) {
    fn artifact(&self, kind: Kind, name: &str) -> Option<&Artifact> {
        self.0.artifact(kind, name).or_else(|| self.1.artifact(kind, name))
    }
}
