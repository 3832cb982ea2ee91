//! What a server leaves behind when it dies, its successor finds: nothing is doubled, nothing is orphaned.

use crate::{
    process::{Process, kill, until},
    role,
};
use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};
use vamp_core::{
    ErrorKind,
    driver::{Instance, InstanceState},
};
use vamp_drivers::container::process::{ProcessConfig, ProcessDriver, stop_folder};

fn healthy(count: usize) -> impl Fn(&[Instance]) -> bool {
    move |seen| seen.len() == count && seen.iter().all(|instance| instance.state == InstanceState::Healthy)
}

fn ids(instances: &[Instance]) -> Vec<&str> {
    instances.iter().map(|instance| instance.id.as_str()).collect()
}

/// The record files of the folder.
fn records(process: &Process) -> Vec<PathBuf> {
    let entries = fs::read_dir(process.folder.join("workloads")).expect("the records").flatten();
    entries.map(|entry| entry.path()).collect()
}

/// Rewrites the one record of the folder as if the former server had died before it could tell the start.
fn forget_the_start(process: &Process) {
    let [record] = &records(process)[..] else { panic!("one workload") };
    let mut stored: serde_json::Value = serde_json::from_slice(&fs::read(record).unwrap()).unwrap();
    for instance in stored["records"].as_array_mut().unwrap() {
        assert!(instance["stage"]["started"]["pid"].is_number(), "{instance}");
        instance["stage"] = "intended".into();
    }
    fs::write(record, serde_json::to_vec(&stored).unwrap()).unwrap();
}

#[tokio::test]
async fn a_server_that_is_killed_leaves_its_instances_to_the_next() {
    let mut process = Process::new();
    let workload = process.workload(role::service(&process.folder), 3);
    let mut server = role::server(&process.folder, &workload).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(server.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "applied"), "the server applies it");
    let before = until("three instances", || Some(process.pids()).filter(|pids| pids.len() == 3)).await;
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(process.pids(), before, "they outlive it");
    process.start().await;
    let found = process.instances("three healthy ones", healthy(3)).await;
    assert_eq!(process.pids(), before);
    kill(&before[..1]);
    // Not our children: noticed all the same.
    process.instances("another in its place", |seen| healthy(3)(seen) && ids(seen) != ids(&found)).await;
    process.remove(&workload).await;
    process.instances("none", <[_]>::is_empty).await;
    assert_eq!(process.pids(), Vec::<u32>::new());
}

#[tokio::test]
async fn a_server_that_is_killed_at_any_moment_doubles_nothing_and_loses_nothing() {
    for delay in [0, 1, 2, 4, 8, 12, 16, 24, 32, 48, 64] {
        let mut process = Process::new();
        let workload = process.workload(role::script("exec sleep 1000"), 3);
        let mut server = role::server(&process.folder, &workload).stdout(Stdio::piped()).spawn().unwrap();
        until("it has the folder", || process.folder.join("id").exists().then_some(())).await;
        // The moment of the crash, not a wait for something.
        tokio::time::sleep(Duration::from_millis(delay)).await;
        server.kill().unwrap();
        server.wait().unwrap();
        process.start().await;
        process.apply(&workload).await;
        process.instances("three", healthy(3)).await;
        // What had been begun when the server died may appear late, and goes.
        until(&format!("three processes, killed after {delay} ms"), || (process.pids().len() == 3).then_some(())).await;
    }
}

#[tokio::test]
async fn a_record_of_another_boot_touches_no_process_of_this_one() {
    let mut process = Process::open().await;
    process.apply(&process.workload(role::script("exec sleep 1000"), 1)).await;
    process.instances("one", healthy(1)).await;
    process.crash().await;
    kill(&process.pids());
    let mut stranger = Command::new("sleep").arg("1000").process_group(0).spawn().unwrap();
    let record = records(&process).remove(0);
    let mut stored: serde_json::Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    let started = &mut stored["records"][0]["stage"]["started"];
    started["pid"] = stranger.id().into();
    started["boot"] = "another".into();
    fs::write(&record, serde_json::to_vec(&stored).unwrap()).unwrap();
    process.start().await;
    process.instances("failed", |seen| seen.len() == 1 && seen[0].state == InstanceState::Failed).await;
    process.instances("one again", healthy(1)).await;
    let alive = stranger.try_wait().unwrap().is_none();
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    assert!(alive);
}

#[tokio::test]
async fn a_healthy_instance_is_healthy_at_once_after_a_restart() {
    let mut process = Process::open().await;
    process.apply(&process.workload(role::service(&process.folder), 2)).await;
    process.instances("two healthy ones", healthy(2)).await;
    // Durable a moment after it is seen.
    let saved = || fs::read_to_string(&records(&process)[0]).ok().filter(|text| !text.contains("\"healthy\": false"));
    until("both are recorded as healthy", saved).await;
    process.crash().await;
    process.start().await;
    let seen = process.observed().await;
    assert!(healthy(2)(&seen[0].instances), "{seen:#?}");
}

#[tokio::test]
async fn a_process_that_was_started_but_not_recorded_is_found_by_its_environment() {
    let mut process = Process::open().await;
    let workload = process.workload(role::service(&process.folder), 2);
    process.apply(&workload).await;
    let instances = process.instances("two healthy ones", healthy(2)).await;
    let pids = process.pids();
    process.crash().await;
    forget_the_start(&process);
    process.start().await;
    process.apply(&workload).await;
    let found = process.instances("two healthy ones", healthy(2)).await;
    assert_eq!((ids(&found), process.pids()), (ids(&instances), pids));
}

#[tokio::test]
async fn what_was_intended_but_never_started_is_started_once_under_another_id() {
    let mut process = Process::open().await;
    process.apply(&process.workload(role::service(&process.folder), 1)).await;
    let instances = process.instances("a healthy one", healthy(1)).await;
    let pids = process.pids();
    process.crash().await;
    forget_the_start(&process);
    kill(&pids);
    until("it is dead", || process.pids().is_empty().then_some(())).await;
    process.start().await;
    let found = process.instances("a healthy one", healthy(1)).await;
    assert_ne!(ids(&found), ids(&instances), "its process might have been about to appear");
    assert_eq!(process.pids().len(), 1);
}

#[tokio::test]
async fn what_no_record_knows_is_ended() {
    let mut process = Process::open().await;
    process.apply(&process.workload(role::service(&process.folder), 1)).await;
    process.instances("a healthy one", healthy(1)).await;
    process.crash().await;
    for record in records(&process) {
        fs::remove_file(record).unwrap();
    }
    process.start().await;
    until("nobody is left", || process.pids().is_empty().then_some(())).await;
    assert!(process.observed().await.is_empty());
}

#[tokio::test]
async fn an_end_while_no_server_runs_is_noticed_by_the_next() {
    let mut process = Process::open().await;
    let gate = process.folder.join("gate");
    let script = format!("until [ -e '{}' ]; do sleep 0.02; done; exit 0", gate.display());
    let mut task = role::script(&script);
    task.run_once = true;
    process.apply(&process.workload(task, 1)).await;
    process.instances("a started one", healthy(1)).await;
    process.crash().await;
    fs::write(&gate, "").unwrap();
    until("it ended", || process.pids().is_empty().then_some(())).await;
    process.start().await;
    process.instances("completed", |seen| seen.len() == 1 && seen[0].state == InstanceState::Completed).await;
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_an_error_that_names_it() {
    let mut process = Process::open().await;
    process.apply(&process.workload(role::service(&process.folder), 1)).await;
    process.crash().await;
    let record = records(&process).remove(0);
    fs::write(&record, "{").unwrap();
    let error = ProcessDriver::open(ProcessConfig::new(&process.folder)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Internal);
    assert!(error.report().contains(record.file_name().unwrap().to_str().unwrap()), "{}", error.report());
}

#[tokio::test]
async fn a_folder_in_use_is_refused_with_the_process_id_of_its_user() {
    let process = Process::open().await;
    let mut config = ProcessConfig::new(&process.folder);
    config.lock_patience = Duration::ZERO;
    let error = ProcessDriver::open(config).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.report().contains(&std::process::id().to_string()), "{}", error.report());
    let stopped = stop_folder(&process.folder, Duration::ZERO).await;
    assert_eq!(stopped.map_err(|error| error.kind), Err(ErrorKind::Conflict));
}

#[tokio::test]
async fn a_stopped_folder_runs_nothing_and_the_next_server_starts_it_again() {
    let mut process = Process::open().await;
    process.apply(&process.workload(role::service(&process.folder), 2)).await;
    process.instances("two healthy ones", healthy(2)).await;
    assert_eq!(process.process().stop_all(Duration::from_secs(5)).await.unwrap(), 2);
    assert_eq!(process.pids(), Vec::<u32>::new());
    process.crash().await;
    process.start().await;
    process.instances("two healthy ones", healthy(2)).await;
    process.crash().await;
    assert_eq!(stop_folder(&process.folder, Duration::from_secs(5)).await.unwrap(), 2);
    assert_eq!(process.pids(), Vec::<u32>::new());
}
