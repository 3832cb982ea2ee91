//! Blueprint to running, canary to removed.

use crate::support::{DEADLINE, Vamp, blueprint, eventually, percent};
use std::time::Duration;
use vamp_core::{
    driver::{ContainerDriver as _, InstanceState, Scope},
    engine::{Failure, Options},
    model::{Gateway, PhaseName},
    weight::Weight,
};

#[tokio::test]
async fn a_deployment_is_served_once_its_instances_are_healthy() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 3).await;
    assert_eq!(vamp.healthy().await, [("sava:1.0".to_owned(), 3)].into());
    assert_eq!(vamp.weights().await, [("sava:1.0".to_owned(), "100%".to_owned())]);
    assert_eq!(vamp.served().matches("\\\"traffic\\\":\\\"ready\\\"").count(), 3, "{}", vamp.served());
}

#[tokio::test]
async fn a_version_merged_beside_another_gets_no_traffic_until_it_is_given_some() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 3).await;
    vamp.deploy("1.1", 2).await;
    let all =
        |old: &str, new: &str| vec![("sava:1.0".to_owned(), old.to_owned()), ("sava:1.1".to_owned(), new.to_owned())];
    assert_eq!(vamp.weights().await, all("100%", "0%"));
    let gateway = vamp.engine.gateway("sava/sava/web");
    gateway.weights([("sava:1.0", percent(90)), ("sava:1.1", percent(10))]).await.expect("moves");
    gateway.applied(DEADLINE).await.expect("applies");
    assert_eq!(vamp.weights().await, all("90%", "10%"));
    let served = vamp.served();
    assert!(served.contains(r#"\"90%\""#) && served.contains(r#"\"10%\""#), "{served}");
}

#[tokio::test]
async fn a_version_with_traffic_cannot_be_removed() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 1).await;
    vamp.deploy("1.1", 1).await;
    let refused = vamp.engine.undeploy("sava", &blueprint("1.0", 1), Options::default()).await;
    let Err(Failure::Invalid(violations)) = refused else { panic!("{refused:?}") };
    assert_eq!(violations.0[0].code, "InvalidRouteWeight");
    assert_eq!(vamp.healthy().await.len(), 2);
}

#[tokio::test]
async fn a_leaving_version_stops_only_after_its_last_connection() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 2).await;
    vamp.deploy("1.1", 1).await;
    let gateway = vamp.engine.gateway("sava/sava/web");
    gateway.weights([("sava:1.0", Weight::ZERO), ("sava:1.1", Weight::FULL)]).await.expect("moves");
    let (deployment, _) = vamp.engine.deployment("sava").await.expect("reads").expect("is there");
    let busy = deployment.clusters[0].services[0].instances[0].id.clone();
    vamp.proxy.set_connections(&busy, 1);
    vamp.engine.undeploy("sava", &blueprint("1.0", 2), Options::default()).await.expect("is accepted");
    eventually("the reason names the connection", async || {
        let (deployment, _) = vamp.engine.deployment("sava").await.expect("reads").expect("is there");
        let phase = &deployment.clusters[0].services[0].status.phase;
        phase.notification.as_deref().is_some_and(|reason| reason.contains("are open"))
    })
    .await;
    assert_eq!(vamp.healthy().await["sava:1.0"], 2, "both run while one is busy");
    vamp.proxy.set_connections(&busy, 0);
    vamp.engine.settled("sava", DEADLINE).await.expect("settles");
    assert_eq!(vamp.healthy().await, [("sava:1.1".to_owned(), 1)].into());
    assert_eq!(vamp.weights().await, [("sava:1.1".to_owned(), "100%".to_owned())]);
}

#[tokio::test]
async fn the_last_service_takes_the_deployment_and_its_gateways_along() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 2).await;
    vamp.engine.undeploy("sava", &blueprint("1.0", 2), Options::default()).await.expect("is accepted");
    vamp.engine.settled("sava", DEADLINE).await.expect("settles");
    assert!(vamp.engine.deployment("sava").await.expect("reads").is_none());
    assert!(vamp.engine.find::<Gateway>("sava/9050").await.expect("reads").is_none());
    eventually("the proxy serves nothing", async || vamp.proxy.serving().is_empty()).await;
}

#[tokio::test]
async fn a_scale_down_drains_before_it_stops() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 3).await;
    let (deployment, _) = vamp.engine.deployment("sava").await.expect("reads").expect("is there");
    for instance in &deployment.clusters[0].services[0].instances {
        vamp.proxy.set_connections(&instance.id, 1);
    }
    vamp.engine.deploy("sava", &blueprint("1.0", 1), Options::default()).await.expect("scales");
    eventually("two are taken out", async || vamp.served().matches("draining").count() == 2).await;
    assert_eq!(vamp.healthy().await["sava:1.0"], 3);
    for instance in &deployment.clusters[0].services[0].instances {
        vamp.proxy.set_connections(&instance.id, 0);
    }
    vamp.engine.settled("sava", DEADLINE).await.expect("settles");
    assert_eq!(vamp.healthy().await["sava:1.0"], 1);
}

#[tokio::test]
async fn a_restart_with_empty_routing_state_takes_nothing_away() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 2).await;
    let (served, instances) = (vamp.served(), vamp.healthy().await);
    let vamp = vamp.restart();
    vamp.engine.settled("sava", DEADLINE).await.expect("settles");
    assert_eq!(vamp.served(), served);
    eventually("what runs is observed", async || vamp.healthy().await == instances).await;
}

#[tokio::test]
async fn what_cannot_be_observed_is_neither_gone_nor_made_again() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 2).await;
    vamp.deploy("1.1", 1).await;
    let gateway = vamp.engine.gateway("sava/sava/web");
    gateway.weights([("sava:1.0", Weight::ZERO), ("sava:1.1", Weight::FULL)]).await.expect("moves");
    gateway.applied(DEADLINE).await.expect("applies");
    vamp.containers.fail(true);
    vamp.engine.undeploy("sava", &blueprint("1.0", 2), Options::default()).await.expect("is accepted");
    let settled = vamp.engine.settled("sava", Duration::from_secs(2)).await;
    assert!(matches!(settled, Err(Failure::NotYet(_))), "{settled:?}");
    assert!(vamp.engine.deployment("sava").await.expect("reads").is_some());
    vamp.containers.fail(false);
    vamp.engine.settled("sava", DEADLINE).await.expect("settles");
    assert_eq!(vamp.healthy().await, [("sava:1.1".to_owned(), 1)].into());
}

#[tokio::test]
async fn what_runs_and_is_no_longer_stored_is_removed() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 2).await;
    let names = [("deployments", "sava"), ("gateways", "sava/sava/web")];
    let mut yesterday = Vec::new();
    for (kind, name) in names {
        yesterday.push(vamp.persistence.get(kind, name).await.expect("reads").expect("is there").draft);
    }
    vamp.deploy("1.1", 1).await;
    for draft in yesterday {
        let present = vamp.persistence.get(&draft.kind, &draft.name).await.expect("reads").expect("is there").version;
        vamp.persistence.put(&draft, Some(&present)).await.expect("puts it back");
    }
    let scope = Scope::Owned { namespace: "default".to_owned() };
    eventually("only what is stored runs", async || {
        let seen = vamp.containers.observe(&scope).await.expect("observes").workloads;
        let ids: Vec<String> = seen.iter().filter_map(|one| Some(one.id.as_ref()?.to_string())).collect();
        assert!(ids.iter().any(|id| id.contains("sava:1.0")), "{ids:?}");
        ids.len() == 1
    })
    .await;
    assert_eq!(vamp.healthy().await, [("sava:1.0".to_owned(), 2)].into());
}

#[tokio::test]
async fn wiped_routing_state_is_written_again_and_served_throughout() {
    use vamp_core::{
        driver::{KeyValueExt as _, KeyValueStore as _},
        routing::Keys,
    };
    let vamp = Vamp::start();
    vamp.deploy("1.0", 1).await;
    let (served, keys) = (vamp.served(), Keys::new("default"));
    for (key, _) in vamp.key_value.list("/vamp/").await.expect("lists").0 {
        vamp.key_value.delete(&key).await.expect("deletes");
    }
    eventually("the table is back", async || {
        assert_eq!(vamp.served(), served);
        vamp.key_value.get(&keys.complete()).await.expect("reads").is_some()
    })
    .await;
}

#[tokio::test]
async fn a_gateway_that_the_agent_refuses_is_told_with_its_reason() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 1).await;
    vamp.proxy.refuse("sava/9050", true);
    vamp.engine.deploy("sava", &blueprint("1.0", 2), Options::default()).await.expect("is accepted");
    let Err(Failure::Refused(reason)) = vamp.engine.settled("sava", DEADLINE).await else { panic!("was served") };
    assert!(reason.contains("refused by the test"), "{reason}");
    vamp.proxy.refuse("sava/9050", false);
    eventually("it is tried again", async || vamp.engine.settled("sava", DEADLINE).await.is_ok()).await;
}

#[tokio::test]
async fn a_service_that_never_becomes_healthy_says_why() {
    let vamp = Vamp::start();
    vamp.containers.start_as(InstanceState::Unhealthy);
    vamp.engine.deploy("sava", &blueprint("1.0", 1), Options::default()).await.expect("is accepted");
    let Err(Failure::NotYet(reason)) = vamp.engine.settled("sava", Duration::from_secs(1)).await else {
        panic!("settled")
    };
    assert!(reason.contains("0 of 1 instances are healthy"), "{reason}");
    let (deployment, _) = vamp.engine.deployment("sava").await.expect("reads").expect("is there");
    assert_eq!(deployment.clusters[0].services[0].status.phase.name, PhaseName::Updating);
}

#[tokio::test]
async fn two_gateways_never_take_one_port() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 1).await;
    let gateway = Gateway::new("other".parse().expect("a name"), "9050/http".parse().expect("a port"));
    let refused = vamp.engine.put_gateway(&gateway, None).await;
    let Err(Failure::Conflict(violation)) = refused else { panic!("{refused:?}") };
    assert_eq!(violation.code, "UnavailableGatewayPortError");
}
