//! What an agent tells the engine.

use crate::driver::ProxyStatus;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What one agent serves, and what it counts. Written whole, so that counts belong to what is served.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Acknowledgement {
    /// Gateways to the [hash](crate::routing::Gateway::hash) of what is served.
    pub gateways: BTreeMap<String, String>,
    /// Gateways that could not be served as told; what was served before still is.
    pub refused: BTreeMap<String, Refusal>,
    /// Open and queued connections of instances that are draining: the larger of the last two counts, so that 0 means
    /// twice in a row. `None` = could not be counted.
    pub draining: BTreeMap<String, Option<u64>>,
    /// Counters and state of the proxy.
    pub status: ProxyStatus,
}

/// A gateway that could not be served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The hash of what was refused.
    pub hash: String,
    /// Why, for people.
    pub reason: String,
}
