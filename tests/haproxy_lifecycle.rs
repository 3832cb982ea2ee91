//! HAProxy as a process: adopted, started again, kept at its last good configuration.
#![cfg(test)]

mod haproxy_support;

use haproxy_support::{Backend, Client, Folder, Haproxy, free_port, gateway, instance, route, serve, shares, until};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;
use vamp_core::{
    ErrorKind,
    driver::{Applied, Document, GatewayRenderer, Proxy},
    routing::{Gateway, Traffic},
};
use vamp_drivers::gateway::haproxy::{HaproxyConfig, HaproxyProxy, HaproxyRenderer};

/// The process id that HAProxy wrote.
fn running(folder: &Folder) -> Option<i32> {
    let text = std::fs::read_to_string(folder.0.join("haproxy.pid")).ok()?;
    text.lines().next().and_then(|line| line.parse().ok())
}

fn master(folder: &Folder) -> i32 {
    running(folder).expect("a process id")
}

/// The first child of a process.
fn child(process: i32) -> i32 {
    let path = format!("/proc/{process}/task/{process}/children");
    let children = std::fs::read_to_string(path).expect("a process");
    children.split(' ').next().and_then(|pid| pid.parse().ok()).expect("a child")
}

fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).expect("a process id");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("a running process");
}

fn simple(name: &str, port: u16, backend: &Backend) -> Gateway {
    gateway(name, port, vec![route("a", 1_000_000, vec![backend.instance()])])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_haproxy_is_adopted_with_its_weights_and_slots() {
    let folder = Folder::new("adopted");
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let port = free_port();
    let of = |weight| {
        let routes = vec![route("a", weight, vec![a.instance()]), route("b", 1_000_000 - weight, vec![b.instance()])];
        gateway("sava/9050", port, routes)
    };
    let first = HaproxyProxy::start(folder.config()).await.expect("a start");
    for weight in [500_000, 0] {
        assert!(serve(&first, &[of(weight)]).await["sava/9050"].is_ok());
    }
    let before = (master(&folder), first.target().await.expect("a target").serving);
    drop(first);
    assert_eq!(shares(port, 80, "").await.into_keys().collect::<Vec<_>>(), ["b"]);

    let second = HaproxyProxy::start(folder.config()).await.expect("a start");
    assert_eq!((master(&folder), second.target().await.expect("a target").serving), before);
    assert_eq!(shares(port, 80, "").await.into_keys().collect::<Vec<_>>(), ["b"]);
    assert_eq!(serve(&second, &[of(0)]).await["sava/9050"].as_ref().ok(), Some(&Applied::Unchanged));
    assert_eq!(serve(&second, &[of(1_000_000)]).await["sava/9050"].as_ref().ok(), Some(&Applied::AtRunTime));
    let status = second.status().await.expect("a status");
    assert_eq!((status.reloads, status.runtime_changes), (1, 2));
    assert!(status.proxy.starts_with("HAProxy "), "{}", status.proxy);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_state_says_is_repaired_after_an_adoption() {
    let folder = Folder::new("repaired");
    let (a, port) = (Backend::start("a").await, free_port());
    let first = HaproxyProxy::start(folder.config()).await.expect("a start");
    serve(&first, &[simple("sava/9050", port, &a)]).await;
    drop(first);
    // As a crash between writing and telling would leave it: the file says all, HAProxy none.
    let file = folder.0.join("state/sava_2f9050.json");
    let text = std::fs::read_to_string(&file).expect("a state");
    let other = text.replace("1000000;0;0;0", "400000;0;0;0");
    assert_ne!(text, other);
    std::fs::write(&file, other).expect("written");
    let _second = HaproxyProxy::start(folder.config()).await.expect("a start");
    assert!(shares(port, 800, "").await.contains_key("503"));
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_is_started_again_within_a_second() {
    let haproxy = Haproxy::start("again").await;
    let (a, port) = (Backend::start("a").await, free_port());
    haproxy.serve_one(&simple("sava/9050", port, &a)).await;
    for worker in [false, true] {
        let master = master(&haproxy.folder);
        kill(if worker { child(master) } else { master });
        let killed = Instant::now();
        until("another one runs", || async { running(&haproxy.folder).is_some_and(|running| running != master) }).await;
        let answers = || async { Client::fresh(port).get().await.is_ok_and(|answer| answer.body == "a") };
        until("it answers again", answers).await;
        println!("started again after {:?}", killed.elapsed());
        assert!(killed.elapsed() < Duration::from_secs(5), "{:?}", killed.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_of_another_program_is_refused_and_blocks_nobody() {
    let haproxy = Haproxy::start("taken").await;
    let (a, port, taken) = (Backend::start("a").await, free_port(), free_port());
    let _other = std::net::TcpListener::bind(("127.0.0.1", taken)).expect("a free port");
    let answers = haproxy.serve(&[simple("sava/bad", taken, &a), simple("sava/good", port, &a)]).await;
    assert_eq!(answers["sava/good"].as_ref().ok(), Some(&Applied::Reloaded));
    let refused = answers["sava/bad"].as_ref().expect_err("refused").report();
    assert!(refused.contains(&format!("port {taken} is in use by another program")), "{refused}");
    assert_eq!(Client::new(port).get().await.expect("an answer").body, "a");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_configuration_keeps_the_last_good_and_blocks_nobody() {
    let haproxy = Haproxy::start("refused").await;
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let (port, new) = (free_port(), free_port());
    haproxy.serve_one(&simple("sava/9050", port, &a)).await;
    let target = haproxy.proxy.target().await.expect("a target");
    let mut documents: BTreeMap<String, Option<Document>> = HaproxyRenderer
        .render(&haproxy_support::table(&[simple("sava/9050", port, &b), simple("sava/new", new, &b)]), &target)
        .into_iter()
        .map(|(name, document)| (name, document.ok()))
        .collect();
    let bad = documents.get_mut("sava/9050").and_then(Option::as_mut).expect("a document");
    bad.structure = bad.structure.replace("  bind ", "  bogus keyword\n  bind ");
    let answers = haproxy.proxy.apply(&documents).await;
    let refused = answers["sava/9050"].as_ref().expect_err("refused");
    assert_eq!(refused.kind, ErrorKind::Invalid);
    assert!(refused.report().contains("line 2 of it: unknown keyword 'bogus'"), "{}", refused.report());
    assert_eq!(answers["sava/new"].as_ref().ok(), Some(&Applied::Reloaded));
    assert_eq!(Client::new(port).get().await.expect("an answer").body, "a");
    assert_eq!(Client::new(new).get().await.expect("an answer").body, "b");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_structural_changes_take_one_reload() {
    let haproxy = Haproxy::start("coalesced").await;
    let a = Backend::start("a").await;
    let gateways: Vec<Gateway> = (0..10).map(|number| simple(&format!("sava/{number}"), free_port(), &a)).collect();
    let answers = haproxy.serve(&gateways).await;
    assert!(answers.values().all(|answer| matches!(answer, Ok(Applied::Reloaded))), "{answers:?}");
    let status = haproxy.proxy.status().await.expect("a status");
    assert_eq!((status.reloads, status.structural_changes, status.coalesced), (1, 10, 10));
    assert_eq!(status.reload_reasons.len(), 10);
    let answers = haproxy.serve(&[]).await;
    assert_eq!(answers.len(), 10);
    assert!(Client::fresh(gateways[0].port.get()).get().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_counted_until_they_are_gone_also_in_a_leaving_worker() {
    let haproxy = Haproxy::start("connections").await;
    let slow = Backend::slow("slow", Duration::from_secs(2)).await;
    let fast = Backend::start("fast").await;
    let (port, other) = (free_port(), free_port());
    let mut leaving = slow.instance();
    let of = |leaving| gateway("sava/9050", port, vec![route("a", 1_000_000, vec![fast.instance(), leaving])]);
    haproxy.serve_one(&gateway("sava/9050", port, vec![route("a", 1_000_000, vec![leaving.clone()])])).await;
    let request = tokio::spawn(async move { Client::new(port).get().await });
    let count = async || haproxy.proxy.connections("sava/9050").await.expect("a count")["slow"];
    until("the request is open", || async { count().await == 1 }).await;
    leaving.traffic = Traffic::Draining;
    assert_eq!(haproxy.serve_one(&of(leaving.clone())).await, Applied::AtRunTime);
    assert_eq!(shares(port, 80, "").await.into_keys().collect::<Vec<_>>(), ["fast"]);
    let answers = haproxy.serve(&[of(leaving), simple("sava/new", other, &fast)]).await;
    assert_eq!(answers["sava/new"].as_ref().ok(), Some(&Applied::Reloaded));
    assert_eq!(haproxy.proxy.status().await.expect("a status").leaving_workers, 1);
    assert_eq!(count().await, 1);
    assert_eq!(request.await.expect("a client").expect("an answer").body, "slow");
    until("the connection is gone", || async { count().await == 0 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn structural_changes_wait_while_too_many_workers_leave_and_weights_go_on() {
    let folder = Folder::new("waiting");
    let proxy = HaproxyProxy::start(folder.config().with_max_leaving_workers(1)).await.expect("a start");
    let slow = Backend::slow("slow", Duration::from_secs(4)).await;
    let fast = Backend::start("fast").await;
    let (port, one, two) = (free_port(), free_port(), free_port());
    let of = |weight| {
        let routes =
            vec![route("a", weight, vec![slow.instance()]), route("b", 1_000_000 - weight, vec![fast.instance()])];
        gateway("sava/9050", port, routes)
    };
    serve(&proxy, &[of(1_000_000)]).await;
    let request = tokio::spawn(async move { Client::new(port).get().await });
    until("the request is open", || async { proxy.connections("sava/9050").await.expect("a count")["slow"] == 1 })
        .await;
    let (with_one, with_two) = (simple("sava/one", one, &fast), simple("sava/two", two, &fast));
    let all = |weight| vec![of(weight), with_one.clone(), with_two.clone()];
    assert!(serve(&proxy, &all(1_000_000)[..2]).await["sava/one"].is_ok());
    let answers = serve(&proxy, &all(0)).await;
    assert_eq!(answers["sava/9050"].as_ref().ok(), Some(&Applied::AtRunTime));
    assert_eq!(answers["sava/two"].as_ref().expect_err("waits").kind, ErrorKind::Unavailable);
    assert!(proxy.status().await.expect("a status").waiting.is_some());
    assert_eq!(request.await.expect("a client").expect("an answer").body, "slow");
    until("there is room", || async { serve(&proxy, &all(0)).await["sava/two"].is_ok() }).await;
    assert_eq!(proxy.status().await.expect("a status").waiting, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_with_a_long_path_works_and_a_stopped_proxy_serves_again_later() {
    let folder = Folder::new(&"long".repeat(40));
    let (a, port) = (Backend::start("a").await, free_port());
    let first = HaproxyProxy::start(folder.config()).await.expect("a start");
    serve(&first, &[simple("sava/9050", port, &a)]).await;
    first.stop().await.expect("a stop");
    assert!(Client::fresh(port).get().await.is_err());
    assert!(serve(&first, &[]).await["sava/9050"].is_err());
    drop(first);
    let _second = HaproxyProxy::start(folder.config()).await.expect("a start");
    assert_eq!(Client::fresh(port).get().await.expect("an answer").body, "a");
    assert!(HaproxyProxy::stop_folder(&folder.0).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_haproxy_that_does_not_answer_yet_is_ended_all_the_same_and_gets_no_second_one_beside_it() {
    let Haproxy { proxy, folder } = Haproxy::start("unanswered").await;
    let pid = master(&folder);
    drop(proxy);
    // As in the moment after its start, before it has opened its socket and written its process id.
    for file in ["master.sock", "haproxy.pid"] {
        std::fs::remove_file(folder.0.join(file)).expect("removed");
    }
    let refused = HaproxyProxy::start(folder.config()).await.expect_err("one runs there").report();
    assert!(refused.contains("its master socket does not answer"), "{refused}");
    HaproxyProxy::stop_folder(&folder.0).await.expect("stopped");
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(state.is_empty() || state.contains(") Z "), "{state}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_does_not_resolve_is_refused_and_one_that_does_is_served() {
    let haproxy = Haproxy::start("hosts").await;
    let (a, port) = (Backend::start("a").await, free_port());
    let with_host = |host: &str| {
        let mut external = instance("external", a.port);
        external.host = host.to_owned();
        gateway("sava/9050", port, vec![route("a", 1_000_000, vec![external])])
    };
    let answers = haproxy.serve(&[with_host("no-such-host.invalid")]).await;
    let refused = answers["sava/9050"].as_ref().expect_err("refused").report();
    assert!(refused.contains("host `no-such-host.invalid` does not resolve"), "{refused}");
    assert_eq!(haproxy.serve_one(&with_host("localhost")).await, Applied::Reloaded);
    assert_eq!(Client::new(port).get().await.expect("an answer").body, "a");
}

#[tokio::test]
async fn a_missing_program_is_told_with_how_to_get_it() {
    let folder = Folder::new("missing");
    let config = HaproxyConfig::new(&folder.0).with_program("no-such-haproxy");
    let refused = HaproxyProxy::start(config).await.expect_err("refused").report();
    assert!(refused.contains("install HAProxy 2.6 or later"), "{refused}");
}
