use super::found;
use crate::model::read;

const SHOP: &str = "{name: shop:1, deployable: x, ports: {web: 80, sql: 1/tcp}, env: {A: ~}}";

#[test]
fn every_rule_of_a_blueprint_names_its_place() {
    for (fields, wanted) in [
        ("clusters: {}", vec!["NoServiceError clusters"]),
        ("clusters: {web: {services: []}}", vec!["NoServiceError clusters"]),
        ("clusters: {'a b': shop:1}", vec!["IllegalName clusters/a b"]),
        ("clusters: {web: {scale: small}}", vec!["MissingPathValueError clusters/web/breed"]),
        (
            "clusters: {web: {services: [{breed: SHOP, scala: x}]}}",
            vec!["UnexpectedElement clusters/web/services/0/scala"],
        ),
        (
            "clusters: {web: {services: {breed: {name: shop:1}, scala: x}}}",
            vec![
                "MissingPathValueError clusters/web/services/breed/deployable/definition",
                "UnexpectedElement clusters/web/services/scala",
            ],
        ),
        (
            "clusters: {web: SHOP}\ngateways: {9050: web/nope}",
            vec!["UnresolvedGatewayPortError gateways/9050/routes/web/nope"],
        ),
        (
            "clusters: {web: SHOP}\ngateways: {9050: nope/web}",
            vec!["UnresolvedGatewayPortError gateways/9050/routes/nope/web"],
        ),
        ("clusters: {web: SHOP}\ngateways: {9050: web}", vec!["UnresolvedGatewayPortError gateways/9050/routes/web"]),
        ("clusters: {web: SHOP}\ngateways: {99999: web/web}", vec!["InvalidGatewayPortError gateways/99999"]),
        (
            "clusters: {web: SHOP}\ngateways: {a: {port: 1, routes: web/web}, b: {port: 1, routes: web/web}}",
            vec!["DuplicateGatewayPortError gateways/b"],
        ),
        ("clusters: {web: SHOP}\ngateways: {1: {name: x, routes: web/web}}", vec!["NotAnonymousError gateways/1/name"]),
        (
            "clusters: {web: SHOP}\ngateways: {1/tcp: {sticky: route, routes: web/sql}}",
            vec!["StickyPortTypeError gateways/1/tcp/sticky"],
        ),
        (
            "clusters: {web: SHOP}\nenv: {web.B: 1}",
            vec!["UnresolvedEnvironmentVariableError environment_variables/web.environment_variables.B"],
        ),
        ("clusters: {web: SHOP}\nenv: {x.A: 1}", vec!["UnresolvedEnvironmentVariableError environment_variables/x.A"]),
        (
            "clusters: {web: SHOP}\nenv: {web.A: $web.ports.x}",
            vec!["UnresolvedEnvironmentVariableError environment_variables/web.environment_variables.A"],
        ),
        (
            "clusters: {web: SHOP, other: shop:1}",
            vec!["NonUniqueBlueprintBreedReferenceError clusters/other/services/0/breed"],
        ),
        (
            "clusters: {web: {breed: SHOP, env: {B: 1}}}",
            vec!["UnresolvedDependencyInTraitValueError clusters/web/services/0/environment_variables/B"],
        ),
        (
            "clusters: {web: {breed: SHOP, env: {A: ~}}}",
            vec!["MissingEnvironmentVariableError clusters/web/services/0/environment_variables/A"],
        ),
        (
            "clusters: {web: {name: a, deployable: x, dependencies: {db: mysql}}}",
            vec!["UnresolvedBreedDependencyError clusters/web/services/0/breed/dependencies/db"],
        ),
        (
            "clusters: {a: {name: a, deployable: x, dependencies: {b: b}}, b: {name: b, deployable: x, dependencies: {a: a}}}",
            vec![
                "RecursiveDependenciesError clusters/a/services/0/breed/dependencies",
                "RecursiveDependenciesError clusters/b/services/0/breed/dependencies",
            ],
        ),
        (
            "clusters: {web: {breed: SHOP, scale: {name: x, cpu: 1, memory: 1MB}}}",
            vec!["EitherReferenceOrAnonymous clusters/web/scale/name"],
        ),
        (
            "clusters: {web: {breed: SHOP, sla: {type: escalation_only, escalations: [{type: scale_cpu, minimum: 1, maximum: 2, scale_by: 1, target: x}]}}}",
            vec!["UnresolvedScaleEscalationTargetCluster clusters/web/sla/escalations"],
        ),
        ("clusters: {web: SHOP}\ndialects: x\nmarathon: {}", vec!["UnexpectedElement marathon"]),
    ] {
        let source = format!("name: b\n{}\n", fields.replace("SHOP", SHOP));
        assert_eq!(found(read::blueprint(&source)), wanted, "{source}");
    }
}

#[test]
fn every_rule_of_the_gateways_of_a_cluster_names_its_place() {
    for (gateways, wanted) in [
        ("{web: {port: 80}}", vec!["UnexpectedElement clusters/web/gateways/web/port"]),
        ("{web: {routes: {nope: {}}}}", vec!["UnresolvedServiceRouteError clusters/web/gateways/web/routes/nope"]),
        ("{web: {routes: {shop:1: {weight: 50%}}}}", vec!["GatewayRouteWeightError clusters/web/gateways/web/routes"]),
        ("{nope: {routes: {shop:1: {}}}}", vec!["UnresolvedGatewayPortError clusters/web/gateways/nope"]),
        ("{routes: {shop:1: {}}}", vec!["IllegalAnonymousRoutingPortMappingError clusters/web/gateways"]),
        (
            "{sql: {sticky: route, routes: {shop:1: {condition: host == x}}}}",
            vec![
                "StickyPortTypeError clusters/web/gateways/sql/sticky",
                "ConditionPortTypeError clusters/web/gateways/sql/routes/shop:1/condition",
            ],
        ),
        (
            "{shop:1: {weight: 100%}}",
            vec![
                "UnresolvedGatewayPortError clusters/web/gateways/shop:1",
                "UnexpectedElement clusters/web/gateways/shop:1/weight",
            ],
        ),
    ] {
        let source = format!("name: b\nclusters: {{web: {{breed: {SHOP}, gateways: {gateways}}}}}\n");
        assert_eq!(found(read::blueprint(&source)), wanted, "{source}");
    }
}

#[test]
fn the_port_of_a_health_check_must_exist() {
    let check = |port: &str| format!("{{port: {port}, initial_delay: 0s, timeout: 1s, interval: 1s, failures: 1}}");
    let service = |checks: &str| format!("name: b\nclusters: {{web: {{breed: {SHOP}, health_checks: {checks}}}}}\n");
    let cluster = |checks: &str| {
        format!("name: b\nclusters: {{web: {{services: [{{breed: {SHOP}}}], health_checks: {checks}}}}}\n")
    };
    assert!(read::blueprint(&service(&check("web"))).is_ok());
    assert!(read::blueprint(&cluster(&check("web"))).is_ok());
    assert_eq!(
        found(read::blueprint(&service(&check("x")))),
        ["UnresolvedPortReferenceError clusters/web/services/0/health_checks/0/port",]
    );
    assert_eq!(
        found(read::blueprint(&cluster(&check("x")))),
        ["UnresolvedPortReferenceError clusters/web/health_checks/0/port",]
    );
}

#[test]
fn breeds_that_are_only_named_switch_off_what_needs_their_content() {
    let source = "
name: b
gateways: { 9050: web/any }
env: { web.ANY: 1 }
clusters:
  web:
    services: [ shop:1, { breed: shop:2, env: { X: 1 } } ]
    gateways: { any: { routes: { shop:1: { weight: 100% }, shop:2: {} } } }
";
    assert!(read::blueprint(source).is_ok(), "{:?}", read::blueprint(source));
}

#[test]
fn documents_nest_violations_of_breeds_with_their_way() {
    let source = "
name: sava:1.0
clusters:
  sava:
    services:
      - breed:
          name: sava:1.0
          deployable: { type: command, definition: sava }
          ports: { web: http }
";
    let violations = read::blueprint(source).expect_err("not a port");
    let violation = &violations.0[0];
    assert_eq!(violation.path, "clusters/sava/services/0/breed/ports/web");
    assert_eq!((violation.line, violation.column), (Some(9), Some(25)));
}
