//! The port that gateways share: which of them a host means, and the weights of those that only weigh.
//!
//! Three maps hold it. Each change of them concerns single entries, so that its cost does not grow with the number of
//! gateways, and each entry is complete in itself, so that no request sees half a change.

use super::{
    failure::Failure,
    placement::{Placed, PlacedRoute},
    plan::{Live, Plan},
    view::StickyView,
    worker::{Found, Worker},
};
use askama::Template;
use std::{collections::BTreeMap, net::SocketAddr};
use vamp_core::routing::WILDCARD_LABELS;

/// The name of the frontend: no gateway's.
pub(super) const FRONTEND: &str = ".hosts";
/// Host to gateway.
const HOSTS: &str = "maps/vamp.hosts.map";
/// What stands behind the `*.` to gateway.
const WILDCARDS: &str = "maps/vamp.wildcards.map";
/// Gateway to its weights; it sorts before the others, so that weights are there before the first request.
const WEIGHTS: &str = "maps/vamp.draws.map";
/// The maps.
pub(super) const MAPS: [&str; 3] = [WEIGHTS, HOSTS, WILDCARDS];
/// So many places for routes are tried one after the other; gateways with more have rules of their own.
const PLACES: usize = 8;
/// So many places a gateway can have whose dead routes are replaced by shared rules.
const MOST: usize = 64;
/// Where the rules of gateways come in.
const REQUESTS: &str = "#@requests";
const OTHERS: &str = "#@others";

#[derive(Debug, Template)]
#[template(path = "haproxy/hosts.cfg", escape = "none")]
struct Frontend {
    name: &'static str,
    bind: SocketAddr,
    hosts: &'static str,
    wildcards: &'static str,
    weights: &'static str,
    labels: usize,
    places: usize,
    most: usize,
    sticky: StickyView,
    requests: &'static str,
    others: &'static str,
}

/// The text of the shared frontend, without rules of single gateways.
pub(super) fn frontend(bind: SocketAddr) -> Result<String, Failure> {
    let view = Frontend {
        name: FRONTEND,
        bind,
        hosts: HOSTS,
        wildcards: WILDCARDS,
        weights: WEIGHTS,
        labels: WILDCARD_LABELS,
        places: PLACES,
        most: MOST,
        sticky: StickyView::new(String::new(), ""),
        requests: REQUESTS,
        others: OTHERS,
    };
    view.render().map_err(|error| Failure::internal(error.to_string()))
}

/// Which rules of gateways come in place of this line of the frontend: those that begin so.
pub(super) fn rules_at(line: &str) -> Option<fn(&str) -> bool> {
    match line.trim_start() {
        REQUESTS => Some(|rule| !rule.starts_with("http-")),
        OTHERS => Some(|rule| rule.starts_with("http-")),
        _ => None,
    }
}

/// Whether a gateway only weighs, so that its weights in the map are all that the shared port needs.
pub(super) fn only_weighs(placed: &Placed<'_>) -> bool {
    placed.sticky.is_none() && placed.routes.len() <= PLACES && placed.declared().all(PlacedRoute::is_plain)
}

/// What the maps say of one gateway, by map and key; `None` = the key must not lead to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entries {
    section: String,
    entries: BTreeMap<(&'static str, String), Option<String>>,
    /// Whether it only weighs.
    plain: bool,
}

impl Entries {
    /// For a gateway with these hosts; `weights` are those of one that only weighs.
    pub(super) fn new<'h>(section: &str, hosts: impl Iterator<Item = &'h str>, weights: Option<&[u32]>) -> Self {
        let key = |host: &str| match host.strip_prefix("*.") {
            Some(parent) => (WILDCARDS, parent.to_owned()),
            None => (HOSTS, host.to_owned()),
        };
        let entries = hosts.map(|host| (key(host), Some(section.to_owned()))).collect();
        Self { section: section.to_owned(), entries, plain: weights.is_some() }.with_weights(weights)
    }

    /// The same with other weights.
    pub(super) fn with_weights(&self, weights: Option<&[u32]>) -> Self {
        let mut next = self.clone();
        if let Some(weights) = weights.filter(|_| !next.entries.is_empty()) {
            // Every place is asked for its weight. A `;` would end a command.
            let places = weights.iter().copied().chain(std::iter::repeat(0)).take(PLACES);
            let list: Vec<String> = places.map(|weight| weight.to_string()).collect();
            next.entries.insert((WEIGHTS, self.section.clone()), Some(list.join("/")));
        }
        next
    }

    /// The gateway has no other hosts than these, when it had those of `before`.
    pub(super) fn instead_of(&mut self, before: &Self) {
        for key in before.entries.keys().filter(|(map, _)| *map != WEIGHTS) {
            self.entries.entry(key.clone()).or_insert(None);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Commands that bring these entries to a worker; none when it has them.
    pub(super) async fn commands(&self, worker: Worker<'_>, leaving: bool) -> Result<Vec<String>, Failure> {
        if self.entries.is_empty() {
            return Ok(Vec::new());
        }
        let found = worker.look_up(self.entries.keys().map(|(map, key)| (*map, key.as_str()))).await?;
        let ours = |found: &Found| matches!(found, Found::Value(value) if *value == self.section);
        // A worker that leaves may not have the rules of this gateway.
        let may_add = !leaving || self.plain || found.iter().any(ours);
        let (mut set, mut gone) = (Vec::new(), Vec::new());
        for (((map, key), wanted), found) in self.entries.iter().zip(found) {
            match (wanted, found) {
                (Some(value), Found::Nothing) if may_add => set.push(format!("add map {map} {key} {value}")),
                (Some(value), Found::Value(other)) if *value != other => {
                    set.push(format!("set map {map} {key} {value}"));
                }
                (None, Found::Value(other)) if other == self.section => gone.push(format!("del map {map} {key}")),
                _ => {}
            }
        }
        set.extend(gone);
        Ok(set)
    }
}

/// The texts of the maps.
pub(super) fn maps<'a>(gateways: impl Iterator<Item = &'a Live>) -> Result<BTreeMap<String, String>, Failure> {
    let mut maps: BTreeMap<String, String> = MAPS.iter().map(|map| ((*map).to_owned(), String::new())).collect();
    for live in gateways {
        for ((map, key), value) in Plan::of(live)?.shared.entries {
            if let (Some(text), Some(value)) = (maps.get_mut(map), value) {
                text.extend([&key, " ", &value, "\n"]);
            }
        }
    }
    Ok(maps)
}

/// Takes away from a worker which hosts no gateway has.
pub(super) async fn sweep<'a>(worker: Worker<'_>, gateways: impl Iterator<Item = &'a Live>) -> Result<(), Failure> {
    let mut wanted = BTreeMap::new();
    for live in gateways {
        wanted.extend(Plan::of(live)?.shared.entries);
    }
    let mut commands = Vec::new();
    for map in [HOSTS, WILDCARDS] {
        // A worker without the shared port has none.
        for key in worker.map(map).await?.unwrap_or_default().into_keys() {
            if !wanted.contains_key(&(map, key.clone())) {
                commands.push(format!("del map {map} {key}"));
            }
        }
    }
    worker.run(&commands).await.map(drop)
}
