//! Where the routes of a gateway lead now: what the API shows of a gateway beside what is stored.

use super::Api;
use serde_json::{Value, json};
use std::num::NonZeroU16;
use vamp_core::{
    driver::{Address, Instance},
    model::{Gateway, RoutePath, write},
};

/// A gateway with the address that it is reached by, whether it is served, and the targets of its routes.
pub(super) async fn shown(api: &Api, gateway: &Gateway) -> Value {
    let mut shown = write::gateway(gateway);
    if shown.get("service").is_none_or(Value::is_null) {
        shown["service"] = json!({"host": &*api.gateway_host, "port": gateway.port.to_string()});
    }
    if let Some(host) = api.engine.generated_host(gateway) {
        shown["generated_host"] = json!(host);
    }
    shown["deployed"] = json!(api.engine.is_served(gateway.name.as_str()));
    for route in &gateway.routes {
        let targets = of_route(api, &route.path).await;
        if let Some(Value::Object(route)) = shown["routes"].get_mut(route.path.to_string()) {
            route.insert("targets".to_owned(), Value::Array(targets));
        }
    }
    shown
}

/// A gateway without the address that is only shown.
pub(super) fn declared(api: &Api, gateway: &Gateway) -> Gateway {
    let is_shown = |address: &Address| *address.host == *api.gateway_host && Some(address.port) == gateway.port.number;
    Gateway { service: gateway.service.clone().filter(|address| !is_shown(address)), ..gateway.clone() }
}

async fn of_route(api: &Api, path: &RoutePath) -> Vec<Value> {
    match path {
        RoutePath::Service { deployment, cluster, service, port } => {
            let instances = api.engine.instances(deployment.as_str(), cluster.as_str(), service.as_str());
            let target = |instance: Instance| {
                let port = *instance.ports.get(port.as_str())?;
                Some(json!({"name": instance.id, "host": instance.host, "port": port}))
            };
            instances.into_iter().filter_map(target).collect()
        }
        RoutePath::External(text) => match path.address() {
            Some(address) => vec![json!({"url": text, "host": address.host, "port": address.port})],
            None => vec![json!({"url": text})],
        },
        path => {
            let Some(name) = path.gateway() else { return Vec::new() };
            let Some(gateway) = api.engine.known_gateway(name.as_str()).await else { return Vec::new() };
            let port = gateway.port.number.map_or(0, NonZeroU16::get);
            vec![json!({"name": gateway.name, "host": &*api.gateway_host, "port": port})]
        }
    }
}
