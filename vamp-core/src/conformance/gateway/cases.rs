//! The cases, in the order of the clauses.
#![allow(missing_docs, reason = "the name of a case says it")]

use super::{BreakableProxy, GatewayFixture, change, document, gateway, instance, render, table};
use crate::{
    driver::{Applied, Document},
    routing::{Gateway, Target as Leads, Traffic},
    weight::Weight,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

fn shop(fixture: &mut dyn GatewayFixture, name: &str) -> Gateway {
    let port = fixture.free_port();
    gateway(name, port, [90, 10], [vec![instance("one", 9_101)], vec![instance("two", 9_102)]])
}

async fn apply(fixture: &dyn GatewayFixture, gateway: &Gateway) -> Applied {
    let document = document(fixture, gateway).await;
    apply_document(fixture, &gateway.name, Some(document)).await
}

async fn apply_document(fixture: &dyn GatewayFixture, name: &str, document: Option<Document>) -> Applied {
    let mut applied = fixture.proxy().apply(&change(name, document)).await;
    let applied = applied.remove(name).expect("one answer for each gateway named");
    applied.unwrap_or_else(|error| panic!("{}", error.report()))
}

async fn serving(fixture: &dyn GatewayFixture) -> BTreeMap<String, Document> {
    let target = fixture.proxy().target().await.unwrap_or_else(|e| panic!("{}", e.report()));
    target.serving.into_iter().map(|(name, document)| (name, Arc::unwrap_or_clone(document))).collect()
}

/// Two routes of one name: nobody could tell which one is meant.
fn bad(fixture: &mut dyn GatewayFixture, name: &str) -> Gateway {
    let mut bad = shop(fixture, name);
    bad.decision.routes[1].name = bad.decision.routes[0].name.clone();
    bad
}

pub async fn r1_the_same_table_gives_the_same_bytes(fixture: &mut dyn GatewayFixture) {
    let shop = shop(fixture, "shop/9050");
    let target = fixture.proxy().target().await.expect("the proxy answers");
    assert_eq!(render(fixture.renderer(), &shop, &target), render(fixture.renderer(), &shop.clone(), &target));
}

pub async fn r1_a_gateway_is_rendered_alike_alone_and_among_others(fixture: &mut dyn GatewayFixture) {
    let (shop, blog) = (shop(fixture, "shop/9050"), shop(fixture, "blog"));
    let target = fixture.proxy().target().await.expect("the proxy answers");
    let both = fixture.renderer().render(&table(&[&blog, &shop]), &target);
    assert_eq!(both["shop/9050"], Ok(render(fixture.renderer(), &shop, &target)));
    assert_eq!(both["blog"], Ok(render(fixture.renderer(), &blog, &target)));
}

pub async fn r2_one_bad_gateway_spoils_no_other(fixture: &mut dyn GatewayFixture) {
    let (good, bad) = (shop(fixture, "good"), bad(fixture, "bad"));
    let target = fixture.proxy().target().await.expect("the proxy answers");
    let both = fixture.renderer().render(&table(&[&good, &bad]), &target);
    assert_eq!(both["good"], Ok(render(fixture.renderer(), &good, &target)));
    assert!(both["bad"].as_ref().is_err_and(|reason| !reason.is_empty()), "{:?}", both["bad"]);
}

pub async fn r3_weights_strengths_and_instances_are_values(fixture: &mut dyn GatewayFixture) {
    let before = shop(fixture, "shop/9050");
    apply(fixture, &before).await;
    let served = serving(fixture).await.remove("shop/9050").expect("is served");
    let mut changes: Vec<Gateway> = vec![before.clone(); 4];
    changes[0].decision.routes[0].weight = Weight::from_percent(10).expect("a share");
    changes[0].decision.routes[1].weight = Weight::from_percent(90).expect("a share");
    changes[1].decision.routes[1].strength = Weight::FULL;
    changes[2].decision.routes[0].target = Leads::Instances(vec![instance("one", 9_101), instance("new", 9_103)]);
    let mut draining = instance("one", 9_101);
    draining.traffic = Traffic::Draining;
    changes[3].decision.routes[0].target = Leads::Instances(vec![draining]);
    for changed in changes {
        let after = document(fixture, &changed).await;
        assert_eq!(after.structure, served.structure);
        assert_ne!(after.values, served.values);
    }
}

pub async fn r3_a_port_and_a_condition_are_structure(fixture: &mut dyn GatewayFixture) {
    let before = shop(fixture, "shop/9050");
    let (mut port, mut condition) = (before.clone(), before.clone());
    port.port = fixture.free_port();
    condition.decision.routes[1].condition = Some("has cookie beta".parse().expect("a condition"));
    let served = document(fixture, &before).await;
    for changed in [port, condition] {
        assert_ne!(document(fixture, &changed).await.structure, served.structure);
    }
}

pub async fn x1_what_is_applied_is_served(fixture: &mut dyn GatewayFixture) {
    let shop = shop(fixture, "shop/9050");
    let wanted = document(fixture, &shop).await;
    apply_document(fixture, "shop/9050", Some(wanted.clone())).await;
    assert_eq!(serving(fixture).await, BTreeMap::from([("shop/9050".to_owned(), wanted)]));
}

pub async fn x1_a_gateway_that_is_taken_away_is_served_no_longer(fixture: &mut dyn GatewayFixture) {
    let (shop, blog) = (shop(fixture, "shop/9050"), shop(fixture, "blog"));
    apply(fixture, &shop).await;
    apply(fixture, &blog).await;
    apply_document(fixture, "shop/9050", None).await;
    assert_eq!(serving(fixture).await.into_keys().collect::<Vec<_>>(), ["blog"]);
    assert_eq!(apply_document(fixture, "shop/9050", None).await, Applied::Unchanged);
}

pub async fn x2_the_same_document_again_changes_nothing(fixture: &mut dyn GatewayFixture) {
    let shop = shop(fixture, "shop/9050");
    let wanted = document(fixture, &shop).await;
    assert_eq!(apply_document(fixture, "shop/9050", Some(wanted.clone())).await, Applied::Reloaded);
    assert_eq!(apply_document(fixture, "shop/9050", Some(wanted)).await, Applied::Unchanged);
    let status = fixture.proxy().status().await.expect("the proxy answers");
    assert_eq!((status.structural_changes, status.runtime_changes), (1, 0));
}

pub async fn x2_values_change_at_run_time_and_structure_by_a_reload(fixture: &mut dyn GatewayFixture) {
    let mut shop = shop(fixture, "shop/9050");
    apply(fixture, &shop).await;
    shop.decision.routes[1].strength = Weight::FULL;
    assert_eq!(apply(fixture, &shop).await, Applied::AtRunTime);
    shop.decision.routes[1].condition = Some("has cookie beta".parse().expect("a condition"));
    assert_eq!(apply(fixture, &shop).await, Applied::Reloaded);
    let status = fixture.proxy().status().await.expect("the proxy answers");
    assert_eq!((status.structural_changes, status.runtime_changes), (2, 1));
}

pub async fn x3_a_refused_gateway_keeps_its_last_good_state_and_blocks_no_other(fixture: &mut dyn GatewayFixture) {
    let (shop, blog) = (shop(fixture, "shop/9050"), shop(fixture, "blog"));
    apply(fixture, &shop).await;
    let good = serving(fixture).await.remove("shop/9050").expect("is served");
    let bad = Document { structure: "no proxy understands this\n".to_owned(), ..good.clone() };
    let changes = BTreeMap::from([
        ("shop/9050".to_owned(), Some(bad)),
        ("blog".to_owned(), Some(document(fixture, &blog).await)),
    ]);
    let applied = fixture.proxy().apply(&changes).await;
    assert!(applied["shop/9050"].is_err());
    assert!(applied["blog"].is_ok(), "{:?}", applied["blog"]);
    let served = serving(fixture).await;
    assert_eq!(served["shop/9050"], good);
    assert!(served.contains_key("blog"));
}

async fn count_of(fixture: &dyn GatewayFixture, gateway: &str, instance: &str) -> u64 {
    let counts = fixture.proxy().connections(gateway).await.unwrap_or_else(|e| panic!("{}", e.report()));
    counts.get(instance).copied().unwrap_or(0)
}

async fn until_count(fixture: &dyn GatewayFixture, gateway: &str, instance: &str, wanted: u64) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let count = count_of(fixture, gateway, instance).await;
        if count == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{count} connections to `{instance}`, expected {wanted}");
        sleep(Duration::from_millis(10)).await;
    }
}

pub async fn x4_an_open_request_is_counted_until_it_ends(fixture: &mut dyn GatewayFixture) {
    let silent = fixture.silent_instance().await;
    let port = fixture.free_port();
    let shop = gateway("shop/9050", port, [100, 0], [vec![silent.clone()], Vec::new()]);
    apply(fixture, &shop).await;
    assert_eq!(count_of(fixture, "shop/9050", &silent.id).await, 0);
    let request = fixture.open_request(&shop, &silent).await;
    until_count(fixture, "shop/9050", &silent.id, 1).await;
    drop(request);
    until_count(fixture, "shop/9050", &silent.id, 0).await;
}

pub async fn x4_a_draining_instance_is_still_counted(fixture: &mut dyn GatewayFixture) {
    let silent = fixture.silent_instance().await;
    let port = fixture.free_port();
    let shop = |instance| gateway("shop/9050", port, [100, 0], [vec![instance], Vec::new()]);
    apply(fixture, &shop(silent.clone())).await;
    let request = fixture.open_request(&shop(silent.clone()), &silent).await;
    until_count(fixture, "shop/9050", &silent.id, 1).await;
    let mut draining = silent.clone();
    draining.traffic = Traffic::Draining;
    assert_eq!(apply(fixture, &shop(draining)).await, Applied::AtRunTime);
    assert_eq!(count_of(fixture, "shop/9050", &silent.id).await, 1);
    drop(request);
    until_count(fixture, "shop/9050", &silent.id, 0).await;
}

pub async fn x4_what_cannot_be_counted_is_an_error(fixture: &mut dyn BreakableProxy) {
    let shop = shop(fixture, "shop/9050");
    apply(fixture, &shop).await;
    fixture.take_away().await;
    assert!(fixture.proxy().connections("shop/9050").await.is_err());
}
