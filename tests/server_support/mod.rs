//! An API to ask: over memory drivers, or the real program.
#![allow(dead_code, unreachable_pub)] // Each test binary uses a part of it.

pub mod http;
pub mod memory;
pub mod whole;

use std::time::Duration;

/// Far beyond what anything here takes.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Waits for a condition; panics with `what` after the deadline.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting).await.unwrap_or_else(|_| panic!("{what}: not within {DEADLINE:?}"));
}
