//! Gateways and routes that lead to whatever a selector selects.

use crate::support::{DEADLINE, Vamp, eventually, percent};
use vamp_core::{
    driver::InstanceState,
    engine::Options,
    model::{Gateway, read},
};

async fn put(vamp: &Vamp, text: &str) {
    let gateway = read::gateway(text).unwrap_or_else(|violations| panic!("{violations}"));
    vamp.engine.put_gateway(&gateway, None).await.unwrap_or_else(|failure| panic!("{failure}"));
}

/// The routes of a stored gateway: `path weight`.
async fn routes(vamp: &Vamp, name: &str) -> Vec<String> {
    let (gateway, _) = vamp.engine.find::<Gateway>(name).await.expect("reads").expect("is there");
    gateway.routes.iter().map(|route| format!("{} {}", route.path, route.weight.expect("completed"))).collect()
}

fn instances(vamp: &Vamp, version: &str) -> Vec<String> {
    let found = vamp.engine.instances("sava", "sava", &format!("sava:{version}"));
    found.into_iter().map(|one| one.id).collect()
}

/// Whether the proxy serves all of these instances in this gateway.
fn serves(vamp: &Vamp, gateway: &str, instances: &[String]) -> bool {
    let serving = vamp.proxy.serving();
    let document = serving.get(gateway).map(|document| format!("{document:?}")).unwrap_or_default();
    !instances.is_empty() && instances.iter().all(|id| document.contains(id.as_str()))
}

#[tokio::test]
async fn a_route_leads_to_the_instances_that_its_selector_selects_as_they_come_and_go() {
    let vamp = Vamp::start();
    put(&vamp, "{name: all, port: 9100, routes: {every: {selector: 'name (sava:.*) and port (8080)'}}}").await;
    vamp.deploy("1.0", 2).await;
    vamp.engine.applied("all", DEADLINE).await.expect("is served");
    assert!(serves(&vamp, "all", &instances(&vamp, "1.0")));
    vamp.deploy("1.1", 1).await;
    eventually("the next version is there, too", async || serves(&vamp, "all", &instances(&vamp, "1.1"))).await;
    assert_eq!(routes(&vamp, "all").await, ["every 100%"]);
}

#[tokio::test]
async fn every_captured_version_becomes_a_route_and_a_new_one_gets_no_traffic() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 1).await;
    put(&vamp, "{name: versions, port: 9100, selector: 'label (io.vamp.service)(sava:(.*)) and index (0)'}").await;
    eventually("the first has a route", async || routes(&vamp, "versions").await == ["(1.0) 100%"]).await;
    vamp.deploy("1.1", 1).await;
    eventually("the second, too", async || routes(&vamp, "versions").await == ["(1.0) 100%", "(1.1) 0%"]).await;
    vamp.engine.gateway("versions").weights([("(1.0)", percent(90)), ("(1.1)", percent(10))]).await.expect("moves");
    vamp.engine.applied("versions", DEADLINE).await.expect("is served");
    let all = [instances(&vamp, "1.0"), instances(&vamp, "1.1")].concat();
    assert!(serves(&vamp, "versions", &all));
}

#[tokio::test]
async fn a_group_that_blinks_keeps_its_weight_and_its_condition() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 1).await;
    vamp.deploy("1.1", 1).await;
    put(&vamp, "{name: versions, port: 9100, selector: 'name (sava:(.*))'}").await;
    eventually("both have routes", async || routes(&vamp, "versions").await.len() == 2).await;
    let gateway = vamp.engine.gateway("versions");
    gateway.weights([("(1.0)", percent(70)), ("(1.1)", percent(30))]).await.expect("moves");
    gateway.condition("(1.1)", Some("host == beta".parse().expect("parses")), percent(50)).await.expect("is set");
    let before = vamp.engine.find::<Gateway>("versions").await.expect("reads");
    let old = instances(&vamp, "1.1");
    vamp.containers.start_as(InstanceState::Running);
    assert!(vamp.containers.kill(&old[0]));
    eventually("it is gone", async || !serves(&vamp, "versions", &old)).await;
    vamp.engine.applied("versions", DEADLINE).await.expect("the rest is served");
    assert_eq!(vamp.engine.find::<Gateway>("versions").await.expect("reads"), before);
    let new = instances(&vamp, "1.1");
    assert!(vamp.containers.set(&new[0], InstanceState::Healthy, None));
    eventually("it is back", async || serves(&vamp, "versions", &new)).await;
    assert_eq!(vamp.engine.find::<Gateway>("versions").await.expect("reads"), before);
}

#[tokio::test]
async fn what_a_selector_leads_to_is_drained_before_it_stops() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 1).await;
    put(&vamp, "{name: all, port: 9100, routes: {every: {selector: 'name (sava:.*)'}}}").await;
    vamp.engine.applied("all", DEADLINE).await.expect("is served");
    let leaving = instances(&vamp, "1.0");
    assert!(serves(&vamp, "all", &leaving));
    vamp.proxy.set_connections(&leaving[0], 1);
    let blueprint = crate::support::blueprint("1.0", 1);
    vamp.engine.undeploy("sava", &blueprint, Options::DEFAULT).await.expect("may leave");
    eventually("it waits for the connection", async || {
        let Some((deployment, _)) = vamp.engine.deployment("sava").await.expect("reads") else { return false };
        let phase = &deployment.clusters[0].services[0].status.phase;
        phase.notification.as_ref().is_some_and(|reason| reason.contains("connections"))
    })
    .await;
    assert_eq!(instances(&vamp, "1.0"), leaving);
    vamp.proxy.set_connections(&leaving[0], 0);
    vamp.engine.settled("sava", DEADLINE).await.expect("is gone");
    eventually("nobody leads there", async || !serves(&vamp, "all", &leaving)).await;
}
