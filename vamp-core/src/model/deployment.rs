//! [`Deployment`]: what a blueprint became, and how far it is.
//!
//! `serde` is the form in which a deployment is stored; `write::deployment` is what the API shows.

use super::{
    Argument, Breed, ClusterSla, Dialects, Environment, HealthCheck, Metadata, Name, Ordered, Scale, timestamp,
};
use crate::driver::Instance;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// Clusters of services that run, or are about to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// E.g. `sava`.
    pub name: Name,
    /// Free-form data.
    #[serde(default)]
    pub metadata: Metadata,
    /// The clusters in order of declaration.
    #[serde(default)]
    pub clusters: Vec<DeployedCluster>,
    /// Overrides, by `cluster.environment_variables.NAME`.
    #[serde(default)]
    pub environment_variables: Environment,
    /// Settings by driver.
    #[serde(default)]
    pub dialects: Dialects,
}

impl Deployment {
    /// A deployment with nothing in it.
    #[must_use]
    pub fn new(name: Name) -> Self {
        Self {
            name,
            metadata: Metadata::new(),
            clusters: Vec::new(),
            environment_variables: Environment::new(),
            dialects: Dialects::new(),
        }
    }

    /// The cluster of that name.
    #[must_use]
    pub fn cluster(&self, name: &str) -> Option<&DeployedCluster> {
        self.clusters.iter().find(|cluster| cluster.name == *name)
    }

    /// The cluster of that name, to change it in place.
    pub fn cluster_mut(&mut self, name: &str) -> Option<&mut DeployedCluster> {
        self.clusters.iter_mut().find(|cluster| cluster.name == *name)
    }
}

/// Versions of one service that run beside each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeployedCluster {
    /// E.g. `sava`.
    pub name: Name,
    /// The services in the order in which they came.
    #[serde(default)]
    pub services: Vec<DeployedService>,
    /// Free-form data.
    #[serde(default)]
    pub metadata: Metadata,
    /// How to tell a healthy instance of any service; `None` = not said, empty = none.
    #[serde(default)]
    pub health_checks: Option<Vec<HealthCheck>>,
    /// The container network.
    #[serde(default)]
    pub network: Option<String>,
    /// The service level agreement.
    #[serde(default)]
    pub sla: Option<ClusterSla>,
    /// Settings by driver.
    #[serde(default)]
    pub dialects: Dialects,
}

impl DeployedCluster {
    /// The service with the breed of that name.
    #[must_use]
    pub fn service(&self, breed: &str) -> Option<&DeployedService> {
        self.services.iter().find(|service| service.breed.name == *breed)
    }

    /// The service with the breed of that name, to change it in place.
    pub fn service_mut(&mut self, breed: &str) -> Option<&mut DeployedService> {
        self.services.iter_mut().find(|service| service.breed.name == *breed)
    }
}

/// One version that runs, with everything it was resolved to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeployedService {
    /// What runs; its name is the service's.
    pub breed: Breed,
    /// How much and how many.
    pub scale: Scale,
    /// Overrides of the breed's variables.
    #[serde(default)]
    pub environment_variables: Environment,
    /// Passed to the driver, after the breed's.
    #[serde(default)]
    pub arguments: Vec<Argument>,
    /// How to tell a healthy instance; `None` = not said, empty = none.
    #[serde(default)]
    pub health_checks: Option<Vec<HealthCheck>>,
    /// The container network; `None` = the cluster's.
    #[serde(default)]
    pub network: Option<String>,
    /// Settings by driver.
    #[serde(default)]
    pub dialects: Dialects,
    /// Clusters by the alias under which the breed refers to them.
    #[serde(default)]
    pub dependencies: Ordered<Name>,
    /// What is meant to happen, and how far it is.
    pub status: Status,
    /// What runs, as it was last observed.
    #[serde(default)]
    pub instances: Vec<Instance>,
    /// The instances on their way out, if any.
    #[serde(default)]
    pub drain: Option<Drain>,
}

/// What is meant to happen to a service, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// What is meant to happen.
    pub intention: Intention,
    /// Since when it is meant.
    #[serde(with = "timestamp::text")]
    pub since: SystemTime,
    /// How far it is.
    pub phase: Phase,
}

impl Status {
    /// An intention that nothing was done about yet.
    #[must_use]
    pub const fn initiated(intention: Intention, since: SystemTime) -> Self {
        Self { intention, since, phase: Phase { name: PhaseName::Initiated, since, notification: None } }
    }
}

/// What is meant to happen to a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Intention {
    /// It runs.
    Deployment,
    /// It goes.
    Undeployment,
}

/// How far an intention is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// How far.
    pub name: PhaseName,
    /// Since when.
    #[serde(with = "timestamp::text")]
    pub since: SystemTime,
    /// Why it waits or failed, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification: Option<String>,
}

/// How far an intention is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PhaseName {
    /// Accepted.
    Initiated,
    /// On the way.
    Updating,
    /// Reached.
    Done,
    /// Given up; [`Phase::notification`] says why.
    Failed,
}

/// Instances that get no new requests and finish those that they have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// When it began: kept, so that a restart does not begin it again.
    #[serde(with = "timestamp::text")]
    pub since: SystemTime,
    /// The ids of the instances.
    pub instances: Vec<String>,
    /// Whether they are finished and no longer part of the routing table: what is left is to stop them.
    #[serde(default)]
    pub released: bool,
}
