//! Waiting until what was asked for has taken effect.

use super::{AgentView, Engine, Failure, world::World};
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
        let refused = |agent: &AgentView| {
            gateways.iter().find_map(|gateway| {
                let refusal = agent.acknowledged.refused.get(gateway)?;
                let told = world.published.hashes.get(gateway)?;
                (refusal.hash == *told).then(|| format!("gateway `{gateway}`: {}", refusal.reason))
            })
        };
        // A refusal of what was told before says nothing about what will be.
        let showing_life = agents
            .filter(|_| world.published_is_current())
            .into_iter()
            .flatten()
            .filter(|(_, agent)| agent.silent_since.is_none());
        if let Some(reason) = showing_life.filter_map(|(_, agent)| refused(agent)).next() {
            return Err(Pending::Never(reason));
        }
        self.routing(world).all_serve(gateways, false).map_err(Pending::NotYet)
    }

    fn is_settled(&self, world: &World, name: &str) -> Result<(), Pending> {
        let not_read = || Pending::NotYet("stored artifacts are not read yet".to_owned());
        let artifacts = world.artifacts.as_ref().ok_or_else(not_read)?;
        let Some(deployment) = artifacts.deployments.get(name) else { return Ok(()) };
        all_done(&deployment.value)?;
        let of_deployment = |gateway: &&String| gateway.split('/').next() == Some(name);
        let gateways = artifacts.gateways.keys().filter(of_deployment);
        let published = gateways.flat_map(|gateway| published_with(world, gateway)).collect();
        self.is_applied(world, &published)
    }

    /// What the agents were told and what they acknowledged, as the world has it.
    pub(super) fn routing<'a>(&self, world: &'a World) -> Routing<'a> {
        Routing {
            published: &world.published,
            current: world.published_is_current(),
            agents: world.agents.as_deref(),
            listening_since: self.shared.started,
            now: self.shared.clock.now(),
        }
    }
}

/// The published gateways that route through this one.
fn published_with(world: &World, gateway: &str) -> BTreeSet<String> {
    world.published.includes.get(gateway).cloned().unwrap_or_default()
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
