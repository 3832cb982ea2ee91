//! [`Complete`]: what makes the absence of a gateway believable.

use crate::digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The mark beside the gateways in the key-value store: a gateway that is not there is gone only when those that are
/// there are the ones that this names. A store that lost some of them, one by one or all at once, does not match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Complete {
    /// The digest of the names that are written.
    names: String,
    /// Gateways that exist and are not written, because they cannot be for now: agents keep what they serve.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    kept: BTreeSet<String>,
}

impl Complete {
    /// The mark for these names, sorted, and for those that exist without being written.
    #[must_use]
    pub fn of<'a>(names: impl Iterator<Item = &'a String>, kept: BTreeSet<String>) -> Self {
        Self { names: digest_of(names), kept }
    }

    /// Whether these names, sorted, are all that were written.
    #[must_use]
    pub fn matches<'a>(&self, names: impl Iterator<Item = &'a String>) -> bool {
        self.names == digest_of(names)
    }

    /// Whether this gateway exists though it is not written.
    #[must_use]
    pub fn keeps(&self, name: &str) -> bool {
        self.kept.contains(name)
    }
}

fn digest_of<'a>(names: impl Iterator<Item = &'a String>) -> String {
    digest::of_json(&names.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_same_names_match() {
        let names = |text: &str| text.split_whitespace().map(str::to_owned).collect::<BTreeSet<String>>();
        let mark = Complete::of(names("a b c").iter(), names("d"));
        assert!(mark.matches(names("c b a").iter()));
        for other in ["a b", "a b c d", "", "ab c", "a b d"] {
            assert!(!mark.matches(names(other).iter()), "{other}");
        }
        assert!(mark.keeps("d") && !mark.keeps("a"));
    }
}
