//! Artifacts of any kind.

use super::{
    blueprint::{self, Form},
    breed, condition, gateway, node, scale,
};
use crate::{
    condition::Condition,
    model::{Blueprint, Breed, Gateway, Named, Scale},
    violation::{Violation, Violations},
    yaml::Node,
};
use std::str::FromStr;

/// A kind of artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `breeds`.
    Breed,
    /// `blueprints`.
    Blueprint,
    /// `gateways`.
    Gateway,
    /// `scales`.
    Scale,
    /// `conditions`.
    Condition,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Breed, Self::Blueprint, Self::Gateway, Self::Scale, Self::Condition];

    /// The plural, as in paths of the API.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Breed => "breeds",
            Self::Blueprint => "blueprints",
            Self::Gateway => "gateways",
            Self::Scale => "scales",
            Self::Condition => "conditions",
        }
    }
}

/// A text that is no kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a kind of artifact")]
pub struct UnknownKind(String);

impl FromStr for Kind {
    type Err = UnknownKind;

    /// Reads the plural and the singular.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let matches = |kind: &Self| kind.plural() == text || kind.plural().strip_suffix('s') == Some(text);
        Self::ALL.into_iter().find(matches).ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

/// An artifact of any kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Artifact {
    /// A breed.
    Breed(Box<Breed>),
    /// A blueprint.
    Blueprint(Box<Blueprint>),
    /// A gateway.
    Gateway(Box<Gateway>),
    /// A named scale.
    Scale(Named<Scale>),
    /// A named condition.
    Condition(Named<Condition>),
}

impl Artifact {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Breed(_) => Kind::Breed,
            Self::Blueprint(_) => Kind::Blueprint,
            Self::Gateway(_) => Kind::Gateway,
            Self::Scale(_) => Kind::Scale,
            Self::Condition(_) => Kind::Condition,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Breed(breed) => breed.name.as_str(),
            Self::Blueprint(blueprint) => blueprint.name.as_str(),
            Self::Gateway(gateway) => gateway.name.as_str(),
            Self::Scale(scale) => scale.name.as_str(),
            Self::Condition(condition) => condition.name.as_str(),
        }
    }
}

/// Reads an artifact by its own `kind`, or as `default`.
pub(super) fn read(artifact: &Node, default: Option<Kind>) -> Result<Artifact, Violations> {
    let refuse = |place: &Node, code, message: String| {
        let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.plural()).collect();
        let violation = Violation::new(code, "kind", message).at(place.position.line, place.position.column);
        Violations::from(violation.hint(format!("write one of `{}`", kinds.join("`, `"))))
    };
    let kind = match (default, artifact.get("kind")) {
        (Some(kind), _) => kind,
        (None, None) => return Err(refuse(artifact, "MissingPathValueError", "`kind` is missing".to_owned())),
        (None, Some(at)) => {
            let parsed = at.text().unwrap_or(at.kind()).parse();
            parsed.map_err(|error: UnknownKind| refuse(at, "UnexpectedArtifact", error.to_string()))?
        }
    };
    match kind {
        Kind::Breed => node(artifact, |at, report| breed::breed(at, report, &[])).map(Box::new).map(Artifact::Breed),
        Kind::Blueprint => node(artifact, |at, report| blueprint::blueprint(at, report, Form::Stored))
            .map(Box::new)
            .map(Artifact::Blueprint),
        Kind::Gateway => node(artifact, gateway::gateway).map(Box::new).map(Artifact::Gateway),
        Kind::Scale => node(artifact, scale::named).map(Artifact::Scale),
        Kind::Condition => node(artifact, condition::named).map(Artifact::Condition),
    }
}
