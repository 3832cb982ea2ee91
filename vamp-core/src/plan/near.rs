//! [`Near`]: where the gateways of a deployment are, as they are stored.

use crate::{
    engine::Artifacts,
    model::{
        Deployment, Gateway,
        resolve::{Around, Globals},
    },
    routing::HostDomain,
};
use std::{num::NonZeroU16, sync::Arc};

/// What the embedder says about the place where everything runs.
#[derive(Debug)]
pub(crate) struct Site {
    /// Whose instances these are.
    pub(crate) namespace: String,
    /// Where gateways are reached that do not say it.
    pub(crate) gateway_host: String,
    /// What values may refer to beside artifacts.
    pub(crate) globals: Option<Arc<dyn Globals>>,
    /// Below which every http gateway has a host name.
    pub(crate) host_domain: Option<HostDomain>,
}

/// Answers before anything is there: every gateway is somewhere.
impl Around for Site {
    fn host(&self, _: &str) -> Option<String> {
        Some(self.gateway_host.clone())
    }

    fn port(&self, _: &str, _: &str) -> Option<u16> {
        Some(0)
    }

    fn configuration(&self, path: &str) -> Option<String> {
        self.globals.as_ref()?.configuration(path)
    }

    fn environment(&self, name: &str) -> Option<String> {
        self.globals.as_ref()?.environment(name)
    }

    fn hint(&self) -> Option<&str> {
        self.globals.as_ref()?.hint()
    }
}

impl Default for Site {
    /// Processes and proxy share a host.
    fn default() -> Self {
        Self { namespace: "default".to_owned(), gateway_host: "127.0.0.1".to_owned(), globals: None, host_domain: None }
    }
}

/// Answers what the values of a service refer to. Only what is stored counts, so that a template is the same whoever
/// asks for it.
pub(crate) struct Near<'a> {
    pub(crate) artifacts: &'a Artifacts,
    pub(crate) deployment: &'a Deployment,
    pub(crate) site: &'a Site,
}

impl Near<'_> {
    fn gateway(&self, cluster: &str, port: &str) -> Option<&Gateway> {
        let name = format!("{}/{cluster}/{port}", self.deployment.name);
        self.artifacts.gateways.get(&name).map(|stored| &*stored.value)
    }
}

impl Around for Near<'_> {
    fn host(&self, cluster: &str) -> Option<String> {
        let services = self.deployment.cluster(cluster).map(|found| found.services.as_slice()).unwrap_or_default();
        let mut ports = services.iter().flat_map(|service| service.breed.ports.keys());
        let address = ports.find_map(|port| self.gateway(cluster, port)?.service.as_ref());
        Some(address.map_or_else(|| self.site.gateway_host.clone(), |address| address.host.clone()))
    }

    fn port(&self, cluster: &str, port: &str) -> Option<u16> {
        let gateway = self.gateway(cluster, port)?;
        let told = gateway.service.as_ref().map(|address| address.port);
        told.or(gateway.port.number).map(NonZeroU16::get)
    }

    fn configuration(&self, path: &str) -> Option<String> {
        self.site.configuration(path)
    }

    fn environment(&self, name: &str) -> Option<String> {
        self.site.environment(name)
    }

    fn hint(&self) -> Option<&str> {
        self.site.hint()
    }
}
