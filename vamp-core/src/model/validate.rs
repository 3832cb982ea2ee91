//! Checking texts without a server: several at once, which may refer to each other.

use super::{
    Artifacts, Blueprint, Gateway, Stored, expand, import,
    read::{self, Artifact, Document, Kind},
};
use crate::{
    violation::{Violation, Violations},
    yaml::{self, Limits, Node},
};

/// A text, and what it is called: a file.
#[derive(Clone, Copy, Debug)]
pub struct Source<'t> {
    /// The name, as violations tell it.
    pub name: &'t str,
    /// The text: YAML or JSON, with any number of artifacts.
    pub text: &'t str,
}

/// Reads everything in all texts, in order. `kind` is what an artifact is that does not say so itself; without it, its
/// keys say it if they can. What an artifact
/// imports or refers to is looked for among the others; what it only refers to need not be there.
///
/// # Errors
///
/// Everything that is wrong with any of them, text by text.
pub fn validate(sources: &[Source<'_>], kind: Option<Kind>) -> Result<Vec<Document>, Violations> {
    validate_beside(&Artifacts::default(), sources, kind)
}

/// As [`validate`], where artifacts may also import, and refer to, what is stored.
///
/// # Errors
///
/// As [`validate`].
pub fn validate_beside(
    stored: &dyn Stored,
    sources: &[Source<'_>],
    kind: Option<Kind>,
) -> Result<Vec<Document>, Violations> {
    let mut parts = Vec::new();
    let mut violations = vec![Vec::new(); sources.len()];
    for (source, text) in sources.iter().enumerate() {
        match yaml::documents(text.text, Limits::default()) {
            Ok(documents) => {
                let nodes = documents.iter().flat_map(import::artifacts);
                parts.extend(nodes.map(|node| Part::new(source, node)));
            }
            Err(Violations(found)) => violations[source].extend(found),
        }
    }
    let shelf = read_all(&mut parts, stored, kind);
    for part in &mut parts {
        violations[part.source].extend(std::mem::take(&mut part.violations));
        violations[part.source].extend(part.across(&(&shelf, stored)));
    }
    let named = violations.into_iter().zip(sources).flat_map(|(found, source)| {
        let name = |violation: Violation| violation.in_file(source.name);
        found.into_iter().map(name)
    });
    let named: Vec<Violation> = named.collect();
    if named.is_empty() { Ok(parts.into_iter().filter_map(|part| part.read).collect()) } else { Err(Violations(named)) }
}

/// Checks a blueprint once more, whose references were [replaced](expand::blueprint): what needs the content of breeds
/// and routes could not be checked when it was read.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn blueprint(blueprint: &Blueprint) -> Result<(), Violations> {
    let found = read::check_blueprint(blueprint, &Node::from(&serde_json::Value::Null));
    if found.is_empty() { Ok(()) } else { Err(Violations(found)) }
}

/// As [`blueprint`], for a gateway.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn gateway(gateway: &Gateway) -> Result<(), Violations> {
    let found = read::check_gateway(gateway, &Node::from(&serde_json::Value::Null));
    if found.is_empty() { Ok(()) } else { Err(Violations(found)) }
}

/// One artifact on its way.
struct Part {
    source: usize,
    node: Node,
    read: Option<Document>,
    violations: Vec<Violation>,
}

impl Part {
    fn new(source: usize, node: &Node) -> Self {
        Self { source, node: node.clone(), read: None, violations: Vec::new() }
    }

    /// Whether everything that it imports is there.
    fn is_ready(&self, stored: &dyn Stored) -> bool {
        let imports = import::of_node(&self.node).unwrap_or_default();
        imports.iter().all(|(import, _)| stored.artifact(import.kind, &import.name).is_some())
    }

    fn read(&mut self, stored: &dyn Stored, kind: Option<Kind>) {
        let node = std::mem::replace(&mut self.node, Node::from(&serde_json::Value::Null));
        let read = import::into_node(node, stored).and_then(|node| {
            self.node = node;
            read::document_in(&self.node, kind.or_else(|| read::likely_kind(&self.node)))
        });
        match read {
            Ok(document) => self.read = Some(document),
            Err(Violations(found)) => self.violations = found,
        }
    }

    /// What is wrong once references are followed.
    fn across(&self, stored: &dyn Stored) -> Vec<Violation> {
        match &self.read {
            Some(Document::Artifact(Artifact::Blueprint(blueprint))) => {
                let expanded = expand::blueprint(blueprint, stored);
                if expanded.replaced > 0 { read::check_blueprint(&expanded.value, &self.node) } else { Vec::new() }
            }
            Some(Document::Artifact(Artifact::Gateway(gateway))) => {
                let expanded = expand::gateway(gateway, stored);
                if expanded.replaced > 0 { read::check_gateway(&expanded.value, &self.node) } else { Vec::new() }
            }
            _ => Vec::new(),
        }
    }
}

/// Reads every part, those first that import nothing which comes later; answers what others may refer to.
fn read_all(parts: &mut [Part], stored: &dyn Stored, kind: Option<Kind>) -> Artifacts {
    let mut shelf = Artifacts::default();
    let mut waiting: Vec<usize> = (0..parts.len()).collect();
    loop {
        let before = waiting.len();
        let mut later = Vec::new();
        for index in waiting {
            let part = &mut parts[index];
            if !part.is_ready(&(&shelf, stored)) {
                later.push(index);
                continue;
            }
            part.read(&(&shelf, stored), kind);
            if let Some(Document::Artifact(artifact)) = &part.read {
                shelf.insert(artifact.clone());
            }
        }
        waiting = later;
        if waiting.is_empty() || waiting.len() == before {
            break;
        }
    }
    // What is left imports what is not there.
    waiting.into_iter().for_each(|index| parts[index].read(&(&shelf, stored), kind));
    shelf
}

#[cfg(test)]
mod tests;
