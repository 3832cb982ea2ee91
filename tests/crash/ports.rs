//! A gateway that got its port by itself is reached there, and keeps it.

use crate::{
    haproxy_support::free_port,
    process::Vamp,
    server_support::http::{get, put},
};
use std::net::{Ipv4Addr, SocketAddr};

const NOTES: &str = include_str!("../../examples/artifacts/notes.yml");

async fn version(port: u16) -> String {
    let reply =
        get("/").at_root().send(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.expect("answers").expect(200);
    reply.json()["version"].as_str().expect("a version").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_depends_on_another_service_reaches_it_where_it_was_told_also_after_a_kill() {
    let mut vamp = Vamp::new("ports", free_port);
    let first = 31_000 + u16::try_from(std::process::id() % 1_000).expect("small");
    vamp.gateway_ports = format!("{first}-{}", first + 9);
    vamp.start().await;
    let blueprint = NOTES.replace("9065:", &format!("{}:", vamp.gateway));
    vamp.ask(put("/deployments/notes?wait=60", blueprint)).await.expect(202);
    let gateway = vamp.ask(get("/gateways/notes/db/sql")).await.expect(200).json();
    assert_eq!(gateway["port"], format!("{first}/tcp"));
    let told = version(vamp.gateway).await;
    assert_eq!(told, format!("1.0, asks 127.0.0.1:{first}"));
    assert_eq!(version(first).await, "the database");

    vamp.kill();
    vamp.start().await;
    let again = vamp.ask(get("/gateways/notes/db/sql")).await.expect(200).json();
    assert_eq!(again["port"], gateway["port"]);
    assert_eq!((version(vamp.gateway).await, version(first).await), (told, "the database".to_owned()));
}
