//! Listening to the agents.

use super::{AgentView, Engine, Failure};
use crate::{
    Result,
    agent::{Acknowledgement, PARTS, Part},
    driver::{Cursor, KeyValueExt as _, ProxyStatus, Version},
    routing::AgentKey,
};
use serde::de::DeserializeOwned;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// A failed read is tried again after so long.
const RETRY: Duration = Duration::from_secs(1);

/// What one agent told, value by value. What is gone from the store stands: absence says nothing.
#[derive(Debug, Default)]
struct Told {
    versions: BTreeMap<String, Version>,
    parts: BTreeMap<usize, Part>,
    status: Option<ProxyStatus>,
    /// Whether any of it came since the engine was told last.
    fresh: bool,
    /// Since when it is silent while not all of it was heard, on the clock that never jumps.
    unheard_from: Option<Duration>,
}

impl Told {
    /// Whether all of it was heard.
    fn is_whole(&self) -> bool {
        self.status.is_some() && self.parts.len() == PARTS
    }

    fn whole(&self) -> Acknowledgement {
        Acknowledgement::of(self.parts.values(), self.status.clone().unwrap_or_default())
    }
}

type Agents = BTreeMap<String, AgentView>;
/// By agent.
type Heard = BTreeMap<String, Told>;

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
        self.delete_agent(name).await?;
        self.shared.world.send_modify(|world| {
            if let Some(agents) = &mut world.agents {
                Arc::make_mut(agents).remove(name);
            }
        });
        Ok(())
    }

    async fn delete_agent(&self, name: &str) -> Result<()> {
        let (listed, _) = self.shared.key_value.list(&self.shared.keys.agent(name)).await?;
        for (key, _) in listed {
            self.shared.key_value.delete(&key).await?;
        }
        Ok(())
    }

    pub(super) async fn follow_agents(&self) {
        let mut heard = Heard::new();
        loop {
            match self.hear(&mut heard).await {
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
    async fn hear(&self, heard: &mut Heard) -> Result<Cursor> {
        let (listed, cursor) = self.shared.key_value.list(&self.shared.keys.agents()).await?;
        let mut alive = BTreeSet::new();
        for (key, version) in listed {
            match self.shared.keys.agent_of(&key) {
                None => {}
                Some((agent, AgentKey::Alive)) => drop(alive.insert(agent)),
                Some((agent, what)) => self.hear_value(heard.entry(agent).or_default(), &key, version, what).await?,
            }
        }
        for agent in self.note_agents(heard, &alive) {
            tracing::warn!(%agent, "silent for too long: forgotten");
            heard.remove(&agent);
            self.delete_agent(&agent).await?;
        }
        Ok(cursor)
    }

    /// Reads one value of an agent, if it is another one than before.
    async fn hear_value(&self, told: &mut Told, key: &str, version: Version, what: AgentKey) -> Result<()> {
        if told.versions.get(key) == Some(&version) {
            return Ok(());
        }
        let Some(entry) = self.shared.key_value.get(key).await? else { return Ok(()) };
        match what {
            AgentKey::Served(number) if number < PARTS => {
                if let Some(part) = parsed(key, &entry.value) {
                    told.parts.insert(number, part);
                }
            }
            AgentKey::Status => told.status = parsed(key, &entry.value).or(told.status.take()),
            AgentKey::Served(_) | AgentKey::Alive => {}
        }
        told.versions.insert(key.to_owned(), entry.version);
        told.fresh = true;
        Ok(())
    }

    /// Tells the world what is new; answers who was silent for so long that it is forgotten.
    fn note_agents(&self, heard: &mut Heard, alive: &BTreeSet<String>) -> Vec<String> {
        let (now, from) = (self.shared.clock.now(), self.shared.clock.elapsed());
        let limit = self.shared.settings.agent_forgotten_after;
        let too_long = |since: Duration| from.saturating_sub(since) >= limit;
        let mut forgotten = Vec::new();
        for (name, told) in heard.iter_mut().filter(|(_, told)| !told.is_whole()) {
            let since = told.unheard_from.filter(|_| !alive.contains(name)).unwrap_or(from);
            told.unheard_from = Some(since);
            if too_long(since) {
                forgotten.push(name.clone());
            }
        }
        let unheard = heard.iter().any(|(name, told)| !told.is_whole() && !forgotten.contains(name));
        self.shared.world.send_if_modified(|world| {
            let first = world.agents.is_none();
            if first && unheard {
                // What an agent serves of which only a part was heard is not known: nobody may take it for nothing.
                return false;
            }
            let agents: &mut Agents = Arc::make_mut(world.agents.get_or_insert_default());
            let mut changed = first;
            for (name, told) in heard.iter_mut().filter(|(_, told)| told.fresh && told.is_whole()) {
                told.fresh = false;
                let acknowledged = Arc::new(told.whole());
                let since = agents.get(name).map(|agent| (agent.silent_since, agent.silent_from));
                let (silent_since, silent_from) = since.unwrap_or_default();
                agents.insert(name.clone(), AgentView { acknowledged, silent_since, silent_from });
                changed = true;
            }
            for (name, agent) in agents.iter_mut() {
                let silent = !alive.contains(name);
                changed |= silent != agent.silent_from.is_some();
                agent.silent_since = silent.then(|| agent.silent_since.unwrap_or(now));
                agent.silent_from = silent.then(|| agent.silent_from.unwrap_or(from));
            }
            for (name, _) in agents.extract_if(.., |_, agent| agent.silent_from.is_some_and(too_long)) {
                forgotten.push(name);
                changed = true;
            }
            changed
        });
        forgotten
    }
}

fn parsed<T: DeserializeOwned>(key: &str, value: &[u8]) -> Option<T> {
    match serde_json::from_slice(value) {
        Ok(read) => Some(read),
        Err(error) => {
            tracing::error!(key, %error, "what an agent told cannot be read; what it told before stands");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory;

    fn engine() -> (Engine, Arc<memory::ManualClock>) {
        let clock = Arc::new(memory::ManualClock::default());
        let engine = Engine::builder()
            .containers("memory", Arc::new(memory::Containers::new()))
            .key_value(Arc::new(memory::KeyValue::new(Arc::clone(&clock) as _)))
            .persistence(Arc::new(memory::Persistence::new(Arc::clone(&clock) as _)))
            .events(Arc::new(memory::Events::default()))
            .clock(Arc::clone(&clock) as _)
            .build()
            .expect("every driver is there");
        (engine, clock)
    }

    /// An agent of which so many parts were heard.
    fn heard(parts: usize) -> Heard {
        let parts = (0..parts).map(|number| (number, Part::default())).collect();
        let told = Told { parts, status: Some(ProxyStatus::default()), fresh: true, ..Told::default() };
        [("agent".to_owned(), told)].into()
    }

    #[test]
    fn a_life_sign_that_says_nothing_new_wakes_nobody() {
        let (engine, clock) = engine();
        let mut worlds = engine.shared.world.subscribe();
        let (mut heard, alive) = (heard(PARTS), BTreeSet::from(["agent".to_owned()]));
        assert_eq!(engine.note_agents(&mut heard, &alive), Vec::<String>::new());
        assert!(worlds.has_changed().expect("the engine lives"));
        worlds.mark_unchanged();
        clock.advance(Duration::from_secs(5));
        engine.note_agents(&mut heard, &alive);
        assert!(!worlds.has_changed().expect("the engine lives"));
        engine.note_agents(&mut heard, &BTreeSet::new());
        assert!(worlds.has_changed().expect("the engine lives"), "it is silent now");
    }

    #[test]
    fn an_agent_of_which_only_a_part_was_heard_is_neither_known_nor_taken_for_nobody() {
        let (engine, clock) = engine();
        let mut heard = heard(PARTS - 1);
        engine.note_agents(&mut heard, &BTreeSet::new());
        assert!(engine.shared.world.borrow().agents.is_none(), "who serves what is not known");
        clock.advance(engine.shared.settings.agent_forgotten_after);
        assert_eq!(engine.note_agents(&mut heard, &BTreeSet::new()), ["agent"]);
        assert!(engine.shared.world.borrow().agents.as_ref().is_some_and(|agents| agents.is_empty()));
    }
}
