//! The whole configuration: what all gateways share, then one gateway after the other.

use super::{
    config::HaproxyConfig,
    entries,
    failure::Failure,
    guard, hosts,
    plan::{Live, Plan},
    view::Global,
};
use askama::Template;
use rustix::process::{Resource, getrlimit};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
};
use vamp_core::{digest, driver::Document};

/// So many slots are checked every two seconds; with twice as many, every four.
const SLOTS: usize = 16_000;
/// Files that HAProxy needs beside two for each connection.
const SPARE_FILES: u64 = 400;

/// What HAProxy reads: to check or to look at without running it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The configuration.
    pub configuration: String,
    /// The maps by path, relative to the folder that HAProxy works in.
    pub maps: BTreeMap<String, String>,
}

impl Files {
    /// The files that serve these documents. Hosts must be addresses: nothing is resolved here.
    ///
    /// # Errors
    ///
    /// When a document is not one of [`HaproxyRenderer`](super::HaproxyRenderer), or a host is a name.
    pub fn of(config: &HaproxyConfig, documents: &BTreeMap<String, Document>) -> Result<Self, String> {
        let live = |(name, document): (&String, &Document)| Live {
            gateway: name.clone(),
            document: Arc::new(document.clone()),
            hosts: BTreeMap::new(),
            certificate: None,
        };
        let gateways: Vec<Live> = documents.iter().map(live).collect();
        let configuration = Configuration::of(config, &gateways.iter(), &BTreeSet::new());
        let configuration = configuration.map_err(|failure| failure.reason)?.text;
        let maps = entries::files(gateways.iter()).map_err(|failure| failure.reason)?;
        Ok(Self { configuration, maps })
    }
}

/// A configuration and where each gateway's part of it begins.
#[derive(Debug)]
pub(super) struct Configuration {
    pub(super) text: String,
    /// What a worker that runs it answers as its description.
    pub(super) description: String,
    /// Number of the line before a part's first one, and whose part it is.
    starts: Vec<(usize, Option<String>)>,
}

impl Configuration {
    /// Composes the configuration of these gateways, of which these addresses are down.
    pub(super) fn of<'a>(
        config: &HaproxyConfig,
        gateways: &(impl Iterator<Item = &'a Live> + Clone),
        down: &BTreeSet<SocketAddr>,
    ) -> Result<Self, Failure> {
        let structures: Vec<&str> = gateways.clone().map(|live| live.document.structure.as_str()).collect();
        let most = max_connections(config);
        let checks = seconds_between_checks(&structures);
        let render = |digest: &str| Global::new(digest, config, most, checks).render();
        let failed = |error: askama::Error| Failure::internal(error.to_string());
        let shared = render("").map_err(failed)?;
        let hosts = config.hosts().map(hosts::frontend).transpose()?.unwrap_or_default();
        let digest = digest::of(format!("{shared}{hosts}{}", structures.concat()).as_bytes());
        let mut text = render(&digest).map_err(failed)?;
        let mut starts = Vec::new();
        let mut lines = text.lines().count();
        for live in gateways.clone() {
            starts.push((lines, Some(live.gateway.clone())));
            let part = Plan::of(live)?.configuration(&live.document.structure, down);
            lines += part.lines().count();
            text.push_str(&part);
        }
        let mut whole = Self { text, description: format!("vamp {digest}"), starts };
        whole.add_hosts(&hosts, gateways, lines);
        Ok(whole)
    }

    /// Adds the shared frontend, and in it the rules of gateways that have some.
    fn add_hosts<'a>(&mut self, frontend: &str, gateways: &(impl Iterator<Item = &'a Live> + Clone), mut lines: usize) {
        self.starts.push((lines, None));
        for line in frontend.lines() {
            let Some(wanted) = hosts::rules_at(line) else {
                self.text.extend([line, "\n"]);
                lines += 1;
                continue;
            };
            for live in gateways.clone() {
                let structure = live.document.structure.lines();
                let marked = structure.filter_map(|line| line.strip_prefix(guard::MARK));
                let before = lines;
                for rule in marked.filter(|rule| wanted(rule.trim_start())) {
                    self.text.extend([rule, "\n"]);
                    lines += 1;
                }
                if lines > before {
                    self.starts.push((before, Some(live.gateway.clone())));
                }
            }
            self.starts.push((lines, None));
        }
    }

    /// The gateway that a line belongs to, and the number of the line within it.
    pub(super) fn locate(&self, line: usize) -> Option<(&str, usize)> {
        let (start, gateway) = self.starts.iter().rev().find(|(start, _)| *start < line)?;
        Some((gateway.as_deref()?, line - start))
    }
}

/// How often an instance that answers is checked: with very many of them HAProxy would do nothing else, and a request that
/// fails takes an instance out at once. By the slots, so that no instance that comes or goes changes the configuration.
fn seconds_between_checks(structures: &[&str]) -> usize {
    let slots: usize = structures.iter().map(|structure| structure.matches("\n  server ").count()).sum();
    2 * (slots / SLOTS).max(1).next_power_of_two()
}

/// As many as configured, or as the limit of open files allows.
fn max_connections(config: &HaproxyConfig) -> u64 {
    let limit = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    config.max_connections.min(limit.saturating_sub(SPARE_FILES) / 2).max(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_instances_are_checked_less_often() {
        let thousand = "backend b\n".to_owned() + &"  server s0 127.0.0.1:1 disabled\n".repeat(1_000);
        let seconds = |times| seconds_between_checks(&vec![thousand.as_str(); times]);
        assert_eq!([1, 31, 32, 160].map(seconds), [2, 2, 4, 32]);
    }
}
