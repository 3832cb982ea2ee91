//! The clauses of [`EventStore`]'s contract; [`event_suite!`](crate::event_suite) runs them.

mod cases;
#[cfg(test)]
mod sabotage;

use crate::driver::EventStore;
use async_trait::async_trait;
pub use cases::*;
use std::sync::Arc;

/// An empty store under test. Each case gets a fixture of its own.
pub trait EventFixture: Send + Sync {
    /// The store under test.
    fn store(&self) -> Arc<dyn EventStore>;
}

/// A store that outlives its own restart.
#[async_trait]
pub trait DurableEvents: EventFixture {
    /// Restarts the store.
    async fn reopen(&mut self);
}

/// A store whose backend a case can take away.
#[async_trait]
pub trait BreakableEvents: EventFixture {
    /// Makes reading fail from now on.
    async fn break_reads(&mut self);
}

/// One `#[tokio::test]` for each clause of the contract; the argument makes an
/// [`EventFixture`](crate::conformance::event::EventFixture) and may await. Behind it: `durable` and `breakable`, when
/// the fixture is.
#[macro_export]
macro_rules! event_suite {
    ($open:expr $(, $mode:ident)*) => {
        $crate::event_suite! { @each [$crate::conformance_tests] $open }
        $( $crate::event_suite! { @each [$crate::conformance_tests] $open, $mode } )*
    };
    (@each [$($then:tt)*] $open:expr) => {
        $($then)*! {
            event; $open;
            v2_appending_twice_stores_once,
            v2_all_events_are_stored_or_none,
            v2_an_event_comes_back_as_it_was_appended,
            v2_a_query_answers_newest_first,
            v2_pages_follow_each_other,
            v2_a_query_finds_what_meets_all_its_conditions,
            v3_nothing_to_compute_with_is_none_and_never_zero,
            v3_numbers_become_one_number,
            v3_a_percentile_is_the_nearest_rank,
            v3_a_percentile_beyond_100_is_invalid,
        }
    };
    (@each [$($then:tt)*] $open:expr, durable) => {
        $($then)*! { event; $open; v2_what_is_acknowledged_survives_a_restart }
    };
    (@each [$($then:tt)*] $open:expr, breakable) => {
        $($then)*! { event; $open; v3_a_failed_read_is_an_error }
    };
}
