//! Artifacts whose name is known from elsewhere, such as the path of a request.

use super::{blueprint, breed, condition, document, gateway, node, scale};
use crate::{
    condition::Condition,
    model::{Blueprint, Breed, Gateway, Named, Scale},
    violation::{Violation, Violations},
    yaml::{Content, Entry, Node},
};

/// Reads the gateway of that name; the text may leave the name out, or says the same.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn gateway_named(source: &str, name: &str) -> Result<Gateway, Violations> {
    named(source, name, |document| node(document, gateway::gateway))
}

/// Reads the breed of that name; the text may leave the name out, or says the same.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn breed_named(source: &str, name: &str) -> Result<Breed, Violations> {
    named(source, name, |document| node(document, |at, report| breed::breed(at, report, &[])))
}

/// Reads the blueprint of that name; the text may leave the name out, or says the same.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn blueprint_named(source: &str, name: &str) -> Result<Blueprint, Violations> {
    let read = |document: &Node| node(document, |at, report| blueprint::blueprint(at, report, blueprint::Form::Stored));
    named(source, name, read)
}

/// Reads the scale of that name; the text may leave the name out, or says the same.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn scale_named(source: &str, name: &str) -> Result<Named<Scale>, Violations> {
    named(source, name, |document| node(document, scale::named))
}

/// Reads the condition of that name; the text may leave the name out, or says the same.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn condition_named(source: &str, name: &str) -> Result<Named<Condition>, Violations> {
    named(source, name, |document| node(document, condition::named))
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
        let mut value = Node::from(&serde_json::Value::from(name));
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
