//! [`simulate`]: who would have gone where.

use super::{Entry, Router, Step, Unrouted, draw::draw};
use crate::{condition::Request, routing::Instance};
use std::collections::BTreeMap;

/// How many requests went where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simulation<'r> {
    /// All requests.
    pub requests: u64,
    /// Those that each choice sent each way; a request counts once for every gateway that it crossed.
    pub steps: BTreeMap<Step<'r>, u64>,
    /// Those that went nowhere.
    pub nowhere: BTreeMap<Unrouted<'r>, u64>,
}

impl Simulation<'_> {
    /// How many requests a gateway sent by a route, for whatever reason.
    #[must_use]
    pub fn count(&self, gateway: &str, route: &str) -> u64 {
        let of = |step: &Step<'_>| step.gateway == gateway && step.route == route;
        self.steps.iter().filter(|(step, _)| of(step)).map(|(_, count)| count).sum()
    }
}

/// Sends requests through the router, each from where it comes in. Request `n` is decided with draw `n` of `seed` as its
/// seed, so that the same requests and the same seed give the same result. Cookies of clients that stay count as the
/// requests have them; `live` says which instances can answer.
pub fn simulate<'r, R: Request>(
    router: &'r Router,
    requests: impl IntoIterator<Item = (Entry<'r>, R)>,
    seed: u64,
    live: impl Fn(&Instance) -> bool,
) -> Simulation<'r> {
    let mut simulation = Simulation::default();
    for ((entry, request), n) in requests.into_iter().zip(0..) {
        simulation.requests += 1;
        match router.decide(entry, &request, draw(seed, n), &live) {
            Ok(routed) => routed.steps().for_each(|step| *simulation.steps.entry(step).or_insert(0) += 1),
            Err(reason) => *simulation.nowhere.entry(reason).or_insert(0) += 1,
        }
    }
    simulation
}
