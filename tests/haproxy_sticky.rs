//! Clients that stay where they were sent first, through a real HAProxy.
#![cfg(test)]

mod haproxy_support;

use haproxy_support::{Backend, Client, Haproxy, chained, conditioned, free_port, gateway, route};
use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};
use vamp_core::{
    driver::{Applied, Proxy},
    routing::{Gateway, Route, Sticky, Traffic},
};

/// A client with a cookie of its own.
#[derive(Debug, Default)]
struct Browser {
    cookies: Vec<String>,
    at: String,
}

impl Browser {
    /// Visits once and says who answered.
    async fn visit(&mut self, port: u16, headers: &str) -> String {
        let cookie = format!("cookie: {}\r\n{headers}", self.cookies.join("; "));
        let answer = Client::fresh(port).send("/", &cookie).await.expect("an answer");
        assert_eq!(answer.status, 200);
        for line in answer.head.lines().filter_map(|line| line.strip_prefix("set-cookie: ")) {
            let cookie = line.split(';').next().expect("a cookie");
            let name = cookie.split('=').next().expect("a name");
            self.cookies.retain(|known| !known.starts_with(name));
            self.cookies.push(cookie.to_owned());
        }
        self.at.clone_from(&answer.body);
        answer.body
    }
}

/// New browsers, each after its first visit.
async fn browsers(port: u16, count: usize) -> Vec<Browser> {
    let mut all = Vec::new();
    for _ in 0..count {
        let mut browser = Browser::default();
        browser.visit(port, "").await;
        all.push(browser);
    }
    all
}

/// How many are answered by another one than before.
async fn moved(browsers: &mut [Browser], port: u16, headers: &str) -> usize {
    let mut moved = 0;
    for browser in browsers {
        let before = browser.at.clone();
        moved += usize::from(browser.visit(port, headers).await != before);
    }
    moved
}

fn sticky(port: u16, sticky: Sticky, routes: Vec<Route>) -> Gateway {
    let mut gateway = gateway("sava/9050", port, routes);
    gateway.decision.sticky = Some(sticky);
    gateway
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_keeps_its_route_until_the_route_has_no_share() {
    let haproxy = Haproxy::start("sticky-route").await;
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let port = free_port();
    let of = |weight| {
        let routes = vec![
            conditioned(route("a", weight, vec![a.instance()]), "has header x-a", 100),
            route("b", 1_000_000 - weight, vec![b.instance()]),
        ];
        sticky(port, Sticky::ROUTE, routes)
    };
    haproxy.serve_one(&of(500_000)).await;
    let mut all = browsers(port, 60).await;
    assert_eq!(all.iter().map(|browser| browser.at.as_str()).collect::<BTreeSet<_>>().len(), 2);
    assert!(all.iter().all(|browser| browser.cookies.len() == 1));
    assert_eq!(moved(&mut all, port, "").await, 0);
    assert_eq!(haproxy.serve_one(&of(10_000)).await, Applied::AtRunTime);
    assert_eq!(moved(&mut all, port, "").await, 0);
    assert_eq!(haproxy.serve_one(&of(0)).await, Applied::AtRunTime);
    moved(&mut all, port, "").await;
    assert!(all.iter().all(|browser| browser.at == "b"));
    moved(&mut all, port, "x-a: 1\r\n").await;
    assert!(all.iter().all(|browser| browser.at == "a"), "a condition at full strength takes clients away");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_keeps_its_instance_and_never_gets_who_took_its_slot() {
    let haproxy = Haproxy::start("sticky-instance").await;
    let mut backends = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        backends.push(Backend::start(name).await);
    }
    let port = free_port();
    let of = |names: &[&str], draining: &str| {
        let chosen = backends.iter().filter(|backend| names.contains(&backend.name.as_str()));
        let instances = chosen.map(|backend| {
            let mut instance = backend.instance();
            if backend.name == draining {
                instance.traffic = Traffic::Draining;
            }
            instance
        });
        sticky(port, Sticky::INSTANCE, vec![route("r", 1_000_000, instances.collect())])
    };
    haproxy.serve_one(&of(&["a", "b", "c", "d"], "")).await;
    let mut all = browsers(port, 40).await;
    assert_eq!(all.iter().map(|browser| browser.at.as_str()).collect::<BTreeSet<_>>().len(), 4);
    assert_eq!(moved(&mut all, port, "").await, 0);
    // A drained instance loses its clients and only it.
    let at_b = all.iter().filter(|browser| browser.at == "b").count();
    let old: Vec<Vec<String>> =
        all.iter().filter(|browser| browser.at == "b").map(|browser| browser.cookies.clone()).collect();
    assert_eq!(haproxy.serve_one(&of(&["a", "b", "c", "d"], "b")).await, Applied::AtRunTime);
    assert_eq!(moved(&mut all, port, "").await, at_b);
    // The next instance takes the slot, but not the clients with the old cookie.
    assert_eq!(haproxy.serve_one(&of(&["a", "c", "d"], "")).await, Applied::AtRunTime);
    assert_eq!(haproxy.serve_one(&of(&["a", "c", "d", "e"], "")).await, Applied::AtRunTime);
    let mut seen = BTreeSet::new();
    for cookies in old.iter().cycle().take(24) {
        let mut returning = Browser { cookies: cookies.clone(), at: String::new() };
        seen.insert(returning.visit(port, "").await);
        assert_ne!(&returning.cookies, cookies, "it gets a new cookie");
    }
    assert!(seen.len() > 1, "spread over all: {seen:?}");
    assert_eq!(moved(&mut all, port, "").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_stick_through_chained_gateways_and_leave_a_killed_instance() {
    let haproxy = Haproxy::start("sticky-chained").await;
    let (a, b, c) = (Backend::start("a").await, Backend::start("b").await, Backend::start("c").await);
    let port = free_port();
    let inner = vec![route("b", 500_000, vec![b.instance()]), route("c", 500_000, vec![c.instance()])];
    let routes = vec![route("a", 300_000, vec![a.instance()]), chained("inner", 700_000, inner)];
    haproxy.serve_one(&sticky(port, Sticky::INSTANCE, routes)).await;
    let mut all = browsers(port, 60).await;
    assert_eq!(all.iter().map(|browser| browser.at.as_str()).collect::<BTreeSet<_>>().len(), 3);
    assert_eq!(moved(&mut all, port, "").await, 0);
    drop(b);
    let at_b = all.iter().filter(|browser| browser.at == "b").count();
    let port_is_dead = || async { haproxy_support::shares(port, 40, "").await.keys().all(|who| who.len() == 1) };
    haproxy_support::until("the killed one is noticed", port_is_dead).await;
    assert_eq!(moved(&mut all, port, "").await, at_b);
    assert!(all.iter().all(|browser| browser.at != "b"));
}

/// The first cookie of a new client: its value, and the whole line.
async fn first_cookie(port: u16, headers: &str) -> Option<(String, String)> {
    let answer = Client::fresh(port).send("/", headers).await.expect("an answer");
    let line = answer.header("set-cookie")?.to_owned();
    let value = line.split(';').next()?.split_once('=')?.1.to_owned();
    Some((value, line))
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs()
}

#[tokio::test(flavor = "multi_thread")]
async fn stickiness_comes_changes_and_goes_at_run_time() {
    let haproxy = Haproxy::start("sticky-switched").await;
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let port = free_port();
    let of = |sticky| {
        let inner = |name: &str, backend: &Backend| {
            chained(name, 500_000, vec![route(&backend.name, 1_000_000, vec![backend.instance()])])
        };
        let mut gateway = gateway("sava/9050", port, vec![inner("one", &a), inner("two", &b)]);
        gateway.decision.sticky = sticky;
        gateway
    };
    haproxy.serve_one(&of(None)).await;
    assert!(first_cookie(port, "").await.is_none());
    let timed = Sticky { ttl: Some(Duration::from_secs(60)), ..Sticky::ROUTE };
    for sticky in [Sticky::ROUTE, Sticky::INSTANCE, timed] {
        assert_eq!(haproxy.serve_one(&of(Some(sticky))).await, Applied::AtRunTime, "{sticky:?}");
        let mut all = browsers(port, 30).await;
        assert_eq!(all.iter().map(|browser| browser.at.as_str()).collect::<BTreeSet<_>>().len(), 2);
        assert_eq!(moved(&mut all, port, "").await, 0, "{sticky:?}");
        assert_eq!(haproxy.serve_one(&of(None)).await, Applied::AtRunTime);
        assert!(moved(&mut all, port, "").await > 0, "nobody stays without it");
    }
    assert_eq!(haproxy.proxy.status().await.expect("a status").reloads, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_stays_until_its_browser_closes_or_as_long_as_it_may() {
    let haproxy = Haproxy::start("sticky-timed").await;
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let port = free_port();
    let serve = async |ttl: Option<u64>, idle: Option<u64>, weight: u32| {
        let (ttl, idle) = (ttl.map(Duration::from_secs), idle.map(Duration::from_secs));
        let routes = vec![route("a", weight, vec![a.instance()]), route("b", 1_000_000 - weight, vec![b.instance()])];
        haproxy.serve_one(&sticky(port, Sticky { ttl, idle, ..Sticky::ROUTE }, routes)).await;
    };
    let who =
        async |cookie: &str| Client::fresh(port).send("/", &format!("cookie: {cookie}\r\n")).await.expect("an answer");
    // No time: until the browser closes.
    serve(None, None, 1_000_000).await;
    let (token, line) = first_cookie(port, "").await.expect("a cookie");
    assert!(line.ends_with("; Path=/; HttpOnly; SameSite=Lax") && !line.contains("Max-Age"), "{line}");
    let name = line.split('=').next().expect("a name").to_owned();

    // A time from the first request on: told once, and held against those who forget it.
    serve(Some(3_600), None, 1_000_000).await;
    let (value, line) = first_cookie(port, "").await.expect("a cookie");
    assert!(line.contains("; Max-Age=3600; HttpOnly"), "{line}");
    let given: u64 = value.split('.').nth(1).and_then(|given| given.parse().ok()).expect("when it was given");
    assert!(now().abs_diff(given) < 60 && value.starts_with(&token), "{value}");
    serve(Some(3_600), None, 1).await;
    let still = who(&format!("{name}={value}")).await;
    assert_eq!((still.body.as_str(), still.header("set-cookie")), ("a", None));
    let old = now() - 3_601;
    let moved = who(&format!("{name}={token}.{old}.{old}")).await;
    assert_eq!(moved.body, "b");
    assert!(moved.header("set-cookie").expect("another cookie").contains("Max-Age=3600"));
    // Whoever sticks since there was no time begins now.
    let begins = who(&format!("{name}={token}")).await;
    assert_eq!(begins.body, "a");
    assert!(begins.header("set-cookie").expect("with its time").contains(&format!("{name}={token}.")));

    // A time from the last request on: renewed with every answer, within the other time.
    serve(Some(3_600), Some(600), 1).await;
    let (before, recent) = (now() - 3_300, now() - 599);
    let renewed = who(&format!("{name}={token}.{before}.{recent}")).await;
    let line = renewed.header("set-cookie").expect("renewed").to_owned();
    let left: u64 =
        line.split("Max-Age=").nth(1).and_then(|rest| rest.split(';').next()?.parse().ok()).expect("an age");
    assert!(renewed.body == "a" && (280..=300).contains(&left) && line.contains(&format!(".{before}.")), "{line}");
    let away = now() - 601;
    assert_eq!(who(&format!("{name}={token}.{before}.{away}")).await.body, "b");
    serve(None, Some(600), 1).await;
    let line = who(&format!("{name}={token}.1.{recent}")).await.header("set-cookie").expect("renewed").to_owned();
    assert!(line.contains("Max-Age=600"), "{line}");
    for forged in ["x.y", "99999999999999999999.1", "..", ".", "-1.-1"] {
        let answer = who(&format!("{name}={token}.{forged}")).await;
        assert_eq!(answer.status, 200, "{forged}");
    }
}
