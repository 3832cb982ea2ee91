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
#[path = "haproxy_tls/client.rs"]
#[allow(dead_code)] // its own backend
mod tls;
#[path = "haproxy_mixed/traffic.rs"]
mod traffic;

use haproxy_support::{Folder, Haproxy, free_port, gateway, route};
use random::Random;
use shop::Shop;
use std::{collections::BTreeMap, time::Duration};
use tls::{Certificates, Made};
use tokio::time::{Interval, MissedTickBehavior, interval};
use traffic::{Tally, Traffic, Way};
use vamp_core::{
    driver::{Applied, Proxy},
    routing::{Gateway, Tls},
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
    /// Where the shop is reached over TLS, too, and which certificate that shows.
    safe: u16,
    certificate: usize,
    _certificates: Certificates,
    random: Random,
    others: Vec<Gateway>,
    /// Changes of the shop at run time, by either way.
    at_run_time: u64,
    kinds: BTreeMap<&'static str, usize>,
}

impl Scene {
    async fn set(name: &str) -> Self {
        let seed = random::seed();
        println!("seed {seed}; repeat with VAMP_TEST_SEED={seed}");
        let folder = Folder::new(name);
        // A leaving worker may finish its downloads, and keep its WebSockets to the end, on a slow machine too.
        let certificates = Certificates::new(&folder);
        for number in 0..2 {
            let file = certificates.0.join(format!("{number}.pem"));
            std::fs::write(file, Made::new().pem()).expect("a certificate");
        }
        let config =
            folder.config().with_hard_stop_after(Duration::from_secs(1_200)).with_certificates(&certificates.0);
        let proxy = HaproxyProxy::start(config).await.unwrap_or_else(|error| panic!("{}", error.report()));
        let mut scene = Self {
            haproxy: Haproxy { proxy, folder },
            shop: Shop::open(free_port()),
            safe: free_port(),
            certificate: 0,
            _certificates: certificates,
            random: Random::new(seed),
            others: Vec::new(),
            at_run_time: 0,
            kinds: BTreeMap::new(),
        };
        scene.apply().await;
        scene
    }

    async fn apply(&mut self) -> BTreeMap<String, Applied> {
        let shop = [self.shop.gateway(), self.safe()].into_iter();
        let gateways: Vec<Gateway> = shop.chain(self.others.iter().cloned()).collect();
        let answers = self.haproxy.serve(&gateways).await.into_iter();
        let answers = answers.map(|(name, answer)| match answer {
            Ok(applied) => (name, applied),
            Err(error) => panic!("{name}: {}", error.report()),
        });
        let answers: BTreeMap<String, Applied> = answers.collect();
        self.shop.applied();
        self.at_run_time += answers.values().filter(|applied| **applied == Applied::AtRunTime).count() as u64;
        answers
    }

    /// The shop over TLS.
    fn safe(&self) -> Gateway {
        let port = self.safe.try_into().expect("not zero");
        let mut safe = Gateway { name: "safe".to_owned(), port, ..self.shop.gateway() };
        safe.decision.gateway.clone_from(&safe.name);
        safe.settings.tls = Some(Tls { certificate: format!("{}.pem", self.certificate) });
        safe
    }

    fn traffic(&self, size: &Size) -> Traffic {
        Traffic::start(Way::Plain(self.shop.port), Way::Tls(self.safe), size.pieces)
    }

    /// Connections by instance, the larger of two counts by both ways; nothing while they cannot be counted, as in the
    /// moment in which a worker ends.
    async fn open(&self) -> BTreeMap<String, u64> {
        let mut open: BTreeMap<String, u64> = BTreeMap::new();
        for _ in 0..2 {
            let proxy = &self.haproxy.proxy;
            let (Ok(mut both), Ok(safe)) = tokio::join!(proxy.connections("shop"), proxy.connections("safe")) else {
                return BTreeMap::new();
            };
            safe.into_iter().for_each(|(name, connections)| *both.entry(name).or_default() += connections);
            for (name, connections) in both {
                let most = open.entry(name).or_default();
                *most = connections.max(*most);
            }
        }
        open
    }

    /// One change of the shop that makes a difference for HAProxy: a strength does not where all weight is.
    async fn change(&mut self) -> Applied {
        loop {
            let kind = if self.random.below(8) == 0 {
                self.certificate = 1 - self.certificate;
                "certificate"
            } else {
                let open = self.open().await;
                self.shop.change(&mut self.random, &open)
            };
            let answers = self.apply().await;
            let applied = [answers["shop"], answers["safe"]];
            if let Some(how) = [Applied::Reloaded, Applied::AtRunTime].into_iter().find(|how| applied.contains(how)) {
                *self.kinds.entry(kind).or_default() += 1;
                return how;
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
    let (size, mut scene) = (Size::wanted(), Scene::set("mixed-values").await);
    let before = scene.haproxy.proxy.status().await.expect("a status");
    let traffic = scene.traffic(&size);
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
    assert!(scene.at_run_time >= size.changes as u64);
    assert_eq!(status.runtime_changes - before.runtime_changes, scene.at_run_time);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_gateways_among_the_changes_reload_at_most_once_each_and_nobody_notices() {
    const BURSTS: usize = 4;
    const GATEWAYS: usize = 5;
    let (size, mut scene) = (Size::wanted(), Scene::set("mixed-structure").await);
    let before = scene.haproxy.proxy.status().await.expect("a status");
    let traffic = scene.traffic(&size);
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
