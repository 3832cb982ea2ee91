use super::*;
use crate::model::{read, write};

const FILE: &str = r#"
version: "3"
services:
  web:
    image: acme/web:1
    ports: ["80:8080", "127.0.0.1:9000-9002:9000-9002/tcp", 443]
    environment: [DB=db:5432, "GREETING=it costs $5", EMPTY]
    command: [run, --fast]
    depends_on: [cache]
    restart: always
  db:
    image: mysql
    environment: { ROOT: "yes", SELF: db:1 }
  cache: { image: redis }
volumes: { data: {} }
"#;

#[test]
fn services_become_clusters_that_find_each_other() {
    let Imported { blueprint, comments } = blueprint(FILE, "shop").unwrap_or_else(|found| panic!("{found}"));
    let breed = |cluster: &str| {
        let service = &blueprint.cluster(cluster).expect(cluster).services[0];
        service.breed.inline().expect("in place").clone()
    };
    let web = breed("web");
    assert_eq!((web.name.as_str(), web.deployable.definition.as_str()), ("web:1.0.0", "acme/web:1"));
    let ports: Vec<String> = web.ports.iter().map(|(name, port)| format!("{name}={port}")).collect();
    assert_eq!(ports, ["port_8080=8080/http", "port_9000=9000/tcp", "port_443=443/http"]);
    let value = |name: &str| web.environment_variables.get(name).expect(name).value.clone();
    assert_eq!(value("DB").as_deref(), Some("$db.host:$db.ports.port_5432"));
    assert_eq!(value("GREETING").as_deref(), Some("it costs $$5"));
    assert_eq!(value("EMPTY"), None);
    let dependencies: Vec<(&str, &str)> =
        web.dependencies.iter().map(|(alias, breed)| (alias, breed.name().as_str())).collect();
    assert_eq!(dependencies, [("cache", "cache:1.0.0"), ("db", "db:1.0.0")]);
    assert!(breed("db").ports.contains("port_5432"), "the port that is asked for");
    assert_eq!(breed("db").environment_variables.get("SELF").expect("there").value.as_deref(), Some("db:1"));
    let told = comments.join("\n");
    for part in ["version 3", "host port `80`", "range `9000-9002`", "`restart`", "`volumes`"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(read::blueprint(&write::blueprint(&blueprint).to_string()), Ok(blueprint));
}

#[test]
fn what_cannot_be_a_blueprint_is_refused_with_its_place() {
    for (source, wanted) in [
        ("a: [\n", vec!["YamlParsingError "]),
        ("- a\n", vec!["UnexpectedTypeError "]),
        ("version: 3\n", vec!["MissingPathValueError services"]),
        ("services: {web: {}}\n", vec!["MissingPathValueError services/web/image"]),
        ("services: {'a b': {image: x}}\n", vec!["IllegalName services/a b"]),
        ("services: {web: {image: x, ports: [53/udp]}}\n", vec!["UnsupportedProtocolError services/web/ports/0"]),
        ("services: {web: {image: x, ports: [{target: 80}]}}\n", vec!["UnexpectedTypeError services/web/ports/0"]),
        ("services: {web: {image: x, ports: [http]}}\n", vec!["UnexpectedTypeError services/web/ports/0"]),
        (
            "services: {web: {image: [x], environment: [[a]], depends_on: a/b}}\n",
            vec![
                "MissingPathValueError services/web/image",
                "UnexpectedTypeError services/web/image",
                "UnexpectedTypeError services/web/environment",
                "IllegalName services/web/depends_on",
            ],
        ),
    ] {
        let violations = blueprint(source, "b").expect_err(source);
        let told: Vec<String> = violations.iter().map(|one| format!("{} {}", one.code, one.path)).collect();
        assert_eq!(told, wanted, "{source}");
    }
    assert!(blueprint(FILE, "a b").is_err());
}

#[test]
fn a_comment_never_becomes_a_line_of_its_own() {
    let source = "services: {web: {image: x, \"a\\nname: evil\": 1}}\n";
    let imported = blueprint(source, "b").expect("reads");
    assert_eq!(imported.to_yaml("name: b\n").lines().count(), 2);
}
