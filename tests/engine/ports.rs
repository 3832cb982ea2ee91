//! Ports that gateways get by themselves.

use crate::support::{DEADLINE, Vamp, eventually};
use std::{num::NonZeroU16, sync::Arc};
use tokio::task::JoinSet;
use vamp_core::{
    driver::PersistenceStore,
    engine::{Engine, Failure, Options},
    memory,
    model::{Gateway, read},
};
use vamp_drivers::SystemClock;

const NOTES: &str = include_str!("../../examples/artifacts/notes.yml");

fn store() -> Arc<dyn PersistenceStore> {
    Arc::new(memory::Persistence::new(Arc::new(SystemClock::new())))
}

async fn port(vamp: &Vamp, name: &str) -> Option<u16> {
    let (gateway, _) = vamp.engine.find::<Gateway>(name).await.expect("reads").expect("is there");
    gateway.port.number.map(NonZeroU16::get)
}

async fn put(engine: &Engine, name: &str, port: &str) -> Result<Option<u16>, Failure> {
    let gateway = Gateway::new(name.parse().expect("a name"), port.parse().expect("a port"));
    let (stored, _) = engine.put_gateway(&gateway, None).await?;
    Ok(stored.port.number.map(NonZeroU16::get))
}

fn refused(answer: Result<Option<u16>, Failure>) -> (String, String) {
    match answer {
        Err(Failure::Conflict(violation)) => (violation.code.into_owned(), violation.hint.unwrap_or_default().into()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn who_depends_on_a_service_is_told_the_port_of_its_gateway() {
    let vamp = Vamp::start_giving("9100-9199", store());
    let blueprint = read::blueprint(NOTES).expect(NOTES);
    let checked = vamp.engine.deploy("notes", &blueprint, Options::VALIDATE_ONLY).await.expect("is valid");
    assert_eq!(checked.clusters.len(), 2);
    vamp.engine.deploy("notes", &blueprint, Options::DEFAULT).await.expect("is accepted");
    vamp.engine.settled("notes", DEADLINE).await.expect("settles");
    let sql = port(&vamp, "notes/db/sql").await.expect("has one");
    assert_eq!((sql, port(&vamp, "notes/9065").await), (9100, Some(9065)));
    let templates = vamp.containers.templates();
    let (_, web) = templates.iter().find(|(id, _)| id.name == "web/notes-web:1.0").expect("it runs");
    assert_eq!(web.environment["VERSION"], format!("1.0, asks 127.0.0.1:{sql}"));
    eventually("the gateway of the database is served by itself", async || {
        vamp.proxy.serving().contains_key("notes/db/sql")
    })
    .await;
}

#[tokio::test]
async fn a_port_stays_with_its_gateway_and_is_given_again_when_that_goes() {
    let vamp = Vamp::start_giving("9100-9101", store());
    assert_eq!(put(&vamp.engine, "a", "0").await.expect("is left"), Some(9100));
    assert_eq!(put(&vamp.engine, "b", "0/tcp").await.expect("is left"), Some(9101));
    assert_eq!(put(&vamp.engine, "a", "0").await.expect("keeps its own"), Some(9100));
    let (code, hint) = refused(put(&vamp.engine, "c", "0").await);
    assert_eq!(code, "NoAvailablePortError");
    assert!(hint.contains("range"), "{hint}");
    assert!(vamp.engine.delete_gateway("a", None).await.expect("goes"));
    assert_eq!(put(&vamp.engine, "c", "0").await.expect("is left again"), Some(9100));
    assert_eq!(refused(put(&vamp.engine, "d", "9101").await).0, "UnavailableGatewayPortError");
}

#[tokio::test]
async fn no_gateway_gets_a_port_that_another_one_declares() {
    let vamp = Vamp::start_giving("9064-9066", store());
    assert_eq!(put(&vamp.engine, "a", "9064").await.expect("is its own"), Some(9064));
    let blueprint = read::blueprint(NOTES).expect(NOTES);
    let full = vamp.engine.deploy("notes", &blueprint, Options::DEFAULT).await;
    let Err(Failure::Conflict(violation)) = full else { panic!("{full:?}") };
    assert_eq!((&*violation.code, violation.path.as_str()), ("NoAvailablePortError", "clusters/web/gateways/web"));
    assert!(vamp.engine.deployment("notes").await.expect("reads").is_none(), "nothing is half done");
    assert!(vamp.engine.delete_gateway("a", None).await.expect("goes"));
    vamp.engine.deploy("notes", &blueprint, Options::DEFAULT).await.expect("is accepted");
    let ports =
        [port(&vamp, "notes/db/sql").await, port(&vamp, "notes/9065").await, port(&vamp, "notes/web/web").await];
    assert_eq!(ports, [Some(9064), Some(9065), Some(9066)]);
}

#[tokio::test]
async fn many_at_once_get_different_ports() {
    let vamp = Vamp::start_giving("9100-9131", store());
    let puts: JoinSet<Option<u16>> = (0..32)
        .map(|number| {
            let engine = vamp.engine.clone();
            async move { put(&engine, &format!("g{number}"), "0").await.expect("is left") }
        })
        .collect();
    let mut ports = puts.join_all().await;
    ports.sort_unstable();
    assert_eq!(ports, (9100..=9131).map(Some).collect::<Vec<_>>());
}

#[tokio::test]
async fn gateways_that_were_stored_without_a_port_get_one_when_the_server_gives_them() {
    let vamp = Vamp::start();
    assert_eq!(put(&vamp.engine, "a", "0").await.expect("is stored"), None);
    let store = Arc::clone(&vamp.persistence);
    drop(vamp);
    let vamp = Vamp::start_giving("9100-9101", Arc::clone(&store));
    eventually("it has one", async || port(&vamp, "a").await == Some(9100)).await;
    vamp.engine.applied("a", DEADLINE).await.expect("is served");
    drop(vamp);
    let vamp = Vamp::start_giving("9200-9201", store);
    assert_eq!(put(&vamp.engine, "b", "0").await.expect("is left"), Some(9200));
    assert_eq!(port(&vamp, "a").await, Some(9100), "what was given stays, whatever the range is now");
}
