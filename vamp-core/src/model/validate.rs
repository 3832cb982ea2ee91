//! Checking texts without a server: several at once, which may refer to each other.

use super::read::{self, Artifact, Kind};
use crate::violation::Violations;

/// A text, and what it is called: a file.
#[derive(Clone, Copy, Debug)]
pub struct Source<'t> {
    /// The name, as violations tell it.
    pub name: &'t str,
    /// The text: YAML or JSON, with any number of artifacts.
    pub text: &'t str,
}

/// Reads all artifacts of all texts. `kind` is what an artifact is that does not say so itself.
///
/// # Errors
///
/// Everything that is wrong with any of them, text by text.
pub fn validate(sources: &[Source<'_>], kind: Option<Kind>) -> Result<Vec<Artifact>, Violations> {
    let (mut artifacts, mut violations) = (Vec::new(), Vec::new());
    for source in sources {
        match read::artifacts(source.text, kind) {
            Ok(found) => artifacts.extend(found),
            Err(Violations(found)) => violations.extend(found.into_iter().map(|one| one.in_file(source.name))),
        }
    }
    if violations.is_empty() { Ok(artifacts) } else { Err(Violations(violations)) }
}
