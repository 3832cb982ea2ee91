//! Deployments, as the API shows them.

use super::{
    arguments, breed, cluster_sla, environment, insert_common, insert_health_checks, object, service_scale, templates,
    text, value,
};
use crate::{
    driver::{Instance, InstanceState},
    model::{
        DeployedCluster, DeployedService, Deployment, Gateway, GatewayTemplate, RoutePath, gateway::GatewayTemplates,
        lookup,
    },
};
use serde_json::{Map, Value, json};
use std::num::NonZeroU16;

/// A deployment, with its own among `gateways`: what the clusters are reached by.
#[must_use]
pub fn deployment(deployment: &Deployment, gateways: &[Gateway]) -> Value {
    let clusters = deployment.clusters.iter();
    let internal = |cluster: &DeployedCluster| of_cluster(deployment, cluster, gateways);
    let shown = clusters.clone().map(|one| (one.name.to_string(), cluster(one, &internal(one))));
    let (mut ports, mut hosts) = (Map::new(), Map::new());
    for cluster in clusters.clone() {
        for (port, gateway) in internal(cluster) {
            let number = gateway.port.number.map_or(0, NonZeroU16::get).to_string();
            ports.insert(format!("{}.{port}", cluster.name), json!(number));
            if let Some(service) = &gateway.service {
                hosts.insert(cluster.name.to_string(), json!(service.host));
            }
        }
    }
    json!({
        "name": deployment.name,
        "kind": "deployments",
        "metadata": deployment.metadata,
        "lookup_name": lookup::deployment(deployment),
        "clusters": shown.collect::<Map<String, Value>>(),
        "ports": ports,
        "environment_variables": environment(&deployment.environment_variables),
        "hosts": hosts,
        "dialects": deployment.dialects,
    })
}

/// The gateways of a cluster by the name of their port.
pub(in crate::model) fn of_cluster<'g>(
    deployment: &Deployment,
    cluster: &DeployedCluster,
    gateways: &'g [Gateway],
) -> Vec<(&'g str, &'g Gateway)> {
    let port = |gateway: &'g Gateway| match gateway.name.segments().collect::<Vec<&str>>().as_slice() {
        [owner, name, port] if deployment.name == *owner && cluster.name == *name => Some((*port, gateway)),
        _ => None,
    };
    gateways.iter().filter_map(port).collect()
}

/// The gateways of a cluster as a blueprint has them: a route is known by the service that it leads to.
pub(in crate::model) fn internal_templates(gateways: &[(&str, &Gateway)]) -> GatewayTemplates {
    let template = |gateway: &Gateway| GatewayTemplate {
        port: None,
        sticky: gateway.sticky,
        virtual_hosts: gateway.virtual_hosts.clone(),
        settings: gateway.settings.clone(),
        selector: gateway.selector.clone(),
        routes: gateway.routes.iter().map(|route| route.clone().at(route_key(&route.path))).collect(),
        metadata: gateway.metadata.clone(),
    };
    gateways.iter().map(|(port, gateway)| (*port, template(gateway))).collect()
}

fn route_key(path: &RoutePath) -> String {
    match path {
        RoutePath::Service { service, .. } => service.to_string(),
        other => other.to_string(),
    }
}

fn cluster(cluster: &DeployedCluster, gateways: &[(&str, &Gateway)]) -> Value {
    let mut json = Map::new();
    json.insert("metadata".to_owned(), object(&cluster.metadata));
    json.insert("services".to_owned(), cluster.services.iter().map(service).collect());
    json.insert("gateways".to_owned(), templates(&internal_templates(gateways)));
    insert_health_checks(&mut json, cluster.health_checks.as_deref());
    insert_common(&mut json, cluster.network.as_deref(), &cluster.dialects);
    if let Some(sla) = &cluster.sla {
        json.insert("sla".to_owned(), cluster_sla(sla));
    }
    Value::Object(json)
}

fn service(service: &DeployedService) -> Value {
    let mut json = Map::new();
    json.insert("status".to_owned(), value(&service.status));
    json.insert("breed".to_owned(), breed(&service.breed));
    json.insert("environment_variables".to_owned(), environment(&service.environment_variables));
    json.insert("scale".to_owned(), service_scale(&service.scale));
    json.insert("instances".to_owned(), service.instances.iter().map(instance).collect());
    json.insert("arguments".to_owned(), arguments(&service.arguments));
    insert_health_checks(&mut json, service.health_checks.as_deref());
    json.insert("dependencies".to_owned(), value(&service.dependencies));
    insert_common(&mut json, service.network.as_deref(), &service.dialects);
    let count = |states: &[InstanceState]| service.instances.iter().filter(|one| states.contains(&one.state)).count();
    let health = json!({
        "staged": count(&[InstanceState::Staged]),
        "running": count(&[InstanceState::Running, InstanceState::Healthy, InstanceState::Unhealthy]),
        "healthy": count(&[InstanceState::Healthy]),
        "unhealthy": count(&[InstanceState::Unhealthy]),
    });
    json.insert("health".to_owned(), health);
    if let Some(drain) = &service.drain {
        json.insert("drain".to_owned(), value(drain));
    }
    Value::Object(json)
}

fn instance(instance: &Instance) -> Value {
    let runs = [InstanceState::Running, InstanceState::Healthy, InstanceState::Unhealthy];
    let mut json = Map::new();
    json.insert("name".to_owned(), text(&instance.id));
    json.insert("host".to_owned(), text(&instance.host));
    json.insert("ports".to_owned(), value(&instance.ports));
    json.insert("deployed".to_owned(), json!(runs.contains(&instance.state)));
    json.insert("metadata".to_owned(), json!({}));
    json.insert("state".to_owned(), value(&instance.state));
    let more = [("reason", &instance.reason), ("node", &instance.node)];
    json.extend(more.into_iter().filter_map(|(key, value)| Some((key.to_owned(), json!(value.as_ref()?)))));
    Value::Object(json)
}
