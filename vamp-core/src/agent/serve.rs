//! [`Agent`]: the loop.

use super::{
    PARTS, Part, Refusal,
    connections::Connections,
    follow::{Followed, Known},
    tell::Teller,
};
use crate::{
    Result,
    driver::{Clock, Document, GatewayRenderer, KeyValueStore, Proxy, Target},
    moment,
    routing::{Keys, RoutingTable},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::pin,
    sync::Arc,
    time::Duration,
};

/// What is served is compared with the table, and a life sign is written, at least so often.
pub(super) const LIFE_SIGN: Duration = Duration::from_secs(5);
/// How often connections are counted while instances drain.
const COUNT: Duration = Duration::from_millis(100);
/// How soon a refused gateway, or a failed read, is tried again.
const RETRY: Duration = Duration::from_secs(2);
/// So many characters of a reason are passed on.
const LONGEST_REASON: usize = 1_000;

/// Follows the routing table and makes one proxy serve it.
#[derive(Debug)]
pub struct Agent {
    name: String,
    store: Arc<dyn KeyValueStore>,
    renderer: Arc<dyn GatewayRenderer>,
    proxy: Arc<dyn Proxy>,
    clock: Arc<dyn Clock>,
    keys: Keys,
    followed: Followed,
    /// What the proxy serves, by the hash of its content; an empty one = not known.
    served: BTreeMap<String, String>,
    refused: BTreeMap<String, Refusal>,
    /// The same, as it is told.
    parts: Vec<Part>,
    connections: Connections,
    teller: Teller,
    /// When, by [`Clock::elapsed`], the table was last applied.
    applied: Option<Duration>,
    /// Whether something may have changed since.
    stale: bool,
}

impl Agent {
    /// An agent of this name; names are unique within a namespace.
    pub fn new(
        name: impl Into<String>,
        namespace: &str,
        store: Arc<dyn KeyValueStore>,
        renderer: Arc<dyn GatewayRenderer>,
        proxy: Arc<dyn Proxy>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (name, keys) = (name.into(), Keys::new(namespace));
        Self {
            followed: Followed::new(keys.clone()),
            teller: Teller::new(name.clone(), keys.clone(), Arc::clone(&store), Arc::clone(&clock)),
            name,
            keys,
            store,
            renderer,
            proxy,
            clock,
            served: BTreeMap::new(),
            refused: BTreeMap::new(),
            parts: vec![Part::default(); PARTS],
            connections: Connections::default(),
            applied: None,
            stale: true,
        }
    }

    /// Runs until `shutdown` is ready. The proxy goes on serving afterwards.
    pub async fn run(mut self, shutdown: impl Future<Output = ()> + Send) {
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                () = self.step() => {}
                () = &mut shutdown => return,
            }
        }
    }

    /// Reads, applies, acknowledges once, and waits until there is something to do again.
    async fn step(&mut self) {
        match self.bring_up_to_date().await {
            Ok(()) => self.wait(self.pause()).await,
            Err(error) => {
                tracing::warn!(agent = %self.name, error = %error.report(), "what is served stays as it is");
                self.stale = true;
                // Asking for changes would answer at once: what changed before has not been read.
                self.clock.sleep(RETRY).await;
            }
        }
    }

    /// How long nothing has to be done without a change.
    pub(super) fn pause(&self) -> Duration {
        let until_due = self.interval().saturating_sub(self.age().unwrap_or_default());
        if self.counted().next().is_some() { until_due.min(COUNT) } else { until_due }
    }

    /// How long the table stays applied before it is compared again.
    fn interval(&self) -> Duration {
        if self.refused.is_empty() { LIFE_SIGN } else { RETRY }
    }

    /// How long ago the table was applied.
    fn age(&self) -> Option<Duration> {
        Some(self.clock.elapsed().saturating_sub(self.applied?))
    }

    async fn wait(&mut self, pause: Duration) {
        let prefix = self.keys.gateways();
        tokio::select! {
            changed = self.store.changed(&prefix, &self.followed.cursor) => {
                if changed.is_err() {
                    self.clock.sleep(pause.min(RETRY)).await;
                }
                self.stale = true;
            }
            () = self.clock.sleep(pause) => {}
        }
    }

    pub(super) async fn bring_up_to_date(&mut self) -> Result<()> {
        if self.stale || self.age().is_none_or(|age| age >= self.interval()) {
            self.followed.refresh(&*self.store).await?;
            let target = self.proxy.target().await?;
            self.apply(&target).await;
            self.applied = Some(self.clock.elapsed());
            self.stale = false;
        }
        self.acknowledge().await
    }

    /// As after a change that the store told.
    #[cfg(test)]
    pub(super) const fn look_again(&mut self) {
        self.stale = true;
    }

    // === serving ===

    async fn apply(&mut self, target: &Target) {
        self.recognise(target);
        let before = std::mem::take(&mut self.refused);
        let wanted = self.not_served_yet();
        let mut changes = self.gone(target);
        for (name, document) in self.renderer.render(&wanted, target) {
            match document {
                Ok(document) => drop(changes.insert(name, Some(document))),
                Err(reason) => self.refuse(&name, &reason),
            }
        }
        for (name, reason) in self.followed.unreadable.clone() {
            self.refuse(&name, &reason);
        }
        if !changes.is_empty() {
            for (name, applied) in self.proxy.apply(&changes).await {
                match (applied, self.followed.gateways.get(&name)) {
                    (Ok(how), Some(known)) if wanted.gateways.contains_key(&name) => {
                        tracing::info!(agent = %self.name, gateway = %name, ?how, "applied");
                        self.served.insert(name, known.hash.clone());
                    }
                    (Ok(_), _) => drop(self.served.remove(&name)),
                    (Err(error), _) => self.refuse(&name, &error.report()),
                }
            }
        }
        for (name, refusal) in self.refused.iter().filter(|(name, refusal)| before.get(*name) != Some(refusal)) {
            tracing::warn!(agent = %self.name, gateway = %name, reason = %refusal.reason, "refused");
        }
        self.sort_into_parts();
    }

    /// What is served is what the proxy says, whoever made it do so; content that nobody here applied is unknown.
    fn recognise(&mut self, target: &Target) {
        self.served.retain(|name, _| target.serving.contains_key(name));
        for name in target.serving.keys() {
            if !self.served.contains_key(name) {
                self.served.insert(name.clone(), String::new());
            }
        }
    }

    /// The gateways that the proxy does not serve with this content.
    fn not_served_yet(&self) -> RoutingTable {
        let differs = |name: &String, known: &Known| self.served.get(name) != Some(&known.hash);
        let gateways = self.followed.gateways.iter().filter(|(name, known)| differs(name, known));
        RoutingTable { gateways: gateways.map(|(name, known)| (name.clone(), Arc::clone(&known.gateway))).collect() }
    }

    /// The gateways that the proxy serves and the table, known to be complete, no longer has.
    fn gone(&self, target: &Target) -> BTreeMap<String, Option<Document>> {
        let gone = target.serving.keys().filter(|name| self.followed.is_gone(name));
        gone.map(|name| (name.clone(), None)).collect()
    }

    fn refuse(&mut self, name: &str, reason: &str) {
        let unreadable = self.followed.unreadable.contains_key(name);
        let known = self.followed.gateways.get(name).filter(|_| !unreadable);
        let hash = known.map(|known| known.hash.clone()).unwrap_or_default();
        let reason = reason.chars().take(LONGEST_REASON).collect();
        self.refused.insert(name.to_owned(), Refusal { hash, reason });
    }

    // === acknowledging ===

    fn sort_into_parts(&mut self) {
        self.parts = vec![Part::default(); PARTS];
        for (name, hash) in &self.served {
            self.parts[Part::of(name)].gateways.insert(name.clone(), hash.clone());
        }
        for (name, refusal) in &self.refused {
            self.parts[Part::of(name)].refused.insert(name.clone(), refusal.clone());
        }
    }

    async fn acknowledge(&mut self) -> Result<()> {
        let counted = counted(&self.followed, &self.served);
        let counts = self.connections.count(&*self.proxy, counted).await;
        for (part, draining) in self.parts.iter_mut().zip(counts) {
            part.draining = draining;
        }
        let status = self.proxy.status().await?;
        self.teller.tell(&self.parts, &status).await?;
        if self.parts.iter().any(|part| !part.draining.is_empty()) {
            moment::reached("mid-drain");
        }
        Ok(())
    }

    fn counted(&self) -> impl Iterator<Item = (&str, &BTreeSet<String>)> {
        counted(&self.followed, &self.served)
    }
}

/// The gateways served as the table has them whose instances drain, with those.
fn counted<'a>(
    followed: &'a Followed,
    served: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = (&'a str, &'a BTreeSet<String>)> {
    let drains = followed.gateways.iter().filter(|(_, known)| !known.draining.is_empty());
    let same = drains.filter(|(name, known)| served.get(*name) == Some(&known.hash));
    same.map(|(name, known)| (name.as_str(), &known.draining))
}
