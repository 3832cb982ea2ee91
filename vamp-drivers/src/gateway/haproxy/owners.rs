//! Which gateway has what only one can have: a port, or a virtual host.

use super::{outline::Outline, values};
use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};
use vamp_core::{
    driver::{Document, Target},
    routing::{Gateway, RoutingTable},
};

/// The gateway that gets each port and each host: the one that has it, else the first by name.
#[derive(Debug)]
pub(super) struct Owners<'a> {
    ports: HashMap<u16, &'a str>,
    hosts: HashMap<String, &'a str>,
}

impl<'a> Owners<'a> {
    pub(super) fn find(table: &'a RoutingTable, target: &'a Target) -> Self {
        let serves = |name: &str| target.serving.get(name);
        let has_port = |name: &str, port: &u16| {
            let bind = serves(name).and_then(|served| Outline::read(&served.structure).bind);
            bind.is_some_and(|bind| bind.port() == *port)
        };
        let has_host = |name: &str, host: &String| serves(name).is_some_and(|served| has_host(served, host));
        let (mut ports, mut hosts) = (HashMap::with_capacity(table.gateways.len()), HashMap::new());
        for gateway in table.gateways.values() {
            let name = gateway.name.as_str();
            claim(&mut ports, gateway.port.get(), name, has_port);
            for host in &gateway.virtual_hosts {
                claim(&mut hosts, host.to_ascii_lowercase(), name, has_host);
            }
        }
        Self { ports, hosts }
    }

    /// The reason why another gateway comes before this one.
    pub(super) fn allow(&self, gateway: &Gateway) -> Result<(), String> {
        let other = |owner: &&&str| **owner != gateway.name;
        if let Some(owner) = self.ports.get(&gateway.port.get()).filter(other) {
            return Err(format!("port {} is already the port of gateway `{owner}`", gateway.port));
        }
        gateway.virtual_hosts.iter().try_for_each(|host| {
            let owner = self.hosts.get(&host.to_ascii_lowercase()).filter(other);
            owner.map_or(Ok(()), |owner| Err(host_taken(host, owner)))
        })
    }
}

fn claim<'a, K: Hash + Eq>(owners: &mut HashMap<K, &'a str>, key: K, name: &'a str, has: impl Fn(&str, &K) -> bool) {
    match owners.get(&key) {
        Some(owner) if *owner == name || has(owner, &key) || !has(name, &key) => {}
        _ => drop(owners.insert(key, name)),
    }
}

fn has_host(document: &Document, host: &str) -> bool {
    document.values.contains_key(&["host/", host].concat())
}

/// Gateways that ask for a host which another one of `served` has, each with the reason. Both are documents by name; of
/// those that change, what is asked for counts.
pub(super) fn hosts_taken<'a>(
    changes: &'a BTreeMap<String, Option<Document>>,
    served: impl Fn(&str) -> Option<&'a Document>,
    all: impl Iterator<Item = (&'a String, &'a Document)>,
) -> Vec<(String, String)> {
    let mut asked: HashMap<&str, &str> = HashMap::new();
    let mut refused = Vec::new();
    for (name, document) in changes.iter().filter_map(|(name, document)| Some((name, document.as_ref()?))) {
        let had = served(name);
        for host in values::hosts(&document.values).filter(|host| !had.is_some_and(|had| has_host(had, host))) {
            if let Some(owner) = asked.insert(host, name) {
                refused.push((name.clone(), host_taken(host, owner)));
            }
        }
    }
    if asked.is_empty() {
        return refused;
    }
    for (owner, document) in all {
        let document = match changes.get(owner) {
            Some(Some(next)) => next,
            Some(None) => continue,
            None => document,
        };
        for host in values::hosts(&document.values) {
            if let Some(name) = asked.get(host).filter(|name| *name != owner) {
                refused.push(((*name).to_owned(), host_taken(host, owner)));
            }
        }
    }
    refused
}

fn host_taken(host: &str, owner: &str) -> String {
    format!("`{host}` is already a virtual host of gateway `{owner}`")
}
