//! Deploying and undeploying: storing what is meant to run. The reconcile loop makes it so.

use super::{
    Engine, Failure,
    gateways::{check_port, completed},
    merge::{
        dependencies,
        gateways::{Merged, declared_ports, touched},
        merge,
    },
    ports::{GatewayPorts, Numbers},
    preview::Outcome,
    records::{Found, Present, Update},
    slice,
    views::instances,
    world::World,
};
use crate::{
    Violation, Violations,
    driver::Version,
    model::{
        Artifacts, Blueprint, Deployment, Gateway, GatewayName, Name, Stored, Workflow,
        expand::{self, Expanded},
        resolve, validate,
    },
    plan::Site,
};
use std::{sync::Arc, time::SystemTime};

/// How to carry out a request.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Check everything and answer what would be, without storing it.
    pub validate_only: bool,
    /// The version that the deployment must have; `None` = whatever is there.
    pub expected: Option<Version>,
}

impl Options {
    /// Do it.
    pub const DEFAULT: Self = Self { validate_only: false, expected: None };
    /// Check only.
    pub const VALIDATE_ONLY: Self = Self { validate_only: true, expected: None };

    /// The same, but only to what has this version; `None` = whatever is there.
    #[must_use]
    pub fn expecting(self, expected: Option<Version>) -> Self {
        Self { expected, ..self }
    }

    /// Refuses what is not, or no longer, expected.
    fn check(&self, world: &World, name: &str) -> Result<(), Failure> {
        let stored = world.artifacts.as_ref().and_then(|known| known.deployments.get(name));
        let unexpected = self.expected.as_ref().is_some_and(|version| stored.map(|one| &one.version) != Some(version));
        if unexpected { Err(Failure::Changed { kind: "deployments", name: name.to_owned() }) } else { Ok(()) }
    }
}

impl Engine {
    /// Merges a blueprint into the deployment of that name, which is created if need be; durable when it returns.
    /// New services get no traffic as long as others have all of it. What the blueprint omits stays as it is.
    ///
    /// # Errors
    ///
    /// [`Failure::Invalid`] and [`Failure::Conflict`] with all violations, [`Failure::NotFound`] for a breed or scale
    /// that is referred to, [`Failure::Driver`].
    pub async fn deploy(&self, name: &str, blueprint: &Blueprint, options: Options) -> Result<Deployment, Failure> {
        let name = parse_name(name)?;
        let blueprint = self.in_place(blueprint).await?;
        let _structure = self.shared.structure.lock().await;
        if !options.validate_only {
            self.finish_merge(&name).await?;
        }
        let world = self.loaded().await;
        options.check(&world, name.as_str())?;
        self.check_new(&world, &name).await?;
        let checked = deployed(&world, self.shared.gateway_ports, &name, &blueprint, self.shared.clock.now())?;
        if options.validate_only {
            return Ok(checked.after.unwrap_or_else(|| Deployment::new(name)));
        }
        if checked.gateways.is_empty() {
            return self.merge_deployment(&name, &blueprint, options.expected.as_ref()).await;
        }
        self.begin_merge(&name, &blueprint).await?;
        let merged = self.merge_stored(&name, &blueprint, options.expected.as_ref()).await;
        if !matches!(merged, Err(Failure::Driver(_))) {
            self.end_merge(&name).await;
        }
        merged
    }

    /// The deployment first: it runs without its gateways until they are there, and a gateway without its deployment
    /// would be nobody's.
    async fn merge_stored(
        &self,
        name: &Name,
        blueprint: &Blueprint,
        expected: Option<&Version>,
    ) -> Result<Deployment, Failure> {
        let merged = self.merge_deployment(name, blueprint, expected).await?;
        self.merge_gateways(&merged, blueprint).await?;
        Ok(merged)
    }

    async fn merge_deployment(
        &self,
        name: &Name,
        blueprint: &Blueprint,
        expected: Option<&Version>,
    ) -> Result<Deployment, Failure> {
        let (now, site) = (self.shared.clock.now(), Arc::clone(&self.shared.world.borrow().site));
        let mut merged = Deployment::new(name.clone());
        let merge = |present: &Present<Deployment>| {
            let before = present.readable()?;
            merged = merge(before, name, blueprint, now)?;
            check_templates(&merged, &site)?;
            Ok(if before == Some(&merged) { Update::Keep } else { Update::Put(merged.clone()) })
        };
        self.update(name.as_str(), expected, merge).await?;
        Ok(merged)
    }

    pub(super) async fn merge_gateways(&self, merged: &Deployment, blueprint: &Blueprint) -> Result<(), Failure> {
        let world = self.loaded().await;
        let mut numbers = self.numbers(&world, declared_ports(blueprint));
        for gateway in touched(merged, blueprint, &existing(&world, &merged.name))? {
            let update = |present: &Present<Gateway>| {
                merged_gateway(&world, &mut numbers, &gateway, merged, present.or_overwritten())
            };
            self.update(gateway.name.as_str(), None, update).await?;
        }
        Ok(())
    }

    /// Takes the services that the blueprint names out of the deployment: they get no new requests, finish those that
    /// they have, and stop. Durable when it returns.
    ///
    /// # Errors
    ///
    /// [`Failure::NotFound`] without such a deployment; [`Failure::Invalid`] (`InvalidRouteWeight`) when those that stay
    /// do not have all the traffic, or need what goes; [`Failure::Driver`].
    pub async fn undeploy(&self, name: &str, blueprint: &Blueprint, options: Options) -> Result<Deployment, Failure> {
        let _structure = self.shared.structure.lock().await;
        let (world, now) = (self.loaded().await, self.shared.clock.now());
        options.check(&world, name)?;
        let checked = undeployed(&world, name, blueprint, now)?;
        if options.validate_only {
            return checked.after.ok_or_else(|| missing(name));
        }
        // The deployment first: a route to a leaving service is no harm, a service without its route would be.
        let slice = |present: &Present<Deployment>| {
            let before = present.readable()?.ok_or_else(|| missing(name))?;
            let sliced = sliced(before, blueprint, now)?;
            Ok(if *before == sliced { Update::Keep } else { Update::Put(sliced) })
        };
        let (sliced, _) = self.update(name, options.expected.as_ref(), slice).await?.ok_or_else(|| missing(name))?;
        for gateway in checked.gateways.keys() {
            // Whoever moved traffic to a leaving service in the meantime keeps the route, until the service is gone.
            let leave = |present: &Present<Gateway>| {
                let before = present.readable()?;
                let after = before.and_then(|before| slice::gateway(&sliced, before).ok()?);
                Ok(after.map_or(Update::Keep, Update::Put))
            };
            self.update(gateway, None, leave).await?;
        }
        Ok(Arc::unwrap_or_clone(sliced))
    }

    /// The deployment of that name with what runs of it now, and its version.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn deployment(&self, name: &str) -> Result<Option<(Deployment, Version)>, Failure> {
        let found: Found<Deployment> = self.read(name).await?;
        let world = self.shared.world.borrow().clone();
        Ok(found.map(|(deployment, version)| (with_instances(Arc::unwrap_or_clone(deployment), &world), version)))
    }

    /// A deployment and a workflow never share a name: what runs of either is found by it.
    pub(super) async fn check_new(&self, world: &World, name: &Name) -> Result<(), Failure> {
        let is_there = world.artifacts.as_ref().is_some_and(|known| known.deployments.contains_key(name.as_str()));
        if is_there || self.find::<Workflow>(name.as_str()).await?.is_none() {
            return Ok(());
        }
        let message = format!("a workflow is named `{name}`, so no deployment can be");
        Err(Violation::new("DeploymentWorkflowNameCollision", "name", message).hint("choose another name").into())
    }

    /// The blueprint with every breed and scale that it refers to in place.
    pub(super) async fn in_place(&self, blueprint: &Blueprint) -> Result<Blueprint, Failure> {
        let in_place = self.expanded(|stored| expand::blueprint(blueprint, stored)).await?;
        validate::blueprint(&in_place)?;
        Ok(in_place)
    }

    /// What `expand` makes of an artifact once everything that it refers to is loaded.
    pub(super) async fn expanded<T>(&self, expand: impl Fn(&dyn Stored) -> Expanded<T>) -> Result<T, Failure> {
        self.expanded_beside(Artifacts::default(), expand).await
    }

    /// As [`expanded`](Self::expanded), where some artifacts stand for what is stored.
    pub(super) async fn expanded_beside<T>(
        &self,
        mut stored: Artifacts,
        expand: impl Fn(&dyn Stored) -> Expanded<T>,
    ) -> Result<T, Failure> {
        loop {
            let expanded = expand(&stored);
            if expanded.open.is_empty() {
                return Ok(expanded.value);
            }
            let (mut missing, mut loaded) = (Vec::new(), false);
            for open in &expanded.open {
                match self.find_any(open.kind, &open.name).await? {
                    Some((artifact, _)) if !open.endless => {
                        stored.insert(artifact);
                        loaded = true;
                    }
                    _ => missing.push(Violation::from(open)),
                }
            }
            if !loaded || !missing.is_empty() {
                return Err(Violations(missing).into());
            }
        }
    }
}

// === what a request makes of what is stored ===

/// What deploying the blueprint makes of the world.
pub(super) fn deployed(
    world: &World,
    ports: Option<GatewayPorts>,
    name: &Name,
    blueprint: &Blueprint,
    now: SystemTime,
) -> Result<Outcome, Failure> {
    let before = stored_deployment(world, name.as_str())?;
    let merged = merge(before.as_deref(), name, blueprint, now)?;
    check_templates(&merged, &world.site)?;
    let mut outcome = Outcome { name: name.to_string(), before, ..Outcome::default() };
    let mut numbers = Numbers::beside(world, ports, declared_ports(blueprint));
    for gateway in touched(&merged, blueprint, &existing(world, name))? {
        let stored = world.artifacts.as_ref().and_then(|known| known.gateways.get(gateway.name.as_str()));
        match merged_gateway(world, &mut numbers, &gateway, &merged, stored.map(|stored| &*stored.value))? {
            Update::Keep => None,
            Update::Put(after) => outcome.gateways.insert(gateway.name.to_string(), Some(after)),
            Update::Remove => outcome.gateways.insert(gateway.name.to_string(), None),
        };
    }
    outcome.after = Some(merged);
    Ok(outcome)
}

/// What undeploying the blueprint makes of the world.
pub(super) fn undeployed(
    world: &World,
    name: &str,
    blueprint: &Blueprint,
    now: SystemTime,
) -> Result<Outcome, Failure> {
    let before = stored_deployment(world, name)?.ok_or_else(|| missing(name))?;
    let sliced = sliced(&before, blueprint, now)?;
    let stored = world.artifacts.iter().flat_map(|artifacts| artifacts.gateways.values());
    let gateways = slice::gateways(&sliced, stored.map(|stored| &stored.value))?;
    let gateways = gateways.into_iter().map(|gateway| (gateway.name.to_string(), Some(gateway))).collect();
    Ok(Outcome { name: name.to_owned(), before: Some(before), after: Some(sliced), gateways })
}

fn sliced(before: &Deployment, blueprint: &Blueprint, now: SystemTime) -> Result<Deployment, Violations> {
    let mut sliced = slice::slice(before, blueprint, now);
    let violations = dependencies::connect(&mut sliced);
    if violations.is_empty() { Ok(sliced) } else { Err(Violations(violations)) }
}

fn merged_gateway(
    world: &World,
    numbers: &mut Numbers<'_>,
    gateway: &Merged<'_>,
    deployment: &Deployment,
    before: Option<&Gateway>,
) -> Result<Update<Gateway>, Failure> {
    match gateway.update(deployment, before)? {
        Update::Put(after) => {
            let mut after = completed(&after)?;
            let path = path_of(&after);
            numbers.give(&mut after, before, &path)?;
            check_port(world, &after, &path)?;
            Ok(if before == Some(&after) { Update::Keep } else { Update::Put(after) })
        }
        other => Ok(other),
    }
}

pub(super) fn missing(name: &str) -> Failure {
    Failure::NotFound { kind: "deployments", name: name.to_owned() }
}

pub(super) fn parse_name(name: &str) -> Result<Name, Violation> {
    name.parse().map_err(|error: crate::model::ParseTextError| Violation::new("IllegalName", "name", error.to_string()))
}

fn stored_deployment(world: &World, name: &str) -> Result<Option<Arc<Deployment>>, Failure> {
    let Some(artifacts) = &world.artifacts else { return Ok(None) };
    if let Some(reason) = artifacts.unreadable_deployment(name) {
        let hint = format!("restore it, or delete `deployments/{name}`: then what runs of it is stopped");
        return Err(Failure::Conflict(Violation::new("CorruptedDataException", "name", reason).hint(hint)));
    }
    Ok(artifacts.deployments.get(name).map(|stored| Arc::clone(&stored.value)))
}

/// The names of the stored gateways of a deployment.
fn existing(world: &World, deployment: &Name) -> Vec<GatewayName> {
    let prefix = format!("{deployment}/");
    let Some(artifacts) = &world.artifacts else { return Vec::new() };
    let from = artifacts.gateways.range(prefix.clone()..).take_while(|(name, _)| name.starts_with(&prefix));
    from.map(|(_, stored)| stored.value.name.clone()).collect()
}

/// Where a blueprint says what becomes this gateway of its deployment.
fn path_of(gateway: &Gateway) -> String {
    match gateway.name.segments().skip(1).collect::<Vec<&str>>().as_slice() {
        [cluster, port] => format!("clusters/{cluster}/gateways/{port}"),
        others => format!("gateways/{}", others.join("/")),
    }
}

/// What cannot run is refused before it is stored.
fn check_templates(deployment: &Deployment, site: &Site) -> Result<(), Violations> {
    let mut violations = Vec::new();
    for cluster in &deployment.clusters {
        for service in &cluster.services {
            if let Err(found) = resolve::template(deployment, cluster, service, site) {
                violations.extend(found.0);
            }
        }
    }
    if violations.is_empty() { Ok(()) } else { Err(Violations(violations)) }
}

/// Fills in what runs, as it was last observed.
pub(super) fn with_instances(mut deployment: Deployment, world: &World) -> Deployment {
    let name = deployment.name.clone();
    for cluster in &mut deployment.clusters {
        for service in &mut cluster.services {
            service.instances = instances(world, name.as_str(), cluster.name.as_str(), service.breed.name.as_str());
        }
    }
    deployment
}
