//! [`Artifact`]: what is stored under a kind and a name.

use crate::{
    condition::Condition,
    model::{Blueprint, Breed, Deployment, Escalation, Gateway, Named, Route, Scale, Sla, Template, Workflow},
    routing::Rewrite,
};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;

/// What is stored under a kind and a name.
pub trait Artifact: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The plural kind.
    const KIND: &'static str;

    /// The name.
    fn name(&self) -> &str;
}

macro_rules! artifact {
    ($($type:ty => $kind:literal),+ $(,)?) => {$(
        impl Artifact for $type {
            const KIND: &'static str = $kind;

            fn name(&self) -> &str {
                self.name.as_str()
            }
        }
    )+};
}

artifact! {
    Blueprint => "blueprints",
    Breed => "breeds",
    Deployment => "deployments",
    Gateway => "gateways",
    Named<Condition> => "conditions",
    Named<Escalation> => "escalations",
    Named<Rewrite> => "rewrites",
    Named<Route<()>> => "routes",
    Named<Scale> => "scales",
    Named<Sla> => "slas",
    Named<Template> => "templates",
    Workflow => "workflows",
}
