//! [`ContainerDriver`]: runs instances.

use super::Cursor;
use crate::Result;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fmt::{self, Debug},
    num::NonZeroU16,
    time::Duration,
};

/// Runs instances: of a process, a container, a pod. A driver may keep state of its own (the process driver: a folder).
#[async_trait]
pub trait ContainerDriver: Debug + Send + Sync + 'static {
    /// C0: what is declared works; what is not declared answers `Unsupported`.
    fn capabilities(&self) -> Capabilities;

    /// Creates the workload, or changes its number of instances.
    ///
    /// C1: idempotent; `Ok` means accepted, not running. C2: the id carries the revision, so the template of an id never
    /// changes: another template is `Conflict`; only `instances` and `retire` may differ. C3: scaling down takes
    /// `retire` first ([`Retire::Exact`]), prefers them ([`Retire::Hint`]), or the platform picks
    /// ([`Retire::Platform`]). C4: an instance that goes gets a polite signal, `grace`, then the kill. C5: the caller
    /// may die between any two calls: nothing is doubled, nothing unowned. C6: touches only what carries this
    /// namespace's owner label.
    async fn apply(&self, workload: &Workload) -> Result<()>;

    /// Stops every instance of the workload and forgets it.
    ///
    /// C7: idempotent; removing what is absent succeeds; `Err` when it cannot know.
    async fn remove(&self, id: &WorkloadId) -> Result<()>;

    /// What runs now.
    ///
    /// C8: complete or `Err`: a partial or failed read is never a shorter list. C9: one remote list call whatever the
    /// number.
    async fn observe(&self, scope: &Scope) -> Result<Observation>;

    /// Returns when something may have changed after `after` (W1, W2, W3).
    async fn changed(&self, after: &Cursor) -> Result<Cursor>;

    /// The machines and what they have left; [`Capabilities::nodes`].
    async fn nodes(&self) -> Result<Vec<Node>>;

    /// C10: makes gateways reachable from outside, removes what is not listed, answers where they are;
    /// [`Capabilities::expose`].
    async fn expose(&self, gateways: &[Exposure]) -> Result<BTreeMap<String, Address>>;
}

/// Who picks the instances that leave when a workload is scaled down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retire {
    /// Exactly those named in [`Workload::retire`].
    Exact,
    /// Those, where the platform can.
    Hint,
    /// The platform; ours is told afterwards.
    Platform,
}

/// What a [`ContainerDriver`] can do.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Capabilities {
    /// Who picks the instances that leave.
    pub retire: Retire,
    /// Whether [`Template::run_once`] is honoured.
    pub run_once: bool,
    /// Whether [`ContainerDriver::nodes`] answers.
    pub nodes: bool,
    /// Whether [`ContainerDriver::expose`] answers.
    pub expose: bool,
    /// Whether cpu and memory are limits, not only numbers.
    pub limits_enforced: bool,
    /// The longest time until [`ContainerDriver::changed`] tells of a change.
    pub detects_change_within: Duration,
}

impl Capabilities {
    /// Nothing but the choice of what leaves; set the other fields where they hold.
    #[must_use]
    pub const fn new(retire: Retire, detects_change_within: Duration) -> Self {
        Self { retire, run_once: false, nodes: false, expose: false, limits_enforced: false, detects_change_within }
    }
}

/// One version of one service of one owner.
///
/// The id carries the revision of the template, so "changed?" is a comparison of strings: another template is another
/// workload beside the old one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WorkloadId {
    /// Whose Vamp this is; two servers with different namespaces never touch each other's instances.
    pub namespace: String,
    /// The deployment or workflow.
    pub owner: String,
    /// The service within it.
    pub name: String,
    /// The [revision](Template::revision) of the template.
    pub revision: String,
}

impl fmt::Display for WorkloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}@{}", self.namespace, self.owner, self.name, self.revision)
    }
}

/// What is to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Workload {
    /// Which one.
    pub id: WorkloadId,
    /// How one instance is made.
    pub template: Template,
    /// How many.
    pub instances: u32,
    /// The ids of instances that leave first when there are more than `instances`.
    pub retire: Vec<String>,
    /// Time between the polite signal and the kill.
    pub grace: Duration,
}

impl Workload {
    /// `instances` of `template`, none to retire, ten seconds of grace.
    #[must_use]
    pub const fn new(id: WorkloadId, template: Template, instances: u32) -> Self {
        Self { id, template, instances, retire: Vec::new(), grace: Duration::from_secs(10) }
    }
}

/// How one instance is made. `Debug` shows the names of environment variables, never their values.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Template {
    /// The container image, where the driver runs containers.
    pub image: Option<String>,
    /// The program and its arguments; empty = what the image says.
    pub command: Vec<String>,
    /// Runs to its end instead of being restarted.
    pub run_once: bool,
    /// Thousandths of a cpu; 0 = no limit.
    pub cpu_millis: u32,
    /// Bytes of memory; 0 = no limit.
    pub memory_bytes: u64,
    /// Port names to the number inside the instance; `None` = the driver picks one per instance and tells it in the
    /// environment variable that [`Template::port_variable`] names.
    pub ports: BTreeMap<String, Option<NonZeroU16>>,
    /// Environment variables; may carry secrets.
    pub environment: BTreeMap<String, String>,
    /// How to tell a healthy instance from a running one; all must succeed.
    pub health: Vec<HealthProbe>,
    /// Settings that only this driver understands.
    pub dialect: BTreeMap<String, String>,
}

impl Template {
    /// A short digest of everything in the template: 16 hexadecimal digits.
    #[must_use]
    pub fn revision(&self) -> String {
        crate::digest::of_json(self)
    }

    /// The environment variable that tells an instance the number of a port the driver picked: `PORT_<NAME>`, the name
    /// in upper case with everything but letters and digits as `_`.
    #[must_use]
    pub fn port_variable(port: &str) -> String {
        let name: String =
            port.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
        format!("PORT_{name}")
    }
}

impl Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template")
            .field("image", &self.image)
            .field("command", &self.command)
            .field("run_once", &self.run_once)
            .field("cpu_millis", &self.cpu_millis)
            .field("memory_bytes", &self.memory_bytes)
            .field("ports", &self.ports)
            .field("environment", &self.environment.keys())
            .field("health", &self.health)
            .field("dialect", &self.dialect.keys())
            .finish()
    }
}

/// An HTTP request that a healthy instance answers with 2xx or 3xx; without a path, a connection it accepts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthProbe {
    /// The name of the port.
    pub port: String,
    /// The path of the request; `None` = a TCP connection is enough.
    pub path: Option<String>,
    /// No verdict before so long after the start.
    pub initial_delay: Duration,
    /// A request that takes longer has failed.
    pub timeout: Duration,
    /// Time between two requests.
    pub interval: Duration,
    /// So many failures in a row make a healthy instance unhealthy.
    pub failures: u32,
}

/// Which workloads to observe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of one namespace.
    Owned {
        /// The namespace.
        namespace: String,
    },
    /// Everything that runs on the platform, whoever owns it.
    Everything,
}

/// What was running at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// The workloads, sorted by id.
    pub workloads: Vec<Observed>,
    /// Belongs to this very read.
    pub cursor: Cursor,
}

/// One workload as it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// `None` = not ours.
    pub id: Option<WorkloadId>,
    /// The platform's labels.
    pub labels: BTreeMap<String, String>,
    /// The image, where there is one.
    pub image: Option<String>,
    /// How many instances the platform was last told to run.
    pub wanted: u32,
    /// Those there are, sorted by id, the leaving ones included.
    pub instances: Vec<Instance>,
}

/// One running instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Never used again for another instance.
    pub id: String,
    /// How it is.
    pub state: InstanceState,
    /// Why, where a person would ask.
    pub reason: Option<String>,
    /// Where to reach it.
    pub host: String,
    /// Port names to the number to connect to.
    pub ports: BTreeMap<String, u16>,
    /// The machine it runs on.
    pub node: Option<String>,
}

/// How an [`Instance`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum InstanceState {
    /// Accepted, not started yet.
    Staged,
    /// Started; health not known yet.
    Running,
    /// Started, and every probe succeeds (or there is none).
    Healthy,
    /// Started, and a probe fails.
    Unhealthy,
    /// On its way out.
    Stopping,
    /// Ended as it should ([`Template::run_once`]).
    Completed,
    /// Ended as it should not.
    Failed,
}

/// A machine: totals and what is used.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Thousandths of a cpu: total and used.
    pub cpu_millis: (u32, u32),
    /// Bytes of memory: total and used.
    pub memory_bytes: (u64, u64),
}

/// A gateway to make reachable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// The gateway's name.
    pub gateway: String,
    /// The port it listens on.
    pub port: NonZeroU16,
}

/// Where something is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// A name or an IP address.
    pub host: String,
    /// The port.
    pub port: NonZeroU16,
}
