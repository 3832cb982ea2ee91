//! The router and a running HAProxy send the same requests to the same places.
//!
//! `VAMP_SOAK=1` tries twenty times as many gateways and requests.
#![cfg(test)]

#[path = "differential/conditions.rs"]
#[allow(dead_code, reason = "written for another test too")]
mod conditions;
mod haproxy_support;
#[path = "differential/random.rs"]
mod random;
#[path = "differential/requests.rs"]
#[allow(dead_code, reason = "written for another test too")]
mod requests;

#[path = "router_differential/both.rs"]
mod both;
#[path = "router_differential/gateways.rs"]
mod gateways;

use both::{Answer, Both};
use gateways::{Places, Shares};
use haproxy_support::shares;
use random::Random;
use requests::Sent;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    sync::Arc,
};
use tokio::task::JoinSet;
use vamp_core::routing::router::draw::draw;

const GATEWAYS: usize = 50;
const REQUESTS: usize = 100;
/// So many seeds show most of what can become of a request; when HAProxy's answer is not among it, more are tried.
const SEEDS: u64 = 64;
const MORE_SEEDS: u64 = 100_000;

fn rounds() -> u64 {
    if std::env::var_os("VAMP_SOAK").is_some() { 20 } else { 1 }
}

fn random_sent(random: &mut Random, cookies: &BTreeMap<String, String>) -> Sent {
    let mut sent = Sent::random(random);
    sent.client = Ipv4Addr::LOCALHOST.into();
    if !cookies.is_empty() && random.below(3) > 0 {
        let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        sent = sent.header("Cookie", &pairs.join("; "));
    }
    sent
}

/// Sends random requests to a gateway and compares; answers how many could have one result only, and how many were
/// answered by nobody.
async fn compare(both: Arc<Both>, place: usize, seed: u64) -> (usize, usize) {
    let mut random = Random::new(seed);
    let (mut certain, mut nobody) = (0, 0);
    let mut cookies = BTreeMap::new();
    for _ in 0..REQUESTS {
        let sent = random_sent(&mut random, &cookies);
        let answer = both.ask_haproxy(place, &sent).await;
        let parts = sent.parts();
        let likely: BTreeSet<Answer> = (0..SEEDS).map(|seed| both.ask_router(place, &parts, seed)).collect();
        let found =
            likely.contains(&answer) || (SEEDS..MORE_SEEDS).any(|seed| both.ask_router(place, &parts, seed) == answer);
        assert!(
            found,
            "seed {seed}: HAProxy answers {answer:?}, the router {likely:?}, for\n{sent:?}\nthrough {:#?}",
            both.gateway(place)
        );
        certain += usize::from(likely.len() == 1);
        nobody += usize::from(answer.who == "503");
        cookies.extend(answer.cookies);
    }
    (certain, nobody)
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_and_the_router_send_every_request_to_the_same_places() {
    let seed = random::seed();
    println!("seed {seed}; repeat with VAMP_TEST_SEED={seed}");
    let (mut cases, mut certain, mut nobody) = (0, 0, 0);
    for round in 0..rounds() {
        let mut random = Random::new(seed + round);
        let places = Places::start().await;
        let gateways = (0..GATEWAYS).map(|n| gateways::random(&mut random, n, &places, Shares::Coarse)).collect();
        let both = Arc::new(Both::start(&format!("differential-{round}"), gateways, places).await);
        let mut all = JoinSet::new();
        for place in 0..GATEWAYS {
            all.spawn(compare(Arc::clone(&both), place, draw(seed + round, place as u64)));
            cases += REQUESTS;
        }
        while let Some(done) = all.join_next().await {
            let (one_result, no_answer) = done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
            certain += one_result;
            nobody += no_answer;
        }
    }
    println!("{cases} cases, {certain} with one possible result, {nobody} answered by nobody");
    assert!(certain * 4 > cases, "too few with one possible result");
    assert!(nobody * 4 < cases * 3, "too few that are answered");
}

/// Routes whose shares differ by more than four standard deviations, `n` requests through HAProxy and `m` here.
async fn apart(both: &Both, place: usize, n: u64, m: u64, seed: u64) -> BTreeSet<String> {
    let mut theirs = shares(both.gateway(place).port.get(), n, "").await;
    let parts = http::Request::get("/").header("host", "test").body(()).expect("a request").into_parts().0;
    let mut ours: BTreeMap<String, u64> = BTreeMap::new();
    for index in 0..m {
        let answer = both.ask_router(place, &parts, draw(seed, index));
        *ours.entry(answer.who).or_insert(0) += 1;
    }
    for counts in [&mut theirs, &mut ours] {
        *counts = both.by_route(place, counts);
    }
    let names: BTreeSet<String> = theirs.keys().chain(ours.keys()).cloned().collect();
    let differs = |name: &String| {
        let count = |counts: &BTreeMap<String, u64>| *counts.get(name).unwrap_or(&0) as f64;
        let (x, y, n, m) = (count(&theirs), count(&ours), n as f64, m as f64);
        let share = (x + y) / (n + m);
        let deviation = (share * (1.0 - share) * (1.0 / n + 1.0 / m)).sqrt();
        (x / n - y / m).abs() > 4.0 * deviation
    };
    names.into_iter().filter(differs).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_and_the_router_give_routes_the_same_shares() {
    const N: u64 = 2_000;
    const M: u64 = 20_000;
    let seed = random::seed();
    println!("seed {seed}; repeat with VAMP_TEST_SEED={seed}; {N} requests for each gateway, {M} in the router");
    let mut random = Random::new(seed);
    let many = 12 * rounds() as usize;
    let places = Places::start().await;
    let gateways = (0..many).map(|n| gateways::random(&mut random, n, &places, Shares::Fine)).collect();
    let both = Both::start("differential-shares", gateways, places).await;
    for place in 0..many {
        let once = apart(&both, place, N, M, seed).await;
        if once.is_empty() {
            continue;
        }
        // One in 16 000 shares is that far off by chance; not twice, with four times as many requests.
        let twice = apart(&both, place, 4 * N, 4 * M, seed + 1).await;
        let both_times: Vec<_> = once.intersection(&twice).collect();
        assert!(both_times.is_empty(), "seed {seed}: {both_times:?} of {:#?}", both.gateway(place));
    }
}
