//! What a service depends on: clusters of its own deployment, by the alias under which its breed refers to them.

use crate::{
    Violation,
    model::{DeployedCluster, DeployedService, Deployment, Intention, Name, Ordered},
    plan::stands_for,
};

/// Finds the clusters that the services depend on, and answers what cannot be found or depends on itself.
pub(crate) fn connect(deployment: &mut Deployment) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut connected = deployment.clone();
    for cluster in &mut connected.clusters {
        let name = cluster.name.clone();
        for service in cluster.services.iter_mut().filter(|service| stays(service)) {
            service.dependencies = dependencies(deployment, &name, service, &mut violations);
        }
    }
    let rings = staying(&connected).filter(|(_, service)| depends_on_itself(&connected, service));
    violations.extend(rings.map(|(cluster, service)| {
        let message = format!("breed `{}` depends on itself, by way of others", service.breed.name);
        Violation::new("RecursiveDependenciesError", place(&cluster.name, service), message)
    }));
    *deployment = connected;
    violations
}

fn dependencies(
    deployment: &Deployment,
    cluster: &Name,
    service: &DeployedService,
    violations: &mut Vec<Violation>,
) -> Ordered<Name> {
    let mut found = Ordered::new();
    for (alias, dependency) in service.breed.dependencies.iter() {
        let wanted = dependency.name().as_str();
        let mut others = staying(deployment).filter(|(_, other)| other.breed.name != service.breed.name);
        match others.find(|(_, other)| stands_for(wanted, other.breed.name.as_str())) {
            Some((cluster, _)) => drop(found.insert(alias, cluster.name.clone())),
            None => {
                let message = format!("breed `{}` depends on `{wanted}`, which is not deployed", service.breed.name);
                let place = format!("{}/{alias}", place(cluster, service));
                let hint = format!("let a breed `{wanted}` run in the same deployment");
                violations.push(Violation::new("UnresolvedDependencyError", place, message).hint(hint));
            }
        }
    }
    found
}

fn depends_on_itself(deployment: &Deployment, service: &DeployedService) -> bool {
    let mut to_visit: Vec<&str> = behind(deployment, service);
    let mut visited = Vec::new();
    while let Some(breed) = to_visit.pop() {
        if breed == service.breed.name.as_str() {
            return true;
        }
        if visited.contains(&breed) {
            continue;
        }
        visited.push(breed);
        let next = staying(deployment).find(|(_, other)| other.breed.name == *breed);
        to_visit.extend(next.into_iter().flat_map(|(_, other)| behind(deployment, other)));
    }
    false
}

/// The breeds that a service depends on directly.
fn behind<'d>(deployment: &'d Deployment, service: &DeployedService) -> Vec<&'d str> {
    let wanted: Vec<&str> = service.breed.dependencies.values().map(|dependency| dependency.name().as_str()).collect();
    let names = staying(deployment).map(|(_, other)| other.breed.name.as_str());
    names.filter(|name| wanted.iter().any(|wanted| stands_for(wanted, name))).collect()
}

fn staying(deployment: &Deployment) -> impl Iterator<Item = (&DeployedCluster, &DeployedService)> {
    let clusters = deployment.clusters.iter();
    clusters.flat_map(|cluster| cluster.services.iter().map(move |one| (cluster, one))).filter(|(_, one)| stays(one))
}

fn stays(service: &DeployedService) -> bool {
    service.status.intention == Intention::Deployment
}

fn place(cluster: &Name, service: &DeployedService) -> String {
    format!("clusters/{cluster}/services/{}/breed/dependencies", service.breed.name)
}
