//! The kinds of artifacts on the command line: singular or plural.

use clap::ValueEnum;

/// A kind of artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    #[value(name = "blueprints", alias = "blueprint")]
    Blueprints,
    #[value(name = "breeds", alias = "breed")]
    Breeds,
    #[value(name = "conditions", alias = "condition")]
    Conditions,
    #[value(name = "deployments", alias = "deployment")]
    Deployments,
    #[value(name = "escalations", alias = "escalation")]
    Escalations,
    #[value(name = "gateways", alias = "gateway")]
    Gateways,
    #[value(name = "rewrites", alias = "rewrite")]
    Rewrites,
    #[value(name = "routes", alias = "route")]
    Routes,
    #[value(name = "scales", alias = "scale")]
    Scales,
    #[value(name = "slas", alias = "sla")]
    Slas,
    #[value(name = "templates", alias = "template")]
    Templates,
    #[value(name = "workflows", alias = "workflow")]
    Workflows,
}

impl Kind {
    /// As in paths of the API.
    pub(crate) const fn plural(self) -> &'static str {
        match self {
            Self::Blueprints => "blueprints",
            Self::Breeds => "breeds",
            Self::Conditions => "conditions",
            Self::Deployments => "deployments",
            Self::Escalations => "escalations",
            Self::Gateways => "gateways",
            Self::Rewrites => "rewrites",
            Self::Routes => "routes",
            Self::Scales => "scales",
            Self::Slas => "slas",
            Self::Templates => "templates",
            Self::Workflows => "workflows",
        }
    }

    /// One of them.
    pub(crate) fn singular(self) -> &'static str {
        self.plural().trim_end_matches('s')
    }

    /// The kind that a document says it is.
    pub(crate) fn named(text: &str) -> Option<Self> {
        let fits = |kind: &&Self| text == kind.plural() || text == kind.singular();
        Self::value_variants().iter().find(fits).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_known_by_its_singular_and_its_plural() {
        for kind in Kind::value_variants() {
            for name in [kind.plural(), kind.singular()] {
                assert_eq!(Kind::from_str(name, false), Ok(*kind), "{name}");
                assert_eq!(Kind::named(name), Some(*kind), "{name}");
            }
        }
        assert_eq!(Kind::named("brood"), None);
    }
}
