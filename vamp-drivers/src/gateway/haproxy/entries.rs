//! What workers know of each gateway, in maps that all gateways share.
//!
//! A map is found by HAProxy once for each rule that uses it, and all gateways of a kind use the same rules. A change
//! concerns single entries, so that its cost does not grow with the number of gateways, and each entry is complete in
//! itself, so that no request sees half a change.

use super::{
    failure::Failure,
    plan::{Live, Plan},
    worker::{Found, Worker},
};
use std::collections::BTreeMap;

/// A map, in the order in which they change: weights are there before the first request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Map {
    /// Class of requests to weights.
    Weights,
    /// Token of a client to the place where it stays, and place to token.
    Sticky,
    /// Host to gateway.
    Hosts,
    /// What stands behind the `*.` to gateway.
    Wildcards,
}

impl Map {
    pub(super) const ALL: [Self; 4] = [Self::Weights, Self::Sticky, Self::Hosts, Self::Wildcards];

    /// The file, as HAProxy knows it; the rules name it, too.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Weights => "maps/weights.map",
            Self::Sticky => "maps/sticky.map",
            Self::Hosts => "maps/hosts.map",
            Self::Wildcards => "maps/wildcards.map",
        }
    }

    const fn is_of_hosts(self) -> bool {
        matches!(self, Self::Hosts | Self::Wildcards)
    }
}

/// The entries of one gateway; `None` = there must be none of it under that key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entries(BTreeMap<(Map, String), Option<String>>);

impl Entries {
    pub(super) fn insert(&mut self, map: Map, key: String, value: String) {
        self.0.insert((map, key), Some(value));
    }

    /// The gateway has no other entries than these, when it had those of `before`.
    pub(super) fn instead_of(&mut self, before: &Self) {
        for key in before.0.keys() {
            self.0.entry(key.clone()).or_insert(None);
        }
    }

    /// Every key, in the order of [`commands`](Self::commands).
    pub(super) fn keys(&self) -> impl Iterator<Item = (Map, &str)> {
        self.0.keys().map(|(map, key)| (*map, key.as_str()))
    }

    /// Whether the shared port knows the gateway.
    pub(super) fn has_hosts(&self) -> bool {
        self.0.keys().any(|(map, _)| map.is_of_hosts())
    }

    /// Commands that bring these entries to a worker that has `found` under [`keys`](Self::keys); none when it has them.
    /// New hosts only with `new_hosts`.
    pub(super) fn commands(&self, found: &[Found], gateway: &str, new_hosts: bool) -> Vec<String> {
        let leads_here = |found: &Found| matches!(found, Found::Value(value) if value == gateway);
        let (mut set, mut gone) = (Vec::new(), Vec::new());
        for (((map, key), wanted), found) in self.0.iter().zip(found) {
            let path = map.path();
            match (wanted, found) {
                (Some(value), Found::Nothing) if new_hosts || !map.is_of_hosts() => {
                    set.push(format!("add map {path} {key} {value}"));
                }
                (Some(value), Found::Value(other)) if value != other => {
                    set.push(format!("set map {path} {key} {value}"));
                }
                // Another gateway may have got the host.
                (None, Found::Value(_)) if leads_here(found) || !map.is_of_hosts() => {
                    gone.push(format!("del map {path} {key}"));
                }
                _ => {}
            }
        }
        set.extend(gone);
        set
    }

    /// A worker has the hosts of a gateway when it has one of them.
    pub(super) fn has_host_in(&self, found: &[Found], gateway: &str) -> bool {
        let ours = |((map, _), found): (&(Map, String), &Found)| {
            map.is_of_hosts() && matches!(found, Found::Value(value) if value == gateway)
        };
        self.0.keys().zip(found).any(ours)
    }
}

/// The texts of the map files, by path.
pub(super) fn files<'a>(gateways: impl Iterator<Item = &'a Live>) -> Result<BTreeMap<String, String>, Failure> {
    let mut texts: BTreeMap<Map, String> = Map::ALL.into_iter().map(|map| (map, String::new())).collect();
    for live in gateways {
        for ((map, key), value) in Plan::of(live)?.entries.0 {
            texts.entry(map).or_default().extend([key.as_str(), " ", value.as_deref().unwrap_or_default(), "\n"]);
        }
    }
    Ok(texts.into_iter().map(|(map, text)| (map.path().to_owned(), text)).collect())
}

/// Takes entries away from a worker that no gateway has: who changed them may have been cut off.
pub(super) async fn sweep<'a>(worker: Worker<'_>, gateways: impl Iterator<Item = &'a Live>) -> Result<(), Failure> {
    let mut wanted = Entries::default();
    for live in gateways {
        wanted.0.append(&mut Plan::of(live)?.entries.0);
    }
    let mut commands = Vec::new();
    for map in Map::ALL {
        // Without the shared port there are no hosts.
        let there = worker.map(map.path()).await?.unwrap_or_default();
        let surplus = there.into_keys().filter(|key| !wanted.0.contains_key(&(map, key.clone())));
        commands.extend(surplus.map(|key| format!("del map {} {key}", map.path())));
    }
    worker.run(&commands).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(list: &[(Map, &str, Option<&str>)]) -> Entries {
        let owned =
            |(map, key, value): &(Map, &str, Option<&str>)| ((*map, (*key).to_owned()), value.map(str::to_owned));
        Entries(list.iter().map(owned).collect())
    }

    #[test]
    fn weights_come_first_and_what_ends_goes_last() {
        let wanted = entries(&[
            (Map::Hosts, "b.example", Some("g")),
            (Map::Hosts, "a.example", None),
            (Map::Weights, "g/", Some("-/0/0/1/1")),
            (Map::Weights, "g/c1", None),
        ]);
        let found = [value("old"), value("gone"), value("g"), Found::Nothing];
        assert_eq!(
            wanted.commands(&found, "g", true),
            [
                "set map maps/weights.map g/ -/0/0/1/1",
                "add map maps/hosts.map b.example g",
                "del map maps/weights.map g/c1",
                "del map maps/hosts.map a.example",
            ]
        );
        assert!(!wanted.commands(&found, "g", false).iter().any(|command| command.contains("b.example")));
    }

    #[test]
    fn what_is_there_needs_no_command_and_the_host_of_another_stays() {
        let wanted = entries(&[(Map::Weights, "g/", Some("x")), (Map::Hosts, "a.example", None)]);
        assert_eq!(wanted.commands(&[value("x"), value("other")], "g", true), Vec::<String>::new());
    }

    #[test]
    fn an_entry_that_is_not_wanted_any_more_must_go() {
        let mut next = entries(&[(Map::Weights, "g/", Some("1"))]);
        next.instead_of(&entries(&[(Map::Weights, "g/", Some("0")), (Map::Sticky, "g//s/x", Some("g.r0"))]));
        assert_eq!(next, entries(&[(Map::Weights, "g/", Some("1")), (Map::Sticky, "g//s/x", None)]));
    }

    fn value(text: &str) -> Found {
        Found::Value(text.to_owned())
    }
}
