//! Waiting until what was asked for has taken effect.

use super::{
    AgentView, Engine, Failure,
    world::{Unpublished, World},
};
use crate::{
    model::{Deployment, Intention, PhaseName},
    plan::Routing,
};
use std::{collections::BTreeSet, time::Duration};

/// Why it has not taken effect.
enum Pending {
    /// It still may.
    NotYet(String),
    /// Not as things are.
    Never(String),
}

impl Engine {
    /// Returns when every agent that shows life serves this gateway as it is stored.
    ///
    /// # Errors
    ///
    /// [`Failure::NotYet`] after the deadline and [`Failure::Refused`] when an agent cannot serve it, both with the
    /// reason.
    pub async fn applied(&self, gateway: &str, deadline: Duration) -> Result<(), Failure> {
        self.until(deadline, |world, engine| engine.is_applied(world, &published_with(world, gateway))).await
    }

    /// Returns when every service of the deployment is as it is meant to be, or gone if that is what is meant, and every
    /// agent that shows life serves its gateways.
    ///
    /// # Errors
    ///
    /// [`Failure::NotYet`] after the deadline and [`Failure::Refused`] when a service or a gateway has failed, both
    /// with the reason.
    pub async fn settled(&self, deployment: &str, deadline: Duration) -> Result<(), Failure> {
        self.until(deadline, |world, engine| engine.is_settled(world, deployment)).await
    }

    /// Whether an agent shows life, and every one that does serves this gateway as it is stored.
    #[must_use]
    pub fn is_served(&self, gateway: &str) -> bool {
        let world = self.shared.world.borrow();
        let published = published_with(&world, gateway);
        let mut agents = world.agents.iter().flat_map(|agents| agents.values());
        let told = published.iter().any(|name| world.published.hashes.contains_key(name));
        told && agents.any(|agent| agent.silent_since.is_none()) && self.is_applied(&world, &published).is_ok()
    }

    async fn until(
        &self,
        deadline: Duration,
        check: impl Fn(&World, &Self) -> Result<(), Pending>,
    ) -> Result<(), Failure> {
        let mut worlds = self.shared.world.subscribe();
        let timeout = self.shared.clock.sleep(deadline);
        tokio::pin!(timeout);
        loop {
            let world = worlds.borrow_and_update().clone();
            let reason = match check(&world, self) {
                Ok(()) => return Ok(()),
                Err(Pending::Never(reason)) => return Err(Failure::Refused(reason)),
                Err(Pending::NotYet(reason)) => reason,
            };
            tokio::select! {
                _ = worlds.changed() => {}
                () = &mut timeout => return Err(Failure::NotYet(reason)),
            }
        }
    }

    fn is_applied(&self, world: &World, gateways: &BTreeSet<String>) -> Result<(), Pending> {
        let agents = world.agents.as_deref();
        let unpublished = world.unpublished();
        let refused = |agent: &AgentView| {
            gateways.iter().find_map(|gateway| {
                let refusal =
                    agent.acknowledged.refused.get(gateway).filter(|_| !unpublished.gateways.contains(gateway))?;
                let told = world.published.hashes.get(gateway)?;
                (refusal.hash == *told).then(|| format!("gateway `{gateway}`: {}", refusal.reason))
            })
        };
        // A refusal of what was told before says nothing about what will be.
        let showing_life = agents
            .filter(|_| !unpublished.everything)
            .into_iter()
            .flatten()
            .filter(|(_, agent)| agent.silent_since.is_none());
        if let Some(reason) = showing_life.filter_map(|(_, agent)| refused(agent)).next() {
            return Err(Pending::Never(reason));
        }
        self.routing(world, &unpublished).all_serve(gateways, false).map_err(Pending::NotYet)
    }

    fn is_settled(&self, world: &World, name: &str) -> Result<(), Pending> {
        let not_read = || Pending::NotYet("stored artifacts are not read yet".to_owned());
        let artifacts = world.artifacts.as_ref().ok_or_else(not_read)?;
        let Some(deployment) = artifacts.deployments.get(name) else { return Ok(()) };
        all_done(&deployment.value)?;
        let of_deployment = |gateway: &&String| gateway.split('/').next() == Some(name);
        let from = artifacts.gateways.range(format!("{name}/")..);
        let gateways = from.map(|(gateway, _)| gateway).take_while(of_deployment);
        let published = gateways.flat_map(|gateway| published_with(world, gateway)).collect();
        self.is_applied(world, &published)
    }

    /// What the agents were told and what they acknowledged, as the world has it.
    pub(super) fn routing<'a>(&self, world: &'a World, unpublished: &'a Unpublished) -> Routing<'a> {
        Routing {
            published: &world.published,
            unpublished,
            agents: world.agents.as_deref(),
            listening: self.shared.clock.elapsed().saturating_sub(self.shared.started),
        }
    }
}

/// The published gateways that route through this one; itself too as long as it is about to be published, or is no
/// longer and an agent still serves it.
fn published_with(world: &World, gateway: &str) -> BTreeSet<String> {
    let mut published = world.published.includes.get(gateway).cloned().unwrap_or_default();
    let mut agents = world.agents.iter().flat_map(|agents| agents.values());
    let is_served = agents.any(|agent| agent.acknowledged.gateways.contains_key(gateway));
    if is_served || world.changed.gateways.contains_key(gateway) {
        published.insert(gateway.to_owned());
    }
    published
}

fn all_done(deployment: &Deployment) -> Result<(), Pending> {
    for cluster in &deployment.clusters {
        for service in &cluster.services {
            let phase = &service.status.phase;
            let place = format!("service `{}` of cluster `{}`", service.breed.name, cluster.name);
            let reason = phase.notification.as_deref().unwrap_or("not begun");
            match (service.status.intention, phase.name) {
                (Intention::Deployment, PhaseName::Done) => {}
                (_, PhaseName::Failed) => return Err(Pending::Never(format!("{place} failed: {reason}"))),
                _ => return Err(Pending::NotYet(format!("{place}: {reason}"))),
            }
        }
    }
    Ok(())
}
