//! What a document asks of a worker, and what is still missing there.

use super::{
    entries::{Entries, Map},
    escape,
    failure::Failure,
    guard, hosts,
    outline::Outline,
    pem::Pem,
    sticky::Seats,
    values::{self, PLAIN},
    worker::{Found, SlotName, SlotState},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use vamp_core::{
    driver::Document,
    routing::Sticky,
    weight::{Weight, rescale},
};

/// The weight of every instance that gets new requests.
const WEIGHT: u32 = 100;

/// A gateway with the addresses of its hosts: what the proxy serves, and what is kept on disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Live {
    pub(super) gateway: String,
    #[serde(with = "shared")]
    pub(super) document: Arc<Document>,
    /// The addresses of hosts that are given by name.
    #[serde(default)]
    pub(super) hosts: BTreeMap<String, IpAddr>,
    /// What the certificate is that the document names; kept in a file of its own.
    #[serde(skip)]
    pub(super) certificate: Option<Pem>,
}

/// A document in JSON, whoever else holds it.
mod shared {
    use super::{Arc, Document};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(document: &Arc<Document>, to: S) -> Result<S::Ok, S::Error> {
        document.as_ref().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Document>, D::Error> {
        Document::deserialize(from).map(Arc::new)
    }
}

/// A document, taken apart.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) section: String,
    pub(super) outline: Outline,
    /// Every slot: where to, and whether it gets new requests; `None` is empty.
    pub(super) slots: BTreeMap<SlotName, Option<(SocketAddr, bool)>>,
    /// The instance in each slot that has one.
    pub(super) instances: BTreeMap<SlotName, String>,
    /// What stands in the maps.
    pub(super) entries: Entries,
    hosts: Vec<String>,
    /// The name of the gateway's own cookie; the rules of decisions behind others know theirs.
    cookie: String,
    classes: BTreeMap<String, Vec<u32>>,
    routes: BTreeMap<String, String>,
    sticky: BTreeMap<String, Sticky>,
}

/// What to tell a worker about its slots: first who joins, then the map, then who leaves.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) join: Vec<String>,
    pub(super) leave: Vec<String>,
}

impl Plan {
    /// Takes a document apart.
    pub(super) fn of(live: &Live) -> Result<Self, Failure> {
        let section = escape::section(&live.gateway);
        let outline = Outline::read(&live.document.structure);
        let classes = values::classes(&live.document.values).map_err(Failure::invalid)?;
        let name = |path: &str| format!("{section}.{path}");
        let mut slots: BTreeMap<SlotName, Option<(SocketAddr, bool)>> = BTreeMap::new();
        for (path, count) in &outline.backends {
            slots.extend((0..*count).map(|slot| ((name(path), slot), None)));
        }
        let mut instances = BTreeMap::new();
        for ((path, slot), server) in values::servers(&live.document.values).map_err(Failure::invalid)? {
            let ip = server.host.parse().ok().or_else(|| live.hosts.get(&server.host).copied());
            let ip = ip.ok_or_else(|| Failure::invalid(format!("host `{}` has no address", server.host)))?;
            let place = slots
                .get_mut(&(name(&path), slot))
                .ok_or_else(|| Failure::invalid(format!("the structure has no slot {path}/{slot}")))?;
            *place = Some((SocketAddr::new(ip, server.port), server.ready));
            instances.insert((name(&path), slot), server.id);
        }
        let sticky = values::sticky(&live.document.values).map_err(Failure::invalid)?;
        let owned = |(path, name): (&str, &str)| (path.to_owned(), name.to_owned());
        let routes = values::routes(&live.document.values).into_iter().map(owned).collect();
        let hosts = values::hosts(&live.document.values).map(str::to_owned).collect();
        let cookie = Sticky::cookie(&live.gateway, None);
        let entries = Entries::default();
        let mut plan = Self { section, outline, slots, instances, entries, hosts, cookie, classes, routes, sticky };
        plan.entries = plan.entries_of(&plan.classes, |name, _| Some(name.1));
        Ok(plan)
    }

    /// The backends by name.
    pub(super) fn backends(&self) -> Vec<String> {
        self.outline.backends.iter().map(|(path, _)| format!("{}.{path}", self.section)).collect()
    }

    /// The entries for these weights, where `slot` says in which slot an instance is.
    fn entries_of(
        &self,
        classes: &BTreeMap<String, Vec<u32>>,
        slot: impl Fn(&SlotName, SocketAddr) -> Option<usize>,
    ) -> Entries {
        let mut entries = Entries::default();
        for (class, weights) in classes {
            let (prefix, _) = values::split_class(class);
            let value = values::entry(weights, &self.cookie, self.sticky.get(prefix).copied());
            entries.insert(Map::Weights, values::class_key(&self.section, class), value);
        }
        for host in &self.hosts {
            hosts::add(&self.section, host, &mut entries);
        }
        if self.sticky.is_empty() {
            return entries;
        }
        let backends: Vec<String> = self.outline.backends.iter().map(|(path, _)| path.clone()).collect();
        let seat = |(name, id): (&SlotName, &String)| {
            let (address, ready) = (*self.slots.get(name)?)?;
            let (_, path) = name.0.split_once('.')?;
            ready.then_some((path.to_owned(), slot(name, address)?, id.clone()))
        };
        let instances = self.instances.iter().filter_map(seat).collect();
        let (section, sticky, routes, backends) = (self.section.as_str(), &self.sticky, &self.routes, &backends);
        Seats { section, sticky, routes, backends, instances }.add(classes, &mut entries);
        entries
    }

    /// The backends that requests are led to by what a worker has under the keys of these entries.
    pub(super) fn led_to(&self, found: &[Found]) -> BTreeSet<String> {
        let mut led = BTreeSet::new();
        for ((map, key), found) in self.entries.keys().zip(found) {
            match (map, found) {
                (Map::Weights, Found::Value(entry)) => {
                    let class = key.strip_prefix(&self.section).unwrap_or_default().trim_start_matches('/');
                    let (prefix, _) = values::split_class(class);
                    led.extend(values::taken(entry).map(|place| format!("{}.{prefix}r{place}", self.section)));
                }
                (Map::Sticky, Found::Value(seat)) => led.extend(seat.split('/').next().map(str::to_owned)),
                _ => {}
            }
        }
        led
    }

    /// The structure with the instances in its slots; those that are known to be down come in maintenance, because
    /// HAProxy takes a new server for healthy.
    pub(super) fn configuration(&self, structure: &str, down: &BTreeSet<SocketAddr>) -> String {
        let mut text = String::with_capacity(structure.len() + 64 * self.instances.len());
        let mut backend = String::new();
        let mut slot = 0;
        for line in structure.lines().filter(|line| !line.starts_with(guard::MARK)) {
            if let Some(rest) = line.strip_prefix("backend ") {
                backend = rest.split(' ').next().unwrap_or_default().to_owned();
                slot = 0;
            }
            if line.starts_with("  server ") {
                if let Some(Some((address, ready))) = self.slots.get(&(backend.clone(), slot)) {
                    let state =
                        if down.contains(address) { "0 disabled".to_owned() } else { weight(*ready).to_string() };
                    text.push_str(&format!("  server s{slot} {address} weight {state}\n"));
                    slot += 1;
                    continue;
                }
                slot += 1;
            }
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Ends the maintenance of the instances that came in it, as down: a check that passes brings them up. They have no
    /// weight in between, for the end of a maintenance makes them healthy for a moment.
    pub(super) fn down_commands(&self, down: &BTreeSet<SocketAddr>) -> Vec<String> {
        let of = |(name, wanted): (&SlotName, &Option<(SocketAddr, bool)>)| {
            let (address, ready) = (*wanted)?;
            let server = format!("set server {}/s{}", name.0, name.1);
            let steps = ["state ready".to_owned(), "health down".to_owned(), format!("weight {}", weight(ready))];
            down.contains(&address).then(|| steps.map(|step| format!("{server} {step}")))
        };
        self.slots.iter().filter_map(of).flatten().collect()
    }

    /// What a worker that has `actual` must be told; nothing when it serves this.
    pub(super) fn difference(&self, actual: &BTreeMap<SlotName, SlotState>) -> Difference {
        let mut difference = Difference::default();
        for ((backend, slot), wanted) in &self.slots {
            let name = format!("{backend}/s{slot}");
            let actual = actual.get(&(backend.clone(), *slot));
            match (wanted, actual) {
                (Some((address, ready)), Some(actual)) if actual.ready && actual.address == Some(*address) => {
                    if actual.weight != weight(*ready) {
                        let list = if *ready { &mut difference.join } else { &mut difference.leave };
                        list.push(format!("set server {name} weight {}", weight(*ready)));
                    }
                }
                (Some((address, ready)), _) => difference.join.extend([
                    // Maintenance first: an address that changes under traffic is a known trap.
                    format!("set server {name} state maint"),
                    format!("set server {name} addr {} port {}", address.ip(), address.port()),
                    format!("set server {name} weight {}", weight(*ready)),
                    format!("set server {name} state ready"),
                ]),
                (None, Some(actual)) if !actual.ready => {}
                (None, _) => difference.leave.push(format!("set server {name} state maint")),
            }
        }
        difference
    }

    /// The entries for a leaving worker, whose servers cannot be changed any more: only routes that it can still reach
    /// get requests. `None` when it can reach nothing that has a weight.
    pub(super) fn entries_for(&self, frozen: &BTreeMap<SlotName, SlotState>) -> Option<Entries> {
        let classes = self.classes_for(frozen)?;
        // A slot may have had another instance when that worker was frozen.
        let there = |(backend, _): &SlotName, address: SocketAddr| {
            let same = |(name, state): &(&SlotName, &SlotState)| name.0 == *backend && state.address == Some(address);
            frozen.iter().find(same).map(|(name, _)| name.1)
        };
        let mut entries = self.entries_of(&classes, there);
        entries.instead_of(&self.entries);
        Some(entries)
    }

    fn classes_for(&self, frozen: &BTreeMap<SlotName, SlotState>) -> Option<BTreeMap<String, Vec<u32>>> {
        let mut classes = BTreeMap::new();
        self.restrict("", frozen, &mut classes).then_some(classes)
    }

    /// Adds the classes of the decision at `prefix`; false when its plain weights reach nothing.
    fn restrict(
        &self,
        prefix: &str,
        frozen: &BTreeMap<SlotName, SlotState>,
        into: &mut BTreeMap<String, Vec<u32>>,
    ) -> bool {
        let Some(plain) = self.classes.get(&format!("{prefix}{PLAIN}")) else { return false };
        let reached: Vec<bool> = (0..plain.len())
            .map(|place| {
                let inner = format!("{prefix}r{place}.");
                let chained = self.classes.contains_key(&format!("{inner}{PLAIN}"));
                if chained { self.restrict(&inner, frozen, into) } else { self.reached(prefix, place, frozen) }
            })
            .collect();
        let kept = |weights: &[u32], total: u32| {
            let kept = weights.iter().zip(&reached).map(|(&weight, &reached)| if reached { weight } else { 0 });
            let kept: Vec<Weight> = kept.filter_map(Weight::from_ppm).collect();
            let total = Weight::from_ppm(total).unwrap_or(Weight::FULL);
            rescale(&kept, total).iter().map(|weight| weight.ppm()).collect::<Vec<u32>>()
        };
        let total: u32 = plain.iter().sum();
        let own = kept(plain, total);
        let any = total == 0 || own.iter().sum::<u32>() > 0;
        for (class, weights) in &self.classes {
            let (its_prefix, name) = values::split_class(class);
            if its_prefix != prefix || name == PLAIN {
                continue;
            }
            let total = weights.iter().sum();
            let mixed = kept(weights, total);
            let lost = total > 0 && mixed.iter().sum::<u32>() == 0;
            into.insert(class.clone(), if lost { own.clone() } else { mixed });
        }
        into.insert(format!("{prefix}{PLAIN}"), own);
        any
    }

    /// Whether a frozen worker has one of the instances that this document has there, and in good health: a worker that
    /// leaves cannot count live servers any more, so it cannot draw again.
    fn reached(&self, prefix: &str, place: usize, frozen: &BTreeMap<SlotName, SlotState>) -> bool {
        let backend = format!("{}.{prefix}r{place}", self.section);
        let of = |slots: &SlotName| slots.0 == backend;
        let ours: Vec<SocketAddr> =
            self.slots.iter().filter(|(name, _)| of(name)).filter_map(|(_, wanted)| Some((*wanted)?.0)).collect();
        frozen
            .iter()
            .filter(|(name, state)| of(name) && state.ready && state.up && state.weight > 0)
            .any(|(_, state)| state.address.is_some_and(|address| ours.contains(&address)))
    }
}

const fn weight(ready: bool) -> u32 {
    if ready { WEIGHT } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(values: &[(&str, &str)]) -> Live {
        let structure = "frontend g from x\n  bind 127.0.0.1:80\nbackend g.r0 from y\n  server s0 127.0.0.1:1 disabled\n  \
                         server s1 127.0.0.1:1 disabled\nbackend g.r1 from y\n  server s0 127.0.0.1:1 disabled\n";
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let document = Arc::new(Document { structure: structure.to_owned(), values });
        Live { gateway: "g".to_owned(), document, hosts: BTreeMap::new(), certificate: None }
    }

    fn state(port: u16, ready: bool, weight: u32) -> SlotState {
        SlotState { address: Some(SocketAddr::from(([127, 0, 0, 1], port))), ready, up: true, weight }
    }

    #[test]
    fn a_recycled_slot_is_in_maintenance_before_its_address_changes() {
        let plan = Plan::of(&live(&[("class/p", "1000000;0"), ("server/r0/0", "b 127.0.0.1 82 ready")])).unwrap();
        let actual = BTreeMap::from([
            (("g.r0".to_owned(), 0), state(81, true, 100)),
            (("g.r0".to_owned(), 1), state(83, true, 100)),
            (("g.r1".to_owned(), 0), state(1, false, 1)),
        ]);
        let difference = plan.difference(&actual);
        let join = ["state maint", "addr 127.0.0.1 port 82", "weight 100", "state ready"];
        assert_eq!(difference.join, join.map(|rest| format!("set server g.r0/s0 {rest}")));
        assert_eq!(difference.leave, ["set server g.r0/s1 state maint"]);
    }

    #[test]
    fn what_is_served_already_needs_no_command() {
        let plan = Plan::of(&live(&[("class/p", "1000000;0"), ("server/r0/1", "b 127.0.0.1 82 drain")])).unwrap();
        let actual = BTreeMap::from([
            (("g.r0".to_owned(), 0), state(1, false, 1)),
            (("g.r0".to_owned(), 1), state(82, true, 0)),
            (("g.r1".to_owned(), 0), state(1, false, 1)),
        ]);
        assert_eq!(plan.difference(&actual), Difference::default());
        assert!(
            plan.configuration(&live(&[]).document.structure, &BTreeSet::new())
                .contains("  server s1 127.0.0.1:82 weight 0\n")
        );
    }

    #[test]
    fn a_leaving_worker_gets_only_what_it_reaches() {
        let values = [
            ("class/p", "250000;750000"),
            ("class/c1", "0;1000000"),
            ("server/r0/0", "a 127.0.0.1 81 ready"),
            ("server/r1/0", "b 127.0.0.1 82 ready"),
        ];
        let plan = Plan::of(&live(&values)).unwrap();
        let knows_both = BTreeMap::from([
            (("g.r0".to_owned(), 0), state(81, true, 100)),
            (("g.r1".to_owned(), 0), state(82, true, 1)),
        ]);
        assert_eq!(plan.entries_for(&knows_both), Some(plan.entries.clone()));
        let knows_one = BTreeMap::from([
            (("g.r0".to_owned(), 0), state(81, true, 100)),
            (("g.r1".to_owned(), 0), state(99, true, 100)),
        ]);
        let mut expected = Entries::default();
        for key in ["g/", "g/c1"] {
            expected.insert(Map::Weights, key.to_owned(), values::entry(&[1_000_000, 0], "", None));
        }
        assert_eq!(plan.entries_for(&knows_one), Some(expected));
        assert_eq!(plan.entries_for(&BTreeMap::new()), None);
    }
}
