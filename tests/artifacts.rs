//! The artifacts under `examples/` are what they say: they read together, survive being written, and are served.
#![cfg(test)]

use std::{collections::BTreeMap, fs, future::pending, net::Ipv4Addr, path::Path, sync::Arc, time::Duration};
use vamp_core::{
    agent::Agent,
    driver::{Clock, GatewayRenderer as _, KeyValueStore as _, Target},
    engine::{Engine, GatewayPorts, Options},
    memory,
    model::{
        Blueprint, Source, compose,
        read::{self, Artifact, Document, Kind},
        validate, write,
    },
    routing::{Gateway, Keys, RoutingTable},
};
use vamp_drivers::{SystemClock, gateway::haproxy::HaproxyRenderer};

const DEADLINE: Duration = Duration::from_secs(60);

/// The files, in the order of their names.
fn files() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/artifacts");
    let files = fs::read_dir(folder).expect("there are examples").map(|entry| entry.expect("a file").path());
    let named = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    files.map(|path| (named(&path), fs::read_to_string(&path).expect("an example reads"))).collect()
}

/// Everything in the files, read together: an artifact that says no kind is a blueprint.
fn artifacts(files: &BTreeMap<String, String>) -> Vec<Artifact> {
    let sources: Vec<Source<'_>> = files.iter().map(|(name, text)| Source { name, text }).collect();
    let read = validate(&sources, Some(Kind::Blueprint)).unwrap_or_else(|violations| panic!("{violations}"));
    let artifact = |document| match document {
        Document::Artifact(artifact) => artifact,
        Document::Deployment { name, .. } => panic!("{name} is a deployment"),
    };
    read.into_iter().map(artifact).collect()
}

#[test]
fn every_example_reads_and_survives_being_written() {
    let artifacts = artifacts(&files());
    for artifact in &artifacts {
        let written = write::artifact(artifact).to_string();
        assert_eq!(read::artifact(&written, artifact.kind()).as_ref(), Ok(artifact), "{written}");
    }
    let missing: Vec<Kind> =
        Kind::ALL.into_iter().filter(|kind| !artifacts.iter().any(|one| one.kind() == *kind)).collect();
    assert!(missing.is_empty(), "an example of every kind: {missing:?}");
}

#[test]
fn both_versions_of_sava_share_a_cluster() {
    let files = files();
    let blueprint = |file: &str| -> Blueprint { read::blueprint(&files[file]).expect(file) };
    let services = |file: &str| {
        let blueprint = blueprint(file);
        let cluster = blueprint.cluster("sava").expect("the cluster `sava`");
        cluster.services.iter().map(|service| service.breed.name().to_string()).collect::<Vec<String>>()
    };
    assert_eq!(services("sava-1.0.yml"), ["sava:1.0"]);
    assert_eq!(services("sava-1.1.yml"), ["sava:1.1"]);
    let old = blueprint("sava-1.0.yml");
    assert_eq!(old.gateways.get("9050").expect("the gateway 9050").routes[0].path, "sava/web");
}

#[test]
fn a_docker_compose_file_becomes_a_blueprint_that_reads() {
    let file = include_str!("../examples/compose/docker-compose.yml");
    let imported = compose::blueprint(file, "shop").unwrap_or_else(|violations| panic!("{violations}"));
    let written = write::blueprint(&imported.blueprint).to_string();
    assert_eq!(read::blueprint(&written), Ok(imported.blueprint));
    assert!(imported.comments.iter().any(|comment| comment.contains("restart")), "{:?}", imported.comments);
}

/// A server in memory, on which every instance is healthy at once.
struct World {
    engine: Engine,
    routing: Arc<memory::KeyValue>,
}

impl World {
    fn start() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let routing = Arc::new(memory::KeyValue::new(Arc::clone(&clock)));
        let engine = Engine::builder()
            .gateway_ports(GatewayPorts::default())
            .containers("memory", Arc::new(memory::Containers::new()))
            .key_value(Arc::clone(&routing) as _)
            .persistence(Arc::new(memory::Persistence::new(Arc::clone(&clock))))
            .events(Arc::new(memory::Events::default()))
            .clock(Arc::clone(&clock))
            .build()
            .expect("an engine");
        let proxy = Arc::new(memory::Proxy::default());
        let told = Arc::clone(&routing) as _;
        let agent = Agent::new("here", "default", told, Arc::new(memory::Renderer), proxy, clock);
        tokio::spawn(engine.clone().run(pending()));
        tokio::spawn(agent.run(pending()));
        Self { engine, routing }
    }

    /// What HAProxy would get: for each gateway its lines, or why there are none.
    async fn rendered(&self) -> BTreeMap<String, String> {
        let keys = Keys::new("default");
        let mut table = RoutingTable::default();
        for (key, _) in self.routing.list(&keys.gateways()).await.expect("a list").0 {
            let Some(name) = keys.gateway_of(&key) else { continue };
            let entry = self.routing.get(&key).await.expect("read").expect("there");
            let gateway: Gateway = serde_json::from_slice(&entry.value).expect("a gateway");
            table.gateways.insert(name, Arc::new(gateway));
        }
        let rendered = HaproxyRenderer.render(&table, &Target::new((2, 6), Ipv4Addr::LOCALHOST.into()));
        let lines = |(name, rendered): (String, Result<vamp_core::driver::Document, String>)| {
            let document = rendered.unwrap_or_else(|reason| panic!("{name}: {reason}"));
            (name, document.structure)
        };
        rendered.into_iter().map(lines).collect()
    }
}

#[tokio::test]
async fn every_example_is_deployed_and_rendered() {
    let world = World::start();
    let all = artifacts(&files());
    let (first, then): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|artifact| !matches!(artifact.kind(), Kind::Blueprint | Kind::Gateway));
    for artifact in first {
        world.engine.store_any(&artifact, None).await.expect("stored");
    }
    let mut expected = Vec::new();
    for artifact in then {
        match artifact {
            Artifact::Gateway(gateway) => {
                world.engine.put_gateway(&gateway, None).await.unwrap_or_else(|failure| panic!("{failure}"));
                world.engine.applied(gateway.name.as_str(), DEADLINE).await.expect("served");
                expected.push(gateway.name.to_string());
            }
            Artifact::Blueprint(blueprint) => {
                // The versions of sava are one deployment, or one port would be taken twice.
                let name = blueprint.name.as_str().split(':').next().expect("a name");
                let deployed = world.engine.deploy(name, &blueprint, Options::DEFAULT).await;
                deployed.unwrap_or_else(|failure| panic!("{name}: {failure}"));
                world.engine.settled(name, DEADLINE).await.unwrap_or_else(|failure| panic!("{name}: {failure}"));
                expected.extend(blueprint.gateways.keys().map(|port| format!("{name}/{port}")));
            }
            _ => {}
        }
    }
    let rendered = world.rendered().await;
    for name in expected {
        assert!(rendered.get(&name).is_some_and(|lines| !lines.is_empty()), "{name}: {:?}", rendered.keys());
    }
}
