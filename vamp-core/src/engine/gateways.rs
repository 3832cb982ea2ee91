//! Gateways: storing them, and moving traffic.

use super::{
    Engine, Failure, GatewayPorts,
    ports::Numbers,
    records::{Present, Update},
    world::World,
};
use crate::{
    Violation, Violations,
    condition::Condition,
    driver::Version,
    model::{Gateway, GatewayName, Reference, Route, RoutePath, expand, validate},
    weight::Weight,
};
use std::{num::NonZeroU16, sync::Arc, time::Duration};

/// One gateway, to be changed.
#[derive(Clone, Debug)]
pub struct GatewayHandle {
    engine: Engine,
    name: String,
}

impl Engine {
    /// The gateway of that name, to be changed.
    pub fn gateway(&self, name: impl Into<String>) -> GatewayHandle {
        GatewayHandle { engine: self.clone(), name: name.into() }
    }

    /// Checks a gateway against everything that is stored, without storing it; answers it as it would be stored, with
    /// every weight and strength filled in.
    ///
    /// # Errors
    ///
    /// [`Failure::Invalid`] and [`Failure::Conflict`], with every violation.
    pub async fn check_gateway(&self, gateway: &Gateway) -> Result<Gateway, Failure> {
        let gateway = self.gateway_in_place(gateway).await?;
        replaced(&self.loaded().await, self.shared.gateway_ports, &gateway)
    }

    /// Stores a gateway; durable when it returns, with the version of the record. `expected` is the version that it
    /// replaces; `None` replaces whatever is there.
    ///
    /// # Errors
    ///
    /// [`Failure::Invalid`], [`Failure::Conflict`] (a port that another gateway has, or none left), [`Failure::Changed`],
    /// [`Failure::Driver`].
    pub async fn put_gateway(
        &self,
        gateway: &Gateway,
        expected: Option<&Version>,
    ) -> Result<(Gateway, Version), Failure> {
        let world = self.loaded().await;
        let name = gateway.name.as_str();
        let takes_port = find(&world, name).is_none_or(|stored| stored.port != gateway.port);
        let _structure = if takes_port { Some(self.shared.structure.lock().await) } else { None };
        let gateway = completed(&self.gateway_in_place(gateway).await?)?;
        let replace = |present: &Present<Gateway>| {
            let world = self.shared.world.borrow();
            let before = present.or_overwritten();
            check_internal(&world, &gateway, before)?;
            let mut gateway = gateway.clone();
            self.numbers(&world, []).give(&mut gateway, before, "port")?;
            check_port(&world, &gateway, "port")?;
            Ok(Update::Put(gateway))
        };
        let stored = self.update(name, expected, replace).await?;
        let (stored, version) = stored.ok_or_else(|| missing(name))?;
        Ok((Arc::unwrap_or_clone(stored), version))
    }

    /// The gateway with what it refers to, checked as a whole.
    async fn gateway_in_place(&self, gateway: &Gateway) -> Result<Gateway, Failure> {
        let in_place = self.expanded(|stored| expand::gateway(gateway, stored)).await?;
        validate::gateway(&in_place)?;
        Ok(in_place)
    }

    /// Removes a gateway; answers whether it was there. `expected` is the version that is removed; `None` removes
    /// whatever is there.
    ///
    /// # Errors
    ///
    /// [`Failure::Invalid`] for the gateway of a cluster, which goes with its deployment; [`Failure::Changed`],
    /// [`Failure::Driver`].
    pub async fn delete_gateway(&self, name: &str, expected: Option<&Version>) -> Result<bool, Failure> {
        Ok(self.check_delete_gateway(name).await? && self.remove::<Gateway>(name, expected).await?)
    }

    /// Checks whether a gateway can be removed, without doing so; answers whether it is there.
    ///
    /// # Errors
    ///
    /// [`Failure::Invalid`] for the gateway of a cluster, which goes with its deployment.
    pub async fn check_delete_gateway(&self, name: &str) -> Result<bool, Failure> {
        removed(&self.loaded().await, name)
    }
}

impl GatewayHandle {
    /// Sets the weights of some routes, the rest stay; durable when it returns. A route is named by its path, or by the
    /// part of it that only it has, such as the name of a service.
    ///
    /// # Errors
    ///
    /// [`Failure::NotFound`] without such a gateway; [`Failure::Invalid`] for a route that it does not have, or weights
    /// that do not sum to 0 or 100 %; [`Failure::Driver`].
    pub async fn weights<'a>(&self, weights: impl IntoIterator<Item = (&'a str, Weight)>) -> Result<(), Failure> {
        let weights: Vec<(&str, Weight)> = weights.into_iter().collect();
        self.change(|gateway| {
            weights.iter().try_for_each(|(route, weight)| {
                route_mut(gateway, route)?.weight = Some(*weight);
                Ok(())
            })
        })
        .await
    }

    /// Sets, or with `None` clears, the condition of a route and the share of matching requests that it takes.
    ///
    /// # Errors
    ///
    /// As [`weights`](Self::weights).
    pub async fn condition(&self, route: &str, condition: Option<Condition>, strength: Weight) -> Result<(), Failure> {
        self.change(|gateway| {
            let route = route_mut(gateway, route)?;
            route.strength = Some(strength);
            route.condition = condition.clone().map(Reference::from);
            Ok(())
        })
        .await
    }

    /// Returns when every agent that shows life serves the gateway as it is stored; see [`Engine::applied`].
    ///
    /// # Errors
    ///
    /// As [`Engine::applied`].
    pub async fn applied(&self, deadline: Duration) -> Result<(), Failure> {
        self.engine.applied(&self.name, deadline).await
    }

    async fn change(&self, change: impl Fn(&mut Gateway) -> Result<(), Violation>) -> Result<(), Failure> {
        let change = |present: &Present<Gateway>| {
            let before = present.readable()?.ok_or_else(|| missing(&self.name))?;
            let mut gateway = before.clone();
            change(&mut gateway)?;
            let gateway = completed(&gateway)?;
            check_internal(&self.engine.shared.world.borrow(), &gateway, Some(before))?;
            Ok(Update::Put(gateway))
        };
        self.engine.loaded().await;
        self.engine.update(&self.name, None, change).await.map(|_| ())
    }
}

/// The route with that path, or the only one with such a segment in its path.
fn route_mut<'a>(gateway: &'a mut Gateway, name: &str) -> Result<&'a mut Route, Violation> {
    let paths: Vec<String> = gateway.routes.iter().map(|route| route.path.to_string()).collect();
    let with_segment = |path: &String| path.split('/').any(|segment| segment == name);
    let exact = paths.iter().position(|path| path == name);
    let unique = || {
        let mut found = paths.iter().enumerate().filter(|(_, path)| with_segment(path)).map(|(index, _)| index);
        found.next().filter(|_| found.next().is_none())
    };
    match exact.or_else(unique).and_then(|index| gateway.routes.get_mut(index)) {
        Some(route) => Ok(route),
        None => {
            let message = format!("gateway `{}` has no route `{name}`", gateway.name);
            Err(Violation::new("UnresolvedRouteError", format!("routes/{name}"), message)
                .hint(format!("it has {}", paths.join(", "))))
        }
    }
}

fn missing(name: &str) -> Failure {
    Failure::NotFound { kind: "gateways", name: name.to_owned() }
}

/// The gateway as it would be stored in place of what is there.
pub(super) fn replaced(world: &World, ports: Option<GatewayPorts>, gateway: &Gateway) -> Result<Gateway, Failure> {
    let mut gateway = completed(gateway)?;
    let before = find(world, gateway.name.as_str());
    check_internal(world, &gateway, before.as_deref())?;
    Numbers::beside(world, ports, []).give(&mut gateway, before.as_deref(), "port")?;
    check_port(world, &gateway, "port")?;
    Ok(gateway)
}

/// Whether there is such a gateway, and it may be removed.
pub(super) fn removed(world: &World, name: &str) -> Result<bool, Failure> {
    let Some(gateway) = find(world, name) else {
        return Ok(world.artifacts.as_ref().is_some_and(|known| known.unreadable_gateway(name).is_some()));
    };
    let Some(owner) = owner(world, &gateway.name) else { return Ok(true) };
    let message = format!("gateway `{name}` belongs to deployment `{owner}` and goes with it");
    Err(Violation::new("InternalGatewayRemoveError", "name", message).into())
}

fn find(world: &World, name: &str) -> Option<Arc<Gateway>> {
    world.artifacts.as_ref()?.gateways.get(name).map(|stored| Arc::clone(&stored.value))
}

/// The deployment that an internal gateway belongs to, while it exists.
fn owner(world: &World, name: &GatewayName) -> Option<String> {
    let deployment = name.segments().next().filter(|_| name.is_internal())?;
    world.artifacts.as_ref()?.deployments.contains_key(deployment).then(|| deployment.to_owned())
}

/// The gateway with every weight and strength said. Without a condition there is no strength: clearing one clears both.
pub(super) fn completed(gateway: &Gateway) -> Result<Gateway, Failure> {
    let open: Vec<Violation> = gateway.open().collect();
    if !open.is_empty() {
        return Err(Violations(open).into());
    }
    let refused = |error: crate::weight::WeightError| {
        Violation::new("GatewayRouteWeightError", "routes", error.to_string())
            .hint("let the weights of all routes sum to 100%, or leave all of them out")
    };
    let mut gateway = gateway.clone();
    for route in gateway.routes.iter_mut().filter(|route| route.condition.is_none()) {
        route.strength = None;
    }
    Ok(gateway.completed().map_err(refused)?)
}

/// The gateway of a cluster comes and goes with its services: weights and conditions change, routes do not.
fn check_internal(world: &World, gateway: &Gateway, stored: Option<&Gateway>) -> Result<(), Failure> {
    let name = &gateway.name;
    if !name.is_internal() {
        return Ok(());
    }
    let Some(stored) = stored else {
        if world.artifacts.as_ref().is_some_and(|known| known.unreadable_gateway(name.as_str()).is_some()) {
            return Ok(());
        }
        let message = format!("`{name}` has three segments: such gateways come with a deployment");
        return Err(Violation::new("InternalGatewayCreateError", "name", message)
            .hint("deploy a blueprint, or choose a name with one, two or four segments")
            .into());
    };
    let refuse = |path: &RoutePath, what: &str| {
        let message = format!("route `{path}` {what}; the routes of gateway `{name}` follow its services");
        Violation::new("InternalGatewayUpdateError", format!("routes/{path}"), message)
    };
    let unknown = gateway.routes.iter().filter(|route| stored.route(&route.path).is_none());
    let missing = stored.routes.iter().filter(|route| gateway.route(&route.path).is_none());
    let violations: Vec<Violation> = unknown
        .map(|route| refuse(&route.path, "is unknown"))
        .chain(missing.map(|route| refuse(&route.path, "is missing")))
        .collect();
    if violations.is_empty() { Ok(()) } else { Err(Violations(violations).into()) }
}

/// No two gateways listen on one port; `path` is where the document says it.
pub(super) fn check_port(world: &World, gateway: &Gateway, path: &str) -> Result<(), Failure> {
    let Some(port) = gateway.port.number else { return Ok(()) };
    if find(world, gateway.name.as_str()).is_some_and(|stored| stored.port.number == Some(port)) {
        return Ok(());
    }
    match port_owner(world, port, gateway.name.as_str()) {
        None => Ok(()),
        Some(other) => {
            let message = format!("port {port} is taken by gateway `{other}`");
            let hint = "choose another, or leave it out where the server gives ports by itself";
            Err(Failure::Conflict(Violation::new("UnavailableGatewayPortError", path, message).hint(hint)))
        }
    }
}

fn port_owner(world: &World, port: NonZeroU16, except: &str) -> Option<String> {
    let gateways = world.artifacts.iter().flat_map(|artifacts| artifacts.gateways.iter());
    let mut others =
        gateways.filter(|(name, stored)| name.as_str() != except && stored.value.port.number == Some(port));
    others.next().map(|(name, _)| name.clone())
}
