//! Gateways as a user writes them, compiled for the proxy.

use crate::haproxy_support::{Backend, Haproxy};
use std::{collections::BTreeMap, sync::Arc};
use vamp_core::{
    driver::Applied,
    model::{self, Candidate, Group},
    routing::{Gateway, Instance, Selectable, ServicePath, Services, Target, Traffic, compile},
};

/// One service, whose instances listen on these ports.
struct Ports<'a>(&'a [u16]);

impl Services for Ports<'_> {
    fn instances(&self, _: &ServicePath) -> Result<Vec<Instance>, String> {
        let instance = |port: &u16| Instance {
            id: format!("instance-{port}"),
            host: "127.0.0.1".to_owned(),
            port: (*port).try_into().expect("not zero"),
            traffic: Traffic::Ready,
        };
        Ok(self.0.iter().map(instance).collect())
    }

    /// Each is of another group: `v0`, `v1`, …
    fn selectable(&self) -> Result<Vec<Selectable>, String> {
        let service = ServicePath {
            deployment: "sava".to_owned(),
            cluster: "web".to_owned(),
            service: "app:1".to_owned(),
            port: "web".to_owned(),
        };
        let one = |(number, instance): (usize, Instance)| {
            let group = Arc::new(Group { name: format!("v{number}"), ..Group::default() });
            let (ip, ports) = (instance.host.clone(), vec![instance.port.get()]);
            let candidate = Candidate { group, ip, ports, index: 0 };
            Selectable { candidate, instance, service: service.service_key() }
        };
        Ok(self.instances(&service)?.into_iter().enumerate().map(one).collect())
    }

    fn leaving(&self, _: &str, _: &str, _: &str) -> Vec<ServicePath> {
        Vec::new()
    }
}

/// A gateway with one route that says `settings`.
pub(crate) fn gateway(port: u16, instances: &[u16], settings: &str) -> Gateway {
    of_protocol("http", port, instances, settings)
}

pub(crate) fn of_protocol(protocol: &str, port: u16, instances: &[u16], settings: &str) -> Gateway {
    with_gateway(protocol, port, "", instances, settings)
}

/// As [`gateway`], where the gateway says something too.
pub(crate) fn with_gateway(protocol: &str, port: u16, own: &str, instances: &[u16], settings: &str) -> Gateway {
    let route = format!("sava/web/app:1/web: {{ {settings} }}");
    compiled(&format!("name: sava/web\nport: {port}/{protocol}\nroutes:\n  {route}\n{own}\n"), instances)
}

/// The gateway of a text.
pub(crate) fn compiled(text: &str, instances: &[u16]) -> Gateway {
    let read = model::read::gateway(text).unwrap_or_else(|refused| panic!("{text}{refused}"));
    let gateways = BTreeMap::from([(read.name.to_string(), Arc::new(read))]);
    let compiled = compile(&gateways, &Ports(instances)).gateways.remove("sava/web").expect("it has a port");
    Gateway::clone(&compiled.expect("it compiles"))
}

/// The same with another name.
pub(crate) fn named(name: &str, gateway: &Gateway) -> Gateway {
    let mut gateway = gateway.clone();
    name.clone_into(&mut gateway.name);
    name.clone_into(&mut gateway.decision.gateway);
    assert!(matches!(gateway.decision.routes[0].target, Target::Instances(_)));
    gateway
}

/// Serves a gateway to these backends.
pub(crate) async fn serve(haproxy: &Haproxy, port: u16, backends: &[&Backend], settings: &str) {
    let ports: Vec<u16> = backends.iter().map(|backend| backend.port).collect();
    assert_eq!(haproxy.serve_one(&gateway(port, &ports, settings)).await, Applied::Reloaded);
}
