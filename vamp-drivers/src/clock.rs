//! [`SystemClock`]: the time of this machine.

use async_trait::async_trait;
use std::time::{Duration, Instant, SystemTime};
use vamp_core::driver::Clock;

/// The [`Clock`] of this machine.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    begin: Instant,
}

impl SystemClock {
    /// Begins to count [`elapsed`](Clock::elapsed) now.
    #[must_use]
    pub fn new() -> Self {
        Self { begin: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn elapsed(&self) -> Duration {
        self.begin.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
