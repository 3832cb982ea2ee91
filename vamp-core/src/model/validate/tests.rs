use super::*;

fn told(sources: &[Source<'_>], kind: Option<Kind>) -> Vec<String> {
    let violations = validate(sources, kind).expect_err("something is wrong");
    let one = |one: &Violation| {
        let (file, line) = (one.file.as_deref().unwrap_or("?"), one.line.unwrap_or_default());
        format!("{file}:{line} {} {}", one.code, one.path)
    };
    violations.iter().map(one).collect()
}

fn source<'t>(name: &'t str, text: &'t str) -> Source<'t> {
    Source { name, text }
}

const BREED: &str = "kind: breed\nname: shop:1\ndeployable: x\nports: {web: 80}\nenv: {A: ~}\n";

#[test]
fn everything_wrong_in_every_text_is_told_with_its_place() {
    let first = source("a.yml", "kind: scales\nname: small\ncpu: one\n---\nkind: nothing\nname: x\n");
    let second = source("b.yml", "name: g\nport: 70000\n");
    let third = source("c.yml", "a: [\n");
    assert_eq!(
        told(&[first, second, third], Some(Kind::Gateway)),
        [
            "a.yml:1 MissingPathValueError memory",
            "a.yml:3 UnexpectedTypeError cpu",
            "a.yml:5 UnexpectedArtifact kind",
            "b.yml:2 InvalidGatewayPortError port",
            "c.yml:1 YamlParsingError ",
        ]
    );
}

#[test]
fn what_refers_to_another_text_is_checked_against_it() {
    let blueprint = "
name: b
kind: blueprint
gateways: { 9050: web/nope }
clusters:
  web:
    services: { breed: shop:1, env: { B: 1 } }
";
    let wanted = [
        "b.yml:4 UnresolvedGatewayPortError gateways/9050/routes/web/nope",
        "b.yml:7 UnresolvedDependencyInTraitValueError clusters/web/services/0/environment_variables/B",
    ];
    assert!(validate(&[source("b.yml", blueprint)], None).is_ok(), "the breed may be stored");
    assert_eq!(told(&[source("b.yml", blueprint), source("a.yml", BREED)], None), wanted);
}

#[test]
fn weights_count_once_stored_routes_are_known() {
    let gateway = "kind: gateway\nname: g\nroutes:\n  a: {weight: 50%}\n  b: stored\n";
    let route = |weight: &str| format!("kind: route\nname: stored\nweight: {weight}\n");
    let both = |weight: &str| format!("{gateway}---\n{}", route(weight));
    assert!(validate(&[source("g.yml", &both("50%"))], None).is_ok());
    assert_eq!(told(&[source("g.yml", &both("60%"))], None), ["g.yml:4 GatewayRouteWeightError routes"]);
}

#[test]
fn documents_import_each_other_in_any_order() {
    let first = source("a.yml", "kind: blueprints\nimport: [base]\nname: b\nclusters: {web: {sla: gold}}\n");
    let second = source("t.yml", "kind: template\nname: base\nimport: deeper\n");
    let third =
        source("d.yml", "kind: template\nname: deeper\ndef: {definition: {clusters: {web: {services: [shop:1]}}}}\n");
    let read = validate(&[first, second, third], None).expect("reads");
    let Document::Artifact(Artifact::Blueprint(blueprint)) = &read[0] else { panic!("{read:?}") };
    assert_eq!(blueprint.clusters[0].services.len(), 1);
    assert!(blueprint.clusters[0].sla.is_some());
}

#[test]
fn what_an_import_brings_is_told_at_the_import() {
    let blueprint = "kind: blueprints\nname: b\nimport: base\nclusters:\n  web: shop:1\n";
    let template = "kind: template\nname: base\ndefinition: {clusters: {web: {services: {brd: x}}}, gatways: {}}\n";
    let told = told(&[source("b.yml", blueprint), source("t.yml", template)], None);
    assert_eq!(told, ["b.yml:3 UnexpectedElement gatways"]);
}

#[test]
fn imports_in_a_circle_are_refused() {
    let text = "kind: template\nname: a\nimport: b\n---\nkind: template\nname: b\nimport: a\n";
    let wanted = ["t.yml:3 ImportReferenceError import", "t.yml:7 ImportReferenceError import"];
    assert_eq!(told(&[source("t.yml", text)], None), wanted);
}

#[test]
fn a_deployment_reads_beside_artifacts() {
    let text = "kind: deployments\nname: d\nclusters: {web: shop:1}\n";
    let read = validate(&[source("d.yml", text)], Some(Kind::Breed)).expect("reads");
    assert!(matches!(&read[..], [Document::Deployment { name, .. }] if name.as_str() == "d"));
}
