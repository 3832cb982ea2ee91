//! A server that is killed while many write loses nothing that it acknowledged.

use super::embedded::Folder;
use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::SystemTime,
};
use vamp_core::driver::{Draft, Event, EventStore, Page, PersistenceStore, Query};
use vamp_drivers::persistence::EmbeddedStore;

const FILE: &str = "VAMP_TEST_STORE_THAT_CRASHES";
const WRITERS: usize = 64;
const ROUNDS: usize = 3;
/// Acknowledgements of one round before the kill.
const ACKNOWLEDGED: usize = 500;

/// The server that is killed; a process of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the test below starts it and kills it"]
async fn the_server_that_is_killed() {
    let file = std::env::var(FILE).unwrap();
    let store = Arc::new(EmbeddedStore::open(file).unwrap());
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            for n in 0.. {
                let name = format!("{}/{writer}/{n}", std::process::id());
                write(&store, &name).await;
                // One write of one line, so that a kill leaves no half of it that looks like a whole one.
                std::io::stdout().write_all(format!("\nacknowledged {name} .\n").as_bytes()).unwrap();
            }
        });
    }
    writers.join_all().await;
}

/// A record and an event, one after the other.
async fn write(store: &EmbeddedStore, name: &str) {
    let body = format!("\"{name}\"").into_bytes();
    let draft = Draft { kind: "breeds".to_owned(), name: name.to_owned(), body: body.clone(), author: None };
    store.put(&draft, None).await.unwrap();
    let (id, tags) = (name.to_owned(), vec!["crash:test".to_owned()]);
    let event = Event { id, at: SystemTime::now(), kind: "test".to_owned(), tags, value: body };
    store.append(&[event]).await.unwrap();
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Starts the server, kills it while it writes, and answers what it acknowledged.
fn crash(folder: &Folder) -> Vec<String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "crash::the_server_that_is_killed", "--nocapture"]);
    command.env(FILE, folder.file()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut server = Killed(command.spawn().unwrap());
    let mut lines = BufReader::new(server.0.stdout.take().unwrap()).lines();
    let name = |line: &str| Some(line.strip_prefix("acknowledged ")?.strip_suffix(" .")?.to_owned());
    let mut acknowledged = Vec::new();
    while acknowledged.len() < ACKNOWLEDGED {
        let line = lines.next().expect("the server writes until it is killed").unwrap();
        acknowledged.extend(name(&line));
    }
    server.0.kill().unwrap();
    // What it said before it died counts, too.
    acknowledged.extend(lines.map_while(Result::ok).filter_map(|line| name(&line)));
    acknowledged
}

#[tokio::test]
async fn what_was_acknowledged_to_concurrent_writers_survives_a_kill() {
    let folder = Folder::new();
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        acknowledged.extend(crash(&folder));
        let store = EmbeddedStore::open(folder.file()).unwrap_or_else(|error| panic!("{}", error.report()));
        let query = Query { tags: vec!["crash".to_owned()], ..Query::default() };
        let events: std::collections::BTreeSet<_> =
            store.query(&query, &Page::ALL).await.unwrap().into_iter().map(|event| event.id).collect();
        let mut lost = Vec::new();
        for name in &acknowledged {
            let record = store.get("breeds", name).await.unwrap();
            let whole = record.is_some_and(|record| record.draft.body == format!("\"{name}\"").as_bytes());
            if !whole || !events.contains(name) {
                lost.push(name);
            }
        }
        assert!(lost.is_empty(), "round {round}: {} of {} lost: {lost:?}", lost.len(), acknowledged.len());
    }
    assert!(acknowledged.len() >= ROUNDS * ACKNOWLEDGED);
}
