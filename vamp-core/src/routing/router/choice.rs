//! [`Choice`]: a decision as requests meet it, and how the decisions of a gateway become choices.

use super::{
    LEVELS,
    cookie::Sent,
    error::RouterError,
    index::Matcher,
    program::{Code, Coder},
};
use crate::{
    condition::{Condition, Expr, Request},
    routing::{Balance, Decision, Instance, Rewrite, Route, RouteSettings, Sticky, Target, Traffic},
    weight::Weight,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A choice among routes.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) gateway: Box<str>,
    /// The choice before it, and the place of the route there that leads here.
    pub(super) parent: Option<(u32, u32)>,
    /// How many choices are before it.
    pub(super) level: usize,
    /// In declaration order.
    pub(super) branches: Box<[Branch]>,
    /// The sum of the weights up to and with each branch, in parts per million.
    ends: Box<[u32]>,
    pub(super) matcher: Matcher,
    pub(super) sticky: Option<Seats>,
}

/// A route.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) name: Box<str>,
    pub(super) weight: u32,
    pub(super) strength: u32,
    pub(super) balance: Balance,
    pub(super) settings: RouteSettings,
    pub(super) rewrites: Box<[Rewrite]>,
    pub(super) below: Below,
    /// What a client holds that sticks to this route.
    pub(super) token: Box<str>,
}

/// Where a branch leads.
#[derive(Debug)]
pub(super) enum Below {
    Choice(u32),
    Instances(Box<[Instance]>),
}

/// What clients of a choice hold, and where it leads.
#[derive(Debug)]
pub(super) struct Seats {
    pub(super) to: Sticky,
    pub(super) cookie: Box<str>,
    seats: HashMap<Box<[u8]>, Seat>,
}

/// A route, and one of its instances if the client sticks to that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    pub(super) place: u32,
    pub(super) instance: Option<u32>,
}

impl Choice {
    /// The branch that owns this draw; `None` beyond what the weights sum to.
    #[inline]
    pub(super) fn at(&self, draw: u32) -> Option<u32> {
        let place = self.ends.partition_point(|&end| end <= draw);
        (place < self.ends.len()).then_some(place as u32)
    }

    /// What the weights sum to.
    pub(super) fn total(&self) -> u32 {
        self.ends.last().copied().unwrap_or(0)
    }

    #[inline]
    pub(super) fn branch(&self, place: u32) -> Option<&Branch> {
        self.branches.get(place as usize)
    }
}

impl Seats {
    /// Where the client that sent this stays.
    pub(super) fn of(&self, request: &impl Request) -> Option<Seat> {
        self.seats.get(self.sent(request)?.token).copied()
    }

    /// What the client sent, while it holds.
    pub(super) fn sent<'a>(&'a self, request: &'a impl Request) -> Option<Sent<'a>> {
        Sent::read(request.cookie_values(&self.cookie).last()?, self.to, request.second())
    }
}

/// All choices of a gateway, the published one first, each before those behind it; and the programs of their conditions.
pub(super) fn choices(published: &str, decision: &Decision) -> Result<(Box<[Choice]>, Code), RouterError> {
    let mut builder = Builder { published, coder: Coder::default(), choices: BTreeMap::new(), next: 0 };
    builder.add(decision, None, 0, None)?;
    let code = builder.coder.finish(published)?;
    Ok((builder.choices.into_values().collect(), code))
}

struct Builder<'a> {
    published: &'a str,
    coder: Coder,
    /// By number, which is given on the way down, while a choice is complete on the way up.
    choices: BTreeMap<u32, Choice>,
    next: u32,
}

impl Builder<'_> {
    /// Adds a decision and those behind it, and says its number.
    fn add(
        &mut self,
        decision: &Decision,
        parent: Option<(u32, u32)>,
        level: usize,
        inherited: Option<Sticky>,
    ) -> Result<u32, RouterError> {
        let (decision, inherited) = decision.collapsed(inherited);
        if level == LEVELS {
            return Err(RouterError::TooDeep { gateway: self.published.to_owned(), most: LEVELS });
        }
        validate(decision)?;
        let sticky = decision.sticky.or(inherited);
        let number = self.next;
        self.next += 1;
        let matcher = self.matcher(decision)?;
        let mut branches = Vec::with_capacity(decision.routes.len());
        for (route, place) in decision.routes.iter().zip(0..) {
            let below = match &route.target {
                Target::Instances(instances) => Below::Instances(instances.as_slice().into()),
                Target::Chained(inner) => {
                    let inherited = sticky.filter(Sticky::is_by_instance);
                    Below::Choice(self.add(inner, Some((number, place)), level + 1, inherited)?)
                }
            };
            branches.push(branch(route, below));
        }
        let cookie = Sticky::cookie(self.published, parent.map(|_| decision.gateway.as_str()));
        let sticky = sticky.map(|to| Seats { to, cookie: cookie.into(), seats: seats(to, &branches) });
        let sum = |sum: &mut u32, branch: &Branch| {
            *sum += branch.weight;
            Some(*sum)
        };
        let ends = branches.iter().scan(0, sum).collect();
        let gateway = decision.gateway.as_str().into();
        let choice = Choice { gateway, parent, level, branches: branches.into(), ends, matcher, sticky };
        self.choices.insert(number, choice);
        Ok(number)
    }

    fn matcher(&mut self, decision: &Decision) -> Result<Matcher, RouterError> {
        let conditions: Vec<(u32, Expr<u32>)> = (0..)
            .zip(&decision.routes)
            .filter_map(|(place, route)| Some((place, self.coder.read(route.condition.as_ref()?))))
            .collect();
        Matcher::new(&conditions, &mut self.coder)
            .map_err(|error| RouterError::TooManyTexts { gateway: decision.gateway.clone(), reason: error.to_string() })
    }
}

fn branch(route: &Route, below: Below) -> Branch {
    Branch {
        name: route.name.as_str().into(),
        weight: route.weight.ppm(),
        strength: route.strength.ppm(),
        balance: route.balance,
        settings: route.settings,
        rewrites: route.rewrites.as_slice().into(),
        below,
        token: Sticky::token(&route.name).into(),
    }
}

/// Refuses what cannot be routed by.
fn validate(decision: &Decision) -> Result<(), RouterError> {
    let gateway = || decision.gateway.clone();
    let mut names = BTreeSet::new();
    if let Some(route) = decision.routes.iter().find(|route| !names.insert(route.name.as_str())) {
        return Err(RouterError::DoubledRoute { gateway: gateway(), route: route.name.clone() });
    }
    if Weight::sum(decision.routes.iter().map(|route| &route.weight)) > u64::from(Weight::FULL.ppm()) {
        return Err(RouterError::Overweight { gateway: gateway() });
    }
    for route in &decision.routes {
        let rewrites = route.rewrites.iter().map(|rewrite| &rewrite.condition);
        if let Some(native) = route.condition.iter().chain(rewrites).find(|condition| Condition::is_native(condition)) {
            let condition = native.as_str().to_owned();
            return Err(RouterError::NativeCondition { gateway: gateway(), route: route.name.clone(), condition });
        }
    }
    Ok(())
}

/// Where tokens lead: to routes, or to the instances of those that have some and that get new requests.
fn seats(to: Sticky, branches: &[Branch]) -> HashMap<Box<[u8]>, Seat> {
    let mut seats = HashMap::new();
    for (branch, place) in branches.iter().zip(0..) {
        match &branch.below {
            Below::Instances(instances) if to.is_by_instance() => {
                let ready = instances.iter().zip(0..).filter(|(instance, _)| instance.traffic == Traffic::Ready);
                seats.extend(ready.map(|(instance, at)| {
                    (Sticky::token(&instance.id).into_bytes().into(), Seat { place, instance: Some(at) })
                }));
            }
            _ => {
                seats.insert(branch.token.as_bytes().into(), Seat { place, instance: None });
            }
        }
    }
    seats
}
