//! The configuration of HAProxy for typical gateways, as files under `tests/golden/haproxy`.
//!
//! `UPDATE_GOLDEN=1` writes them anew. Each is checked by HAProxy, too.
#![cfg(test)]

mod haproxy_support;

use haproxy_support::{Folder, chained, conditioned, gateway, instance, route, table};
use std::{collections::BTreeMap, fmt::Write, path::Path, process::Command};
use vamp_core::{
    condition::Condition,
    driver::{Document, GatewayRenderer, Target},
    routing::{Balance, Gateway, Protocol, Rewrite, Route, Sticky, Traffic},
};
use vamp_drivers::gateway::haproxy::{Files, HaproxyRenderer};

fn target() -> Target {
    Target::new((2, 6), "127.0.0.1".parse().expect("an address"))
}

fn render(gateway: &Gateway, target: &Target) -> Result<Document, String> {
    HaproxyRenderer.render(&table(std::slice::from_ref(gateway)), target).remove(&gateway.name).expect("an answer")
}

/// The document as text: the structure, then the values as comments.
fn text(document: &Document) -> String {
    let mut text = document.structure.clone();
    for (name, value) in &document.values {
        writeln!(text, "# {name} = {value}").expect("a string takes all");
    }
    text
}

fn check(gateway: &Gateway, document: &Document) {
    let folder = Folder::new(&format!("golden-{}", gateway.port));
    std::fs::create_dir_all(folder.0.join("maps")).expect("a folder");
    let documents = BTreeMap::from([(gateway.name.clone(), document.clone())]);
    let files = Files::of(&folder.config(), &documents).expect("files");
    std::fs::write(folder.0.join("haproxy.cfg"), &files.configuration).expect("written");
    for (path, map) in &files.maps {
        std::fs::write(folder.0.join(path), map).expect("written");
    }
    let mut command = Command::new(folder.config().program);
    let output = command.args(["-c", "-f", "haproxy.cfg"]).current_dir(&folder.0).output().expect("HAProxy runs");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !errors.contains("[WARNING]"), "{}: {errors}", gateway.name);
}

#[track_caller]
fn golden(name: &str, gateway: &Gateway) {
    let document = render(gateway, &target()).expect("a document");
    check(gateway, &document);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/haproxy/{name}.cfg"));
    let found = text(&document);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &found).expect("written");
    }
    let expected = std::fs::read_to_string(&file).expect("a golden file: write it with UPDATE_GOLDEN=1");
    assert_eq!(found, expected, "{name}: `UPDATE_GOLDEN=1` takes what is rendered now");
}

fn canary() -> Vec<Route> {
    let mut leaving = instance("sava-2", 9102);
    leaving.traffic = Traffic::Draining;
    vec![
        route("sava/sava/sava:1.0/web", 900_000, vec![instance("sava-1", 9101), leaving]),
        route("sava/sava/sava:1.1/web", 100_000, vec![instance("sava-3", 9103)]),
    ]
}

#[test]
fn a_canary_by_weight_is_rendered() {
    golden("weights", &gateway("sava/9050", 9050, canary()));
}

#[test]
fn conditions_are_rendered_last_first() {
    let conditions =
        [("host == shop.example and not has cookie beta", 100), ("user-agent == Chrome or path ends with .png", 50)];
    let routes = canary().into_iter().zip(conditions);
    let routes = routes.map(|(route, (condition, strength))| conditioned(route, condition, strength)).collect();
    golden("conditions", &gateway("sava/9051", 9051, routes));
}

#[test]
fn chained_gateways_are_rendered_inside_out() {
    let inner = vec![conditioned(canary().remove(0), "has header x-old", 100), canary().remove(1)];
    let routes = vec![
        route("[127.0.0.1:9104]", 200_000, vec![instance("[127.0.0.1:9104]", 9104)]),
        chained("sava/web", 800_000, inner),
    ];
    golden("chained", &gateway("sava/9052", 9052, vec![chained("sava/outer", 1_000_000, routes)]));
}

#[test]
fn a_tcp_gateway_is_rendered() {
    let mut gateway = gateway("sava/9053", 9053, canary());
    gateway.protocol = Protocol::Tcp;
    golden("tcp", &gateway);
}

#[test]
fn rewrites_and_balances_stand_in_the_backends() {
    let mut routes = canary();
    routes[0].balance = Balance::Source;
    routes[1].balance = Balance::LeastConn;
    for (path, condition) in [("/new%20place", "path starts with /old"), ("/q?a=b", "has header x-q")] {
        let condition = Condition::parse(condition).expect("a condition");
        routes[1].rewrites.push(Rewrite { path: path.to_owned(), condition });
    }
    golden("rewrites", &gateway("sava/9054", 9054, routes));
}

#[test]
fn a_sticky_gateway_knows_its_clients_by_a_cookie() {
    let mut gateway = gateway("sava/9059", 9059, canary());
    gateway.decision.sticky = Some(Sticky::INSTANCE);
    golden("sticky", &gateway);
}

#[test]
fn any_name_becomes_a_safe_one() {
    golden("names", &gateway("a b/c.d:e_f'\"\\{}\u{e9}", 9055, canary()));
}

#[test]
fn many_routes_have_rules_of_their_own() {
    let routes = (0..100).map(|number| route(&format!("r{number}"), 10_000, vec![instance("i", 9101)])).collect();
    let gateway = gateway("sava/9056", 9056, routes);
    check(&gateway, &render(&gateway, &target()).expect("a document"));
}

#[test]
fn the_same_table_renders_the_same_in_any_order_of_instances() {
    let instances = || vec![instance("a", 9101), instance("b", 9102), instance("c", 9103)];
    let forth = gateway("sava/9057", 9057, vec![route("r", 1_000_000, instances())]);
    let back = gateway("sava/9057", 9057, vec![route("r", 1_000_000, instances().into_iter().rev().collect())]);
    assert_eq!(render(&forth, &target()), render(&back, &target()));
}

#[test]
fn routes_and_instances_keep_their_places_while_others_come_and_go() {
    let mut target = target();
    let document = render(&gateway("sava/9058", 9058, canary()), &target).expect("a document");
    target.serving.insert("sava/9058".to_owned(), document.clone().into());
    let mut routes = canary();
    routes.remove(0);
    routes.insert(0, route("sava/sava/sava:1.2/web", 500_000, vec![instance("sava-4", 9104)]));
    routes[1].weight = vamp_core::weight::Weight::from_percent(50).expect("a share");
    let next = render(&gateway("sava/9058", 9058, routes), &target).expect("a document");
    assert_eq!(next.structure, document.structure);
    assert_eq!(next.values["route/r1"], "sava/sava/sava:1.1/web");
    assert_eq!(next.values["route/r2"], "sava/sava/sava:1.2/web", "the place that was just left stays empty");
    assert_eq!(next.values["class/p"], "0;500000;500000;0");
}

#[test]
fn what_cannot_be_told_to_haproxy_is_refused_and_blocks_nobody() {
    let mut tcp = gateway("tcp", 9060, vec![conditioned(canary().remove(0), "has header x", 100)]);
    tcp.protocol = Protocol::Tcp;
    let same_port = gateway("z", 9061, canary());
    let good = gateway("good", 9061, canary());
    let mut host = gateway("host", 9062, vec![route("r", 1_000_000, vec![instance("i", 9101)])]);
    if let vamp_core::routing::Target::Instances(instances) = &mut host.decision.routes[0].target {
        instances[0].host = "a\nbind :1".to_owned();
    }
    let mut path = gateway("path", 9063, canary());
    let condition = Condition::parse("has header x").expect("a condition");
    path.decision.routes[0].rewrites.push(Rewrite { path: "/' if TRUE".to_owned(), condition });
    let documents = HaproxyRenderer.render(&table(&[tcp, same_port, good, host, path]), &target());
    let refused = |name: &str| documents[name].as_ref().expect_err("refused").clone();
    assert!(refused("tcp").contains("type tcp"), "{}", refused("tcp"));
    assert_eq!(refused("z"), "port 9061 is already the port of gateway `good`");
    assert!(refused("host").contains("is not a host"), "{}", refused("host"));
    assert!(refused("path").contains("a path begins with"), "{}", refused("path"));
    assert!(documents["good"].is_ok());
}
