//! A renderer and a proxy that keep everything in memory: the executable specification of both seams, and what an
//! embedder's test uses in place of a real proxy.

use crate::{
    Error, ErrorKind, Result,
    driver::{self, Applied, Document, GatewayRenderer, ProxyStatus, Target},
    routing::{Decision, Gateway, RoutingTable, Target as Leads, document},
};
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, MutexGuard},
};

/// Renders a gateway as its own JSON: weights, strengths and instances are values, the rest is structure.
#[derive(Clone, Copy, Debug, Default)]
pub struct Renderer;

impl GatewayRenderer for Renderer {
    fn render(&self, table: &RoutingTable, _: &Target) -> BTreeMap<String, Result<Document, String>> {
        table.gateways.iter().map(|(name, gateway)| (name.clone(), render(gateway))).collect()
    }
}

fn render(gateway: &Gateway) -> Result<Document, String> {
    match doubled_route(&gateway.decision) {
        Some(name) => Err(format!("two routes have the name `{name}`")),
        None => document::write(gateway).map_err(|error| error.to_string()),
    }
}

fn doubled_route(decision: &Decision) -> Option<&str> {
    let mut names = BTreeSet::new();
    decision.routes.iter().find_map(|route| match &route.target {
        _ if !names.insert(&route.name) => Some(route.name.as_str()),
        Leads::Chained(inner) => doubled_route(inner),
        Leads::Instances(_) => None,
    })
}

/// Serves documents by remembering them. A test sets connections, refuses gateways, takes the proxy away.
#[derive(Debug, Default)]
pub struct Proxy {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    serving: BTreeMap<String, Arc<Document>>,
    connections: BTreeMap<String, u64>,
    refused: BTreeSet<String>,
    away: bool,
    status: ProxyStatus,
}

impl Proxy {
    /// Sets the open connections of an instance.
    pub fn set_connections(&self, instance: &str, open: u64) {
        self.lock().connections.insert(instance.to_owned(), open);
    }

    /// Refuses every change of this gateway from now on, or no longer.
    pub fn refuse(&self, gateway: &str, refuse: bool) {
        let refused = &mut self.lock().refused;
        if refuse {
            refused.insert(gateway.to_owned())
        } else {
            refused.remove(gateway)
        };
    }

    /// Answers nothing while away.
    pub fn set_away(&self, away: bool) {
        self.lock().away = away;
    }

    /// What is served.
    pub fn serving(&self) -> BTreeMap<String, Arc<Document>> {
        self.lock().serving.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        super::lock(&self.state)
    }

    fn reached(&self, operation: &'static str, subject: &str) -> Result<MutexGuard<'_, State>> {
        let state = self.lock();
        if state.away { Err(Error::new(ErrorKind::Unavailable, "memory", operation, subject)) } else { Ok(state) }
    }

    fn apply_one(&self, gateway: &str, document: Option<&Document>) -> Result<Applied> {
        let mut state = self.reached("apply", gateway)?;
        if state.refused.contains(gateway) {
            return Err(Error::new(ErrorKind::Invalid, "memory", "apply", gateway).because("refused by the test"));
        }
        if let Some(document) = document {
            let refuse = |cause| Error::new(ErrorKind::Invalid, "memory", "apply", gateway).because(cause);
            document::read(document).map_err(refuse)?;
        }
        let before = match document {
            Some(document) => state.serving.insert(gateway.to_owned(), Arc::new(document.clone())),
            None => state.serving.remove(gateway),
        };
        let how = match (&before, document) {
            (before, after) if before.as_deref() == after => Applied::Unchanged,
            (Some(before), Some(after)) if before.structure == after.structure => Applied::AtRunTime,
            _ => Applied::Reloaded,
        };
        match how {
            Applied::Unchanged => {}
            Applied::AtRunTime => state.status.runtime_changes += 1,
            Applied::Reloaded => {
                state.status.structural_changes += 1;
                state.status.reloads += 1;
            }
        }
        Ok(how)
    }
}

#[async_trait]
impl driver::Proxy for Proxy {
    async fn target(&self) -> Result<Target> {
        let state = self.reached("target", "")?;
        let mut target = Target::new((1, 0), IpAddr::V4(Ipv4Addr::LOCALHOST));
        target.serving = state.serving.clone();
        Ok(target)
    }

    async fn apply(&self, changes: &BTreeMap<String, Option<Document>>) -> BTreeMap<String, Result<Applied>> {
        let one =
            |(name, document): (&String, &Option<Document>)| (name.clone(), self.apply_one(name, document.as_ref()));
        changes.iter().map(one).collect()
    }

    async fn connections(&self, gateway: &str) -> Result<BTreeMap<String, u64>> {
        Ok(self.reached("connections", gateway)?.connections.clone())
    }

    async fn status(&self) -> Result<ProxyStatus> {
        let mut status = self.reached("status", "")?.status.clone();
        status.proxy = "memory".to_owned();
        Ok(status)
    }
}
