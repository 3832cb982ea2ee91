//! The REST API: a translation between HTTP and the [`Engine`].
//!
//! | verb and path, below `/api/v1` | answer |
//! |---|---|
//! | GET `/info` | 200: what this server is and how its parts are |
//! | GET `/agents` · DELETE `/agents/{name}` | 200 · 204: who serves what; forget one that will not come back |
//! | GET, POST, PUT `/{kind}`, for each [`Kind`] | 200: a sorted list; `page`, `per_page` · 201, 200: one or several documents |
//! | GET, PUT, DELETE `/{kind}/{name}` | 200, 200, 204; gateways 200, 202, 204 |
//! | GET, POST `/deployments` · GET, PUT, DELETE `/deployments/{name}` | 200, 202: merges, or takes away |
//! | GET, PUT, DELETE `/deployments/{name}/clusters/{cluster}/sla` | 200, 202, 204 |
//! | GET, PUT `/deployments/{name}/clusters/{cluster}/services/{service}/scale` | 200, 202 |
//! | GET, PUT `/workflows/{name}/status` | 200, 202 |
//! | POST, PUT, DELETE `` | 202: documents of any kind, in order |
//! | GET, POST `/events` · GET `/events/stream` | 200, 201 · server-sent events |
//! | GET `/logs` | 200: server-sent events: what this server logs; `level`, `logger` |
//! | GET `/health/{of}`, `/metrics/{of}` | 200: the last value told of `gateways/…` or `deployments/…` |
//! | GET `/stats`, `/config`, `/config/{key}`, `/scheduler/nodes` | 200 |
//! | GET `/haproxy`, `/vga/{kind}/{version}/configuration` | 200: what the proxy beside this server serves |
//! | GET `/openapi.json`, `/openapi` | 200: all of this, for programs and for people |
//!
//! Beside it, `/websocket` is the same API message by message, and `/proxy/…` a way to what runs behind this server.
//!
//! Bodies are YAML or JSON; with a name in the path they may leave it out. `If-Match` with the `ETag` of an answer
//! changes only what was seen, 412 otherwise. `?validate_only=true` checks without storing. `?wait=SECONDS` answers when what was asked for
//! has taken effect, 504 with the reason if it has not by then. Every error is a problem document (RFC 9457) with every
//! violation at once.

mod address;
mod artifact;
mod body;
mod carry;
mod cluster;
mod compose;
mod configuration;
mod deployment;
mod documents;
mod error;
mod event;
mod extract;
mod gateway;
mod guard;
mod log;
mod measure;
mod native;
mod negotiate;
mod openapi;
mod page;
mod precondition;
mod preview;
mod process;
mod proxy;
mod references;
mod serve;
mod status;
mod targets;
mod vga;
mod websocket;
mod workflow;

pub(crate) use configuration::settings_as_text;
pub use error::{Problem, status_of};
pub use serve::serve;

use crate::{config::Config, log::Log};
use axum::{
    Router, middleware,
    routing::{any, delete, get, post},
};
use serde_json::Value;
use std::{net::IpAddr, sync::Arc};
use vamp_core::{
    driver::{GatewayRenderer, Proxy},
    engine::Engine,
    model::read::Kind,
};

/// What every request may need.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    engine: Engine,
    identity: Arc<status::Identity>,
    /// The name or address by which gateways are reached.
    gateway_host: Arc<str>,
    gateway_bind: IpAddr,
    native_conditions: bool,
    layers: Arc<configuration::Layers>,
    parts: Parts,
}

/// What surrounds the engine of a server, as the API tells it.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The kind of store for artifacts and events.
    pub persistence: &'static str,
    /// The kind of store that agents are told by.
    pub key_value: &'static str,
    /// The proxy beside this server, if there is one.
    pub local: Option<Local>,
    /// The log of the process, if it is to be read over the API.
    pub log: Option<Log>,
}

impl Default for Parts {
    fn default() -> Self {
        Self { persistence: "embedder's own", key_value: "embedder's own", local: None, log: None }
    }
}

/// A proxy that runs beside this server, and what renders for it.
#[derive(Clone, Debug)]
pub struct Local {
    /// Renders its configuration.
    pub renderer: Arc<dyn GatewayRenderer>,
    /// Serves it.
    pub proxy: Arc<dyn Proxy>,
}

impl Api {
    /// Refuses conditions in HAProxy's own language, if this server does not take them.
    fn check_native(&self, artifact: &Value) -> Result<(), Problem> {
        if self.native_conditions { Ok(()) } else { Ok(native::refuse(artifact)?) }
    }
}

/// The API of an engine, with the rules of its listener. Serve it alone, or nest it in a router of your own.
pub fn router(engine: &Engine, config: &Config) -> Router {
    router_with(engine, config, Parts::default())
}

/// The same, with what surrounds the engine.
pub fn router_with(engine: &Engine, config: &Config, parts: Parts) -> Router {
    let api = Api {
        engine: engine.clone(),
        identity: Arc::new(status::Identity::new(&config.namespace)),
        gateway_host: host_of(config.gateway_bind).into(),
        gateway_bind: config.gateway_bind,
        native_conditions: config.native_conditions,
        layers: Arc::new(configuration::Layers::new(config)),
        parts,
    };
    let guard = Arc::new(guard::Guard::new(config));
    let inner = Router::new()
        .nest("/api/v1", v1().with_state(api.clone()))
        .fallback(error::no_such_path)
        .layer(middleware::from_fn(carry::out));
    let sockets = websocket::Sockets { api: api.clone(), router: inner.clone() };
    let all = Router::new()
        .route("/websocket", get(websocket::open).with_state(sockets))
        .route("/proxy/{*way}", any(proxy::pass).with_state(api))
        .fallback_service(inner)
        .layer(middleware::from_fn_with_state(guard, guard::check));
    address::in_order(all, &config.namespace)
}

fn v1() -> Router<Api> {
    let stored = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Gateway);
    let artifacts = stored.map(artifact::routes).fold(Router::new(), Router::merge);
    Router::new()
        .route("/", post(documents::root).put(documents::root).delete(documents::root))
        .route("/gateways", get(gateway::list).post(gateway::create).put(gateway::put_all))
        .route("/gateways/{*name}", get(gateway::one).put(gateway::put).delete(gateway::remove))
        .merge(deployments())
        .merge(artifacts)
        .merge(told())
        .layer(middleware::from_fn(negotiate::check))
        // These answer in a form of their own.
        .route("/events/stream", get(event::stream))
        .route("/logs", get(log::stream))
        .route("/log", get(log::stream))
        .route("/docker-compose", post(compose::import))
        .route("/openapi", get(openapi::html))
        .route("/haproxy", get(vga::configuration))
        .route("/haproxy/{version}", get(vga::configuration))
        .route("/vga/{kind}/{name}/configuration", get(vga::configuration))
        .route("/vga/{kind}/{name}/config", get(vga::configuration))
        .route("/vga/{kind}/{name}/template", any(vga::template))
        .fallback(error::no_such_path)
        .method_not_allowed_fallback(error::no_such_method)
}

/// What the server tells of itself and of what happens.
fn told() -> Router<Api> {
    let config = || get(configuration::all).put(configuration::refuse).post(configuration::refuse);
    let info = || get(status::info);
    Router::new()
        .route("/info", info())
        .route("/information", info())
        .route("/stats", get(status::stats))
        .route("/statistics", get(status::stats))
        .route("/agents", get(status::agents))
        .route("/agents/{name}", delete(status::forget_agent))
        .route("/events", get(event::list).post(event::create))
        .route("/health/{*of}", get(measure::health))
        .route("/metrics/{*of}", get(measure::metrics))
        .route("/config", config())
        .route("/configuration", config())
        .route("/config/{key}", get(configuration::one))
        .route("/configuration/{key}", get(configuration::one))
        .route("/scheduler/nodes", get(status::nodes))
        .route("/scheduler/routing", get(status::not_here(ROUTING)))
        .route("/openapi.json", get(openapi::json))
        .route("/mesosconfig", get(status::not_here(MESOS)))
}

const ROUTING: &str = "what selectors can select is not listed yet; store a gateway with one, and its routes show it";
const MESOS: &str = "there is no Mesos driver in this server";

fn deployments() -> Router<Api> {
    const SLA: &str = "/deployments/{name}/clusters/{cluster}/sla";
    const SCALE: &str = "/deployments/{name}/clusters/{cluster}/services/{service}/scale";
    Router::new()
        .route("/deployments", get(deployment::list).post(deployment::create))
        .route("/deployments/{name}", get(deployment::one).put(deployment::merge).delete(deployment::remove))
        .route(SLA, get(cluster::sla).put(cluster::put_sla).post(cluster::put_sla).delete(cluster::remove_sla))
        .route(SCALE, get(cluster::scale).put(cluster::put_scale))
}

/// The address that gateways listen on, as others name it.
fn host_of(bind: IpAddr) -> String {
    match bind.is_unspecified() {
        true => rustix::system::uname().nodename().to_string_lossy().into_owned(),
        false => bind.to_string(),
    }
}
