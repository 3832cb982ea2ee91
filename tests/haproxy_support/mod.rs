//! A real HAProxy in a folder of its own, backends that answer their name, and a client that counts answers.
#![allow(dead_code, unused_imports, unreachable_pub)] // Each test binary uses a part of it.

mod backend;
mod client;
#[path = "../port_support/mod.rs"]
mod port_support;

pub use backend::Backend;
pub use client::{Client, Load, shares};
pub use port_support::free_port;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};
use vamp_core::{
    condition::Condition,
    driver::{Applied, Document, GatewayRenderer, Proxy},
    routing::{Balance, Decision, Gateway, Instance, Protocol, Route, RoutingTable, Target, Traffic},
    weight::Weight,
};
use vamp_drivers::gateway::haproxy::{HaproxyConfig, HaproxyProxy, HaproxyRenderer};

/// A folder that is removed at the end, and the HAProxy in it ended.
#[derive(Debug)]
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("vamp-haproxy-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    /// `VAMP_TEST_HAPROXY` names another HAProxy than that of the `PATH`.
    pub fn config(&self) -> HaproxyConfig {
        let program = std::env::var("VAMP_TEST_HAPROXY").unwrap_or_else(|_| "haproxy".to_owned());
        HaproxyConfig::new(&self.0)
            .with_program(program)
            .with_coalesce(Duration::from_millis(10))
            .with_hard_stop_after(Duration::from_secs(30))
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.0.join("haproxy.log")).unwrap_or_default()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let path = self.0.clone();
        let ended = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let _ = runtime.block_on(HaproxyProxy::stop_folder(&path));
        });
        let _ = ended.join();
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A proxy with its folder.
#[derive(Debug)]
pub struct Haproxy {
    pub proxy: HaproxyProxy,
    pub folder: Folder,
}

impl Haproxy {
    pub async fn start(name: &str) -> Self {
        let folder = Folder::new(name);
        let config = folder.config();
        Self::start_with(folder, config).await
    }

    pub async fn start_with(folder: Folder, config: HaproxyConfig) -> Self {
        let proxy = HaproxyProxy::start(config).await.unwrap_or_else(|error| panic!("{}", error.report()));
        Self { proxy, folder }
    }

    /// Serves these gateways and no others.
    pub async fn serve(&self, gateways: &[Gateway]) -> BTreeMap<String, vamp_core::Result<Applied>> {
        serve(&self.proxy, gateways).await
    }

    /// Serves one gateway and says how.
    pub async fn serve_one(&self, gateway: &Gateway) -> Applied {
        let answers = self.serve(std::slice::from_ref(gateway)).await;
        match answers.into_iter().find(|(name, _)| *name == gateway.name).map(|(_, answer)| answer) {
            Some(Ok(applied)) => applied,
            other => panic!("{}: {other:?}", gateway.name),
        }
    }
}

/// Renders these gateways for the proxy and applies them; what it serves besides is ended.
pub async fn serve(proxy: &HaproxyProxy, gateways: &[Gateway]) -> BTreeMap<String, vamp_core::Result<Applied>> {
    let target = proxy.target().await.expect("a target");
    let mut changes: BTreeMap<String, Option<Document>> =
        target.serving.keys().map(|name| (name.clone(), None)).collect();
    for (name, document) in HaproxyRenderer.render(&table(gateways), &target) {
        changes.insert(name.clone(), Some(document.unwrap_or_else(|reason| panic!("{name}: {reason}"))));
    }
    proxy.apply(&changes).await
}

pub fn table(gateways: &[Gateway]) -> RoutingTable {
    let gateways = gateways.iter().map(|gateway| (gateway.name.clone(), Arc::new(gateway.clone()))).collect();
    RoutingTable { gateways }
}

pub fn gateway(name: &str, port: u16, routes: Vec<Route>) -> Gateway {
    let decision = Decision { gateway: name.to_owned(), sticky: None, routes };
    let port = port.try_into().expect("not zero");
    Gateway::new(name, port, decision)
}

/// A route by weight, in parts per million.
pub fn route(name: &str, ppm: u32, instances: Vec<Instance>) -> Route {
    to(name, ppm, Target::Instances(instances))
}

/// A route to another decision.
pub fn chained(name: &str, ppm: u32, routes: Vec<Route>) -> Route {
    to(name, ppm, Target::Chained(Decision { gateway: name.to_owned(), sticky: None, routes }))
}

fn to(name: &str, ppm: u32, target: Target) -> Route {
    Route::new(name, Weight::from_ppm(ppm).expect("at most 100 %"), target)
}

pub fn instance(id: &str, port: u16) -> Instance {
    let port = port.try_into().expect("not zero");
    Instance { id: id.to_owned(), host: "127.0.0.1".to_owned(), port, traffic: Traffic::Ready }
}

/// With a condition that takes this share of the requests that match.
pub fn conditioned(mut route: Route, condition: &str, percent: u32) -> Route {
    route.condition = Some(Condition::parse(condition).expect("a condition"));
    route.strength = Weight::from_percent(percent).expect("a share");
    route
}

/// Waits until `met` holds; panics with `what` after ten seconds.
pub async fn until<F: Future<Output = bool>>(what: &str, mut met: impl FnMut() -> F) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !met().await {
        assert!(Instant::now() < deadline, "not within ten seconds: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Whether `found` of `total` is within four standard deviations of a share in parts per million.
#[track_caller]
pub fn assert_share(counts: &BTreeMap<String, u64>, name: &str, ppm: u32) {
    let total: u64 = counts.values().sum();
    let (found, share) = (*counts.get(name).unwrap_or(&0) as f64, f64::from(ppm) / 1e6);
    let deviation = (total as f64 * share * (1.0 - share)).sqrt();
    assert!(
        (found - total as f64 * share).abs() <= 4.0 * deviation,
        "{name}: {found} of {total}, expected {share} within four times {deviation:.1}; {counts:?}"
    );
}
