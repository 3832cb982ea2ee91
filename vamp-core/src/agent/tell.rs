//! Telling the engine what is served, and that this agent lives.

use super::{PARTS, Part, serve::LIFE_SIGN};
use crate::{
    Error, ErrorKind, Result,
    driver::{Clock, KeyValueStore, Lease, ProxyStatus, Transaction, Write},
    layer::batches,
    routing::Keys,
};
use std::{collections::BTreeSet, sync::Arc, time::SystemTime};

/// Writes what differs from what it last wrote.
#[derive(Debug)]
pub(super) struct Teller {
    agent: String,
    keys: Keys,
    store: Arc<dyn KeyValueStore>,
    clock: Arc<dyn Clock>,
    /// `None` = what the store holds is not known.
    told: Option<(Vec<Part>, ProxyStatus)>,
    lease: Option<(Lease, SystemTime)>,
}

impl Teller {
    pub(super) const fn new(agent: String, keys: Keys, store: Arc<dyn KeyValueStore>, clock: Arc<dyn Clock>) -> Self {
        Self { agent, keys, store, clock, told: None, lease: None }
    }

    /// Writes the parts and the state of the proxy where they changed, and a life sign when one is due.
    pub(super) async fn tell(&mut self, parts: &[Part], status: &ProxyStatus) -> Result<()> {
        let due = self.life_sign_due();
        if due && self.told.is_some() && !self.is_still_there().await? {
            tracing::warn!(agent = %self.agent, "the routing store has lost what is served; it is told again");
            self.told = None;
        }
        let mut writes = self.differences(parts, status)?;
        if due {
            let lease = Some(self.lease().await?);
            writes.push(Write::Put { key: self.keys.alive(&self.agent), value: Vec::new(), lease });
        }
        if writes.is_empty() {
            return Ok(());
        }
        // Unless all of it succeeds, nobody knows what the store holds.
        self.told = None;
        for batch in batches(writes.into_iter().map(|write| ((), write)).collect(), &self.store.limits()) {
            let writes = batch.into_iter().map(|((), write)| write).collect();
            self.store.commit(&Transaction { checks: Vec::new(), writes }).await?;
        }
        self.told = Some((parts.to_vec(), status.clone()));
        Ok(())
    }

    fn differences(&self, parts: &[Part], status: &ProxyStatus) -> Result<Vec<Write>> {
        let put = |key: String, value: serde_json::Result<Vec<u8>>| {
            let unwritable =
                |error| Error::new(ErrorKind::Internal, "agent", "acknowledge", &self.agent).because(error);
            Ok(Write::Put { key, value: value.map_err(unwritable)?, lease: None })
        };
        let told = |number: usize| self.told.as_ref().and_then(|(parts, _)| parts.get(number));
        let mut writes = Vec::new();
        for (number, part) in parts.iter().enumerate().filter(|(number, part)| told(*number) != Some(part)) {
            writes.push(put(self.keys.served(&self.agent, number), serde_json::to_vec(part))?);
        }
        if self.told.as_ref().is_none_or(|(_, told)| told != status) {
            writes.push(put(self.keys.status(&self.agent), serde_json::to_vec(status))?);
        }
        Ok(writes)
    }

    /// Whether the store has every key that was written.
    async fn is_still_there(&self) -> Result<bool> {
        let (listed, _) = self.store.list(&self.keys.agent(&self.agent)).await?;
        let listed: BTreeSet<String> = listed.into_iter().map(|(key, _)| key).collect();
        let mut keys =
            (0..PARTS).map(|part| self.keys.served(&self.agent, part)).chain([self.keys.status(&self.agent)]);
        Ok(keys.all(|key| listed.contains(&key)))
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
}
