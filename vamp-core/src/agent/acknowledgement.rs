//! What an agent tells the engine.

use crate::{digest, driver::ProxyStatus};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An agent tells what it serves in so many values, so that ten thousand gateways fit in any store and a change of one
/// writes little. All of them are always there: absence would be read as "unknown".
pub const PARTS: usize = 16;

/// The part of its gateways that an agent tells in one value: counts belong to the hashes they were counted under.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Part {
    /// See [`Acknowledgement::gateways`].
    pub gateways: BTreeMap<String, String>,
    /// See [`Acknowledgement::refused`].
    pub refused: BTreeMap<String, Refusal>,
    /// See [`Acknowledgement::draining`]; the connections through the gateways of this part.
    pub draining: BTreeMap<String, Option<u64>>,
}

impl Part {
    /// The part that a gateway belongs to, below [`PARTS`].
    #[must_use]
    pub fn of(gateway: &str) -> usize {
        let digest = digest::of(gateway.as_bytes());
        digest.get(..1).and_then(|digit| usize::from_str_radix(digit, PARTS as u32).ok()).unwrap_or_default()
    }
}

/// What one agent serves, and what it counts: all its parts together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acknowledgement {
    /// Every gateway that the proxy serves, to the [hash](crate::routing::Gateway::hash) of what is served; an empty
    /// text = the proxy serves it, and the agent does not know what.
    pub gateways: BTreeMap<String, String>,
    /// Gateways that could not be served as told; what was served before still is.
    pub refused: BTreeMap<String, Refusal>,
    /// Open and queued connections of instances that are draining: the larger of the last two counts, so that 0 means
    /// twice in a row. `None` = could not be counted.
    pub draining: BTreeMap<String, Option<u64>>,
    /// Counters and state of the proxy.
    pub status: ProxyStatus,
}

impl Acknowledgement {
    /// Puts together what an agent told.
    #[must_use]
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a Part>, status: ProxyStatus) -> Self {
        let mut whole = Self { status, ..Self::default() };
        for part in parts {
            whole.gateways.extend(part.gateways.clone());
            whole.refused.extend(part.refused.clone());
            for (instance, count) in &part.draining {
                let sum = whole.draining.entry(instance.clone()).or_insert(Some(0));
                *sum = sum.and_then(|sum| Some(sum + (*count)?));
            }
        }
        whole
    }
}

/// A gateway that could not be served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The hash of what was refused.
    pub hash: String,
    /// Why, for people.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateways_are_spread_over_all_parts() {
        let parts: std::collections::BTreeSet<usize> = (0..500).map(|n| Part::of(&format!("sava/{n}"))).collect();
        assert_eq!(parts, (0..PARTS).collect());
    }

    #[test]
    fn connections_through_gateways_of_several_parts_are_summed_and_unknown_stays_unknown() {
        let part = |counts: &[(&str, Option<u64>)]| Part {
            draining: counts.iter().map(|(id, count)| ((*id).to_owned(), *count)).collect(),
            ..Part::default()
        };
        let parts = [part(&[("a", Some(1)), ("b", Some(2))]), part(&[("a", Some(3)), ("b", None)]), part(&[])];
        let whole = Acknowledgement::of(&parts, ProxyStatus::default());
        assert_eq!(whole.draining, [("a".to_owned(), Some(4)), ("b".to_owned(), None)].into());
    }
}
