//! Every kind of client at a gateway that changes in every way: nobody notices. `VAMP_SOAK=1` makes 500 changes during
//! downloads of a minute.
#![cfg(test)]

mod haproxy_support;
#[path = "differential/random.rs"]
#[allow(dead_code)] // its picking is for conditions
mod random;
#[path = "haproxy_mixed/shop.rs"]
mod shop;
#[path = "haproxy_mixed/site.rs"]
mod site;
#[path = "haproxy_mixed/traffic.rs"]
mod traffic;

use haproxy_support::{Folder, Haproxy, free_port, gateway, route};
use random::Random;
use shop::Shop;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::{Interval, MissedTickBehavior, interval};
use traffic::{Tally, Traffic};
use vamp_core::{
    driver::{Applied, Proxy},
    routing::Gateway,
};
use vamp_drivers::gateway::haproxy::HaproxyProxy;

/// How many changes, and how many pieces a download has, ten a second. Changes are spread over two downloads.
struct Size {
    changes: usize,
    pieces: usize,
}

impl Size {
    fn wanted() -> Self {
        match std::env::var_os("VAMP_SOAK") {
            Some(_) => Self { changes: 500, pieces: 600 },
            None => Self { changes: 40, pieces: 30 },
        }
    }

    fn pace(&self) -> Interval {
        let mut pace = interval(Duration::from_millis(200 * self.pieces as u64) / self.changes as u32);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pace
    }
}

struct Scene {
    haproxy: Haproxy,
    shop: Shop,
    random: Random,
    others: Vec<Gateway>,
    kinds: BTreeMap<&'static str, usize>,
}

impl Scene {
    async fn set(name: &str, port: u16) -> Self {
        let seed = random::seed();
        println!("seed {seed}; repeat with VAMP_TEST_SEED={seed}");
        let folder = Folder::new(name);
        // A leaving worker may finish its downloads.
        let config = folder.config().with_hard_stop_after(Duration::from_secs(300));
        let proxy = HaproxyProxy::start(config).await.unwrap_or_else(|error| panic!("{}", error.report()));
        let (shop, random) = (Shop::open(port), Random::new(seed));
        let mut scene =
            Self { haproxy: Haproxy { proxy, folder }, shop, random, others: Vec::new(), kinds: BTreeMap::new() };
        scene.apply().await;
        scene
    }

    async fn apply(&mut self) -> BTreeMap<String, Applied> {
        let gateways: Vec<Gateway> = [self.shop.gateway()].into_iter().chain(self.others.iter().cloned()).collect();
        let answers = self.haproxy.serve(&gateways).await.into_iter();
        let answers = answers.map(|(name, answer)| match answer {
            Ok(applied) => (name, applied),
            Err(error) => panic!("{name}: {}", error.report()),
        });
        let answers = answers.collect();
        self.shop.applied();
        answers
    }

    /// Connections by instance, the larger of two counts; nothing while they cannot be counted, as in the moment in
    /// which a worker ends.
    async fn open(&self) -> BTreeMap<String, u64> {
        let (first, second) =
            (self.haproxy.proxy.connections("shop").await, self.haproxy.proxy.connections("shop").await);
        let (Ok(mut open), Ok(again)) = (first, second) else { return BTreeMap::new() };
        for (name, connections) in again {
            let most = open.entry(name).or_default();
            *most = connections.max(*most);
        }
        open
    }

    /// One change of the shop that makes a difference for HAProxy: a strength does not where all weight is.
    async fn change(&mut self) -> Applied {
        loop {
            let open = self.open().await;
            let kind = self.shop.change(&mut self.random, &open);
            let applied = self.apply().await["shop"];
            if applied != Applied::Unchanged {
                *self.kinds.entry(kind).or_default() += 1;
                return applied;
            }
        }
    }

    /// So many gateways come, or the last ones go.
    async fn restructure(&mut self, come: bool, count: usize) {
        let instances = || match &self.shop.gateway().decision.routes[0].target {
            vamp_core::routing::Target::Instances(instances) => instances.clone(),
            vamp_core::routing::Target::Chained(_) => Vec::new(),
        };
        for _ in 0..count {
            if come {
                let name = format!("other{}", self.others.len());
                self.others.push(gateway(&name, free_port(), vec![route("v", 1_000_000, instances())]));
            } else {
                self.others.pop();
            }
        }
        *self.kinds.entry(if come { "new gateways" } else { "removed gateways" }).or_default() += count;
        self.apply().await;
    }
}

fn assert_unnoticed(seen: &BTreeMap<&'static str, Tally>) {
    for (kind, tally) in seen {
        println!("{kind}: {}", tally.done);
    }
    for (kind, tally) in seen {
        assert!(tally.done > 0, "no {kind}");
        assert_eq!(tally.failures, Vec::<String>::new(), "{kind}, {} succeeded", tally.done);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_every_kind_without_structure_take_no_reload_and_nobody_notices() {
    let (size, port) = (Size::wanted(), free_port());
    let mut scene = Scene::set("mixed-values", port).await;
    let before = scene.haproxy.proxy.status().await.expect("a status");
    let traffic = Traffic::start(port, size.pieces);
    let mut pace = size.pace();
    for change in 0..size.changes {
        pace.tick().await;
        assert_eq!(scene.change().await, Applied::AtRunTime, "change {change}, after {:?}", scene.kinds);
    }
    let seen = traffic.stop().await;
    let status = scene.haproxy.proxy.status().await.expect("a status");
    println!("{:?}", scene.kinds);
    assert_unnoticed(&seen);
    assert_eq!(status.reloads, before.reloads, "{:?}", status.reload_reasons);
    assert_eq!(status.runtime_changes - before.runtime_changes, size.changes as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_gateways_among_the_changes_reload_at_most_once_each_and_nobody_notices() {
    const BURSTS: usize = 4;
    const GATEWAYS: usize = 5;
    let (size, port) = (Size::wanted(), free_port());
    let mut scene = Scene::set("mixed-structure", port).await;
    let before = scene.haproxy.proxy.status().await.expect("a status");
    let traffic = Traffic::start(port, size.pieces);
    let mut pace = size.pace();
    for change in 0..size.changes {
        pace.tick().await;
        if change % (size.changes / BURSTS) == size.changes / BURSTS / 2 {
            scene.restructure(change < size.changes / 2, GATEWAYS).await;
        } else {
            scene.change().await;
        }
    }
    let seen = traffic.stop().await;
    let status = scene.haproxy.proxy.status().await.expect("a status");
    println!("{:?}", scene.kinds);
    assert_unnoticed(&seen);
    let (structural, reloads) =
        (status.structural_changes - before.structural_changes, status.reloads - before.reloads);
    assert_eq!(structural, (BURSTS * GATEWAYS) as u64);
    assert!(reloads <= structural && reloads >= 1, "{reloads} reloads: {:?}", status.reload_reasons);
}
