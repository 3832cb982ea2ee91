//! The port that gateways share: which of them a host means. Two maps hold it.

use super::{
    entries::{Entries, Map},
    failure::Failure,
    view::{MOST_PLACES, StickyView},
};
use askama::Template;
use std::net::SocketAddr;
use vamp_core::routing::WILDCARD_LABELS;

/// The name of the frontend: no gateway's.
pub(super) const FRONTEND: &str = ".hosts";
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
    labels: usize,
    places: usize,
    sticky: StickyView,
    requests: &'static str,
    others: &'static str,
}

/// The text of the shared frontend, without rules of single gateways.
pub(super) fn frontend(bind: SocketAddr) -> Result<String, Failure> {
    let view = Frontend {
        name: FRONTEND,
        bind,
        hosts: Map::Hosts.path(),
        wildcards: Map::Wildcards.path(),
        labels: WILDCARD_LABELS,
        places: MOST_PLACES,
        sticky: StickyView::shared(),
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

/// Adds that a host leads to a gateway.
pub(super) fn add(section: &str, host: &str, into: &mut Entries) {
    match host.strip_prefix("*.") {
        Some(parent) => into.insert(Map::Wildcards, parent.to_owned(), section.to_owned()),
        None => into.insert(Map::Hosts, host.to_owned(), section.to_owned()),
    }
}
