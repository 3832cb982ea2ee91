//! From artifacts to JSON in the original's form, which reads back to the same artifact.
//!
//! Names that people chose are never changed; absent options are left out, but for the few that the original writes
//! as `null`.

mod deployment;
mod route;
mod sla;
mod workflow;

pub use deployment::deployment;
pub(super) use deployment::{internal_templates, of_cluster};
pub use route::{condition, rewrite, route};
pub use sla::{cluster_sla, escalation, sla};
pub use workflow::workflow;

use super::{
    Argument, Blueprint, Breed, Cluster, Constants, Dialects, Environment, Gateway, GatewayTemplate, HealthCheck,
    Metadata, Name, Named, Reference, Scale, Selector, Service, Template,
    gateway::GatewayTemplates,
    lookup,
    read::Artifact,
    units::{format_cpu, format_memory, format_time},
};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// A gateway of its own.
#[must_use]
pub fn gateway(gateway: &Gateway) -> Value {
    let mut json = Map::new();
    json.insert("name".to_owned(), text(&gateway.name));
    json.insert("kind".to_owned(), json!("gateways"));
    json.insert("metadata".to_owned(), object(&gateway.metadata));
    json.insert("lookup_name".to_owned(), json!(lookup::gateway(gateway)));
    json.insert("internal".to_owned(), json!(gateway.name.is_internal()));
    if let Some(service) = &gateway.service {
        json.insert("service".to_owned(), json!({"host": service.host, "port": service.port}));
    }
    json.insert("deployed".to_owned(), json!(gateway.service.is_some()));
    json.insert("port".to_owned(), text(&gateway.port));
    json.insert("sticky".to_owned(), value(&gateway.sticky));
    json.insert("virtual_hosts".to_owned(), json!(gateway.virtual_hosts));
    json.extend(entries(&gateway.settings));
    json.insert("selector".to_owned(), json!(gateway.selector.as_ref().map(Selector::as_str)));
    let routes = gateway.routes.iter().map(|one| {
        let mut json = Map::new();
        json.insert("lookup_name".to_owned(), json!(lookup::route(gateway, one)));
        json.extend(route::in_gateway(one));
        (one.path.to_string(), Value::Object(json))
    });
    json.insert("routes".to_owned(), Value::Object(routes.collect()));
    Value::Object(json)
}

/// A breed.
#[must_use]
pub fn breed(breed: &Breed) -> Value {
    let dependency = |dependency: &Reference<Breed>| match dependency {
        Reference::Reference(name) => text(name),
        Reference::Inline(inner) => self::breed(inner),
    };
    let dependencies = breed.dependencies.iter().map(|(alias, of)| (alias.to_owned(), dependency(of)));
    let mut json = Map::new();
    json.insert("name".to_owned(), text(&breed.name));
    json.insert("kind".to_owned(), json!("breeds"));
    json.insert("metadata".to_owned(), object(&breed.metadata));
    json.insert("lookup_name".to_owned(), json!(lookup::breed(breed)));
    json.insert("deployable".to_owned(), value(&breed.deployable));
    json.insert("ports".to_owned(), value(&breed.ports));
    json.insert("environment_variables".to_owned(), environment(&breed.environment_variables));
    json.insert("constants".to_owned(), constants(&breed.constants));
    json.insert("arguments".to_owned(), arguments(&breed.arguments));
    json.insert("dependencies".to_owned(), Value::Object(dependencies.collect()));
    insert_health_checks(&mut json, breed.health_checks.as_deref());
    Value::Object(json)
}

/// A blueprint.
#[must_use]
pub fn blueprint(blueprint: &Blueprint) -> Value {
    let clusters = blueprint.clusters.iter().map(|one| (one.name.to_string(), cluster(one)));
    json!({
        "name": blueprint.name,
        "kind": "blueprints",
        "metadata": blueprint.metadata,
        "gateways": templates(&blueprint.gateways),
        "clusters": clusters.collect::<Map<String, Value>>(),
        "environment_variables": environment(&blueprint.environment_variables),
        "dialects": blueprint.dialects,
    })
}

fn cluster(cluster: &Cluster) -> Value {
    let mut json = Map::new();
    json.insert("metadata".to_owned(), object(&cluster.metadata));
    json.insert("services".to_owned(), cluster.services.iter().map(service).collect());
    json.insert("gateways".to_owned(), templates(&cluster.gateways));
    insert_health_checks(&mut json, cluster.health_checks.as_deref());
    insert_common(&mut json, cluster.network.as_deref(), &cluster.dialects);
    if let Some(sla) = &cluster.sla {
        json.insert("sla".to_owned(), cluster_sla(sla));
    }
    Value::Object(json)
}

fn service(service: &Service) -> Value {
    let mut json = Map::new();
    json.insert("breed".to_owned(), breed_reference(&service.breed));
    json.insert("environment_variables".to_owned(), environment(&service.environment_variables));
    insert_scale(&mut json, service.scale.as_ref());
    json.insert("arguments".to_owned(), arguments(&service.arguments));
    insert_health_checks(&mut json, service.health_checks.as_deref());
    insert_common(&mut json, service.network.as_deref(), &service.dialects);
    Value::Object(json)
}

fn insert_health_checks(json: &mut Map<String, Value>, checks: Option<&[HealthCheck]>) {
    if let Some(checks) = checks {
        json.insert("health_checks".to_owned(), checks.iter().map(health_check).collect());
    }
}

fn insert_common(json: &mut Map<String, Value>, network: Option<&str>, dialects: &Dialects) {
    if let Some(network) = network {
        json.insert("network".to_owned(), json!(network));
    }
    json.insert("dialects".to_owned(), object(dialects));
}

/// Gateways inside of a blueprint, by the name of their port.
fn templates(templates: &GatewayTemplates) -> Value {
    Value::Object(templates.iter().map(|(port, one)| (port.to_owned(), gateway_template(one))).collect())
}

fn gateway_template(template: &GatewayTemplate) -> Value {
    let routes = template.routes.iter().map(|one| (one.path.clone(), Value::Object(route::in_gateway(one))));
    let mut json = Map::new();
    if let Some(port) = &template.port {
        json.insert("port".to_owned(), text(port));
    }
    json.insert("metadata".to_owned(), object(&template.metadata));
    json.insert("sticky".to_owned(), value(&template.sticky));
    json.insert("virtual_hosts".to_owned(), json!(template.virtual_hosts));
    json.extend(entries(&template.settings));
    json.extend(template.selector.iter().map(|selector| ("selector".to_owned(), json!(selector.as_str()))));
    json.insert("routes".to_owned(), Value::Object(routes.collect()));
    Value::Object(json)
}

/// An artifact of any kind.
#[must_use]
pub fn artifact(artifact: &Artifact) -> Value {
    match artifact {
        Artifact::Breed(artifact) => breed(artifact),
        Artifact::Blueprint(artifact) => blueprint(artifact),
        Artifact::Gateway(artifact) => gateway(artifact),
        Artifact::Workflow(artifact) => workflow(artifact),
        Artifact::Sla(artifact) => sla(artifact),
        Artifact::Scale(artifact) => scale(artifact),
        Artifact::Escalation(artifact) => escalation(artifact),
        Artifact::Route(artifact) => route(artifact),
        Artifact::Condition(artifact) => condition(artifact),
        Artifact::Rewrite(artifact) => rewrite(artifact),
        Artifact::Template(artifact) => template(artifact),
    }
}

/// A template.
#[must_use]
pub fn template(template: &Named<Template>) -> Value {
    let settings = [("definition".to_owned(), object(&template.value.definition))];
    named("templates", template, settings.into_iter().collect())
}

/// A named scale.
#[must_use]
pub fn scale(scale: &Named<Scale>) -> Value {
    named("scales", scale, scale_settings(&scale.value))
}

/// Name, kind and metadata, and then the settings.
fn named<T>(kind: &str, of: &Named<T>, settings: Map<String, Value>) -> Value {
    let mut json = Map::new();
    json.insert("name".to_owned(), text(&of.name));
    json.insert("kind".to_owned(), json!(kind));
    json.insert("metadata".to_owned(), object(&of.metadata));
    json.extend(settings);
    Value::Object(json)
}

fn reference(name: &Name) -> Value {
    json!({"reference": name})
}

fn breed_reference(breed: &Reference<Breed>) -> Value {
    match breed {
        Reference::Reference(name) => reference(name),
        Reference::Inline(breed) => self::breed(breed),
    }
}

fn insert_scale(json: &mut Map<String, Value>, scale: Option<&Reference<Scale>>) {
    let shown = scale.map(|scale| match scale {
        Reference::Reference(name) => reference(name),
        Reference::Inline(scale) => service_scale(scale),
    });
    json.extend(shown.map(|scale| ("scale".to_owned(), scale)));
}

/// The scale of a service.
#[must_use]
pub fn service_scale(scale: &Scale) -> Value {
    Value::Object(scale_settings(scale))
}

fn scale_settings(scale: &Scale) -> Map<String, Value> {
    // Three decimals are a JSON number as they are.
    let cpu = format_cpu(scale.cpu_millis).parse::<serde_json::Number>().map(Value::Number).unwrap_or_default();
    let settings =
        [("cpu", cpu), ("memory", json!(format_memory(scale.memory_bytes))), ("instances", json!(scale.instances))];
    settings.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// A health check.
#[must_use]
pub fn health_check(check: &HealthCheck) -> Value {
    json!({
        "path": check.path,
        "port": check.port,
        "initial_delay": format_time(check.initial_delay),
        "timeout": format_time(check.timeout),
        "interval": format_time(check.interval),
        "failures": check.failures,
        "protocol": check.protocol,
    })
}

/// Variables by `NAME` or `NAME[ALIAS]`.
fn environment(environment: &Environment) -> Value {
    let entries = environment.iter().map(|(name, variable)| {
        let key = variable.alias.as_ref().map_or_else(|| name.to_owned(), |alias| format!("{name}[{alias}]"));
        (key, json!(variable.value))
    });
    Value::Object(entries.collect())
}

fn constants(constants: &Constants) -> Value {
    Value::Object(constants.iter().map(|(name, constant)| (name.to_owned(), json!(constant.0))).collect())
}

fn arguments(arguments: &[Argument]) -> Value {
    let one = |argument: &Argument| {
        let entry = (argument.key.clone(), json!(argument.value));
        Value::Object([entry].into_iter().collect())
    };
    arguments.iter().map(one).collect()
}

fn text(shown: &impl ToString) -> Value {
    Value::String(shown.to_string())
}

fn object(map: &Metadata) -> Value {
    Value::Object(map.clone())
}

/// JSON of one of our own small types, which always has one.
fn value(of: &impl Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}

/// The entries of a value that is a map.
fn entries(of: &impl Serialize) -> Map<String, Value> {
    match value(of) {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests;
