//! Names that gateways have by themselves, through the whole server and a real HAProxy.
#![cfg(test)]

mod haproxy_support;
mod server_support;

use haproxy_support::{Backend, Client, free_port};
use serde_json::json;
use server_support::{
    http::{get, put},
    whole::Whole,
};
use vamp_server::config::Given;

async fn start(name: &str) -> (Whole, u16) {
    let port = free_port();
    let given =
        Given { host_port: port.try_into().ok(), host_domain: Some("Vamp.Example".to_owned()), ..Given::default() };
    (Whole::start(name, given).await, port)
}

fn gateway(backend: &Backend, speaks: &str, hosts: &str) -> String {
    let (own, to) = (free_port(), backend.port);
    format!("port: {own}/{speaks}\nvirtual_hosts: [{hosts}]\nroutes:\n  '[127.0.0.1:{to}]': {{weight: 100%}}\n")
}

async fn who(port: u16, host: &str) -> String {
    Client::new(port).send_to(host, "/", "").await.expect("an answer").who()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_reached_by_the_name_it_has_by_itself_and_by_those_it_says() {
    let (server, port) = start("names-both").await;
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    server.ask(put("/gateways/sava/web?wait=60", gateway(&a, "http", "shop.example"))).await.expect(202);
    server.ask(put("/gateways/Sava?wait=60", gateway(&b, "http", ""))).await.expect(202);
    server.ask(put("/gateways/db?wait=60", gateway(&b, "tcp", ""))).await.expect(202);
    let shown = server.ask(get("/gateways/sava/web")).await.expect(200);
    assert_eq!(shown.text("/generated_host"), "web.sava.vamp.example");
    assert_eq!(shown.json()["virtual_hosts"], json!(["shop.example"]));
    let other = server.ask(get("/gateways/Sava")).await.expect(200).text("/generated_host");
    assert!(other.starts_with("sava-") && other.ends_with(".vamp.example"), "{other}");
    assert_eq!(server.ask(get("/gateways/db")).await.expect(200).json().get("generated_host"), None);
    for host in ["web.sava.vamp.example", "WEB.sava.vamp.example:80", "shop.example"] {
        assert_eq!(who(port, host).await, "a", "{host}");
    }
    assert_eq!(who(port, &other).await, "b");
    assert_eq!(who(port, "db.vamp.example").await, "404");
    // What is shown is what can be sent, and it stores no name.
    server.ask(put("/gateways/sava/web?wait=60", &shown.body)).await.expect(202);
    let again = server.ask(get("/gateways/sava/web")).await.expect(200);
    assert_eq!(again.json(), shown.json());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_a_gateway_has_by_itself_is_not_taken_away_and_who_asks_is_told_why() {
    let (server, port) = start("names-clash").await;
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    server.ask(put("/gateways/shop?wait=60", gateway(&a, "http", ""))).await.expect(202);
    let reply = server.ask(put("/gateways/a?wait=1", gateway(&b, "http", "Shop.vamp.example"))).await;
    assert!(reply.status >= 400, "{reply:?}");
    assert!(reply.body.contains("is already a virtual host of gateway `shop`"), "{reply:?}");
    assert_eq!(server.ask(get("/gateways/a")).await.expect(200).json()["deployed"], false);
    assert_eq!(who(port, "shop.vamp.example").await, "a");
    // Another name, and it is served.
    server.ask(put("/gateways/a?wait=60", gateway(&b, "http", "x.vamp.example"))).await.expect(202);
    for (host, expected) in [("a.vamp.example", "b"), ("x.vamp.example", "b"), ("shop.vamp.example", "a")] {
        assert_eq!(who(port, host).await, expected, "{host}");
    }
}
