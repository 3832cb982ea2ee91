//! `vamp render`: what HAProxy would get, without a server.
//!
//! An engine in memory deploys what the files say, on a platform where every instance is healthy at once; what it would
//! tell its agents is rendered for HAProxy. So the lines are those of a server, but for the addresses of instances.

use super::{
    Ended, Trouble, Verdict, input, report,
    screen::{Output, Tone},
    validate,
};
use clap::Args as ClapArgs;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fmt::{Display, Write as _},
    future::pending,
    net::IpAddr,
    num::NonZeroU16,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use vamp_core::{
    Violation,
    agent::Agent,
    driver::{Clock, Document, GatewayRenderer as _, KeyValueStore as _, Target},
    engine::{Engine, Failure, GatewayPorts, Options},
    memory,
    model::{
        Blueprint,
        read::{Artifact, DeploymentRequest, Document as Read, Kind},
    },
    routing::{Gateway, Keys, RoutingTable},
};
use vamp_drivers::{
    SystemClock,
    gateway::haproxy::{Files, HaproxyConfig, HaproxyRenderer},
};

/// Nothing real is waited for.
const DEADLINE: Duration = Duration::from_secs(20);
/// Of the store in memory.
const NAMESPACE: &str = "default";

#[derive(Debug, ClapArgs)]
pub(crate) struct RenderArgs {
    /// The files; `-` is standard input
    #[arg(short, long = "file", value_name = "FILE", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
    /// What a document is that has no `kind`, e.g. gateway; by default what its keys say
    #[arg(long, value_name = "KIND")]
    kind: Option<Kind>,
    /// The name to deploy a blueprint under; by default its own
    #[arg(long, value_name = "NAME")]
    deployment: Option<String>,
    /// The address that gateways listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    bind: IpAddr,
    /// The port that gateways share, for requests to their virtual hosts
    #[arg(long, value_name = "PORT")]
    host_port: Option<NonZeroU16>,
    #[command(flatten)]
    output: Output,
}

pub(super) async fn run(args: &RenderArgs) -> Ended {
    let world = World::start()?;
    let sources = input::read_all(&args.files)?;
    let refuse = |found: &[Violation]| Trouble::Usage(report::in_files(&sources, found));
    let mut documents = validate::check(&sources, args.kind).map_err(|found| refuse(&found))?;
    // What others refer to comes first, wherever it stands.
    documents.sort_by_key(|document| match document {
        Read::Artifact(artifact) => matches!(artifact.kind(), Kind::Blueprint | Kind::Gateway),
        Read::Deployment { .. } => true,
    });
    let mut waited = Vec::new();
    for document in documents {
        let stored = world.store(document, args.deployment.as_deref()).await;
        waited.extend(stored.map_err(|failure| match failure {
            Failure::Invalid(found) => refuse(&found.0),
            Failure::Conflict(found) => refuse(&[found]),
            other => Trouble::Usage(other.to_string()),
        })?);
    }
    let mut haproxy = HaproxyConfig::new(".").with_bind(args.bind);
    haproxy.host_port = args.host_port;
    let rendered = Rendered::of(&world.table(&waited).await?, &haproxy)?;
    args.output.show(&rendered.to_json(), |_| rendered.words())?;
    Ok(if rendered.refused.is_empty() { Verdict::Yes } else { Verdict::Invalid })
}

/// Something that takes part in the routing once it has settled.
enum Waited {
    Gateway(String),
    Deployment(String),
}

/// A server in memory.
struct World {
    engine: Engine,
    routing: Arc<memory::KeyValue>,
}

impl World {
    fn start() -> Result<Self, Trouble> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let routing = Arc::new(memory::KeyValue::new(Arc::clone(&clock)));
        let engine = Engine::builder()
            .gateway_ports(GatewayPorts::default())
            .namespace(NAMESPACE)
            .containers("memory", Arc::new(memory::Containers::new()))
            .key_value(Arc::clone(&routing) as _)
            .persistence(Arc::new(memory::Persistence::new(Arc::clone(&clock))))
            .events(Arc::new(memory::Events::default()))
            .clock(Arc::clone(&clock))
            .build()
            .map_err(failed)?;
        let (renderer, proxy) = (Arc::new(memory::Renderer), Arc::new(memory::Proxy::default()));
        let agent = Agent::new("memory", NAMESPACE, Arc::clone(&routing) as _, renderer, proxy, clock);
        tokio::spawn(engine.clone().run(pending()));
        tokio::spawn(agent.run(pending()));
        Ok(Self { engine, routing })
    }

    async fn store(&self, document: Read, deployment: Option<&str>) -> Result<Option<Waited>, Failure> {
        match document {
            Read::Artifact(Artifact::Gateway(gateway)) => {
                let (stored, _) = self.engine.put_gateway(&gateway, None).await?;
                Ok(stored.port.number.map(|_| Waited::Gateway(stored.name.to_string())))
            }
            Read::Artifact(Artifact::Blueprint(blueprint)) => {
                self.deploy(deployment.unwrap_or(blueprint.name.as_str()), &blueprint).await
            }
            Read::Artifact(other) => self.engine.store_any(&other, None).await.map(|_| None),
            Read::Deployment { name, request: DeploymentRequest::Blueprint(blueprint) } => {
                self.deploy(name.as_str(), &blueprint).await
            }
            // A stored blueprint is none of these files, or is rendered by itself.
            Read::Deployment { .. } => Ok(None),
        }
    }

    async fn deploy(&self, name: &str, blueprint: &Blueprint) -> Result<Option<Waited>, Failure> {
        self.engine.deploy(name, blueprint, Options::DEFAULT).await?;
        Ok(Some(Waited::Deployment(name.to_owned())))
    }

    /// What agents are told, once everything has settled.
    async fn table(&self, waited: &[Waited]) -> Result<RoutingTable, Trouble> {
        for one in waited {
            let settled = match one {
                Waited::Gateway(name) => self.engine.applied(name, DEADLINE).await,
                Waited::Deployment(name) => self.engine.settled(name, DEADLINE).await,
            };
            settled.map_err(failed)?;
        }
        let keys = Keys::new(NAMESPACE);
        let mut table = RoutingTable::default();
        for (key, _) in self.routing.list(&keys.gateways()).await.map_err(failed)?.0 {
            let Some(name) = keys.gateway_of(&key) else { continue };
            let Some(entry) = self.routing.get(&key).await.map_err(failed)? else { continue };
            let gateway: Gateway = serde_json::from_slice(&entry.value).map_err(failed)?;
            table.gateways.insert(name, Arc::new(gateway));
        }
        Ok(table)
    }
}

fn failed(error: impl Display) -> Trouble {
    Trouble::Failed(error.to_string())
}

/// The files of HAProxy, and the gateways that are not in them.
struct Rendered {
    files: Files,
    refused: BTreeMap<String, String>,
}

impl Rendered {
    fn of(table: &RoutingTable, config: &HaproxyConfig) -> Result<Self, Trouble> {
        let mut target = Target::new((2, 6), config.bind);
        target.host_port = config.host_port;
        let (mut documents, mut refused) = (BTreeMap::<String, Document>::new(), BTreeMap::new());
        for (name, rendered) in HaproxyRenderer.render(table, &target) {
            match rendered {
                Ok(document) => drop(documents.insert(name, document)),
                Err(reason) => drop(refused.insert(name, reason)),
            }
        }
        let files = Files::of(config, &documents).map_err(failed)?;
        Ok(Self { files, refused })
    }

    fn to_json(&self) -> Value {
        json!({"configuration": self.files.configuration, "maps": self.files.maps, "refused": self.refused})
    }

    fn words(&self) -> String {
        let mut text = self.files.configuration.trim_end().to_owned();
        // Writing to a string cannot fail.
        for (path, map) in &self.files.maps {
            let _ = write!(text, "\n\n{}", Tone::Quiet.paint(format!("# --- {path}")));
            for line in map.lines() {
                let _ = write!(text, "\n{}", Tone::Quiet.paint(format!("# {line}")));
            }
        }
        for (name, reason) in &self.refused {
            let _ = write!(text, "\n\n{}", Tone::Bad.paint(format!("# gateway {name} is refused: {reason}")));
        }
        text
    }
}
