//! [`Router`]: what HAProxy does with a gateway, in this process.
//!
//! ```
//! # use vamp_core::routing::{RoutingTable, Router, router::Entry};
//! # use vamp_core::condition::RequestParts;
//! # fn route(table: &RoutingTable) -> Result<(), Box<dyn std::error::Error>> {
//! let router = Router::compile(table)?;
//! let (parts, ()) = http::Request::get("/").header("cookie", "beta=1").body(())?.into_parts();
//! let request = RequestParts::new(&parts);
//! let everyone = |_: &_| true;
//! match router.decide(Entry::Gateway("sava/9050"), &request, 42, everyone) {
//!     Ok(routed) => println!("{} by {}", routed.route(), routed.why()),
//!     Err(unrouted) => println!("nowhere: {unrouted}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A gateway is compiled once: the conditions of a decision become programs and are found through indexes of what they
//! cannot hold without, so that 10 000 of them cost little more than 10. Deciding allocates nothing. Every choice of a
//! request has a draw of its own, which follows from the request's seed by a published function ([`draw`]), so
//! that what was decided can be repeated.

mod admitted;
mod choice;
mod cookie;
mod decide;
pub mod draw;
mod error;
mod gateway;
mod in_process;
mod index;
mod memo;
mod prefixes;
mod program;
mod rewrite;
mod routed;
mod simulate;

pub use admitted::Admitted;
pub use cookie::SetCookie;
pub use error::{RouterError, Unrouted};
pub use gateway::GatewayRouter;
pub use in_process::{InProcess, InProcessRenderer};
pub use rewrite::Rewritten;
pub use routed::{Routed, Step, Why};
pub use simulate::{Simulation, simulate};

use super::{
    Instance, RoutingTable,
    host::{LONGEST_HOST, parents},
};
use crate::condition::{Request, without_port};
use std::{
    collections::{BTreeMap, HashMap},
    num::NonZeroU16,
    sync::Arc,
};

/// How many gateways may stand behind each other.
const LEVELS: usize = 8;

/// Where a request comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// At the gateway with this name.
    Gateway(&'a str),
    /// At the gateway with this port.
    Port(NonZeroU16),
    /// At the gateway with this virtual host, in any case, with a port or without.
    Host(&'a str),
}

/// Every gateway of a table, compiled. Deciding only reads it: share it in an `Arc`, and put another in its place to
/// route by another table; a clone shares the compiled gateways. [`InProcess`] does that for an agent.
#[derive(Clone, Debug, Default)]
pub struct Router {
    gateways: BTreeMap<Box<str>, Arc<GatewayRouter>>,
    ports: HashMap<NonZeroU16, Arc<GatewayRouter>>,
    hosts: HashMap<String, Arc<GatewayRouter>>,
    /// By what stands behind the `*.`.
    wildcards: HashMap<String, Arc<GatewayRouter>>,
}

impl Router {
    /// Compiles every gateway of the table.
    ///
    /// # Errors
    ///
    /// Which gateway cannot be routed by in this process, and why. To leave out that one and take the others,
    /// [`GatewayRouter::compile`] and [`insert`](Self::insert) one by one.
    pub fn compile(table: &RoutingTable) -> Result<Self, RouterError> {
        let mut router = Self::default();
        for gateway in table.gateways.values() {
            router.insert(GatewayRouter::compile(gateway)?)?;
        }
        Ok(router)
    }

    /// Takes this gateway in, in place of the one with its name.
    ///
    /// # Errors
    ///
    /// Another gateway has its port or one of its hosts; nothing has changed then.
    pub fn insert(&mut self, gateway: GatewayRouter) -> Result<(), RouterError> {
        let names = |owner: &Arc<GatewayRouter>| (gateway.name().to_owned(), owner.name().to_owned());
        let other = |owner: &&Arc<GatewayRouter>| owner.name() != gateway.name();
        if let Some((refused, other)) = self.ports.get(&gateway.port()).filter(other).map(names) {
            return Err(RouterError::PortTaken { gateway: refused, other, port: gateway.port() });
        }
        for host in gateway.hosts() {
            let (names_of, name) = self.names_of(host);
            if let Some((refused, other)) = names_of.get(name).filter(other).map(names) {
                return Err(RouterError::HostTaken { gateway: refused, other, host: host.clone() });
            }
        }
        self.remove(gateway.name());
        let gateway = Arc::new(gateway);
        self.ports.insert(gateway.port(), Arc::clone(&gateway));
        for host in gateway.hosts() {
            match host.strip_prefix("*.") {
                Some(parent) => self.wildcards.insert(parent.to_owned(), Arc::clone(&gateway)),
                None => self.hosts.insert(host.clone(), Arc::clone(&gateway)),
            };
        }
        self.gateways.insert(gateway.name().into(), gateway);
        Ok(())
    }

    /// Leaves the gateway of this name out.
    pub fn remove(&mut self, gateway: &str) {
        if let Some(gone) = self.gateways.remove(gateway) {
            self.ports.remove(&gone.port());
            for host in gone.hosts() {
                match host.strip_prefix("*.") {
                    Some(parent) => self.wildcards.remove(parent),
                    None => self.hosts.remove(host),
                };
            }
        }
    }

    /// The gateway of this name, port or host.
    #[must_use]
    pub fn find(&self, entry: Entry<'_>) -> Option<&Arc<GatewayRouter>> {
        match entry {
            Entry::Gateway(name) => self.gateways.get(name),
            Entry::Port(port) => self.ports.get(&port),
            Entry::Host(host) => self.at_host(host.as_bytes()),
        }
    }

    /// Where this request goes; see [`GatewayRouter::decide`].
    ///
    /// # Errors
    ///
    /// Why it goes nowhere.
    pub fn decide(
        &self,
        entry: Entry<'_>,
        request: &impl Request,
        seed: u64,
        live: impl Fn(&Instance) -> bool,
    ) -> Result<Routed<'_>, Unrouted<'_>> {
        self.find(entry).ok_or(Unrouted::NoGateway)?.decide(request, seed, live)
    }

    /// Where a virtual host is looked up, and as what.
    fn names_of<'h>(&self, host: &'h str) -> (&HashMap<String, Arc<GatewayRouter>>, &'h str) {
        host.strip_prefix("*.").map_or((&self.hosts, host), |parent| (&self.wildcards, parent))
    }

    fn at_host(&self, host: &[u8]) -> Option<&Arc<GatewayRouter>> {
        let host = without_port(host);
        lookup(&self.hosts, host).or_else(|| parents(host).find_map(|parent| lookup(&self.wildcards, parent)))
    }
}

/// Without allocating; names are in lower case.
fn lookup<'r>(names: &'r HashMap<String, Arc<GatewayRouter>>, name: &[u8]) -> Option<&'r Arc<GatewayRouter>> {
    let mut lower = [0; LONGEST_HOST];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    names.get(std::str::from_utf8(lower).ok()?)
}
