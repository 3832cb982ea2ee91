//! [`Table`]: what follows from the world, compiled anew only where something changed.

use crate::{
    engine::{Artifacts, compiled, shared_map::SharedMap, world::World},
    routing::Gateway,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

type Links = SharedMap<BTreeSet<String>>;

/// The gateways with a port, compiled, and what depends on what.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// `Err` is the reason why one cannot be published as stored.
    pub(super) gateways: BTreeMap<String, Result<Arc<Gateway>, String>>,
    /// Gateways to the published ones that route through them, themselves included.
    pub(super) includes: Links,
    /// Services to the published gateways that route, or once routed, to them.
    pub(super) services: Links,
    /// Published gateways to those that they route through, and the services that they route to.
    links: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>,
}

impl Table {
    /// The names of the gateways in it.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.gateways.keys().map(String::as_str)
    }

    /// Compiles these anew.
    pub(super) fn refresh(&mut self, world: &World, artifacts: &Artifacts, names: &BTreeSet<String>) {
        for name in names {
            let (gateway, crossed, services) = match artifacts.unreadable_gateway(name) {
                Some(reason) => (Some(Err(reason)), [name.clone()].into(), BTreeSet::new()),
                None => match compiled::gateway(world, artifacts, name) {
                    Some(compiled) => (Some(compiled.gateway), compiled.crossed, compiled.services),
                    None => (None, BTreeSet::new(), BTreeSet::new()),
                },
            };
            match gateway {
                Some(gateway) => drop(self.gateways.insert(name.clone(), gateway)),
                None => drop(self.gateways.remove(name)),
            }
            self.link(artifacts, name, crossed, services);
        }
    }

    /// Notes what a gateway depends on. A service that is still stored remembers who once routed to it: until that one
    /// acknowledges that it no longer does, it may.
    fn link(&mut self, artifacts: &Artifacts, name: &str, crossed: BTreeSet<String>, services: BTreeSet<String>) {
        let links = (crossed, services);
        let before = self.links.remove(name).unwrap_or_default();
        if before != links {
            let includes = &mut self.includes;
            before.0.difference(&links.0).for_each(|gone| cut(includes, gone, name));
            links.0.difference(&before.0).for_each(|new| tie(includes, new, name));
            let services = &mut self.services;
            let gone = before.1.difference(&links.1).filter(|service| !is_stored(artifacts, service));
            gone.for_each(|gone| cut(services, gone, name));
            links.1.difference(&before.1).for_each(|new| tie(services, new, name));
        }
        if !links.0.is_empty() {
            self.links.insert(name.to_owned(), links);
        }
    }

    /// Forgets who once routed to services that are no longer stored: those of these deployments, or all.
    pub(super) fn forget_services<'a>(
        &mut self,
        artifacts: &Artifacts,
        owners: Option<impl Iterator<Item = &'a String>>,
    ) {
        let candidates: Vec<String> = match owners {
            None => self.services.keys().cloned().collect(),
            Some(owners) => owners.flat_map(|owner| services_of(&self.services, owner)).cloned().collect(),
        };
        for service in candidates.iter().filter(|service| !is_stored(artifacts, service)) {
            let routes = |name: &&String| self.links.get(*name).is_some_and(|(_, services)| services.contains(service));
            let gateways = self.services.get(service).into_iter().flatten();
            let former: Vec<String> = gateways.filter(|name| !routes(name)).cloned().collect();
            for name in former {
                cut(&mut self.services, service, &name);
            }
        }
    }
}

fn services_of<'a>(services: &'a Links, owner: &str) -> impl Iterator<Item = &'a String> {
    let prefix = format!("{owner}/");
    let from = services.range(prefix.clone()..).map(|(service, _)| service);
    from.take_while(move |service| service.starts_with(&prefix))
}

fn tie(links: &mut Links, to: &str, gateway: &str) {
    links.change(to, |gateways| gateways.insert(gateway.to_owned()) || !gateways.is_empty());
}

fn cut(links: &mut Links, to: &str, gateway: &str) {
    links.change(to, |gateways| {
        gateways.remove(gateway);
        !gateways.is_empty()
    });
}

/// Whether a service, by `deployment/cluster/service`, is stored, or may be.
fn is_stored(artifacts: &Artifacts, service: &str) -> bool {
    let mut parts = service.splitn(3, '/');
    let (Some(deployment), Some(cluster), Some(service)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let stored = |deployment| artifacts.deployments.get(deployment)?.value.cluster(cluster)?.service(service);
    artifacts.unreadable_deployment(deployment).is_some() || stored(deployment).is_some()
}
