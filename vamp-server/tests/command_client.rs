//! The commands that ask a server, on the real program with a real HAProxy.
#![cfg(all(feature = "http", feature = "embedded", feature = "haproxy", feature = "process"))]
#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

mod command_support;

use command_support::{Folder, Server, finish, free_port, run, vamp};
use serde_json::{Value, json};
use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
};

const BREED: &str = "name: shop:1\ndeployable: {type: command, definition: sleep 600}\nports: {web: 8080}\n";

/// What an instance is: this very test binary, in a role.
fn instance() -> String {
    let binary = std::env::current_exe().expect("the test knows its own file");
    format!("{} --ignored --exact serve_as_an_instance --nocapture", binary.display())
}

#[test]
#[ignore = "what the other tests start"]
fn serve_as_an_instance() {
    let port: u16 = std::env::var("PORT_WEB").expect("a port").parse().expect("a number");
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
    // A connection is enough to be healthy.
    listener.incoming().for_each(drop);
}

/// A blueprint of one service that only listens.
fn blueprint(version: u32, gateway: Option<u16>) -> String {
    let gateways = gateway.map(|port| format!("gateways: {{{port}: shop/web}}\n")).unwrap_or_default();
    format!(
        "name: shop:{version}\n{gateways}clusters:\n  shop:\n    services:\n      breed:\n        name: shop:{version}\n        \
         deployable: {{type: command, definition: {}}}\n        ports: {{web: 8080/http}}\n      \
         scale: {{cpu: 0.1, memory: 64MB, instances: {version}}}\n",
        instance()
    )
}

/// The columns of a table, row by row.
fn rows(table: &str) -> Vec<Vec<&str>> {
    table.lines().map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()).collect()
}

#[test]
fn artifacts_are_created_listed_described_updated_and_deleted() {
    let server = Server::start("artifacts");
    let said = server.run(&["create", "breed", "-f", "-"], BREED).expect(0);
    assert_eq!(said.out, "breed `shop:1` created\n");
    let said = server.run(&["create", "breeds", "--stdin"], BREED).expect(0);
    assert_eq!(said.out, "breed `shop:1` updated\n");
    let table = server.ok(&["list", "breeds"]).out;
    let expected =
        [vec!["NAME", "DEPLOYABLE", "TYPE", "PORTS"], vec!["shop:1", "sleep 600", "command", "web 8080/http"]];
    assert_eq!(rows(&table), expected);

    let many =
        format!("kind: breed\n{}---\nkind: scale\nname: small\ncpu: 0.1\nmemory: 64MB\n", BREED.replace(":1", ":2"));
    let said = server.run(&["create"], &many).expect(0);
    assert_eq!(said.out, "breed `shop:2` created\nscale `small` created\n");
    let json = server.ok(&["list", "breeds", "-o", "json"]).json();
    assert_eq!(json.as_array().map(Vec::len), Some(2), "{json}");
    let described = server.ok(&["describe", "scale", "small"]).out;
    assert!(described.contains("name: small\n") && described.contains("instances: 1"), "{described}");
    let described = server.ok(&["describe", "breed", "shop:1", "--output", "json"]).json();
    assert_eq!(described["deployable"]["definition"], "sleep 600");

    let file = server.folder.file("breed.yml", BREED.replace("600", "900"));
    server.ok(&["update", "breed", "-f", &file]);
    assert!(server.ok(&["list", "breed"]).out.contains("sleep 900"));
    server.run(&["update", "breed", "-f", "-"], &BREED.replace(":1", ":3")).refused(1, "there is no breed `shop:3`");
    let said = server.ok(&["delete", "breed", "shop:1", "shop:2"]);
    assert_eq!(said.out, "breed `shop:1` deleted\nbreed `shop:2` deleted\n");
    server.run(&["delete", "breed", "shop:1"], "").refused(1, "`vamp list breeds` shows what there is");
}

#[test]
fn a_list_has_every_page() {
    let server = Server::start("pages");
    let scale = |number: u32| format!("kind: scale\nname: s{number:03}\ncpu: 1\nmemory: 64MB\n");
    let many: Vec<String> = (0..65).map(scale).collect();
    server.run(&["create", "-s"], &many.join("---\n")).expect(0);
    let listed = server.ok(&["list", "scales", "-o", "json"]).json();
    let names: Vec<&str> = listed.as_array().expect("a list").iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!((names.len(), names[0], names[64]), (65, "s000", "s064"));
}

#[test]
fn a_canary_is_released_from_the_command_line() {
    let server = Server::start("canary");
    let port = free_port();
    let (first, second) = (blueprint(1, Some(port)), blueprint(2, None));
    let said = server.run(&["deploy", "-f", "-", "shop", "--wait=25"], &first).expect(0);
    assert_eq!(said.out, "deployment `shop` is deployed: shop:1 1/1 Deployed\n");
    assert_eq!(said.error, "", "no bar where nobody looks");
    server.run(&["create", "blueprint", "-s"], &second).expect(0);
    let said = server.ok(&["merge", "shop:2", "shop", "--wait=25", "-o", "json"]).json();
    assert_eq!(said["clusters"]["shop"]["services"][1]["breed"]["name"], "shop:2");

    let listed = server.ok(&["list", "deployments"]).out;
    assert_eq!(rows(&listed)[1], ["shop", "shop", "-", "Deployed", "3/3"], "{listed}");
    let described = server.ok(&["describe", "deployment", "shop"]).out;
    let program = instance();
    let service = ["shop:2", &program, "Deployed", "shop", "0.1", "64.00MB", "2", "2", "0", "2", "0"];
    assert_eq!(rows(&described)[2], service, "{described}");
    assert!(rows(&described).contains(&vec!["shop:2", "0%", "-", "0%", "shop/shop/web"]), "{described}");

    let moved = server.ok(&["gateway", "shop/shop/web", "-w", "shop:1@90%,shop:2@10%", "--wait=25"]).out;
    let moved = rows(&moved).into_iter().find(|row| row.first() == Some(&"shop/shop/shop:2/web")).expect("the route");
    assert_eq!(moved[..4], ["shop/shop/shop:2/web", "10%", "-", "0%"]);
    let path = "shop/shop/shop:2/web";
    server.ok(&["update-gateway", "shop/shop/web", "-r", path, "-c", "User-Agent == Chrome", "-s", "50%"]);
    let route = || server.ok(&["describe", "gateway", "shop/shop/web", "-o", "json"]).json()["routes"][path].clone();
    assert_eq!(route()["condition"]["condition"], "User-Agent == Chrome");
    assert_eq!(route()["condition_strength"], "50%");
    server.ok(&["gateway", "shop/shop/web", "-r", "shop:2", "-s", "60%"]);
    assert_eq!(route()["condition_strength"], "60%");
    server.ok(&["gateway", "shop/shop/web", "-r", "shop:2", "-c", "null"]);
    assert_eq!((&route()["condition"], &route()["weight"]), (&Value::Null, &json!("10%")));
    let listed = server.ok(&["list", "gateways"]).out;
    assert!(listed.contains("shop:1 90%, shop:2 10%") && listed.contains(&port.to_string()), "{listed}");

    server.run(&["undeploy", "shop", "-s", "shop:1"], "").refused(2, "first move the traffic");
    server.ok(&["gateway", "shop/shop/web", "-w", "shop:1@0%,shop:2@100%"]);
    let said = server.ok(&["undeploy", "shop", "-s", "shop:1", "--wait=25"]);
    assert_eq!(said.out, "shop:1 of deployment `shop` is taken down\n");
    assert!(!server.ok(&["describe", "deployment", "shop"]).out.contains("shop:1"));
    // As the original has it, what is no service is the name of a stored blueprint.
    server.ok(&["undeploy", "shop", "--wait=25"]);
    server.run(&["describe", "deployment", "shop"], "").refused(1, "there is no deployment `shop`");
}

#[test]
fn what_is_wrong_with_a_gateway_is_told_and_changes_nothing() {
    let server = Server::start("gateway");
    let gateway = "name: web\nroutes: {'[127.0.0.1:9101]': {weight: 100%}, '[127.0.0.1:9102]': {weight: 0%}}\n";
    server.run(&["create", "gateway", "-s"], gateway).expect(0);
    let change = |arguments: &[&str]| server.run(&[&["gateway"], arguments].concat(), "");
    change(&["web", "-w", "[127.0.0.1:9103]@100%"]).refused(2, "it has [127.0.0.1:9101], [127.0.0.1:9102]");
    change(&["web", "-w", "[127.0.0.1:9102]@20%"]).refused(2, "GatewayRouteWeightError");
    change(&["web", "-w", "[127.0.0.1:9102]"]).refused(2, "route@70%");
    change(&["web", "-r", "[127.0.0.1:9102]", "-c", "host =="]).refused(2, "expected a value");
    change(&["web", "-r", "[127.0.0.1:9102]", "-s", "5%"]).refused(2, "has no condition");
    change(&["web", "-r", "[127.0.0.1:9102]"]).refused(2, "say what to change");
    change(&["web", "-c", "host == a"]).refused(2, "--route");
    change(&["web", "-w", "a@1%", "-r", "a", "-c", "host == a"]).refused(2, "cannot be used with");
    change(&["nowhere", "-w", "a@1%"]).refused(1, "there is no gateway `nowhere`");
    let shown = change(&["web"]).expect(0).out;
    assert!(rows(&shown).contains(&vec!["[127.0.0.1:9101]", "100%", "-", "0%", "127.0.0.1:9101"]), "{shown}");
}

#[test]
fn changes_of_one_gateway_at_the_same_time_are_all_made() {
    let server = Server::start("together");
    let routes: Vec<String> = (1..5).map(|port| format!("'[127.0.0.1:910{port}]': {{weight: 25%}}")).collect();
    server.run(&["create", "gateway", "-s"], &format!("name: web\nroutes: {{{}}}\n", routes.join(", "))).expect(0);
    std::thread::scope(|scope| {
        for port in 1..5 {
            let (route, condition) = (format!("[127.0.0.1:910{port}]"), format!("host == host-{port}"));
            let server = &server;
            scope.spawn(move || server.ok(&["gateway", "web", "-r", &route, "-c", &condition]));
        }
    });
    let shown = server.ok(&["describe", "gateway", "web"]).out;
    let kept = (1..5).filter(|port| shown.contains(&format!("host == host-{port} ")));
    assert_eq!(kept.count(), 4, "{shown}");
}

#[test]
fn violations_are_shown_in_the_file_that_was_sent_and_nothing_is_stored() {
    let server = Server::start("violations");
    let said = server.run(&["create", "breed", "-f", "-"], &BREED.replace("ports", "prots")).refused(2, "1 mistake");
    assert!(said.error.contains("standard input:3:1: prots"), "{}", said.error);
    assert!(said.error.contains("  3 | prots: {web: 8080}\n    | ^\n  hint: did you mean `ports`?"), "{}", said.error);
    let several =
        format!("kind: scale\nname: s\ncpu: 1\nmemory: 1MB\n---\nkind: breed\n{}", BREED.replace("ports", "prots"));
    let said = server.run(&["create", "-s"], &several).expect(2);
    assert_eq!(said.out, "scale `s` created\n", "one after the other");
    assert!(said.error.contains("breed `shop:1`: 1 mistake"), "{}", said.error);
    assert_eq!(server.ok(&["list", "breeds", "-o", "json"]).json(), json!([]));
    let checked = server.run(&["create", "breed", "-s", "--validate-only"], BREED).expect(0);
    assert_eq!(checked.out, "breed `shop:1` valid\n");
    assert_eq!(server.ok(&["list", "breeds", "-o", "json"]).json(), json!([]));
    let checked = server.run(&["deploy", "-f", "-", "--validate-only"], &blueprint(1, None)).expect(0);
    assert!(checked.out.starts_with("deployment `shop:1` would be deployed"), "{checked:?}");
    assert_eq!(server.ok(&["list", "deployments", "-o", "json"]).json(), json!([]));
}

#[test]
fn breeds_and_blueprints_are_generated_from_stored_ones() {
    let server = Server::start("generate");
    server.run(&["create", "breed", "-s"], BREED).expect(0);
    server.run(&["create", "blueprint", "-s"], &blueprint(1, None)).expect(0);
    let breed = server.ok(&["generate", "breed", "-s", "shop:1", "-d", "sleep 900", "-t", "shop:2"]).out;
    server.run(&["create", "breed", "-s"], &breed).expect(0);
    let made = server.ok(&["generate", "blueprint", "-s", "shop:1", "-c", "shop", "-b", "shop:2", "-t", "shop:2"]).out;
    server.run(&["create", "blueprint", "-s"], &made).expect(0);
    let stored = server.ok(&["describe", "blueprint", "shop:2", "-o", "json"]).json();
    assert_eq!(stored["clusters"]["shop"]["services"][0]["breed"], json!({"reference": "shop:2"}));
    let stored = server.ok(&["describe", "breed", "shop:2", "-o", "json"]).json();
    assert_eq!(
        (&stored["deployable"]["definition"], &stored["ports"]["web"]),
        (&json!("sleep 900"), &json!("8080/http"))
    );
    let generate = ["generate", "blueprint", "-s", "shop:1", "-c", "nowhere", "-b", "b", "-t", "t"];
    server.run(&generate, "").refused(2, "no cluster `nowhere`");
    server.run(&["generate", "breed", "-s", "none", "-d", "x", "-t", "y"], "").refused(1, "there is no breed `none`");
}

#[test]
fn what_is_told_wrong_is_refused_before_a_server_is_asked() {
    let folder = Folder::new("usage");
    let file = folder.file("a.yml", BREED);
    for (arguments, hint) in [
        (vec!["list", "brood"], "possible values: blueprints"),
        (vec!["list"], "<KIND>"),
        (vec!["describe", "breed"], "<NAME>"),
        (vec!["create", "breed", "-f", "/nowhere/a.yml"], "no such file"),
        (vec!["create", "breed", "-f", &file, "-s"], "cannot be used with"),
        (vec!["create", "-f", &file], "the document has no `kind`"),
        (vec!["create", "breed", "-s"], "nothing is in it"),
        (vec!["deploy"], "<BLUEPRINT>"),
        (vec!["deploy", "-f", &file, "a", "b"], "cannot be used with"),
        (vec!["delete", "deployment", "shop"], "vamp undeploy"),
        (vec!["generate", "breed", "-s", "a"], "--deployable"),
        (vec!["emit", "1"], "--tags"),
        (vec!["list", "breeds", "--host", "https://vamp.example"], "plain http"),
        (vec!["list", "breeds", "--timeout", "0"], "number of seconds"),
        (vec!["list", "breeds", "--token-file", "/nowhere/token"], "token file /nowhere/token"),
    ] {
        run(&arguments, "").refused(2, hint);
    }
}

#[test]
fn a_server_that_is_not_there_or_does_not_answer_is_told_with_what_to_do() {
    let nobody = format!("http://127.0.0.1:{}", free_port());
    run(&["list", "breeds", "--host", &nobody], "").refused(1, "start a server with `vamp server`");

    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    run(&["list", "breeds", "--host", &address, "--timeout", "0.3"], "").refused(1, "give it more with --timeout");

    let other = std::thread::spawn(move || {
        for answer in ["hello\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"] {
            let (mut stream, _) = listener.accept().expect("a client");
            // The one that waited in vain is still in the queue.
            let mut asked = [0; 1024];
            let _ = stream.read(&mut asked);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    run(&["list", "breeds", "--host", &address], "").refused(1, "is it a Vamp server?");
    drop(other);
}

#[test]
fn a_token_is_shown_from_a_file_or_the_environment_and_never_told() {
    let folder = Folder::new("token-file");
    let file = folder.file("token", "s3cret\n");
    let server = Server::start_with("token", &["--token-file", &file]);
    server.run(&["list", "breeds"], "").refused(1, "show a token with --token-file or VAMP_TOKEN");
    server.ok(&["list", "breeds", "--token-file", &file]);
    server.ok(&["list", "breeds", "--token", "s3cret"]);
    let mut with_environment = vamp(&["list", "breeds", "--host", &server.address.to_string()]);
    with_environment.env("VAMP_TOKEN", "s3cret");
    finish(with_environment, "").expect(0);
    let mut help = vamp(&["list", "--help"]);
    help.env("VAMP_TOKEN", "s3cret");
    assert!(!finish(help, "").expect(0).out.contains("s3cret"));
}

#[test]
fn what_is_written_down_at_home_is_for_that_server_only() {
    let folder = Folder::new("settings");
    let token = folder.file("token", "s3cret\n");
    let server = Server::start_with("settings-server", &["--token-file", &token]);
    let at_home = |arguments: &[&str], settings: &str| {
        folder.file(".vamp", settings);
        let mut command = vamp(arguments);
        command.env("HOME", &folder.0);
        finish(command, "")
    };
    let address = server.address.to_string();
    let settings = format!("host: {address}\ntoken_file: token\n");
    at_home(&["list", "breeds"], &settings).expect(0);
    at_home(&["list", "breeds"], &format!("host: {address}\n")).refused(1, "show a token");
    // Flags win, and the same server by another name does not get the token of this one.
    let other = address.replace("127.0.0.1", "localhost");
    at_home(&["list", "breeds", "--host", &other], &settings).refused(1, "show a token");
    at_home(&["list", "breeds", "--host", &other, "--token-file", &token], &settings).expect(0);
    at_home(&["list", "breeds"], "hots: a\n").refused(2, "it may say `host`, `namespace` and `token_file`");
}
