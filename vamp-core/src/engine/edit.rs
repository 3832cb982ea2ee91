//! Small changes of what is deployed.

use super::{Engine, Failure, records::Found};
use crate::model::Deployment;
use std::sync::Arc;

/// A change is tried again so often when the deployment changes at the same time.
const ATTEMPTS: usize = 64;

impl Engine {
    /// Takes the service level agreement off a cluster; answers whether it had one. Durable when it returns.
    ///
    /// # Errors
    ///
    /// [`Failure::NotFound`] without such a deployment or cluster, [`Failure::Driver`].
    pub async fn remove_sla(&self, deployment: &str, cluster: &str) -> Result<bool, Failure> {
        let missing = |kind, name: &str| Failure::NotFound { kind, name: name.to_owned() };
        for _ in 0..ATTEMPTS {
            let found: Found<Deployment> = self.read(deployment).await?;
            let (stored, version) = found.ok_or_else(|| missing("deployments", deployment))?;
            let mut changed = Arc::unwrap_or_clone(stored);
            let of = changed.cluster_mut(cluster).ok_or_else(|| missing("clusters", cluster))?;
            if of.sla.take().is_none() {
                return Ok(false);
            }
            match self.write(&changed, Some(&version)).await {
                Err(Failure::Changed { .. }) => {}
                result => return result.map(|_| true),
            }
        }
        Err(Failure::Changed { kind: "deployments", name: deployment.to_owned() })
    }
}
