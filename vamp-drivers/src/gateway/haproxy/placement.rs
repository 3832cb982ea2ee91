//! Which place each route and each instance has.
//!
//! What is served keeps its place: a new route takes a spare backend and a new instance an empty slot, so that they
//! come and go without a reload.

use super::{
    outline::Outline,
    values::{self, Server},
};
use std::collections::{BTreeMap, BTreeSet};
use vamp_core::{
    driver::Document,
    routing::{Decision, Instance, Route, Sticky, Target},
    weight::Weight,
};

/// The fewest server slots of a backend.
const FEWEST_SLOTS: usize = 4;
/// The fewest places for routes.
const FEWEST_PLACES: usize = 4;

/// The places that a served document gave.
#[derive(Debug, Default)]
pub(super) struct Served {
    outline: Outline,
    routes: BTreeMap<String, String>,
    servers: BTreeMap<(String, usize), Server>,
}

impl Served {
    /// Reads a document; what cannot be read has no place.
    pub(super) fn read(document: Option<&Document>) -> Self {
        let Some(document) = document else { return Self::default() };
        let owned = |(path, name): (&str, &str)| (path.to_owned(), name.to_owned());
        Self {
            outline: Outline::read(&document.structure),
            routes: values::routes(&document.values).into_iter().map(owned).collect(),
            servers: values::servers(&document.values).unwrap_or_default(),
        }
    }
}

/// A decision with its routes in their places.
#[derive(Debug)]
pub(super) struct Placed<'a> {
    /// Empty, or `r1.` for the decision behind the route in place 1.
    pub(super) prefix: String,
    pub(super) decision: &'a Decision,
    /// What its clients stick to: its own setting, or the instance when a decision before it says so.
    pub(super) sticky: Option<Sticky>,
    /// By place; `None` is spare.
    pub(super) routes: Vec<Option<PlacedRoute<'a>>>,
}

/// A route in its place.
#[derive(Debug)]
pub(super) struct PlacedRoute<'a> {
    pub(super) route: &'a Route,
    pub(super) below: Below<'a>,
}

/// Where a placed route leads.
#[derive(Debug)]
pub(super) enum Below<'a> {
    /// To instances, by slot.
    Instances(BTreeMap<usize, &'a Instance>),
    /// To another decision.
    Decision(Placed<'a>),
}

impl<'a> Placed<'a> {
    /// Finds the places of a decision and of all below it, and the number of slots that every backend needs.
    pub(super) fn find(decision: &'a Decision, served: &Served) -> (Self, usize) {
        let mut slots = served.outline.servers().max(FEWEST_SLOTS);
        while slots < most_instances(decision) {
            slots *= 2;
        }
        (Self::below(decision, String::new(), served, slots, None), slots)
    }

    fn below(decision: &'a Decision, prefix: String, served: &Served, slots: usize, inherited: Option<Sticky>) -> Self {
        let (decision, inherited) = collapsed(decision, inherited);
        let sticky = decision.sticky.or(inherited);
        let inherited = sticky.filter(|sticky| *sticky == Sticky::Instance);
        let room = room(served.outline.routes(&prefix), decision.routes.len());
        let held = |place: usize| served.routes.get(&format!("{prefix}r{place}")).map(String::as_str);
        let names: Vec<&str> = decision.routes.iter().map(|route| route.name.as_str()).collect();
        let seats = seat(&names, held, room);
        let mut routes: Vec<Option<PlacedRoute<'_>>> = (0..room).map(|_| None).collect();
        for (route, place) in decision.routes.iter().zip(seats) {
            let path = format!("{prefix}r{place}");
            let below = match &route.target {
                Target::Chained(inner) => {
                    Below::Decision(Self::below(inner, format!("{path}."), served, slots, inherited))
                }
                Target::Instances(instances) => Below::Instances(in_slots(instances, &path, served, slots)),
            };
            routes[place] = Some(PlacedRoute { route, below });
        }
        Self { prefix, decision, sticky, routes }
    }

    /// The weights by place.
    pub(super) fn weights(&self) -> Vec<Weight> {
        self.routes.iter().map(|placed| placed.as_ref().map_or(Weight::ZERO, |placed| placed.route.weight)).collect()
    }
}

/// How many places a decision has: those that it had while they do, so that only growth beyond them reloads.
fn room(had: usize, needed: usize) -> usize {
    if had > 0 && needed <= had { had } else { (needed + 1).next_power_of_two().max(FEWEST_PLACES) }
}

/// Skips decisions that leave no choice: a single route at 100 % to another decision.
fn collapsed(mut decision: &Decision, mut inherited: Option<Sticky>) -> (&Decision, Option<Sticky>) {
    while let [route] = decision.routes.as_slice()
        && let Target::Chained(inner) = &route.target
        && route.weight == Weight::FULL
        && route.condition.is_none()
        && route.rewrites.is_empty()
    {
        inherited = decision.sticky.filter(|sticky| *sticky == Sticky::Instance).or(inherited);
        decision = inner;
    }
    (decision, inherited)
}

fn most_instances(decision: &Decision) -> usize {
    let of = |route: &Route| match &route.target {
        Target::Instances(instances) => instances.len(),
        Target::Chained(inner) => most_instances(inner),
    };
    decision.routes.iter().map(of).max().unwrap_or(0)
}

fn in_slots<'a>(instances: &'a [Instance], path: &str, served: &Served, slots: usize) -> BTreeMap<usize, &'a Instance> {
    let mut sorted: Vec<&Instance> = instances.iter().collect();
    sorted.sort_by(|one, other| one.id.cmp(&other.id));
    let ids: Vec<&str> = sorted.iter().map(|instance| instance.id.as_str()).collect();
    let held = |slot: usize| served.servers.get(&(path.to_owned(), slot)).map(|server| server.id.as_str());
    seat(&ids, held, slots).into_iter().zip(sorted).collect()
}

/// A seat below `room` for each of `wanted`: the one it holds; else one that nobody held; else one that was left.
fn seat<'h>(wanted: &[&str], held: impl Fn(usize) -> Option<&'h str>, room: usize) -> Vec<usize> {
    let holders: BTreeMap<&str, usize> = (0..room).filter_map(|at| Some((held(at)?, at))).collect();
    let kept: BTreeSet<usize> = wanted.iter().filter_map(|name| holders.get(name).copied()).collect();
    let (left, free): (Vec<usize>, Vec<usize>) =
        (0..room).filter(|at| !kept.contains(at)).partition(|&at| held(at).is_some());
    let mut free = free.into_iter().chain(left);
    wanted.iter().filter_map(|name| holders.get(name).copied().or_else(|| free.next())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sits_stays_and_who_comes_avoids_a_seat_just_left() {
        let held = |at: usize| ["a", "b", "c"].get(at).copied();
        assert_eq!(seat(&["c", "d", "a"], held, 4), [2, 3, 0]);
        assert_eq!(seat(&["c", "d", "e", "a"], held, 4), [2, 3, 1, 0]);
        assert_eq!(seat(&["x", "y"], |_| None, 2), [0, 1]);
    }
}
