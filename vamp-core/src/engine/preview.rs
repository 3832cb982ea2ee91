//! What a request would change, before anything is changed: for people who want to see it first.

use super::{
    Artifacts, Engine, Failure, compiled,
    deploy::{deployed, parse_name, undeployed},
    gateways::{removed, replaced},
    shared_map::SharedMap,
    world::{Stored, World},
};
use crate::{
    driver::Version,
    model::{Blueprint, Deployment, Gateway},
    routing,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Something that can be asked for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Request<'a> {
    /// See [`Engine::deploy`].
    Deploy {
        /// The deployment.
        name: &'a str,
        /// What to merge into it.
        blueprint: &'a Blueprint,
    },
    /// See [`Engine::undeploy`].
    Undeploy {
        /// The deployment.
        name: &'a str,
        /// The services to take out of it.
        blueprint: &'a Blueprint,
    },
    /// See [`Engine::put_gateway`].
    PutGateway(&'a Gateway),
    /// See [`Engine::delete_gateway`].
    DeleteGateway(&'a str),
}

/// Something before and after a change; never the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Alteration<T> {
    /// `None` = it does not exist yet.
    pub before: Option<Arc<T>>,
    /// `None` = it no longer exists.
    pub after: Option<Arc<T>>,
}

/// What a request would change, as soon as it is stored. What runs follows later, and what leaves leaves later: an
/// instance that is yet to start is not part of it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Preview {
    /// The deployment, if it changes.
    pub deployment: Option<Alteration<Deployment>>,
    /// The stored gateways that change, by name.
    pub gateways: BTreeMap<String, Alteration<Gateway>>,
    /// What agents are told, by the published gateway: what a renderer makes lines of.
    pub routing: BTreeMap<String, Alteration<routing::Gateway>>,
    /// Gateways that could not be published as they would be stored, and why.
    pub held_back: BTreeMap<String, String>,
}

impl Preview {
    /// Whether nothing would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deployment.is_none() && self.gateways.is_empty() && self.routing.is_empty()
    }
}

/// What a request makes of what is stored.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The deployment that is asked about; empty without one.
    pub(super) name: String,
    pub(super) before: Option<Arc<Deployment>>,
    pub(super) after: Option<Deployment>,
    /// What changes, by name; `None` = it is removed.
    pub(super) gateways: BTreeMap<String, Option<Gateway>>,
}

impl Engine {
    /// What a request would change: it is checked as if it were carried out, and nothing is stored.
    ///
    /// # Errors
    ///
    /// As those of the request itself.
    pub async fn preview(&self, request: Request<'_>) -> Result<Preview, Failure> {
        let world = self.loaded().await;
        let now = self.shared.clock.now();
        let outcome = match request {
            Request::Deploy { name, blueprint } => {
                let blueprint = self.in_place(blueprint).await?;
                let name = parse_name(name)?;
                self.check_new(&world, &name).await?;
                deployed(&world, self.shared.gateway_ports, &name, &blueprint, now)?
            }
            Request::Undeploy { name, blueprint } => undeployed(&world, name, blueprint, now)?,
            Request::PutGateway(gateway) => {
                let after = replaced(&world, self.shared.gateway_ports, gateway)?;
                Outcome { gateways: [(gateway.name.to_string(), Some(after))].into(), ..Outcome::default() }
            }
            Request::DeleteGateway(name) => {
                let there = removed(&world, name)?;
                let gateways = there.then(|| (name.to_owned(), None)).into_iter().collect();
                Outcome { gateways, ..Outcome::default() }
            }
        };
        Ok(world.artifacts.as_ref().map(|artifacts| compare(&world, artifacts, outcome)).unwrap_or_default())
    }
}

fn compare(world: &World, artifacts: &Artifacts, outcome: Outcome) -> Preview {
    let affected = affected(world, &outcome);
    let mut after = artifacts.clone();
    let mut preview = Preview::default();
    for (name, gateway) in outcome.gateways {
        let stored = artifacts.gateways.get(&name).map(|stored| Arc::clone(&stored.value));
        let gateway = gateway.map(Arc::new);
        put(&mut after.gateways, &name, gateway.clone());
        preview.gateways.extend(alteration(stored, gateway).map(|alteration| (name, alteration)));
    }
    if outcome.after.is_some() {
        let deployment = outcome.after.map(Arc::new);
        put(&mut after.deployments, &outcome.name, deployment.clone());
        preview.deployment = alteration(outcome.before, deployment);
    }
    for name in affected {
        let published = |artifacts: &Artifacts| Some(compiled::gateway(world, artifacts, &name)?.gateway);
        let (told, to_tell) = (published(artifacts), published(&after));
        if let Some(Err(reason)) = &to_tell {
            preview.held_back.insert(name, reason.clone());
            continue;
        }
        let change = alteration(told.and_then(Result::ok), to_tell.and_then(Result::ok));
        preview.routing.extend(change.map(|change| (name, change)));
    }
    preview
}

/// The published gateways that may be told something else.
fn affected(world: &World, outcome: &Outcome) -> BTreeSet<String> {
    let mut affected: BTreeSet<String> = outcome.gateways.keys().cloned().collect();
    let through = outcome.gateways.keys().filter_map(|name| world.published.includes.get(name));
    affected.extend(through.flatten().cloned());
    if !outcome.name.is_empty() {
        let prefix = format!("{}/", outcome.name);
        let services = world.published.services.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
        affected.extend(services.flat_map(|(_, gateways)| gateways).cloned());
    }
    affected
}

fn put<T>(all: &mut SharedMap<Stored<T>>, name: &str, value: Option<Arc<T>>) {
    match value {
        Some(value) => drop(all.insert(name.to_owned(), Stored { value, version: Version(Box::default()) })),
        None => drop(all.remove(name)),
    }
}

fn alteration<T: PartialEq>(before: Option<Arc<T>>, after: Option<Arc<T>>) -> Option<Alteration<T>> {
    (before != after).then_some(Alteration { before, after })
}
