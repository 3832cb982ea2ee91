//! A gateway whose versions, instances, weights, strength and stickiness change in the order that the engine keeps.

use crate::{
    haproxy_support::{conditioned, gateway, route},
    random::Random,
    site::Site,
};
use std::collections::BTreeMap;
use vamp_core::routing::{Gateway, Sticky, Traffic};

/// As many as a gateway that began with two has places for, and its routes slots.
const MOST: usize = 4;

struct Version {
    number: usize,
    weight: u32,
    instances: Vec<(Site, Traffic)>,
}

/// What is served, and how it goes on.
pub(crate) struct Shop {
    pub(crate) port: u16,
    versions: Vec<Version>,
    sticky: Option<Sticky>,
    strength: u32,
    /// So that no name comes twice.
    versions_so_far: usize,
    instances_so_far: usize,
    /// Out of the gateway as soon as that is applied.
    leaving: Vec<Site>,
}

impl Version {
    fn has_ready(&self) -> bool {
        self.instances.iter().any(|(_, traffic)| *traffic == Traffic::Ready)
    }
}

impl Shop {
    pub(crate) fn open(port: u16) -> Self {
        let mut shop = Self {
            port,
            versions: Vec::new(),
            sticky: None,
            strength: 50,
            versions_so_far: 0,
            instances_so_far: 0,
            leaving: Vec::new(),
        };
        for at in 0..2 {
            shop.join();
            shop.join_instance(at);
        }
        shop.versions[0].weight = 100;
        shop
    }

    pub(crate) fn gateway(&self) -> Gateway {
        let routes = self.versions.iter().map(|version| {
            let instances = version.instances.iter().map(|(site, traffic)| {
                let mut instance = site.instance();
                instance.traffic = *traffic;
                instance
            });
            let route = route(&format!("v{}", version.number), version.weight * 10_000, instances.collect());
            let first = version.number == 0;
            if first { conditioned(route, "header x-group == beta", self.strength) } else { route }
        });
        let mut gateway = gateway("shop", self.port, routes.collect());
        gateway.decision.sticky = self.sticky;
        gateway
    }

    /// Makes one change, of any kind that is possible now; `open` are the connections by instance. Says what it was.
    pub(crate) fn change(&mut self, random: &mut Random, open: &BTreeMap<String, u64>) -> &'static str {
        if self.remove_drained(open) {
            return "removed";
        }
        let at = random.below(self.versions.len());
        match random.below(10) {
            0 if self.versions.len() < MOST => {
                self.join();
                "version"
            }
            1 | 2 if self.versions[at].instances.len() < MOST && self.versions[at].has_ready() => {
                self.join_instance(at);
                "scaled up"
            }
            3 | 4 if self.drain(at) => "draining",
            5 => {
                let others = [None, Some(Sticky::ROUTE), Some(Sticky::INSTANCE)];
                let others: Vec<_> = others.into_iter().filter(|one| *one != self.sticky).collect();
                self.sticky = others[random.below(2)];
                "sticky"
            }
            6..=8 if self.weigh(random) => "weights",
            _ => {
                self.strength = (self.strength + 1 + random.below(99) as u32) % 101;
                "strength"
            }
        }
    }

    /// A version with one instance, which gets nothing yet.
    fn join(&mut self) {
        self.versions.push(Version { number: self.versions_so_far, weight: 0, instances: Vec::new() });
        self.versions_so_far += 1;
        self.join_instance(self.versions.len() - 1);
    }

    fn join_instance(&mut self, at: usize) {
        let version = &mut self.versions[at];
        let site = Site::start(&format!("v{}-{}", version.number, self.instances_so_far));
        self.instances_so_far += 1;
        version.instances.push((site, Traffic::Ready));
    }

    /// Other weights, in whole percent, if there is somebody to share with.
    fn weigh(&mut self, random: &mut Random) -> bool {
        let before: Vec<u32> = self.versions.iter().map(|version| version.weight).collect();
        let mut left = 100;
        for version in self.versions.iter_mut().skip(1) {
            version.weight = if version.has_ready() { random.below(left as usize + 1) as u32 } else { 0 };
            left -= version.weight;
        }
        self.versions[0].weight = left;
        self.versions.iter().map(|version| version.weight).ne(before)
    }

    /// The oldest instance of a version leaves, if another one stays; without traffic the whole version.
    fn drain(&mut self, at: usize) -> bool {
        let whole = at > 0 && self.versions[at].weight == 0;
        let ready = |(_, traffic): &&mut (Site, Traffic)| *traffic == Traffic::Ready;
        let ready: Vec<_> = self.versions[at].instances.iter_mut().filter(ready).collect();
        let leave = if whole { ready.len() } else { ready.len().saturating_sub(1).min(1) };
        ready.into_iter().take(leave).for_each(|(_, traffic)| *traffic = Traffic::Draining);
        leave > 0
    }

    /// Removes what nobody is connected to any more: an instance, and with the last one its version.
    fn remove_drained(&mut self, open: &BTreeMap<String, u64>) -> bool {
        let is_drained = |(site, traffic): &(Site, Traffic)| {
            *traffic == Traffic::Draining && open.get(site.name()).is_some_and(|connections| *connections == 0)
        };
        let find = |version: &Version| version.instances.iter().position(is_drained);
        let Some((at, drained)) = (0..self.versions.len()).find_map(|at| Some((at, find(&self.versions[at])?))) else {
            return false;
        };
        self.leaving.push(self.versions[at].instances.remove(drained).0);
        if self.versions[at].instances.is_empty() {
            self.versions.remove(at);
        }
        true
    }

    /// Stops what left: the change was applied.
    pub(crate) fn applied(&mut self) {
        self.leaving.clear();
    }
}
