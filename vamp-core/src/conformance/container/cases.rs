//! The cases, in the order of the clauses.
#![allow(missing_docs, reason = "the name of a case says it")]

use super::{BreakableContainers, ContainerFixture, owned, until, workload};
use crate::{
    Error, ErrorKind,
    driver::{Cursor, Exposure, InstanceState, Observed, Retire, Workload, WorkloadId},
};
use std::{num::NonZeroU16, time::Duration};
use tokio::time::{Instant, timeout};

async fn apply(fixture: &dyn ContainerFixture, workload: &Workload) {
    fixture.driver().apply(workload).await.unwrap_or_else(|e| panic!("{}", e.report()));
}

async fn remove(fixture: &dyn ContainerFixture, id: &WorkloadId) {
    fixture.driver().remove(id).await.unwrap_or_else(|e| panic!("{}", e.report()));
}

async fn observe(fixture: &dyn ContainerFixture, namespace: &str) -> (Vec<Observed>, Cursor) {
    let seen = fixture.driver().observe(&owned(namespace)).await.unwrap_or_else(|e| panic!("{}", e.report()));
    (seen.workloads, seen.cursor)
}

fn find<'a>(seen: &'a [Observed], id: &WorkloadId) -> Option<&'a Observed> {
    seen.iter().find(|observed| observed.id.as_ref() == Some(id))
}

fn ids(seen: &[Observed], id: &WorkloadId, state: impl Fn(InstanceState) -> bool) -> Vec<String> {
    let instances = find(seen, id).into_iter().flat_map(|observed| &observed.instances);
    instances.filter(|instance| state(instance.state)).map(|instance| instance.id.clone()).collect()
}

/// Waits until exactly so many instances are there, all of them healthy; answers their ids.
async fn healthy(fixture: &dyn ContainerFixture, id: &WorkloadId, count: usize) -> Vec<String> {
    let all_healthy = |seen: &[Observed]| {
        ids(seen, id, |_| true).len() == count && ids(seen, id, |s| s == InstanceState::Healthy).len() == count
    };
    let seen = until(fixture, &format!("{count} healthy instances of {id}"), all_healthy).await;
    ids(&seen, id, |_| true)
}

async fn gone(fixture: &dyn ContainerFixture, id: &WorkloadId) {
    until(fixture, &format!("no trace of {id}"), |seen| find(seen, id).is_none()).await;
}

fn kind<T>(result: Result<T, Error>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind)
}

pub async fn c0_what_is_declared_works_and_the_rest_is_unsupported(fixture: &mut dyn ContainerFixture) {
    let (driver, capabilities) = (fixture.driver(), fixture.driver().capabilities());
    let exposure = |gateway: &str, port| Exposure { gateway: gateway.to_owned(), port };
    let both = [exposure("sava/web", NonZeroU16::MIN), exposure("sava/admin", NonZeroU16::MAX)];
    match capabilities.nodes {
        true => assert!(!driver.nodes().await.expect("declared").is_empty()),
        false => assert_eq!(kind(driver.nodes().await), Some(ErrorKind::Unsupported)),
    }
    match capabilities.expose {
        true => {
            assert_eq!(driver.expose(&both).await.expect("declared").len(), 2);
            let left: Vec<String> = driver.expose(&both[1..]).await.expect("declared").into_keys().collect();
            assert_eq!(left, ["sava/admin"], "C10: what is not listed is removed");
        }
        false => assert_eq!(kind(driver.expose(&both).await), Some(ErrorKind::Unsupported)),
    }
}

pub async fn c0_an_instance_that_runs_once_is_completed_or_failed_in_the_end(fixture: &mut dyn ContainerFixture) {
    for (name, succeeds, end) in [("well", true, InstanceState::Completed), ("badly", false, InstanceState::Failed)] {
        let task = workload(fixture, name, fixture.task(succeeds), 1);
        if !fixture.driver().capabilities().run_once {
            assert_eq!(kind(fixture.driver().apply(&task).await), Some(ErrorKind::Unsupported));
            continue;
        }
        apply(fixture, &task).await;
        let seen = until(fixture, &format!("{end:?}"), |seen| ids(seen, &task.id, |s| s == end).len() == 1).await;
        let observed = find(&seen, &task.id).expect("it was found just now");
        assert_eq!(observed.instances.len(), 1, "not started again");
        assert_eq!(observed.instances[0].reason.is_some(), !succeeds, "a failure has a reason");
    }
}

pub async fn c1_applying_again_changes_nothing(fixture: &mut dyn ContainerFixture) {
    let service = workload(fixture, "web", fixture.service(), 2);
    apply(fixture, &service).await;
    apply(fixture, &service).await;
    let before = healthy(fixture, &service.id, 2).await;
    apply(fixture, &service).await;
    assert_eq!(healthy(fixture, &service.id, 2).await, before);
    let (seen, _) = observe(fixture, &fixture.namespace()).await;
    assert_eq!(find(&seen, &service.id).map(|observed| observed.wanted), Some(2));
}

pub async fn c1_scaling_up_keeps_those_that_run(fixture: &mut dyn ContainerFixture) {
    let mut service = workload(fixture, "web", fixture.service(), 1);
    apply(fixture, &service).await;
    let before = healthy(fixture, &service.id, 1).await;
    service.instances = 3;
    apply(fixture, &service).await;
    let after = healthy(fixture, &service.id, 3).await;
    assert!(before.iter().all(|id| after.contains(id)), "{before:?} are among {after:?}");
}

pub async fn c2_another_template_under_the_same_id_is_a_conflict(fixture: &mut dyn ContainerFixture) {
    let service = workload(fixture, "web", fixture.service(), 1);
    apply(fixture, &service).await;
    let before = healthy(fixture, &service.id, 1).await;
    let mut other = service.clone();
    other.template.environment.insert("COLOUR".to_owned(), "blue".to_owned());
    assert_eq!(kind(fixture.driver().apply(&other).await), Some(ErrorKind::Conflict));
    assert_eq!(healthy(fixture, &service.id, 1).await, before);
}

pub async fn c3_scaling_down_takes_the_retired_first(fixture: &mut dyn ContainerFixture) {
    for retired in [0, 1] {
        let mut service = workload(fixture, &format!("web{retired}"), fixture.service(), 3);
        apply(fixture, &service).await;
        let mut expected = healthy(fixture, &service.id, 3).await;
        service.instances = 2;
        service.retire = vec![expected.remove(retired)];
        apply(fixture, &service).await;
        let left = healthy(fixture, &service.id, 2).await;
        if fixture.driver().capabilities().retire == Retire::Exact {
            assert_eq!(left, expected);
        }
    }
}

pub async fn c3_no_more_leave_than_are_too_many(fixture: &mut dyn ContainerFixture) {
    let mut service = workload(fixture, "web", fixture.service(), 3);
    apply(fixture, &service).await;
    let before = healthy(fixture, &service.id, 3).await;
    service.retire = before.clone();
    apply(fixture, &service).await;
    assert_eq!(healthy(fixture, &service.id, 3).await, before, "none is too many");
    service.instances = 2;
    apply(fixture, &service).await;
    let left = healthy(fixture, &service.id, 2).await;
    assert!(left.iter().all(|id| before.contains(id)), "{left:?} are among {before:?}");
}

pub async fn c3_an_instance_id_is_never_used_again(fixture: &mut dyn ContainerFixture) {
    let mut service = workload(fixture, "web", fixture.service(), 2);
    apply(fixture, &service).await;
    let before = healthy(fixture, &service.id, 2).await;
    service.instances = 0;
    apply(fixture, &service).await;
    healthy(fixture, &service.id, 0).await;
    service.instances = 2;
    apply(fixture, &service).await;
    let after = healthy(fixture, &service.id, 2).await;
    assert!(after.iter().all(|id| !before.contains(id)), "{after:?} are none of {before:?}");
}

pub async fn c4_a_stubborn_instance_is_stopping_for_its_grace_and_then_killed(fixture: &mut dyn ContainerFixture) {
    let mut service = workload(fixture, "web", fixture.stubborn(), 1);
    service.grace = Duration::from_secs(1);
    apply(fixture, &service).await;
    healthy(fixture, &service.id, 1).await;
    let asked = Instant::now();
    service.instances = 0;
    apply(fixture, &service).await;
    let (seen, _) = observe(fixture, &fixture.namespace()).await;
    assert_eq!(ids(&seen, &service.id, |s| s == InstanceState::Stopping).len(), 1, "what leaves is still seen");
    healthy(fixture, &service.id, 0).await;
    assert!(asked.elapsed() >= service.grace, "killed after {:?}", asked.elapsed());
}

pub async fn c5_after_a_restart_the_same_instances_run(fixture: &mut dyn ContainerFixture) {
    let service = workload(fixture, "web", fixture.service(), 2);
    apply(fixture, &service).await;
    let before = healthy(fixture, &service.id, 2).await;
    fixture.reopen().await;
    assert_eq!(healthy(fixture, &service.id, 2).await, before);
    apply(fixture, &service).await;
    assert_eq!(healthy(fixture, &service.id, 2).await, before, "the same template is no conflict");
}

pub async fn c5_a_removal_goes_on_after_a_restart(fixture: &mut dyn ContainerFixture) {
    let mut service = workload(fixture, "web", fixture.stubborn(), 1);
    service.grace = Duration::from_secs(1);
    apply(fixture, &service).await;
    healthy(fixture, &service.id, 1).await;
    remove(fixture, &service.id).await;
    fixture.reopen().await;
    gone(fixture, &service.id).await;
}

pub async fn c6_namespaces_do_not_touch_each_other(fixture: &mut dyn ContainerFixture) {
    let ours = workload(fixture, "web", fixture.service(), 1);
    let mut theirs = ours.clone();
    theirs.id.namespace.push_str("-theirs");
    apply(fixture, &ours).await;
    apply(fixture, &theirs).await;
    let before = healthy(fixture, &ours.id, 1).await;
    remove(fixture, &theirs.id).await;
    assert_eq!(healthy(fixture, &ours.id, 1).await, before);
    let (seen, _) = observe(fixture, &fixture.namespace()).await;
    assert!(seen.iter().all(|o| o.id.as_ref() == Some(&ours.id)), "only ours are in scope: {seen:#?}");
    let (seen, _) = observe(fixture, &theirs.id.namespace).await;
    assert!(find(&seen, &ours.id).is_none(), "ours are not in their scope: {seen:#?}");
}

pub async fn c7_removing_twice_or_what_is_absent_succeeds(fixture: &mut dyn ContainerFixture) {
    let service = workload(fixture, "web", fixture.service(), 1);
    remove(fixture, &service.id).await;
    apply(fixture, &service).await;
    healthy(fixture, &service.id, 1).await;
    remove(fixture, &service.id).await;
    remove(fixture, &service.id).await;
    gone(fixture, &service.id).await;
    remove(fixture, &service.id).await;
}

pub async fn c7_what_was_removed_can_be_applied_again(fixture: &mut dyn ContainerFixture) {
    let service = workload(fixture, "web", fixture.service(), 1);
    apply(fixture, &service).await;
    let before = healthy(fixture, &service.id, 1).await;
    remove(fixture, &service.id).await;
    apply(fixture, &service).await;
    let after = healthy(fixture, &service.id, 1).await;
    assert_ne!(after, before);
}

pub async fn c8_an_observation_is_complete_and_sorted(fixture: &mut dyn ContainerFixture) {
    for (name, instances) in [("b", 2), ("c", 0), ("a", 3)] {
        apply(fixture, &workload(fixture, name, fixture.service(), instances)).await;
    }
    let (seen, _) = observe(fixture, &fixture.namespace()).await;
    let names: Vec<&str> = seen.iter().filter_map(|o| o.id.as_ref()).map(|id| id.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"], "what was accepted is there, whether it runs yet or not");
    let wanted: Vec<u32> = seen.iter().map(|o| o.wanted).collect();
    assert_eq!(wanted, [3, 2, 0]);
    let counted = |seen: &[Observed]| seen.iter().map(|o| o.instances.len()).eq([3, 2, 0]);
    for observed in until(fixture, "3, 2 and 0 instances", counted).await {
        assert!(observed.instances.is_sorted_by(|a, b| a.id < b.id), "{observed:#?}");
    }
}

pub async fn c8_a_failed_read_is_an_error(fixture: &mut dyn BreakableContainers) {
    let service = workload(fixture, "web", fixture.service(), 1);
    apply(fixture, &service).await;
    healthy(fixture, &service.id, 1).await;
    fixture.break_reads().await;
    let seen = fixture.driver().observe(&owned(&fixture.namespace())).await;
    assert!(seen.is_err(), "a failed read answered {seen:#?}");
}

/// Scales the workload and expects the wait to end.
async fn change_ends_wait(fixture: &dyn ContainerFixture, service: &mut Workload, cursor: &Cursor) {
    service.instances += 1;
    apply(fixture, service).await;
    let within = fixture.driver().capabilities().detects_change_within * 10;
    let answer = timeout(within, fixture.driver().changed(cursor)).await;
    answer.expect("the change is told in time").unwrap_or_else(|e| panic!("{}", e.report()));
}

pub async fn w1_a_cancelled_wait_loses_nothing(fixture: &mut dyn ContainerFixture) {
    let mut service = workload(fixture, "web", fixture.service(), 1);
    apply(fixture, &service).await;
    healthy(fixture, &service.id, 1).await;
    let (_, cursor) = observe(fixture, &fixture.namespace()).await;
    let cancelled = timeout(Duration::from_millis(20), fixture.driver().changed(&cursor)).await;
    drop(cancelled);
    change_ends_wait(fixture, &mut service, &cursor).await;
}

pub async fn w2_no_change_after_an_observation_is_lost(fixture: &mut dyn ContainerFixture) {
    let mut service = workload(fixture, "web", fixture.service(), 0);
    apply(fixture, &service).await;
    for _ in 0..3 {
        let (_, cursor) = observe(fixture, &fixture.namespace()).await;
        change_ends_wait(fixture, &mut service, &cursor).await;
    }
}

pub async fn w3_an_empty_or_foreign_cursor_returns_at_once(fixture: &mut dyn ContainerFixture) {
    let (_, former) = observe(fixture, &fixture.namespace()).await;
    fixture.reopen().await;
    for cursor in [Cursor::default(), Cursor((*b"of no driver that we know").into()), former] {
        let answer = timeout(Duration::from_secs(5), fixture.driver().changed(&cursor)).await;
        answer.expect("at once").unwrap_or_else(|e| panic!("{}", e.report()));
    }
}
