//! Clusters and services, in their many short forms.

use super::{
    blueprint::{Form, dialects},
    breed, gateway, health,
    report::{Cursor, Fields, Report},
    scale, sla,
    traits::{self, Aliases},
};
use crate::model::{
    Breed, Cluster, Dialects, Environment, GatewayTemplate, Metadata, Name, Reference, Service,
    gateway::GatewayTemplates,
};
use crate::yaml::{Node, entries_to_json};
use std::collections::BTreeSet;

pub(super) fn cluster(name: Name, at: &Cursor<'_>, report: &mut Report<'_>, form: Form) -> Cluster {
    let Some(entries) = at.node.entries() else {
        return Cluster { services: services(at, report, form), ..empty(name) };
    };
    let mut fields = at.fields(report);
    let (sla, gateways) = (fields.get("sla"), fields.get("gateways"));
    let sla = sla.and_then(|at| sla::of_cluster(&at, report));
    let cluster = if at.node.get("services").is_some() {
        full(name, &mut fields, report, form)
    } else {
        let own = ["sla", "gateways"];
        let compact = entries.iter().any(|entry| !own.contains(&entry.key.as_str()) && !entry.value.is_absent());
        let service = compact.then(|| service(at, report, form, &own)).flatten();
        let metadata = at.node.get("metadata").filter(|_| at.node.get("name").is_none());
        let metadata = metadata.and_then(Node::entries).map(entries_to_json).unwrap_or_default();
        Cluster { services: service.into_iter().collect(), metadata, ..empty(name) }
    };
    if at.node.get("services").is_some() {
        fields.finish(report);
    }
    let gateways = gateways.map(|at| internal_gateways(&at, report, &cluster)).unwrap_or_default();
    Cluster { sla, gateways, ..cluster }
}

fn empty(name: Name) -> Cluster {
    Cluster {
        name,
        services: Vec::new(),
        gateways: GatewayTemplates::new(),
        health_checks: None,
        network: None,
        sla: None,
        dialects: Dialects::new(),
        metadata: Metadata::new(),
    }
}

fn full(name: Name, fields: &mut Fields<'_>, report: &mut Report<'_>, form: Form) -> Cluster {
    Cluster {
        services: fields.get("services").map(|at| services(&at, report, form)).unwrap_or_default(),
        health_checks: fields.get("health_checks").map(|at| health::checks(&at, report)),
        network: fields.get("network").and_then(|at| at.text(report)).map(str::to_owned),
        dialects: fields.either("dialects", "dialect").map(|at| dialects(&at)).unwrap_or_default(),
        metadata: fields.metadata(report),
        ..empty(name)
    }
}

fn services(at: &Cursor<'_>, report: &mut Report<'_>, form: Form) -> Vec<Service> {
    at.items_or_one().iter().filter_map(|item| service(item, report, form, &[])).collect()
}

/// Reads a service: a breed's name, a breed, or a map that says more; `also` are keys of the cluster around it.
fn service(at: &Cursor<'_>, report: &mut Report<'_>, form: Form, also: &[&'static str]) -> Option<Service> {
    if at.node.text().is_some() {
        return at.parse(report, "IllegalName").map(|name| plain(Reference::Reference(name)));
    }
    if at.node.get("breed").is_none() && at.node.get("name").is_some() {
        return breed::breed(at, report, also).map(|breed| plain(Reference::Inline(Box::new(breed))));
    }
    let mut fields = at.fields(report);
    fields.ignore(also);
    // Counts of what runs; and what is tolerated everywhere.
    fields.ignore(&["health", "metadata"]);
    if form == Form::Deployment {
        fields.ignore(&["status", "instances", "dependencies", "drain"]);
    }
    let breed = breed_of(&mut fields, report);
    let variables = fields.either("environment_variables", "env");
    let environment = variables.map(|at| traits::environment(&at, report, Aliases::Dropped));
    let scale = fields.get("scale").and_then(|at| scale::reference(&at, report));
    let arguments = fields.get("arguments").map(|at| traits::arguments(&at, report));
    let health_checks = fields.get("health_checks").map(|at| health::checks(&at, report));
    let network = fields.get("network").and_then(|at| at.text(report));
    let dialects = fields.either("dialects", "dialect").map(|at| dialects(&at));
    fields.finish(report);
    Some(Service {
        breed: breed?,
        environment_variables: environment.unwrap_or_default(),
        scale,
        arguments: arguments.unwrap_or_default(),
        health_checks,
        network: network.map(str::to_owned),
        dialects: dialects.unwrap_or_default(),
    })
}

fn plain(breed: Reference<Breed>) -> Service {
    Service {
        breed,
        environment_variables: Environment::new(),
        scale: None,
        arguments: Vec::new(),
        health_checks: None,
        network: None,
        dialects: Dialects::new(),
    }
}

fn breed_of(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<Reference<Breed>> {
    let reference = fields.either("reference", "ref");
    if let Some(at) = fields.get("breed") {
        return breed::reference(&at, report);
    }
    match reference {
        Some(at) => at.parse(report, "IllegalName").map(Reference::Reference),
        None => {
            fields.missing(report, "breed");
            None
        }
    }
}

/// A map by port names, or one gateway for the only port.
fn internal_gateways(at: &Cursor<'_>, report: &mut Report<'_>, cluster: &Cluster) -> GatewayTemplates {
    if at.node.get("routes").is_none() && at.node.get("sticky").is_none() {
        let named = at.entries(report).into_iter();
        return named.map(|(port, at)| (port.to_owned(), gateway::internal(&at, report))).collect();
    }
    let template: GatewayTemplate = gateway::internal(at, report);
    let port = only_port(&cluster.services).unwrap_or_default();
    [(port, template)].into_iter().collect()
}

/// The one port name that all breeds in place declare; `None` when there are several, or breeds are not in place.
fn only_port(services: &[Service]) -> Option<String> {
    let breeds: Option<Vec<&Breed>> = services.iter().map(|service| service.breed.inline()).collect();
    let ports: BTreeSet<&str> = breeds?.into_iter().flat_map(|breed| breed.ports.keys()).collect();
    let mut ports = ports.into_iter();
    ports.next().filter(|_| ports.next().is_none()).map(str::to_owned)
}
