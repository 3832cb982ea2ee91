//! [`Agent`]: the loop.

use super::{
    Acknowledgement, Refusal,
    connections::{Connections, draining},
    follow::Followed,
};
use crate::{
    ErrorKind, Result,
    driver::{Clock, Document, GatewayRenderer, KeyValueStore, Lease, Proxy, Target, Transaction, Write},
    routing::{Gateway, Keys, RoutingTable},
};
use std::{
    collections::BTreeMap,
    future::Future,
    pin::pin,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// A life sign is written at least so often; the lease is three times as long.
const LIFE_SIGN: Duration = Duration::from_secs(5);
/// How often connections are counted while instances drain.
const COUNT: Duration = Duration::from_millis(100);
/// How soon a refused gateway, or a failed read, is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// Follows the routing table and makes one proxy serve it.
#[derive(Debug)]
pub struct Agent {
    name: String,
    keys: Keys,
    store: Arc<dyn KeyValueStore>,
    renderer: Arc<dyn GatewayRenderer>,
    proxy: Arc<dyn Proxy>,
    clock: Arc<dyn Clock>,
    followed: Followed,
    served: BTreeMap<String, String>,
    refused: BTreeMap<String, Refusal>,
    connections: Connections,
    told: Option<Acknowledgement>,
    lease: Option<(Lease, SystemTime)>,
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
        let keys = Keys::new(namespace);
        Self {
            name: name.into(),
            followed: Followed::new(keys.clone()),
            keys,
            store,
            renderer,
            proxy,
            clock,
            served: BTreeMap::new(),
            refused: BTreeMap::new(),
            connections: Connections::default(),
            told: None,
            lease: None,
        }
    }

    /// Runs until `shutdown` is ready. The proxy goes on serving afterwards.
    pub async fn run(mut self, shutdown: impl Future<Output = ()> + Send) {
        let mut shutdown = pin!(shutdown);
        loop {
            let pause = tokio::select! {
                pause = self.step() => pause,
                () = &mut shutdown => return,
            };
            tokio::select! {
                () = self.wait(pause) => {}
                () = &mut shutdown => return,
            }
        }
    }

    /// Reads, applies, acknowledges once; answers after what time to do so again without a change.
    async fn step(&mut self) -> Duration {
        match self.bring_up_to_date().await {
            Ok(()) if !self.refused.is_empty() => RETRY,
            Ok(()) if self.gateways_served().values().any(|gateway| !draining(gateway).is_empty()) => COUNT,
            Ok(()) => LIFE_SIGN,
            Err(error) => {
                tracing::warn!(agent = %self.name, error = %error.report(), "what is served stays as it is");
                RETRY
            }
        }
    }

    async fn wait(&self, pause: Duration) {
        let prefix = self.keys.gateways();
        tokio::select! {
            changed = self.store.changed(&prefix, &self.followed.cursor) => {
                if changed.is_err() {
                    self.clock.sleep(pause.min(RETRY)).await;
                }
            }
            () = self.clock.sleep(pause) => {}
        }
    }

    async fn bring_up_to_date(&mut self) -> Result<()> {
        self.followed.refresh(&*self.store).await?;
        let target = self.proxy.target().await?;
        self.apply(&target).await;
        self.acknowledge().await
    }

    // === serving ===

    async fn apply(&mut self, target: &Target) {
        let wanted = self.not_served_yet(target);
        let mut changes: BTreeMap<String, Option<Document>> = self.gone(target);
        self.refused.retain(|name, _| self.followed.unreadable.contains_key(name));
        for (name, document) in self.renderer.render(&wanted, target) {
            match document {
                Ok(document) => {
                    changes.insert(name, Some(document));
                }
                Err(reason) => self.refuse(&name, &wanted, reason),
            }
        }
        for (name, reason) in self.followed.unreadable.clone() {
            self.refuse(&name, &wanted, reason);
        }
        if changes.is_empty() {
            return;
        }
        for (name, applied) in self.proxy.apply(&changes).await {
            match (applied, wanted.gateways.get(&name)) {
                (Ok(how), Some(gateway)) => {
                    tracing::info!(agent = %self.name, gateway = %name, ?how, "applied");
                    self.served.insert(name, gateway.hash());
                }
                (Ok(_), None) => {
                    self.served.remove(&name);
                }
                (Err(error), _) => self.refuse(&name, &wanted, error.report()),
            }
        }
    }

    /// The gateways whose content is not what was last acknowledged, or which the proxy lost.
    fn not_served_yet(&self, target: &Target) -> RoutingTable {
        let differs = |name: &String, gateway: &Gateway| {
            self.served.get(name) != Some(&gateway.hash()) || !target.serving.contains_key(name)
        };
        let gateways = self.followed.gateways.iter().filter(|(name, gateway)| differs(name, gateway));
        RoutingTable { gateways: gateways.map(|(name, gateway)| (name.clone(), Arc::clone(gateway))).collect() }
    }

    /// The gateways that the proxy serves and the table, known to be complete, no longer has.
    fn gone(&self, target: &Target) -> BTreeMap<String, Option<Document>> {
        if !self.followed.complete {
            return BTreeMap::new();
        }
        let known =
            |name: &String| self.followed.gateways.contains_key(name) || self.followed.unreadable.contains_key(name);
        target.serving.keys().filter(|name| !known(name)).map(|name| (name.clone(), None)).collect()
    }

    fn refuse(&mut self, name: &str, wanted: &RoutingTable, reason: String) {
        let hash = wanted.gateways.get(name).map(|gateway| gateway.hash()).unwrap_or_default();
        let refusal = Refusal { hash, reason };
        if self.refused.get(name) != Some(&refusal) {
            tracing::warn!(agent = %self.name, gateway = %name, reason = %refusal.reason, "refused");
        }
        self.refused.insert(name.to_owned(), refusal);
    }

    /// What is known and served right now, by content.
    fn gateways_served(&self) -> BTreeMap<String, Arc<Gateway>> {
        let same = |name: &String, gateway: &Gateway| self.served.get(name) == Some(&gateway.hash());
        let gateways = self.followed.gateways.iter().filter(|(name, gateway)| same(name, gateway));
        gateways.map(|(name, gateway)| (name.clone(), Arc::clone(gateway))).collect()
    }

    // === acknowledging ===

    async fn acknowledge(&mut self) -> Result<()> {
        let served = self.gateways_served();
        let told = Acknowledgement {
            gateways: self.served.clone(),
            refused: self.refused.clone(),
            draining: self.connections.count(&*self.proxy, &served).await,
            status: self.proxy.status().await?,
        };
        let due = self.life_sign_due();
        if !due && self.told.as_ref() == Some(&told) {
            return Ok(());
        }
        let mut writes = vec![Write::Put {
            key: self.keys.served(&self.name),
            value: serde_json::to_vec(&told).map_err(|error| self.internal(error))?,
            lease: None,
        }];
        if due {
            let lease = Some(self.lease().await?);
            writes.push(Write::Put { key: self.keys.alive(&self.name), value: Vec::new(), lease });
        }
        self.store.commit(&Transaction { checks: Vec::new(), writes }).await?;
        self.told = Some(told);
        Ok(())
    }

    fn life_sign_due(&self) -> bool {
        let now = self.clock.now();
        let fresh = |at: &SystemTime| now.duration_since(*at).is_ok_and(|age| age < LIFE_SIGN);
        !self.lease.as_ref().is_some_and(|(_, at)| fresh(at))
    }

    /// The lease, renewed, or another one when it was lost.
    async fn lease(&mut self) -> Result<Lease> {
        let now = self.clock.now();
        let lease = match &self.lease {
            Some((lease, _)) => match self.store.renew(lease).await {
                Ok(()) => Some(lease.clone()),
                Err(error) if error.kind == ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            },
            None => None,
        };
        let ttl = (LIFE_SIGN * 3).max(self.store.limits().shortest_lease);
        let lease = match lease {
            Some(lease) => lease,
            None => self.store.lease(ttl).await?,
        };
        self.lease = Some((lease.clone(), now));
        Ok(lease)
    }

    fn internal(&self, error: serde_json::Error) -> crate::Error {
        crate::Error::new(ErrorKind::Internal, "agent", "acknowledge", self.name.clone()).because(error)
    }
}
