//! Parts of a deployment that are changed by themselves: the service level agreement of a cluster, the scale of a
//! service.

use super::{
    Api,
    error::Problem,
    extract::{Ask, Body},
    page::View,
    precondition, references,
};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};
use vamp_core::{
    Violation, Violations,
    engine::Failure,
    model::{
        Blueprint, Cluster, DeployedCluster, DeployedService, Deployment, Named, Ordered, Reference, Scale, Service,
        export,
        read::{self, DeploymentRequest},
        write,
    },
    yaml::{self, Limits},
};

type InCluster = (String, String);
type InService = (String, String, String);

pub(super) async fn sla(ask: Ask<InCluster, View>) -> Result<Response, Problem> {
    let (name, cluster) = &ask.at;
    let (deployment, version) = ask.api.stored(name).await?;
    in_cluster(&deployment, cluster)?;
    let shown = sla_of(&deployment, cluster);
    let missing = || Failure::NotFound { kind: "slas", name: format!("{name}/{cluster}") };
    Ok(precondition::read(&ask.headers, &shown.ok_or_else(missing)?, &version))
}

pub(super) async fn put_sla(ask: Ask<InCluster>, Body(source): Body) -> Result<Response, Problem> {
    let (name, cluster) = &ask.at;
    let (deployment, _) = ask.api.stored(name).await?;
    in_cluster(&deployment, cluster)?;
    let request = with_sla(&deployment, cluster, &source).map_err(|found| Problem::from(found).located(&source))?;
    ask.deploy(name, &request).await.map_err(|problem| problem.located(&source))
}

pub(super) async fn remove_sla(ask: Ask<InCluster>) -> Result<Response, Problem> {
    let (name, cluster) = &ask.at;
    ask.precondition.none()?;
    let (deployment, _) = ask.api.stored(name).await?;
    in_cluster(&deployment, cluster)?;
    if !ask.query.validate_only {
        ask.api.engine.remove_sla(name, cluster).await?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn scale(ask: Ask<InService, View>) -> Result<Response, Problem> {
    let (name, cluster, service) = &ask.at;
    let (deployment, version) = ask.api.stored(name).await?;
    let service = in_service(&deployment, cluster, service)?;
    Ok(precondition::read(&ask.headers, &write::service_scale(&service.scale), &version))
}

pub(super) async fn put_scale(ask: Ask<InService>, Body(source): Body) -> Result<Response, Problem> {
    let (name, cluster, service) = &ask.at;
    let (deployment, _) = ask.api.stored(name).await?;
    let deployed = in_service(&deployment, cluster, service)?;
    let scale = ask.api.scale(read::service_scale(&source)?).await?;
    let mut request = of_cluster(&deployment, in_cluster(&deployment, cluster)?);
    request.clusters[0].services = vec![with_scale(deployed, scale)];
    ask.deploy(name, &request).await.map_err(|problem| problem.located(&source))
}

impl Api {
    async fn scale(&self, scale: Reference<Scale>) -> Result<Scale, Problem> {
        match scale {
            Reference::Inline(scale) => Ok(*scale),
            Reference::Reference(name) => {
                let found = self.engine.find::<Named<Scale>>(name.as_str()).await?;
                Ok(found.ok_or_else(|| references::missing("", "scales", name.as_str()))?.0.value)
            }
        }
    }
}

fn in_cluster<'d>(deployment: &'d Deployment, name: &str) -> Result<&'d DeployedCluster, Problem> {
    let missing = || Failure::NotFound { kind: "clusters", name: format!("{}/{name}", deployment.name) };
    Ok(deployment.cluster(name).ok_or_else(missing)?)
}

fn in_service<'d>(deployment: &'d Deployment, cluster: &str, name: &str) -> Result<&'d DeployedService, Problem> {
    let missing = || Failure::NotFound { kind: "services", name: format!("{}/{cluster}/{name}", deployment.name) };
    let mut services = in_cluster(deployment, cluster)?.services.iter();
    Ok(services.find(|service| service.breed.name == name).ok_or_else(missing)?)
}

/// A request that changes nothing of this cluster.
fn of_cluster(deployment: &Deployment, cluster: &DeployedCluster) -> Blueprint {
    let only = Deployment { clusters: vec![cluster.clone()], ..deployment.clone() };
    let mut request = export::blueprint(&only, &[]);
    if request.clusters.is_empty() {
        request.clusters.push(Cluster {
            name: cluster.name.clone(),
            services: Vec::new(),
            gateways: Ordered::new(),
            health_checks: None,
            network: None,
            sla: None,
            dialects: Map::new(),
            metadata: Map::new(),
        });
    }
    request
}

fn with_scale(service: &DeployedService, scale: Scale) -> Service {
    Service {
        breed: Reference::Inline(Box::new(service.breed.clone())),
        environment_variables: service.environment_variables.clone(),
        scale: Some(Reference::Inline(Box::new(scale))),
        arguments: service.arguments.clone(),
        health_checks: service.health_checks.clone(),
        network: service.network.clone(),
        dialects: service.dialects.clone(),
    }
}

/// The agreement as it is shown, if there is one.
fn sla_of(deployment: &Deployment, cluster: &str) -> Option<Value> {
    let shown = write::deployment(deployment, &[]);
    shown.get("clusters")?.get(cluster)?.get("sla").filter(|sla| !sla.is_null()).cloned()
}

/// A request for this agreement; read as a part of a blueprint, which is where an agreement stands.
fn with_sla(deployment: &Deployment, cluster: &str, source: &str) -> Result<Blueprint, Violations> {
    let documents = yaml::documents(source, Limits::default())?;
    let [document] = documents.as_slice() else {
        return Err(Violation::new("UnexpectedTypeError", "", "one service level agreement is expected").into());
    };
    let refuse = |message: &str| Violation::new("UnexpectedTypeError", "", message);
    let of = deployment.cluster(cluster).ok_or_else(|| refuse("there is no such cluster"))?;
    let mut request = write::blueprint(&of_cluster(deployment, of));
    let place = request.pointer_mut(&format!("/clusters/{}", cluster.replace('~', "~0")));
    match place {
        Some(Value::Object(cluster)) => drop(cluster.insert("sla".to_owned(), document.to_json())),
        _ => request["clusters"] = json!({ cluster: { "sla": document.to_json() } }),
    }
    let prefix = format!("clusters/{cluster}/sla");
    let read = read::deployment(&request.to_string()).map_err(|found| as_of_body(found, &prefix))?;
    match read {
        DeploymentRequest::Blueprint(blueprint) => Ok(*blueprint),
        DeploymentRequest::Stored(_) => Err(refuse("there is no such cluster").into()),
    }
}

/// Violations with the places that they have in the body, which is only a part of what was read.
fn as_of_body(Violations(found): Violations, prefix: &str) -> Violations {
    let strip = |violation: Violation| {
        let path = violation.path.strip_prefix(prefix).unwrap_or(&violation.path);
        Violation { path: path.trim_start_matches('/').to_owned(), line: None, column: None, ..violation.clone() }
    };
    Violations(found.into_iter().map(strip).collect())
}
