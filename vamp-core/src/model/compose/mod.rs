//! docker-compose files as blueprints: pure, so that what it makes can be looked at before anything is deployed.
//!
//! Each service `s` becomes a cluster `s` with the breed `s:1.0.0`. What a blueprint cannot say is left out, and told.

mod service;
#[cfg(test)]
mod tests;

use super::{Blueprint, Cluster, Dialects, Environment, Metadata, Name, Reference, Service, gateway::GatewayTemplates};
use crate::{
    routing::Protocol,
    violation::{Violation, Violations},
    yaml::{self, Limits, Node},
};
use std::{collections::BTreeMap, num::NonZeroU16};

/// A blueprint, and what of the file is not in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The blueprint.
    pub blueprint: Blueprint,
    /// One sentence for each part that was left out or changed, without a line break.
    pub comments: Vec<String>,
}

impl Imported {
    /// The comments, and then the blueprint.
    #[must_use]
    pub fn to_yaml(&self, yaml: &str) -> String {
        let mut text: String = self.comments.iter().map(|comment| format!("# {comment}\n")).collect();
        text.push_str(yaml);
        text
    }
}

/// Reads a docker-compose file as the blueprint of that name.
///
/// # Errors
///
/// Everything that is wrong with it; `UnsupportedProtocolError` for a port that is neither HTTP nor TCP.
pub fn blueprint(source: &str, name: &str) -> Result<Imported, Violations> {
    let name: Name = name.parse().map_err(|error: super::ParseTextError| {
        Violations::from(Violation::new("IllegalName", "name", error.to_string()))
    })?;
    let documents = yaml::documents(source, Limits::default())?;
    let [document] = documents.as_slice() else {
        return Err(Violation::new("UnexpectedTypeError", "", "one docker-compose file is expected").into());
    };
    let mut reading = Reading::default();
    let mut services = Vec::new();
    for (key, value) in reading.entries(document, "") {
        match key {
            "services" => services = reading.entries(value, "services"),
            "version" => reading.comment(&format!("docker-compose version {}", text_of(value))),
            _ => reading.leave(None, &format!("`{key}`")),
        }
    }
    if services.is_empty() && reading.violations.is_empty() {
        reading.refuse(document, "services", "MissingPathValueError", "the file has no service");
    }
    let mut read: Vec<service::Compose> =
        services.iter().filter_map(|(key, value)| service::read(key, value, &mut reading)).collect();
    connect(&mut read);
    reading.conclude(Blueprint {
        name,
        metadata: Metadata::new(),
        clusters: read.into_iter().map(cluster).collect(),
        gateways: GatewayTemplates::new(),
        environment_variables: Environment::new(),
        dialects: Dialects::new(),
    })
}

/// A variable `other:port` is where another service is reached: it becomes a reference, and the other declares the port.
fn connect(services: &mut [service::Compose]) {
    let names: Vec<Name> = services.iter().map(|service| service.name.clone()).collect();
    let places: BTreeMap<&str, usize> = names.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
    let mut wanted = Vec::new();
    for (place, service) in services.iter_mut().enumerate() {
        for (_, variable) in service.breed.environment_variables.iter_mut() {
            let target = variable.value.as_deref().and_then(|value| value.rsplit_once(':'));
            let target = target.and_then(|(other, port)| Some((*places.get(other)?, port.parse::<NonZeroU16>().ok()?)));
            // A name that no reference can have stays text.
            let Some((other, port)) = target.filter(|(other, _)| *other != place && is_simple(&names[*other])) else {
                continue;
            };
            let name = &names[other];
            variable.value = Some(format!("${name}.host:${name}.ports.port_{port}"));
            wanted.push((place, other, port));
        }
    }
    for (place, other, port) in wanted {
        let dependency = services[other].breed.name.clone();
        services[place].breed.dependencies.insert(names[other].as_str(), Reference::Reference(dependency));
        service::declare(&mut services[other].breed, port, Protocol::Http);
    }
}

fn is_simple(name: &Name) -> bool {
    name.as_str().chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

fn cluster(service: service::Compose) -> Cluster {
    let service::Compose { name, breed, dialects } = service;
    let service = Service {
        breed: Reference::Inline(Box::new(breed)),
        environment_variables: Environment::new(),
        scale: None,
        arguments: Vec::new(),
        health_checks: None,
        network: None,
        dialects,
    };
    Cluster {
        name,
        services: vec![service],
        gateways: GatewayTemplates::new(),
        health_checks: None,
        network: None,
        sla: None,
        dialects: Dialects::new(),
        metadata: Metadata::new(),
    }
}

fn text_of(node: &Node) -> String {
    node.text().unwrap_or(node.kind()).to_owned()
}

/// What was found on the way.
#[derive(Default)]
struct Reading {
    comments: Vec<String>,
    violations: Vec<Violation>,
}

type Entries<'n> = Vec<(&'n str, &'n Node)>;

impl Reading {
    fn entries<'n>(&mut self, node: &'n Node, path: &str) -> Entries<'n> {
        match node.entries() {
            Some(entries) => entries.iter().map(|entry| (entry.key.as_str(), &entry.value)).collect(),
            None if node.is_absent() && !path.is_empty() => Vec::new(),
            None => {
                self.refuse(node, path, "UnexpectedTypeError", &format!("{} where a map is expected", node.kind()));
                Vec::new()
            }
        }
    }

    fn refuse(&mut self, node: &Node, path: &str, code: &'static str, message: &str) {
        if self.violations.len() < yaml::MOST_VIOLATIONS {
            let at = node.position;
            self.violations.push(Violation::new(code, path, message).at(at.line, at.column));
        }
    }

    /// Notes what is left out: of a service, or of the file.
    fn leave(&mut self, service: Option<&str>, what: &str) {
        let of = service.map(|service| format!("service `{service}`: ")).unwrap_or_default();
        self.comment(&format!("{of}{what} is not supported and left out"));
    }

    /// A comment is one line.
    fn comment(&mut self, text: &str) {
        self.comments.push(text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect());
    }

    fn conclude(mut self, blueprint: Blueprint) -> Result<Imported, Violations> {
        self.violations.sort_by_key(|violation| (violation.line, violation.column));
        if self.violations.is_empty() {
            Ok(Imported { blueprint, comments: self.comments })
        } else {
            Err(Violations(self.violations))
        }
    }
}
