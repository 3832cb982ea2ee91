//! Where routing state lives in the key-value store.
//!
//! | key | value | written by |
//! |---|---|---|
//! | `/vamp/<namespace>/gateways/<gateway>` | a [`Gateway`](super::Gateway) as JSON | the engine |
//! | `/vamp/<namespace>/gateways/~complete` | [`Complete`](super::Complete) as JSON, once every gateway is written | the engine |
//! | `/vamp/<namespace>/agents/<agent>/served/<part>` | a [`Part`](crate::agent::Part) as JSON | the agent |
//! | `/vamp/<namespace>/agents/<agent>/status` | a [`ProxyStatus`](crate::driver::ProxyStatus) as JSON | the agent |
//! | `/vamp/<namespace>/agents/<agent>/alive` | empty, under a lease | the agent |
//!
//! Without a `~complete` that matches, a missing gateway is *unknown*, not gone: after a restart of an embedded store,
//! memory is empty.

/// Sorts and lists with the gateways, so that one read tells both; no gateway escapes to it.
const COMPLETE: &str = "~complete";
const ALIVE: &str = "alive";
const STATUS: &str = "status";
const SERVED: &str = "served/";

/// The keys of one namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    root: String,
}

impl Keys {
    /// The keys of this namespace.
    #[must_use]
    pub fn new(namespace: &str) -> Self {
        Self { root: format!("/vamp/{}", escape(namespace)) }
    }

    /// The prefix of all gateways.
    #[must_use]
    pub fn gateways(&self) -> String {
        format!("{}/gateways/", self.root)
    }

    /// The key of one gateway.
    #[must_use]
    pub fn gateway(&self, name: &str) -> String {
        format!("{}/gateways/{}", self.root, escape(name))
    }

    /// The gateway whose key this is.
    #[must_use]
    pub fn gateway_of(&self, key: &str) -> Option<String> {
        let name = key.strip_prefix(&self.gateways())?;
        if name == COMPLETE { None } else { unescape(name) }
    }

    /// The key that says that every gateway is written.
    #[must_use]
    pub fn complete(&self) -> String {
        format!("{}/gateways/{COMPLETE}", self.root)
    }

    /// The prefix of all agents.
    #[must_use]
    pub fn agents(&self) -> String {
        format!("{}/agents/", self.root)
    }

    /// The prefix of one agent.
    #[must_use]
    pub fn agent(&self, agent: &str) -> String {
        format!("{}/agents/{}/", self.root, escape(agent))
    }

    /// The key of a part of what an agent serves.
    #[must_use]
    pub fn served(&self, agent: &str, part: usize) -> String {
        format!("{}{SERVED}{part}", self.agent(agent))
    }

    /// The key of the state of an agent's proxy.
    #[must_use]
    pub fn status(&self, agent: &str) -> String {
        format!("{}{STATUS}", self.agent(agent))
    }

    /// The key of an agent's life sign.
    #[must_use]
    pub fn alive(&self, agent: &str) -> String {
        format!("{}{ALIVE}", self.agent(agent))
    }

    /// The agent whose key this is, and what it holds.
    #[must_use]
    pub fn agent_of(&self, key: &str) -> Option<(String, AgentKey)> {
        let (agent, what) = key.strip_prefix(&self.agents())?.split_once('/')?;
        let what = match what {
            ALIVE => AgentKey::Alive,
            STATUS => AgentKey::Status,
            _ => AgentKey::Served(what.strip_prefix(SERVED)?.parse().ok()?),
        };
        Some((unescape(agent)?, what))
    }
}

/// What a key of an agent holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentKey {
    /// The life sign.
    Alive,
    /// The state of its proxy.
    Status,
    /// This part of what it serves.
    Served(usize),
}

/// Percent-encodes what would be read as the path of a key.
fn escape(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.:[]".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// Takes [`escape`] back; `None` for a text that it cannot have written.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &rest[2..];
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::{AgentKey, Keys};

    #[test]
    fn a_gateway_name_survives_its_key() {
        let keys = Keys::new("default");
        for name in ["sava/9050", "sava/sava/web", "a%b", "[127.0.0.1:80]", "größe"] {
            let key = keys.gateway(name);
            assert_eq!(keys.gateway_of(&key).as_deref(), Some(name));
            assert_eq!(key.matches('/').count(), 4, "{key}");
        }
    }

    #[test]
    fn the_mark_of_completeness_lies_among_the_gateways_but_is_none() {
        let keys = Keys::new("default");
        assert!(keys.complete().starts_with(&keys.gateways()));
        assert_eq!(keys.gateway_of(&keys.complete()), None);
        assert_ne!(keys.gateway("~complete"), keys.complete());
    }

    #[test]
    fn an_agent_is_told_from_its_keys() {
        let keys = Keys::new("default");
        assert_eq!(keys.agent_of(&keys.alive("a/1")), Some(("a/1".to_owned(), AgentKey::Alive)));
        assert_eq!(keys.agent_of(&keys.status("a/1")), Some(("a/1".to_owned(), AgentKey::Status)));
        assert_eq!(keys.agent_of(&keys.served("a/1", 7)), Some(("a/1".to_owned(), AgentKey::Served(7))));
        assert!(keys.served("a/1", 7).starts_with(&keys.agent("a/1")));
        for other in ["/vamp/other/agents/a/alive", "/vamp/default/agents/a/served", "/vamp/default/agents/a/more"] {
            assert_eq!(keys.agent_of(other), None, "{other}");
        }
    }
}
