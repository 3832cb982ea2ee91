//! Random gateways: chains, strengths, stickiness, routes without a live instance.

use crate::{
    conditions,
    haproxy_support::{Backend, free_port, gateway, instance, route},
    random::Random,
};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::TcpSocket;
use vamp_core::{
    condition::Condition,
    routing::{Decision, Gateway, Instance, Rewrite, Route, Sticky, Target, Traffic},
    weight::Weight,
};

/// How many instances a gateway may have: each at a backend of its own, so that the answer says which one.
const MOST: usize = 40;
/// Every so many of them is dead.
const DEAD: usize = 5;

/// Backends that answer their name, and ports that nobody listens on.
#[derive(Debug)]
pub(crate) struct Places {
    live: Vec<Backend>,
    dead: Vec<TcpSocket>,
}

impl Places {
    pub(crate) async fn start() -> Self {
        let mut live = Vec::new();
        for n in 0..MOST {
            live.push(Backend::start(&format!("b{n}")).await);
        }
        let bound = || {
            // Any free port: bound, so that nobody else takes it, and not listening.
            let socket = TcpSocket::new_v4().expect("a socket");
            socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
            socket
        };
        Self { live, dead: (0..MOST / DEAD).map(|_| bound()).collect() }
    }

    pub(crate) fn dead_ports(&self) -> Vec<u16> {
        self.dead.iter().map(|socket| socket.local_addr().expect("its address").port()).collect()
    }
}

/// How finely weights divide.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shares {
    /// By quarters, and often all for one.
    Coarse,
    /// By millionths.
    Fine,
}

struct Builder<'a> {
    random: &'a mut Random,
    places: &'a Places,
    shares: Shares,
    name: String,
    instances: usize,
    decisions: usize,
}

/// Gateway number `n`.
pub(crate) fn random(random: &mut Random, n: usize, places: &Places, shares: Shares) -> Gateway {
    let name = format!("g{n}");
    let mut builder = Builder { random, places, shares, name, instances: 0, decisions: 0 };
    let decision = builder.decision(0);
    Gateway { decision, ..gateway(&format!("g{n}"), free_port(), Vec::new()) }
}

impl Builder<'_> {
    fn decision(&mut self, depth: usize) -> Decision {
        let gateway = if depth == 0 { self.name.clone() } else { format!("{}-{}", self.name, self.decisions) };
        self.decisions += 1;
        let sticky = match self.random.below(4) {
            // Who sticks does not follow the weights.
            _ if self.shares == Shares::Fine => None,
            0 => Some(Sticky::ROUTE),
            1 => Some(Sticky::INSTANCE),
            _ => None,
        };
        let weights = self.weights();
        let routes = weights.into_iter().enumerate().map(|(place, weight)| self.route(place, weight, depth)).collect();
        Decision { gateway, sticky, routes }
    }

    /// The weights of one to four routes: all for one, none at all, or divided.
    fn weights(&mut self) -> Vec<u32> {
        let many = 1 + self.random.below(4);
        let mut weights = vec![0; many];
        let parts = match (self.shares, self.random.below(8)) {
            (Shares::Coarse, 0) => 0,
            (Shares::Coarse, 1..=4) => 1,
            (Shares::Coarse, _) => 4,
            (Shares::Fine, _) => 1_000,
        };
        for _ in 0..parts {
            weights[self.random.below(many)] += 1_000_000 / parts;
        }
        weights
    }

    fn route(&mut self, place: usize, weight: u32, depth: usize) -> Route {
        let name = format!("r{place}");
        let mut route = route(&name, weight, Vec::new());
        if self.random.below(2) == 0 {
            let condition = conditions::random(self.random, 4);
            route.condition = Some(Condition::parse(&condition).expect("a condition"));
            let strengths = [0, 500_000, 1_000_000, 1_000_000];
            route.strength = Weight::from_ppm(strengths[self.random.below(4)]).expect("a share");
        }
        if depth < 2 && self.random.below(3) == 0 {
            route.target = Target::Chained(self.decision(depth + 1));
        } else {
            let many = [0, 1, 1, 2][self.random.below(4)];
            route.target = Target::Instances((0..many).filter_map(|_| self.instance()).collect());
            for _ in 0..self.random.below(3) {
                let condition = Condition::parse(&conditions::random(self.random, 2)).expect("a condition");
                let paths = ["/moved", "/api/moved", "/static/moved.js?q=1"];
                route.rewrites.push(Rewrite { path: self.random.pick(&paths).to_owned(), condition });
            }
        }
        route
    }

    /// The next one: live, dead or draining.
    fn instance(&mut self) -> Option<Instance> {
        let n = self.instances;
        self.instances += 1;
        let id = format!("b{n}");
        let backend = self.places.live.get(n)?;
        let mut one = match self.random.below(DEAD) {
            0 => instance(&id, self.places.dead_ports()[n / DEAD]),
            _ => instance(&id, backend.port),
        };
        if self.random.below(8) == 0 {
            one.traffic = Traffic::Draining;
        }
        Some(one)
    }
}
