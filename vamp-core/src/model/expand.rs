//! References to stored artifacts: replaced by what they stand for, or put in its place. Pure, over [`Stored`].
//!
//! The breeds that a breed depends on stay names: they are other services, not parts of it.

use super::{
    Blueprint, Breed, ClusterSla, Escalation, Gateway, Named, Reference, Route, Scale, Sla, Stored, Workflow,
    gateway::GatewayTemplates,
    read::{Artifact, Kind},
};
use crate::{condition::Condition, routing::Rewrite, violation::Violation};

/// Escalations may refer to each other so deep.
const DEEPEST: usize = 16;
/// So many references of one artifact are replaced; escalations that refer to each other could make any number.
const MOST: usize = 1_000;

/// An artifact with its references replaced, as far as what they stand for was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Expanded<T> {
    /// The artifact.
    pub value: T,
    /// The references that are still in it.
    pub open: Vec<Open>,
    /// How many references were replaced.
    pub replaced: usize,
}

/// A reference that was not replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// Where it stands.
    pub path: String,
    /// The kind of what it refers to.
    pub kind: Kind,
    /// The name of what it refers to.
    pub name: String,
    /// It was found, but leads back to itself, or to more than is replaced.
    pub endless: bool,
}

impl From<&Open> for Violation {
    fn from(open: &Open) -> Self {
        let Open { path, kind, name, endless } = open;
        if *endless {
            let message = format!("`{name}` leads back to itself, or to too much");
            return Self::new("RecursiveDependenciesError", path.clone(), message);
        }
        let message = format!("{kind} `{name}` does not exist");
        Self::new("ArtifactNotFound", path.clone(), message).hint("store it first, or write it in place")
    }
}

/// A blueprint with everything in place.
pub fn blueprint(blueprint: &Blueprint, stored: &dyn Stored) -> Expanded<Blueprint> {
    Walk::over(blueprint, stored, |walk, blueprint| {
        walk.templates("gateways", &mut blueprint.gateways);
        for cluster in &mut blueprint.clusters {
            let at = format!("clusters/{}", cluster.name);
            for (index, service) in cluster.services.iter_mut().enumerate() {
                let at = format!("{at}/services/{index}");
                walk.breed(&format!("{at}/breed"), &mut service.breed);
                walk.scale(&format!("{at}/scale"), service.scale.as_mut());
            }
            walk.templates(&format!("{at}/gateways"), &mut cluster.gateways);
            walk.sla(&format!("{at}/sla"), cluster.sla.as_mut());
        }
    })
}

/// A gateway with everything in place.
pub fn gateway(gateway: &Gateway, stored: &dyn Stored) -> Expanded<Gateway> {
    Walk::over(gateway, stored, |walk, gateway| walk.routes("", &mut gateway.routes))
}

/// A workflow with everything in place.
pub fn workflow(workflow: &Workflow, stored: &dyn Stored) -> Expanded<Workflow> {
    Walk::over(workflow, stored, |walk, workflow| {
        walk.breed("breed", &mut workflow.breed);
        walk.scale("scale", workflow.scale.as_mut());
    })
}

/// An artifact of any kind with everything in place.
pub fn artifact(artifact: &Artifact, stored: &dyn Stored) -> Expanded<Artifact> {
    Walk::over(artifact, stored, |walk, artifact| match artifact {
        Artifact::Blueprint(of) => **of = walk.take(blueprint(of, stored)),
        Artifact::Gateway(of) => **of = walk.take(gateway(of, stored)),
        Artifact::Workflow(of) => **of = walk.take(workflow(of, stored)),
        Artifact::Route(route) => walk.route("", &mut route.value),
        Artifact::Sla(sla) => walk.escalations("escalations", &mut sla.value.escalations, 0),
        Artifact::Escalation(escalation) => walk.escalation("", &mut escalation.value, 0),
        _ => {}
    })
}

/// The same with names instead of breeds in place: what is stored when the breeds are stored by themselves, and what
/// `only_references` shows. What has no name stays in place.
#[must_use]
pub fn only_references(artifact: &Artifact) -> Artifact {
    let mut artifact = artifact.clone();
    match &mut artifact {
        Artifact::Blueprint(blueprint) => {
            let services = blueprint.clusters.iter_mut().flat_map(|cluster| &mut cluster.services);
            services.for_each(|service| by_name(&mut service.breed));
        }
        Artifact::Workflow(workflow) => by_name(&mut workflow.breed),
        Artifact::Breed(breed) => {
            let names = breed.dependencies.iter().map(|(alias, of)| (alias.to_owned(), of.name().clone()));
            breed.dependencies = names.map(|(alias, name)| (alias, Reference::Reference(name))).collect();
        }
        _ => {}
    }
    artifact
}

fn by_name(breed: &mut Reference<Breed>) {
    *breed = Reference::Reference(breed.name().clone());
}

/// A walk over an artifact that replaces its references.
struct Walk<'s> {
    stored: &'s dyn Stored,
    open: Vec<Open>,
    replaced: usize,
}

impl<'s> Walk<'s> {
    fn over<T: Clone>(of: &T, stored: &'s dyn Stored, walk: impl FnOnce(&mut Self, &mut T)) -> Expanded<T> {
        let mut value = of.clone();
        let mut state = Self { stored, open: Vec::new(), replaced: 0 };
        walk(&mut state, &mut value);
        Expanded { value, open: state.open, replaced: state.replaced }
    }

    fn take<T>(&mut self, expanded: Expanded<T>) -> T {
        self.open.extend(expanded.open);
        self.replaced += expanded.replaced;
        expanded.value
    }

    /// What is stored under that name; noted when it is not there.
    fn find<T>(&mut self, at: &str, kind: Kind, name: &str, of: fn(&Artifact) -> Option<&T>) -> Option<T>
    where
        T: Clone,
    {
        let found = self.stored.artifact(kind, name).and_then(of);
        if found.is_none() || self.replaced == MOST {
            self.leave(at, kind, name, found.is_some());
            return None;
        }
        self.replaced += 1;
        found.cloned()
    }

    fn leave(&mut self, at: &str, kind: Kind, name: &str, endless: bool) {
        self.open.push(Open { path: at.to_owned(), kind, name: name.to_owned(), endless });
    }

    fn replace<T: Clone>(&mut self, at: &str, kind: Kind, part: &mut Reference<T>, of: fn(&Artifact) -> Option<&T>) {
        let Reference::Reference(name) = part else { return };
        if let Some(found) = self.find(at, kind, name.as_str(), of) {
            *part = found.into();
        }
    }

    fn breed(&mut self, at: &str, breed: &mut Reference<Breed>) {
        self.replace(at, Kind::Breed, breed, breed_of);
    }

    fn scale(&mut self, at: &str, scale: Option<&mut Reference<Scale>>) {
        if let Some(scale) = scale {
            self.replace(at, Kind::Scale, scale, scale_of);
        }
    }

    fn templates(&mut self, at: &str, templates: &mut GatewayTemplates) {
        for (port, template) in templates.iter_mut() {
            let at = if port.is_empty() { format!("{at}/") } else { format!("{at}/{port}/") };
            self.routes(&at, &mut template.routes);
        }
    }

    /// `at` ends in `/` where it is not empty.
    fn routes<P: ToString + Clone>(&mut self, at: &str, routes: &mut [Route<P>]) {
        for route in routes {
            let at = format!("{at}routes/{}", route.path.to_string());
            if let Some(name) = route.stored.clone() {
                let found = self.find(&at, Kind::Route, name.as_str(), route_of);
                let Some(Named { value, metadata, .. }) = found else { continue };
                *route = Route { metadata, ..value.at(route.path.clone()) };
            }
            self.route(&format!("{at}/"), route);
        }
    }

    fn route<P>(&mut self, at: &str, route: &mut Route<P>) {
        if let Some(condition) = &mut route.condition {
            self.replace(&format!("{at}condition"), Kind::Condition, condition, condition_of);
        }
        for (index, rewrite) in route.rewrites.iter_mut().enumerate() {
            self.replace(&format!("{at}rewrites/{index}"), Kind::Rewrite, rewrite, rewrite_of);
        }
    }

    fn sla(&mut self, at: &str, sla: Option<&mut ClusterSla>) {
        let Some(sla) = sla else { return };
        if let ClusterSla::Stored { name, escalations } = sla {
            let found = self.find(at, Kind::Sla, name.as_str(), sla_of);
            let Some(mut found) = found else { return };
            if !escalations.is_empty() {
                found.escalations = std::mem::take(escalations);
            }
            *sla = ClusterSla::Inline(Box::new(found));
        }
        if let ClusterSla::Inline(sla) = sla {
            let Sla { escalations, .. } = &mut **sla;
            self.escalations(&format!("{at}/escalations"), escalations, 0);
        }
    }

    fn escalations(&mut self, at: &str, escalations: &mut [Reference<Escalation>], depth: usize) {
        for (index, escalation) in escalations.iter_mut().enumerate() {
            let at = format!("{at}/{index}");
            if depth == DEEPEST {
                if let Reference::Reference(name) = escalation {
                    self.leave(&at, Kind::Escalation, name.as_str(), true);
                }
                continue;
            }
            self.replace(&at, Kind::Escalation, escalation, escalation_of);
            if let Reference::Inline(inner) = escalation {
                self.escalation(&format!("{at}/"), inner, depth + 1);
            }
        }
    }

    fn escalation(&mut self, at: &str, escalation: &mut Escalation, depth: usize) {
        if let Escalation::All(inner) | Escalation::One(inner) = escalation {
            self.escalations(&format!("{at}escalations"), inner, depth);
        }
    }
}

/// What stands in an artifact of that kind.
macro_rules! part {
    ($($name:ident: $kind:ident($found:ident) => $part:expr, $type:ty;)+) => {$(
        fn $name(artifact: &Artifact) -> Option<&$type> {
            match artifact {
                Artifact::$kind($found) => Some($part),
                _ => None,
            }
        }
    )+};
}

part! {
    breed_of: Breed(found) => found, Breed;
    scale_of: Scale(found) => &found.value, Scale;
    sla_of: Sla(found) => &found.value, Sla;
    escalation_of: Escalation(found) => &found.value, Escalation;
    route_of: Route(found) => found, Named<Route<()>>;
    condition_of: Condition(found) => &found.value, Condition;
    rewrite_of: Rewrite(found) => &found.value, Rewrite;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Artifacts, read, write};

    const SHELF: &str = "
- {kind: breeds, name: shop, deployable: x, ports: {web: 80}}
- {kind: scales, name: small, cpu: 1, memory: 1MB}
- {kind: routes, name: half, weight: 50%, condition: {ref: ios}, rewrites: [old, {path: /a if host == b}]}
- {kind: conditions, name: ios, condition: User-Agent == Safari}
- {kind: rewrites, name: old, path: /new if path is /old}
- {kind: slas, name: gold, type: escalation_only, escalations: more}
- {kind: escalations, name: more, type: to_one, escalations: [again, {type: scale_cpu, minimum: 1, maximum: 2, scale_by: 1}]}
- {kind: escalations, name: again, type: to_all, escalations: more}
";
    const BLUEPRINT: &str = "
name: b
gateways: {9050: {routes: {web/web: half}}}
clusters:
  web:
    services: [{breed: shop, scale: small}, {breed: other}]
    gateways: {web: {routes: {shop: {condition: {reference: ios}}}}}
    sla: gold
";

    fn shelf() -> Artifacts {
        read::artifacts(SHELF, None).unwrap_or_else(|violations| panic!("{violations}")).into_iter().collect()
    }

    #[test]
    fn references_become_what_they_stand_for_and_the_rest_is_told() {
        let source = read::blueprint(BLUEPRINT).expect(BLUEPRINT);
        let Expanded { value, open, .. } = blueprint(&source, &shelf());
        let told: Vec<(&str, &str, bool)> =
            open.iter().map(|open| (open.path.as_str(), open.name.as_str(), open.endless)).collect();
        assert_eq!(told[0], ("clusters/web/services/1/breed", "other", false));
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[1].2 && told[1].0.starts_with("clusters/web/sla/escalations/0/escalations/0"), "{told:?}");
        assert_eq!(Violation::from(&open[0]).code, "ArtifactNotFound");
        let json = write::blueprint(&value);
        assert_eq!(json["clusters"]["web"]["services"][0]["breed"]["deployable"]["definition"], "x");
        assert_eq!(json["clusters"]["web"]["services"][0]["scale"]["memory"], "1.00MB");
        let route = &json["gateways"]["9050"]["routes"]["web/web"];
        assert_eq!(
            (&route["weight"], &route["condition"]["condition"]),
            (&"50%".into(), &"User-Agent == Safari".into())
        );
        assert_eq!(route["rewrites"][0]["path"], "/new if path is /old");
        assert_eq!(
            json["clusters"]["web"]["gateways"]["web"]["routes"]["shop"]["condition"]["condition"],
            "User-Agent == Safari"
        );
        assert_eq!(json["clusters"]["web"]["sla"]["type"], "escalation_only");
    }

    #[test]
    fn what_stands_in_place_stays_and_breeds_can_become_names_again() {
        let source = read::blueprint(BLUEPRINT).expect(BLUEPRINT);
        let expanded = blueprint(&source, &shelf()).value;
        let again = blueprint(&expanded, &Artifacts::default());
        assert_eq!(again.value, expanded);
        let Artifact::Blueprint(named) = only_references(&Artifact::Blueprint(Box::new(expanded))) else { panic!() };
        assert!(named.clusters[0].services.iter().all(|service| service.breed.inline().is_none()));
    }
}
