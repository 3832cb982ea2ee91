//! Conditions in HAProxy's own language, `< … >`, where a server does not take them: wherever a condition can stand.

use vamp_core::{
    Violation, Violations,
    condition::Condition,
    engine::Artifact,
    model::{Blueprint, Breed, Gateway, Named, Route, Scale},
};

/// An artifact that may carry conditions.
pub(super) trait Conditions: Artifact {
    /// The paths of those that are HAProxy's own.
    fn native(&self) -> Vec<String>;
}

/// Refuses every native condition.
pub(super) fn refuse(artifact: &impl Conditions) -> Result<(), Violations> {
    let refuse = |path: String| {
        Violation::new("NativeConditionError", path, "this server takes no conditions in HAProxy's own language")
            .hint("write a condition such as `User-Agent == Chrome`")
    };
    let violations: Vec<Violation> = artifact.native().into_iter().map(refuse).collect();
    if violations.is_empty() { Ok(()) } else { Err(Violations(violations)) }
}

impl Conditions for Gateway {
    fn native(&self) -> Vec<String> {
        self.routes.iter().flat_map(|route| in_route(&format!("routes/{}", route.path), route)).collect()
    }
}

impl Conditions for Blueprint {
    fn native(&self) -> Vec<String> {
        let outer = self.gateways.iter().map(|(port, gateway)| (format!("gateways/{port}"), gateway));
        let inner = self.clusters.iter().flat_map(|cluster| {
            let gateways = cluster.gateways.iter();
            gateways.map(|(port, gateway)| (format!("clusters/{}/gateways/{port}", cluster.name), gateway))
        });
        let routes = outer.chain(inner).flat_map(|(path, gateway)| {
            gateway.routes.iter().map(move |route| (format!("{path}/routes/{}", route.path), route))
        });
        routes.flat_map(|(path, route)| in_route(&path, route)).collect()
    }
}

impl Conditions for Named<Condition> {
    fn native(&self) -> Vec<String> {
        if self.value.is_native() { vec!["condition".to_owned()] } else { Vec::new() }
    }
}

impl Conditions for Breed {
    fn native(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Conditions for Named<Scale> {
    fn native(&self) -> Vec<String> {
        Vec::new()
    }
}

fn in_route<P>(path: &str, route: &Route<P>) -> Vec<String> {
    let condition = route.condition.iter().filter(|condition| condition.is_native());
    let rewrites = route.rewrites.iter().enumerate().filter(|(_, rewrite)| rewrite.condition.is_native());
    condition
        .map(|_| format!("{path}/condition"))
        .chain(rewrites.map(|(index, _)| format!("{path}/rewrites/{index}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vamp_core::model::read;

    #[test]
    fn a_native_condition_is_found_wherever_it_can_stand() {
        let gateway = "
name: a
port: 9050/http
routes:
  '[127.0.0.1:9101]': {condition: '< hdr(x) -m found > and User-Agent == Chrome'}
  '[127.0.0.1:9102]': {condition: User-Agent == Chrome, rewrites: [{path: '/b if { src 10.0.0.1 }'}]}
";
        let native = read::gateway(gateway).unwrap().native();
        assert_eq!(native, ["routes/[127.0.0.1:9101]/condition", "routes/[127.0.0.1:9102]/rewrites/0"]);

        let blueprint = "
name: b
gateways:
  9050: {routes: {sava/web: {condition: < src 10.0.0.1 >}}}
clusters:
  sava:
    gateways: {routes: {x: {condition: < src 10.0.0.1 >}}}
    services:
      breed: {name: x, deployable: sava, ports: {web: 8080/http}}
";
        let native = read::blueprint(blueprint).unwrap().native();
        assert_eq!(native.len(), 2, "{native:?}");
        assert!(native[0].starts_with("gateways/9050/routes/sava/web"), "{native:?}");
        assert!(native[1].starts_with("clusters/sava/gateways/"), "{native:?}");

        let condition = read::condition("name: c\ncondition: < src 10.0.0.1 >").unwrap();
        assert_eq!(condition.native(), ["condition"]);
    }

    #[test]
    fn an_ordinary_condition_passes() {
        let gateway = "name: a\nport: 80\nroutes: {'[127.0.0.1:1]': {condition: User-Agent == Chrome}}";
        assert!(refuse(&read::gateway(gateway).unwrap()).is_ok());
    }
}
