//! What selectors lead to.

use super::{Instance, Services};
use crate::model::{Candidate, Selector, group_name};
use std::collections::{BTreeMap, BTreeSet};

/// One port of a running instance that selectors can select.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selectable {
    /// What selectors see.
    pub candidate: Candidate,
    /// What requests are sent to.
    pub instance: Instance,
    /// The service that it is an instance of ([`ServicePath::service_key`](super::ServicePath::service_key)).
    pub service: String,
}

/// What a selector selects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selected {
    /// The instances by the name of their group, which is what the patterns captured. An instance is reached on the
    /// first of its ports that matches.
    pub groups: BTreeMap<String, Vec<Instance>>,
    /// The services ([`ServicePath::service_key`](super::ServicePath::service_key)) that they are instances of.
    pub services: BTreeSet<String>,
}

/// Asks a selector about everything that runs.
///
/// # Errors
///
/// The reason why it is not known what runs.
pub fn select(selector: &Selector, services: &dyn Services) -> Result<Selected, String> {
    let matcher = selector.matcher(services.namespace());
    let (mut selected, mut seen) = (Selected::default(), BTreeSet::new());
    for one in services.selectable()? {
        let Some(tags) = matcher.tags(&one.candidate) else { continue };
        if seen.insert(one.instance.id.clone()) {
            selected.groups.entry(group_name(&tags)).or_default().push(one.instance);
            selected.services.insert(one.service);
        }
    }
    selected.groups.values_mut().for_each(|group| group.sort_by(|left, right| left.id.cmp(&right.id)));
    Ok(selected)
}

impl Selected {
    /// The instances of all groups, sorted by id.
    #[must_use]
    pub fn all(self) -> Vec<Instance> {
        let mut all: Vec<Instance> = self.groups.into_values().flatten().collect();
        all.sort_by(|left, right| left.id.cmp(&right.id));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Group, read},
        routing::{Gateway, ServicePath, Traffic, compile_one},
    };
    use std::{num::NonZeroU16, sync::Arc};

    /// Instances by the name of what they are instances of; each has two ports.
    struct Runs(Vec<(&'static str, Traffic)>);

    impl Services for Runs {
        fn instances(&self, _: &ServicePath) -> Result<Vec<Instance>, String> {
            Ok(Vec::new())
        }

        fn leaving(&self, _: &str, _: &str, _: &str) -> Vec<ServicePath> {
            Vec::new()
        }

        fn selectable(&self) -> Result<Vec<Selectable>, String> {
            let port = |name: &str, traffic, index| {
                let group = Arc::new(Group { name: name.to_owned(), ..Group::default() });
                let (host, number) = ("h".to_owned(), 80 + index);
                let candidate = Candidate { group, ip: host.clone(), ports: vec![number], index };
                let port = NonZeroU16::new(number).expect("a port");
                let instance = Instance { id: format!("{name}-1"), host, port, traffic };
                Selectable { candidate, instance, service: format!("d/c/{name}") }
            };
            let ports = |(name, traffic): &(&str, Traffic)| [port(name, *traffic, 0), port(name, *traffic, 1)];
            Ok(self.0.iter().flat_map(ports).collect())
        }
    }

    fn compiled(gateway: &str, runs: Vec<(&'static str, Traffic)>) -> Arc<Gateway> {
        let gateway = read::gateway(gateway).expect(gateway);
        let found = compile_one(&gateway, &|_| Ok(None), &Runs(runs)).expect("has a port");
        found.gateway.expect("compiles")
    }

    fn shares(runs: Vec<(&'static str, Traffic)>) -> Vec<String> {
        let gateway = "{name: g, port: 1, selector: 'name (v(.))', routes: {'(1)': {weight: 100%}, '(2)': {}}}";
        let routes = &compiled(gateway, runs).decision.routes;
        routes.iter().map(|route| format!("{} {}", route.name, route.weight)).collect()
    }

    #[test]
    fn while_no_group_with_a_share_is_there_the_others_answer() {
        use Traffic::{Draining, Ready};
        assert_eq!(shares(vec![("v1", Ready), ("v2", Ready)]), ["(1) 100%", "(2) 0%"]);
        assert_eq!(shares(vec![("v2", Ready)]), ["(1) 0%", "(2) 100%"]);
        assert_eq!(shares(vec![("v1", Draining), ("v2", Ready)]), ["(1) 0%", "(2) 100%"]);
        assert_eq!(shares(vec![]), ["(1) 100%", "(2) 0%"]);
    }

    #[test]
    fn an_instance_is_reached_on_the_first_port_that_is_selected() {
        let ports = |selector: &str| -> Vec<u16> {
            let gateway = format!("{{name: g, port: 1, routes: {{r: {{selector: '{selector}'}}}}}}");
            let gateway = compiled(&gateway, vec![("a", Traffic::Ready), ("b", Traffic::Ready)]);
            let crate::routing::Target::Instances(found) = &gateway.decision.routes[0].target else {
                return Vec::new();
            };
            found.iter().map(|one| one.port.get()).collect()
        };
        assert_eq!(ports("true"), [80, 80]);
        assert_eq!(ports("index (1)"), [81, 81]);
        assert_eq!(ports("name (a) and port (81)"), [81]);
        assert_eq!(ports("false"), Vec::<u16>::new());
    }
}
