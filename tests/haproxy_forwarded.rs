//! For whom a request is, and who says so, through a real HAProxy.
#![cfg(test)]

mod haproxy_support;
#[path = "differential/random.rs"]
mod random;

use haproxy_support::{Backend, Client, Folder, Haproxy, conditioned, free_port, gateway, route};
use random::Random;
use std::net::{IpAddr, Ipv4Addr};
use vamp_core::routing::TrustedProxies;

const FORGED: &str = "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 7.7.7.7, 8.8.8.8\r\nX-Forwarded-Proto: https\r\n\
    X-Forwarded-Host: evil.example\r\nx-forwarded-port: 443\r\nX-Forwarded-Prefix: /admin\r\nForwarded: for=6.6.6.6\r\n";
/// Nobody of them is trusted.
const CLIENTS: [&str; 4] = ["192.0.2.1", "192.0.2.2", "198.51.100.3", "2001:db8::4"];
const PROXIES: [&str; 3] = ["10.0.0.1", "10.9.8.7", "fd00::5"];

async fn start(name: &str, trusted: &str) -> (Haproxy, u16) {
    let (folder, port) = (Folder::new(name), free_port());
    let config = folder.config().with_host_port(port.try_into().expect("not zero"));
    let config = config.with_trusted_proxies(trusted.parse().expect("networks"));
    (Haproxy::start_with(folder, config).await, port)
}

/// What arrives of who asked, sorted; and the route that took it.
async fn told(client: &mut Client, headers: &str) -> (Vec<String>, String) {
    let answer = client.send_to("shop.example", "/", headers).await.expect("an answer");
    let mut told: Vec<String> = answer.header("x-forwarded").expect("a header").split('|').map(str::to_owned).collect();
    told.sort();
    (told, answer.who())
}

fn ours(port: u16) -> Vec<String> {
    let said = [
        "host: shop.example".to_owned(),
        "x-forwarded-for: 127.0.0.1".to_owned(),
        "x-forwarded-host: shop.example".to_owned(),
        format!("x-forwarded-port: {port}"),
        "x-forwarded-proto: http".to_owned(),
    ];
    said.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_says_of_itself_is_replaced_by_what_is_known() {
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    // The second is another one's network: this client is not in it.
    for (name, trusted) in [("forwarded-none", ""), ("forwarded-other", "10.0.0.0/8,2001:db8::/32")] {
        let (haproxy, hosts) = start(name, trusted).await;
        let own = free_port();
        let forged = conditioned(route("b", 0, vec![b.instance()]), "client ip in 8.8.8.8/32", 100);
        let mut shop = gateway("shop", own, vec![forged, route("a", 1_000_000, vec![a.instance()])]);
        shop.virtual_hosts = vec!["shop.example".to_owned()];
        haproxy.serve_one(&shop).await;
        for port in [own, hosts] {
            let mut client = Client::new(port);
            for headers in [FORGED, "", FORGED] {
                assert_eq!(told(&mut client, headers).await, (ours(port), "a".to_owned()), "{name} {headers}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_is_believed_and_appended_and_conditions_see_its_client() {
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let (haproxy, hosts) = start("forwarded-trusted", "10.0.0.0/8,127.0.0.0/8").await;
    let own = free_port();
    let said = conditioned(route("b", 0, vec![b.instance()]), "client ip == 8.8.8.8", 100);
    let mut shop = gateway("shop", own, vec![said, route("a", 1_000_000, vec![a.instance()])]);
    shop.virtual_hosts = vec!["shop.example".to_owned()];
    haproxy.serve_one(&shop).await;
    for port in [own, hosts] {
        let mut client = Client::new(port);
        let one =
            "X-Forwarded-For: 6.6.6.6, 8.8.8.8\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: front.example\r\n";
        let expected = [
            "host: shop.example",
            "x-forwarded-for: 6.6.6.6, 8.8.8.8, 127.0.0.1",
            "x-forwarded-host: front.example",
            "x-forwarded-proto: https",
        ];
        let (arrived, who) = told(&mut client, one).await;
        assert_eq!((arrived, who.as_str()), (expected.map(str::to_owned).into(), "b"));
        // On the same connection, nothing of that is left.
        assert_eq!(told(&mut client, "").await, (ours(port), "a".to_owned()));
        let (arrived, who) = told(&mut client, FORGED).await;
        let of = |name: &str| arrived.iter().filter(|line| line.starts_with(name)).cloned().collect::<Vec<_>>();
        let lines = ["x-forwarded-for: 127.0.0.1", "x-forwarded-for: 6.6.6.6", "x-forwarded-for: 7.7.7.7, 8.8.8.8"];
        assert_eq!((of("x-forwarded-for"), who.as_str()), (lines.map(str::to_owned).into(), "b"));
        assert_eq!(of("x-forwarded-prefix"), ["x-forwarded-prefix: /admin"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_behind_proxies_is_found_as_the_router_is_told() {
    let seed = random::seed();
    println!("VAMP_TEST_SEED={seed}");
    let mut random = Random::new(seed);
    let networks = ["127.0.0.1", "10.0.0.0/8", "fd00::/8"];
    // So many that they take more than one line.
    let others = (0..120).map(|number| format!("172.16.{number}.0/24"));
    let trusted: Vec<String> = others.chain(networks.map(str::to_owned)).collect();
    let trusted = trusted.join(",");
    let (haproxy, _) = start("forwarded-random", &trusted).await;
    let trusted: TrustedProxies = trusted.parse().expect("networks");
    let mut backends = Vec::new();
    for name in CLIENTS.iter().chain(&PROXIES) {
        backends.push(Backend::start(name).await);
    }
    let rest = Backend::start("127.0.0.1").await;
    let by_address = |backend: &Backend| {
        conditioned(route(&backend.name, 0, vec![backend.instance()]), &format!("client ip == {}", backend.name), 100)
    };
    let mut routes: Vec<_> = backends.iter().map(by_address).collect();
    routes.push(route("rest", 1_000_000, vec![rest.instance()]));
    let port = free_port();
    haproxy.serve_one(&gateway("shop", port, routes)).await;
    let mut client = Client::new(port);
    for _ in 0..400 {
        let said: Vec<&str> = (0..random.below(7))
            .map(|_| match random.below(8) {
                0 => random.pick(&["unknown", "1.2.3", "", "[fd00::5]", "192.0.2.1:80", "10.0.0.1:4711"]),
                1 | 2 => random.pick(&CLIENTS),
                _ => random.pick(&PROXIES),
            })
            .collect();
        let lines = said.chunks(1 + random.below(3));
        let headers: String = lines.map(|line| format!("X-Forwarded-For: {}\r\n", line.join(","))).collect();
        let expected = trusted.client(IpAddr::V4(Ipv4Addr::LOCALHOST), said.iter().rev().copied());
        assert_eq!(told(&mut client, &headers).await.1, expected.to_string(), "seed {seed}: {headers}");
    }
}
