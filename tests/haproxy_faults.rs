//! HAProxy when its folder is damaged or full, when it refuses what was kept, and while replaced workers still serve.
#![cfg(test)]

mod haproxy_support;

use haproxy_support::{Backend, Client, Folder, Haproxy, free_port, gateway, route, serve, shares, until};
use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};
use vamp_core::{
    driver::{Applied, Document, GatewayRenderer, Proxy},
    routing::{Gateway, Traffic},
};
use vamp_drivers::gateway::haproxy::{HaproxyProxy, HaproxyRenderer};

fn simple(name: &str, port: u16, backend: &Backend) -> Gateway {
    gateway(name, port, vec![route("a", 1_000_000, vec![backend.instance()])])
}

/// A folder in which these two gateways were served and HAProxy was stopped.
async fn stopped(name: &str, a: &Backend, ports: [u16; 2]) -> Folder {
    let Haproxy { proxy, folder } = Haproxy::start(name).await;
    let answers = serve(&proxy, &[simple("sava/one", ports[0], a), simple("sava/two", ports[1], a)]).await;
    assert!(answers.values().all(Result::is_ok), "{answers:?}");
    proxy.stop().await.expect("a stop");
    folder
}

/// Starts there, and holds it to serving the second gateway alone, with the file of the first put aside.
async fn serves_only_the_second(folder: &Folder, ports: [u16; 2], aside: &str) {
    let proxy = HaproxyProxy::start(folder.config()).await.unwrap_or_else(|error| panic!("{}", error.report()));
    assert_eq!(Client::fresh(ports[1]).get().await.expect("an answer").body, "a");
    assert_eq!(proxy.target().await.expect("a target").serving.into_keys().collect::<Vec<_>>(), ["sava/two"]);
    assert!(folder.0.join("state").join(aside).exists());
    assert!(!folder.0.join("state/sava_2fone.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_state_is_set_aside_and_the_others_are_served() {
    let (a, ports) = (Backend::start("a").await, [free_port(), free_port()]);
    let folder = stopped("damaged", &a, ports).await;
    fs::write(folder.0.join("state/sava_2fone.json"), b"\xff\x00 not even text").expect("written");
    fs::write(folder.0.join("counters.json"), b"\xff").expect("written");
    fs::write(folder.0.join("maps/weights.map"), b"\xff").expect("written");
    serves_only_the_second(&folder, ports, "sava_2fone.json.damaged").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_contradicts_itself_is_set_aside_and_the_others_are_served() {
    let (a, ports) = (Backend::start("a").await, [free_port(), free_port()]);
    let folder = stopped("contradicts", &a, ports).await;
    let file = folder.0.join("state/sava_2fone.json");
    let text = fs::read_to_string(&file).expect("a state");
    fs::write(file, text.replace("server/r0/0", "server/r0/99")).expect("written");
    serves_only_the_second(&folder, ports, "sava_2fone.json.damaged").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_gateway_that_haproxy_refuses_is_set_aside_and_the_others_are_served() {
    let (a, ports) = (Backend::start("a").await, [free_port(), free_port()]);
    let folder = stopped("kept", &a, ports).await;
    let file = folder.0.join("state/sava_2fone.json");
    let text = fs::read_to_string(&file).expect("a state");
    let other = text.replace("\\n  bind ", "\\n  bogus keyword\\n  bind ");
    assert_ne!(text, other);
    fs::write(&file, &other).expect("written");
    serves_only_the_second(&folder, ports, "sava_2fone.json.refused").await;
    // And beside a HAProxy that runs: it is adopted with what it can serve.
    fs::write(&file, other).expect("written");
    serves_only_the_second(&folder, ports, "sava_2fone.json.refused").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_is_refused_before_anything_changes_and_what_changed_is_never_called_unchanged() {
    let haproxy = Haproxy::start("unwritable").await;
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let (port, other) = (free_port(), free_port());
    let of = |port, weight| {
        let routes = vec![route("a", weight, vec![a.instance()]), route("b", 1_000_000 - weight, vec![b.instance()])];
        gateway("sava/9050", port, routes)
    };
    let only = async |name| shares(port, 80, "").await.into_keys().collect::<Vec<_>>() == [name];
    haproxy.serve_one(&of(port, 1_000_000)).await;
    let block = |file: &str| {
        let path = haproxy.folder.0.join(format!("{file}.new"));
        // What the change before still writes after its answer may be there for a moment.
        let deadline = Instant::now() + Duration::from_secs(10);
        while let Err(error) = fs::create_dir(&path) {
            assert!(Instant::now() < deadline, "a folder in the way of a file: {error}");
            std::thread::yield_now();
        }
        path
    };

    let blocked = block("state/sava_2f9050.json");
    for refused in [of(port, 0), of(other, 0)] {
        let answers = haproxy.serve(&[refused]).await;
        assert!(answers["sava/9050"].is_err(), "{answers:?}");
        assert!(only("a").await, "the last good state serves");
    }
    fs::remove_dir(blocked).expect("removed");
    assert_eq!(haproxy.serve_one(&of(port, 0)).await, Applied::AtRunTime, "it is not what is served");
    assert!(only("b").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_weights_of_a_removed_gateway_go_with_it_and_a_long_log_is_emptied() {
    let folder = Folder::new("swept");
    fs::create_dir_all(&folder.0).expect("a folder");
    fs::write(folder.0.join("haproxy.log"), vec![b'x'; 3 << 20]).expect("written");
    let proxy = HaproxyProxy::start(folder.config()).await.expect("a start");
    let weights = || {
        let map = fs::read_to_string(folder.0.join("maps/weights.map")).expect("a map");
        let names = map.lines().filter_map(|line| Some(line.split_once('/')?.0.to_owned()));
        names.collect::<Vec<String>>()
    };
    assert_eq!(weights(), Vec::<String>::new());
    assert!(fs::metadata(folder.0.join("haproxy.log")).expect("a log").len() < 1 << 20);
    assert_eq!(fs::metadata(folder.0.join("haproxy.log.old")).expect("the log before").len(), 3 << 20);
    let (a, one) = (Backend::start("a").await, free_port());
    serve(&proxy, &[simple("sava/one", one, &a), simple("sava/two", free_port(), &a)]).await;
    assert_eq!(weights(), ["sava_2fone", "sava_2ftwo"]);
    serve(&proxy, &[simple("sava/one", one, &a)]).await;
    assert_eq!(weights(), ["sava_2fone"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_gateway_is_served_beside_any_number_of_bad_ones() {
    let haproxy = Haproxy::start("many-bad").await;
    let (a, port) = (Backend::start("a").await, free_port());
    let mut gateways: Vec<Gateway> =
        (0..300).map(|number| simple(&format!("sava/bad{number}"), free_port(), &a)).collect();
    gateways.push(simple("sava/good", port, &a));
    let target = haproxy.proxy.target().await.expect("a target");
    let render = HaproxyRenderer.render(&haproxy_support::table(&gateways), &target);
    let mut documents: BTreeMap<String, Option<Document>> =
        render.into_iter().map(|(name, document)| (name, document.ok())).collect();
    for (_, document) in documents.iter_mut().filter(|(name, _)| name.contains("bad")) {
        let document = document.as_mut().expect("a document");
        document.structure = document.structure.replace("  bind ", "  bogus keyword\n  bind ");
    }
    let answers = haproxy.proxy.apply(&documents).await;
    assert_eq!(answers["sava/good"].as_ref().ok(), Some(&Applied::Reloaded), "{:?}", answers["sava/good"]);
    let refused = answers["sava/bad299"].as_ref().expect_err("refused").report();
    assert!(refused.contains("unknown keyword 'bogus'"), "{refused}");
    assert_eq!(Client::new(port).get().await.expect("an answer").body, "a");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_not_done_while_a_replaced_worker_has_clients_that_it_would_send_there() {
    let haproxy = Haproxy::start("lingering").await;
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let (port, other) = (free_port(), free_port());
    haproxy.serve_one(&simple("sava/9050", port, &a)).await;
    let mut idle = Client::new(port);
    assert_eq!(idle.get().await.expect("an answer").body, "a");
    haproxy.serve(&[simple("sava/9050", port, &a), simple("sava/other", other, &b)]).await;
    assert_eq!(haproxy.proxy.status().await.expect("a status").leaving_workers, 1);

    let mut leaving = a.instance();
    leaving.traffic = Traffic::Draining;
    let routes = vec![route("a", 0, vec![leaving]), route("b", 1_000_000, vec![b.instance()])];
    let answers = haproxy.serve(&[gateway("sava/9050", port, routes), simple("sava/other", other, &b)]).await;
    assert_eq!(answers["sava/9050"].as_ref().ok(), Some(&Applied::AtRunTime));
    assert_eq!(shares(port, 80, "").await.into_keys().collect::<Vec<_>>(), ["b"]);
    let count = async || haproxy.proxy.connections("sava/9050").await.expect("a count")["a"];
    assert_eq!(count().await, 1, "the worker that leaves knows nobody else");
    assert_eq!(idle.get().await.expect("an answer").body, "a");
    until("the client is gone", || async { count().await == 0 }).await;
    let fresh = tokio::time::timeout(Duration::from_secs(5), idle.get()).await.expect("in time");
    assert_eq!(fresh.expect("an answer").body, "b", "over a connection to the new worker");
}
