//! Documents of any kind, deployments among them: what one request may bring.

use super::{
    Artifact, DeploymentRequest, Kind,
    artifact::{kind_of, read as read_artifact},
    deployment_node, document, flatten,
    whole::named,
};
use crate::{
    model::Name,
    violation::{Violation, Violations},
    yaml::{self, Content, Limits, Node},
};

/// One document of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// An artifact.
    Artifact(Artifact),
    /// What is to be merged into, or taken out of, a deployment.
    Deployment {
        /// The deployment.
        name: Name,
        /// What it is to have, or to lose.
        request: DeploymentRequest,
    },
}

/// Reads one artifact of a kind.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn artifact(source: &str, kind: Kind) -> Result<Artifact, Violations> {
    read_artifact(&document(source)?, kind)
}

/// Reads the artifact of that kind and name; the text may leave the name out, or says the same.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn artifact_named(source: &str, kind: Kind, name: &str) -> Result<Artifact, Violations> {
    named(source, name, |document| read_artifact(document, kind))
}

/// Reads every document of a text, in order; each says its kind, one of the artifacts' or `deployments`.
///
/// # Errors
///
/// Everything that is wrong with any of them.
pub fn documents(source: &str) -> Result<Vec<Document>, Violations> {
    let documents = yaml::documents(source, Limits::default())?;
    let mut nodes = Vec::new();
    documents.iter().for_each(|document| flatten(document, &mut nodes));
    let (mut read, mut violations) = (Vec::new(), Vec::new());
    for node in nodes {
        match document_in(node, None) {
            Ok(document) => read.push(document),
            Err(Violations(found)) => violations.extend(found),
        }
    }
    match (violations.is_empty(), read.is_empty()) {
        (true, true) => Err(Violation::new("UnexpectedTypeError", "", "there is no document").into()),
        (true, false) => Ok(read),
        (false, _) => Err(Violations(violations)),
    }
}

/// Reads one document; `kind` is what it is when it does not say so itself.
pub(in crate::model) fn document_in(node: &Node, kind: Option<Kind>) -> Result<Document, Violations> {
    let is_deployment = |kind: &Node| matches!(kind.text(), Some("deployments" | "deployment"));
    if !node.get("kind").is_some_and(is_deployment) {
        return read_artifact(node, kind_of(node, kind)?).map(Document::Artifact);
    }
    let Some(named) = node.get("name") else {
        let missing = Violation::new("MissingPathValueError", "name", "`name` is missing");
        return Err(missing.at(node.position.line, node.position.column).into());
    };
    let name = named.text().unwrap_or(named.kind()).parse::<Name>().map_err(|error| {
        let refused = Violation::new("IllegalName", "name", error.to_string());
        refused.at(named.position.line, named.position.column)
    })?;
    // Without its kind it is what a request to one deployment brings: perhaps only the name of a blueprint.
    let mut request = node.clone();
    if let Content::Map(entries) = &mut request.content {
        entries.retain(|entry| entry.key != "kind");
    }
    Ok(Document::Deployment { name, request: deployment_node(&request)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_of_any_kind_are_read_in_order() {
        let source = "kind: scale\nname: small\ncpu: 1\nmemory: 1GB\ninstances: 1\n---\nkind: deployments\nname: shop\n---\n- {kind: conditions, name: c, condition: User-Agent == x}\n";
        let read = documents(source).unwrap();
        assert!(matches!(&read[0], Document::Artifact(Artifact::Scale(scale)) if scale.name == "small"), "{read:?}");
        let Document::Deployment { name, request: DeploymentRequest::Stored(blueprint) } = &read[1] else {
            panic!("{read:?}")
        };
        assert_eq!((name.as_str(), blueprint.as_str()), ("shop", "shop"));
        assert!(matches!(&read[2], Document::Artifact(Artifact::Condition(_))), "{read:?}");
    }

    #[test]
    fn everything_that_is_wrong_with_any_document_is_told() {
        let codes =
            |source| -> Vec<String> { documents(source).unwrap_err().iter().map(|one| one.code.to_string()).collect() };
        assert_eq!(codes("name: a\n---\nkind: nothing\n---\nkind: deployments\n").len(), 3);
        assert_eq!(codes("kind: deployments\nname: a/b\n"), ["IllegalName"]);
        assert_eq!(codes(""), ["UnexpectedTypeError"]);
    }

    #[test]
    fn an_artifact_is_read_as_the_kind_that_is_asked_for() {
        let scale = "cpu: 1\nmemory: 1GB\ninstances: 2\n";
        assert_eq!(artifact_named(scale, Kind::Scale, "small").unwrap().name(), "small");
        assert_eq!(artifact(&format!("name: small\n{scale}"), Kind::Scale).unwrap().kind(), Kind::Scale);
        assert!(artifact(&format!("name: small\nkind: breeds\n{scale}"), Kind::Scale).is_err());
    }
}
