//! What the documentation and the help texts of the commands show is what runs.
#![cfg(all(feature = "http", feature = "embedded", feature = "haproxy", feature = "process"))]
#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

mod command_support;

use command_support::{Folder, Said, Server, finish, run};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
};

/// The port of the examples: so many digits as the one that takes its place.
const PORT: &str = "9050";

/// The port that the gateway of a cluster gets by itself.
const INTERNAL: &str = "30000";

#[test]
#[ignore = "what the other tests start"]
fn serve_as_an_instance() {
    let port: u16 = std::env::var("PORT_WEB").expect("a port").parse().expect("a number");
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
    for mut stream in listener.incoming().map_while(Result::ok) {
        // A connection that only knocks sends nothing.
        if stream.read(&mut [0; 1024]).is_ok_and(|count| count > 0) {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    }
}

/// A server that finds a program `sava`, in a folder with the examples.
struct Scene {
    server: Server,
    port: String,
    internal: String,
}

impl Scene {
    fn set(name: &str) -> Self {
        let folder = Folder::new(name);
        let binary = std::env::current_exe().expect("the test knows its own file");
        let script = format!("#!/bin/sh\nexec '{}' --ignored --exact serve_as_an_instance\n", binary.display());
        let sava = folder.file("bin/sava", script);
        fs::set_permissions(&sava, fs::Permissions::from_mode(0o755)).expect("executable");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_vamp"), folder.0.join("bin/vamp")).expect("a link");
        let (port, internal) = (free_port_like(PORT, name), free_port_like(INTERNAL, name));
        let ports = format!("{internal}-{}", internal.parse::<u16>().expect("a port") + 9);
        for name in ["sava-1.0.yml", "sava-1.1.yml"] {
            folder.file(name, example(name).replace(PORT, &port));
        }
        for name in ["shop.yml", "requests.jsonl", "browser.har"] {
            folder.file(name, example(&format!("../simulate/{name}")));
        }
        Self { server: Server::in_folder(folder, &["--gateway-ports", &ports]), port, internal }
    }

    fn sh(&self, line: &str) -> Said {
        let mut bash = Command::new("bash");
        let folder = &self.server.folder;
        bash.args(["-c", line]).current_dir(&folder.0).env("PATH", folder.search_path());
        bash.env("HOME", &folder.0).env("VAMP_HOST", self.server.address.to_string());
        bash.env_remove("VAMP_TOKEN").env_remove("VAMP_NAMESPACE");
        finish(bash, "")
    }
}

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/artifacts").join(name);
    fs::read_to_string(path).expect("an example")
}

/// A free port with as many digits, another one for each test.
fn free_port_like(port: &str, test: &str) -> String {
    let begin: u16 = port.parse().expect("a port");
    let spread = test.bytes().fold(std::process::id(), |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let from = begin + u16::try_from(spread % 900).expect("small");
    let free = (from..from + 49).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.expect("a free port").to_string()
}

/// The commands of a page, and what each says.
fn sessions(page: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let blocks = page.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    for line in blocks.flat_map(str::lines) {
        match line.strip_prefix("$ ") {
            Some(command) => found.push((command.to_owned(), String::new())),
            None => found.last_mut().expect("a command first").1.push_str(&format!("{line}\n")),
        }
    }
    found
}

#[test]
fn the_page_about_the_command_line_shows_what_is_said() {
    let scene = Scene::set("docs");
    let page = include_str!("../../docs/command-line.md");
    let sessions = sessions(page);
    assert!(sessions.len() > 25, "the page has examples");
    for (command, shown) in sessions {
        let said = scene.sh(&command.replace(PORT, &scene.port));
        let mut found = format!("{}{}", said.out, said.error);
        if said.code != Some(0) {
            found.push_str(&format!("[exit status {}]\n", said.code.unwrap_or(-1)));
        }
        let found = found.replace(&scene.port, PORT).replace(&scene.internal, INTERNAL);
        assert_eq!(found, shown, "$ {command}");
    }
}

/// The examples in the help of a command.
fn examples(command: &[&str]) -> Vec<String> {
    let help = run(&[command, &["--help"]].concat(), "").expect(0).out;
    let Some((_, examples)) = help.split_once("\nExample") else { return Vec::new() };
    let lines = examples.lines().skip(1).map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// The commands that the help lists.
fn commands(of: &[&str]) -> Vec<String> {
    let help = run(&[of, &["--help"]].concat(), "").expect(0).out;
    let Some((_, listed)) = help.split_once("Commands:\n") else { return Vec::new() };
    let named = listed.lines().take_while(|line| line.starts_with("  "));
    let names = named.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn the_examples_of_every_help_text_run() {
    let scene = Scene::set("help");
    let file = |name: &str, text: &str| drop(scene.server.folder.file(name, text));
    let (first, second) = (example("sava-1.0.yml").replace(PORT, &scene.port), example("sava-1.1.yml"));
    let breed = |version: u32| {
        format!("name: sava:1.{version}\ndeployable: {{type: command, definition: sava}}\nports: {{web: 8080}}\n")
    };
    let gateway = "name: sava/9060\nroutes: {sava/sava/web: {}}\n";
    file("sava.yml", &first);
    file("breed.yml", &breed(0));
    file("breeds.yml", &format!("kind: breed\n{}---\nkind: breed\n{}", breed(0), breed(1)));
    file("blueprint.yml", "kind: blueprint\nname: sava\nclusters: {sava: 'sava:1.0'}\n");
    file("everything.yml", &format!("kind: breed\n{}---\nkind: blueprint\n{second}", breed(0)));
    file("gateway.yml", gateway);
    for folder in [".zfunc/x", ".config/fish/completions/x"] {
        file(folder, "");
    }
    // In an order in which each finds what it needs; a command that is not here has no example yet.
    let order = [
        "create",
        "deploy",
        "merge",
        "list",
        "describe",
        "gateway",
        "update",
        "generate",
        "emit",
        "events",
        "diff",
        "config",
        "top",
        "undeploy",
        "delete",
        "condition explain",
        "validate",
        "render",
        "simulate",
        "schema",
        "completion",
    ];
    scene.sh("vamp create gateway -f gateway.yml").expect(0);
    for command in order {
        if command == "undeploy" {
            scene.sh("vamp gateway sava/sava/web -w sava:1.0@0%,sava:1.1@100%").expect(0);
        }
        let words: Vec<&str> = command.split(' ').collect();
        let nested: Vec<String> = commands(&words);
        let mut lines = examples(&words);
        lines.extend(nested.iter().flat_map(|one| examples(&[words.as_slice(), &[one.as_str()]].concat())));
        assert!(!lines.is_empty(), "`vamp {command}` has no example");
        for line in lines {
            // Those that go on are ended, with status 124.
            let said = scene.sh(&line.replace("vamp events --follow", "timeout 1 vamp events --follow"));
            let no = ["diff", "condition"].iter().any(|one| line.contains(one));
            let expected = match said.code {
                Some(1) if no => 1,
                Some(124) if line.contains("--follow") => 124,
                _ => 0,
            };
            assert_eq!(said.code, Some(expected), "{line}: {said:?}");
        }
    }
    let known: Vec<String> = commands(&[]);
    let missing = known.iter().filter(|name| !order.iter().any(|one| one.split(' ').next() == Some(name.as_str())));
    // These are the server's life, which has its own tests.
    assert_eq!(missing.collect::<Vec<_>>(), ["server", "down"]);
}
