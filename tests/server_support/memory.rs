//! The API over memory drivers, on a port of its own.

use super::http::{Ask, Reply};
use std::{net::SocketAddr, sync::Arc};
use tokio::{net::TcpListener, task::JoinHandle};
use vamp_core::{
    agent::Agent,
    driver::{Clock, Page, PersistenceStore, Version},
    engine::Engine,
    memory,
};
use vamp_drivers::SystemClock;
use vamp_server::{api, config::Given};

const KINDS: [&str; 6] = ["blueprints", "breeds", "conditions", "deployments", "gateways", "scales"];

/// An API, an engine, an agent, and everything behind them.
pub struct Server {
    pub address: SocketAddr,
    pub proxy: Arc<memory::Proxy>,
    pub containers: memory::Containers,
    pub persistence: Arc<dyn PersistenceStore>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Server {
    pub async fn start() -> Self {
        Self::start_with(Given::default()).await
    }

    /// With these settings, but on a free port of its own; gateways get ports only if a range is among them.
    pub async fn start_with(given: Given) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let gives_ports = given.gateway_ports.is_some();
        let mut config = given.complete().expect("settings");
        if config.listen.ip().is_loopback() {
            config.listen = address;
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let persistence: Arc<dyn PersistenceStore> = Arc::new(memory::Persistence::new(Arc::clone(&clock)));
        let (containers, proxy) = (memory::Containers::new(), Arc::new(memory::Proxy::default()));
        let key_value = Arc::new(memory::KeyValue::new(Arc::clone(&clock)));
        let ports = config.gateway_ports.filter(|_| gives_ports);
        let builder = ports.map_or_else(Engine::builder, |ports| Engine::builder().gateway_ports(ports));
        let engine = builder
            .containers("memory", Arc::new(containers.clone()))
            .key_value(Arc::clone(&key_value) as _)
            .persistence(Arc::clone(&persistence))
            .events(Arc::new(memory::Events::default()))
            .clock(Arc::clone(&clock))
            .build()
            .expect("every driver is there");
        let agent =
            Agent::new("test", "default", key_value, Arc::new(memory::Renderer), Arc::clone(&proxy) as _, clock);
        let local = api::Local { renderer: Arc::new(memory::Renderer), proxy: Arc::clone(&proxy) as _ };
        let parts = api::Parts { persistence: "memory", key_value: "memory", local: Some(local), log: None };
        let router = api::router_with(&engine, &config, parts);
        let tasks = vec![
            tokio::spawn(engine.run(std::future::pending())),
            tokio::spawn(agent.run(std::future::pending())),
            tokio::spawn(api::serve(listener, router, std::future::pending())),
        ];
        Self { address, proxy, containers, persistence, tasks }
    }

    pub async fn ask(&self, ask: Ask) -> Reply {
        ask.send(self.address).await.unwrap_or_else(|error| panic!("{error}: {ask:?}"))
    }

    /// Asks for what must be refused with this status, and leave everything as it is.
    pub async fn refused(&self, status: u16, ask: Ask) -> Reply {
        let before = self.stored().await;
        let reply = self.ask(ask).await.refused(status);
        assert_eq!(self.stored().await, before, "nothing is stored by {reply:?}");
        reply
    }

    /// Everything that is stored.
    pub async fn stored(&self) -> Vec<(String, Version)> {
        let mut all = Vec::new();
        for kind in KINDS {
            for record in self.persistence.list(kind, &Page::ALL).await.expect("lists") {
                all.push((format!("{kind}/{}", record.draft.name), record.version));
            }
        }
        all
    }
}
