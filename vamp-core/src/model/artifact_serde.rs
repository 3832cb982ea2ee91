//! `serde` for artifacts: the form that people write, so that there is only one.

use super::{Blueprint, Breed, Gateway, Named, Scale, read, write};
use crate::condition::Condition;
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
serde_as_written!(Named<Scale>, write::scale, read::scale_json);
serde_as_written!(Named<Condition>, write::condition, read::condition_json);
