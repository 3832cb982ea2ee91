//! The routes of a gateway with a selector follow the groups of instances that it selects.
//!
//! A group that comes gets a route without traffic, the first of all excepted. One that goes keeps its route with
//! everything that was said about it, since it may be back in a moment: requests go to the groups that are there. Only a
//! route about which nothing was said goes with its group. So the declared weights never stop adding up.

use super::{
    Engine, Failure,
    records::{Present, Update},
    world::World,
};
use crate::{
    model::{Gateway, Route, RoutePath},
    plan::Running,
    routing::select,
    weight::Weight,
};
use std::collections::BTreeSet;

/// So many routes a gateway gets by itself.
const MOST: usize = 256;

impl Engine {
    /// Brings routes up to date whenever what runs or a gateway with a selector changes.
    pub(super) async fn follow_groups(&self) {
        let mut worlds = self.shared.world.subscribe();
        self.loaded().await;
        let mut seen = 0;
        loop {
            let world = worlds.borrow_and_update().clone();
            if world.generation != seen {
                seen = world.generation;
                if let Err(failure) = self.follow_all(&world).await {
                    tracing::warn!(%failure, "the routes of a gateway do not follow its selector; tried again");
                    seen = 0;
                }
            }
            tokio::select! {
                _ = worlds.changed() => {}
                () = self.shared.clock.sleep(self.shared.settings.resync) => seen = 0,
            }
        }
    }

    async fn follow_all(&self, world: &World) -> Result<(), Failure> {
        let Some(artifacts) = &world.artifacts else { return Ok(()) };
        for name in artifacts.selecting.iter() {
            let Some(groups) = groups(world, name) else { continue };
            let follow = |present: &Present<Gateway>| {
                let followed = present.or_overwritten().and_then(|gateway| followed(gateway, &groups));
                Ok(followed.map_or(Update::Keep, Update::Put))
            };
            let stored = artifacts.gateways.get(name);
            if stored.is_some_and(|stored| followed(&stored.value, &groups).is_some()) {
                self.update(name, None, follow).await?;
            }
        }
        Ok(())
    }
}

/// The groups that the selector of this gateway selects now; `None` = it has none, or what runs is not known.
fn groups(world: &World, gateway: &str) -> Option<BTreeSet<String>> {
    let artifacts = world.artifacts.as_ref()?;
    let selector = artifacts.gateways.get(gateway)?.value.selector.clone()?;
    let observed = world.observed.values().next().and_then(|seen| seen.last.as_deref());
    let selected = select(&selector, &Running { artifacts, observed, site: &world.site });
    Some(selected.ok()?.groups.into_keys().collect())
}

/// The gateway with the routes that these groups make; `None` = it has them.
fn followed(gateway: &Gateway, groups: &BTreeSet<String>) -> Option<Gateway> {
    let mut after = gateway.clone();
    after.routes.retain(|route| {
        let goes = gateway.is_group(route) && says_nothing(route) && !groups.contains(&route.path.to_string());
        !goes
    });
    let paths = groups.iter().filter_map(|name| name.parse::<RoutePath>().ok());
    let new: Vec<RoutePath> = paths.filter(|path| gateway.route(path).is_none()).collect();
    for path in new {
        if after.routes.len() >= MOST {
            tracing::warn!(gateway = %gateway.name, most = MOST, "a group of instances gets no route: there are too many");
            break;
        }
        let weight = if after.routes.is_empty() { Weight::FULL } else { Weight::ZERO };
        let strength = Some(Weight::ZERO);
        after.routes.push(Route { weight: Some(weight), strength, ..Route::new(path) });
    }
    (after != *gateway).then_some(after)
}

/// Whether a route is as it was made, without traffic.
fn says_nothing(route: &Route) -> bool {
    let made = Route { weight: route.weight, strength: route.strength, ..Route::new(route.path.clone()) };
    route.weight.unwrap_or_default() == Weight::ZERO && *route == made
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::read;

    fn names(groups: &str) -> BTreeSet<String> {
        groups.split_whitespace().map(str::to_owned).collect()
    }

    /// The routes and their weights once the groups were these, one after the other.
    fn after(gateway: &str, groups: &[&str]) -> String {
        let mut gateway = read::gateway(gateway).expect(gateway).completed().expect("adds up");
        for groups in groups {
            gateway = followed(&gateway, &names(groups)).unwrap_or(gateway);
            assert_eq!(followed(&gateway, &names(groups)), None, "twice is once");
        }
        let shown = |route: &Route| format!("{} {}", route.path, route.weight.expect("said"));
        gateway.routes.iter().map(shown).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn routes_follow_their_groups_and_their_weights_always_add_up() {
        let plain = "{name: g, port: 1, selector: true}";
        let weighed = "{name: g, port: 1, selector: true, routes: {'(a)': {weight: 33%}, '(b)': {weight: 67%}}}";
        let beside = "{name: g, port: 1, selector: true, routes: {other: {weight: 100%}}}";
        for (gateway, groups, expected) in [
            (plain, vec![""], ""),
            (plain, vec!["(b) (a)"], "(a) 100%, (b) 0%"),
            (plain, vec!["(a)", "(a) (b)"], "(a) 100%, (b) 0%"),
            (plain, vec!["(a) (b)", "(a)"], "(a) 100%"),
            (plain, vec!["(a) (b)", "(b)"], "(a) 100%, (b) 0%"),
            (weighed, vec!["(a) (b)", "(b)", "(a) (b)"], "(a) 33%, (b) 67%"),
            (weighed, vec!["", "(c)", "(a) (b) (c)"], "(a) 33%, (b) 67%, (c) 0%"),
            (beside, vec!["(a)"], "other 100%, (a) 0%"),
        ] {
            assert_eq!(after(gateway, &groups), expected, "{gateway} {groups:?}");
        }
    }

    #[test]
    fn what_was_said_about_a_route_outlives_its_group() {
        let gateway =
            "{name: g, port: 1, selector: true, routes: {'(a)': {weight: 100%}, '(b)': {condition: host == b}}}";
        let kept = read::gateway(gateway).expect(gateway).completed().expect("adds up");
        assert_eq!(followed(&kept, &names("(a)")), None);
        let many = (0..300).map(|number| format!("({number})")).collect();
        assert_eq!(followed(&kept, &many).expect("more").routes.len(), MOST);
    }
}
