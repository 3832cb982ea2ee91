//! The commands that need no server.
#![cfg(feature = "haproxy")]
#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

mod command_support;

use command_support::{Folder, finish, run, vamp};
use serde_json::json;
use std::{fs, process::Command};

fn explain(arguments: &[&str]) -> command_support::Said {
    run(&[&["condition", "explain"], arguments].concat(), "")
}

fn example(name: &str) -> String {
    format!("{}/../examples/artifacts/{name}", env!("CARGO_MANIFEST_DIR"))
}

const GATEWAY: &str =
    "name: web\nport: 9050\nroutes:\n  '[127.0.0.1:9101]': {weight: 90%}\n  '[127.0.0.1:9102]': {weight: 20%}\n";

#[test]
fn a_condition_says_by_its_exit_status_whether_a_request_meets_it() {
    for (code, arguments) in [
        (0, vec!["host == a"]),
        (0, vec!["host == a", "--host", "A:80"]),
        (1, vec!["host == a", "--host", "b"]),
        (0, vec!["header x-a has b", "-H", "X-A: abc"]),
        (1, vec!["header x-a has b", "-H", "X-A: ac"]),
        (0, vec!["cookie a == 1 and cookie b == '2 3'", "--cookie", "a=1", "--cookie", "b=2 3"]),
        (1, vec!["cookie a == 1", "--cookie", "a=2"]),
        (0, vec!["path starts with /api and not method is GET", "--path", "/api/x?y", "--method", "POST"]),
        (1, vec!["path starts with /api and not method is GET", "--path", "/api/x"]),
        (0, vec!["client ip in 10.0.0.0/8", "--client-ip", "10.1.2.3"]),
        (1, vec!["client ip in 10.0.0.0/8", "--client-ip", "11.1.2.3"]),
        (0, vec!["< src 10.0.0.1 >"]),
        (2, vec!["< src 10.0.0.1 >", "--path", "/"]),
        (2, vec!["host =="]),
        (2, vec!["host == a", "-H", "no colon"]),
        (2, vec!["host == a", "--cookie", "no-equals-sign"]),
        (2, vec!["host == a", "--path", "x"]),
    ] {
        let said = explain(&arguments);
        assert_eq!(said.code, Some(code), "{arguments:?}: {said:?}");
        assert_eq!(said.error.is_empty(), code != 2, "{arguments:?}: {said:?}");
    }
}

#[test]
fn a_condition_is_explained_as_a_tree_with_its_lines_of_haproxy_and_what_decided() {
    let said =
        explain(&["user-agent == Safari and (has cookie beta or host != a)", "--host", "a", "--cookie", "beta=1"]);
    assert_eq!(said.code, Some(1));
    for part in [
        "├─ user-agent has Safari  no  ◄ decides  (the header has Safari and Version)\n",
        "   ├─ has cookie beta     yes\n",
        "  acl c_a0 req.fhdr(user-agent) -m sub -- Safari\n",
        "http-request set-var(txn.matches) bool(true) if c_a0 c_a1 c_n4\n",
        "does not match, decided by: user-agent has Safari\n",
    ] {
        assert!(said.out.contains(part), "{part:?} is missing in\n{}", said.out);
    }
}

#[test]
fn the_explanation_of_a_condition_is_there_for_programs() {
    let json = explain(&["not has cookie a or host == b", "-o", "json", "--host", "b"]).json();
    assert_eq!(json["condition"], "misses cookie a or host == b");
    assert_eq!(json["tree"]["operator"], "or");
    assert_eq!(json["tree"]["of"][0], json!({"test": "misses cookie a", "value": true, "decides": true}));
    assert_eq!(json["tree"]["of"][1], json!({"test": "host == b", "value": true, "decides": false}));
    assert_eq!(json["haproxy"]["acls"][0], "acl c_a0 req.cook(a) -m found");
    assert_eq!((&json["matches"], &json["decided_by"]), (&json!(true), &json!(["misses cookie a"])));
    let unasked = explain(&["has cookie a", "-o", "json"]).json();
    assert!(unasked.get("matches").is_none() && unasked["tree"].get("value").is_none(), "{unasked}");
}

#[test]
fn a_syntax_error_shows_its_line_with_a_mark_and_a_hint() {
    let said = explain(&["host == a and\nhost =="]);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""));
    assert!(said.error.contains("line 2, column 8"), "{}", said.error);
    assert!(said.error.contains("\n  host ==\n         ^\nhint: quote a value"), "{}", said.error);
}

#[test]
fn a_valid_file_is_told_and_an_invalid_one_shows_every_mistake_with_its_line() {
    let said = run(&["validate", "--kind", "blueprint", "-f", &example("sava-1.0.yml"), &example("sava-1.1.yml")], "");
    assert_eq!((said.code, said.out.matches(": valid").count(), said.error.as_str()), (Some(0), 2, ""));

    let bad = GATEWAY.replace("weight: 20%", "wight: 20%").replace("port: 9050", "port: x");
    let said = run(&["validate", "--kind", "gateways", "-f", "-"], &bad);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""));
    assert!(said.error.starts_with("vamp: 3 mistakes\n"), "{}", said.error);
    for part in ["standard input:2:7: port: ", "  2 | port: x\n    |       ^", "hint: did you mean `weight`?"] {
        assert!(said.error.contains(part), "{part:?} is missing in\n{}", said.error);
    }
}

#[test]
fn validation_answers_programs_with_exactly_the_promised_keys() {
    let valid = run(&["validate", "--kind", "gateway", "-f", "-", "--output", "json"], &GATEWAY.replace("20%", "10%"));
    assert_eq!((valid.code, valid.json()), (Some(0), json!({"valid": true, "errors": []})));
    let invalid = run(&["validate", "--kind", "gateway", "-f", "-", "--output", "json"], GATEWAY);
    assert_eq!((invalid.code, invalid.error.as_str()), (Some(2), ""));
    let json = invalid.json();
    assert_eq!(json["valid"], false);
    let error = json["errors"][0].as_object().expect("an error");
    let keys: Vec<&str> = error.keys().map(String::as_str).collect();
    assert_eq!(keys, ["code", "path", "line", "column", "message", "hint"]);
    assert_eq!(error["code"], "GatewayRouteWeightError");
    assert_eq!((error["line"].as_u64(), error["path"].as_str()), (Some(4), Some("routes")), "{json}");
    let yaml = run(&["validate", "--kind", "gateway", "-f", "-", "--output", "yaml"], GATEWAY);
    assert!(yaml.out.starts_with("valid: false\nerrors:\n"), "{}", yaml.out);
}

#[test]
fn the_examples_are_valid_together_and_each_can_be_rendered_with_what_it_refers_to() {
    let folder = format!("{}/../examples/artifacts", env!("CARGO_MANIFEST_DIR"));
    let entries = fs::read_dir(folder).expect("there are examples").map(|entry| entry.expect("a file").path());
    let mut files: Vec<String> = entries.map(|path| path.to_string_lossy().into_owned()).collect();
    files.sort();
    assert!(files.len() > 1, "{files:?}");
    let run_on = |command: &str, files: &[&str]| {
        let said = run(&[&[command, "--kind", "blueprint", "-f"], files].concat(), "").expect(0);
        assert_eq!(said.error, "", "{command} {files:?}");
    };
    run_on("validate", &files.iter().map(String::as_str).collect::<Vec<_>>());
    // Others refer to these; all together would want some ports twice.
    let shared = ["breeds.yml", "parts.yml", "templates.yml"];
    for file in &files {
        let others = files.iter().filter(|other| *other != file && shared.iter().any(|name| other.ends_with(name)));
        let together: Vec<&str> = std::iter::once(file).chain(others).map(String::as_str).collect();
        run_on("render", &together);
    }
}

#[test]
fn files_may_refer_to_each_other_and_each_mistake_names_its_file() {
    let folder = Folder::new("several");
    let template = folder.file("template.yml", "kind: templates\nname: web\ndefinition: {port: 9070/http}\n");
    let gateway = |routes: &str| format!("kind: gateways\nimport: web\nname: a\nroutes: {routes}\n");
    let good = folder.file("good.yml", gateway("{'[127.0.0.1:9101]': {}}"));
    let bad = folder.file("bad.yml", gateway("{'[127.0.0.1:9101]': {wait: 1}}").replace("name: a", "name: b"));
    run(&["validate", "-f", &good, &template], "").expect(0);
    run(&["validate", "-f", &good], "").refused(2, "ImportReferenceError");
    let rendered = run(&["render", "-f", &good, &template], "").expect(0).out;
    assert!(rendered.contains("bind 127.0.0.1:9070"), "what is imported counts: {rendered}");

    let said = run(&["validate", "-f", &template, &bad, &good], "").refused(2, "1 mistake");
    assert!(said.error.contains(&format!("{bad}:4:31: ")), "{}", said.error);
    let said = run(&["validate", "-o", "json", "-f", &template, &bad, &good], "").expect(2).json();
    let message = said["errors"][0]["message"].as_str().expect("text");
    assert!(message.starts_with(&format!("{bad}: ")), "{said}");
}

#[test]
fn what_cannot_be_read_is_told_with_what_to_do() {
    let folder = Folder::new("unread");
    let latin = folder.file("latin.yml", b"name: a\n# \xe9\n");
    for (arguments, hint) in [
        (vec!["validate", "-f", "/nowhere/a.yml"], "no such file; check the name"),
        (vec!["validate", "-f", "/"], "name the files in it"),
        (vec!["validate", "-f", &latin], "line 2: not UTF-8"),
        (vec!["validate", "-f", "-", "-"], "can be read only once"),
        (vec!["validate", "-f", "-", "--kind", "brood"], "`brood` is not a kind"),
        (vec!["validate"], "--file"),
        (vec!["render", "-f", "/nowhere/a.yml"], "no such file"),
        (vec!["completion", "tcsh"], "possible values: bash"),
        (vec!["condition", "explain"], "EXPR"),
        (vec!["nonsense"], "unrecognized subcommand"),
    ] {
        let said = run(&arguments, "name: a\n");
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{arguments:?}: {said:?}");
        assert!(said.error.contains(hint), "{arguments:?}: {}", said.error);
    }
    let unkind = run(&["validate", "-f", "-"], "name: a\n");
    assert!(unkind.error.contains("or name it with --kind"), "{}", unkind.error);
}

#[test]
fn a_gateway_is_rendered_as_haproxy_takes_it() {
    let gateway = GATEWAY.replace("20%}", "10%, condition: User-Agent == Chrome}");
    let said = run(&["render", "--kind", "gateway", "-f", "-"], &gateway);
    assert_eq!((said.code, said.error.as_str()), (Some(0), ""));
    assert!(said.out.contains("bind 127.0.0.1:9050"), "{}", said.out);
    assert!(said.out.contains("req.fhdr(user-agent) -m sub -- Chrome"), "{}", said.out);
    assert!(said.out.contains("\n# --- maps/"), "{}", said.out);
    let json = run(&["render", "--kind", "gateway", "-f", "-", "-o", "json"], &gateway).json();
    let configuration = json["configuration"].as_str().expect("text");
    assert!(said.out.starts_with(configuration.trim_end()), "both say the same");

    let folder = Folder::new("rendered");
    folder.file("haproxy.cfg", configuration);
    for (path, map) in json["maps"].as_object().expect("maps") {
        folder.file(path, map.as_str().expect("text"));
    }
    let search = format!("{}:/usr/local/sbin:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    let mut haproxy = Command::new("haproxy");
    let haproxy = haproxy.args(["-c", "-f", "haproxy.cfg"]).current_dir(&folder.0).env("PATH", search).output();
    let output = haproxy.expect("HAProxy: apt-get install haproxy");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_blueprint_is_rendered_with_its_gateways_and_whatever_it_refers_to_in_the_same_files() {
    let breed = "kind: breeds\nname: shop:1\ndeployable: {type: command, definition: shop}\nports: {web: 8080}\n";
    let blueprint = "kind: blueprints\nname: shop\ngateways: {9060: shop/web}\nclusters: {shop: shop:1}\n";
    let said = run(&["render", "--deployment", "it", "-o", "json", "-f", "-"], &format!("{blueprint}---\n{breed}"));
    assert_eq!((said.code, said.error.as_str()), (Some(0), ""));
    let json = said.json();
    assert!(json["configuration"].as_str().expect("text").contains("bind 127.0.0.1:9060"), "{json}");
    assert_eq!(json["refused"], json!({}));

    let missing = run(&["render", "-f", "-"], blueprint);
    assert_eq!(missing.code, Some(2));
    assert!(missing.error.contains("shop:1"), "{}", missing.error);
}

#[test]
fn a_kind_has_a_schema_by_its_singular_and_its_plural() {
    let schema = run(&["schema", "blueprints"], "").expect(0).json();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(schema["properties"]["clusters"].is_object(), "{schema}");
    assert_eq!(run(&["schema", "blueprint", "-o", "json"], "").expect(0).json(), schema);
    run(&["schema", "brood"], "").refused(2, "`brood` is not a kind");
}

#[test]
fn each_shell_gets_a_script_that_knows_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let said = run(&["completion", shell], "");
        assert_eq!(said.code, Some(0));
        assert!(["condition", "explain", "validate", "render"].iter().all(|word| said.out.contains(word)), "{shell}");
    }
    let folder = Folder::new("completion");
    let script = folder.file("vamp.bash", run(&["completion", "bash"], "").out);
    let script = format!("source {script} && complete -p vamp");
    let loaded = Command::new("bash").args(["-c", &script]).output().expect("bash runs");
    assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let coloured = |name: Option<&str>| {
        let mut vamp = vamp(&["condition", "explain", "host == a", "--host", "a"]);
        name.into_iter().for_each(|name| {
            vamp.env(name, "1");
        });
        finish(vamp, "").out.contains('\u{1b}')
    };
    assert!(!coloured(None), "a pipe gets none");
    assert!(coloured(Some("CLICOLOR_FORCE")));
    assert!(!coloured(Some("NO_COLOR")));
    // On a terminal, `script` being one.
    let on_terminal = |before: &str| {
        let line = format!("{before} '{}' condition explain 'host == a' --host a", env!("CARGO_BIN_EXE_vamp"));
        let mut script = Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm").env_remove("NO_COLOR").env_remove("CLICOLOR");
        let said = finish(script, "").out;
        assert!(said.contains(", decided by: host == a"), "{said}");
        said.contains('\u{1b}')
    };
    assert!(on_terminal(""));
    assert!(!on_terminal("NO_COLOR=1"));
}

#[test]
fn nobody_hears_of_a_reader_that_goes_away() {
    let line = format!("'{}' completion bash | head -1", env!("CARGO_BIN_EXE_vamp"));
    let said = finish(
        {
            let mut bash = Command::new("bash");
            bash.args(["-o", "pipefail", "-c", &line]);
            bash
        },
        "",
    );
    assert_eq!((said.code, said.error.as_str()), (Some(0), ""));
}

fn replayed(name: &str) -> String {
    example(&format!("../simulate/{name}"))
}

#[test]
fn a_request_log_is_replayed_through_gateways() {
    let (shop, requests, har) = (replayed("shop.yml"), replayed("requests.jsonl"), replayed("browser.har"));
    let seeded = |log: &str, seed: &str| {
        run(&["simulate", "-f", &shop, "--log", log, "--seed", seed, "-o", "json"], "").expect(0).json()
    };
    let told = seeded(&requests, "1");
    assert_eq!(told, seeded(&requests, "1"));
    assert_ne!(told["steps"], seeded(&requests, "2")["steps"]);
    let steps = told["steps"].as_array().expect("a list");
    let sum: u64 = steps.iter().filter_map(|step| step["requests"].as_u64()).sum();
    assert_eq!((told["requests"].as_u64(), sum), (Some(60), 60));
    let share: f64 = steps.iter().filter_map(|step| step["share"].as_f64()).sum();
    assert!((share - 1.0).abs() < 1e-9, "{told}");
    // Only users of Chrome come by the condition.
    let chrome = fs::read_to_string(&requests).expect("a log").lines().filter(|line| line.contains("Chrome")).count();
    let why = |step: &&serde_json::Value| step["why"].as_str().is_some_and(|why| why.contains("condition"));
    let conditional: u64 = steps.iter().filter(why).filter_map(|step| step["requests"].as_u64()).sum();
    assert_eq!(conditional, chrome as u64);
    assert_eq!(seeded(&har, "0")["requests"], 3);
    let words = run(&["simulate", "-f", &shop, "--log", &har], "").expect(0).out;
    assert!(words.starts_with("GATEWAY"), "{words}");
}

#[test]
fn a_replay_tells_what_it_cannot_do() {
    let (shop, requests) = (replayed("shop.yml"), replayed("requests.jsonl"));
    let of = |gateway: &str| run(&["simulate", "-f", "-", "--log", &requests], gateway);
    of("name: a\nroutes: {b: {}}\n").refused(2, "leads to gateway `b`, which is in none of the files");
    of("name: a\nroutes: {'[127.0.0.1:1]': {condition: < src 10.0.0.1 >}}\n").refused(2, "only HAProxy can evaluate");
    of("kind: scale\nname: a\ncpu: 1\nmemory: 1GB\n").refused(2, "there is no gateway in the files");
    of("name: a\nport: 9070\nselector: name (a)\n").refused(2, "what a selector selects");
    run(&["simulate", "-f", &shop, "--gateway", "x", "--log", &requests], "").refused(2, "no such gateway");
    let log = |text: &str| run(&["simulate", "-f", &shop, "--log", "-"], text);
    log("").refused(2, "there is no request in it");
    log("{\"path\": \"/\"}\n\n{\"path\": 1}\n").refused(2, "standard input:3: ");
    log("{\"log\": {}}").refused(2, "missing field `entries`");
    let nowhere = "name: a\nroutes: {'[127.0.0.1:1]': {}}\n---\nname: b\nroutes: {'[127.0.0.1:2]': {}}\n";
    let told = run(&["simulate", "-f", "-", "--log", &requests, "-o", "json"], nowhere).expect(0).json();
    assert_eq!((&told["nowhere"][0]["requests"], told["steps"].as_array().map(Vec::len)), (&60.into(), Some(0)));
}
