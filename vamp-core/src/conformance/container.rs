//! The clauses of [`ContainerDriver`]'s contract; [`container_suite!`](crate::container_suite) runs them.

mod cases;
#[cfg(test)]
mod sabotage;

use crate::driver::{ContainerDriver, Observed, Scope, Template, Workload, WorkloadId};
use async_trait::async_trait;
pub use cases::*;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// A driver under test, and how to make things run on it. Each case gets a fixture of its own.
#[async_trait]
pub trait ContainerFixture: Send + Sync {
    /// The driver under test.
    fn driver(&self) -> &dyn ContainerDriver;

    /// A namespace that no other case uses.
    fn namespace(&self) -> String;

    /// An instance that runs until it is told to stop.
    fn service(&self) -> Template;

    /// An instance that ignores the polite signal.
    fn stubborn(&self) -> Template;

    /// An instance that ends by itself, well or badly; [`Template::run_once`] is set.
    fn task(&self, succeeds: bool) -> Template;

    /// Lets the driver die without any farewell, and opens it again on the same platform.
    async fn reopen(&mut self);

    /// How long a case waits for what must come.
    fn patience(&self) -> Duration {
        Duration::from_secs(30)
    }
}

/// A driver whose platform a case can take away.
#[async_trait]
pub trait BreakableContainers: ContainerFixture {
    /// Makes reading fail from now on.
    async fn break_reads(&mut self);
}

/// One `#[tokio::test]` for each clause of the contract; the argument makes a
/// [`ContainerFixture`](crate::conformance::container::ContainerFixture) and may await. Behind it: `breakable`, when the
/// fixture is.
#[macro_export]
macro_rules! container_suite {
    ($open:expr $(, $mode:ident)*) => {
        $crate::container_suite! { @each [$crate::conformance_tests] $open }
        $( $crate::container_suite! { @each [$crate::conformance_tests] $open, $mode } )*
    };
    (@each [$($then:tt)*] $open:expr) => {
        $($then)*! {
            container; $open;
            c0_what_is_declared_works_and_the_rest_is_unsupported,
            c0_an_instance_that_runs_once_is_completed_or_failed_in_the_end,
            c1_applying_again_changes_nothing,
            c1_scaling_up_keeps_those_that_run,
            c2_another_template_under_the_same_id_is_a_conflict,
            c3_scaling_down_takes_the_retired_first,
            c3_no_more_leave_than_are_too_many,
            c3_an_instance_id_is_never_used_again,
            c4_a_stubborn_instance_is_stopping_for_its_grace_and_then_killed,
            c5_after_a_restart_the_same_instances_run,
            c5_a_removal_goes_on_after_a_restart,
            c6_namespaces_do_not_touch_each_other,
            c7_removing_twice_or_what_is_absent_succeeds,
            c7_what_was_removed_can_be_applied_again,
            c8_an_observation_is_complete_and_sorted,
            w1_a_cancelled_wait_loses_nothing,
            w2_no_change_after_an_observation_is_lost,
            w3_an_empty_or_foreign_cursor_returns_at_once,
        }
    };
    (@each [$($then:tt)*] $open:expr, breakable) => {
        $($then)*! { container; $open; c8_a_failed_read_is_an_error }
    };
}

fn workload(fixture: &dyn ContainerFixture, name: &str, template: Template, instances: u32) -> Workload {
    let id = WorkloadId {
        namespace: fixture.namespace(),
        owner: "conformance".to_owned(),
        name: name.to_owned(),
        revision: template.revision(),
    };
    let mut workload = Workload::new(id, template, instances);
    workload.grace = Duration::from_secs(5);
    workload
}

fn owned(namespace: &str) -> Scope {
    Scope::Owned { namespace: namespace.to_owned() }
}

/// Observes until the condition holds for what runs in the fixture's namespace.
async fn until(
    fixture: &dyn ContainerFixture,
    expectation: &str,
    holds: impl Fn(&[Observed]) -> bool,
) -> Vec<Observed> {
    let driver = fixture.driver();
    let deadline = Instant::now() + fixture.patience();
    loop {
        let seen = driver.observe(&owned(&fixture.namespace())).await.unwrap_or_else(|e| panic!("{}", e.report()));
        if holds(&seen.workloads) {
            return seen.workloads;
        }
        assert!(Instant::now() < deadline, "expected: {expectation}; seen: {:#?}", seen.workloads);
        // Not only on a change: a driver that forgets to tell fails its own clause, not every one.
        let _ = timeout(Duration::from_millis(200), driver.changed(&seen.cursor)).await;
    }
}
