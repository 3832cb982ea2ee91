//! References between artifacts: shown as they are, expanded to what they stand for, or reduced to names.

use super::{Api, error::Problem};
use std::borrow::Cow;
use vamp_core::{
    Violation, Violations,
    engine::Failure,
    model::{Blueprint, Reference, expand, read::Artifact},
};

/// How references are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// As they are stored.
    Stored,
    /// As what they stand for.
    Expanded,
    /// What stands in place as a reference, too, if it has a name.
    Named,
}

/// An artifact in this shape.
pub(super) async fn shaped<'a>(api: &Api, artifact: &'a Artifact, shape: Shape) -> Result<Cow<'a, Artifact>, Problem> {
    Ok(match shape {
        Shape::Stored => Cow::Borrowed(artifact),
        Shape::Expanded => Cow::Owned(api.engine.expand_any(artifact).await?),
        Shape::Named => Cow::Owned(expand::only_references(artifact)),
    })
}

/// The refusal of a name in a body that nothing has, as the original has it: 400.
pub(super) fn missing(path: impl Into<String>, kind: &str, name: &str) -> Problem {
    let message = format!("{kind} `{name}` does not exist");
    Failure::Invalid(Violation::new("ArtifactNotFound", path, message).into()).into()
}

/// What a blueprint refers to and is not there, with the place in it.
pub(super) fn in_blueprint(failure: Failure, blueprint: &Blueprint) -> Problem {
    let Failure::NotFound { kind, name } = &failure else { return failure.into() };
    let mut violations = Vec::new();
    for cluster in &blueprint.clusters {
        for (index, service) in cluster.services.iter().enumerate() {
            let breed = matches!(&service.breed, Reference::Reference(of) if of == name.as_str());
            let scale = matches!(&service.scale, Some(Reference::Reference(of)) if of == name.as_str());
            for (refers, key, of) in [(breed, "breed", "breeds"), (scale, "scale", "scales")] {
                if refers && of == *kind {
                    let path = format!("clusters/{}/services/{index}/{key}", cluster.name);
                    violations.push(Violation::new("ArtifactNotFound", path, failure.to_string()));
                }
            }
        }
    }
    match violations.is_empty() {
        true => missing("", kind, name),
        false => Failure::Invalid(Violations(violations)).into(),
    }
}
