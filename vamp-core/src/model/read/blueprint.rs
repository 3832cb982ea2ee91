//! Blueprints.

use super::{
    cluster, gateway,
    report::{Cursor, Report},
    rules,
    traits::{self, Aliases},
};
use crate::model::{Blueprint, Cluster, Dialects, Environment, Name, gateway::GatewayTemplates};
use crate::yaml::entries_to_json;
use std::collections::BTreeSet;

/// What is read as a blueprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A blueprint to keep.
    Stored,
    /// A blueprint to deploy: what it lacks may be there already.
    Request,
    /// A deployment as the API shows it: what only runs is left out.
    Deployment,
}

/// An artifact of its own.
pub(super) fn stored(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Blueprint> {
    blueprint(at, report, Form::Stored)
}

pub(super) fn blueprint(at: &Cursor<'_>, report: &mut Report<'_>, form: Form) -> Option<Blueprint> {
    let mut fields = at.fields(report);
    let kinds: &[&str] = if form == Form::Stored { &["blueprints"] } else { &["blueprints", "deployments"] };
    fields.kind(report, kinds);
    fields.ignore(&["lookup_name"]);
    if form == Form::Deployment {
        fields.ignore(&["ports", "hosts"]);
    }
    let name = fields.require(report, "name").and_then(|at| at.parse::<Name>(report, "IllegalName"));
    let metadata = fields.metadata(report);
    let clusters = fields.get("clusters").map(|at| clusters(&at, report, form)).unwrap_or_default();
    let gateways = fields.get("gateways").map(|at| gateways(&at, report)).unwrap_or_default();
    let variables = fields.either("environment_variables", "env");
    let environment = variables.map(|at| environment(&at, report, &clusters)).unwrap_or_default();
    let dialects = fields.either("dialects", "dialect").map(|at| dialects(&at)).unwrap_or_default();
    fields.finish(report);
    let name = name?;
    let blueprint = Blueprint { name, metadata, clusters, gateways, environment_variables: environment, dialects };
    // The rules look at the whole: on a part that could be read they would report what is not wrong.
    if report.is_whole() {
        rules::check(&blueprint, form, report);
    }
    Some(blueprint)
}

fn clusters(at: &Cursor<'_>, report: &mut Report<'_>, form: Form) -> Vec<Cluster> {
    let mut clusters = Vec::new();
    for (key, at) in at.entries(report) {
        match key.parse::<Name>() {
            Ok(name) => clusters.push(cluster::cluster(name, &at, report, form)),
            Err(error) => report.refuse_key(&at.path, "IllegalName", error.to_string(), ""),
        }
    }
    clusters
}

fn gateways(at: &Cursor<'_>, report: &mut Report<'_>) -> GatewayTemplates {
    let mut gateways = GatewayTemplates::new();
    for (key, at) in at.entries(report) {
        let (name, template) = gateway::external(key, &at, report);
        if name.parse::<Name>().is_err() {
            report.refuse_key(&at.path, "IllegalName", format!("`{name}` is not the name of a port"), "");
        } else if gateways.insert(name.as_str(), template).is_some() {
            let message = format!("the port `{name}` has a gateway already");
            report.refuse_key(&at.path, "DuplicateGatewayPortError", message, "keep one of them");
        }
    }
    gateways
}

/// Variables by `cluster.environment_variables.NAME`; the short `cluster.NAME` becomes that.
fn environment(at: &Cursor<'_>, report: &mut Report<'_>, clusters: &[Cluster]) -> Environment {
    let clusters: BTreeSet<&str> = clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    let mut environment = Environment::new();
    for (key, variable) in traits::environment(at, report, Aliases::Dropped) {
        let long = long_name(&key, &clusters);
        if environment.insert(long.as_str(), variable).is_some() {
            let message = format!("`{long}` is declared twice");
            report.refuse_key(&at.path.join(&key), "MalformedTraitError", message, "keep one of them");
        }
    }
    environment
}

/// The known cluster with the longest name decides, since names of clusters may have dots.
fn long_name(key: &str, clusters: &BTreeSet<&str>) -> String {
    let splits = key.rmatch_indices('.').map(|(at, _)| (&key[..at], &key[at + 1..]));
    match splits.into_iter().find(|(cluster, _)| clusters.contains(cluster)) {
        Some((cluster, rest)) => {
            let name = rest.strip_prefix("environment_variables.").or(rest.strip_prefix("env.")).unwrap_or(rest);
            format!("{cluster}.environment_variables.{name}")
        }
        None => key.to_owned(),
    }
}

/// A map by driver names, in lower case; anything else is ignored, as the original does.
pub(super) fn dialects(at: &Cursor<'_>) -> Dialects {
    let all = at.node.entries().map(entries_to_json).unwrap_or_default();
    all.into_iter().map(|(driver, settings)| (driver.to_lowercase(), settings)).collect()
}
