//! [`Workflow`]: a program that Vamp runs by itself, all the time, at an event, or at times.

use super::{Argument, Breed, Dialects, Environment, HealthCheck, Metadata, Name, Ordered, Period, Reference, Scale};
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// A program, and when it runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Workflow {
    /// E.g. `metrics`.
    pub name: Name,
    /// Free-form data.
    pub metadata: Metadata,
    /// What runs.
    pub breed: Reference<Breed>,
    /// When it runs.
    pub schedule: Schedule,
    /// What it does now.
    pub status: WorkflowStatus,
    /// How much and how many; `None` = not said.
    pub scale: Option<Reference<Scale>>,
    /// Overrides of the breed's variables.
    pub environment_variables: Environment,
    /// Passed to the driver, after the breed's; of two with the same key the last counts.
    pub arguments: Vec<Argument>,
    /// The container network.
    pub network: Option<String>,
    /// How to tell a healthy instance; `None` = not said, empty = none.
    pub health_checks: Option<Vec<HealthCheck>>,
    /// Settings by driver.
    pub dialects: Dialects,
    /// What runs, as it was last observed.
    pub instances: Vec<WorkflowInstance>,
}

/// When a workflow runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// All the time.
    Daemon,
    /// At an event with all of these tags.
    Event(Vec<String>),
    /// At times.
    Time {
        /// The time between two runs.
        period: Period,
        /// How many runs follow the first; `None` = no end.
        repeat: Option<u32>,
        /// The first run; `None` = at once.
        start: Option<SystemTime>,
    },
}

/// What a workflow does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkflowStatus {
    /// It is about to run.
    #[default]
    Starting,
    /// It runs, or waits for its time.
    Running,
    /// It is about to go, and its artifact with it.
    Stopping,
    /// It does not run.
    Suspended,
    /// It is about not to run.
    Suspending,
    /// It stops and starts again.
    Restarting,
}

impl WorkflowStatus {
    /// Every status.
    pub const ALL: [Self; 6] =
        [Self::Starting, Self::Running, Self::Stopping, Self::Suspended, Self::Suspending, Self::Restarting];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Suspended => "suspended",
            Self::Suspending => "suspending",
            Self::Restarting => "restarting",
        }
    }
}

/// One instance of a workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowInstance {
    /// Its name.
    pub name: String,
    /// Where it runs.
    pub host: String,
    /// The numbers of its ports by name.
    pub ports: Ordered<u16>,
    /// Whether it runs.
    pub deployed: bool,
}
