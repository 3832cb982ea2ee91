//! Deploying and undeploying: storing what is meant to run. The reconcile loop makes it so.

use super::{
    Engine, Failure,
    gateways::{check_port, completed},
    merge::{self, Resolved, merge},
    records::Found,
    slice,
    views::instances,
    world::World,
};
use crate::{
    Violation, Violations,
    driver::Version,
    model::{Blueprint, Breed, Deployment, Gateway, Name, Named, Reference, Scale, resolve},
};
use std::sync::Arc;

/// A merge is tried again so often when the deployment changes at the same time.
const ATTEMPTS: usize = 64;

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
    fn check(&self, name: &str, present: Option<&Version>) -> Result<(), Failure> {
        let unexpected = self.expected.as_ref().is_some_and(|expected| present != Some(expected));
        if unexpected { Err(Failure::Changed { kind: "deployments", name: name.to_owned() }) } else { Ok(()) }
    }
}

impl Engine {
    /// Merges a blueprint into the deployment of that name, which is created if need be; durable when it returns.
    /// New services get no traffic as long as others have all of it.
    ///
    /// # Errors
    ///
    /// [`Failure::Invalid`] and [`Failure::Conflict`] with all violations, [`Failure::NotFound`] for a breed or scale
    /// that is referred to, [`Failure::Driver`].
    pub async fn deploy(&self, name: &str, blueprint: &Blueprint, options: Options) -> Result<Deployment, Failure> {
        let name = parse_name(name)?;
        let resolved = self.resolve(blueprint).await?;
        let _ports = self.shared.ports.lock().await;
        for _ in 0..ATTEMPTS {
            let world = self.loaded().await;
            let before: Found<Deployment> = self.read(name.as_str()).await?;
            let version = before.as_ref().map(|(_, version)| version);
            options.check(name.as_str(), version)?;
            let stored = before.as_ref().map(|(deployment, _)| &**deployment);
            let merged = merge(stored, &name, blueprint, &resolved, self.shared.clock.now())?;
            check_templates(&merged)?;
            let gateways = merge::gateways(&merged, blueprint, |name| stored_gateway(&world, name))?;
            let gateways = gateways.iter().map(completed).collect::<Result<Vec<_>, _>>()?;
            gateways.iter().try_for_each(|gateway| check_port(&world, gateway, &path_of(gateway)))?;
            if options.validate_only {
                return Ok(merged);
            }
            match self.store_deployment(&merged, version, &gateways).await {
                Err(Failure::Changed { .. }) => {}
                result => return result.map(|()| merged),
            }
        }
        Err(Failure::Changed { kind: "deployments", name: name.to_string() })
    }

    /// Takes the services that the blueprint names out of the deployment: they get no new requests, finish those that
    /// they have, and stop. Durable when it returns.
    ///
    /// # Errors
    ///
    /// [`Failure::NotFound`] without such a deployment; [`Failure::Invalid`] (`InvalidRouteWeight`) when those that stay
    /// do not have all the traffic; [`Failure::Driver`].
    pub async fn undeploy(&self, name: &str, blueprint: &Blueprint, options: Options) -> Result<Deployment, Failure> {
        let missing = || Failure::NotFound { kind: "deployments", name: name.to_owned() };
        for _ in 0..ATTEMPTS {
            let world = self.loaded().await;
            let before: Found<Deployment> = self.read(name).await?;
            let (deployment, version) = before.ok_or_else(missing)?;
            options.check(name, Some(&version))?;
            let sliced = slice::slice(&deployment, blueprint, self.shared.clock.now());
            let stored = world.artifacts.iter().flat_map(|artifacts| artifacts.gateways.values());
            let gateways = slice::gateways(&sliced, stored.map(|stored| &stored.value))?;
            if options.validate_only || *deployment == sliced {
                return Ok(sliced);
            }
            // The deployment first: a route to a leaving service is no harm, a service without its route would be.
            match self.write(&sliced, Some(&version)).await {
                Err(Failure::Changed { .. }) => continue,
                result => result?,
            };
            for gateway in &gateways {
                self.store(gateway, None).await?;
            }
            return Ok(sliced);
        }
        Err(Failure::Changed { kind: "deployments", name: name.to_owned() })
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

    /// The gateways first: one that leads to a service not stored yet is no harm.
    async fn store_deployment(
        &self,
        deployment: &Deployment,
        version: Option<&Version>,
        gateways: &[Gateway],
    ) -> Result<(), Failure> {
        for gateway in gateways {
            let found: Found<Gateway> = self.read(gateway.name.as_str()).await?;
            if found.as_ref().is_none_or(|(stored, _)| **stored != *gateway) {
                self.write(gateway, found.as_ref().map(|(_, version)| version)).await?;
            }
        }
        self.write(deployment, version).await.map(|_| ())
    }

    async fn resolve(&self, blueprint: &Blueprint) -> Result<Resolved, Failure> {
        let mut resolved = Resolved::default();
        for service in blueprint.clusters.iter().flat_map(|cluster| &cluster.services) {
            if let Reference::Reference(name) = &service.breed {
                let (breed, _) = self.referred::<Breed>(name).await?;
                resolved.breeds.insert(name.to_string(), breed);
            }
            if let Some(Reference::Reference(name)) = &service.scale {
                let (scale, _) = self.referred::<Named<Scale>>(name).await?;
                resolved.scales.insert(name.to_string(), scale.value);
            }
        }
        Ok(resolved)
    }

    async fn referred<T: super::Artifact>(&self, name: &Name) -> Result<(T, Version), Failure> {
        let missing = || Failure::NotFound { kind: T::KIND, name: name.to_string() };
        self.find::<T>(name.as_str()).await?.ok_or_else(missing)
    }
}

fn parse_name(name: &str) -> Result<Name, Violation> {
    name.parse().map_err(|error: crate::model::ParseTextError| Violation::new("IllegalName", "name", error.to_string()))
}

/// Where a blueprint says what becomes this gateway of its deployment.
fn path_of(gateway: &Gateway) -> String {
    match gateway.name.segments().skip(1).collect::<Vec<&str>>().as_slice() {
        [cluster, port] => format!("clusters/{cluster}/gateways/{port}"),
        others => format!("gateways/{}", others.join("/")),
    }
}

/// What cannot run is refused before it is stored.
fn check_templates(deployment: &Deployment) -> Result<(), Violations> {
    let mut violations = Vec::new();
    for cluster in &deployment.clusters {
        for service in &cluster.services {
            if let Err(found) = resolve::template(deployment, cluster, service) {
                violations.extend(found.0);
            }
        }
    }
    if violations.is_empty() { Ok(()) } else { Err(Violations(violations)) }
}

fn stored_gateway(world: &World, name: &str) -> Option<Arc<Gateway>> {
    world.artifacts.as_ref()?.gateways.get(name).map(|stored| Arc::clone(&stored.value))
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
