//! [`ManualClock`]: time that a test moves.

use crate::driver::Clock;
use async_trait::async_trait;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// A clock that stands still until [`advance`](Self::advance) moves it; sleepers wake then.
///
/// ```
/// # use std::{sync::Arc, time::{Duration, SystemTime}};
/// # use vamp_core::{driver::Clock, memory::ManualClock};
/// let clock = ManualClock::new(SystemTime::UNIX_EPOCH);
/// clock.advance(Duration::from_secs(5));
/// assert_eq!(clock.now(), SystemTime::UNIX_EPOCH + Duration::from_secs(5));
/// ```
#[derive(Debug)]
pub struct ManualClock {
    time: watch::Sender<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Time {
    now: SystemTime,
    elapsed: Duration,
}

impl ManualClock {
    /// Stands at `now`.
    #[must_use]
    pub fn new(now: SystemTime) -> Self {
        Self { time: watch::Sender::new(Time { now, elapsed: Duration::ZERO }) }
    }

    /// Lets time pass: whoever sleeps until then wakes.
    pub fn advance(&self, duration: Duration) {
        self.time.send_modify(|time| {
            time.now += duration;
            time.elapsed += duration;
        });
    }

    /// Sets the time of day, as an operator does: nobody wakes, since no time passes.
    pub fn set(&self, now: SystemTime) {
        self.time.send_modify(|time| time.now = now);
    }

    /// How many sleep now; a test waits for the code that it watches to fall asleep before it moves the clock.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        self.time.receiver_count()
    }
}

impl Default for ManualClock {
    /// Stands at the Unix epoch.
    fn default() -> Self {
        Self::new(SystemTime::UNIX_EPOCH)
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        self.time.borrow().now
    }

    fn elapsed(&self) -> Duration {
        self.time.borrow().elapsed
    }

    async fn sleep(&self, duration: Duration) {
        let mut time = self.time.subscribe();
        let until = time.borrow().elapsed.saturating_add(duration);
        // An error means that the clock is gone, and it is borrowed here.
        let _passed = time.wait_for(|time| time.elapsed >= until).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::Arc, task::Poll};

    #[tokio::test]
    async fn a_sleeper_wakes_when_its_time_has_passed_and_not_before() {
        let clock = Arc::new(ManualClock::default());
        let mut sleep = clock.sleep(Duration::from_secs(10));
        assert_eq!(futures_poll(&mut sleep).await, Poll::Pending);
        assert_eq!(clock.sleepers(), 1);

        clock.advance(Duration::from_secs(9));
        assert_eq!(futures_poll(&mut sleep).await, Poll::Pending);

        clock.set(SystemTime::UNIX_EPOCH + Duration::from_secs(3600));
        assert_eq!(futures_poll(&mut sleep).await, Poll::Pending, "a set clock is no passing time");

        clock.advance(Duration::from_secs(1));
        assert_eq!(futures_poll(&mut sleep).await, Poll::Ready(()));
        assert_eq!(clock.elapsed(), Duration::from_secs(10));
    }

    async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
        std::future::poll_fn(|context| Poll::Ready(std::pin::Pin::new(&mut *future).poll(context))).await
    }
}
