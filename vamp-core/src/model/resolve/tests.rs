use super::*;
use crate::model::{Dialects, Environment, HealthCheck, Intention, Metadata, Ordered, Scale, Status, Variable, read};
use std::time::{Duration, UNIX_EPOCH};

/// Gateways on one host; only `web` has a port.
struct Near;

impl Around for Near {
    fn host(&self, _: &str) -> Option<String> {
        Some("10.0.0.9".to_owned())
    }

    fn port(&self, _: &str, port: &str) -> Option<u16> {
        (port == "web").then_some(9_060)
    }

    fn environment(&self, name: &str) -> Option<String> {
        (name == "HOME").then(|| "/root".to_owned())
    }
}

fn service(breed: &str) -> DeployedService {
    DeployedService {
        breed: read::breed(breed).unwrap_or_else(|violations| panic!("{breed}\n{violations}")),
        scale: Scale { cpu_millis: 100, memory_bytes: 64_000_000, instances: 3 },
        environment_variables: Environment::new(),
        arguments: Vec::new(),
        health_checks: None,
        network: None,
        dialects: Dialects::new(),
        dependencies: Ordered::new(),
        status: Status::initiated(Intention::Deployment, UNIX_EPOCH),
        instances: Vec::new(),
        drain: None,
    }
}

fn cluster(service: &DeployedService) -> DeployedCluster {
    DeployedCluster {
        name: "web".parse().expect("a name"),
        services: vec![service.clone()],
        metadata: Metadata::new(),
        health_checks: None,
        network: None,
        sla: None,
        dialects: Dialects::new(),
    }
}

fn deployment(cluster: &DeployedCluster) -> Deployment {
    Deployment { clusters: vec![cluster.clone()], ..Deployment::new("shop".parse().expect("a name")) }
}

fn resolved(service: &DeployedService) -> Result<Template, Violations> {
    let cluster = cluster(service);
    template(&deployment(&cluster), &cluster, service, &Near)
}

fn codes(service: &DeployedService) -> Vec<String> {
    let Violations(found) = resolved(service).expect_err("it cannot run");
    found.iter().map(|violation| format!("{} {}", violation.code, violation.path)).collect()
}

const COMMAND: &str = "
name: sava:1.0
deployable: { type: command, definition: \"sava --greeting 'hello world'\" }
ports: { web: 8080/http }
env: { VERSION: '1.0' }
health_checks: { path: /health, port: web, initial_delay: 0s, timeout: 1s, interval: 500ms, failures: 3 }
";

#[test]
fn a_command_becomes_words_and_gets_its_ports_from_the_driver() {
    let template = resolved(&service(COMMAND)).expect("runs");
    assert_eq!(template.command, ["sava", "--greeting", "hello world"]);
    assert_eq!(template.image, None);
    assert_eq!(template.ports, BTreeMap::from([("web".to_owned(), None)]));
    assert_eq!(template.environment, BTreeMap::from([("VERSION".to_owned(), "1.0".to_owned())]));
    assert_eq!((template.cpu_millis, template.memory_bytes), (100, 64_000_000));
    let probe = &template.health[0];
    assert_eq!(
        (probe.path.as_deref(), probe.interval, probe.failures),
        (Some("/health"), Duration::from_millis(500), 3)
    );
}

#[test]
fn an_image_keeps_the_numbers_of_its_ports_and_its_container_settings() {
    let mut service =
        service("name: a\ndeployable: acme/shop:1\nports: {web: 8080}\narguments: [{privileged: true}]\n");
    service.arguments = vec![
        Argument { key: "privileged".to_owned(), value: "false".to_owned() },
        Argument { key: "v".to_owned(), value: "/x".to_owned() },
    ];
    service.network = Some("HOST".to_owned());
    let docker = json!({"docker": {"label": "x", "n": 1}, "marathon": {"y": 2}});
    service.dialects = docker.as_object().expect("a map").clone();
    let template = resolved(&service).expect("runs");
    assert_eq!(template.image.as_deref(), Some("acme/shop:1"));
    assert!(template.command.is_empty());
    assert_eq!(template.ports["web"], NonZeroU16::new(8080));
    let settings: Vec<(&str, &str)> =
        template.dialect.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let arguments = r#"[{"privileged":"true"},{"v":"/x"}]"#;
    assert_eq!(settings, [("arguments", arguments), ("label", "x"), ("n", "1"), ("network", "HOST")]);
}

#[test]
fn the_service_wins_over_the_deployment_and_that_over_the_breed() {
    let breed = "name: a\ndeployable: {type: cmd, definition: x}\nenv: {'A[SEEN]': breed, B: breed, C: breed}\n";
    let mut service = service(breed);
    service.environment_variables.insert("A", Variable::new("service"));
    let cluster = cluster(&service);
    let mut deployment = deployment(&cluster);
    for name in ["A", "B", "OTHER"] {
        deployment
            .environment_variables
            .insert(format!("web.environment_variables.{name}"), Variable::new("deployment"));
    }
    let template = template(&deployment, &cluster, &service, &Near).expect("runs");
    let environment: Vec<(&str, &str)> =
        template.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(environment, [("B", "deployment"), ("C", "breed"), ("SEEN", "service")]);
}

#[test]
fn references_to_own_values_are_replaced_once() {
    let breed = "name: a\ndeployable: {type: cmd, definition: x}\nconstants: {schema: v7}\ndependencies: {me: b}\n\
                 env: {A: '$B/${schema}/$$x', B: '$$schema', C: $me.constants.schema}\n";
    let mut service = service(breed);
    service.dependencies.insert("me", "web".parse().expect("a name"));
    let environment = resolved(&service).expect("runs").environment;
    assert_eq!(environment["A"], "$$schema/v7/$x", "what `$B` is replaced by is not looked at again");
    assert_eq!((environment["B"].as_str(), environment["C"].as_str()), ("$schema", "v7"));
}

#[test]
fn references_to_other_clusters_lead_to_their_gateways() {
    let breed = "name: a\ndeployable: {type: docker, definition: x}\nports: {web: 80, sql: 1/tcp}\n\
                 constants: {schema: v7}\ndependencies: {db: b}\nenv: {A: '$db.host:$db.ports.web', B: $db.hosts.host, \
                 C: '${db.env.B}', D: $env://HOME/x}\n";
    let mut service = service(breed);
    service.dependencies.insert("db", "web".parse().expect("a name"));
    service.dialects.insert("docker".to_owned(), json!({"labels": {"at": "$db.host", "n": 1}, "cmd": ["a", "$$x"]}));
    let template = resolved(&service).expect("runs");
    let environment: Vec<&str> = template.environment.values().map(String::as_str).collect();
    assert_eq!(environment, ["10.0.0.9:9060", "10.0.0.9", "$db.hosts.host", "/root/x"]);
    assert_eq!(template.dialect["labels"], r#"{"at":"10.0.0.9","n":1}"#);
    assert_eq!(template.dialect["cmd"], r#"["a","$x"]"#);
}

#[test]
fn what_a_reference_does_not_find_is_told_with_the_reason() {
    let breed = "name: a\ndeployable: {type: docker, definition: x}\nports: {sql: 1/tcp}\ndependencies: {db: b}\n\
                 env: {A: $db.ports.sql, B: $db.ports.no, C: $env://NO, D: $file://x, E: $db.colour.red}\n";
    let mut service = service(breed);
    service.dependencies.insert("db", "web".parse().expect("a name"));
    let Violations(found) = resolved(&service).expect_err("not known");
    let reasons = [
        "`shop/web/sql` has no port yet",
        "declared by no breed",
        "no value on this server",
        "neither `config`",
        "is none of",
    ];
    for (violation, reason) in found.iter().zip(reasons) {
        assert!(violation.message.contains(reason), "{violation}");
    }
    assert_eq!(found.len(), reasons.len());
    service.dependencies.remove("db");
    let Violations(found) = resolved(&service).expect_err("not known");
    assert!(found[0].message.contains("neither a dependency"), "{}", found[0]);
}

#[test]
fn what_cannot_run_is_told_all_at_once() {
    let mut broken =
        service("name: a\ndeployable: {type: command, definition: \"x 'y\"}\nenv: {A: ~, B: $nope, C: '$conf://x'}\n");
    broken.environment_variables.insert("D", Variable::new("1"));
    broken.arguments.push(Argument { key: "k".to_owned(), value: "v".to_owned() });
    broken.network = Some("BRIDGE".to_owned());
    assert_eq!(
        codes(&broken),
        [
            "UnresolvedDependencyInTraitValueError clusters/web/services/a/environment_variables/D",
            "UnresolvedVariableValueError clusters/web/services/a/environment_variables/A",
            "UnresolvedVariableValueError clusters/web/services/a/environment_variables/B",
            "UnresolvedVariableValueError clusters/web/services/a/environment_variables/C",
            "ParserError clusters/web/services/a/breed/deployable/definition",
            "InvalidArgumentError clusters/web/services/a/arguments",
            "UnsupportedDeployableType clusters/web/services/a/network",
        ]
    );
    let kind = |kind: &str, definition: &str| {
        codes(&service(&format!("name: a\ndeployable: {{type: {kind}, definition: {definition}}}\n")))
    };
    assert_eq!(
        kind("application/javascript", "x"),
        ["UnsupportedDeployableType clusters/web/services/a/breed/deployable/type"]
    );
    assert_eq!(kind("docker", "''"), ["UndefinedDockerImage clusters/web/services/a/breed/deployable/definition"]);
    assert_eq!(kind("command", "''"), ["MissingPathValueError clusters/web/services/a/breed/deployable/definition"]);
}

fn check(port: &str, path: &str) -> HealthCheck {
    let source = format!("{{port: {port}, path: {path}, initial_delay: 0s, timeout: 1s, interval: 1s, failures: 0}}");
    read::health_check(&source).expect("reads")
}

#[test]
fn health_checks_come_from_the_nearest_level_that_has_some() {
    let paths = |own: Option<Vec<HealthCheck>>, shared: Option<Vec<HealthCheck>>| -> Vec<String> {
        let mut service = service(COMMAND);
        service.health_checks = own;
        let cluster = DeployedCluster { health_checks: shared, ..cluster(&service) };
        let template = template(&deployment(&cluster), &cluster, &service, &Near).expect("runs");
        template.health.into_iter().filter_map(|probe| probe.path).collect()
    };
    assert_eq!(paths(None, None), ["/health"]);
    assert!(paths(Some(Vec::new()), None).is_empty());
    assert!(paths(Some(Vec::new()), Some(vec![check("web", "/c")])).is_empty());
    assert_eq!(paths(None, Some(vec![check("web", "/c"), check("admin", "/a")])), ["/c"]);
    assert_eq!(paths(Some(vec![check("web", "/s")]), Some(vec![check("web", "/c"), check("web", "/s")])), ["/s", "/c"]);
}

#[test]
fn equal_services_have_the_same_revision() {
    let revision = |breed: &str| resolved(&service(breed)).expect("runs").revision();
    assert_eq!(revision(COMMAND), revision(COMMAND));
    assert_ne!(revision(COMMAND), revision(&COMMAND.replace("'1.0'", "'1.1'")));
}
