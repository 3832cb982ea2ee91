//! Clients that stay: a cookie holds a token, and a map says where a token leads.
//!
//! A token stands for a route by its name, or for an instance by its id, never for a place: whoever moves into a place
//! later does not get the clients of who was there before. In each class of requests a token only leads to routes that
//! have a share there, so a condition at full strength, or a weight of zero, takes clients away.

use super::{
    entries::{Entries, Map},
    values,
};
use std::collections::BTreeMap;
use vamp_core::routing::Sticky;

/// What the entries are made of.
#[derive(Debug)]
pub(super) struct Seats<'a> {
    pub(super) section: &'a str,
    /// By prefix of the decision.
    pub(super) sticky: &'a BTreeMap<String, Sticky>,
    /// The names of the routes by path.
    pub(super) routes: &'a BTreeMap<String, String>,
    /// The paths of the backends.
    pub(super) backends: &'a [String],
    /// Path, slot and id of those that get requests.
    pub(super) instances: Vec<(String, usize, String)>,
}

impl Seats<'_> {
    /// Adds where tokens lead (`<section>/<class>/s/<token>`) and what the token of a place is
    /// (`<backend>/<server>/<prefix>`, without a server when clients stick to the route).
    pub(super) fn add(&self, classes: &BTreeMap<String, Vec<u32>>, into: &mut Entries) {
        for (class, weights) in classes {
            let (prefix, _) = values::split_class(class);
            let Some(&sticky) = self.sticky.get(prefix) else { continue };
            for (place, _) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0) {
                self.add_incoming(class, &format!("{prefix}r{place}"), sticky, into);
            }
        }
        for (prefix, &sticky) in self.sticky {
            for backend in self.backends {
                self.add_outgoing(prefix, backend, sticky, into);
            }
        }
    }

    fn add_incoming(&self, class: &str, path: &str, sticky: Sticky, into: &mut Entries) {
        let section = self.section;
        let key = |name: &str| format!("{}/s/{}", values::class_key(section, class), Sticky::token(name));
        if sticky.is_by_instance() && self.is_backend(path) {
            for (_, slot, id) in self.instances_of(path) {
                into.insert(Map::Sticky, key(id), format!("{section}.{path}/s{slot}"));
            }
        } else if let Some(name) = self.routes.get(path) {
            into.insert(Map::Sticky, key(name), format!("{section}.{path}"));
        }
    }

    fn add_outgoing(&self, prefix: &str, backend: &str, sticky: Sticky, into: &mut Entries) {
        let Some(rest) = backend.strip_prefix(prefix) else { return };
        let place = rest.split('.').next().unwrap_or_default();
        let path = format!("{prefix}{place}");
        let key = |server: &str| format!("{}.{backend}/{server}/{prefix}", self.section);
        if sticky.is_by_instance() && path == backend {
            for (_, slot, id) in self.instances_of(&path) {
                into.insert(Map::Sticky, key(&format!("s{slot}")), Sticky::token(id));
            }
        } else if let Some(name) = self.routes.get(&path) {
            into.insert(Map::Sticky, key(""), Sticky::token(name));
        }
    }

    fn is_backend(&self, path: &str) -> bool {
        self.backends.iter().any(|backend| backend == path)
    }

    fn instances_of(&self, path: &str) -> impl Iterator<Item = &(String, usize, String)> {
        self.instances.iter().filter(move |(of, _, _)| of == path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(sticky: Sticky, instances: &[(&str, usize, &str)]) -> Entries {
        let owned = |(path, slot, id): &(&str, usize, &str)| ((*path).to_owned(), *slot, (*id).to_owned());
        let seats = Seats {
            section: "g",
            sticky: &BTreeMap::from([(String::new(), sticky)]),
            routes: &BTreeMap::from([("r0".to_owned(), "one".to_owned()), ("r1".to_owned(), "two".to_owned())]),
            backends: &["r0".to_owned(), "r1.r0".to_owned()],
            instances: instances.iter().map(owned).collect(),
        };
        let classes = BTreeMap::from([("p".to_owned(), vec![1_000_000, 0]), ("c1".to_owned(), vec![0, 1_000_000])]);
        let mut entries = Entries::default();
        seats.add(&classes, &mut entries);
        entries
    }

    #[test]
    fn a_token_leads_only_where_its_class_of_requests_goes() {
        let mut expected = Entries::default();
        for (key, value) in [
            (format!("g/c1/s/{}", Sticky::token("two")), "g.r1".to_owned()),
            (format!("g//s/{}", Sticky::token("one")), "g.r0".to_owned()),
            ("g.r0//".to_owned(), Sticky::token("one")),
            ("g.r1.r0//".to_owned(), Sticky::token("two")),
        ] {
            expected.insert(Map::Sticky, key, value);
        }
        assert_eq!(entries(Sticky::ROUTE, &[]), expected);
    }

    #[test]
    fn who_moves_into_a_slot_gets_another_token() {
        let of = |id: &str| {
            let mut expected = Entries::default();
            expected.insert(Map::Sticky, format!("g//s/{}", Sticky::token(id)), "g.r0/s1".to_owned());
            expected.insert(Map::Sticky, "g.r0/s1/".to_owned(), Sticky::token(id));
            expected.insert(Map::Sticky, format!("g/c1/s/{}", Sticky::token("two")), "g.r1".to_owned());
            expected.insert(Map::Sticky, "g.r1.r0//".to_owned(), Sticky::token("two"));
            expected
        };
        for id in ["first", "second"] {
            assert_eq!(entries(Sticky::INSTANCE, &[("r0", 1, id)]), of(id));
        }
    }
}
