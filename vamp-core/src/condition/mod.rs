//! Conditions.

use serde::{Deserialize, Serialize};

/// Placeholder until the grammar lands in the next commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Condition(String);
