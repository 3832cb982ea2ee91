//! The clauses of [`KeyValueStore`]'s contract; [`key_value_suite!`](crate::key_value_suite) runs them.

mod cases;
#[cfg(test)]
mod sabotage;

use crate::driver::KeyValueStore;
use async_trait::async_trait;
pub use cases::*;
use std::{sync::Arc, time::Duration};

/// A store under test. Each case gets a fixture of its own.
#[async_trait]
pub trait KeyValueFixture: Send + Sync {
    /// The store under test.
    fn store(&self) -> Arc<dyn KeyValueStore>;

    /// A path that no other case uses.
    fn root(&self) -> String {
        "/conformance".to_owned()
    }

    /// Lets so much time pass for the leases.
    async fn elapse(&mut self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A store that outlives its own restart.
#[async_trait]
pub trait DurableKeyValue: KeyValueFixture {
    /// Restarts the store.
    async fn reopen(&mut self);
}

/// A store whose backend a case can take away.
#[async_trait]
pub trait BreakableKeyValue: KeyValueFixture {
    /// Makes reading fail from now on.
    async fn break_reads(&mut self);
}

/// One `#[tokio::test]` for each clause of the contract; the argument makes a
/// [`KeyValueFixture`](crate::conformance::key_value::KeyValueFixture) and may await. Behind it: `durable` and
/// `breakable`, when the fixture is.
#[macro_export]
macro_rules! key_value_suite {
    ($open:expr $(, $mode:ident)*) => {
        $crate::key_value_suite! { @each [$crate::conformance_tests] $open }
        $( $crate::key_value_suite! { @each [$crate::conformance_tests] $open, $mode } )*
    };
    (@each [$($then:tt)*] $open:expr) => {
        $($then)*! {
            key_value; $open;
            k0_what_the_limits_allow_is_taken_and_more_is_too_large,
            k1_a_read_answers_the_last_acknowledged_write,
            k1_a_key_that_is_no_path_is_invalid,
            k2_a_list_has_every_key_below_the_path_sorted_with_versions,
            k3_a_failed_check_writes_nothing,
            k3_checks_that_hold_write_everything,
            k3_a_key_written_twice_is_invalid,
            k3_of_writers_who_expect_the_same_version_one_wins,
            k5_what_is_under_a_lease_goes_with_it_and_not_before,
            k5_who_waits_learns_that_a_lease_has_ended,
            k5_a_lease_shorter_than_is_honoured_is_invalid,
            k6_a_renewed_lease_lives_on,
            k6_a_lost_lease_is_not_found,
            v1_a_version_never_repeats_for_a_key,
            w1_a_cancelled_wait_loses_nothing,
            w2_a_change_after_the_list_ends_the_wait,
            w2_a_change_elsewhere_is_not_reported,
            w3_an_empty_or_foreign_cursor_returns_at_once_with_all,
        }
    };
    (@each [$($then:tt)*] $open:expr, durable) => {
        $($then)*! { key_value; $open; k4_what_is_acknowledged_survives_a_restart }
    };
    (@each [$($then:tt)*] $open:expr, breakable) => {
        $($then)*! { key_value; $open; k2_a_failed_read_is_an_error }
    };
}
