//! A merge writes a deployment and its gateways, record by record. What it writes is noted before, so that whoever dies
//! in between leaves nothing half done: if the deployment was written, the rest follows; if not, nothing was asked for.

use super::{Engine, Failure, merge::merge, records::Found};
use crate::{
    Error, ErrorKind, Result,
    driver::{Draft, Page, Record},
    model::{Blueprint, Deployment, Name},
};
use std::time::Duration;

/// The kind under which merges are noted, each under the name of its deployment.
const KIND: &str = "merges";

/// What failed is tried again after so long.
const RETRY: Duration = Duration::from_secs(2);

impl Engine {
    /// Notes a merge; everything that the blueprint refers to is in place.
    pub(super) async fn begin_merge(&self, name: &Name, blueprint: &Blueprint) -> Result<()> {
        let body = serde_json::to_vec(blueprint)
            .map_err(|error| Error::new(ErrorKind::Internal, "engine", "merge", name.as_str()).because(error))?;
        let draft = Draft { kind: KIND.to_owned(), name: name.to_string(), body, author: None };
        self.shared.persistence.put(&draft, None).await.map(|_| ())
    }

    /// Forgets a merge that is done, or came to nothing.
    pub(super) async fn end_merge(&self, name: &Name) {
        if let Err(error) = self.shared.persistence.delete(KIND, name.as_str(), None).await {
            tracing::warn!(deployment = %name, error = %error.report(), "a finished merge is looked at again later");
        }
    }

    /// Finishes what somebody began to merge into this deployment, if there is anything. Nobody else changes it.
    pub(super) async fn finish_merge(&self, name: &Name) -> Result<(), Failure> {
        let Some(record) = self.shared.persistence.get(KIND, name.as_str()).await? else { return Ok(()) };
        let found: Found<Deployment> = self.read(name.as_str()).await?;
        match (found, serde_json::from_slice::<Blueprint>(&record.draft.body)) {
            (Some((deployment, _)), Ok(blueprint)) if self.was_written(name, &deployment, &blueprint) => {
                tracing::info!(deployment = %name, "a merge that was begun is finished");
                match self.merge_gateways(&deployment, &blueprint).await {
                    Err(Failure::Driver(error)) => return Err(error.into()),
                    Err(failure) => tracing::error!(deployment = %name, %failure, "a merge cannot be finished"),
                    Ok(()) => {}
                }
            }
            (_, Err(error)) => tracing::error!(deployment = %name, %error, "a merge that was begun cannot be read"),
            _ => tracing::info!(deployment = %name, "a merge that was begun changed nothing and is forgotten"),
        }
        self.end_merge(name).await;
        Ok(())
    }

    /// Whether the deployment has what the blueprint asks for, so that its gateways are what is left.
    fn was_written(&self, name: &Name, deployment: &Deployment, blueprint: &Blueprint) -> bool {
        let merged = merge(Some(deployment), name, blueprint, self.shared.clock.now());
        merged.is_ok_and(|merged| {
            merged.clusters.len() == deployment.clusters.len() && same_services(&merged, deployment)
        })
    }

    /// Finishes what a server that died had begun.
    pub(super) async fn finish_merges(&self) {
        self.loaded().await;
        loop {
            let pause = match self.finish_all().await {
                Ok(()) => self.shared.settings.resync,
                Err(failure) => {
                    tracing::warn!(%failure, "merges that were begun cannot be finished; tried again");
                    RETRY
                }
            };
            self.shared.clock.sleep(pause).await;
        }
    }

    async fn finish_all(&self) -> Result<(), Failure> {
        let begun: Vec<Record> = self.shared.persistence.list(KIND, &Page::ALL).await?;
        for record in begun {
            let Ok(name) = record.draft.name.parse::<Name>() else { continue };
            // Whoever merges right now holds it.
            let _structure = self.shared.structure.lock().await;
            self.finish_merge(&name).await?;
        }
        Ok(())
    }
}

/// Whether every service runs the same, however far it is.
fn same_services(one: &Deployment, other: &Deployment) -> bool {
    one.clusters.iter().zip(&other.clusters).all(|(one, other)| {
        let same = one.services.iter().zip(&other.services);
        one.services.len() == other.services.len()
            && same
                .clone()
                .all(|(one, other)| one.breed == other.breed && one.status.intention == other.status.intention)
    })
}
