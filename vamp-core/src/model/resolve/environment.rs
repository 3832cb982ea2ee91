//! The environment of an instance.

use super::Report;
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
    report: &mut Report,
) -> BTreeMap<String, String> {
    let scope = Scope { deployment, cluster, service };
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
            Err(message) => report.refuse(&place, "UnresolvedVariableValueError", &message),
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

struct Scope<'d> {
    deployment: &'d Deployment,
    cluster: &'d DeployedCluster,
    service: &'d DeployedService,
}

impl Scope<'_> {
    /// The value of a variable of the service, before references in it are replaced.
    fn variable(&self, name: &str) -> Option<&str> {
        let key = format!("{}.environment_variables.{name}", self.cluster.name);
        let levels = [
            self.service.environment_variables.get(name),
            self.deployment.environment_variables.get(&key),
            self.service.breed.environment_variables.get(name),
        ];
        levels.into_iter().flatten().find_map(|variable| variable.value.as_deref())
    }

    /// Replaces the references of a value, once: what they are replaced by is not looked at again.
    fn interpolate(&self, value: &str) -> Result<String, String> {
        let mut text = String::new();
        for piece in interpolation::parse(value).map_err(|error| error.reason().to_owned())? {
            text.push_str(&self.piece(piece)?);
        }
        Ok(text)
    }

    fn piece(&self, piece: Piece) -> Result<String, String> {
        let later = |reference: String| Err(format!("the reference `${reference}` is not supported yet"));
        match piece {
            Piece::Text(text) => Ok(text),
            Piece::Local(name) => {
                let constant = || self.service.breed.constants.get(&name).map(|constant| constant.0.as_str());
                let value = self.variable(&name).or_else(constant).map(str::to_owned);
                value.ok_or_else(|| format!("`${name}` is neither a variable nor a constant of this service"))
            }
            Piece::Trait { of, group, name } if group == "constants" => self
                .constant(&of, &name)
                .ok_or_else(|| format!("`${of}.constants.{name}` is declared by no breed of `{of}`")),
            Piece::Trait { of, group, name } => later(format!("{of}.{group}.{name}")),
            Piece::Host(of) => later(format!("{of}.host")),
            Piece::Global(path) => later(path),
        }
    }

    /// A constant of a cluster, or of the cluster behind the alias of a dependency.
    fn constant(&self, of: &str, name: &str) -> Option<String> {
        let cluster = self.service.dependencies.get(of).map_or(of, |cluster| cluster.as_str());
        let services = &self.deployment.cluster(cluster)?.services;
        services.iter().find_map(|service| Some(service.breed.constants.get(name)?.0.clone()))
    }
}
