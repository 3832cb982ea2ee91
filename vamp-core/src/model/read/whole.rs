//! Whole artifacts, for each kind: from a text, from a text whose name is known from elsewhere (such as the path of a
//! request), and from JSON.

use super::{document, node};
use crate::{
    condition::Condition,
    model::{Blueprint, Breed, Escalation, Gateway, Named, Route, Scale, Sla, Template, Workflow},
    routing::Rewrite,
    violation::{Violation, Violations},
    yaml::{Content, Entry, Node},
};
use serde_json::Value;

macro_rules! whole {
    ($($what:literal: $type:ty = $read:path => $source:ident, $named:ident, $json:ident;)+) => {$(
        #[doc = concat!("Reads one ", $what, ".")]
        ///
        /// # Errors
        ///
        /// Everything that is wrong with it.
        pub fn $source(source: &str) -> Result<$type, Violations> {
            node(&document(source)?, $read)
        }

        #[doc = concat!("Reads the ", $what, " of that name; the text may leave the name out, or says the same.")]
        ///
        /// # Errors
        ///
        /// Everything that is wrong with it.
        pub fn $named(source: &str, name: &str) -> Result<$type, Violations> {
            named(source, name, |document| node(document, $read))
        }

        pub(in crate::model) fn $json(json: &Value) -> Result<$type, Violations> {
            node(&Node::from(json), $read)
        }
    )+};
}

whole! {
    "breed": Breed = super::breed::whole => breed, breed_named, breed_json;
    "gateway": Gateway = super::gateway::gateway => gateway, gateway_named, gateway_json;
    "workflow": Workflow = super::workflow::workflow => workflow, workflow_named, workflow_json;
    "service level agreement": Named<Sla> = super::sla::named => sla, sla_named, sla_json;
    "scale": Named<Scale> = super::scale::named => scale, scale_named, scale_json;
    "escalation": Named<Escalation> = super::escalation::named => escalation, escalation_named, escalation_json;
    "stored route": Named<Route<()>> = super::route::named => route, route_named, route_json;
    "condition": Named<Condition> = super::condition::named => condition, condition_named, condition_json;
    "rewrite": Named<Rewrite> = super::rewrite::named => rewrite, rewrite_named, rewrite_json;
    "template": Named<Template> = super::template::named => template, template_named, template_json;
}

/// Reads one blueprint, in any of its shorthand forms.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn blueprint(source: &str) -> Result<Blueprint, Violations> {
    node(&document(source)?, super::blueprint::stored)
}

/// Reads the blueprint of that name; the text may leave the name out, or says the same.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn blueprint_named(source: &str, name: &str) -> Result<Blueprint, Violations> {
    named(source, name, |document| node(document, super::blueprint::stored))
}

/// What was stored may lean on what is deployed already.
pub(in crate::model) fn blueprint_json(json: &Value) -> Result<Blueprint, Violations> {
    node(&Node::from(json), |at, report| super::blueprint::blueprint(at, report, super::blueprint::Form::Request))
}
pub(super) fn named<T>(
    source: &str,
    name: &str,
    read: impl FnOnce(&Node) -> Result<T, Violations>,
) -> Result<T, Violations> {
    let mut document = document(source)?;
    let other = document.get("name").and_then(|found| {
        let text = found.text().filter(|text| *text != name)?;
        let message = format!("the name is `{text}`, but `{name}` is what it is asked for");
        let violation = Violation::new("InconsistentArtifactName", "name", message);
        Some(violation.at(found.position.line, found.position.column).hint("leave `name` out"))
    });
    if document.get("name").is_none() {
        add_name(&mut document, name);
    }
    match (read(&document), other) {
        (read, None) => read,
        (Ok(_), Some(other)) => Err(other.into()),
        (Err(Violations(mut found)), Some(other)) => {
            found.push(other);
            found.sort_by_key(|violation| (violation.line, violation.column));
            Err(Violations(found))
        }
    }
}

fn add_name(document: &mut Node, name: &str) {
    let position = document.position;
    if let Content::Map(entries) = &mut document.content {
        entries.retain(|entry| entry.key != "name");
        let mut value = Node::from(&Value::from(name));
        value.position = position;
        entries.push(Entry { key: "name".to_owned(), position, value });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_left_out_is_the_one_that_is_known() {
        for source in ["port: 80\n", "name:\nport: 80\n", "{\"name\": \"a\", \"port\": 80}"] {
            assert_eq!(gateway_named(source, "a").unwrap().name.as_str(), "a");
        }
    }

    #[test]
    fn another_name_is_told_with_its_place_beside_everything_else() {
        let violations = gateway_named("name: b\nprt: 80\n", "a").unwrap_err();
        let told: Vec<_> = violations.iter().map(|one| (one.code.as_ref(), one.line)).collect();
        assert!(told.contains(&("InconsistentArtifactName", Some(1))), "{told:?}");
        assert!(told.contains(&("UnexpectedElement", Some(2))), "{told:?}");
    }
}
