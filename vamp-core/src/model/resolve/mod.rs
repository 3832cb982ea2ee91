//! From a deployed service to the [`Template`] of its instances: pure, so that the same service always has the same
//! template and with it the same revision.

mod environment;
mod health;
mod words;

use environment::{Scope, Unresolved};

use super::{Argument, DeployedCluster, DeployedService, Deployment, Port};
use crate::{
    driver::Template,
    violation::{Violation, Violations},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Debug, num::NonZeroU16};

/// What values may refer to beside the deployment itself. `None` is what is not known, or not yet.
pub trait Around {
    /// Where the gateways of a cluster are reached: `$cluster.host`.
    fn host(&self, cluster: &str) -> Option<String>;

    /// The number of the port of a cluster's gateway: `$cluster.ports.name`.
    fn port(&self, cluster: &str, port: &str) -> Option<u16>;

    /// A setting of the server: `$config://path`.
    fn configuration(&self, _path: &str) -> Option<String> {
        None
    }

    /// A variable of the server's own environment: `$env://NAME`.
    fn environment(&self, _name: &str) -> Option<String> {
        None
    }

    /// How to make such a setting or variable known, for people.
    fn hint(&self) -> Option<&str> {
        None
    }
}

/// What `$config://path` and `$env://NAME` stand for in the values of artifacts. Whoever may store an artifact may read
/// all of it, so it holds what an embedder chose to tell, never simply everything that its process knows.
pub trait Globals: Debug + Send + Sync + 'static {
    /// A setting of the server; `None` = there is none of that name.
    fn configuration(&self, path: &str) -> Option<String>;

    /// A variable of the server's environment; `None` = it is not set, or not for artifacts.
    fn environment(&self, name: &str) -> Option<String>;

    /// How to make a value known, for people.
    fn hint(&self) -> Option<&str> {
        None
    }
}

/// Everything is somewhere: for checking a deployment whose gateways are not there yet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Anywhere;

impl Around for Anywhere {
    fn host(&self, _: &str) -> Option<String> {
        Some(String::new())
    }

    fn port(&self, _: &str, _: &str) -> Option<u16> {
        Some(0)
    }

    fn configuration(&self, _: &str) -> Option<String> {
        Some(String::new())
    }

    fn environment(&self, _: &str) -> Option<String> {
        Some(String::new())
    }
}

/// The template of the instances of a service, whose values may refer to what is `around`.
///
/// A deployable of type `container/docker` (or `docker`, or none) is an image, one of type `command` (or `cmd`) a
/// program and its arguments, split like a shell does but run without one. A command gets its ports from the driver,
/// since its instances share a host; see [`Template::port_variable`].
///
/// # Errors
///
/// Everything that keeps it from running: variables without a value, references that lead nowhere, a deployable that
/// cannot be read.
pub fn template(
    deployment: &Deployment,
    cluster: &DeployedCluster,
    service: &DeployedService,
    around: &dyn Around,
) -> Result<Template, Violations> {
    let mut report =
        Report { path: format!("clusters/{}/services/{}", cluster.name, service.breed.name), found: Vec::new() };
    let mut template = Template {
        cpu_millis: service.scale.cpu_millis,
        memory_bytes: service.scale.memory_bytes,
        environment: environment::resolve(deployment, cluster, service, around, &mut report),
        health: health::probes(cluster, service, &mut report),
        ..Template::default()
    };
    let scope = Scope { deployment, cluster, service, around };
    let definition = service.breed.deployable.definition.trim();
    match service.breed.deployable.kind.as_deref().unwrap_or("container/docker") {
        "container/docker" | "docker" => {
            if definition.is_empty() {
                report.refuse("breed/deployable/definition", "UndefinedDockerImage", "the image has no name");
            }
            template.image = Some(definition.to_owned());
            template.ports = ports(service, |port| port.number);
            template.dialect = container_settings(&scope, &mut report);
        }
        "command" | "cmd" => {
            template.command = command(definition, &mut report);
            template.ports = ports(service, |_| None);
            template.dialect = settings("process", &scope, &mut report);
            check_process(cluster, service, &mut report);
        }
        other => {
            let message = format!("nothing can deploy the type `{other}`; there is `container/docker` and `command`");
            report.refuse("breed/deployable/type", "UnsupportedDeployableType", &message);
        }
    }
    if report.found.is_empty() { Ok(template) } else { Err(Violations(report.found)) }
}

/// What is wrong with one service.
struct Report {
    path: String,
    found: Vec<Violation>,
}

impl Report {
    fn refuse(&mut self, key: &str, code: &'static str, message: &str) {
        self.found.push(Violation::new(code, format!("{}/{key}", self.path), message));
    }

    fn unresolved(&mut self, key: &str, Unresolved { message, hint }: Unresolved) {
        let violation = Violation::new("UnresolvedVariableValueError", format!("{}/{key}", self.path), message);
        self.found.push(match hint {
            Some(hint) => violation.hint(hint),
            None => violation,
        });
    }
}

fn ports(
    service: &DeployedService,
    number: impl Fn(&Port) -> Option<NonZeroU16>,
) -> BTreeMap<String, Option<NonZeroU16>> {
    service.breed.ports.iter().map(|(name, port)| (name.to_owned(), number(port))).collect()
}

fn command(definition: &str, report: &mut Report) -> Vec<String> {
    let words = words::split(definition);
    match &words {
        Ok(words) if words.first().is_none_or(String::is_empty) => {
            report.refuse("breed/deployable/definition", "MissingPathValueError", "the command names no program");
        }
        Ok(_) => {}
        Err(reason) => report.refuse("breed/deployable/definition", "ParserError", reason),
    }
    words.unwrap_or_default()
}

/// A program of the host has the host's network and no container to configure.
fn check_process(cluster: &DeployedCluster, service: &DeployedService, report: &mut Report) {
    if service.breed.arguments.iter().chain(&service.arguments).next().is_some() {
        let message = "arguments configure a container; those of a command stand in its definition";
        report.refuse("arguments", "InvalidArgumentError", message);
    }
    let network = service.network.as_ref().or(cluster.network.as_ref());
    if let Some(network) = network.filter(|network| !network.eq_ignore_ascii_case("host")) {
        let message = format!("a command runs in the network of its host, not in `{network}`");
        report.refuse("network", "UnsupportedDeployableType", &message);
    }
}

/// The settings for a driver: the service's win over the cluster's, and those over the deployment's. References in their
/// texts are replaced.
fn settings(driver: &str, scope: &Scope<'_>, report: &mut Report) -> BTreeMap<String, String> {
    let levels = [&scope.deployment.dialects, &scope.cluster.dialects, &scope.service.dialects];
    let maps = levels.into_iter().filter_map(|dialects| dialects.get(driver)?.as_object());
    let merged: BTreeMap<&String, &Value> = maps.flatten().collect();
    let mut settings = BTreeMap::new();
    for (key, value) in merged {
        match interpolated(value, scope) {
            Ok(Value::String(text)) => drop(settings.insert(key.clone(), text)),
            Ok(other) => drop(settings.insert(key.clone(), other.to_string())),
            Err(reason) => report.unresolved(&format!("dialects/{driver}/{key}"), reason),
        }
    }
    settings
}

/// The value with the references in all its texts replaced.
fn interpolated(value: &Value, scope: &Scope<'_>) -> Result<Value, Unresolved> {
    Ok(match value {
        Value::String(text) => Value::String(scope.interpolate(text)?),
        Value::Array(items) => items.iter().map(|item| interpolated(item, scope)).collect::<Result<_, _>>()?,
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| Ok((key.clone(), interpolated(value, scope)?)));
            Value::Object(entries.collect::<Result<_, Unresolved>>()?)
        }
        other => other.clone(),
    })
}

/// As [`settings`], with `arguments` (a JSON list of one-entry maps) and `network` where they are declared.
fn container_settings(scope: &Scope<'_>, report: &mut Report) -> BTreeMap<String, String> {
    let (cluster, service) = (scope.cluster, scope.service);
    let mut settings = settings("docker", scope, report);
    let arguments: Vec<Value> = arguments(service).map(|argument| json!({&argument.key: argument.value})).collect();
    if !arguments.is_empty() {
        settings.insert("arguments".to_owned(), Value::from(arguments).to_string());
    }
    if let Some(network) = service.network.as_ref().or(cluster.network.as_ref()) {
        settings.insert("network".to_owned(), network.clone());
    }
    settings
}

/// The breed's and then the service's; of several `privileged` the first counts.
fn arguments(service: &DeployedService) -> impl Iterator<Item = &Argument> {
    let mut privileged = false;
    service.breed.arguments.iter().chain(&service.arguments).filter(move |argument| {
        let first = !privileged;
        privileged |= argument.key == "privileged";
        argument.key != "privileged" || first
    })
}

#[cfg(test)]
mod tests;
