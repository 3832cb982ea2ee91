//! `serde` for artifacts: the form that people write, so that there is only one.

use super::{
    Blueprint, Breed, ClusterSla, Escalation, Gateway, Named, Route, Scale, Sla, Template, Workflow, read, write,
};
use crate::{condition::Condition, routing::Rewrite};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

macro_rules! serde_as_written {
    ($type:ty, $write:path, $read:path) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $write(self).serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let json = serde_json::Value::deserialize(deserializer)?;
                $read(&json).map_err(D::Error::custom)
            }
        }
    };
}

serde_as_written!(Gateway, write::gateway, read::gateway_json);
serde_as_written!(Breed, write::breed, read::breed_json);
serde_as_written!(Blueprint, write::blueprint, read::blueprint_json);
serde_as_written!(Workflow, write::workflow, read::workflow_json);
serde_as_written!(ClusterSla, write::cluster_sla, read::cluster_sla_json);
serde_as_written!(Named<Sla>, write::sla, read::sla_json);
serde_as_written!(Named<Scale>, write::scale, read::scale_json);
serde_as_written!(Named<Escalation>, write::escalation, read::escalation_json);
serde_as_written!(Named<Route<()>>, write::route, read::route_json);
serde_as_written!(Named<Condition>, write::condition, read::condition_json);
serde_as_written!(Named<Rewrite>, write::rewrite, read::rewrite_json);
serde_as_written!(Named<Template>, write::template, read::template_json);
