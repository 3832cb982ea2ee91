//! Small changes of what is deployed: the scale of a service, the service level agreement of a cluster.

use super::{
    Engine, Failure,
    records::{Present, Update},
};
use crate::model::{ClusterSla, DeployedCluster, Deployment, Intention, Scale, Status};

impl Engine {
    /// Sets how much and how many of a service run; durable when it returns, with the deployment.
    ///
    /// # Errors
    ///
    /// [`Failure::NotFound`] without such a deployment, cluster or service, [`Failure::Driver`].
    pub async fn set_scale(
        &self,
        deployment: &str,
        cluster: &str,
        service: &str,
        scale: Scale,
    ) -> Result<Deployment, Failure> {
        let now = self.shared.clock.now();
        self.edit(deployment, |changed| {
            let service = cluster_mut(changed, cluster)?
                .service_mut(service)
                .filter(|service| service.status.intention == Intention::Deployment)
                .ok_or_else(|| missing("services", service))?;
            if service.scale != scale {
                service.scale = scale;
                service.status = Status::initiated(Intention::Deployment, now);
            }
            Ok(())
        })
        .await
    }

    /// Sets the service level agreement of a cluster, or with `None` takes it off; durable when it returns, with the
    /// deployment.
    ///
    /// # Errors
    ///
    /// [`Failure::NotFound`] without such a deployment or cluster, [`Failure::Driver`].
    pub async fn set_sla(
        &self,
        deployment: &str,
        cluster: &str,
        sla: Option<ClusterSla>,
    ) -> Result<Deployment, Failure> {
        self.edit(deployment, |changed| {
            cluster_mut(changed, cluster)?.sla.clone_from(&sla);
            Ok(())
        })
        .await
    }

    /// Takes the service level agreement off a cluster; answers whether it had one. Durable when it returns.
    ///
    /// # Errors
    ///
    /// [`Failure::NotFound`] without such a deployment or cluster, [`Failure::Driver`].
    pub async fn remove_sla(&self, deployment: &str, cluster: &str) -> Result<bool, Failure> {
        let mut had_one = false;
        self.edit(deployment, |changed| {
            had_one = cluster_mut(changed, cluster)?.sla.take().is_some();
            Ok(())
        })
        .await?;
        Ok(had_one)
    }

    async fn edit(
        &self,
        name: &str,
        mut change: impl FnMut(&mut Deployment) -> Result<(), Failure>,
    ) -> Result<Deployment, Failure> {
        let edit = |present: &Present<Deployment>| {
            let before = present.readable()?.ok_or_else(|| missing("deployments", name))?;
            let mut changed = before.clone();
            change(&mut changed)?;
            Ok(if *before == changed { Update::Keep } else { Update::Put(changed) })
        };
        let stored = self.update(name, None, edit).await?;
        let (deployment, _) = stored.ok_or_else(|| missing("deployments", name))?;
        Ok(Deployment::clone(&deployment))
    }
}

fn cluster_mut<'a>(deployment: &'a mut Deployment, name: &str) -> Result<&'a mut DeployedCluster, Failure> {
    deployment.cluster_mut(name).ok_or_else(|| missing("clusters", name))
}

fn missing(kind: &'static str, name: &str) -> Failure {
    Failure::NotFound { kind, name: name.to_owned() }
}
