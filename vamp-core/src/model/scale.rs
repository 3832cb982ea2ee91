//! [`Scale`].

use serde::{Deserialize, Serialize};

/// What one instance may use, and how many instances there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    /// Thousandths of a cpu for each instance.
    pub cpu_millis: u32,
    /// Bytes of memory for each instance.
    pub memory_bytes: u64,
    /// How many instances.
    pub instances: u32,
}

impl Default for Scale {
    /// What a service without a scale gets: one instance with one cpu and 1 GB.
    fn default() -> Self {
        Self { cpu_millis: 1_000, memory_bytes: 1_000_000_000, instances: 1 }
    }
}
