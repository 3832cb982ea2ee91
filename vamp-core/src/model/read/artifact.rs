//! Artifacts of any kind.

use super::{blueprint, breed, condition, escalation, gateway, node, rewrite, route, scale, sla, template, workflow};
use crate::{
    condition::Condition,
    model::{Blueprint, Breed, Escalation, Gateway, Named, Route, Scale, Sla, Template, Workflow},
    routing::Rewrite,
    violation::{Violation, Violations},
    yaml::Node,
};
use std::{fmt, str::FromStr};

/// A kind of artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `breeds`.
    Breed,
    /// `blueprints`.
    Blueprint,
    /// `gateways`.
    Gateway,
    /// `workflows`.
    Workflow,
    /// `slas`.
    Sla,
    /// `scales`.
    Scale,
    /// `escalations`.
    Escalation,
    /// `routes`.
    Route,
    /// `conditions`.
    Condition,
    /// `rewrites`.
    Rewrite,
    /// `templates`.
    Template,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Breed,
        Self::Blueprint,
        Self::Gateway,
        Self::Workflow,
        Self::Sla,
        Self::Scale,
        Self::Escalation,
        Self::Route,
        Self::Condition,
        Self::Rewrite,
        Self::Template,
    ];

    /// The plural, as in paths of the API.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Breed => "breeds",
            Self::Blueprint => "blueprints",
            Self::Gateway => "gateways",
            Self::Workflow => "workflows",
            Self::Sla => "slas",
            Self::Scale => "scales",
            Self::Escalation => "escalations",
            Self::Route => "routes",
            Self::Condition => "conditions",
            Self::Rewrite => "rewrites",
            Self::Template => "templates",
        }
    }

    /// The singular, as older documents have it.
    #[must_use]
    pub fn singular(self) -> &'static str {
        let plural = self.plural();
        plural.strip_suffix('s').unwrap_or(plural)
    }
}

impl fmt::Display for Kind {
    /// The plural.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.plural())
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
        let matches = |kind: &Self| kind.plural() == text || kind.singular() == text;
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
    /// A workflow.
    Workflow(Box<Workflow>),
    /// A service level agreement.
    Sla(Named<Sla>),
    /// A scale.
    Scale(Named<Scale>),
    /// An escalation.
    Escalation(Named<Escalation>),
    /// The settings of a route.
    Route(Box<Named<Route<()>>>),
    /// A condition.
    Condition(Named<Condition>),
    /// A change of the path of a request.
    Rewrite(Named<Rewrite>),
    /// A template.
    Template(Named<Template>),
}

impl Artifact {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Breed(_) => Kind::Breed,
            Self::Blueprint(_) => Kind::Blueprint,
            Self::Gateway(_) => Kind::Gateway,
            Self::Workflow(_) => Kind::Workflow,
            Self::Sla(_) => Kind::Sla,
            Self::Scale(_) => Kind::Scale,
            Self::Escalation(_) => Kind::Escalation,
            Self::Route(_) => Kind::Route,
            Self::Condition(_) => Kind::Condition,
            Self::Rewrite(_) => Kind::Rewrite,
            Self::Template(_) => Kind::Template,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Breed(breed) => breed.name.as_str(),
            Self::Blueprint(blueprint) => blueprint.name.as_str(),
            Self::Gateway(gateway) => gateway.name.as_str(),
            Self::Workflow(workflow) => workflow.name.as_str(),
            Self::Sla(sla) => sla.name.as_str(),
            Self::Scale(scale) => scale.name.as_str(),
            Self::Escalation(escalation) => escalation.name.as_str(),
            Self::Route(route) => route.name.as_str(),
            Self::Condition(condition) => condition.name.as_str(),
            Self::Rewrite(rewrite) => rewrite.name.as_str(),
            Self::Template(template) => template.name.as_str(),
        }
    }
}

/// The kind of a document: its own, or else `default`.
pub(super) fn kind_of(document: &Node, default: Option<Kind>) -> Result<Kind, Violations> {
    let refuse = |place: &Node, code, message: String| {
        let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.plural()).collect();
        let violation = Violation::new(code, "kind", message).at(place.position.line, place.position.column);
        Violations::from(violation.hint(format!("write one of `{}`", kinds.join("`, `"))))
    };
    match (document.get("kind"), default) {
        (None, Some(kind)) => Ok(kind),
        (None, None) => Err(refuse(document, "MissingPathValueError", "`kind` is missing".to_owned())),
        (Some(at), _) => {
            let parsed = at.text().unwrap_or(at.kind()).parse();
            parsed.map_err(|error: UnknownKind| refuse(at, "UnexpectedArtifact", error.to_string()))
        }
    }
}

/// Reads an artifact of a kind; one that says another kind is refused.
pub(super) fn read(document: &Node, kind: Kind) -> Result<Artifact, Violations> {
    match kind {
        Kind::Breed => node(document, breed::whole).map(Box::new).map(Artifact::Breed),
        Kind::Blueprint => node(document, blueprint::stored).map(Box::new).map(Artifact::Blueprint),
        Kind::Gateway => node(document, gateway::gateway).map(Box::new).map(Artifact::Gateway),
        Kind::Workflow => node(document, workflow::workflow).map(Box::new).map(Artifact::Workflow),
        Kind::Sla => node(document, sla::named).map(Artifact::Sla),
        Kind::Scale => node(document, scale::named).map(Artifact::Scale),
        Kind::Escalation => node(document, escalation::named).map(Artifact::Escalation),
        Kind::Route => node(document, route::named).map(Box::new).map(Artifact::Route),
        Kind::Condition => node(document, condition::named).map(Artifact::Condition),
        Kind::Rewrite => node(document, rewrite::named).map(Artifact::Rewrite),
        Kind::Template => node(document, template::named).map(Artifact::Template),
    }
}
