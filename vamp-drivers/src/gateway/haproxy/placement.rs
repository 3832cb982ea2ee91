//! Which place each route and each instance has.
//!
//! What is served keeps its place: a new route takes a spare backend and a new instance an empty slot, so that they
//! come and go without a reload.

use super::{outline::Outline, renderer, values};
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
    /// The names of routes by place, by the prefix of their decision.
    routes: BTreeMap<String, Holders>,
    /// The ids of instances by slot, by the path of their route.
    servers: BTreeMap<String, Holders>,
}

/// Who has which seat.
type Holders = BTreeMap<usize, String>;

impl Served {
    /// Reads a document; what cannot be read has no place.
    pub(super) fn read(document: Option<&Document>) -> Self {
        let Some(document) = document else { return Self::default() };
        let mut served = Self { outline: Outline::read(&document.structure), ..Self::default() };
        for (path, name) in values::routes(&document.values) {
            if let Some((prefix, place)) = path.rsplit_once('r')
                && let Ok(place) = place.parse()
            {
                served.routes.entry(prefix.to_owned()).or_default().insert(place, name.to_owned());
            }
        }
        for ((path, slot), server) in values::servers(&document.values).unwrap_or_default() {
            served.servers.entry(path).or_default().insert(slot, server.id);
        }
        served
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
    /// The place of each route, in declaration order.
    seats: Vec<usize>,
}

/// A route in its place.
#[derive(Debug)]
pub(super) struct PlacedRoute<'a> {
    pub(super) route: &'a Route,
    /// `r0`, or `r1.r0` behind the route in place 1.
    pub(super) path: String,
    /// The name of the weights for requests that match its condition.
    pub(super) class: Option<String>,
    pub(super) below: Below<'a>,
}

impl PlacedRoute<'_> {
    /// Whether it leads to instances.
    pub(super) const fn is_last(&self) -> bool {
        matches!(self.below, Below::Instances(_))
    }
}

/// Where a placed route leads.
#[derive(Debug)]
pub(super) enum Below<'a> {
    /// To instances, by slot.
    Instances(Vec<(usize, &'a Instance)>),
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
        let (decision, inherited) = decision.collapsed(inherited);
        let sticky = decision.sticky.or(inherited);
        let inherited = sticky.filter(Sticky::is_by_instance);
        let room = room(served.outline.routes(&prefix), decision.routes.len());
        let seats = seat(&decision.routes, |route| &route.name, served.routes.get(&prefix), room);
        let mut routes: Vec<Option<PlacedRoute<'_>>> = (0..room).map(|_| None).collect();
        for (route, place) in decision.routes.iter().zip(seats.iter().copied()) {
            let path = path(&prefix, place);
            let below = match &route.target {
                Target::Chained(inner) => {
                    Below::Decision(Self::below(inner, [&path, "."].concat(), served, slots, inherited))
                }
                Target::Instances(instances) => Below::Instances(in_slots(instances, &path, served, slots)),
            };
            routes[place] = Some(PlacedRoute { route, path, class: renderer::class(route), below });
        }
        Self { prefix, decision, sticky, routes, seats }
    }

    /// The routes in declaration order.
    pub(super) fn declared(&self) -> impl DoubleEndedIterator<Item = &PlacedRoute<'a>> {
        self.seats.iter().filter_map(|seat| self.routes.get(*seat)?.as_ref())
    }

    /// The weights by place.
    pub(super) fn weights(&self) -> Vec<Weight> {
        self.routes.iter().map(|placed| placed.as_ref().map_or(Weight::ZERO, |placed| placed.route.weight)).collect()
    }
}

/// The path of a place in the decision with this prefix.
pub(super) fn path(prefix: &str, place: usize) -> String {
    values::numbered(&[prefix, "r"], place)
}

/// How many places a decision has: those that it had while they do, so that only growth beyond them reloads.
fn room(had: usize, needed: usize) -> usize {
    if had > 0 && needed <= had { had } else { (needed + 1).next_power_of_two().max(FEWEST_PLACES) }
}

fn most_instances(decision: &Decision) -> usize {
    let of = |route: &Route| match &route.target {
        Target::Instances(instances) => instances.len(),
        Target::Chained(inner) => most_instances(inner),
    };
    decision.routes.iter().map(of).max().unwrap_or(0)
}

fn in_slots<'a>(instances: &'a [Instance], path: &str, served: &Served, slots: usize) -> Vec<(usize, &'a Instance)> {
    let mut sorted: Vec<&Instance> = instances.iter().collect();
    sorted.sort_by(|one, other| one.id.cmp(&other.id));
    seat(&sorted, |instance| &instance.id, served.servers.get(path), slots).into_iter().zip(sorted).collect()
}

/// A seat below `room` for each of `wanted`: the one it holds; else one that nobody held; else one that was left.
fn seat<T>(wanted: &[T], name: impl Fn(&T) -> &str, held: Option<&Holders>, room: usize) -> Vec<usize> {
    let Some(held) = held else { return (0..room).take(wanted.len()).collect() };
    let holders: BTreeMap<&str, usize> = held.range(..room).map(|(&at, holder)| (holder.as_str(), at)).collect();
    let kept: BTreeSet<usize> = wanted.iter().filter_map(|one| holders.get(name(one)).copied()).collect();
    let (left, free): (Vec<usize>, Vec<usize>) =
        (0..room).filter(|at| !kept.contains(at)).partition(|at| held.contains_key(at));
    let mut free = free.into_iter().chain(left);
    wanted.iter().filter_map(|one| holders.get(name(one)).copied().or_else(|| free.next())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sits_stays_and_who_comes_avoids_a_seat_just_left() {
        let held = ["a", "b", "c"].into_iter().map(str::to_owned).enumerate().collect();
        assert_eq!(seat(&["c", "d", "a"], |name| name, Some(&held), 4), [2, 3, 0]);
        assert_eq!(seat(&["c", "d", "e", "a"], |name| name, Some(&held), 4), [2, 3, 1, 0]);
        assert_eq!(seat(&["x", "y"], |name| name, None, 2), [0, 1]);
    }
}
