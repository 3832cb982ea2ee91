//! An engine, an agent, and everything behind them, in memory.

use std::{collections::BTreeMap, sync::Arc, time::Duration};
use vamp_core::{
    agent::Agent,
    driver::{Clock, InstanceState, PersistenceStore},
    engine::{Builder, Engine, Options, Settings},
    memory,
    model::{
        Blueprint, Breed, Cluster, Deployable, Gateway, GatewayTemplate, Ordered, Port, Reference, Route, Scale,
        Service,
    },
    weight::Weight,
};
use vamp_drivers::SystemClock;

pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// An engine, an agent, and everything behind them, in memory.
pub(crate) struct Vamp {
    pub(crate) engine: Engine,
    pub(crate) containers: memory::Containers,
    pub(crate) proxy: Arc<memory::Proxy>,
    pub(crate) key_value: Arc<memory::KeyValue>,
    pub(crate) persistence: Arc<dyn PersistenceStore>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Drop for Vamp {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

impl Vamp {
    pub(crate) fn start() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let persistence = Arc::new(memory::Persistence::new(Arc::clone(&clock)));
        Self::start_with(memory::Containers::new(), Arc::default(), persistence)
    }

    /// What a restart leaves: instances, the proxy and what is stored; the routing state is gone.
    pub(crate) fn restart(self) -> Self {
        Self::start_with(self.containers.reopen(), Arc::clone(&self.proxy), Arc::clone(&self.persistence))
    }

    pub(crate) fn start_with(
        containers: memory::Containers,
        proxy: Arc<memory::Proxy>,
        persistence: Arc<dyn PersistenceStore>,
    ) -> Self {
        Self::start_tuned(containers, proxy, persistence, Settings::default())
    }

    /// One whose gateways get ports by themselves.
    pub(crate) fn start_giving(ports: &str, persistence: Arc<dyn PersistenceStore>) -> Self {
        let builder = Engine::builder().gateway_ports(ports.parse().expect("a range"));
        Self::start_built(builder, memory::Containers::new(), Arc::default(), persistence)
    }

    pub(crate) fn start_tuned(
        containers: memory::Containers,
        proxy: Arc<memory::Proxy>,
        persistence: Arc<dyn PersistenceStore>,
        settings: Settings,
    ) -> Self {
        Self::start_built(Engine::builder().settings(settings), containers, proxy, persistence)
    }

    pub(crate) fn start_built(
        builder: Builder,
        containers: memory::Containers,
        proxy: Arc<memory::Proxy>,
        persistence: Arc<dyn PersistenceStore>,
    ) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let key_value = Arc::new(memory::KeyValue::new(Arc::clone(&clock)));
        let engine = builder
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

    pub(crate) async fn deploy(&self, version: &str, instances: u32) {
        let blueprint = blueprint(version, instances);
        self.engine.deploy("sava", &blueprint, Options::default()).await.expect("deploys");
        self.engine.settled("sava", DEADLINE).await.expect("settles");
    }

    /// The weights of the routes of the cluster's gateway, by breed.
    pub(crate) async fn weights(&self) -> Vec<(String, String)> {
        let (gateway, _) = self.engine.find::<Gateway>("sava/sava/web").await.expect("reads").expect("is there");
        let name = |route: &Route| route.path.to_string().split('/').nth(2).expect("four segments").to_owned();
        gateway.routes.iter().map(|route| (name(route), route.weight.expect("completed").to_string())).collect()
    }

    pub(crate) async fn healthy(&self) -> BTreeMap<String, usize> {
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
    pub(crate) fn served(&self) -> String {
        self.proxy.serving().get("sava/9050").map(|document| format!("{document:?}")).unwrap_or_default()
    }
}

pub(crate) fn blueprint(version: &str, instances: u32) -> Blueprint {
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
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting).await.unwrap_or_else(|_| panic!("{what}: not within the deadline"));
}

pub(crate) const fn percent(percent: u32) -> Weight {
    match Weight::from_percent(percent) {
        Some(weight) => weight,
        None => panic!("above 100"),
    }
}
