//! [`Admitted`]: a request that is counted until it is dropped.

use super::{GatewayRouter, Routed, routed::Spot};
use crate::routing::Instance;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The open requests of a gateway by instance.
#[derive(Debug, Default)]
pub(super) struct Open(Mutex<BTreeMap<String, u64>>);

impl Open {
    /// Those that are not zero.
    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = self.lock();
        counts.retain(|_, count| *count > 0);
        counts.clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        // Nothing that holds it can leave a count half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request on its way to an instance. It counts as an open connection until it is dropped: keep it until the answer,
/// or the stream, has ended.
#[derive(Debug)]
#[must_use = "the instance may be stopped as soon as this is dropped"]
pub struct Admitted {
    gateway: Arc<GatewayRouter>,
    spot: Spot,
    seed: u64,
    instance: Instance,
    open: Arc<Open>,
}

impl Admitted {
    pub(super) fn new(
        gateway: &Arc<GatewayRouter>,
        routed: &Routed<'_>,
        instance: &Instance,
        open: &Arc<Open>,
    ) -> Self {
        *open.lock().entry(instance.id.clone()).or_insert(0) += 1;
        let (spot, seed) = routed.spot();
        Self { gateway: Arc::clone(gateway), spot, seed, instance: instance.clone(), open: Arc::clone(open) }
    }

    /// Where it goes, and why.
    #[must_use]
    pub fn routed(&self) -> Routed<'_> {
        Routed::new(&self.gateway, self.spot, self.seed)
    }

    /// The instance to send it to.
    #[must_use]
    pub const fn instance(&self) -> &Instance {
        &self.instance
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if let Some(count) = self.open.lock().get_mut(&self.instance.id) {
            *count = count.saturating_sub(1);
        }
    }
}
