//! [`GatewayRenderer`] and [`Proxy`]: from a routing table to a serving proxy. Both sit in the agent.

use crate::{Result, routing::RoutingTable};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt::Debug, net::IpAddr, num::NonZeroU16, sync::Arc};

/// Turns routing tables into documents for one kind of proxy. Runs in the agent, for the proxy found there.
///
/// R1: pure: same input, same bytes, in any order of input. R2: one bad gateway = one `Err` in the map, never less for
/// another. R3: what can change at run time is in `values`, everything else in `structure`; equal `structure` = no
/// reload.
pub trait GatewayRenderer: Debug + Send + Sync + 'static {
    /// One document, or the reason why there is none, for each gateway of the table.
    fn render(&self, table: &RoutingTable, target: &Target) -> BTreeMap<String, Result<Document, String>>;
}

/// What the renderer has to know of the proxy it renders for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Target {
    /// Major and minor version of the proxy.
    pub version: (u16, u16),
    /// The address that gateways listen on.
    pub bind: IpAddr,
    /// The port on that address which gateways share, for requests to their virtual hosts; `None` = there is none.
    pub host_port: Option<NonZeroU16>,
    /// What the proxy serves now: a renderer keeps routes and instances in the places they already have.
    pub serving: BTreeMap<String, Arc<Document>>,
}

impl Target {
    /// A proxy of this version that serves nothing yet.
    #[must_use]
    pub const fn new(version: (u16, u16), bind: IpAddr) -> Self {
        Self { version, bind, host_port: None, serving: BTreeMap::new() }
    }
}

/// One gateway as a proxy takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// What only a reload can change.
    pub structure: String,
    /// What changes at run time, by the renderer's own names.
    pub values: BTreeMap<String, String>,
}

/// The running proxy behind an agent: HAProxy, the in-process router, or an embedder's own.
#[async_trait]
pub trait Proxy: Debug + Send + Sync + 'static {
    /// What this proxy is and serves now.
    async fn target(&self) -> Result<Target>;

    /// Makes the proxy serve these documents (`None` = no longer serve that gateway); gateways not named stay as they
    /// are. One answer for each gateway named.
    ///
    /// X1: all of one gateway or nothing of it. X2: read back before `Ok`. X3: on `Err` the last good state still
    /// serves, and one bad gateway never blocks another. Several structural changes at once take one reload.
    async fn apply(&self, changes: &BTreeMap<String, Option<Document>>) -> BTreeMap<String, Result<Applied>>;

    /// X4: open and queued connections per instance id, over all workers, those that are leaving included; `Err` when
    /// unknown, so that a drain never ends by mistake.
    async fn connections(&self, gateway: &str) -> Result<BTreeMap<String, u64>>;

    /// Counters and state for people.
    async fn status(&self) -> Result<ProxyStatus>;
}

/// How a change took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Applied {
    /// The proxy served exactly this already.
    Unchanged,
    /// Without a reload.
    AtRunTime,
    /// With a reload.
    Reloaded,
}

/// Counters since the proxy was first started, and how it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ProxyStatus {
    /// Name and version, e.g. `HAProxy 2.6.12`.
    pub proxy: String,
    /// Changes that took effect without a reload.
    pub runtime_changes: u64,
    /// Changes that needed a reload.
    pub structural_changes: u64,
    /// Structural changes that shared a reload with another one.
    pub coalesced: u64,
    /// Reloads.
    pub reloads: u64,
    /// The reasons of the last reloads, newest last: at most 100.
    pub reload_reasons: Vec<String>,
    /// Workers that still finish old connections.
    pub leaving_workers: u32,
    /// Gateways whose file with a certificate cannot be used any more, and why: they go on with what it held before.
    pub old_certificates: BTreeMap<String, String>,
    /// Why structural changes wait, if they do.
    pub waiting: Option<String>,
}
