//! Blueprint to running, canary to removed: the engine and an agent on memory drivers.

#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

use std::{collections::BTreeMap, sync::Arc, time::Duration};
use vamp_core::{
    agent::Agent,
    driver::{Clock, ContainerDriver as _, InstanceState, PersistenceStore, Scope},
    engine::{Engine, Failure, Options},
    memory,
    model::{
        Blueprint, Breed, Cluster, Deployable, Gateway, GatewayTemplate, Ordered, PhaseName, Port, Reference, Route,
        Scale, Service,
    },
    weight::Weight,
};
use vamp_drivers::SystemClock;

const DEADLINE: Duration = Duration::from_secs(20);

/// An engine, an agent, and everything behind them, in memory.
struct Vamp {
    engine: Engine,
    containers: memory::Containers,
    proxy: Arc<memory::Proxy>,
    key_value: Arc<memory::KeyValue>,
    persistence: Arc<dyn PersistenceStore>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Drop for Vamp {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

impl Vamp {
    fn start() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let persistence = Arc::new(memory::Persistence::new(Arc::clone(&clock)));
        Self::start_with(memory::Containers::new(), Arc::default(), persistence)
    }

    /// What a restart leaves: instances, the proxy and what is stored; the routing state is gone.
    fn restart(self) -> Self {
        Self::start_with(self.containers.reopen(), Arc::clone(&self.proxy), Arc::clone(&self.persistence))
    }

    fn start_with(
        containers: memory::Containers,
        proxy: Arc<memory::Proxy>,
        persistence: Arc<dyn PersistenceStore>,
    ) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let key_value = Arc::new(memory::KeyValue::new(Arc::clone(&clock)));
        let engine = Engine::builder()
            .containers("memory", Arc::new(containers.clone()))
            .key_value(Arc::clone(&key_value) as _)
            .persistence(Arc::clone(&persistence))
            .events(Arc::new(memory::Events::default()))
            .clock(Arc::clone(&clock))
            .build()
            .expect("every driver is there");
        let agent = Agent::new(
            "test",
            "default",
            Arc::clone(&key_value) as _,
            Arc::new(memory::Renderer),
            Arc::clone(&proxy) as _,
            clock,
        );
        let tasks = vec![
            tokio::spawn(engine.clone().run(std::future::pending())),
            tokio::spawn(agent.run(std::future::pending())),
        ];
        Self { engine, containers, proxy, key_value, persistence, tasks }
    }

    async fn deploy(&self, version: &str, instances: u32) {
        let blueprint = blueprint(version, instances);
        self.engine.deploy("sava", &blueprint, Options::default()).await.expect("deploys");
        self.engine.settled("sava", DEADLINE).await.expect("settles");
    }

    /// The weights of the routes of the cluster's gateway, by breed.
    async fn weights(&self) -> Vec<(String, String)> {
        let (gateway, _) = self.engine.find::<Gateway>("sava/sava/web").await.expect("reads").expect("is there");
        let name = |route: &Route| route.path.to_string().split('/').nth(2).expect("four segments").to_owned();
        gateway.routes.iter().map(|route| (name(route), route.weight.expect("completed").to_string())).collect()
    }

    async fn healthy(&self) -> BTreeMap<String, usize> {
        let Some((deployment, _)) = self.engine.deployment("sava").await.expect("reads") else {
            return BTreeMap::new();
        };
        let services = deployment.clusters.iter().flat_map(|cluster| &cluster.services);
        services
            .map(|service| {
                let healthy = service.instances.iter().filter(|one| one.state == InstanceState::Healthy);
                (service.breed.name.to_string(), healthy.count())
            })
            .collect()
    }

    /// What the proxy serves of the external gateway, as one text.
    fn served(&self) -> String {
        self.proxy.serving().get("sava/9050").map(|document| format!("{document:?}")).unwrap_or_default()
    }
}

fn blueprint(version: &str, instances: u32) -> Blueprint {
    let breed = Breed {
        name: format!("sava:{version}").parse().expect("a name"),
        deployable: Deployable { kind: Some("command".to_owned()), definition: "sava".to_owned() },
        ports: [("web".to_owned(), "8080/http".parse::<Port>().expect("a port"))].into_iter().collect(),
        environment_variables: Ordered::new(),
        constants: Ordered::new(),
        arguments: Vec::new(),
        dependencies: Ordered::new(),
        health_checks: None,
        metadata: serde_json::Map::new(),
    };
    let scale = Scale { instances, ..Scale::default() };
    let service = Service {
        breed: Reference::Inline(Box::new(breed)),
        environment_variables: Ordered::new(),
        scale: Some(Reference::Inline(Box::new(scale))),
        arguments: Vec::new(),
        health_checks: None,
        network: None,
        dialects: serde_json::Map::new(),
    };
    let cluster = Cluster {
        name: "sava".parse().expect("a name"),
        services: vec![service],
        gateways: Ordered::new(),
        health_checks: None,
        network: None,
        sla: None,
        dialects: serde_json::Map::new(),
        metadata: serde_json::Map::new(),
    };
    let gateway = GatewayTemplate { routes: vec![Route::new("sava/web".to_owned())], ..GatewayTemplate::default() };
    Blueprint {
        name: format!("sava:{version}").parse().expect("a name"),
        metadata: serde_json::Map::new(),
        clusters: vec![cluster],
        gateways: [("9050".to_owned(), gateway)].into_iter().collect(),
        environment_variables: Ordered::new(),
        dialects: serde_json::Map::new(),
    }
}

/// Waits for a condition; the deadline is far beyond what it takes.
async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting).await.unwrap_or_else(|_| panic!("{what}: not within the deadline"));
}

const fn percent(percent: u32) -> Weight {
    match Weight::from_percent(percent) {
        Some(weight) => weight,
        None => panic!("above 100"),
    }
}

#[tokio::test]
async fn a_deployment_is_served_once_its_instances_are_healthy() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 3).await;
    assert_eq!(vamp.healthy().await, [("sava:1.0".to_owned(), 3)].into());
    assert_eq!(vamp.weights().await, [("sava:1.0".to_owned(), "100%".to_owned())]);
    assert_eq!(vamp.served().matches("\\\"traffic\\\":\\\"ready\\\"").count(), 3, "{}", vamp.served());
}

#[tokio::test]
async fn a_version_merged_beside_another_gets_no_traffic_until_it_is_given_some() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 3).await;
    vamp.deploy("1.1", 2).await;
    let all =
        |old: &str, new: &str| vec![("sava:1.0".to_owned(), old.to_owned()), ("sava:1.1".to_owned(), new.to_owned())];
    assert_eq!(vamp.weights().await, all("100%", "0%"));
    let gateway = vamp.engine.gateway("sava/sava/web");
    gateway.weights([("sava:1.0", percent(90)), ("sava:1.1", percent(10))]).await.expect("moves");
    gateway.applied(DEADLINE).await.expect("applies");
    assert_eq!(vamp.weights().await, all("90%", "10%"));
    assert!(vamp.served().contains("\"90%\"") && vamp.served().contains("\"10%\""), "{}", vamp.served());
}

#[tokio::test]
async fn a_version_with_traffic_cannot_be_removed() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 1).await;
    vamp.deploy("1.1", 1).await;
    let refused = vamp.engine.undeploy("sava", &blueprint("1.0", 1), Options::default()).await;
    let Err(Failure::Invalid(violations)) = refused else { panic!("{refused:?}") };
    assert_eq!(violations.0[0].code, "InvalidRouteWeight");
    assert_eq!(vamp.healthy().await.len(), 2);
}

#[tokio::test]
async fn a_leaving_version_stops_only_after_its_last_connection() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 2).await;
    vamp.deploy("1.1", 1).await;
    let gateway = vamp.engine.gateway("sava/sava/web");
    gateway.weights([("sava:1.0", Weight::ZERO), ("sava:1.1", Weight::FULL)]).await.expect("moves");
    let (deployment, _) = vamp.engine.deployment("sava").await.expect("reads").expect("is there");
    let busy = deployment.clusters[0].services[0].instances[0].id.clone();
    vamp.proxy.set_connections(&busy, 1);
    vamp.engine.undeploy("sava", &blueprint("1.0", 2), Options::default()).await.expect("is accepted");
    eventually("the reason names the connection", async || {
        let (deployment, _) = vamp.engine.deployment("sava").await.expect("reads").expect("is there");
        let phase = &deployment.clusters[0].services[0].status.phase;
        phase.notification.as_deref().is_some_and(|reason| reason.contains("are open"))
    })
    .await;
    assert_eq!(vamp.healthy().await["sava:1.0"], 2, "both run while one is busy");
    vamp.proxy.set_connections(&busy, 0);
    vamp.engine.settled("sava", DEADLINE).await.expect("settles");
    assert_eq!(vamp.healthy().await, [("sava:1.1".to_owned(), 1)].into());
    assert_eq!(vamp.weights().await, [("sava:1.1".to_owned(), "100%".to_owned())]);
}

#[tokio::test]
async fn the_last_service_takes_the_deployment_and_its_gateways_along() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 2).await;
    vamp.engine.undeploy("sava", &blueprint("1.0", 2), Options::default()).await.expect("is accepted");
    vamp.engine.settled("sava", DEADLINE).await.expect("settles");
    assert!(vamp.engine.deployment("sava").await.expect("reads").is_none());
    assert!(vamp.engine.find::<Gateway>("sava/9050").await.expect("reads").is_none());
    eventually("the proxy serves nothing", async || vamp.proxy.serving().is_empty()).await;
}

#[tokio::test]
async fn a_scale_down_drains_before_it_stops() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 3).await;
    let (deployment, _) = vamp.engine.deployment("sava").await.expect("reads").expect("is there");
    for instance in &deployment.clusters[0].services[0].instances {
        vamp.proxy.set_connections(&instance.id, 1);
    }
    vamp.engine.deploy("sava", &blueprint("1.0", 1), Options::default()).await.expect("scales");
    eventually("two are taken out", async || vamp.served().matches("draining").count() == 2).await;
    assert_eq!(vamp.healthy().await["sava:1.0"], 3);
    for instance in &deployment.clusters[0].services[0].instances {
        vamp.proxy.set_connections(&instance.id, 0);
    }
    vamp.engine.settled("sava", DEADLINE).await.expect("settles");
    assert_eq!(vamp.healthy().await["sava:1.0"], 1);
}

#[tokio::test]
async fn a_restart_with_empty_routing_state_takes_nothing_away() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 2).await;
    let (served, instances) = (vamp.served(), vamp.healthy().await);
    let vamp = vamp.restart();
    vamp.engine.settled("sava", DEADLINE).await.expect("settles");
    assert_eq!(vamp.served(), served);
    eventually("what runs is observed", async || vamp.healthy().await == instances).await;
}

#[tokio::test]
async fn what_cannot_be_observed_is_neither_gone_nor_made_again() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 2).await;
    vamp.deploy("1.1", 1).await;
    let gateway = vamp.engine.gateway("sava/sava/web");
    gateway.weights([("sava:1.0", Weight::ZERO), ("sava:1.1", Weight::FULL)]).await.expect("moves");
    gateway.applied(DEADLINE).await.expect("applies");
    vamp.containers.fail(true);
    vamp.engine.undeploy("sava", &blueprint("1.0", 2), Options::default()).await.expect("is accepted");
    let settled = vamp.engine.settled("sava", Duration::from_secs(2)).await;
    assert!(matches!(settled, Err(Failure::NotYet(_))), "{settled:?}");
    assert!(vamp.engine.deployment("sava").await.expect("reads").is_some());
    vamp.containers.fail(false);
    vamp.engine.settled("sava", DEADLINE).await.expect("settles");
    assert_eq!(vamp.healthy().await, [("sava:1.1".to_owned(), 1)].into());
}

#[tokio::test]
async fn what_runs_and_is_no_longer_stored_is_removed() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 2).await;
    let names = [("deployments", "sava"), ("gateways", "sava/sava/web")];
    let mut yesterday = Vec::new();
    for (kind, name) in names {
        yesterday.push(vamp.persistence.get(kind, name).await.expect("reads").expect("is there").draft);
    }
    vamp.deploy("1.1", 1).await;
    for draft in yesterday {
        let present = vamp.persistence.get(&draft.kind, &draft.name).await.expect("reads").expect("is there").version;
        vamp.persistence.put(&draft, Some(&present)).await.expect("puts it back");
    }
    let scope = Scope::Owned { namespace: "default".to_owned() };
    eventually("only what is stored runs", async || {
        let seen = vamp.containers.observe(&scope).await.expect("observes").workloads;
        let ids: Vec<String> = seen.iter().filter_map(|one| Some(one.id.as_ref()?.to_string())).collect();
        assert!(ids.iter().any(|id| id.contains("sava:1.0")), "{ids:?}");
        ids.len() == 1
    })
    .await;
    assert_eq!(vamp.healthy().await, [("sava:1.0".to_owned(), 2)].into());
}

#[tokio::test]
async fn wiped_routing_state_is_written_again_and_served_throughout() {
    use vamp_core::{
        driver::{KeyValueExt as _, KeyValueStore as _},
        routing::Keys,
    };
    let vamp = Vamp::start();
    vamp.deploy("1.0", 1).await;
    let (served, keys) = (vamp.served(), Keys::new("default"));
    for (key, _) in vamp.key_value.list("/vamp/").await.expect("lists").0 {
        vamp.key_value.delete(&key).await.expect("deletes");
    }
    eventually("the table is back", async || {
        assert_eq!(vamp.served(), served);
        vamp.key_value.get(&keys.complete()).await.expect("reads").is_some()
    })
    .await;
}

#[tokio::test]
async fn a_gateway_that_the_agent_refuses_is_told_with_its_reason() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 1).await;
    vamp.proxy.refuse("sava/9050", true);
    vamp.engine.deploy("sava", &blueprint("1.0", 2), Options::default()).await.expect("is accepted");
    let Err(Failure::Refused(reason)) = vamp.engine.settled("sava", DEADLINE).await else { panic!("was served") };
    assert!(reason.contains("refused by the test"), "{reason}");
    vamp.proxy.refuse("sava/9050", false);
    eventually("it is tried again", async || vamp.engine.settled("sava", DEADLINE).await.is_ok()).await;
}

#[tokio::test]
async fn a_service_that_never_becomes_healthy_says_why() {
    let vamp = Vamp::start();
    vamp.containers.start_as(InstanceState::Unhealthy);
    vamp.engine.deploy("sava", &blueprint("1.0", 1), Options::default()).await.expect("is accepted");
    let Err(Failure::NotYet(reason)) = vamp.engine.settled("sava", Duration::from_secs(1)).await else {
        panic!("settled")
    };
    assert!(reason.contains("0 of 1 instances are healthy"), "{reason}");
    let (deployment, _) = vamp.engine.deployment("sava").await.expect("reads").expect("is there");
    assert_eq!(deployment.clusters[0].services[0].status.phase.name, PhaseName::Updating);
}

#[tokio::test]
async fn two_gateways_never_take_one_port() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 1).await;
    let gateway = Gateway::new("other".parse().expect("a name"), "9050/http".parse().expect("a port"));
    let refused = vamp.engine.put_gateway(&gateway, None).await;
    let Err(Failure::Conflict(violation)) = refused else { panic!("{refused:?}") };
    assert_eq!(violation.code, "UnavailableGatewayPortError");
}
