//! What `$config://path` and `$env://NAME` stand for in artifacts.

use std::{collections::BTreeMap, fmt};
use vamp_core::model::resolve::Globals;

/// The settings of the server, as its API shows them, and of its environment what it was told to share. Whoever may store
/// an artifact may read all of it.
#[derive(Default)]
pub(crate) struct Shared {
    settings: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
}

impl Shared {
    /// `share` are names of variables; one that ends in `*` stands for all with that beginning.
    pub(crate) fn new(
        settings: BTreeMap<String, String>,
        share: &[String],
        variables: impl Iterator<Item = (String, String)>,
    ) -> Self {
        let is_shared = |name: &str| {
            share.iter().any(|one| one.strip_suffix('*').map_or(one == name, |beginning| name.starts_with(beginning)))
        };
        Self { settings, environment: variables.filter(|(name, _)| is_shared(name)).collect() }
    }
}

impl Globals for Shared {
    fn configuration(&self, path: &str) -> Option<String> {
        self.settings.get(path).cloned()
    }

    fn environment(&self, name: &str) -> Option<String> {
        self.environment.get(name).cloned()
    }

    fn hint(&self) -> Option<&str> {
        Some(
            "`vamp config` lists the settings; a variable is for artifacts when the server is started with --share-env NAME",
        )
    }
}

/// Names only: values may be secrets.
impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (settings, environment) = (self.settings.keys(), self.environment.keys());
        f.debug_struct("Shared")
            .field("settings", &settings.collect::<Vec<_>>())
            .field("environment", &environment.collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_is_shared_and_never_shown() {
        let variables =
            ["DB_URL", "DB_PASSWORD", "HOME", "VAMP_TOKEN"].map(|name| (name.to_owned(), "hush".to_owned()));
        let settings = [("vamp.namespace".to_owned(), "hush".to_owned())].into();
        let shared = Shared::new(settings, &["DB_*".to_owned(), "HOME".to_owned()], variables.clone().into_iter());
        for (name, known) in [("DB_URL", true), ("HOME", true), ("VAMP_TOKEN", false), ("HOM", false), ("", false)] {
            assert_eq!(shared.environment(name).is_some(), known, "{name}");
        }
        assert!(shared.configuration("vamp.namespace").is_some() && shared.configuration("vamp").is_none());
        assert!(!format!("{shared:?}").contains("hush"), "{shared:?}");
        let nothing = Shared::new(BTreeMap::new(), &[], variables.into_iter());
        assert_eq!(nothing.environment("HOME"), None);
    }
}
