//! Where routing state lives in the key-value store.
//!
//! | key | value | written by |
//! |---|---|---|
//! | `/vamp/<namespace>/gateways/<gateway>` | a [`Gateway`](super::Gateway) as JSON | the engine |
//! | `/vamp/<namespace>/gateways/~complete` | present once every gateway is written | the engine |
//! | `/vamp/<namespace>/agents/<agent>/served` | an [`Acknowledgement`](crate::agent::Acknowledgement) as JSON | the agent |
//! | `/vamp/<namespace>/agents/<agent>/alive` | empty, under a lease | the agent |
//!
//! Without `complete`, a missing gateway is *unknown*, not gone: after a restart of an embedded store, memory is empty.

/// Sorts and lists with the gateways, so that one read tells both; no gateway escapes to it.
const COMPLETE: &str = "~complete";

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

    /// The key of what an agent serves.
    #[must_use]
    pub fn served(&self, agent: &str) -> String {
        format!("{}/agents/{}/served", self.root, escape(agent))
    }

    /// The key of an agent's life sign.
    #[must_use]
    pub fn alive(&self, agent: &str) -> String {
        format!("{}/agents/{}/alive", self.root, escape(agent))
    }

    /// The agent whose key this is, and whether it is its life sign.
    #[must_use]
    pub fn agent_of(&self, key: &str) -> Option<(String, bool)> {
        let (agent, what) = key.strip_prefix(&self.agents())?.split_once('/')?;
        Some((unescape(agent)?, what == "alive"))
    }
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
    use super::Keys;

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
        assert_eq!(keys.agent_of(&keys.alive("a/1")), Some(("a/1".to_owned(), true)));
        assert_eq!(keys.agent_of(&keys.served("a/1")), Some(("a/1".to_owned(), false)));
        assert_eq!(keys.agent_of("/vamp/other/agents/a/alive"), None);
    }
}
