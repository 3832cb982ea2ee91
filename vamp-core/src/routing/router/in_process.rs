//! [`InProcess`]: the router as the proxy of an agent, for programs that route themselves.

use super::{Admitted, Entry, GatewayRouter, Router, RouterError, Unrouted, admitted::Open};
use crate::{
    Error, ErrorKind, Result,
    condition::Request,
    driver::{Applied, Document, GatewayRenderer, Proxy, ProxyStatus, Target},
    routing::{Gateway, Instance, RoutingTable, document},
};
use async_trait::async_trait;
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

const NAME: &str = "in-process";
/// How many reasons are kept.
const REASONS: usize = 100;

/// Renders gateways for [`InProcess`]: as their own JSON, once they are known to compile.
#[derive(Clone, Copy, Debug, Default)]
pub struct InProcessRenderer;

impl GatewayRenderer for InProcessRenderer {
    fn render(&self, table: &RoutingTable, _: &Target) -> BTreeMap<String, Result<Document, String>> {
        table.gateways.iter().map(|(name, gateway)| (name.clone(), render(gateway))).collect()
    }
}

fn render(gateway: &Gateway) -> Result<Document, String> {
    GatewayRouter::compile(gateway).map_err(|error| error.to_string())?;
    document::write(gateway).map_err(|error| error.to_string())
}

/// A proxy that is part of this program: an agent keeps it up to date and acknowledges what it serves, and the program
/// asks it for every request, with [`admit`](Self::admit).
///
/// Nothing has to be loaded again: a change of structure counts as a reload because it is one everywhere else.
#[derive(Debug, Default)]
pub struct InProcess(RwLock<State>);

#[derive(Debug, Default)]
struct State {
    router: Router,
    serving: BTreeMap<String, Arc<Document>>,
    /// By gateway, those included that are served no longer but still have open requests.
    open: BTreeMap<String, Arc<Open>>,
    status: ProxyStatus,
}

impl InProcess {
    /// Serves nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Decides a request, chooses an instance and counts the request there, all under one lock: whoever acknowledged
    /// that an instance gets nothing new has counted everything that it got before. See [`Router::decide`].
    ///
    /// # Errors
    ///
    /// `NotFound` if no gateway has that name, port or host; `Unavailable` if nobody can answer.
    pub fn admit(
        &self,
        entry: Entry<'_>,
        request: &impl Request,
        seed: u64,
        live: impl Fn(&Instance) -> bool,
    ) -> Result<Admitted> {
        let state = self.read();
        let Some(gateway) = state.router.find(entry) else {
            let error = Error::new(ErrorKind::NotFound, NAME, "admit", format!("{entry:?}"));
            return Err(error.because(Unrouted::NoGateway.to_string()));
        };
        let refused =
            |reason: String| Error::new(ErrorKind::Unavailable, NAME, "admit", gateway.name()).because(reason);
        let routed = gateway.decide(request, seed, &live).map_err(|reason| refused(reason.to_string()))?;
        let instance = routed.instance(&live);
        let instance = instance.ok_or_else(|| refused("the last instance that lived has just died".to_owned()))?;
        let open = state.open.get(gateway.name());
        let open = open.ok_or_else(|| Error::new(ErrorKind::Internal, NAME, "admit", gateway.name()))?;
        Ok(Admitted::new(gateway, &routed, instance, open))
    }

    /// The router as it is now, for looking at it: what it decides is not counted.
    #[must_use]
    pub fn router(&self) -> Router {
        self.read().router.clone()
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        // A change is complete before anything that could panic.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply_one(&self, name: &str, document: Option<&Document>) -> Result<Applied> {
        let refused = |kind, reason: String| Error::new(kind, NAME, "apply", name).because(reason);
        // Compiled before anybody has to wait for it.
        let compiled = document.map(|document| compile(document).map_err(|reason| refused(ErrorKind::Invalid, reason)));
        let compiled = compiled.transpose()?;
        let mut state = self.write();
        match compiled {
            Some(gateway) if gateway.name() != name => {
                return Err(refused(ErrorKind::Invalid, format!("the document is that of `{}`", gateway.name())));
            }
            Some(gateway) => {
                let taken = |error: RouterError| refused(ErrorKind::Conflict, error.to_string());
                state.router.insert(gateway).map_err(taken)?;
                state.open.entry(name.to_owned()).or_default();
            }
            None => state.router.remove(name),
        }
        let before = match document {
            Some(document) => state.serving.insert(name.to_owned(), Arc::new(document.clone())),
            None => state.serving.remove(name),
        };
        Ok(match (before, document) {
            (before, after) if before.as_deref() == after => Applied::Unchanged,
            (Some(before), Some(after)) if before.structure == after.structure => Applied::AtRunTime,
            _ => Applied::Reloaded,
        })
    }
}

fn compile(document: &Document) -> Result<GatewayRouter, String> {
    let gateway = document::read(document).map_err(|error| format!("not the document of a gateway: {error}"))?;
    GatewayRouter::compile(&gateway).map_err(|error| error.to_string())
}

impl State {
    fn count(&mut self, answers: &BTreeMap<String, Result<Applied>>) {
        let how = |wanted| answers.iter().filter(move |(_, answer)| answer.as_ref().is_ok_and(|how| *how == wanted));
        let structural = how(Applied::Reloaded).count() as u64;
        let status = &mut self.status;
        status.runtime_changes += how(Applied::AtRunTime).count() as u64;
        status.structural_changes += structural;
        status.coalesced += structural.saturating_sub(1);
        status.reloads += structural.min(1);
        status.reload_reasons.extend(how(Applied::Reloaded).map(|(name, _)| format!("`{name}` has another structure")));
        let surplus = status.reload_reasons.len().saturating_sub(REASONS);
        status.reload_reasons.drain(..surplus);
    }

    /// Forgets the counts of gateways that are gone with their last request.
    fn forget(&mut self) {
        let serving = &self.serving;
        self.open.retain(|name, open| serving.contains_key(name) || !open.counts().is_empty());
    }
}

#[async_trait]
impl Proxy for InProcess {
    async fn target(&self) -> Result<Target> {
        let mut target = Target::new((1, 0), IpAddr::V4(Ipv4Addr::LOCALHOST));
        target.serving = self.read().serving.clone();
        Ok(target)
    }

    async fn apply(&self, changes: &BTreeMap<String, Option<Document>>) -> BTreeMap<String, Result<Applied>> {
        // Who leaves goes first: its port is free for who comes.
        let (leaving, coming): (Vec<_>, Vec<_>) = changes.iter().partition(|(_, document)| document.is_none());
        let all = leaving.into_iter().chain(coming);
        let answers = all.map(|(name, document)| (name.clone(), self.apply_one(name, document.as_ref()))).collect();
        let mut state = self.write();
        state.count(&answers);
        state.forget();
        answers
    }

    async fn connections(&self, gateway: &str) -> Result<BTreeMap<String, u64>> {
        Ok(self.read().open.get(gateway).map(|open| open.counts()).unwrap_or_default())
    }

    async fn status(&self) -> Result<ProxyStatus> {
        let mut status = self.read().status.clone();
        status.proxy = format!("in-process router {}", env!("CARGO_PKG_VERSION"));
        Ok(status)
    }
}
