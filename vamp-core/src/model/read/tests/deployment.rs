use super::found;
use crate::model::read::{self, Artifact, DeploymentRequest, Kind};

#[test]
fn a_request_is_a_name_a_blueprint_or_a_deployment() {
    assert!(matches!(read::deployment("name: sava:1.0"), Ok(DeploymentRequest::Stored(name)) if name == "sava:1.0"));
    let blueprint = "name: b\nclusters: {web: {name: a, deployable: x, dependencies: {db: elsewhere}}}\n";
    assert!(matches!(read::deployment(blueprint), Ok(DeploymentRequest::Blueprint(_))), "dependencies may run already");
    assert!(read::blueprint(blueprint).is_err());
    let deployment = r#"{"name": "sava", "kind": "deployments", "lookup_name": "x", "ports": {"web.p": "40000"},
        "hosts": {"web": "localhost"}, "clusters": {"web": {"services": [{"breed": {"reference": "a"},
        "status": {"intention": "Deployment"}, "instances": [], "dependencies": {}, "health": {"running": 1}}]}}}"#;
    let Ok(DeploymentRequest::Blueprint(read)) = read::deployment(deployment) else { panic!("reads") };
    assert_eq!(read.clusters[0].services[0].breed.name().as_str(), "a");
}

#[test]
fn when_neither_reads_the_blueprint_says_why() {
    let source = "name: b\nclusters: {web: {breed: a, status: {}, nonsense: 1}}\n";
    assert_eq!(
        found(read::deployment(source)),
        ["UnexpectedElement clusters/web/status", "UnexpectedElement clusters/web/nonsense",]
    );
}

#[test]
fn several_artifacts_read_in_order_and_all_their_violations_at_once() {
    let source = "
kind: breed
name: a
deployable: x
---
- kind: gateways
  name: g
- [{ kind: scales, name: s, cpu: 1, memory: 1MB }, { kind: conditions, name: c, condition: host == x }]
---
---
kind: blueprints
name: b
clusters: { web: a }
";
    let artifacts = read::artifacts(source, None).expect("reads");
    let found: Vec<(Kind, &str)> = artifacts.iter().map(|artifact| (artifact.kind(), artifact.name())).collect();
    let wanted =
        [(Kind::Breed, "a"), (Kind::Gateway, "g"), (Kind::Scale, "s"), (Kind::Condition, "c"), (Kind::Blueprint, "b")];
    assert_eq!(found, wanted);
    let wrong = "kind: breeds\nname: a\n---\nname: x\n---\nkind: nonsense\n";
    assert_eq!(
        super::found(read::artifacts(wrong, None)),
        ["MissingPathValueError deployable/definition", "MissingPathValueError kind", "UnexpectedArtifact kind",]
    );
    let gateways = read::artifacts("name: g\n---\nname: h\n", Some(Kind::Gateway)).expect("the kind is known");
    assert!(matches!(gateways.as_slice(), [Artifact::Gateway(_), Artifact::Gateway(_)]));
}
