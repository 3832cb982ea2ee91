//! From YAML or JSON text to artifacts: every violation at once, or the artifact; nothing in between.
//!
//! ```
//! use vamp_core::model::read;
//!
//! let source = "
//! name: sava/web
//! port: 9050/http
//! routes:
//!   '[127.0.0.1:9101]': { weight: 90% }
//!   '[127.0.0.1:9102]': { weight: 20%, ballance: leastconn }
//! ";
//! let violations = read::gateway(source).unwrap_err();
//! let codes: Vec<&str> = violations.iter().map(|violation| violation.code.as_ref()).collect();
//! assert_eq!(codes, ["GatewayRouteWeightError", "UnexpectedElement"]);
//! assert_eq!(violations.0[1].path, "routes/[127.0.0.1:9102]/ballance");
//! assert_eq!((violations.0[1].line, violations.0[1].column), (Some(6), Some(38)));
//! assert_eq!(violations.0[1].hint.as_deref(), Some("did you mean `balance`?"));
//! ```

mod artifact;
mod blueprint;
mod breed;
mod cluster;
mod condition;
mod documents;
mod escalation;
mod gateway;
mod health;
mod likely;
mod report;
mod rewrite;
mod route;
mod rules;
mod scale;
mod settings;
mod sla;
mod sticky;
mod suggest;
mod template;
mod traits;
mod whole;
mod workflow;

pub use artifact::{Artifact, Kind, UnknownKind};
pub(super) use documents::document_in;
pub use documents::{Document, artifact, artifact_named, documents};
pub(super) use likely::likely_kind;
pub use whole::{
    blueprint, blueprint_named, breed, breed_named, condition, condition_named, escalation, escalation_named, gateway,
    gateway_named, rewrite, rewrite_named, route, route_named, scale, scale_named, sla, sla_named, template,
    template_named, workflow, workflow_named,
};
pub(super) use whole::{
    blueprint_json, breed_json, condition_json, escalation_json, gateway_json, rewrite_json, route_json, scale_json,
    sla_json, template_json, workflow_json,
};

use super::{Blueprint, ClusterSla, Gateway, HealthCheck, Name, Reference, Scale, Selector};
use crate::{
    violation::{Violation, Violations},
    yaml::{self, Limits, Node},
};
use report::{Cursor, Fields, Report};
use serde_json::Value;

/// What a request to deploy asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum DeploymentRequest {
    /// A stored blueprint.
    Stored(Name),
    /// The blueprint itself.
    Blueprint(Box<Blueprint>),
}

impl DeploymentRequest {
    /// The name of the blueprint.
    #[must_use]
    pub const fn name(&self) -> &Name {
        match self {
            Self::Stored(name) => name,
            Self::Blueprint(blueprint) => &blueprint.name,
        }
    }
}

/// Reads the body of a request to deploy, merge or remove: a blueprint, `name: <stored blueprint>`, or a deployment as
/// the API shows it.
///
/// # Errors
///
/// Everything that is wrong with it as a blueprint.
pub fn deployment(source: &str) -> Result<DeploymentRequest, Violations> {
    deployment_node(&document(source)?)
}

fn deployment_node(document: &Node) -> Result<DeploymentRequest, Violations> {
    let entries = document.entries().unwrap_or_default();
    if document.get("name").is_some() && entries.iter().all(|entry| matches!(entry.key.as_str(), "name" | "kind")) {
        return node(document, |at, report| {
            let mut fields = at.fields(report);
            fields.kind(report, &["blueprints", "deployments"]);
            whole_name(&mut fields, report).map(DeploymentRequest::Stored)
        });
    }
    let read = |form| node(document, |at, report| blueprint::blueprint(at, report, form));
    let blueprint =
        read(blueprint::Form::Request).or_else(|first| read(blueprint::Form::Deployment).map_err(|_| first));
    blueprint.map(|blueprint| DeploymentRequest::Blueprint(Box::new(blueprint)))
}

/// Reads the scale of a service: anonymous, or the name of a stored one.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn service_scale(source: &str) -> Result<Reference<Scale>, Violations> {
    node(&document(source)?, scale::reference)
}

/// Reads the service level agreement of a cluster: anonymous, or the name of a stored one.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn cluster_sla(source: &str) -> Result<ClusterSla, Violations> {
    node(&document(source)?, sla::of_cluster)
}

pub(super) fn cluster_sla_json(json: &Value) -> Result<ClusterSla, Violations> {
    node(&Node::from(json), sla::of_cluster)
}

/// Reads one health check.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn health_check(source: &str) -> Result<HealthCheck, Violations> {
    node(&document(source)?, health::check)
}

/// Reads every artifact of a text: several documents, lists of artifacts, or both; in order. `kind` is what an artifact
/// is that does not say so itself.
///
/// # Errors
///
/// Everything that is wrong with any of them.
pub fn artifacts(source: &str, kind: Option<Kind>) -> Result<Vec<Artifact>, Violations> {
    each(source, |node| artifact::read(node, artifact::kind_of(node, kind)?))
}

/// As [`artifacts`], all of one kind: one that says another kind is refused.
///
/// # Errors
///
/// Everything that is wrong with any of them.
pub fn artifacts_of(source: &str, kind: Kind) -> Result<Vec<Artifact>, Violations> {
    each(source, |node| artifact::read(node, kind))
}

fn each(source: &str, read: impl Fn(&Node) -> Result<Artifact, Violations>) -> Result<Vec<Artifact>, Violations> {
    let documents = yaml::documents(source, Limits::default())?;
    let mut nodes = Vec::new();
    documents.iter().for_each(|document| flatten(document, &mut nodes));
    let (mut artifacts, mut violations) = (Vec::new(), Vec::new());
    for node in nodes {
        match read(node) {
            Ok(artifact) => artifacts.push(artifact),
            Err(Violations(found)) => violations.extend(found),
        }
    }
    if violations.is_empty() { Ok(artifacts) } else { Err(Violations(violations)) }
}

pub(super) fn flatten<'n>(node: &'n Node, into: &mut Vec<&'n Node>) {
    match node.items() {
        Some(items) => items.iter().for_each(|item| flatten(item, into)),
        None if node.is_absent() => {}
        None => into.push(node),
    }
}

/// The one document of a text; a list of one counts as one.
fn document(source: &str) -> Result<Node, Violations> {
    let mut documents = yaml::documents(source, Limits::default())?;
    let mut found = Vec::new();
    documents.iter().for_each(|document| flatten(document, &mut found));
    match found.as_slice() {
        [_] if documents.len() == 1 && documents[0].items().is_none() => Ok(documents.remove(0)),
        [one] => Ok((*one).clone()),
        [] => Err(Violation::new("UnexpectedTypeError", "", "the document is empty").into()),
        _ => {
            let message = format!("{} artifacts where one is expected", found.len());
            Err(Violation::new("UnexpectedTypeError", "", message).into())
        }
    }
}

/// What is wrong with a blueprint whose references were replaced, with the places in the document that it is from.
pub(super) fn check_blueprint(blueprint: &Blueprint, document: &Node) -> Vec<Violation> {
    checked(document, |report| {
        rules::check(blueprint, blueprint::Form::Request, report);
        rules::check_gateways(blueprint, report);
    })
}

/// As [`check_blueprint`], for a gateway.
pub(super) fn check_gateway(gateway: &Gateway, document: &Node) -> Vec<Violation> {
    checked(document, |report| gateway::check_whole(gateway, report))
}

fn checked(document: &Node, check: impl FnOnce(&mut Report<'_>)) -> Vec<Violation> {
    let mut report = Report::new(Some(document));
    check(&mut report);
    report.conclude(Some(())).err().map(|Violations(found)| found).unwrap_or_default()
}

/// Reads an artifact from a node.
fn node<'n, T>(node: &'n Node, read: impl FnOnce(&Cursor<'n>, &mut Report<'n>) -> Option<T>) -> Result<T, Violations> {
    let mut report = Report::new(Some(node));
    let value = read(&Cursor::root(node), &mut report);
    report.conclude(value)
}

/// The name in a map with `reference` or `ref`, or in a text: `None` when the value stands in place, `Some(None)` when
/// the reference is wrong. A value in place has no name.
fn weak_reference(at: &Cursor<'_>, report: &mut Report<'_>, what: &str) -> Option<Option<Name>> {
    if at.node.text().is_some() {
        return Some(at.parse(report, "IllegalName"));
    }
    let (reference, name) = (at.node.get("reference").or(at.node.get("ref")), at.node.get("name"));
    if reference.is_some() {
        let mut fields = at.fields(report);
        fields.ignore(&["kind", "metadata", "lookup_name"]);
        let name = fields.either("reference", "ref").and_then(|at| at.parse(report, "IllegalName"));
        fields.finish(report);
        return Some(name);
    }
    if name.is_some() {
        refuse_name(at, report, what);
        return Some(None);
    }
    None
}

fn refuse_name(at: &Cursor<'_>, report: &mut Report<'_>, what: &str) {
    let message = format!("a {what} in place has no name");
    let hint = "leave `name` out, or write `reference` to use a stored one";
    report.refuse_key(&at.path.join("name"), "EitherReferenceOrAnonymous", message, hint);
}

/// The name of an artifact of its own.
fn whole_name(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<Name> {
    fields.require(report, "name").and_then(|at| at.parse(report, "IllegalName"))
}

/// A selector of instances.
fn selector(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Selector> {
    match Selector::parse(at.text(report)?) {
        Ok(selector) => Some(selector),
        Err(error) => {
            let place = at.node.position_of(error.offset());
            report.refuse_at(&at.path, place, "InvalidSelectorError", error.to_string(), "");
            None
        }
    }
}

#[cfg(test)]
mod tests;
