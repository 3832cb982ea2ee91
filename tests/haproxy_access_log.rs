//! Every request to a gateway as a line of a file, through a real HAProxy.
#![cfg(test)]

mod haproxy_support;

use haproxy_support::{Backend, Client, Folder, Haproxy, chained, free_port, gateway, route, until};
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};
use vamp_core::routing::Gateway;
use vamp_drivers::gateway::haproxy::{AccessLog, HaproxyConfig, HaproxyProxy};

fn with_log(folder: &Folder, port: u16, longest: u64) -> (HaproxyConfig, PathBuf) {
    fs::create_dir_all(&folder.0).expect("a folder");
    let file = folder.0.join("access.jsonl");
    let log = AccessLog { file: file.clone(), longest };
    (folder.config().with_host_port(port.try_into().expect("not zero")).with_access_log(log), file)
}

fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(line).collect()
}

async fn until_lines(file: &Path, many: usize) -> Vec<Value> {
    until(&format!("{many} lines"), || async { lines(file).len() >= many }).await;
    lines(file)
}

/// Threads of HAProxy write one beside the other: answers that come one after the other may be told the other way round.
fn with_path<'l>(lines: &'l [Value], path: &str) -> &'l Value {
    lines.iter().find(|line| line["path"] == path).unwrap_or_else(|| panic!("no {path} in {lines:?}"))
}

fn to(name: &str, port: u16, backend: &Backend) -> Gateway {
    let routes = vec![route("shop/web/1.0/http", 1_000_000, vec![backend.instance()])];
    let mut one = gateway(name, port, vec![chained("shop/web/http", 1_000_000, routes)]);
    one.virtual_hosts = vec![format!("{name}.example")];
    one
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_a_line_with_who_answered_also_after_a_reload_and_while_nobody_reads() {
    let backend = Backend::start("web-1").await;
    let (folder, port, own) = (Folder::new("access"), free_port(), free_port());
    let (config, file) = with_log(&folder, port, 1 << 20);
    let haproxy = Haproxy::start_with(folder, config.clone()).await;
    let shop = to("sava_1", own, &backend);
    haproxy.serve_one(&shop).await;
    let headers =
        "User-Agent: a \"b\"\\c\r\nCookie: session=secret\r\nAuthorization: secret\r\nX-Forwarded-For: 6.6.6.6\r\n";
    Client::new(own).send_to("Sava_1.example:80", "/a?b=c&d=%22", headers).await.expect("an answer");
    let told = until_lines(&file, 1).await.remove(0);
    let expected = [
        ("gateway", "sava_1"),
        ("route", "shop/web/1.0/http"),
        ("instance", "web-1"),
        ("client", "127.0.0.1"),
        ("method", "GET"),
        ("host", "Sava_1.example:80"),
        ("path", "/a?b=c&d=%22"),
    ];
    for (key, value) in expected {
        assert_eq!(told[key], value, "{key}: {told}");
    }
    assert_eq!((&told["status"], &told["headers"]["user-agent"]), (&200.into(), &"a \"b\"\\c".into()), "{told}");
    assert!(told["duration"].is_u64() && told["time"].as_f64().is_some_and(|time| time > 1.7e9), "{told}");
    assert!(!told.to_string().contains("secret"), "{told}");
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    // By its host, by no host, and what is no request at all.
    Client::new(port).send_to("sava_1.example", "/host", "").await.expect("an answer");
    Client::new(port).send_to("nobody.example", "/nobody", "").await.expect("an answer");
    let refused = Client::new(own).send_to("a", "/ no path", "").await.expect("an answer");
    assert_eq!(refused.status, 400);
    let told = until_lines(&file, 3).await;
    let (host, nobody) = (with_path(&told, "/host"), with_path(&told, "/nobody"));
    assert_eq!((&host["gateway"], &host["instance"]), (&"sava_1".into(), &"web-1".into()), "{told:?}");
    assert_eq!((&nobody["status"], nobody.get("gateway")), (&404.into(), None), "{told:?}");
    // Another worker tells on.
    haproxy.serve(&[shop, to("other", free_port(), &backend)]).await;
    Client::new(own).send("/reloaded", "").await.expect("an answer");
    with_path(&until_lines(&file, 4).await, "/reloaded");
    // What nobody read stays in the pipe until somebody does.
    let Haproxy { folder, proxy } = haproxy;
    drop(proxy);
    let mut client = Client::new(own);
    for number in 0..50 {
        client.send(&format!("/alone/{number}"), "").await.expect("an answer");
    }
    let again = HaproxyProxy::start(config).await.unwrap_or_else(|error| panic!("{}", error.report()));
    with_path(&until_lines(&file, 54).await, "/alone/49");
    drop((again, folder));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_long_begins_anew_and_one_older_file_stays() {
    let backend = Backend::start("a").await;
    let (folder, own) = (Folder::new("access-long"), free_port());
    let (config, file) = with_log(&folder, free_port(), 4_000);
    let haproxy = Haproxy::start_with(folder, config).await;
    haproxy.serve_one(&to("shop", own, &backend)).await;
    let mut client = Client::new(own);
    for number in 0..60 {
        client.send(&format!("/{number}"), "").await.expect("an answer");
        // So that they come one by one.
        until("the line", || async { lines(&file).iter().any(|line| line["path"] == format!("/{number}")) }).await;
    }
    let old = file.with_file_name("access.jsonl.1");
    let length = |file: &Path| fs::metadata(file).expect("a file").len();
    assert!(length(&file) <= 4_000 && (2_000..=4_000).contains(&length(&old)), "{} {}", length(&file), length(&old));
    let paths: Vec<Value> = lines(&old).into_iter().chain(lines(&file)).map(|line| line["path"].clone()).collect();
    let expected: Vec<Value> = (60 - paths.len()..60).map(|number| format!("/{number}").into()).collect();
    assert_eq!(paths, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_it_nothing_is_told_and_it_begins_and_ends_with_the_next_start() {
    let backend = Backend::start("a").await;
    let (folder, own, port) = (Folder::new("access-off"), free_port(), free_port());
    let (with, file) = with_log(&folder, port, 1 << 20);
    let mut without = with.clone();
    without.access_log = None;
    let haproxy = Haproxy::start_with(folder, without.clone()).await;
    haproxy.serve_one(&to("shop", own, &backend)).await;
    let Haproxy { folder, proxy } = haproxy;
    let mut proxies = Some(proxy);
    for (config, path, logs) in [(None, "/first", 0), (Some(with), "/second", 2), (Some(without), "/third", 0)] {
        if let Some(config) = config {
            drop(proxies.take());
            proxies = Some(HaproxyProxy::start(config).await.unwrap_or_else(|error| panic!("{}", error.report())));
        }
        Client::fresh(own).send(path, "").await.expect("an answer");
        let configuration = fs::read_to_string(folder.0.join("haproxy.cfg")).expect("a configuration");
        let section = configuration.split("\ndefaults vamp-http\n").nth(1).and_then(|rest| rest.split("\n\n").next());
        let lines = section.expect("it is there").lines().filter(|line| line.trim_start().starts_with("log"));
        assert_eq!(lines.count(), logs, "{path}");
        if logs > 0 {
            // Who ends the log may lose what was not read yet.
            until_lines(&file, 1).await;
        }
    }
    let told = until_lines(&file, 1).await;
    assert_eq!((told.len(), &told[0]["path"]), (1, &"/second".into()), "{told:?}");
}
