//! Decisions about one service, situation by situation.

use super::{Drained, Plan, Routing, Settings, Situation, Step, decide};
use crate::{
    agent::{Acknowledgement, Refusal},
    driver::{Instance, InstanceState, Observed, Retire, Template, WorkloadId},
    engine::{AgentView, Published, Unpublished},
    model::{DeployedService, Drain, Intention, PhaseName, Scale, Status, read},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, SystemTime},
};

const KEY: &str = "shop/web/shop:1";
const GATEWAY: &str = "shop/9050";
const SETTINGS: Settings = Settings {
    drain_deadline: Duration::from_secs(60),
    ready_deadline: Duration::from_secs(120),
    grace: Duration::from_secs(10),
};

static CURRENT: Unpublished = Unpublished { everything: false, gateways: BTreeSet::new(), services: BTreeSet::new() };

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 + seconds)
}

fn service(intention: Intention, instances: u32) -> DeployedService {
    let breed = "{name: 'shop:1', deployable: {type: command, definition: shop}, ports: {web: 80}}";
    DeployedService {
        breed: read::breed(breed).unwrap(),
        scale: Scale { instances, ..Scale::default() },
        environment_variables: crate::model::Environment::new(),
        arguments: Vec::new(),
        health_checks: None,
        network: None,
        dialects: serde_json::Map::new(),
        dependencies: crate::model::Ordered::new(),
        status: Status::initiated(intention, at(0)),
        instances: Vec::new(),
        drain: None,
    }
}

fn id(revision: &str) -> WorkloadId {
    let text = str::to_owned;
    WorkloadId { namespace: text("default"), owner: text("shop"), name: text("web/shop:1"), revision: text(revision) }
}

fn running(revision: &str, wanted: u32, instances: &[(&str, InstanceState)]) -> Observed {
    let instance = |(id, state): &(&str, InstanceState)| Instance {
        id: (*id).to_owned(),
        state: *state,
        reason: None,
        host: "127.0.0.1".to_owned(),
        ports: BTreeMap::from([("web".to_owned(), 80)]),
        node: None,
    };
    Observed {
        id: Some(id(revision)),
        labels: BTreeMap::new(),
        image: None,
        wanted,
        instances: instances.iter().map(instance).collect(),
    }
}

fn published() -> Published {
    let gateways = BTreeSet::from([GATEWAY.to_owned()]);
    Published {
        hashes: [(GATEWAY.to_owned(), "present".to_owned())].into_iter().collect(),
        services: [(KEY.to_owned(), gateways)].into_iter().collect(),
        ..Published::default()
    }
}

/// An agent that serves this state of the gateway and counts these connections.
fn agent(serves: &str, draining: &[(&str, Option<u64>)]) -> AgentView {
    let count = |(id, open): &(&str, Option<u64>)| ((*id).to_owned(), *open);
    let acknowledged = Acknowledgement {
        gateways: BTreeMap::from([(GATEWAY.to_owned(), serves.to_owned())]),
        draining: draining.iter().map(count).collect(),
        ..Acknowledgement::default()
    };
    AgentView { acknowledged: Arc::new(acknowledged), silent_since: None, silent_from: None }
}

fn drain(since: u64, instances: &[&str], released: bool) -> Option<Drain> {
    Some(Drain { since: at(since), instances: instances.iter().map(|one| (*one).to_owned()).collect(), released })
}

/// Decides at second `now`, with these agents.
fn plan(service: &DeployedService, running: &[Observed], agents: &[AgentView], now: u64) -> Plan {
    let agents = agents.iter().enumerate().map(|(index, agent)| (format!("agent-{index}"), agent.clone())).collect();
    let published = published();
    decide(&Situation {
        key: KEY,
        service,
        id: &id("new"),
        template: &Template::default(),
        running: &running.iter().collect::<Vec<_>>(),
        routing: &routing(&published, &agents, now),
        retire: Retire::Exact,
        waits_for: None,
        settings: SETTINGS,
        now: at(now),
    })
}

fn routing<'a>(published: &'a Published, agents: &'a BTreeMap<String, AgentView>, now: u64) -> Routing<'a> {
    Routing { published, unpublished: &CURRENT, agents: Some(agents), listening: Duration::from_secs(now) }
}

fn drained(agents: &[AgentView], now: u64) -> Drained {
    let agents = agents.iter().enumerate().map(|(index, agent)| (format!("agent-{index}"), agent.clone())).collect();
    routing(&published(), &agents, now).drained(KEY, &["one".to_owned()])
}

#[test]
fn an_instance_is_drained_when_every_agent_counts_zero_in_the_present_state() {
    assert_eq!(drained(&[agent("present", &[("one", Some(0))]), agent("present", &[])], 1), Drained::Yes);
}

#[test]
fn an_agent_that_serves_a_former_state_may_still_route() {
    let answer = drained(&[agent("present", &[("one", Some(0))]), agent("former", &[])], 1);
    assert!(matches!(&answer, Drained::Routed(reason) if reason.contains("agent-1")), "{answer:?}");
}

#[test]
fn a_silent_agent_counts_as_serving_what_it_last_acknowledged() {
    let mut silent = agent("former", &[]);
    silent.silent_since = Some(at(1));
    let answer = drained(&[agent("present", &[("one", Some(0))]), silent], 500);
    assert!(matches!(&answer, Drained::Routed(reason) if reason.contains("is silent")), "{answer:?}");
}

#[test]
fn a_refusal_is_part_of_the_reason() {
    let mut refusing = agent("former", &[]);
    let refusal = Refusal { hash: "present".to_owned(), reason: "the port is in use".to_owned() };
    Arc::make_mut(&mut refusing.acknowledged).refused.insert(GATEWAY.to_owned(), refusal);
    let answer = drained(&[refusing], 1);
    assert!(matches!(&answer, Drained::Routed(reason) if reason.contains("the port is in use")), "{answer:?}");
}

#[test]
fn open_connections_and_connections_that_cannot_be_counted_are_busy() {
    for count in [Some(1), None] {
        let answer = drained(&[agent("present", &[("one", count)])], 1);
        assert!(matches!(answer, Drained::Busy(_)), "{count:?}: {answer:?}");
    }
}

#[test]
fn without_any_agent_nothing_is_drained_before_one_could_have_reported() {
    assert!(matches!(drained(&[], 29), Drained::Routed(_)));
    assert_eq!(drained(&[], 31), Drained::Yes);
}

#[test]
fn a_service_that_does_not_run_yet_is_applied() {
    let plan = plan(&service(Intention::Deployment, 2), &[], &[], 1);
    let [Step::Apply(workload)] = plan.steps.as_slice() else { panic!("{plan:?}") };
    assert_eq!((workload.instances, &workload.retire, workload.grace), (2, &Vec::new(), SETTINGS.grace));
    assert_eq!(plan.phase.unwrap().0, PhaseName::Updating);
}

#[test]
fn a_service_that_is_never_healthy_fails_at_its_deadline_and_says_why() {
    let mut observed = running("new", 1, &[("one", InstanceState::Unhealthy)]);
    observed.instances[0].reason = Some("connection refused".to_owned());
    let service = service(Intention::Deployment, 1);
    let before = plan(&service, &[observed.clone()], &[], 119);
    assert_eq!((before.phase.unwrap().0, before.again_after), (PhaseName::Updating, Some(Duration::from_secs(1))));
    let (phase, reason) = plan(&service, &[observed], &[], 120).phase.unwrap();
    assert_eq!(phase, PhaseName::Failed);
    assert!(reason.unwrap().contains("connection refused"));
}

#[test]
fn a_scale_down_drains_the_unhealthy_and_the_youngest_first() {
    use InstanceState::{Healthy, Unhealthy};
    let observed = running("new", 4, &[("a", Healthy), ("b", Unhealthy), ("c", Healthy), ("d", Healthy)]);
    let plan = plan(&service(Intention::Deployment, 2), &[observed], &[agent("present", &[])], 1);
    assert_eq!(plan.drain, drain(1, &["b", "d"], false));
    assert_eq!(plan.steps, []);
}

#[test]
fn what_is_drained_leaves_the_table_before_it_is_stopped() {
    use InstanceState::Healthy;
    let observed = [running("new", 2, &[("a", Healthy), ("one", Healthy)])];
    let mut service = service(Intention::Deployment, 1);
    service.drain = drain(1, &["one"], false);
    let idle = agent("present", &[("one", Some(0))]);
    let first = plan(&service, &observed, std::slice::from_ref(&idle), 2);
    assert_eq!((first.drain, first.steps), (drain(1, &["one"], true), Vec::new()));
    service.drain = drain(1, &["one"], true);
    let not_acknowledged = plan(&service, &observed, &[agent("former", &[])], 3);
    assert_eq!(not_acknowledged.steps, []);
    let second = plan(&service, &observed, &[agent("present", &[])], 3);
    let [Step::Apply(workload)] = second.steps.as_slice() else { panic!("{second:?}") };
    assert_eq!((workload.instances, workload.retire.as_slice()), (1, ["one".to_owned()].as_slice()));
}

#[test]
fn a_drain_ends_at_its_deadline_but_never_before_it_is_acknowledged() {
    let observed = [running("new", 1, &[("one", InstanceState::Healthy)])];
    let mut service = service(Intention::Undeployment, 1);
    service.drain = drain(0, &["one"], false);
    let busy = agent("present", &[("one", Some(3))]);
    let early = plan(&service, &observed, std::slice::from_ref(&busy), 59);
    assert_eq!((early.drain, early.again_after), (drain(0, &["one"], false), Some(Duration::from_secs(1))));
    assert_eq!(plan(&service, &observed, &[busy], 60).drain, drain(0, &["one"], true));
    assert_eq!(plan(&service, &observed, &[agent("former", &[])], 600).drain, drain(0, &["one"], false));
}

#[test]
fn a_changed_template_runs_beside_the_former_until_it_is_healthy() {
    use InstanceState::{Healthy, Running};
    let service = service(Intention::Deployment, 1);
    let former = running("old", 1, &[("one", Healthy)]);
    let beside = plan(&service, &[running("new", 1, &[("two", Running)]), former.clone()], &[], 1);
    assert_eq!((beside.drain, beside.steps), (None, Vec::new()));
    let healthy = plan(&service, &[running("new", 1, &[("two", Healthy)]), former], &[], 2);
    assert_eq!(healthy.drain, drain(2, &["one"], false));
}

#[test]
fn a_service_is_forgotten_only_when_nothing_of_it_is_observed() {
    let mut leaving = service(Intention::Undeployment, 1);
    leaving.drain = drain(0, &["one"], true);
    let agents = [agent("present", &[])];
    let stopping = running("new", 0, &[("one", InstanceState::Stopping)]);
    assert!(!plan(&leaving, &[stopping], &agents, 1).steps.contains(&Step::Forget));
    assert_eq!(plan(&leaving, &[], &agents, 1).steps, [Step::Remove(id("new")), Step::Forget]);
}

#[test]
fn what_is_released_is_stopped_before_a_scale_up_brings_others() {
    use InstanceState::{Healthy, Stopping};
    let mut service = service(Intention::Deployment, 4);
    service.drain = drain(1, &["c"], true);
    let agents = [agent("present", &[])];
    let three = running("new", 3, &[("a", Healthy), ("b", Healthy), ("c", Healthy)]);
    let first = plan(&service, std::slice::from_ref(&three), &agents, 2);
    let [Step::Apply(workload)] = first.steps.as_slice() else { panic!("{first:?}") };
    assert_eq!((workload.instances, workload.retire.as_slice()), (2, ["c".to_owned()].as_slice()));
    assert_eq!(first.drain, drain(1, &["c"], true), "what is released is not taken back");
    let not_acknowledged = plan(&service, &[three], &[agent("former", &[])], 2);
    assert_eq!((not_acknowledged.steps, not_acknowledged.drain), (Vec::new(), drain(1, &["c"], true)));
    let stopping = running("new", 2, &[("a", Healthy), ("b", Healthy), ("c", Stopping)]);
    let second = plan(&service, &[stopping], &agents, 3);
    let [Step::Apply(workload)] = second.steps.as_slice() else { panic!("{second:?}") };
    assert_eq!((workload.instances, second.drain), (4, drain(1, &["c"], true)));
    let gone = running("new", 4, &[("a", Healthy), ("b", Healthy), ("d", Healthy), ("e", Healthy)]);
    assert_eq!(plan(&service, &[gone], &agents, 4).drain, None);
}

#[test]
fn what_the_driver_was_told_to_stop_is_not_told_again() {
    let mut service = service(Intention::Deployment, 2);
    service.drain = drain(1, &["c"], true);
    use InstanceState::Healthy;
    // A driver that shows an instance as healthy until it is gone.
    let told = running("new", 2, &[("a", Healthy), ("b", Healthy), ("c", Healthy)]);
    assert_eq!(plan(&service, &[told], &[agent("present", &[])], 2).steps, []);
}

#[test]
fn a_service_that_is_wanted_again_finishes_what_was_released_first() {
    use InstanceState::Healthy;
    let mut service = service(Intention::Deployment, 2);
    service.drain = drain(0, &["a", "b"], true);
    let agents = [agent("present", &[])];
    let both = running("new", 2, &[("a", Healthy), ("b", Healthy)]);
    let first = plan(&service, &[both], &agents, 2);
    let [Step::Apply(workload)] = first.steps.as_slice() else { panic!("{first:?}") };
    assert_eq!((workload.instances, workload.retire.len()), (0, 2));
    let second = plan(&service, &[running("new", 0, &[])], &agents, 3);
    let [Step::Apply(workload)] = second.steps.as_slice() else { panic!("{second:?}") };
    assert_eq!((workload.instances, second.drain), (2, None));
}

#[test]
fn an_instance_that_takes_the_place_of_a_released_one_leaves_with_the_others() {
    use InstanceState::Healthy;
    let agents = [agent("present", &[])];
    let mut leaving = service(Intention::Undeployment, 2);
    leaving.drain = drain(0, &["a", "b"], true);
    let replaced = running("new", 2, &[("a", Healthy), ("x", Healthy)]);
    let plan_of_leaving = plan(&leaving, &[replaced], &agents, 2);
    assert_eq!(plan_of_leaving.drain, drain(0, &["a", "x"], true));
    assert_eq!(plan_of_leaving.steps, [Step::Remove(id("new"))]);
    let mut changed = service(Intention::Deployment, 1);
    changed.drain = drain(0, &["a"], true);
    let former = running("old", 2, &[("a", Healthy), ("x", Healthy)]);
    let plan_of_change = plan(&changed, &[running("new", 1, &[("n", Healthy)]), former], &agents, 2);
    assert_eq!(plan_of_change.steps, [Step::Remove(id("old"))]);
    assert_eq!(plan_of_change.drain, drain(0, &["a", "x"], true));
}

#[test]
fn a_service_that_leaves_while_some_of_it_is_released_drains_the_others_after() {
    use InstanceState::Healthy;
    let agents = [agent("present", &[("a", Some(0)), ("b", Some(0))])];
    let mut leaving = service(Intention::Undeployment, 2);
    leaving.status.since = at(5);
    leaving.drain = drain(1, &["c"], true);
    let three = running("new", 3, &[("a", Healthy), ("b", Healthy), ("c", Healthy)]);
    let first = plan(&leaving, &[three], &agents, 6);
    let [Step::Apply(workload)] = first.steps.as_slice() else { panic!("{first:?}") };
    assert_eq!((workload.instances, workload.retire.as_slice()), (2, ["c".to_owned()].as_slice()));
    let two = running("new", 2, &[("a", Healthy), ("b", Healthy)]);
    let second = plan(&leaving, std::slice::from_ref(&two), &agents, 7);
    assert_eq!((second.steps, second.drain.clone()), (Vec::new(), drain(7, &["a", "b"], false)));
    leaving.drain = second.drain;
    assert_eq!(plan(&leaving, &[two], &agents, 8).drain, drain(7, &["a", "b"], true));
}

#[test]
fn a_drain_that_began_in_the_future_of_a_clock_set_back_is_bounded_from_now_on() {
    use InstanceState::Healthy;
    let mut leaving = service(Intention::Undeployment, 1);
    leaving.drain = drain(9_000, &["one"], false);
    let busy = agent("present", &[("one", Some(3))]);
    let waits = plan(&leaving, &[running("new", 1, &[("one", Healthy)])], &[busy], 10);
    assert_eq!((waits.drain, waits.again_after), (drain(10, &["one"], false), Some(SETTINGS.drain_deadline)));
}

#[test]
fn an_instance_that_dies_after_a_day_has_its_time_to_come_back() {
    let mut service = service(Intention::Deployment, 1);
    service.status.phase.name = PhaseName::Done;
    let observed = running("new", 1, &[("one", InstanceState::Unhealthy)]);
    let later = plan(&service, std::slice::from_ref(&observed), &[], 86_400);
    assert_eq!(later.phase.unwrap().0, PhaseName::Updating);
    assert_eq!(later.again_after, Some(SETTINGS.ready_deadline));
}
