//! Artifacts: what people declare (gateways, breeds, blueprints) and what runs (deployments).
//!
//! Names of fields and their text forms are the original Vamp's. Orders are the order of declaration, everywhere: the
//! first matching condition of a gateway wins, and the largest remainder of a weight goes to the earlier route.

mod artifact_serde;
mod blueprint;
mod breed;
pub mod compose;
mod deployment;
mod environment;
pub mod expand;
pub mod export;
mod gateway;
pub mod import;
mod interpolation;
mod lookup;
mod name;
mod ordered;
mod period;
mod port;
pub mod read;
mod reference;
pub mod resolve;
mod route_path;
mod scale;
mod schema;
mod selector;
mod sla;
mod stored;
mod template;
mod text;
mod timestamp;
pub(crate) mod units;
pub mod validate;
mod workflow;
pub mod write;

pub use blueprint::{Blueprint, Cluster, Service};
pub use breed::{Argument, Breed, Deployable, HealthCheck};
pub use deployment::{DeployedCluster, DeployedService, Deployment, Drain, Intention, Phase, PhaseName, Status};
pub use environment::{Constant, Constants, Environment, Variable};
pub use gateway::{Gateway, GatewayTemplate, Route};
pub use name::{GatewayName, Name};
pub use ordered::Ordered;
pub use period::Period;
pub use port::Port;
pub use reference::{Named, Reference};
pub use route_path::RoutePath;
pub use scale::Scale;
pub use schema::schema;
pub use selector::{Candidate, Group, Matcher, Selector, SelectorTest, Tags, group_name};
pub use sla::{ClusterSla, Escalation, Policy, Sla, Step};
pub use stored::{Artifacts, Stored};
pub use template::Template;
pub use text::ParseTextError;
pub use timestamp::{format_timestamp, parse_timestamp};
pub use validate::{Source, validate, validate_beside};
pub use workflow::{Schedule, Workflow, WorkflowInstance, WorkflowStatus};

/// Free-form data that people attach to an artifact: kept and shown as it is, never interpreted.
pub type Metadata = serde_json::Map<String, serde_json::Value>;

/// Settings by driver name that only that driver understands.
pub type Dialects = serde_json::Map<String, serde_json::Value>;
