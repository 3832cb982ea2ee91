//! Decisions about one service, situation by situation.

use super::{Drained, Plan, Routing, Settings, Situation, Step, decide};
use crate::{
    agent::{Acknowledgement, Refusal},
    driver::{Instance, InstanceState, Observed, Template, WorkloadId},
    engine::{AgentView, Published},
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
        hashes: BTreeMap::from([(GATEWAY.to_owned(), "present".to_owned())]),
        services: BTreeMap::from([(KEY.to_owned(), gateways)]),
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
    AgentView { acknowledged: Arc::new(acknowledged), silent_since: None }
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
        settings: SETTINGS,
        now: at(now),
    })
}

fn routing<'a>(published: &'a Published, agents: &'a BTreeMap<String, AgentView>, now: u64) -> Routing<'a> {
    Routing { published, current: true, agents: Some(agents), listening_since: at(0), now: at(now) }
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
