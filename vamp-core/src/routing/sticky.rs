//! [`Sticky`]: whether a client stays where it was sent first, and how long.

use super::settings::time;
use crate::digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::time::Duration;

/// What a client sticks to, and how long. Without a time it stays until the browser is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sticky {
    /// What it sticks to.
    pub by: StickyBy,
    /// How long it stays after it was sent there first, in whole seconds.
    pub ttl: Option<Duration>,
    /// How long it stays after its last request, in whole seconds.
    pub idle: Option<Duration>,
}

/// What a client sticks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StickyBy {
    /// The route.
    Route,
    /// The instance.
    Instance,
}

impl Sticky {
    /// To the route, until the browser is closed.
    pub const ROUTE: Self = Self { by: StickyBy::Route, ttl: None, idle: None };
    /// To the instance, until the browser is closed.
    pub const INSTANCE: Self = Self { by: StickyBy::Instance, ttl: None, idle: None };

    /// The name of the cookie of a published gateway, or of a decision behind it.
    #[must_use]
    pub fn cookie(published: &str, behind: Option<&str>) -> String {
        let named = [published, "\n", behind.unwrap_or_default()].concat();
        let mut name = ["vamp-", &digest::of(named.as_bytes())].concat();
        name.truncate(15);
        name
    }

    /// What stands in a cookie for a route by its name, or for an instance by its id.
    #[must_use]
    pub fn token(name: &str) -> String {
        digest::of(name.as_bytes())
    }

    /// Whether a client sticks to the instance.
    #[must_use]
    pub fn is_by_instance(&self) -> bool {
        self.by == StickyBy::Instance
    }

    /// Whether a time ends it.
    #[must_use]
    pub const fn is_timed(&self) -> bool {
        self.ttl.is_some() || self.idle.is_some()
    }
}

/// `route`, or `{by: route, ttl: 3600s, idle: 60s}`.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    By(StickyBy),
    Timed(Timed),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Timed {
    by: StickyBy,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time")]
    ttl: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time")]
    idle: Option<Duration>,
}

impl Serialize for Sticky {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { by, ttl, idle } = *self;
        if !self.is_timed() {
            return Written::By(by).serialize(serializer);
        }
        Written::Timed(Timed { by, ttl, idle }).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Sticky {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::By(by) => Self { by, ttl: None, idle: None },
            Written::Timed(Timed { by, ttl, idle }) => Self { by, ttl, idle },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_word_until_there_is_a_time() {
        let timed = Sticky { ttl: Some(Duration::from_secs(3600)), ..Sticky::INSTANCE };
        for (sticky, json) in [(Sticky::ROUTE, r#""route""#), (timed, r#"{"by":"instance","ttl":"3600s"}"#)] {
            assert_eq!(serde_json::to_string(&sticky).unwrap(), json);
            assert_eq!(serde_json::from_str::<Sticky>(json).unwrap(), sticky);
        }
        assert!(serde_json::from_str::<Sticky>(r#"{"by":"route","idle":"soon"}"#).is_err());
    }
}
