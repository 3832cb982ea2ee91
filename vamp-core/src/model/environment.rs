//! Environment variables and constants, which may be secrets: `Debug` never shows a value.

use super::Ordered;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Environment variables by name.
pub type Environment = Ordered<Variable>;

/// Constants by name.
pub type Constants = Ordered<Constant>;

/// An environment variable.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Variable {
    /// The name that the instance sees, where it differs from the name that artifacts use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// `None` = to be set by a service or a blueprint.
    pub value: Option<String>,
}

impl Variable {
    /// A variable with a value and without alias.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self { alias: None, value: Some(value.into()) }
    }
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = if self.value.is_some() { "set" } else { "unset" };
        f.debug_struct("Variable").field("alias", &self.alias).field("value", &value).finish()
    }
}

/// A constant of a breed: others may refer to it, instances do not see it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Constant(pub String);

impl fmt::Debug for Constant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Constant(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_value() {
        let environment: Environment = [("TOKEN", Variable::new("hush"))].into_iter().collect();
        let constants: Constants = [("key", Constant("hush".to_owned()))].into_iter().collect();
        let shown = format!("{environment:?} {constants:?}");
        assert!(shown.contains("TOKEN") && shown.contains("key") && !shown.contains("hush"), "{shown}");
    }
}
