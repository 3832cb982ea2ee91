//! HAProxy and the library give the same answer to every condition.
#![cfg(test)]

#[path = "differential/conditions.rs"]
mod conditions;
#[path = "differential/haproxy.rs"]
mod haproxy;
#[path = "differential/kinds.rs"]
mod kinds;
mod port_support;
#[path = "differential/random.rs"]
mod random;
#[path = "differential/requests.rs"]
mod requests;

use haproxy::Haproxy;
use random::Random;
use requests::Sent;
use std::collections::BTreeMap;
use vamp_core::condition::{Condition, RequestParts};

const RANDOM_CONDITIONS: usize = 500;
const RANDOM_REQUESTS: usize = 60;

fn read(text: &str) -> Condition {
    Condition::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

/// Sends every request and compares what HAProxy says of each condition with what the library says; answers how many
/// pairs were true and how many false.
fn compare(conditions: &[Condition], sent: &[Sent], seed: u64) -> Option<[usize; 2]> {
    let haproxy = Haproxy::start(conditions)?;
    let mut pairs = [0, 0];
    for request in sent {
        let answers = haproxy.ask(request);
        assert_eq!(answers.len(), conditions.len());
        let parts = request.parts();
        let view = RequestParts::new(&parts).from_client(request.client);
        for (condition, answer) in conditions.iter().zip(answers) {
            let expected = condition.matches(&view);
            assert_eq!(expected, Some(answer), "seed {seed}: {} for\n{request:?}", condition.as_str());
            pairs[usize::from(!answer)] += 1;
        }
    }
    Some(pairs)
}

#[test]
fn haproxy_and_the_library_agree_on_random_conditions() {
    let seed = random::seed();
    println!("seed {seed}; repeat with VAMP_TEST_SEED={seed}");
    let mut random = Random::new(seed);
    let sent: Vec<Sent> = (0..RANDOM_REQUESTS).map(|_| Sent::random(&mut random)).collect();
    let conditions: Vec<Condition> =
        (0..RANDOM_CONDITIONS).map(|_| read(&conditions::random(&mut random, 12))).collect();
    if let Some([yes, no]) = compare(&conditions, &sent, seed) {
        let share = yes * 100 / (yes + no);
        println!("{share} % of {} pairs are true", yes + no);
        assert!((30..=70).contains(&share), "{share} % of all pairs are true: too one-sided to say much");
    }
}

#[test]
fn haproxy_and_the_library_agree_on_every_kind_of_test_and_each_is_often_true_and_often_false() {
    let seed = random::seed();
    println!("seed {seed}; repeat with VAMP_TEST_SEED={seed}");
    let mut random = Random::new(seed);
    let sent: Vec<Sent> = (0..1_600).map(|_| Sent::random(&mut random)).collect();
    let tests: Vec<Condition> = conditions::TESTS.iter().map(|text| read(text)).collect();
    let mut kinds: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for test in &tests {
        let true_for = sent.iter().filter(|request| {
            test.matches(&RequestParts::new(&request.parts()).from_client(request.client)) == Some(true)
        });
        let yes = true_for.count();
        assert!((20..=1_580).contains(&yes), "seed {seed}: {test} is true for {yes} of 1600 requests");
        let counts = kinds.entry(kinds::of(test)).or_default();
        counts[0] += yes;
        counts[1] += sent.len() - yes;
    }
    compare(&tests, &sent, seed);
    println!("{:<24} {:>6} {:>6}", "operand", "true", "false");
    for (kind, [yes, no]) in &kinds {
        println!("{kind:<24} {yes:>6} {no:>6}");
        assert!(*yes >= 100 && *no >= 100, "seed {seed}: {kind} is true {yes} times and false {no} times");
    }
    assert_eq!(kinds.len(), kinds::ALL, "every kind of operand: {kinds:?}");
}

#[test]
fn haproxy_and_the_library_agree_on_what_the_original_got_wrong() {
    let conditions: Vec<Condition> = conditions::shapes().iter().map(|text| read(text)).collect();
    let mut random = Random::new(7);
    let sent: Vec<Sent> = (0..200).map(|_| Sent::cookies(&mut random)).collect();
    compare(&conditions, &sent, 7);
}

#[test]
fn haproxy_takes_every_character_of_a_value_literally() {
    let values: Vec<String> = conditions::odd_values();
    let tests = ["==", "has", "starts with", "ends with"];
    let quoted = values.iter().map(|value| value.replace('\'', "''"));
    let conditions: Vec<Condition> = quoted
        .flat_map(|value| tests.map(|test| format!("header x-odd {test} '{value}' or cookie odd {test} '{value}'")))
        .map(|text| read(&text))
        .collect();
    let sent: Vec<Sent> = values.iter().map(|value| Sent::odd(value)).collect();
    compare(&conditions, &sent, 0);
}

#[test]
fn haproxy_and_the_library_agree_on_regular_expressions() {
    let conditions: Vec<Condition> =
        conditions::PATTERNS.iter().map(|pattern| read(&format!("header x-odd matches '{pattern}'"))).collect();
    let sent: Vec<Sent> = conditions::PATTERN_VALUES.iter().map(|value| Sent::odd(value)).collect();
    compare(&conditions, &sent, 0);
}

#[test]
fn haproxy_and_the_library_agree_on_random_regular_expressions_that_are_taken() {
    // What is tried is open-ended, so the default repeats; 500 other seeds found no difference either.
    let seed = random::given().unwrap_or(1);
    let mut random = Random::new(seed);
    let texts = std::iter::repeat_with(|| conditions::random_pattern(&mut random));
    let conditions: Vec<Condition> = texts
        .filter_map(|pattern| Condition::parse(&format!("header x-odd matches '{pattern}'")).ok())
        .take(RANDOM_CONDITIONS)
        .collect();
    let mut sent: Vec<Sent> = conditions::PATTERN_VALUES.iter().map(|value| Sent::odd(value)).collect();
    sent.extend((0..RANDOM_REQUESTS).map(|_| Sent::odd(&conditions::random_value(&mut random))));
    compare(&conditions, &sent, seed);
}

#[test]
fn haproxy_and_the_library_agree_on_odd_cookies_and_hosts() {
    let conditions: Vec<Condition> = conditions::COOKIE_TESTS.iter().map(|text| read(text)).collect();
    let sent: Vec<Sent> = conditions::COOKIE_HEADERS.iter().map(|header| Sent::with("Cookie", header)).collect();
    compare(&conditions, &sent, 0);
    let hosts = conditions::HOSTS.iter().map(|host| read(&format!("host == '{host}'")));
    let hosts: Vec<Condition> = hosts.collect();
    let sent: Vec<Sent> = conditions::HOSTS.iter().map(|host| Sent::host(host)).collect();
    compare(&hosts, &sent, 0);
}

#[test]
fn haproxy_takes_names_and_native_tests_of_every_kind_that_pass() {
    let texts = conditions::accepted();
    let conditions: Vec<Condition> = texts.iter().map(|text| read(text)).collect();
    if let Some(haproxy) = Haproxy::start(&conditions) {
        assert_eq!(haproxy.ask(&Sent::with("X-A", "1")).len(), conditions.len());
    }
}
