//! [`Routed`]: where a request goes, and why.

use super::{
    LEVELS,
    choice::{Below, Branch, Choice},
    cookie::SetCookie,
    draw::{Purpose, draw_below, index},
    gateway::GatewayRouter,
    rewrite::{self, Rewritten},
};
use crate::{
    condition::Request,
    routing::{Balance, Instance, RouteSettings, Sticky, Traffic},
};
use std::fmt;

/// Why a route was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Why {
    /// No condition matched, and the weights chose it.
    Weight,
    /// Its condition matched first, and its strength won.
    Condition,
    /// A condition matched and its strength lost, so the weights chose it.
    WeightAfterCondition,
    /// The client was there before.
    Sticky,
    /// The route that was chosen first has no live instance.
    Redistributed,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Weight => "weight",
            Self::Condition => "condition",
            Self::WeightAfterCondition => "weight, after its condition lost the draw",
            Self::Sticky => "sticky",
            Self::Redistributed => "in place of a route that has no live instance",
        })
    }
}

/// One choice on the way of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step<'r> {
    /// The gateway that decided.
    pub gateway: &'r str,
    /// The route that it chose.
    pub route: &'r str,
    /// Why.
    pub why: Why,
}

/// A place among the choices of a gateway.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) choice: u32,
    pub(super) place: u32,
    /// Where the client wants to stay.
    pub(super) instance: Option<u32>,
    pub(super) whys: [Why; LEVELS],
}

/// Where a request goes.
#[derive(Clone, Copy, Debug)]
pub struct Routed<'r> {
    router: &'r GatewayRouter,
    spot: Spot,
    seed: u64,
}

impl<'r> Routed<'r> {
    pub(super) const fn new(router: &'r GatewayRouter, spot: Spot, seed: u64) -> Self {
        Self { router, spot, seed }
    }

    pub(super) const fn spot(&self) -> (Spot, u64) {
        (self.spot, self.seed)
    }

    /// The gateway that decided last.
    #[must_use]
    pub fn gateway(&self) -> &'r str {
        self.choice().map_or("", |choice| &choice.gateway)
    }

    /// The route that leads to instances.
    #[must_use]
    #[inline]
    pub fn route(&self) -> &'r str {
        self.branch().map_or("", |branch| &branch.name)
    }

    /// Why the last gateway chose it.
    #[must_use]
    pub fn why(&self) -> Why {
        let level = self.choice().map_or(0, |choice| choice.level);
        self.spot.whys.get(level).copied().unwrap_or(Why::Weight)
    }

    /// Every choice on the way, from the published gateway on.
    pub fn steps(self) -> impl Iterator<Item = Step<'r>> {
        let whys = self.spot.whys;
        let way = self.way().into_iter().zip(whys);
        way.filter_map(|(at, why)| {
            at.map(|(choice, branch)| Step { gateway: &choice.gateway, route: &branch.name, why })
        })
    }

    /// How its instances share requests, for a proxy that has its own way to do it.
    #[must_use]
    pub fn balance(&self) -> Balance {
        self.branch().map_or(Balance::RoundRobin, |branch| branch.balance)
    }

    /// How requests are sent to its instances, for a proxy that has its own way to do it.
    #[must_use]
    pub fn settings(&self) -> RouteSettings {
        self.branch().map_or_else(RouteSettings::default, |branch| branch.settings)
    }

    /// All instances of the route, those that drain included.
    #[must_use]
    pub fn instances(&self) -> &'r [Instance] {
        match self.branch().map(|branch| &branch.below) {
            Some(Below::Instances(instances)) => instances,
            _ => &[],
        }
    }

    /// One of its live instances: the one that the client sticks to, else one by the draw for it.
    pub fn instance(&self, live: impl Fn(&Instance) -> bool) -> Option<&'r Instance> {
        let instances = self.instances();
        let lives = |one: &&Instance| one.traffic == Traffic::Ready && live(one);
        let stays = self.spot.instance.and_then(|at| instances.get(at as usize)).filter(lives);
        stays.or_else(|| {
            let count = u32::try_from(instances.iter().filter(lives).count()).ok()?;
            let drawn = draw_below(self.seed, index(self.spot.choice, Purpose::Instance), count);
            instances.iter().filter(lives).nth(drawn as usize)
        })
    }

    /// What the request's path becomes; `None` when it stays.
    pub fn rewritten(&self, request: &impl Request) -> Option<Rewritten<'r>> {
        rewrite::rewritten(self.way().into_iter().flatten().flat_map(|(_, branch)| &branch.rewrites), request)
    }

    /// What the answer has to set so that the client stays: a cookie for each sticky gateway on the way, unless the
    /// request has it already.
    pub fn cookies(self, request: &impl Request, instance: &Instance) -> impl Iterator<Item = SetCookie<'r>> {
        let cookie = |(choice, branch): (&'r Choice, &'r Branch)| {
            let sticky = choice.sticky.as_ref()?;
            let to_instance = sticky.to.is_by_instance() && matches!(branch.below, Below::Instances(_));
            let value = if to_instance { Sticky::token(&instance.id) } else { branch.token.to_string() };
            SetCookie::renewing(&sticky.cookie, value, sticky.sent(request), sticky.to, request.second())
        };
        self.way().into_iter().flatten().filter_map(cookie)
    }

    fn choice(&self) -> Option<&'r Choice> {
        self.router.choice(self.spot.choice)
    }

    fn branch(&self) -> Option<&'r Branch> {
        self.choice()?.branch(self.spot.place)
    }

    /// The choices from the published one on, each with the branch that was taken.
    fn way(&self) -> [Option<(&'r Choice, &'r Branch)>; LEVELS] {
        let mut way = [None; LEVELS];
        let mut at = Some((self.spot.choice, self.spot.place));
        while let Some((number, place)) = at {
            let Some(choice) = self.router.choice(number) else { break };
            if let Some(step) = way.get_mut(choice.level) {
                *step = choice.branch(place).map(|branch| (choice, branch));
            }
            at = choice.parent;
        }
        way
    }
}
