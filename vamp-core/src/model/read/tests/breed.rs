use super::found;
use crate::model::{Argument, Reference, read};

const BREED: &str = "
name: shop:1.2
deployable: acme/shop:1.2
ports: { web: 8080/http, admin: 9000, sql: 5432/tcp }
env: { 'LEVEL[SHOP_LOG_LEVEL]': info, DB: '$db.host:$db.ports.sql', SECRET: ~, a.b: 1.10 }
constants: { schema: v7 }
dependencies: { db: 'mysql:5.*', cache: { ref: redis }, q: { breed: { name: queue, deployable: q } } }
arguments: [ { privileged: 'false' }, { memory-swap: 0 } ]
health_checks: { port: web, initial_delay: 0s, timeout: 1s, interval: 500ms, failures: 3 }
";

#[test]
fn a_breed_reads_with_everything() {
    let breed = read::breed(BREED).expect("reads");
    assert_eq!(breed.deployable.kind, None);
    assert_eq!(breed.ports.keys().collect::<Vec<_>>(), ["web", "admin", "sql"]);
    let level = breed.environment_variables.get("LEVEL").expect("there");
    assert_eq!((level.alias.as_deref(), level.value.as_deref()), (Some("SHOP_LOG_LEVEL"), Some("info")));
    assert_eq!(breed.environment_variables.get("SECRET").expect("there").value, None);
    assert_eq!(breed.environment_variables.get("a.b").expect("there").value.as_deref(), Some("1.10"));
    assert_eq!(breed.dependencies.get("db").expect("there").name().as_str(), "mysql:5.*");
    assert!(matches!(breed.dependencies.get("q"), Some(Reference::Inline(_))));
    let arguments: Vec<(&str, &str)> =
        breed.arguments.iter().map(|Argument { key, value }| (key.as_str(), value.as_str())).collect();
    assert_eq!(arguments, [("privileged", "false"), ("memory-swap", "0")]);
    let checks = breed.health_checks.expect("there");
    assert_eq!(
        (checks[0].path.as_str(), checks[0].interval.as_millis(), checks[0].protocol.as_str()),
        ("/", 500, "HTTP")
    );
}

#[test]
fn every_rule_of_a_breed_names_its_place() {
    for (fields, wanted) in [
        ("", vec!["MissingPathValueError deployable/definition"]),
        ("deployable: {type: command}", vec!["MissingPathValueError deployable/definition"]),
        ("deployable: {definition: x, typ: command}", vec!["UnexpectedElement deployable/typ"]),
        ("deployable: x\nports: {web: ~}", vec!["MissingPortValueError ports/web"]),
        ("deployable: x\nports: {web: abc/http}", vec!["UnexpectedTypeError ports/web"]),
        ("deployable: x\nports: {w.b: 80}", vec!["IllegalStrictName ports/w.b"]),
        ("deployable: x\nports: {web: [80]}", vec!["MalformedTraitError ports/web"]),
        ("deployable: x\nports: {web: {n: 80}}", vec!["UnexpectedElement ports/web"]),
        ("deployable: x\nconstants: {c: ~}", vec!["MissingConstantValueError constants/c"]),
        ("deployable: x\nenv: {A: 1, 'A[B]': 2}", vec!["MalformedTraitError env/A[B]"]),
        ("deployable: x\nenv: {'a b': 1}", vec!["IllegalName env/a b"]),
        ("deployable: x\nenv: {A: '${b'}", vec!["ParserError env/A"]),
        ("deployable: x\nenv: {A: $db.host}", vec!["UnresolvedDependencyInTraitValueError environment_variables/A"]),
        ("deployable: x\nconstants: {c: $db.ports.p}", vec!["UnresolvedDependencyInTraitValueError constants/c"]),
        (
            "deployable: x\nenv: {A: $db.ports.p}\ndependencies: {db: {name: d, deployable: d, ports: {q: 1}}}",
            vec!["UnresolvedDependencyInTraitValueError environment_variables/A"],
        ),
        ("deployable: x\narguments: [a]", vec!["InvalidArgumentError arguments/0"]),
        ("deployable: x\narguments: [{a: 1, b: 2}]", vec!["InvalidArgumentError arguments/0"]),
        ("deployable: x\narguments: {a: [1]}", vec!["InvalidArgumentError arguments/a"]),
        ("deployable: x\narguments: [{privileged: 1}]", vec!["InvalidArgumentValueError arguments/0/privileged"]),
        ("deployable: x\ndependencies: {me: b:1}", vec!["RecursiveDependenciesError dependencies"]),
        (
            "deployable: x\ndependencies: {a: {name: a, deployable: a, dependencies: {b: b:1}}}",
            vec!["RecursiveDependenciesError dependencies"],
        ),
        (
            "deployable: x\nhealth_checks: {port: web, timeout: 5, interval: 1x, failures: -1}",
            vec![
                "MissingPathValueError health_checks/initial_delay",
                "UnexpectedTypeError health_checks/timeout",
                "UnexpectedTypeError health_checks/interval",
                "NegativeFailuresNumberError health_checks/failures",
            ],
        ),
        (
            "deployable: x\nhealth_checks: [{port: web, initial_delay: 0s, timeout: 1s, interval: 1s, failures: 1}]",
            vec!["UnresolvedPortReferenceError health_checks/0/port"],
        ),
    ] {
        let source = format!("name: b:1\n{fields}\n");
        assert_eq!(found(read::breed(&source)), wanted, "{source}");
    }
}

#[test]
fn a_broken_value_is_not_in_the_message() {
    let violations = read::breed("name: b\ndeployable: x\nenv: {TOKEN: 'hush${'}\n").expect_err("a dangling brace");
    assert!(!violations.to_string().contains("hush"), "{violations}");
}

#[test]
fn scales_and_conditions_read_by_name() {
    let scale = read::scale("name: small\ncpu: 0.1\nmemory: 64MB\n").expect("reads");
    assert_eq!((scale.value.cpu_millis, scale.value.memory_bytes, scale.value.instances), (100, 64_000_000, 1));
    assert_eq!(
        found(read::scale("cpu: -1\nmemory: 64\n")),
        ["MissingPathValueError name", "UnexpectedTypeError cpu", "UnexpectedTypeError memory",]
    );
    let condition = read::condition("name: firefox\ncondition: user-agent == Firefox\n").expect("reads");
    assert_eq!(condition.value.as_str(), "user-agent == Firefox");
    assert_eq!(found(read::condition("name: x\ncondition: whatever\n")), ["ParserError condition"]);
    assert_eq!(found(read::condition("name: x\ncondition: ''\n")), ["MissingPathValueError condition"]);
}
