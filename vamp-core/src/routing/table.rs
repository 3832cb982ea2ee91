//! [`RoutingTable`]: one self-contained document per published gateway.

use super::{GatewaySettings, RouteSettings, Sticky};
use crate::{condition::Condition, digest, weight::Weight};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, num::NonZeroU16, sync::Arc};

/// Every published gateway by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoutingTable {
    /// Gateways by name.
    pub gateways: BTreeMap<String, Arc<Gateway>>,
}

/// A gateway with everything that it needs to route: chained gateways are part of it, so that a request crosses the
/// proxy once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// E.g. `sava/9050`.
    pub name: String,
    /// The port it listens on.
    pub port: NonZeroU16,
    /// What is spoken on that port.
    pub protocol: Protocol,
    /// Host names under which it is also reached on the shared port, in any case; `*.example.com` is every name below.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub virtual_hosts: Vec<String>,
    /// What it says about its entry.
    #[serde(default, skip_serializing_if = "GatewaySettings::is_default")]
    pub settings: GatewaySettings,
    /// Where requests go.
    pub decision: Decision,
}

impl Gateway {
    /// An HTTP gateway with nothing else said about it.
    #[must_use]
    pub fn new(name: impl Into<String>, port: NonZeroU16, decision: Decision) -> Self {
        Self {
            name: name.into(),
            port,
            protocol: Protocol::default(),
            virtual_hosts: Vec::new(),
            settings: GatewaySettings::default(),
            decision,
        }
    }

    /// The digest of the content: what an agent acknowledges.
    #[must_use]
    pub fn hash(&self) -> String {
        digest::of_json(self)
    }
}

/// What is spoken on a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// HTTP/1.1: routed request by request.
    #[default]
    Http,
    /// Anything over TCP: routed connection by connection.
    Tcp,
}

/// One choice among routes.
///
/// The first route in declaration order whose condition matches gets the request with the probability of its strength.
/// Every other request goes by weight, over all routes. A route without a live instance leaves its share to the others,
/// in proportion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The gateway that decides: the published one, or one chained behind it.
    pub gateway: String,
    /// Whether a client stays where it was sent first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Sticky>,
    /// The routes in declaration order; their weights sum to 0 or 100 %.
    pub routes: Vec<Route>,
}

impl Decision {
    /// The decision behind those that leave no choice, a single route at 100 % to another decision, and what its
    /// clients stick to by those: `inherited`, or the instance if one of them says so.
    #[must_use]
    pub fn collapsed(&self, inherited: Option<Sticky>) -> (&Self, Option<Sticky>) {
        let (mut decision, mut inherited) = (self, inherited);
        while let [route] = decision.routes.as_slice()
            && let Target::Chained(inner) = &route.target
            && route.weight == Weight::FULL
            && route.condition.is_none()
            && route.rewrites.is_empty()
        {
            inherited = decision.sticky.filter(Sticky::is_by_instance).or(inherited);
            decision = inner;
        }
        (decision, inherited)
    }
}

/// One way a request can go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Unique among the routes of its gateway: the path, e.g. `sava/sava/sava:1.0/web` or `[127.0.0.1:9101]`.
    pub name: String,
    /// The share of requests that no condition took.
    pub weight: Weight,
    /// Takes a request before weights do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// The share of matching requests that the condition takes; without a condition nothing.
    #[serde(default)]
    pub strength: Weight,
    /// How the instances of this route share its requests.
    #[serde(default)]
    pub balance: Balance,
    /// Changes of the path, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rewrites: Vec<Rewrite>,
    /// How requests are sent to its instances; said of a route to another decision it has no effect.
    #[serde(default, skip_serializing_if = "RouteSettings::is_default")]
    pub settings: RouteSettings,
    /// Where it leads.
    pub target: Target,
}

impl Route {
    /// A route by weight, with nothing else said about it.
    #[must_use]
    pub fn new(name: impl Into<String>, weight: Weight, target: Target) -> Self {
        Self {
            name: name.into(),
            weight,
            condition: None,
            strength: Weight::ZERO,
            balance: Balance::default(),
            rewrites: Vec::new(),
            settings: RouteSettings::default(),
            target,
        }
    }
}

/// How instances share requests, by HAProxy's names for the dynamic algorithms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Balance {
    /// In turn.
    #[default]
    RoundRobin,
    /// To the instance with the fewest connections.
    LeastConn,
    /// The first with a free slot.
    First,
    /// By the client's address.
    Source,
    /// By the path.
    Uri,
    /// At random.
    Random,
}

/// A new path for requests that match.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewrite {
    /// The new path.
    pub path: String,
    /// When.
    pub condition: Condition,
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// To instances, sorted by id.
    Instances(Vec<Instance>),
    /// To the choice of another gateway.
    Chained(Decision),
}

/// Somewhere to send a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// Never used again for another instance.
    pub id: String,
    /// A name or an IP address.
    pub host: String,
    /// The port to connect to.
    pub port: NonZeroU16,
    /// Whether it gets new requests.
    #[serde(default)]
    pub traffic: Traffic,
}

/// Whether an instance gets new requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Traffic {
    /// Yes.
    #[default]
    Ready,
    /// No: it finishes those that it has, and leaves.
    Draining,
}
