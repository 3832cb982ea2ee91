//! From a deployment back to a blueprint that deploys it.

use super::{
    Blueprint, Cluster, DeployedCluster, DeployedService, Deployment, Gateway, GatewayTemplate, Intention, Reference,
    Route, RoutePath, Service,
    write::{internal_templates, of_cluster},
};

/// The blueprint that deploys what is deployed now: breeds in place, with the gateways of the deployment among
/// `gateways`, those to the outside included. What is on its way out is not part of it.
#[must_use]
pub fn blueprint(deployment: &Deployment, gateways: &[Gateway]) -> Blueprint {
    let clusters = deployment.clusters.iter().map(|one| cluster(deployment, one, gateways));
    Blueprint {
        name: deployment.name.clone(),
        metadata: deployment.metadata.clone(),
        clusters: clusters.filter(|cluster| !cluster.services.is_empty()).collect(),
        gateways: gateways.iter().filter_map(|gateway| external(deployment, gateway)).collect(),
        environment_variables: deployment.environment_variables.clone(),
        dialects: deployment.dialects.clone(),
    }
}

fn cluster(deployment: &Deployment, cluster: &DeployedCluster, gateways: &[Gateway]) -> Cluster {
    let staying = cluster.services.iter().filter(|service| service.status.intention == Intention::Deployment);
    Cluster {
        name: cluster.name.clone(),
        services: staying.map(service).collect(),
        gateways: internal_templates(&of_cluster(deployment, cluster, gateways)),
        health_checks: cluster.health_checks.clone(),
        network: cluster.network.clone(),
        sla: cluster.sla.clone(),
        dialects: cluster.dialects.clone(),
        metadata: cluster.metadata.clone(),
    }
}

fn service(service: &DeployedService) -> Service {
    Service {
        breed: Reference::Inline(Box::new(service.breed.clone())),
        environment_variables: service.environment_variables.clone(),
        scale: Some(Reference::Inline(Box::new(service.scale))),
        arguments: service.arguments.clone(),
        health_checks: service.health_checks.clone(),
        network: service.network.clone(),
        dialects: service.dialects.clone(),
    }
}

/// A gateway `deployment/port` whose routes all lead to clusters of the deployment, by the name of its port.
fn external(deployment: &Deployment, gateway: &Gateway) -> Option<(String, GatewayTemplate)> {
    let port = gateway.name.as_str().strip_prefix(deployment.name.as_str())?.strip_prefix('/')?;
    if port.contains('/') {
        return None;
    }
    let key = |route: &Route| match &route.path {
        RoutePath::ClusterPort { deployment: owner, cluster, port } if *owner == deployment.name => {
            Some(route.clone().at(format!("{cluster}/{port}")))
        }
        _ => None,
    };
    let template = GatewayTemplate {
        port: Some(gateway.port),
        sticky: gateway.sticky,
        virtual_hosts: gateway.virtual_hosts.clone(),
        settings: gateway.settings.clone(),
        selector: gateway.selector.clone(),
        routes: gateway.routes.iter().map(key).collect::<Option<_>>()?,
        metadata: gateway.metadata.clone(),
    };
    Some((port.to_owned(), template))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        driver::{Instance, InstanceState},
        model::{Dialects, Drain, Metadata, Ordered, Scale, Status, Variable, read, read::DeploymentRequest, write},
    };
    use std::{collections::BTreeMap, time::UNIX_EPOCH};

    fn deployed(name: &str, intention: Intention) -> DeployedService {
        let source = format!("name: {name}\ndeployable: x\nports: {{web: 8080}}\nenv: {{'A[B]': 1, C: ~}}\n");
        let instance = Instance {
            id: "1".to_owned(),
            state: InstanceState::Healthy,
            reason: None,
            host: "127.0.0.1".to_owned(),
            ports: BTreeMap::from([("web".to_owned(), 20_000)]),
            node: None,
        };
        DeployedService {
            breed: read::breed(&source).expect("reads"),
            scale: Scale::default(),
            environment_variables: [("C", Variable::new("2"))].into_iter().collect(),
            arguments: Vec::new(),
            health_checks: Some(Vec::new()),
            network: None,
            dialects: Dialects::new(),
            dependencies: Ordered::new(),
            status: Status::initiated(intention, UNIX_EPOCH),
            instances: vec![instance],
            drain: Some(Drain { since: UNIX_EPOCH, instances: vec!["1".to_owned()], released: false }),
        }
    }

    fn shop() -> (Deployment, Vec<Gateway>) {
        let cluster = DeployedCluster {
            name: "web".parse().expect("a name"),
            services: vec![deployed("a", Intention::Deployment), deployed("b", Intention::Undeployment)],
            metadata: Metadata::new(),
            health_checks: None,
            network: Some("HOST".to_owned()),
            sla: None,
            dialects: Dialects::new(),
        };
        let deployment = Deployment { clusters: vec![cluster], ..Deployment::new("shop".parse().expect("a name")) };
        let gateways = [
            "name: shop/web/web\nport: 40000\nservice: {host: 10.0.0.1, port: 40000}\nroutes: {shop/web/a/web: {weight: 100%}}\n",
            "name: shop/9050\nport: 9050\nroutes: {shop/web/web: {}}\n",
            "name: shop/own\nport: 9051\nroutes: {'[h:1]': {}}\n",
            "name: other\nport: 9052\nroutes: {shop/web/web: {}}\n",
        ];
        (deployment, gateways.map(|source| read::gateway(source).expect(source)).to_vec())
    }

    #[test]
    fn an_exported_deployment_can_be_deployed_again() {
        let (deployment, gateways) = shop();
        let exported = blueprint(&deployment, &gateways);
        assert_eq!(exported.gateways.keys().collect::<Vec<_>>(), ["9050"]);
        assert_eq!(exported.gateways.get("9050").expect("there").routes[0].path, "web/web");
        assert_eq!(exported.clusters[0].services.len(), 1, "what leaves is not exported");
        assert_eq!(exported.clusters[0].gateways.get("web").expect("there").routes[0].path, "a");
        assert_eq!(read::blueprint(&write::blueprint(&exported).to_string()), Ok(exported));
    }

    #[test]
    fn a_deployment_survives_its_stored_form() {
        let (deployment, _) = shop();
        let stored = serde_json::to_string(&deployment).expect("serialises");
        assert_eq!(serde_json::from_str::<Deployment>(&stored).expect(&stored), deployment);
    }

    #[test]
    fn a_deployment_is_shown_in_the_form_of_the_original_and_reads_as_a_request() {
        let (mut deployment, gateways) = shop();
        let shown = write::deployment(&deployment, &gateways);
        assert_eq!(shown["ports"], serde_json::json!({"web.web": "40000"}));
        assert_eq!(shown["hosts"], serde_json::json!({"web": "10.0.0.1"}));
        let service = &shown["clusters"]["web"]["services"][0];
        let status = serde_json::json!({"intention": "Deployment", "since": "1970-01-01T00:00:00Z",
            "phase": {"name": "Initiated", "since": "1970-01-01T00:00:00Z"}});
        assert_eq!(service["status"], status);
        assert_eq!(service["instances"][0]["name"], "1");
        assert_eq!(service["health"]["healthy"], 1);
        deployment.clusters[0].services.pop();
        let mut expected = blueprint(&deployment, &gateways);
        expected.gateways = Ordered::new();
        let read = read::deployment(&write::deployment(&deployment, &gateways).to_string());
        assert_eq!(read, Ok(DeploymentRequest::Blueprint(Box::new(expected))));
    }
}
