//! The original's names of errors: each that can be reached by reading is reached here, with its path and its line.
//!
//! What only a request can reach that meets what is stored or running is reached in `artifacts_errors/stored.rs`;
//! `artifacts_errors/names.rs` has every name, and why some cannot be reached.
#![cfg(test)]

#[path = "artifacts_errors/names.rs"]
mod names;
mod server_support;
#[path = "artifacts_errors/stored.rs"]
mod stored;

use vamp_core::{
    Violations,
    model::{
        Source, compose,
        read::{self, Kind},
        validate,
    },
};

/// Kind, document, and the code, path and line that it must be refused with.
type Case = (Kind, &'static str, &'static str, &'static str, u32);

const ANY: [Case; 20] = [
    (Kind::Breed, "name: b\ndeployable: x\nports: [\n", "YamlParsingError", "", 3),
    (Kind::Breed, "name: b\nname: c\n", "YamlParsingError", "name", 2),
    (Kind::Breed, "name: b\nports: {}\n", "MissingPathValueError", "deployable/definition", 1),
    (Kind::Scale, "name: s\ncpu: 1\nmemory: much\n", "UnexpectedTypeError", "memory", 3),
    (Kind::Breed, "name: b\ndeployable:\n- x\n", "UnexpectedInnerElementError", "deployable", 3),
    (
        Kind::Sla,
        "name: s\ntype: response_time_sliding_window\nthreshold: 5\nwindow: {interval: 1, cooldown: 1}\n",
        "UnexpectedInnerElementError",
        "threshold",
        3,
    ),
    (
        Kind::Blueprint,
        "name: b\nclusters:\n  sava:\n    services:\n    - breed: x\n      scala: small\n",
        "UnexpectedElement",
        "clusters/sava/services/0/scala",
        6,
    ),
    (Kind::Condition, "name: c\ncondition: host ==\n", "ParserError", "condition", 2),
    (Kind::Breed, "name: b\ndeployable: x\nenv:\n  A: ${b\n", "ParserError", "env/A", 4),
    (Kind::Breed, "deployable: x\nname: a b\n", "IllegalName", "name", 2),
    (Kind::Breed, "name: b\ndeployable: x\nports:\n  a.b: 80\n", "IllegalStrictName", "ports/a.b", 4),
    (Kind::Gateway, "name: g\nkind: gatewys\n", "UnexpectedArtifact", "kind", 2),
    (Kind::Scale, "name: s\nmetadata: x\ncpu: 1\nmemory: 1MB\n", "UnsupportedMetadata", "metadata", 2),
    (
        Kind::Blueprint,
        "name: b\nclusters:\n  web:\n    breed: x\n    scale:\n      name: s\n",
        "EitherReferenceOrAnonymous",
        "clusters/web/scale/name",
        6,
    ),
    (
        Kind::Blueprint,
        "name: b\nclusters:\n  web:\n    breed: x\n    sla:\n      name: s\n      type: t\n",
        "EitherReferenceOrAnonymous",
        "clusters/web/sla/name",
        6,
    ),
    (
        Kind::Blueprint,
        "name: b\ngateways:\n  80:\n    name: g\nclusters: {web: x}\n",
        "NotAnonymousError",
        "gateways/80/name",
        4,
    ),
    (Kind::Breed, "import: ''\nname: b\n", "EmptyImportError", "import", 1),
    (Kind::Breed, "name: b\nimport: {a: b}\n", "ImportDefinitionError", "import", 2),
    (Kind::Breed, "name: b\nimport:\n- none\n", "ImportReferenceError", "import", 3),
    (Kind::Template, "name: t\ndefinition: x\n", "UnexpectedTypeError", "definition", 2),
];

const BREEDS: [Case; 11] = [
    (Kind::Breed, "name: b\ndeployable: x\nports:\n  web: [80]\n", "MalformedTraitError", "ports/web", 4),
    (Kind::Breed, "name: b\ndeployable: x\nports:\n  web: ~\n", "MissingPortValueError", "ports/web", 4),
    (Kind::Breed, "name: b\ndeployable: x\nconstants:\n  c:\n", "MissingConstantValueError", "constants/c", 4),
    (Kind::Breed, "name: b\ndeployable: x\ndependencies:\n  me: b\n", "RecursiveDependenciesError", "dependencies", 4),
    (
        Kind::Breed,
        "name: b\ndeployable: x\nenvironment_variables:\n  A: $db.host\n",
        "UnresolvedDependencyInTraitValueError",
        "environment_variables/A",
        4,
    ),
    (Kind::Breed, "name: b\ndeployable: x\narguments:\n- a\n", "InvalidArgumentError", "arguments/0", 4),
    (
        Kind::Breed,
        "name: b\ndeployable: x\narguments:\n- privileged: maybe\n",
        "InvalidArgumentValueError",
        "arguments/0/privileged",
        4,
    ),
    (
        Kind::Breed,
        "name: b\ndeployable: x\nhealth_checks:\n  port: web\n  initial_delay: 1s\n  timeout: 1s\n  interval: 1s\n  failures: -1\n",
        "NegativeFailuresNumberError",
        "health_checks/failures",
        8,
    ),
    (
        Kind::Breed,
        "name: b\ndeployable: x\nhealth_checks:\n- {port: web, initial_delay: 1s, timeout: 1s, interval: 1s, failures: 1}\n",
        "UnresolvedPortReferenceError",
        "health_checks/0/port",
        4,
    ),
    (Kind::Breed, "name: b\ndeployable: x\nports:\n  web: abc/http\n", "UnexpectedTypeError", "ports/web", 4),
    (
        Kind::Breed,
        "name: b\ndeployable: x\nhealth_checks:\n- port: web\n  initial_delay: 10\n  timeout: 1s\n  interval: 1s\n  failures: 1\n",
        "UnexpectedTypeError",
        "health_checks/0/initial_delay",
        5,
    ),
];

/// Around a blueprint with one breed in place, whose ports are `web` and `sql`.
const SHOP: &str = "{name: shop:1, deployable: x, ports: {web: 80, sql: 1/tcp}, env: {A: ~}}";

const BLUEPRINTS: [Case; 14] = [
    (
        Kind::Blueprint,
        "name: b\nclusters: {web: SHOP}\ngateways:\n  80: web/nope\n",
        "UnresolvedGatewayPortError",
        "gateways/80/routes/web/nope",
        4,
    ),
    (
        Kind::Blueprint,
        "name: b\nclusters: {web: SHOP}\nenvironment_variables:\n  web.environment_variables.B: 1\n",
        "UnresolvedEnvironmentVariableError",
        "environment_variables/web.environment_variables.B",
        4,
    ),
    (
        Kind::Blueprint,
        "name: b\nclusters:\n  web:\n    breed: SHOP\n    gateways:\n      web:\n        routes:\n          nope: {}\n",
        "UnresolvedServiceRouteError",
        "clusters/web/gateways/web/routes/nope",
        8,
    ),
    (
        Kind::Blueprint,
        "name: b\nclusters: {web: SHOP}\ngateways:\n  80/tcp:\n    sticky: route\n    routes: web/sql\n",
        "StickyPortTypeError",
        "gateways/80/tcp/sticky",
        5,
    ),
    (
        Kind::Blueprint,
        "name: b\nclusters:\n  web:\n    breed: SHOP\n    gateways:\n      sql:\n        routes:\n          shop:1:\n            condition: host == x\n",
        "ConditionPortTypeError",
        "clusters/web/gateways/sql/routes/shop:1/condition",
        9,
    ),
    (
        Kind::Blueprint,
        "name: b\nclusters: {web: SHOP}\ngateways:\n  a: {port: 1, routes: web/web}\n  b: {port: 1, routes: web/web}\n",
        "DuplicateGatewayPortError",
        "gateways/b",
        5,
    ),
    (
        Kind::Blueprint,
        "name: b\nclusters:\n  web:\n    breed: SHOP\n    gateways:\n      routes: {shop:1: {}}\n",
        "IllegalAnonymousRoutingPortMappingError",
        "clusters/web/gateways",
        6,
    ),
    (Kind::Blueprint, "name: b\nclusters: {}\n", "NoServiceError", "clusters", 2),
    (
        Kind::Blueprint,
        "name: b\nclusters:\n  web: SHOP\n  other: shop:1\n",
        "NonUniqueBlueprintBreedReferenceError",
        "clusters/other/services/0/breed",
        4,
    ),
    (
        Kind::Blueprint,
        "name: b\nclusters:\n  web:\n    services:\n    - breed: SHOP\n      environment_variables:\n        A: ~\n",
        "MissingEnvironmentVariableError",
        "clusters/web/services/0/environment_variables/A",
        7,
    ),
    (
        Kind::Blueprint,
        "name: b\nclusters:\n  web:\n    services:\n    - breed: SHOP\n      environment_variables:\n        B: 1\n",
        "UnresolvedDependencyInTraitValueError",
        "clusters/web/services/0/environment_variables/B",
        7,
    ),
    (
        Kind::Blueprint,
        "name: b\nclusters:\n  web:\n    services:\n    - breed:\n        name: a\n        deployable: x\n        dependencies:\n          db: mysql\n",
        "UnresolvedBreedDependencyError",
        "clusters/web/services/0/breed/dependencies/db",
        9,
    ),
    (
        Kind::Blueprint,
        "name: b\nclusters:\n  web:\n    services: [SHOP]\n    sla:\n      type: escalation_only\n      escalations: {type: scale_cpu, minimum: 1, maximum: 2, scale_by: 1, target: x}\n",
        "UnresolvedScaleEscalationTargetCluster",
        "clusters/web/sla/escalations",
        7,
    ),
    (
        Kind::Blueprint,
        "name: b\nclusters:\n  web:\n    services: [SHOP]\n    health_checks:\n    - {port: no, initial_delay: 1s, timeout: 1s, interval: 1s, failures: 1}\n",
        "UnresolvedPortReferenceError",
        "clusters/web/health_checks/0/port",
        6,
    ),
];

const GATEWAYS: [Case; 13] = [
    (Kind::Gateway, "port: 80\nname: a/b/c/d/e\n", "UnsupportedGatewayNameError", "name", 2),
    (Kind::Gateway, "name: g\nroutes:\n  a/b/c/d/e: {}\n", "UnsupportedRoutePathError", "routes/a/b/c/d/e", 3),
    (Kind::Gateway, "name: g\nport: 70000\n", "InvalidGatewayPortError", "port", 2),
    (
        Kind::Gateway,
        "name: g\nroutes:\n  a: {weight: 60%}\n  b: {weight: 60%}\n",
        "GatewayRouteWeightError",
        "routes",
        3,
    ),
    (
        Kind::Gateway,
        "name: g\nroutes:\n  a:\n    rewrites:\n    - path: /x\n",
        "UnsupportedPathRewriteError",
        "routes/a/rewrites/0/path",
        5,
    ),
    (Kind::Rewrite, "name: r\npath: /x\n", "UnsupportedPathRewriteError", "path", 2),
    (Kind::Gateway, "name: g\nselector: name ([)\n", "InvalidSelectorError", "selector", 2),
    (
        Kind::Gateway,
        "name: g\nroutes:\n  a/b:\n    selector: port (1)\n",
        "RouteSelectorOnlyRouteError",
        "routes/a/b/selector",
        4,
    ),
    (
        Kind::Gateway,
        "name: g\nroutes:\n  '[h:1]':\n    selector: port (1)\n",
        "RouteSelectorExternalTargetError",
        "routes/[h:1]/selector",
        4,
    ),
    (Kind::Gateway, "name: g\nsticky: client\n", "IllegalGatewayStickyValue", "sticky", 2),
    (
        Kind::Gateway,
        "name: g\nvirtual_hosts:\n- a.example\n- a b\n",
        "IllegalGatewayVirtualHosts",
        "virtual_hosts/1",
        4,
    ),
    (Kind::Gateway, "name: g\nport: 1/tcp\nsticky: route\n", "StickyPortTypeError", "sticky", 3),
    (
        Kind::Gateway,
        "name: g\nport: 1/tcp\nroutes:\n  a: {condition: host == x}\n",
        "ConditionPortTypeError",
        "routes/a/condition",
        4,
    ),
];

const WORKFLOWS: [Case; 6] = [
    (Kind::Workflow, "name: w\nbreed: x\n", "UndefinedWorkflowScheduleError", "schedule", 1),
    (Kind::Workflow, "name: w\nbreed: x\nschedule: hourly\n", "UndefinedWorkflowScheduleError", "schedule", 3),
    (Kind::Workflow, "name: w\nbreed: x\nschedule:\n  time: 5m\n", "IllegalWorkflowSchedulePeriod", "schedule/time", 4),
    (Kind::Workflow, "name: w\nbreed: x\nschedule: daemon\nstatus: gone\n", "IllegalWorkflowStatus", "status", 4),
    (
        Kind::Workflow,
        "name: w\nbreed: x\nschedule:\n  time: {period: PT1M, start: tomorrow}\n",
        "UnexpectedTypeError",
        "schedule/time/start",
        4,
    ),
    (
        Kind::Workflow,
        "name: w\nbreed: x\nschedule: daemon\nenvironment_variables:\n  A: ~\n",
        "MissingEnvironmentVariableError",
        "environment_variables/A",
        5,
    ),
];

fn told(violations: &Violations) -> Vec<(String, String, Option<u32>)> {
    violations.iter().map(|one| (one.code.to_string(), one.path.clone(), one.line)).collect()
}

#[test]
fn each_error_that_reading_can_reach_has_its_code_path_and_line() {
    let cases = ANY.iter().chain(&BREEDS).chain(&BLUEPRINTS).chain(&GATEWAYS).chain(&WORKFLOWS);
    for (kind, document, code, path, line) in cases {
        let text = document.replace("SHOP", SHOP);
        let refused = validate(&[Source { name: "document", text: &text }], Some(*kind)).expect_err(&text);
        assert_eq!(told(&refused), [((*code).to_owned(), (*path).to_owned(), Some(*line))], "{text}");
        assert!(refused.iter().all(|one| one.file.as_deref() == Some("document") && !one.message.is_empty()));
    }
}

#[test]
fn a_kind_or_name_that_is_another_is_refused() {
    let refused = read::artifacts_of("name: b\nkind: scales\n", Kind::Condition).expect_err("another kind");
    assert!(told(&refused).contains(&("InconsistentArtifactKind".to_owned(), "kind".to_owned(), Some(2))));
    let refused = read::breed_named("deployable: x\nname: b\n", "a").expect_err("another name");
    assert_eq!(told(&refused), [("InconsistentArtifactName".to_owned(), "name".to_owned(), Some(2))]);
}

#[test]
fn a_protocol_that_nobody_speaks_is_refused_in_a_docker_compose_file() {
    let file = "services:\n  dns:\n    image: x\n    ports:\n    - 53/udp\n";
    let refused = compose::blueprint(file, "dns").expect_err("neither HTTP nor TCP");
    let wanted = ("UnsupportedProtocolError".to_owned(), "services/dns/ports/0".to_owned(), Some(5));
    assert_eq!(told(&refused), [wanted]);
}

#[test]
fn what_must_hold_between_parts_is_told_beside_a_key_that_nobody_knows_unless_that_may_be_its_cause() {
    let codes = |text: &str| -> Vec<String> {
        let refused = read::blueprint(text).expect_err(text);
        refused.iter().map(|one| one.code.to_string()).collect()
    };
    let shop = "name: b\ncomment: x\ngateways: {9050: db/web}\nclusters: {web: {services: {breed: {name: w, deployable: x}}}}\n";
    assert_eq!(codes(shop), ["UnexpectedElement", "UnresolvedGatewayPortError"]);
    assert_eq!(codes(&shop.replace("comment", "scala")), ["UnexpectedElement", "UnresolvedGatewayPortError"]);
    assert_eq!(codes(&shop.replace("clusters", "clustres").replace("comment: x\n", "")), ["UnexpectedElement"]);
}
