//! Whether anything still routes to an instance, from what the agents acknowledged.

use crate::{
    agent::Acknowledgement,
    engine::{AgentView, Published, Unpublished},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Without any agent known, one may still be about to report: nothing is taken for drained before so long.
const AGENTS_REPORT_WITHIN: Duration = Duration::from_secs(30);

const BEING_WRITTEN: &str = "the routing table is being written";

/// What the agents were told and what they acknowledged.
#[derive(Debug)]
pub(crate) struct Routing<'a> {
    pub(crate) published: &'a Published,
    /// What of it does not follow from what is stored and observed now.
    pub(crate) unpublished: &'a Unpublished,
    /// `None` = not read yet.
    pub(crate) agents: Option<&'a BTreeMap<String, AgentView>>,
    /// For how long the engine has listened to agents.
    pub(crate) listening: Duration,
}

/// The answer, with the reason for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Drained {
    Yes,
    /// Some agent may still send requests there.
    Routed(String),
    /// No agent sends new requests there; some are not finished.
    Busy(String),
}

impl Routing<'_> {
    /// Whether every agent serves the present state of the gateways that lead to the service, and none of them has a
    /// connection to these instances.
    pub(crate) fn drained(&self, service: &str, instances: &[String]) -> Drained {
        if let Err(reason) = self.acknowledged(service) {
            return Drained::Routed(reason);
        }
        let agents = self.agents.into_iter().flatten();
        match agents.filter_map(|(name, agent)| busy(name, &agent.acknowledged, instances)).next() {
            Some(reason) => Drained::Busy(reason),
            None => Drained::Yes,
        }
    }

    /// Whether every agent serves the present state of the gateways that lead to the service; the reason if not.
    pub(crate) fn acknowledged(&self, service: &str) -> Result<(), String> {
        if self.unpublished.services.contains(service) {
            return Err(BEING_WRITTEN.to_owned());
        }
        let gateways = self.published.services.get(service).cloned().unwrap_or_default();
        self.all_serve(&gateways, true)
    }

    /// Whether every agent serves the present state of these gateways; the reason if not. An agent that is silent
    /// counts as serving what it last acknowledged, unless it is not `silent_too`.
    pub(crate) fn all_serve(&self, gateways: &BTreeSet<String>, silent_too: bool) -> Result<(), String> {
        if self.unpublished.everything || !self.unpublished.gateways.is_disjoint(gateways) {
            return Err(BEING_WRITTEN.to_owned());
        }
        if let Some((gateway, reason)) = gateways.iter().find_map(|name| self.published.held_back.get_key_value(name)) {
            return Err(format!("gateway `{gateway}` cannot be published: {reason}"));
        }
        let agents = self.agents.ok_or("the agents are not known yet")?;
        if agents.is_empty() && self.listening < AGENTS_REPORT_WITHIN {
            return Err("no agent has reported yet".to_owned());
        }
        let counts = |agent: &AgentView| silent_too || agent.silent_since.is_none();
        agents
            .iter()
            .filter(|(_, agent)| counts(agent))
            .try_for_each(|(name, agent)| self.serves(name, agent, gateways))
    }

    fn serves(&self, name: &str, agent: &AgentView, gateways: &BTreeSet<String>) -> Result<(), String> {
        for gateway in gateways {
            let (told, served) = (self.published.hashes.get(gateway), agent.acknowledged.gateways.get(gateway));
            if told == served {
                continue;
            }
            let because = match (agent.acknowledged.refused.get(gateway), agent.silent_since) {
                (Some(refusal), _) => format!(": {}", refusal.reason),
                (None, Some(_)) => " and is silent".to_owned(),
                (None, None) => String::new(),
            };
            return Err(format!("agent `{name}` does not serve the present state of gateway `{gateway}`{because}"));
        }
        Ok(())
    }
}

fn busy(agent: &str, acknowledged: &Acknowledgement, instances: &[String]) -> Option<String> {
    let count = |instance: &String| acknowledged.draining.get(instance).copied();
    let open = instances.iter().find(|instance| count(instance).is_some_and(|count| count != Some(0)))?;
    Some(match count(open).flatten() {
        Some(_) => format!("connections to `{open}` are open in agent `{agent}`"),
        None => format!("connections to `{open}` are not counted yet in agent `{agent}`"),
    })
}
