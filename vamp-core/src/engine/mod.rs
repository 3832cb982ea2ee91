//! [`Engine`]: what an embedder calls, and the loops behind it.
//!
//! ```text
//! deploy, gateway(..).weights ──► stored artifacts ──► reconcile ──► ContainerDriver
//!                                        │                 ▲
//!                                        ▼                 │ observations, acknowledgements
//!                                     publish ──► KeyValueStore ──► agents
//! ```
//!
//! Every loop is level-triggered: it compares what is meant with what is observed, and does the difference. What it
//! knows is one `World`; the decisions are pure functions of it (`plan`, `routing::compile`).

mod agents;
mod any;
mod artifact;
mod builder;
mod change;
mod compiled;
mod containers;
mod deploy;
mod edit;
mod events;
mod failure;
mod forget;
mod gateways;
mod groups;
mod import;
mod merge;
mod mirror;
mod orphans;
mod ports;
mod preview;
mod publish;
mod reconcile;
mod records;
mod shared_map;
mod slice;
mod together;
mod unfinished;
mod views;
mod wait;
mod world;

pub use any::Part;
pub use artifact::Artifact;
pub use builder::{Builder, Engine, Settings};
pub use change::Change;
pub use deploy::Options;
pub use failure::Failure;
pub use gateways::GatewayHandle;
pub use ports::GatewayPorts;
pub use preview::{Alteration, Preview, Request};
pub use views::Observed;
pub use world::AgentView;
pub(crate) use world::{Artifacts, Published, Unpublished};
