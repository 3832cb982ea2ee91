//! [`Breed`]: what can be deployed.

use super::{Constants, Environment, Metadata, Name, Ordered, Port, Reference};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One version of a program: what runs, which ports it opens, which variables it takes, what it depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Breed {
    /// E.g. `sava:1.0`.
    pub name: Name,
    /// What runs.
    pub deployable: Deployable,
    /// Ports by name.
    pub ports: Ordered<Port>,
    /// Environment variables by name.
    pub environment_variables: Environment,
    /// Constants by name.
    pub constants: Constants,
    /// Passed to the driver.
    pub arguments: Vec<Argument>,
    /// Other breeds by the alias under which this one refers to them; a name ending in `*` stands for all with that
    /// beginning.
    pub dependencies: Ordered<Reference<Self>>,
    /// How to tell a healthy instance; `None` = not said, empty = none.
    pub health_checks: Option<Vec<HealthCheck>>,
    /// Free-form data.
    pub metadata: Metadata,
}

/// What runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployable {
    /// E.g. `container/docker`, `command`; `None` = the default of the driver.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// An image, a command line.
    pub definition: String,
}

/// A setting passed to the driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Argument {
    /// Its name, e.g. `privileged`.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// A request that a healthy instance answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// The path of the request.
    pub path: String,
    /// The name of the port.
    pub port: String,
    /// No verdict before so long after the start.
    pub initial_delay: Duration,
    /// A request that takes longer has failed.
    pub timeout: Duration,
    /// Time between two requests.
    pub interval: Duration,
    /// So many failures in a row make a healthy instance unhealthy.
    pub failures: u32,
    /// `HTTP`, or `TCP`: a connection is enough.
    pub protocol: String,
}
