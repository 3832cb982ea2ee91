//! What a merge changes, and what it leaves alone.

use crate::support::{DEADLINE, Vamp, eventually, percent};
use vamp_core::{
    driver::InstanceState,
    engine::{Failure, Options},
    model::{Blueprint, Deployment, Gateway, Intention, PhaseName, Scale, read, read::DeploymentRequest},
};

fn parse(text: &str) -> Blueprint {
    match read::deployment(text) {
        Ok(DeploymentRequest::Blueprint(blueprint)) => *blueprint,
        other => panic!("{text}\n{other:?}"),
    }
}

const SHOP: &str = "
name: shop
gateways: { 9050: web/web }
clusters:
  db:
    services:
      breed: { name: 'db:1', deployable: { type: command, definition: db }, ports: { sql: 5432/tcp } }
  web:
    services:
      breed:
        name: 'web:1'
        deployable: { type: command, definition: web }
        ports: { web: 8080/http, admin: 8081/http }
        dependencies: { db: 'db:1' }
";

async fn deployment(vamp: &Vamp) -> Deployment {
    vamp.engine.deployment("shop").await.expect("reads").expect("is there").0
}

async fn gateway(vamp: &Vamp, name: &str) -> Option<Gateway> {
    vamp.engine.find::<Gateway>(name).await.expect("reads").map(|(gateway, _)| gateway)
}

async fn deploy(vamp: &Vamp, text: &str) -> Result<Deployment, Failure> {
    vamp.engine.deploy("shop", &parse(text), Options::default()).await
}

#[tokio::test]
async fn a_service_starts_after_what_it_depends_on_and_says_so() {
    let vamp = Vamp::start();
    vamp.containers.start_as(InstanceState::Running);
    deploy(&vamp, SHOP).await.expect("is accepted");
    eventually("it waits", async || {
        let phase = deployment(&vamp).await.clusters[1].services[0].status.phase.clone();
        phase.name == PhaseName::Initiated && phase.notification.is_some_and(|reason| reason.contains("`db:1`"))
    })
    .await;
    let database = deployment(&vamp).await.clusters[0].services[0].instances[0].id.clone();
    assert!(deployment(&vamp).await.clusters[1].services[0].instances.is_empty());
    vamp.containers.start_as(InstanceState::Healthy);
    assert!(vamp.containers.set(&database, InstanceState::Healthy, None));
    vamp.engine.settled("shop", DEADLINE).await.expect("settles");
    assert_eq!(deployment(&vamp).await.clusters[1].services[0].instances.len(), 1);
}

#[tokio::test]
async fn what_others_depend_on_does_not_leave_before_them() {
    let vamp = Vamp::start();
    let lonely = "
name: shop
clusters:
  web: { services: { breed: { name: 'web:1', deployable: { type: command, definition: web }, dependencies: { db: 'db:*' } } } }
";
    let Err(Failure::Invalid(violations)) = deploy(&vamp, lonely).await else { panic!("is accepted") };
    assert_eq!(violations.0[0].code, "UnresolvedDependencyError");
    deploy(&vamp, SHOP).await.expect("is accepted");
    let database = parse(
        "{name: shop, clusters: {db: {services: {breed: {name: 'db:1', deployable: {type: command, definition: db}}}}}}",
    );
    let refused = vamp.engine.undeploy("shop", &database, Options::default()).await;
    let Err(Failure::Invalid(violations)) = refused else { panic!("{refused:?}") };
    assert_eq!(violations.0[0].path, "clusters/web/services/web:1/breed/dependencies/db");
    vamp.engine.undeploy("shop", &parse(SHOP), Options::default()).await.expect("all may leave");
    vamp.engine.settled("shop", DEADLINE).await.expect("settles");
    assert!(gateway(&vamp, "shop/9050").await.is_none(), "what came with it went with it");
}

#[tokio::test]
async fn what_a_merge_omits_stays_as_it_is() {
    let vamp = Vamp::start();
    deploy(&vamp, SHOP).await.expect("is accepted");
    let second = SHOP.replace("web:1", "web:2");
    deploy(&vamp, &second).await.expect("is accepted");
    vamp.engine.settled("shop", DEADLINE).await.expect("settles");
    let web = vamp.engine.gateway("shop/web/web");
    web.weights([("web:1", percent(70)), ("web:2", percent(30))]).await.expect("moves");
    web.condition("web:2", Some("User-Agent == Chrome".parse().expect("parses")), percent(20)).await.expect("is set");
    let before = (deployment(&vamp).await, gateway(&vamp, "shop/web/web").await, gateway(&vamp, "shop/9050").await);
    deploy(&vamp, &second).await.expect("is accepted");
    let after = (deployment(&vamp).await, gateway(&vamp, "shop/web/web").await, gateway(&vamp, "shop/9050").await);
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_port_that_no_service_has_any_more_loses_its_gateway() {
    let vamp = Vamp::start();
    deploy(&vamp, SHOP).await.expect("is accepted");
    assert!(gateway(&vamp, "shop/web/admin").await.is_some());
    deploy(&vamp, &SHOP.replace(", admin: 8081/http", "")).await.expect("is accepted");
    assert!(gateway(&vamp, "shop/web/admin").await.is_none());
    vamp.engine.settled("shop", DEADLINE).await.expect("settles");
}

#[tokio::test]
async fn a_setting_of_the_cluster_begins_its_services_anew() {
    let vamp = Vamp::start();
    deploy(&vamp, SHOP).await.expect("is accepted");
    vamp.engine.settled("shop", DEADLINE).await.expect("settles");
    let old = deployment(&vamp).await.clusters[1].services[0].instances[0].id.clone();
    let changed = SHOP.replace("name: shop\n", "name: shop\nenv: { 'web.environment_variables.A': x }\n");
    let changed = changed.replace("dependencies: {", "env: { A: y }\n        dependencies: {");
    let merged = deploy(&vamp, &changed).await.expect("is accepted");
    assert_eq!(merged.clusters[1].services[0].status.phase.name, PhaseName::Initiated);
    assert_eq!(merged.clusters[0].services[0].status.phase.name, PhaseName::Done, "what runs on runs on");
    vamp.engine.settled("shop", DEADLINE).await.expect("settles");
    assert_ne!(deployment(&vamp).await.clusters[1].services[0].instances[0].id, old);
}

#[tokio::test]
async fn the_scale_of_one_service_can_be_set_alone() {
    let vamp = Vamp::start();
    deploy(&vamp, SHOP).await.expect("is accepted");
    let scale = Scale { instances: 3, ..Scale::default() };
    vamp.engine.set_scale("shop", "web", "web:1", scale).await.expect("is set");
    vamp.engine.settled("shop", DEADLINE).await.expect("settles");
    let found = deployment(&vamp).await;
    assert_eq!(found.clusters[1].services[0].instances.len(), 3);
    assert_eq!(found.clusters[1].services[0].status.intention, Intention::Deployment);
    let missing = vamp.engine.set_scale("shop", "web", "web:9", scale).await;
    assert!(matches!(missing, Err(Failure::NotFound { kind: "services", .. })), "{missing:?}");
    assert!(!vamp.engine.remove_sla("shop", "web").await.expect("has none"));
}
