//! The clauses of [`PersistenceStore`]'s contract; [`persistence_suite!`](crate::persistence_suite) runs them.

mod cases;
#[cfg(test)]
mod sabotage;

use crate::driver::PersistenceStore;
use async_trait::async_trait;
pub use cases::*;
use std::sync::Arc;

/// An empty store under test. Each case gets a fixture of its own.
pub trait PersistenceFixture: Send + Sync {
    /// The store under test.
    fn store(&self) -> Arc<dyn PersistenceStore>;
}

/// A store that outlives its own restart.
#[async_trait]
pub trait DurablePersistence: PersistenceFixture {
    /// Restarts the store.
    async fn reopen(&mut self);
}

/// A store whose backend a case can take away.
#[async_trait]
pub trait BreakablePersistence: PersistenceFixture {
    /// Makes reading fail from now on.
    async fn break_reads(&mut self);
}

/// A store whose records a case can damage.
#[async_trait]
pub trait CorruptiblePersistence: PersistenceFixture {
    /// Overwrites what is stored of a record with garbage.
    async fn corrupt(&mut self, kind: &str, name: &str);
}

/// One `#[tokio::test]` for each clause of the contract; the argument makes a
/// [`PersistenceFixture`](crate::conformance::persistence::PersistenceFixture) and may await. Behind it: `durable`,
/// `breakable` and `corruptible`, when the fixture is.
#[macro_export]
macro_rules! persistence_suite {
    ($open:expr $(, $mode:ident)*) => {
        $crate::persistence_suite! { @each [$crate::conformance_tests] $open }
        $( $crate::persistence_suite! { @each [$crate::conformance_tests] $open, $mode } )*
    };
    (@each [$($then:tt)*] $open:expr) => {
        $($then)*! {
            persistence; $open;
            p1_a_put_that_expects_something_else_is_a_conflict,
            p1_of_writers_who_expect_the_same_version_one_wins,
            p1_a_delete_that_expects_something_else_is_a_conflict,
            p1_a_record_comes_back_as_it_was_stored,
            p3_what_is_no_artifact_is_invalid,
            p4_a_list_is_sorted_by_name_and_sees_every_put,
            p4_pages_follow_each_other,
            p4_names_do_not_collide,
            p4_history_begins_with_the_present_and_ends_with_the_record,
            p5_all_are_put_or_none,
            v1_a_version_never_repeats_for_a_record,
            w1_a_cancelled_wait_loses_nothing,
            w2_no_change_after_a_cursor_is_lost,
            w3_an_empty_or_foreign_cursor_returns_at_once_with_all,
        }
    };
    (@each [$($then:tt)*] $open:expr, durable) => {
        $($then)*! { persistence; $open; p2_what_is_acknowledged_survives_a_restart }
    };
    (@each [$($then:tt)*] $open:expr, breakable) => {
        $($then)*! { persistence; $open; p4_a_failed_read_is_an_error }
    };
    (@each [$($then:tt)*] $open:expr, corruptible) => {
        $($then)*! { persistence; $open; p3_one_bad_record_never_hides_others }
    };
}
