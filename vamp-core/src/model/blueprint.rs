//! [`Blueprint`]: what is to be deployed together.

use super::{
    Argument, Breed, ClusterSla, Dialects, Environment, HealthCheck, Metadata, Name, Reference, Scale,
    gateway::GatewayTemplates,
};

/// Clusters of services, and the gateways that lead to them.
#[derive(Clone, Debug, PartialEq)]
pub struct Blueprint {
    /// E.g. `sava:1.0`.
    pub name: Name,
    /// Free-form data.
    pub metadata: Metadata,
    /// The clusters in order of declaration.
    pub clusters: Vec<Cluster>,
    /// Gateways to the outside by the name of their port, which is its number where that is how it was written.
    pub gateways: GatewayTemplates,
    /// Overrides, by `cluster.environment_variables.NAME`.
    pub environment_variables: Environment,
    /// Settings by driver.
    pub dialects: Dialects,
}

impl Blueprint {
    /// The cluster of that name.
    #[must_use]
    pub fn cluster(&self, name: &str) -> Option<&Cluster> {
        self.clusters.iter().find(|cluster| cluster.name == *name)
    }
}

/// Versions of one service, which share the traffic of the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// E.g. `sava`.
    pub name: Name,
    /// The services in order of declaration.
    pub services: Vec<Service>,
    /// How the cluster shares its traffic, by the name of a breed's port; the empty name stands for the only port.
    pub gateways: GatewayTemplates,
    /// How to tell a healthy instance of any service; `None` = not said, empty = none.
    pub health_checks: Option<Vec<HealthCheck>>,
    /// The container network.
    pub network: Option<String>,
    /// The service level agreement.
    pub sla: Option<ClusterSla>,
    /// Settings by driver.
    pub dialects: Dialects,
    /// Free-form data.
    pub metadata: Metadata,
}

/// One version in a cluster: a breed and how it runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// What runs.
    pub breed: Reference<Breed>,
    /// Overrides of the breed's variables.
    pub environment_variables: Environment,
    /// How much and how many; `None` = not said.
    pub scale: Option<Reference<Scale>>,
    /// Passed to the driver, after the breed's.
    pub arguments: Vec<Argument>,
    /// How to tell a healthy instance; `None` = not said, empty = none.
    pub health_checks: Option<Vec<HealthCheck>>,
    /// The container network; `None` = the cluster's.
    pub network: Option<String>,
    /// Settings by driver; they win over the cluster's and the blueprint's.
    pub dialects: Dialects,
}
