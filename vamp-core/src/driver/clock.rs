//! Time, as a seam: the core has no clock of its own.

use async_trait::async_trait;
use std::{
    fmt::Debug,
    time::{Duration, SystemTime},
};

/// Where time comes from. `vamp-drivers` brings the system's, [`memory`](crate::memory) one that a test moves.
#[async_trait]
pub trait Clock: Debug + Send + Sync + 'static {
    /// The time now; may jump when the system's clock is set.
    fn now(&self) -> SystemTime;

    /// Time since some fixed moment; never jumps, never goes back. For leases and other durations of this process.
    fn elapsed(&self) -> Duration;

    /// Returns after `duration`. Cancel-safe.
    async fn sleep(&self, duration: Duration);
}
