//! What a gateway does with a request, independent of any proxy: the values that travel from the engine to the agents.

mod compile;
mod complete;
pub(crate) mod document;
mod domain;
mod forwarded;
mod host;
mod keys;
pub mod router;
mod select;
mod settings;
mod sticky;
mod table;
mod tls;

pub use compile::{Compiled, CompiledGateway, Find, ServicePath, Services, compile, compile_one};
pub use complete::Complete;
pub use domain::HostDomain;
pub use forwarded::TrustedProxies;
pub use host::{WILDCARD_LABELS, is_virtual_host};
pub use keys::{AgentKey, Keys};
pub use router::Router;
pub use select::{Selectable, Selected, select};
pub use settings::{GatewaySettings, Outlier, RouteSettings, Timeout};
pub use sticky::{Sticky, StickyBy};
pub use table::{Balance, Decision, Gateway, Instance, Protocol, Rewrite, Route, RoutingTable, Target, Traffic};
pub use tls::{Tls, is_certificate};
