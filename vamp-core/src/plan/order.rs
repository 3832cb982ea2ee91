//! In which order the services of a deployment start: after those that they depend on.

use crate::model::{DeployedService, Deployment, Intention, PhaseName};

/// What a service depends on and is not done yet, for people.
pub(crate) fn waits_for(deployment: &Deployment, service: &DeployedService) -> Option<String> {
    service.breed.dependencies.iter().find_map(|(alias, dependency)| {
        let cluster = service.dependencies.get(alias).and_then(|name| deployment.cluster(name.as_str()))?;
        let wanted = dependency.name().as_str();
        let mut there = cluster
            .services
            .iter()
            .filter(|one| one.status.intention == Intention::Deployment && stands_for(wanted, one.breed.name.as_str()));
        let done = there.any(|one| one.status.phase.name == PhaseName::Done);
        (!done).then(|| format!("`{wanted}` in cluster `{}`", cluster.name))
    })
}

/// Whether a breed is what is depended on; a name that ends in `*` stands for all with that beginning.
pub(crate) fn stands_for(wanted: &str, breed: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(beginning) => breed.starts_with(beginning),
        None => wanted == breed,
    }
}
