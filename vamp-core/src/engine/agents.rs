//! Listening to the agents.

use super::{AgentView, Engine, Failure};
use crate::{
    Result,
    agent::Acknowledgement,
    driver::{Cursor, KeyValueExt as _, Version},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, SystemTime},
};

/// A failed read is tried again after so long.
const RETRY: Duration = Duration::from_secs(1);

type Agents = BTreeMap<String, AgentView>;

impl Engine {
    /// Every agent that is known: what it serves, and since when it is silent.
    #[must_use]
    pub fn agents(&self) -> BTreeMap<String, AgentView> {
        self.shared.world.borrow().agents.as_deref().cloned().unwrap_or_default()
    }

    /// Forgets an agent that will not come back: nothing waits for it any more.
    ///
    /// # Errors
    ///
    /// [`Failure::NotFound`] when there is no such agent, [`Failure::Driver`] when the store fails.
    pub async fn forget_agent(&self, name: &str) -> Result<(), Failure> {
        if !self.agents().contains_key(name) {
            return Err(Failure::NotFound { kind: "agents", name: name.to_owned() });
        }
        self.shared.key_value.delete(&self.shared.keys.served(name)).await?;
        self.shared.world.send_modify(|world| {
            if let Some(agents) = &mut world.agents {
                Arc::make_mut(agents).remove(name);
            }
        });
        Ok(())
    }

    pub(super) async fn follow_agents(&self) {
        let mut versions = BTreeMap::new();
        loop {
            match self.hear(&mut versions).await {
                Ok(cursor) => self.until_heard(&cursor).await,
                Err(error) => {
                    tracing::warn!(error = %error.report(), "agents cannot be heard; what they last said stands");
                    self.shared.clock.sleep(RETRY).await;
                }
            }
        }
    }

    async fn until_heard(&self, cursor: &Cursor) {
        let prefix = self.shared.keys.agents();
        tokio::select! {
            changed = self.shared.key_value.changed(&prefix, cursor) => {
                if changed.is_err() {
                    self.shared.clock.sleep(RETRY).await;
                }
            }
            () = self.shared.clock.sleep(self.shared.settings.resync) => {}
        }
    }

    /// Reads what agents wrote since the last time, and who shows life.
    async fn hear(&self, versions: &mut BTreeMap<String, Version>) -> Result<Cursor> {
        let (listed, cursor) = self.shared.key_value.list(&self.shared.keys.agents()).await?;
        let mut alive = BTreeSet::new();
        let mut heard = Vec::new();
        for (key, version) in listed {
            let Some((agent, is_life_sign)) = self.shared.keys.agent_of(&key) else { continue };
            if is_life_sign {
                alive.insert(agent);
            } else if versions.get(&agent) != Some(&version) {
                heard.extend(self.read_acknowledgement(&agent, &key).await?);
                versions.insert(agent, version);
            }
        }
        let forgotten = self.note_agents(heard, &alive);
        for agent in forgotten {
            tracing::warn!(%agent, "silent for too long: forgotten");
            versions.remove(&agent);
            self.shared.key_value.delete(&self.shared.keys.served(&agent)).await?;
        }
        Ok(cursor)
    }

    async fn read_acknowledgement(&self, agent: &str, key: &str) -> Result<Option<(String, Acknowledgement)>> {
        let Some(entry) = self.shared.key_value.get(key).await? else { return Ok(None) };
        match serde_json::from_slice(&entry.value) {
            Ok(acknowledgement) => Ok(Some((agent.to_owned(), acknowledgement))),
            Err(error) => {
                tracing::error!(agent, %error, "an acknowledgement cannot be read; the one before stands");
                Ok(None)
            }
        }
    }

    /// Answers who was silent for so long that it is forgotten.
    fn note_agents(&self, heard: Vec<(String, Acknowledgement)>, alive: &BTreeSet<String>) -> Vec<String> {
        let now = self.shared.clock.now();
        let limit = self.shared.settings.agent_forgotten_after;
        let mut forgotten = Vec::new();
        self.shared.world.send_modify(|world| {
            let agents: &mut Agents = Arc::make_mut(world.agents.get_or_insert_default());
            for (name, acknowledgement) in heard {
                let acknowledged = Arc::new(acknowledgement);
                agents.insert(name, AgentView { acknowledged, silent_since: None });
            }
            for (name, agent) in agents.iter_mut() {
                agent.silent_since = if alive.contains(name) { None } else { agent.silent_since.or(Some(now)) };
            }
            let too_long = |since: SystemTime| now.duration_since(since).is_ok_and(|silence| silence >= limit);
            forgotten = agents
                .iter()
                .filter(|(_, agent)| agent.silent_since.is_some_and(too_long))
                .map(|(name, _)| name.clone())
                .collect();
            agents.retain(|name, _| !forgotten.contains(name));
        });
        forgotten
    }
}
