//! One request on its way through the choices of a gateway.

use super::{
    LEVELS,
    choice::{Below, Choice, Seat},
    draw::{Purpose, draw_below, index},
    gateway::GatewayRouter,
    program::Tester,
    routed::{Spot, Why},
};
use crate::{
    condition::Request,
    routing::{Instance, Traffic},
    weight::Weight,
};

const FULL: u32 = Weight::FULL.ppm();

/// What a choice comes to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found {
    /// A route with a live instance.
    Live(Spot),
    /// A route without, and no other has a share.
    Dead(Spot),
    /// This choice has no route with a share.
    NoShare(u32),
}

/// A request, what it drew, and who lives.
pub(super) struct Walk<'w, R, L, const WORDS: usize> {
    pub(super) gateway: &'w GatewayRouter,
    pub(super) tester: Tester<'w, R, WORDS>,
    pub(super) seed: u64,
    pub(super) live: &'w L,
}

impl<R: Request, L: Fn(&Instance) -> bool, const WORDS: usize> Walk<'_, R, L, WORDS> {
    /// Goes from choice `number` down to a route that leads to instances.
    ///
    /// A client's seat comes first, then the condition, then the weights. When what they choose is dead, the live
    /// routes share what it would have got.
    #[inline]
    pub(super) fn choose(&mut self, number: u32) -> Found {
        let gateway = self.gateway;
        let Some(choice) = gateway.choice(number) else { return Found::NoShare(number) };
        let matched = choice.matcher.first(&mut self.tester);
        let seat = self.seat(choice, matched);
        let chosen = seat.map(|seat| (seat, Why::Sticky)).or_else(|| self.drawn(number, choice, matched));
        let Some((seat, why)) = chosen else { return Found::NoShare(number) };
        match self.follow(number, choice, seat, why) {
            dead @ Found::Dead(_) => self.replacement(number, choice, seat.place).unwrap_or(dead),
            found => found,
        }
    }

    /// Where the client stays: as long as the route has a share of requests like this one.
    fn seat(&self, choice: &Choice, matched: Option<u32>) -> Option<Seat> {
        let sticky = choice.sticky.as_ref()?;
        let seat = sticky.of(self.tester.request)?;
        let strength = matched.and_then(|place| choice.branch(place)).map_or(0, |branch| branch.strength);
        let by_condition = matched == Some(seat.place) && strength > 0;
        let by_weight = strength < FULL && choice.branch(seat.place).is_some_and(|branch| branch.weight > 0);
        (by_condition || by_weight).then_some(seat)
    }

    fn drawn(&self, number: u32, choice: &Choice, matched: Option<u32>) -> Option<(Seat, Why)> {
        let to = |place| Seat { place, instance: None };
        let draw = |purpose, limit| draw_below(self.seed, index(number, purpose), limit);
        let Some(place) = matched else {
            return choice.at(draw(Purpose::Weights, FULL)).map(|place| (to(place), Why::Weight));
        };
        let strength = choice.branch(place)?.strength;
        // A draw that cannot lose need not be made.
        if strength == FULL || draw(Purpose::Strength, FULL) < strength {
            return Some((to(place), Why::Condition));
        }
        choice.at(draw(Purpose::Weights, choice.total())).map(|place| (to(place), Why::WeightAfterCondition))
    }

    /// What a route comes to.
    fn follow(&mut self, number: u32, choice: &Choice, seat: Seat, why: Why) -> Found {
        let Some(branch) = choice.branch(seat.place) else { return Found::NoShare(number) };
        let mark = |mut spot: Spot| {
            if let Some(mark) = spot.whys.get_mut(choice.level) {
                *mark = why;
            }
            spot
        };
        match &branch.below {
            Below::Choice(inner) => match self.choose(*inner) {
                Found::Live(spot) => Found::Live(mark(spot)),
                Found::Dead(spot) => Found::Dead(mark(spot)),
                none @ Found::NoShare(_) => none,
            },
            Below::Instances(instances) => {
                let whys = [Why::Weight; LEVELS];
                let spot = mark(Spot { choice: number, place: seat.place, instance: seat.instance, whys });
                let lives = |one: &Instance| one.traffic == Traffic::Ready && (self.live)(one);
                if instances.iter().any(lives) { Found::Live(spot) } else { Found::Dead(spot) }
            }
        }
    }

    /// A live route by weight: each replaces those before it with the probability of its share among them, so that every
    /// choice behind is made once.
    fn replacement(&mut self, number: u32, choice: &Choice, dead: u32) -> Option<Found> {
        let mut total = 0;
        let mut chosen = None;
        for (branch, place) in choice.branches.iter().zip(0..) {
            if branch.weight == 0 || place == dead {
                continue;
            }
            let found = self.follow(number, choice, Seat { place, instance: None }, Why::Redistributed);
            if matches!(found, Found::Live(_)) {
                total += branch.weight;
                if draw_below(self.seed, index(number, Purpose::Replacement { place }), total) < branch.weight {
                    chosen = Some(found);
                }
            }
        }
        chosen
    }
}
