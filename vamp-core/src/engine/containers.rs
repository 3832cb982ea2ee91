//! Observing what runs, driver by driver.

use super::{Engine, world::Seen};
use crate::driver::{ContainerDriver, Cursor, Observation, Observed, Scope};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// A failed observation is tried again after so long.
const RETRY: Duration = Duration::from_secs(1);

impl Engine {
    pub(super) async fn observe(self, name: String) {
        let Some(driver) = self.shared.containers.get(&name).cloned() else { return };
        loop {
            match self.observe_once(&name, &*driver).await {
                Some(cursor) => self.until_changed(&*driver, &cursor).await,
                None => self.shared.clock.sleep(RETRY).await,
            }
        }
    }

    async fn observe_once(&self, name: &str, driver: &dyn ContainerDriver) -> Option<Cursor> {
        let scope = Scope::Owned { namespace: self.shared.namespace.clone() };
        let (observation, stale) = match driver.observe(&scope).await {
            Ok(observation) => (Some(Arc::new(observation)), None),
            Err(error) => {
                tracing::warn!(driver = name, error = %error.report(), "what runs cannot be observed; what is known stays");
                (None, Some(error.report()))
            }
        };
        let cursor = observation.as_ref().map(|seen| seen.cursor.clone());
        self.shared.world.send_if_modified(|world| {
            let before = world.observed.get(name);
            let last = observation.or_else(|| before.and_then(|seen| seen.last.clone()));
            let changed = match (before.and_then(|seen| seen.last.as_ref()), &last) {
                (Some(before), Some(last)) => Some(changed_owners(before, last)),
                (None, None) => Some(BTreeSet::new()),
                _ => None,
            };
            let told = before.is_some_and(|before| before.stale == stale);
            Arc::make_mut(&mut world.observed).insert(name.to_owned(), Seen { last, stale });
            match changed {
                Some(owners) if owners.is_empty() => !told,
                Some(owners) => {
                    world.note_owners(owners);
                    true
                }
                None => {
                    world.note_everything();
                    true
                }
            }
        });
        cursor
    }

    /// Returns after a change, or when it is time to look again anyway.
    async fn until_changed(&self, driver: &dyn ContainerDriver, cursor: &Cursor) {
        tokio::select! {
            changed = driver.changed(cursor) => {
                if changed.is_err() {
                    self.shared.clock.sleep(RETRY).await;
                }
            }
            () = self.shared.clock.sleep(self.shared.settings.resync) => {}
        }
    }
}

/// The deployments of which something else runs than before.
pub(super) fn changed_owners(before: &Observation, now: &Observation) -> BTreeSet<String> {
    let (before, now) = (by_owner(before), by_owner(now));
    let owners: BTreeSet<&String> = before.keys().chain(now.keys()).copied().collect();
    owners.into_iter().filter(|owner| before.get(*owner) != now.get(*owner)).cloned().collect()
}

fn by_owner(observation: &Observation) -> BTreeMap<&String, Vec<&Observed>> {
    let mut owners: BTreeMap<&String, Vec<&Observed>> = BTreeMap::new();
    for workload in &observation.workloads {
        if let Some(id) = &workload.id {
            owners.entry(&id.owner).or_default().push(workload);
        }
    }
    owners
}
