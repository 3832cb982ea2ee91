//! What indexes find is what evaluation one by one finds.

use crate::{
    compile, conditions, counts, everyone,
    haproxy_support::{conditioned, gateway, instance, route},
    head,
    random::{self, Random},
    requests::Sent,
};
use vamp_core::condition::{Condition, RequestParts};

/// Routes with these conditions at full strength, and one for all others.
fn router(conditions: &[String]) -> vamp_core::routing::router::GatewayRouter {
    let to = |name: &str, ppm| route(name, ppm, vec![instance(name, 9_100)]);
    let conditional =
        conditions.iter().enumerate().map(|(place, text)| conditioned(to(&place.to_string(), 0), text, 100));
    compile(&gateway("g", 9050, conditional.chain([to("rest", 1_000_000)]).collect()))
}

fn first(conditions: &[Condition], request: &RequestParts<'_>) -> String {
    let first = conditions.iter().position(|condition| condition.matches(request) == Some(true));
    first.map_or("rest".to_owned(), |place| place.to_string())
}

#[test]
fn the_first_condition_that_holds_is_found_among_few_and_many() {
    let seed = random::seed();
    println!("seed {seed}; repeat with VAMP_TEST_SEED={seed}");
    let mut random = Random::new(seed);
    let sent: Vec<Sent> = (0..60).map(|_| Sent::random(&mut random)).collect();
    for (many, tests) in [(3, 12), (8, 4), (9, 2), (20, 1), (50, 3), (300, 12)] {
        for _ in 0..6 {
            // Rarely true, so that those further down count too.
            let text = |random: &mut Random| {
                format!("({}) and {}", conditions::random(random, tests), random.pick(&conditions::TESTS))
            };
            let texts: Vec<String> = (0..many).map(|_| text(&mut random)).collect();
            let read: Vec<Condition> = texts.iter().map(|text| Condition::parse(text).expect("a condition")).collect();
            let router = router(&texts);
            for request in &sent {
                let parts = request.parts();
                let view = RequestParts::new(&parts).from_client(request.client);
                let routed = router.decide(&view, 1, everyone).expect("a route");
                assert_eq!(routed.route(), first(&read, &view), "seed {seed}, {texts:#?}\n{request:?}");
            }
        }
    }
}

#[test]
fn equality_beginnings_and_parts_are_found_in_every_occurrence() {
    let other = |n: usize| {
        [
            format!("host == h{n}.example"),
            format!("header x-a starts with p{n}-"),
            format!("cookie c has part{n}."),
            format!("path == /p{n}"),
            format!("user-agent has robot{n};"),
        ]
    };
    let conditions: Vec<String> = (0..200).flat_map(other).collect();
    let router = router(&conditions);
    for (headers, wanted) in [
        (vec![("host", "H7.Example:80")], "35"),
        (vec![("host", "h7.example.com")], "rest"),
        (vec![("x-a", "none"), ("x-a", "p12-3")], "61"),
        (vec![("x-a", "p120-3"), ("x-a", "p12-3")], "61"),
        (vec![("cookie", "c=1; c=xpart3.part4."), ("host", "h50.example")], "17"),
        (vec![("user-agent", "robot1;robot0;")], "4"),
        (vec![("host", &*"h".repeat(300))], "rest"),
    ] {
        let parts = head(&headers);
        let found = counts(&router, 1, &RequestParts::new(&parts), everyone);
        assert_eq!(found.into_keys().collect::<Vec<_>>(), [wanted], "{headers:?}");
    }
}
