//! Breaks each clause on purpose: exactly the cases of that clause must notice.

use super::{BreakableContainers, ContainerFixture};
use crate::{
    Result,
    conformance::suite::conformance_failures,
    driver::{
        Address, Capabilities, ContainerDriver, Cursor, Exposure, InstanceState, Node, Observation, Scope, Template,
        Workload, WorkloadId,
    },
    memory::Containers,
};
use async_trait::async_trait;
use std::{collections::BTreeMap, future::pending, time::Duration};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    HidesWhatItCan,
    StartsAnewOnApply,
    AcceptsAnotherTemplate,
    IgnoresRetire,
    RetiresAllThatAreNamed,
    KillsAtOnce,
    HidesWhatIsStopping,
    ForgetsOnRestart,
    ShowsOtherNamespaces,
    RefusesToRemoveWhatIsAbsent,
    SortsBackwards,
    AnswersNothingOnFailure,
    NeverTellsOfChanges,
    WaitsOnForeignCursors,
}

#[derive(Debug)]
struct Broken {
    inner: Containers,
    fault: Fault,
}

#[async_trait]
impl ContainerDriver for Broken {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.inner.capabilities();
        capabilities.nodes = self.fault != Fault::HidesWhatItCan;
        capabilities
    }

    async fn apply(&self, workload: &Workload) -> Result<()> {
        let mut workload = workload.clone();
        let running = self.inner.observe(&Scope::Everything).await?.workloads;
        let running = running.into_iter().find(|o| o.id.as_ref() == Some(&workload.id));
        match self.fault {
            Fault::StartsAnewOnApply => self.inner.remove(&workload.id).await?,
            Fault::AcceptsAnotherTemplate => {
                if let Err(error) = self.inner.apply(&workload).await {
                    assert_eq!(error.kind, crate::ErrorKind::Conflict);
                }
                return Ok(());
            }
            Fault::IgnoresRetire => workload.retire.clear(),
            Fault::RetiresAllThatAreNamed => {
                for instance in running.iter().flat_map(|o| &o.instances).filter(|i| workload.retire.contains(&i.id)) {
                    self.inner.kill(&instance.id);
                }
            }
            Fault::KillsAtOnce => workload.grace = Duration::ZERO,
            _ => {}
        }
        self.inner.apply(&workload).await
    }

    async fn remove(&self, id: &WorkloadId) -> Result<()> {
        if self.fault == Fault::RefusesToRemoveWhatIsAbsent {
            let present = self.inner.observe(&Scope::Everything).await?.workloads;
            if !present.iter().any(|o| o.id.as_ref() == Some(id)) {
                return Err(crate::Error::new(crate::ErrorKind::NotFound, "broken", "remove", id.to_string()));
            }
        }
        self.inner.remove(id).await
    }

    async fn observe(&self, scope: &Scope) -> Result<Observation> {
        let scope = if self.fault == Fault::ShowsOtherNamespaces { &Scope::Everything } else { scope };
        let mut seen = match self.inner.observe(scope).await {
            Err(_) if self.fault == Fault::AnswersNothingOnFailure => {
                return Ok(Observation { workloads: Vec::new(), cursor: Cursor::default() });
            }
            other => other?,
        };
        for observed in &mut seen.workloads {
            match self.fault {
                Fault::HidesWhatIsStopping => observed.instances.retain(|i| i.state != InstanceState::Stopping),
                Fault::SortsBackwards => observed.instances.reverse(),
                _ => {}
            }
        }
        Ok(seen)
    }

    async fn changed(&self, after: &Cursor) -> Result<Cursor> {
        match self.fault {
            Fault::NeverTellsOfChanges if !after.0.is_empty() => pending().await,
            Fault::WaitsOnForeignCursors if after.0.is_empty() => pending().await,
            _ => self.inner.changed(after).await,
        }
    }

    async fn nodes(&self) -> Result<Vec<Node>> {
        self.inner.nodes().await
    }

    async fn expose(&self, gateways: &[Exposure]) -> Result<BTreeMap<String, Address>> {
        self.inner.expose(gateways).await
    }
}

#[async_trait]
impl ContainerFixture for Broken {
    fn driver(&self) -> &dyn ContainerDriver {
        self
    }

    fn namespace(&self) -> String {
        "case".to_owned()
    }

    fn service(&self) -> Template {
        Template::default()
    }

    fn stubborn(&self) -> Template {
        let dialect = BTreeMap::from([(Containers::STUBBORN.to_owned(), String::new())]);
        Template { dialect, ..Template::default() }
    }

    fn task(&self, succeeds: bool) -> Template {
        let fails = (Containers::FAILS.to_owned(), String::new());
        let dialect = if succeeds { BTreeMap::new() } else { BTreeMap::from([fails]) };
        Template { run_once: true, dialect, ..Template::default() }
    }

    async fn reopen(&mut self) {
        self.inner = match self.fault {
            Fault::ForgetsOnRestart => Containers::new(),
            _ => self.inner.reopen(),
        };
    }
}

#[async_trait]
impl BreakableContainers for Broken {
    async fn break_reads(&mut self) {
        self.inner.fail(true);
    }
}

/// The names of the cases that fail, in their order.
async fn failing(fault: Fault) -> Vec<&'static str> {
    let mut failed = Vec::new();
    macro_rules! run {
        ($($cases:tt)*) => { conformance_failures! { failed; $($cases)* } };
    }
    let open = || Broken { inner: Containers::new(), fault };
    crate::container_suite! { @each [run] open() };
    crate::container_suite! { @each [run] open(), breakable };
    failed
}

#[tokio::test(start_paused = true)]
async fn the_specification_satisfies_every_case() {
    assert_eq!(failing(Fault::None).await, Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn each_broken_clause_is_noticed_by_its_own_cases() {
    let expected: [(Fault, &[&str]); 13] = [
        (Fault::HidesWhatItCan, &["c0_what_is_declared_works_and_the_rest_is_unsupported"]),
        (Fault::AcceptsAnotherTemplate, &["c2_another_template_under_the_same_id_is_a_conflict"]),
        (Fault::IgnoresRetire, &["c3_scaling_down_takes_the_retired_first"]),
        (Fault::RetiresAllThatAreNamed, &["c3_no_more_leave_than_are_too_many"]),
        (Fault::KillsAtOnce, &["c4_a_stubborn_instance_is_stopping_for_its_grace_and_then_killed"]),
        (Fault::HidesWhatIsStopping, &["c4_a_stubborn_instance_is_stopping_for_its_grace_and_then_killed"]),
        (Fault::ForgetsOnRestart, &["c5_after_a_restart_the_same_instances_run"]),
        (Fault::ShowsOtherNamespaces, &["c6_namespaces_do_not_touch_each_other"]),
        (Fault::RefusesToRemoveWhatIsAbsent, &["c7_removing_twice_or_what_is_absent_succeeds"]),
        (Fault::SortsBackwards, &["c8_an_observation_is_complete_and_sorted"]),
        (Fault::AnswersNothingOnFailure, &["c8_a_failed_read_is_an_error"]),
        (
            Fault::NeverTellsOfChanges,
            &[
                "w1_a_cancelled_wait_loses_nothing",
                "w2_no_change_after_an_observation_is_lost",
                "w3_an_empty_or_foreign_cursor_returns_at_once",
            ],
        ),
        (Fault::WaitsOnForeignCursors, &["w3_an_empty_or_foreign_cursor_returns_at_once"]),
    ];
    let mut found = Vec::new();
    for (fault, _) in expected {
        found.push((fault, failing(fault).await));
    }
    assert_eq!(found, expected.map(|(fault, cases)| (fault, cases.to_vec())));
}

#[tokio::test(start_paused = true)]
async fn instances_that_do_not_survive_an_apply_are_noticed() {
    let failing = failing(Fault::StartsAnewOnApply).await;
    assert!(failing.iter().any(|case| case.starts_with("c1_")), "{failing:?}");
}
