//! The only file that names drivers: from [`Config`] to an engine and an agent.

use crate::{config::Config, globals::Shared};
use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};
use vamp_core::{
    Error, ErrorKind, Result,
    agent::Agent,
    driver::{Clock, ContainerDriver, EventStore, GatewayRenderer, PersistenceStore, Proxy},
    engine::Engine,
    memory,
};
use vamp_drivers::SystemClock;

/// Time between the polite signal and the kill, when everything is stopped.
#[cfg(feature = "process")]
const GRACE: std::time::Duration = std::time::Duration::from_secs(10);

/// Everything that runs in one server.
#[derive(Debug)]
pub struct Composition {
    /// What the API calls.
    pub engine: Engine,
    /// What the API tells of its surroundings.
    #[cfg(feature = "http")]
    pub parts: crate::api::Parts,
    agent: Agent,
}

impl Composition {
    /// Opens every driver in the data folder, and finds what a former server left running there.
    ///
    /// # Errors
    ///
    /// When a driver cannot be opened, or this build has none of a kind.
    pub async fn open(config: &Config) -> Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let (persistence, events) = stores(config)?;
        let routing = Arc::new(memory::KeyValue::new(Arc::clone(&clock)));
        let mut builder =
            Engine::builder().gateway_host(gateway_host(config.gateway_bind)).globals(Arc::new(globals(config)));
        if let Some(ports) = config.gateway_ports {
            builder = builder.gateway_ports(ports);
        }
        if let Some(domain) = config.host_domain.clone() {
            builder = builder.host_domain(domain);
        }
        let engine = builder
            .namespace(&config.namespace)
            .containers("process", containers(config).await?)
            .key_value(Arc::clone(&routing) as _)
            .persistence(persistence)
            .events(events)
            .clock(Arc::clone(&clock))
            .build()?;
        let (renderer, proxy) = gateways(config).await?;
        #[cfg(feature = "http")]
        let parts = crate::api::Parts {
            persistence: "embedded",
            key_value: "memory",
            local: Some(crate::api::Local { renderer: Arc::clone(&renderer), proxy: Arc::clone(&proxy) }),
            log: Some(crate::log::Log::of_process()),
        };
        let agent = Agent::new("local", &config.namespace, routing, renderer, proxy, clock);
        Ok(Self {
            engine,
            #[cfg(feature = "http")]
            parts,
            agent,
        })
    }

    /// Runs the engine and the agent until `shutdown` is ready. Instances and the proxy go on without them.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        tokio::select! {
            () = self.engine.run(shutdown) => {}
            () = self.agent.run(std::future::pending()) => {}
        }
    }
}

/// What artifacts may refer to of this server.
fn globals(config: &Config) -> Shared {
    #[cfg(feature = "http")]
    let settings = crate::api::settings_as_text(config);
    #[cfg(not(feature = "http"))]
    let settings = std::collections::BTreeMap::new();
    // What is no text is no value.
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Shared::new(settings, &config.share_env, variables)
}

/// Where the instances of this host reach what listens on this address.
fn gateway_host(bind: IpAddr) -> String {
    match bind {
        IpAddr::V4(any) if any.is_unspecified() => Ipv4Addr::LOCALHOST.to_string(),
        IpAddr::V6(any) if any.is_unspecified() => Ipv6Addr::LOCALHOST.to_string(),
        bind => bind.to_string(),
    }
}

/// Stops the instances and the proxy of a data folder that no server uses; answers how many instances that were.
///
/// # Errors
///
/// When something cannot be stopped.
pub async fn stop(config: &Config) -> Result<usize> {
    let instances = stop_instances(config).await?;
    stop_gateways(config).await?;
    Ok(instances)
}

/// For a build without a driver of that kind.
#[allow(dead_code, reason = "a build with every driver has no use for it")]
fn missing(what: &'static str, feature: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, "server", "start", what)
        .because(format!("this build has no such driver; build it with the feature `{feature}`"))
}

#[cfg(feature = "embedded")]
fn stores(config: &Config) -> Result<(Arc<dyn PersistenceStore>, Arc<dyn EventStore>)> {
    let store = Arc::new(vamp_drivers::persistence::EmbeddedStore::open(config.data_dir.join("store.redb"))?);
    Ok((Arc::clone(&store) as _, store as _))
}

#[cfg(not(feature = "embedded"))]
fn stores(_: &Config) -> Result<(Arc<dyn PersistenceStore>, Arc<dyn EventStore>)> {
    Err(missing("a store of artifacts", "embedded"))
}

#[cfg(feature = "process")]
async fn containers(config: &Config) -> Result<Arc<dyn ContainerDriver>> {
    use vamp_drivers::container::process::{ProcessConfig, ProcessDriver};
    Ok(Arc::new(ProcessDriver::open(ProcessConfig::new(config.data_dir.join("instances"))).await?))
}

#[cfg(feature = "process")]
async fn stop_instances(config: &Config) -> Result<usize> {
    vamp_drivers::container::process::stop_folder(&config.data_dir.join("instances"), GRACE).await
}

#[cfg(not(feature = "process"))]
async fn containers(_: &Config) -> Result<Arc<dyn ContainerDriver>> {
    Err(missing("a driver for instances", "process"))
}

#[cfg(not(feature = "process"))]
async fn stop_instances(_: &Config) -> Result<usize> {
    Ok(0)
}

#[cfg(feature = "haproxy")]
async fn gateways(config: &Config) -> Result<(Arc<dyn GatewayRenderer>, Arc<dyn Proxy>)> {
    use vamp_drivers::gateway::haproxy::{AccessLog, HaproxyConfig, HaproxyProxy, HaproxyRenderer};
    let mut haproxy = HaproxyConfig::new(config.data_dir.join("haproxy"))
        .with_program(&config.haproxy)
        .with_bind(config.gateway_bind);
    haproxy.host_port = config.host_port;
    haproxy.certificates.clone_from(&config.certificates);
    haproxy.trusted_proxies = config.trusted_proxies.clone();
    haproxy.access_log = config.access_log.as_ref().map(AccessLog::new);
    Ok((Arc::new(HaproxyRenderer), Arc::new(HaproxyProxy::start(haproxy).await?)))
}

#[cfg(feature = "haproxy")]
async fn stop_gateways(config: &Config) -> Result<()> {
    vamp_drivers::gateway::haproxy::HaproxyProxy::stop_folder(&config.data_dir.join("haproxy")).await
}

#[cfg(not(feature = "haproxy"))]
async fn gateways(_: &Config) -> Result<(Arc<dyn GatewayRenderer>, Arc<dyn Proxy>)> {
    Err(missing("a proxy", "haproxy"))
}

#[cfg(not(feature = "haproxy"))]
async fn stop_gateways(_: &Config) -> Result<()> {
    Ok(())
}
