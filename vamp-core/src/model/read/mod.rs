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
mod gateway;
mod health;
mod named;
mod report;
mod route;
mod rules;
mod scale;
mod suggest;
mod traits;

pub use artifact::{Artifact, Kind};
pub use documents::{Document, artifact, artifact_named, documents};
pub use named::{blueprint_named, breed_named, condition_named, gateway_named, scale_named};

use super::{Blueprint, Breed, Gateway, HealthCheck, Name, Named, Reference, Scale};
use crate::{
    condition::Condition,
    violation::{Violation, Violations},
    yaml::{self, Limits, Node},
};
use report::{Cursor, Report};
use serde_json::Value;

/// What a request to deploy asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum DeploymentRequest {
    /// A stored blueprint.
    Stored(Name),
    /// The blueprint itself.
    Blueprint(Box<Blueprint>),
}

/// Reads one gateway.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn gateway(source: &str) -> Result<Gateway, Violations> {
    node(&document(source)?, gateway::gateway)
}

/// Reads one breed.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn breed(source: &str) -> Result<Breed, Violations> {
    node(&document(source)?, |at, report| breed::breed(at, report, &[]))
}

/// Reads one blueprint, in any of its shorthand forms.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn blueprint(source: &str) -> Result<Blueprint, Violations> {
    node(&document(source)?, |at, report| blueprint::blueprint(at, report, blueprint::Form::Stored))
}

/// Reads the body of a request to deploy, merge or remove: a blueprint, `name: <stored blueprint>`, or a deployment as
/// the API shows it.
///
/// # Errors
///
/// Everything that is wrong with it as a blueprint.
pub fn deployment(source: &str) -> Result<DeploymentRequest, Violations> {
    deployment_in(&document(source)?)
}

fn deployment_in(document: &Node) -> Result<DeploymentRequest, Violations> {
    if let Some([only]) = document.entries()
        && only.key == "name"
    {
        return node(document, |at, report| {
            let (_, at) = at.entries(report).pop()?;
            at.parse(report, "IllegalName").map(DeploymentRequest::Stored)
        });
    }
    let read = |form| node(document, |at, report| blueprint::blueprint(at, report, form));
    let blueprint =
        read(blueprint::Form::Request).or_else(|first| read(blueprint::Form::Deployment).map_err(|_| first));
    blueprint.map(|blueprint| DeploymentRequest::Blueprint(Box::new(blueprint)))
}

/// Reads one named scale.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn scale(source: &str) -> Result<Named<Scale>, Violations> {
    node(&document(source)?, scale::named)
}

/// Reads the scale of a service: anonymous, or the name of a stored one.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn service_scale(source: &str) -> Result<Reference<Scale>, Violations> {
    node(&document(source)?, scale::reference)
}

/// Reads one named condition.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn condition(source: &str) -> Result<Named<Condition>, Violations> {
    node(&document(source)?, condition::named)
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
    let documents = yaml::documents(source, Limits::default())?;
    let mut nodes = Vec::new();
    documents.iter().for_each(|document| flatten(document, &mut nodes));
    let (mut artifacts, mut violations) = (Vec::new(), Vec::new());
    for node in nodes {
        match artifact::read(node, kind) {
            Ok(artifact) => artifacts.push(artifact),
            Err(Violations(found)) => violations.extend(found),
        }
    }
    if violations.is_empty() { Ok(artifacts) } else { Err(Violations(violations)) }
}

fn flatten<'n>(node: &'n Node, into: &mut Vec<&'n Node>) {
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

pub(super) fn gateway_json(json: &Value) -> Result<Gateway, Violations> {
    node(&Node::from(json), gateway::gateway)
}

pub(super) fn breed_json(json: &Value) -> Result<Breed, Violations> {
    node(&Node::from(json), |at, report| breed::breed(at, report, &[]))
}

pub(super) fn scale_json(json: &Value) -> Result<Named<Scale>, Violations> {
    node(&Node::from(json), scale::named)
}

pub(super) fn condition_json(json: &Value) -> Result<Named<Condition>, Violations> {
    node(&Node::from(json), condition::named)
}

/// What was stored may lean on what is deployed already.
pub(super) fn blueprint_json(json: &Value) -> Result<Blueprint, Violations> {
    node(&Node::from(json), |at, report| blueprint::blueprint(at, report, blueprint::Form::Request))
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
        let name = fields.either("reference", "ref").and_then(|at| at.parse(report, "IllegalName"));
        fields.finish(report);
        return Some(name);
    }
    if name.is_some() {
        let message = format!("a {what} in place has no name");
        let hint = "leave `name` out, or write `reference` to use a stored one";
        report.refuse_key(&at.path.join("name"), "EitherReferenceOrAnonymous", message, hint);
        return Some(None);
    }
    None
}

/// Whether something else stands where only a value in place is supported so far; it is refused.
fn is_reference(at: &Cursor<'_>, report: &mut Report<'_>, what: &str) -> bool {
    let reference = weak_reference(at, report, what);
    if let Some(Some(name)) = &reference {
        let message = format!("a reference to the stored {what} `{name}` is not supported yet");
        report.refuse(&at.path, "UnexpectedTypeError", message, "write a map with its settings");
    }
    reference.is_some()
}

#[cfg(test)]
mod tests;
