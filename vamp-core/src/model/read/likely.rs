//! What a document is that does not say so: what its keys say.

use super::Kind;
use crate::yaml::Node;

/// Keys that only one kind has.
const TELLING: &[(Kind, &[&str])] = &[
    (Kind::Breed, &["deployable"]),
    (Kind::Blueprint, &["clusters"]),
    (Kind::Gateway, &["routes", "port", "virtual_hosts"]),
    (Kind::Workflow, &["schedule"]),
    (Kind::Sla, &["threshold", "window"]),
    (Kind::Scale, &["cpu", "memory"]),
    (Kind::Escalation, &["minimum", "maximum", "scale_by"]),
    (Kind::Route, &["weight", "condition_strength", "rewrites", "balance"]),
    (Kind::Rewrite, &["path"]),
    (Kind::Template, &["definition", "def"]),
];

/// Types that only one kind has.
const TYPES: &[(Kind, &[&str])] = &[
    (Kind::Sla, &["response_time_sliding_window", "escalation_only"]),
    (Kind::Escalation, &["scale_instances", "scale_cpu", "scale_memory", "to_all", "to_one"]),
];

/// The only kind that its keys speak of; `None` when they speak of several, or of none.
pub(in crate::model) fn likely_kind(document: &Node) -> Option<Kind> {
    let has = |keys: &[&str]| keys.iter().any(|key| document.get(key).is_some());
    let of_type = document.get("type").and_then(Node::text);
    let by_key = TELLING.iter().filter(|(_, keys)| has(keys));
    let by_type = TYPES.iter().filter(|(_, types)| of_type.is_some_and(|of| types.contains(&of)));
    let mut kinds: Vec<Kind> = by_key.chain(by_type).map(|(kind, _)| *kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    if let [only] = kinds.as_slice() { Some(*only) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{self, Limits};

    #[test]
    fn the_keys_of_a_document_say_what_it_is_unless_they_say_several_things() {
        let likely = |text: &str| likely_kind(&yaml::documents(text, Limits::default()).expect(text)[0]);
        for (text, kind) in [
            ("{name: a, deployable: b, ports: {web: 80}}", Kind::Breed),
            ("{name: a, clusters: {}, gateways: {}}", Kind::Blueprint),
            ("{name: a, routes: {}}", Kind::Gateway),
            ("{name: a, breed: b, schedule: daemon, scale: c}", Kind::Workflow),
            ("{name: a, type: escalation_only}", Kind::Sla),
            ("{name: a, cpu: 1, memory: 1GB}", Kind::Scale),
            ("{name: a, type: scale_cpu, minimum: 1}", Kind::Escalation),
            ("{name: a, weight: 50%, condition: x == y}", Kind::Route),
            ("{name: a, path: /b if path is /c}", Kind::Rewrite),
            ("{name: a, def: {}}", Kind::Template),
        ] {
            assert_eq!(likely(text), Some(kind), "{text}");
        }
        // A condition, or a route with nothing but one.
        for text in ["{name: a, condition: host == b}", "{name: a, clusters: {}, port: 80}", "{name: a}", "a"] {
            assert_eq!(likely(text), None, "{text}");
        }
    }
}
