//! The commands that look: what a file would change, events, settings, and the live table.
#![cfg(all(feature = "http", feature = "embedded", feature = "haproxy", feature = "process"))]
#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

mod command_support;

use command_support::{DEADLINE, Server, finish, vamp};
use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    sync::mpsc,
};

const GATEWAY: &str = "name: web\nroutes: {'[127.0.0.1:9101]': {weight: 90%}, '[127.0.0.1:9102]': {weight: 10%}}\n";
const BLUEPRINT: &str = "name: shop\nclusters:\n  shop:\n    services:\n      breed: {name: 'shop:1', \
    deployable: {type: command, definition: sleep 600}}\n      scale: {cpu: 0.1, memory: 64MB}\n";

#[test]
fn a_diff_shows_the_lines_that_would_change_and_changes_nothing() {
    let server = Server::start("diff");
    let diff = |text: &str| server.run(&["diff", "--kind", "gateway", "-f", "-"], text);
    let said = diff(GATEWAY).expect(1);
    assert!(said.out.starts_with("gateway `web` would be new\n+ name: web\n"), "{}", said.out);
    assert_eq!(server.ok(&["list", "gateways", "-o", "json"]).json(), json!([]));

    server.run(&["create", "gateway", "-s"], GATEWAY).expect(0);
    assert_eq!(diff(GATEWAY).expect(0).out, "gateway `web`: no change\n");
    let changed = GATEWAY.replace("90%", "80%").replace("10%", "20%");
    let said = diff(&changed).expect(1).out;
    assert!(said.starts_with("gateway `web` would change\n"), "{said}");
    assert!(said.contains("\n-     weight: 90%\n+     weight: 80%\n"), "{said}");
    assert!(!said.contains("port:"), "only what is near a change: {said}");
    let told = server.run(&["diff", "--kind", "gateway", "-f", "-", "-o", "json"], &changed).expect(1).json();
    let told = &told["artifacts"];
    assert_eq!((&told[0]["name"], &told[0]["differs"]), (&json!("web"), &json!(true)));
    assert_eq!(told[0]["after"]["routes"]["[127.0.0.1:9101]"]["weight"], "80%");
    assert_eq!(diff(GATEWAY).expect(0).out, "gateway `web`: no change\n", "nothing was stored");
    diff(&GATEWAY.replace("90%", "95%")).refused(2, "GatewayRouteWeightError");
}

#[test]
fn a_blueprint_is_compared_with_the_deployment_that_it_would_be_merged_into() {
    let server = Server::start("diff-deployment");
    let diff = |text: &str| server.run(&["diff", "--deployment", "shop", "-f", "-"], text);
    assert!(diff(BLUEPRINT).expect(1).out.starts_with("deployment `shop` would be new\n"));
    server.run(&["deploy", "-f", "-", "shop", "--wait=25"], BLUEPRINT).expect(0);
    let changed = BLUEPRINT.replace("64MB", "96MB");
    let said = diff(&changed).expect(1).out;
    assert!(said.contains("64.00MB\n+") && said.contains("memory: 96.00MB"), "{said}");
    assert_eq!(diff(BLUEPRINT).expect(0).out, "deployment `shop`: no change\n");
}

#[test]
fn events_are_stored_listed_and_followed() {
    let server = Server::start("events");
    let mut follow = vamp(&["events", "--follow", "--tags", "about:a", "-o", "json"]);
    follow.env("VAMP_HOST", server.address.to_string()).stdout(Stdio::piped());
    let mut follow = follow.spawn().expect("starts");
    let out = BufReader::new(follow.stdout.take().expect("its output"));
    let (send, followed) = mpsc::channel();
    std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    // Only what comes after it has begun is followed, so this is told until it is heard.
    let first = std::iter::repeat_with(|| {
        server.ok(&["emit", "1", "--tags", "about:a,first"]);
        followed.recv_timeout(std::time::Duration::from_millis(200))
    });
    let heard = first.take(100).find_map(Result::ok).expect("the event is followed");
    let event: Value = serde_json::from_str(&heard).expect("a line of JSON");
    assert_eq!(event["value"], 1);
    let said = server.ok(&["emit", "{\"rate\": 12.5}", "-t", "about:a,last", "--type", "metrics"]).out;
    assert!(said.starts_with("event stored: about:a"), "{said}");
    server.ok(&["emit", "no number", "-t", "about:b"]);
    let last = std::iter::repeat_with(|| followed.recv_timeout(DEADLINE).expect("the last event"))
        .find(|line| line.contains("last"));
    let event: Value = serde_json::from_str(&last.expect("it comes")).expect("a line of JSON");
    assert_eq!((&event["value"]["rate"], &event["type"]), (&json!(12.5), &json!("metrics")));
    follow.kill().expect("ends");
    follow.wait().expect("ended");

    let listed = server.ok(&["events", "--tags", "about:a,last"]).out;
    let rows: Vec<&str> = listed.lines().collect();
    assert!(rows.len() == 2 && rows[1].contains("metrics  about:a,last  {\"rate\":12.5}"), "{listed}");
    let listed = server.ok(&["events", "--tags", "about", "--per-page", "2", "-o", "json"]).json();
    let values: Vec<&Value> = listed.as_array().expect("a list").iter().map(|event| &event["value"]).collect();
    assert_eq!(values, [&json!("no number"), &json!({"rate": 12.5})], "the newest first");
    server.run(&["emit", "1", "-t", "a", "--type", "no type"], "").refused(2, "EventTypeError");
    server.run(&["events", "--follow", "--page", "2"], "").refused(2, "cannot be used with");
}

#[test]
fn settings_are_shown_one_by_one_and_in_layers() {
    let server = Server::start("config");
    let all = server.ok(&["config"]).out;
    let port = server.address.port().to_string();
    assert!(all.lines().any(|line| line.starts_with("vamp.http-api.port") && line.ends_with(&port)), "{all}");
    assert_eq!(server.ok(&["config", "vamp.http-api.port"]).out, format!("{port}\n"));
    let reference = server.ok(&["config", "--type", "reference", "-o", "json"]).json();
    assert_eq!(reference["vamp.http-api.port"], 8080);
    server.run(&["config", "vamp.nonsense"], "").refused(1, "vamp.nonsense");
    server.run(&["config", "--type", "nonsense"], "").refused(2, "possible values: applied");
}

#[test]
fn the_live_table_shows_shares_and_rates_and_ends_without_a_terminal() {
    let server = Server::start("top");
    server.run(&["create", "gateway", "-s"], GATEWAY).expect(0);
    let shown = server.ok(&["top"]).out;
    assert!(shown.starts_with("GATEWAY  PORT    ROUTE"), "{shown}");
    assert!(shown.contains("agent ") && shown.contains("HAProxy"), "{shown}");
    assert!(shown.contains("no rates: nobody tells"), "{shown}");
    server.ok(&["emit", "17.5", "--type", "metrics", "-t", "gateways:web,routes:[127.0.0.1:9102],metrics:rate"]);
    let told = server.ok(&["top", "-o", "json"]).json();
    let route = &told["routes"][1];
    assert_eq!(
        (&route["share"], &route["rate"], &route["targets"]),
        (&json!("10%"), &json!(17.5), &json!(1)),
        "{told}"
    );
    assert!(server.ok(&["top", "nothing"]).out.lines().all(|line| !line.contains("web")));

    // On a terminal, `script` being one, it goes on until it is told to end, and gives the screen back.
    let line = format!("timeout -s INT 3 '{}' top --interval 0.2", env!("CARGO_BIN_EXE_vamp"));
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm").env("VAMP_HOST", server.address.to_string());
    let live = finish(script, "").out;
    assert!(live.matches("GATEWAY").count() > 2, "{live:?}");
    assert!(live.contains("\u{1b}[?1049h") && live.trim_end().ends_with("\u{1b}[?1049l"), "{live:?}");
}
