//! What few routes and gateways say, from the artifact as a user writes it to what a client of a real HAProxy notices.
#![cfg(test)]

mod haproxy_support;
#[path = "haproxy_settings/instance.rs"]
mod instance;
#[path = "haproxy_settings/written.rs"]
mod written;

use haproxy_support::{Backend, Client, Haproxy, free_port, shares, until};
use instance::{Failing, Full};
use std::{
    collections::BTreeSet,
    io,
    time::{Duration, Instant},
};
use tokio::{io::AsyncReadExt as _, net::TcpStream, time::timeout};
use vamp_core::driver::Applied;
use written::{gateway, serve};

/// The status of one request, and how long it took.
async fn timed(port: u16) -> (u16, Duration) {
    let begun = Instant::now();
    let status = Client::fresh(port).get().await.map_or(0, |answer| answer.status);
    (status, begun.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_is_silent_for_too_long_is_given_up() {
    let haproxy = Haproxy::start("timeout-server").await;
    let (slow, port) = (Backend::slow("slow", Duration::from_secs(5)).await, free_port());
    serve(&haproxy, port, &[&slow], "timeout: {server: 300ms}").await;
    let (status, after) = timed(port).await;
    assert_eq!(status, 504);
    assert!((Duration::from_millis(250)..Duration::from_secs(4)).contains(&after), "{after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_does_not_accept_in_time_is_given_up() {
    let haproxy = Haproxy::start("timeout-connect").await;
    let (full, port) = (Full::start().await, free_port());
    let text = gateway(port, &[full.port], "timeout: {connect: 400ms}, retries: 0");
    assert_eq!(haproxy.serve_one(&text).await, Applied::Reloaded);
    let (status, after) = timed(port).await;
    assert_eq!(status, 503);
    assert!((Duration::from_millis(350)..Duration::from_millis(1_800)).contains(&after), "{after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_gets_so_many_requests_at_a_time_and_the_others_wait() {
    let haproxy = Haproxy::start("maxconn").await;
    let (slow, port) = (Backend::slow("slow", Duration::from_millis(400)).await, free_port());
    serve(&haproxy, port, &[&slow], "maxconn: 1").await;
    let begun = Instant::now();
    let (one, two, three) = tokio::join!(timed(port), timed(port), timed(port));
    assert_eq!([one.0, two.0, three.0], [200; 3]);
    assert!(begun.elapsed() >= Duration::from_millis(1_150), "one after the other: {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_for_room_only_so_long() {
    let haproxy = Haproxy::start("timeout-queue").await;
    let (slow, port) = (Backend::slow("slow", Duration::from_secs(3)).await, free_port());
    serve(&haproxy, port, &[&slow], "maxconn: 1, timeout: {queue: 300ms}").await;
    let (one, two) = tokio::join!(timed(port), timed(port));
    let (served, refused) = if one.0 == 200 { (one, two) } else { (two, one) };
    assert_eq!((served.0, refused.0), (200, 503));
    assert!(refused.1 < Duration::from_secs(2), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_finds_too_many_waiting_is_refused_at_once() {
    let haproxy = Haproxy::start("maxqueue").await;
    let (slow, port) = (Backend::slow("slow", Duration::from_secs(2)).await, free_port());
    serve(&haproxy, port, &[&slow], "maxconn: 1, maxqueue: 1").await;
    let ask = move || async move {
        let begun = Instant::now();
        let answer = Client::fresh(port).get().await.expect("an answer");
        (answer, begun.elapsed())
    };
    let asked: Vec<_> = (0..6).map(|_| tokio::spawn(ask())).collect();
    let mut statuses = Vec::new();
    for one in asked {
        let (answer, after) = one.await.expect("a client");
        statuses.push(answer.status);
        if answer.status == 503 {
            assert!(after < Duration::from_secs(1), "at once: {after:?}");
            assert!(answer.head.to_ascii_lowercase().contains("retry-after: 1"), "{}", answer.head);
        }
    }
    let count = |status: u16| statuses.iter().filter(|one| **one == status).count();
    assert!(count(200) >= 2 && count(503) >= 2, "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_says_nothing_is_closed_after_the_time_of_a_tunnel() {
    let haproxy = Haproxy::start("timeout-tunnel").await;
    let (one, port) = (Backend::start("one").await, free_port());
    let text = written::of_protocol("tcp", port, &[one.port], "timeout: {tunnel: 400ms}");
    assert_eq!(haproxy.serve_one(&text).await, Applied::Reloaded);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it accepts");
    let closed = timeout(Duration::from_secs(8), stream.read(&mut [0; 8])).await;
    assert!(matches!(closed, Ok(Ok(0) | Err(_))), "{closed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_tried_again_as_often_as_its_route_says() {
    let haproxy = Haproxy::start("retries").await;
    for retries in [0, 2] {
        let (silent, port) = (Failing::closing().await, free_port());
        haproxy.serve_one(&gateway(port, &[silent.port], &format!("retries: {retries}"))).await;
        assert_eq!(timed(port).await.0, 502);
        assert_eq!(silent.requests(), retries + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_fails_again_and_again_is_left_out_and_comes_back() {
    let haproxy = Haproxy::start("outlier").await;
    let (good, bad, port) = (Backend::start("good").await, Failing::with(500).await, free_port());
    let text = gateway(port, &[good.port, bad.port], "outlier: {errors: 3, back: 1s}");
    haproxy.serve_one(&text).await;
    until("it is left out", || async { shares(port, 40, "").await.into_keys().eq(["good"]) }).await;
    bad.answer(200);
    let back = || async { shares(port, 40, "").await.is_empty() || bad.requests_answered(200) > 0 };
    until("it is back", back).await;
    until("nobody fails", || async { !shares(port, 80, "").await.contains_key("500") }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_comes_is_spared_at_first() {
    let haproxy = Haproxy::start("slow-start").await;
    let (old, new, port) = (Backend::start("old").await, Backend::start("new").await, free_port());
    for (setting, spared) in [("slow_start: 1h", true), ("retries: 3", false)] {
        haproxy.serve_one(&gateway(port, &[old.port], setting)).await;
        let before = new.requests();
        assert_eq!(haproxy.serve_one(&gateway(port, &[old.port, new.port], setting)).await, Applied::AtRunTime);
        shares(port, 400, "").await;
        let share = (new.requests() - before) as f64 / 400.0;
        assert_eq!(share < 0.25, spared, "{setting}: {share}");
        // Away again, so that the next one begins as this did.
        haproxy.serve_one(&gateway(port, &[old.port], setting)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_too_often_gets_429_for_the_rest_and_other_gateways_do_not_care() {
    let haproxy = Haproxy::start("rate-limit").await;
    let (one, limited, free) = (Backend::start("one").await, free_port(), free_port());
    let text = written::with_gateway("http", limited, "rate_limit: 5", &[one.port], "");
    let other = written::named("other", &gateway(free, &[one.port], ""));
    for (name, answer) in haproxy.serve(&[text, other]).await {
        answer.unwrap_or_else(|error| panic!("{name}: {}", error.report()));
    }
    let mut client = Client::new(limited);
    let mut refused = None;
    for _ in 0..20 {
        let answer = client.get().await.expect("an answer");
        refused = Some(answer).filter(|answer| answer.status == 429).or(refused);
    }
    let head = refused.expect("the twentieth within a moment").head.to_ascii_lowercase();
    assert!(head.contains("retry-after: 1"), "{head}");
    assert_eq!(shares(free, 80, "").await.into_keys().collect::<Vec<_>>(), ["one"]);
    until("it is accepted again", || async { Client::fresh(limited).get().await.is_ok_and(|it| it.status == 200) })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_connects_too_often_is_refused_by_a_tcp_gateway() {
    let haproxy = Haproxy::start("rate-limit-tcp").await;
    let (one, port) = (Backend::start("one").await, free_port());
    haproxy.serve_one(&written::with_gateway("tcp", port, "rate_limit: 5", &[one.port], "")).await;
    let mut outcomes: Vec<io::Result<u16>> = Vec::new();
    for _ in 0..20 {
        outcomes.push(Client::fresh(port).get().await.map(|answer| answer.status));
    }
    assert!(outcomes.iter().any(|one| matches!(one, Ok(200))) && outcomes.iter().any(Result::is_err), "{outcomes:?}");
    until("it is accepted again", || async { Client::fresh(port).get().await.is_ok() }).await;
}

/// Who answers requests for these paths, one after the other.
async fn answered(port: u16, paths: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut answered = Vec::new();
    for path in paths {
        answered.push(Client::fresh(port).send(&path, "").await.expect("an answer").who());
    }
    answered
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_share_requests_by_the_balance_of_their_route() {
    let haproxy = Haproxy::start("balance").await;
    let (a, b, c) = (Backend::start("a").await, Backend::start("b").await, Backend::start("c").await);
    let port = free_port();
    let ask = async |balance: &str, paths: Vec<String>| {
        haproxy.serve_one(&gateway(port, &[a.port, b.port, c.port], &format!("balance: {balance}"))).await;
        answered(port, paths).await
    };
    let paths = |kinds: usize| (0..30).map(|number| format!("/{}", number % kinds)).collect::<Vec<String>>();
    let kinds = |answered: &[String]| answered.iter().collect::<BTreeSet<_>>().len();
    let in_turn = ask("roundrobin", paths(1)).await;
    assert!(in_turn.windows(3).all(|three| kinds(three) == 3), "{in_turn:?}");
    assert_eq!(kinds(&ask("leastconn", paths(1)).await), 3);
    assert!(kinds(&ask("random", paths(1)).await) > 1);
    assert_eq!(kinds(&ask("first", paths(30)).await), 1);
    assert_eq!(kinds(&ask("source", paths(30)).await), 1);
    let by_path = ask("uri", paths(15)).await;
    assert!(by_path[..15] == by_path[15..] && kinds(&by_path) > 1, "{by_path:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn selectors_lead_to_what_they_select() {
    let haproxy = Haproxy::start("selectors").await;
    let (one, two, port) = (Backend::start("one").await, Backend::start("two").await, free_port());
    let text = |rest: &str| written::compiled(&format!("name: sava/web\nport: {port}\n{rest}"), &[one.port, two.port]);
    for (weights, who) in [("100%", "one"), ("0%", "two")] {
        let rest = if weights == "0%" { "100%" } else { "0%" };
        let routes = format!("{{'(0)': {{weight: {weights}}}, '(1)': {{weight: {rest}}}}}");
        haproxy.serve_one(&text(&format!("selector: 'name (v(.))'\nroutes: {routes}"))).await;
        assert_eq!(shares(port, 40, "").await.into_keys().collect::<Vec<_>>(), [who]);
    }
    haproxy.serve_one(&text("routes: {here: {selector: 'name (v0)'}}")).await;
    assert_eq!(shares(port, 40, "").await.into_keys().collect::<Vec<_>>(), ["one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_takes_every_setting_that_is_accepted() {
    let haproxy = Haproxy::start("extremes").await;
    let one = Backend::start("one").await;
    let least = "timeout: {connect: 1s, server: 1s, queue: 1ms, tunnel: 1ms}, retries: 0, maxconn: 1, maxqueue: 1, \
                 outlier: {errors: 1, back: 1ms}, slow_start: 1ms";
    let most = "timeout: {connect: 576h, server: 576h, queue: 576h, tunnel: 576h}, retries: 100, maxconn: 1000000, \
                maxqueue: 1000000, outlier: {errors: 1000000, back: 1h}, slow_start: 1h";
    let mut gateways = Vec::new();
    for (number, balance) in ["roundrobin", "leastconn", "first", "source", "random", "uri"].into_iter().enumerate() {
        for (settings, protocol, rate) in [(least, "http", 1), (most, "http", 1_000_000), (most, "tcp", 7)] {
            if protocol == "tcp" && balance == "uri" {
                continue;
            }
            let routes = format!("balance: {balance}, {settings}");
            let limit = format!("rate_limit: {rate}");
            let text = written::with_gateway(protocol, free_port(), &limit, &[one.port], &routes);
            gateways.push(written::named(&format!("g{number}-{}", gateways.len()), &text));
        }
    }
    let http: Vec<u16> = gateways
        .iter()
        .filter(|one| one.protocol == vamp_core::routing::Protocol::Http)
        .map(|one| one.port.get())
        .collect();
    for (name, answer) in haproxy.serve(&gateways).await {
        answer.unwrap_or_else(|error| panic!("{name}: {}", error.report()));
    }
    let log = haproxy.folder.log();
    assert!(!log.contains(" parsing ["), "{log}");
    assert_eq!(Client::fresh(http[1]).get().await.expect("an answer").status, 200);
}
