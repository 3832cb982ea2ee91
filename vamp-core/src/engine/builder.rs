//! [`Engine`], how it is put together, and how it runs.

use super::{Change, GatewayPorts, world::World};
use crate::{
    Error, ErrorKind, Result,
    driver::{Clock, ContainerDriver, EventStore, KeyValueStore, PersistenceStore},
    model::resolve::Globals,
    plan,
    routing::{HostDomain, Keys},
};
use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};
use tokio::sync::{Mutex, broadcast, mpsc, watch};

/// Subscribers that lag further behind lose the oldest changes.
const CHANGES: usize = 1_024;

/// Puts canaries out and moves traffic. Cheap to clone: clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    pub(super) shared: Arc<Shared>,
}

/// What all clones share.
pub(super) struct Shared {
    pub(super) namespace: String,
    pub(super) keys: Keys,
    pub(super) containers: BTreeMap<String, Arc<dyn ContainerDriver>>,
    pub(super) key_value: Arc<dyn KeyValueStore>,
    pub(super) persistence: Arc<dyn PersistenceStore>,
    pub(super) events: Arc<dyn EventStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: Settings,
    pub(super) gateway_ports: Option<GatewayPorts>,
    pub(super) world: watch::Sender<World>,
    pub(super) changes: broadcast::Sender<Change>,
    /// Held while a port is taken or a deployment changes together with its gateways.
    pub(super) structure: Mutex<()>,
    /// On the clock that never jumps.
    pub(super) started: Duration,
    pub(super) recorded_events: broadcast::Sender<Arc<crate::driver::Event>>,
    pub(super) sequence: AtomicU64,
    to_record: mpsc::Sender<crate::driver::Event>,
    recorded: Mutex<mpsc::Receiver<crate::driver::Event>>,
}

/// How long things may take. The defaults are what people expect.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Open connections of a leaving instance are waited for at most so long; 5 minutes.
    pub drain_deadline: Duration,
    /// A service that is not healthy so long after it was asked for has failed; 10 minutes.
    pub ready_deadline: Duration,
    /// Time between the polite signal and the kill; 10 seconds.
    pub grace: Duration,
    /// Everything is compared again at least so often; 30 seconds.
    pub resync: Duration,
    /// An agent that is silent so long is forgotten; 15 minutes.
    pub agent_forgotten_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            drain_deadline: Duration::from_secs(300),
            ready_deadline: Duration::from_secs(600),
            grace: Duration::from_secs(10),
            resync: Duration::from_secs(30),
            agent_forgotten_after: Duration::from_secs(900),
        }
    }
}

impl Settings {
    pub(super) const fn plan(&self) -> plan::Settings {
        plan::Settings { drain_deadline: self.drain_deadline, ready_deadline: self.ready_deadline, grace: self.grace }
    }
}

/// Collects the drivers of an [`Engine`].
#[derive(Debug, Default)]
#[must_use]
pub struct Builder {
    namespace: Option<String>,
    containers: BTreeMap<String, Arc<dyn ContainerDriver>>,
    key_value: Option<Arc<dyn KeyValueStore>>,
    persistence: Option<Arc<dyn PersistenceStore>>,
    events: Option<Arc<dyn EventStore>>,
    clock: Option<Arc<dyn Clock>>,
    settings: Settings,
    gateway_ports: Option<GatewayPorts>,
    site: plan::Site,
}

impl Builder {
    /// Whose instances and keys these are; `default` if not said.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// Adds a container driver under a name of its own. Services run on the first by name.
    pub fn containers(mut self, name: impl Into<String>, driver: Arc<dyn ContainerDriver>) -> Self {
        self.containers.insert(name.into(), driver);
        self
    }

    /// Where routing state is shared with the agents.
    pub fn key_value(mut self, store: Arc<dyn KeyValueStore>) -> Self {
        self.key_value = Some(store);
        self
    }

    /// Where artifacts are kept.
    pub fn persistence(mut self, store: Arc<dyn PersistenceStore>) -> Self {
        self.persistence = Some(store);
        self
    }

    /// Where events are kept.
    pub fn events(mut self, store: Arc<dyn EventStore>) -> Self {
        self.events = Some(store);
        self
    }

    /// Where time comes from.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// How long things may take.
    pub const fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Gateways without a port get one of these, durably, and the gateways of clusters are reached by themselves then, as
    /// `$cluster.ports.name` says. Without it they get none: they are part of those with a port only.
    pub const fn gateway_ports(mut self, ports: GatewayPorts) -> Self {
        self.gateway_ports = Some(ports);
        self
    }

    /// Where instances reach gateways, as `$cluster.host` says; `127.0.0.1` if not said.
    pub fn gateway_host(mut self, host: impl Into<String>) -> Self {
        self.site.gateway_host = host.into();
        self
    }

    /// Every http gateway with a port has a host name below this domain, beside those that it says. Proxies without a port
    /// for virtual hosts refuse such gateways.
    pub fn host_domain(mut self, domain: HostDomain) -> Self {
        self.site.host_domain = Some(domain);
        self
    }

    /// What `$config://path` and `$env://NAME` stand for in the values of artifacts; nothing if not said.
    pub fn globals(mut self, globals: Arc<dyn Globals>) -> Self {
        self.site.globals = Some(globals);
        self
    }

    /// The engine; nothing happens until it [runs](Engine::run).
    ///
    /// # Errors
    ///
    /// `Invalid`, when a store, the clock, or every container driver is missing.
    pub fn build(self) -> Result<Engine> {
        let missing = |what: &str| Error::new(ErrorKind::Invalid, "engine", "build", format!("without {what}"));
        if self.containers.is_empty() {
            return Err(missing("a container driver"));
        }
        let namespace = self.namespace.unwrap_or_else(|| "default".to_owned());
        let clock = self.clock.ok_or_else(|| missing("a clock"))?;
        let site = plan::Site { namespace: namespace.clone(), ..self.site };
        let (to_record, recorded) = mpsc::channel(CHANGES);
        let shared = Shared {
            keys: Keys::new(&namespace),
            namespace,
            containers: self.containers,
            key_value: self.key_value.ok_or_else(|| missing("a key-value store"))?,
            persistence: self.persistence.ok_or_else(|| missing("a persistence store"))?,
            events: self.events.ok_or_else(|| missing("an event store"))?,
            started: clock.elapsed(),
            clock,
            settings: self.settings,
            gateway_ports: self.gateway_ports,
            world: watch::Sender::new(World { site: Arc::new(site), ..World::default() }),
            changes: broadcast::Sender::new(CHANGES),
            structure: Mutex::new(()),
            recorded_events: broadcast::Sender::new(CHANGES),
            to_record,
            recorded: Mutex::new(recorded),
            sequence: AtomicU64::new(0),
        };
        Ok(Engine { shared: Arc::new(shared) })
    }
}

impl Engine {
    /// Collects the drivers of an engine.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Reconciles and publishes until `shutdown` is ready. Workloads and proxies go on without it.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        let observe = async {
            let names = self.shared.containers.keys().cloned();
            let mut drivers: tokio::task::JoinSet<()> = names.map(|name| self.clone().observe(name)).collect();
            while drivers.join_next().await.is_some() {}
        };
        tokio::select! {
            () = shutdown => {}
            () = self.follow_artifacts() => {}
            () = observe => {}
            () = self.follow_agents() => {}
            () = self.publish_changes() => {}
            () = self.reconcile_changes() => {}
            () = self.finish_merges() => {}
            () = self.give_ports() => {}
            () = self.follow_groups() => {}
            () = self.record_events() => {}
        }
    }

    /// What the engine does and notices from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.shared.changes.subscribe()
    }

    /// Tells subscribers and the event store.
    pub(super) fn tell(&self, change: Change) {
        let now = self.shared.clock.now();
        if self.shared.to_record.try_send(change.event(now, self.event_id(now))).is_err() {
            tracing::warn!(?change, "the event store lags behind: this event is not recorded");
        }
        // Without a subscriber there is nobody to tell.
        let _ = self.shared.changes.send(change);
    }

    async fn record_events(&self) {
        let mut queue = self.shared.recorded.lock().await;
        let mut events = Vec::new();
        while queue.recv_many(&mut events, CHANGES).await > 0 {
            crate::moment::reached("before-event");
            match self.shared.events.append(&events).await {
                Ok(()) => events.drain(..).for_each(|event| self.tell_followers(event)),
                Err(error) => {
                    tracing::warn!(error = %error.report(), events = events.len(), "events are not recorded");
                    events.clear();
                }
            }
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("namespace", &self.shared.namespace)
            .field("containers", &self.shared.containers.keys())
            .finish_non_exhaustive()
    }
}
