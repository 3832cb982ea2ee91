//! The environment of an instance.

use super::{Around, Report};
use crate::model::{
    DeployedCluster, DeployedService, Deployment,
    interpolation::{self, Piece},
};
use std::collections::BTreeMap;

/// Variables by the name that the instance sees: the breed's alias where it has one. A value of the service wins over
/// one of the deployment, and that over the breed's.
pub(super) fn resolve(
    deployment: &Deployment,
    cluster: &DeployedCluster,
    service: &DeployedService,
    around: &dyn Around,
    report: &mut Report,
) -> BTreeMap<String, String> {
    let scope = Scope { deployment, cluster, service, around };
    check_known(service, report);
    let mut environment = BTreeMap::new();
    for (name, variable) in service.breed.environment_variables.iter() {
        let place = format!("environment_variables/{name}");
        let Some(value) = scope.variable(name) else {
            let message = format!("the variable `{name}` of breed `{}` has no value", service.breed.name);
            report.refuse(&place, "UnresolvedVariableValueError", &message);
            continue;
        };
        match scope.interpolate(value) {
            Ok(value) => drop(environment.insert(variable.alias.clone().unwrap_or_else(|| name.to_owned()), value)),
            Err(reason) => report.unresolved(&place, reason),
        }
    }
    environment
}

fn check_known(service: &DeployedService, report: &mut Report) {
    let known = &service.breed.environment_variables;
    for name in service.environment_variables.keys().filter(|name| !known.contains(name)) {
        let message = format!("`{name}` is no variable of breed `{}`", service.breed.name);
        report.refuse(&format!("environment_variables/{name}"), "UnresolvedDependencyInTraitValueError", &message);
    }
}

/// Why a reference stands for nothing.
#[derive(Debug, PartialEq)]
pub(super) struct Unresolved {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl From<String> for Unresolved {
    fn from(message: String) -> Self {
        Self { message, hint: None }
    }
}

/// What the references of a service can mean.
pub(super) struct Scope<'d> {
    pub(super) deployment: &'d Deployment,
    pub(super) cluster: &'d DeployedCluster,
    pub(super) service: &'d DeployedService,
    pub(super) around: &'d dyn Around,
}

impl Scope<'_> {
    /// The value of a variable of the service, before references in it are replaced.
    fn variable(&self, name: &str) -> Option<&str> {
        variable(self.deployment, self.cluster, self.service, name)
    }

    /// Replaces the references of a value, once: what they are replaced by is not looked at again.
    pub(super) fn interpolate(&self, value: &str) -> Result<String, Unresolved> {
        let mut text = String::new();
        for piece in interpolation::parse(value).map_err(|error| error.reason().to_owned())? {
            text.push_str(&self.piece(piece)?);
        }
        Ok(text)
    }

    fn piece(&self, piece: Piece) -> Result<String, Unresolved> {
        match piece {
            Piece::Text(text) => Ok(text),
            Piece::Local(name) => {
                let constant = || self.service.breed.constants.get(&name).map(|constant| constant.0.as_str());
                let value = self.variable(&name).or_else(constant).map(str::to_owned);
                Ok(value.ok_or_else(|| format!("`${name}` is neither a variable nor a constant of this service"))?)
            }
            Piece::Host(of) => Ok(self.host(&of)?),
            Piece::Trait { of, group, name } => Ok(self.of_cluster(&of, &group, &name)?),
            Piece::Global(path) => self.global(&path),
        }
    }

    /// The cluster of that name, or the one behind the alias of a dependency.
    fn cluster(&self, of: &str) -> Result<&DeployedCluster, String> {
        let name = self.service.dependencies.get(of).map_or(of, |cluster| cluster.as_str());
        let found = self.deployment.cluster(name);
        found.ok_or_else(|| format!("`{of}` is neither a dependency of this service nor a cluster of the deployment"))
    }

    fn host(&self, of: &str) -> Result<String, String> {
        let cluster = self.cluster(of)?;
        let host = self.around.host(cluster.name.as_str());
        host.ok_or_else(|| format!("it is not known where the gateways of cluster `{}` are reached", cluster.name))
    }

    fn of_cluster(&self, of: &str, group: &str, name: &str) -> Result<String, String> {
        let cluster = self.cluster(of)?;
        let undeclared = || format!("`${of}.{group}.{name}` is declared by no breed of cluster `{}`", cluster.name);
        let mut services = cluster.services.iter();
        match group {
            "ports" => {
                if !services.any(|service| service.breed.ports.contains(name)) {
                    return Err(undeclared());
                }
                let port = self.around.port(cluster.name.as_str(), name);
                let gateway = format!("{}/{}/{name}", self.deployment.name, cluster.name);
                port.map(|port| port.to_string()).ok_or_else(|| format!("the gateway `{gateway}` has no port yet"))
            }
            "constants" => {
                let found = services.find_map(|service| Some(service.breed.constants.get(name)?.0.clone()));
                found.ok_or_else(undeclared)
            }
            "environment_variables" | "env" => {
                let found = services.find_map(|service| variable(self.deployment, cluster, service, name));
                found.map(str::to_owned).ok_or_else(undeclared)
            }
            "hosts" if name == "host" => self.host(of),
            _ => Err(format!("`{group}` is none of `ports`, `environment_variables`, `constants` and `hosts`")),
        }
    }

    fn global(&self, path: &str) -> Result<String, Unresolved> {
        let (source, key) = path.split_once("://").unwrap_or((path, ""));
        let found = match source {
            "conf" | "config" | "configuration" => self.around.configuration(key),
            "env" | "environment" | "env_var" | "environment_variable" => self.around.environment(key),
            _ => return Err(format!("`{source}` is neither `config` nor `env`").into()),
        };
        let hint = || self.around.hint().map(str::to_owned);
        found.ok_or_else(|| Unresolved { message: format!("`${path}` has no value on this server"), hint: hint() })
    }
}

/// A value of the service wins over one of the deployment, and that over the breed's.
fn variable<'d>(
    deployment: &'d Deployment,
    cluster: &DeployedCluster,
    service: &'d DeployedService,
    name: &str,
) -> Option<&'d str> {
    let key = format!("{}.environment_variables.{name}", cluster.name);
    let levels = [
        service.environment_variables.get(name),
        deployment.environment_variables.get(&key),
        service.breed.environment_variables.get(name),
    ];
    levels.into_iter().flatten().find_map(|variable| variable.value.as_deref())
}
