//! The life of a process as an instance.

use crate::{
    process::{Process, kill, until},
    role,
};
use std::{collections::BTreeMap, fs, time::Duration};
use vamp_core::{
    ErrorKind,
    driver::{ContainerDriver, HealthProbe, Instance, InstanceState, Template},
};
use vamp_drivers::container::process::DIRECTORY;

fn one(state: InstanceState) -> impl Fn(&[Instance]) -> bool {
    move |seen| seen.len() == 1 && seen[0].state == state
}

fn reason(seen: &[Instance]) -> &str {
    seen.first().and_then(|instance| instance.reason.as_deref()).unwrap_or_default()
}

fn probed(mut template: Template) -> Template {
    template.health = vec![HealthProbe {
        port: "web".to_owned(),
        path: Some("/health".to_owned()),
        initial_delay: Duration::ZERO,
        timeout: Duration::from_secs(5),
        interval: Duration::from_millis(50),
        failures: 2,
    }];
    template
}

#[tokio::test]
async fn an_instance_that_ends_is_noticed_and_another_takes_its_place() {
    let process = Process::open().await;
    process.apply(&process.workload(role::service(&process.folder), 1)).await;
    let before = process.instances("a healthy one", one(InstanceState::Healthy)).await;
    kill(&process.pids());
    let failed = process.instances("it failed", one(InstanceState::Failed)).await;
    assert_eq!(failed[0].id, before[0].id);
    assert!(reason(&failed).contains("SIGKILL"), "{failed:#?}");
    let after = process.instances("a healthy one again", one(InstanceState::Healthy)).await;
    assert_ne!(after[0].id, before[0].id);
    assert_eq!(process.pids().len(), 1);
}

#[tokio::test]
async fn what_cannot_live_is_tried_again_later_and_later_and_says_why() {
    let process = Process::open().await;
    let log = process.folder.join("starts");
    process.apply(&process.workload(role::script(&format!("echo x >>'{}'; exit 7", log.display())), 1)).await;
    for wait in ["500ms", "1s", "2s"] {
        let expected = |seen: &[Instance]| one(InstanceState::Failed)(seen) && reason(seen).contains(wait);
        let seen = process.instances(wait, expected).await;
        assert!(reason(&seen).contains("exited with status 7"), "{seen:#?}");
    }
    assert_eq!(fs::read_to_string(log).unwrap().lines().count(), 3);
}

#[tokio::test]
async fn a_command_that_cannot_be_started_is_failed_with_the_reason() {
    let process = Process::open().await;
    let mut absent = Template::default();
    absent.command = vec!["no-such-command-anywhere".to_owned()];
    let mut nowhere = role::script("sleep 1000");
    nowhere.dialect = BTreeMap::from([(DIRECTORY.to_owned(), "/no/such/folder".to_owned())]);
    for (template, expected) in [(absent, "no such command"), (nowhere, "no directory /no/such/folder")] {
        let workload = process.workload(template, 1);
        process.apply(&workload).await;
        let seen = process.instances("it failed", one(InstanceState::Failed)).await;
        assert!(reason(&seen).contains(expected), "{seen:#?}");
        process.remove(&workload).await;
        process.instances("none", <[_]>::is_empty).await;
    }
}

#[tokio::test]
async fn a_template_that_is_wrong_is_refused_and_nothing_is_kept() {
    let process = Process::open().await;
    let error = process.process().apply(&process.workload(Template::default(), 1)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.report().contains("no command"), "{}", error.report());
    assert!(process.observed().await.is_empty());
}

#[tokio::test]
async fn a_service_is_healthy_once_it_listens() {
    let process = Process::open().await;
    fs::write(process.folder.join("late"), "").unwrap();
    process.apply(&process.workload(role::service(&process.folder), 1)).await;
    let refused = |seen: &[Instance]| one(InstanceState::Running)(seen) && reason(seen).contains("refused");
    let seen = process.instances("running, not yet listening", refused).await;
    assert_eq!(reason(&seen), "connection to port web: connection refused");
    fs::remove_file(process.folder.join("late")).unwrap();
    process.instances("healthy", one(InstanceState::Healthy)).await;
}

#[tokio::test]
async fn a_failing_health_check_is_told_with_its_request_and_answer() {
    let process = Process::open().await;
    process.apply(&process.workload(probed(role::service(&process.folder)), 1)).await;
    let before = process.instances("healthy", one(InstanceState::Healthy)).await;
    fs::write(process.folder.join("ill"), "").unwrap();
    let seen = process.instances("unhealthy", one(InstanceState::Unhealthy)).await;
    assert_eq!(reason(&seen), "GET /health on port web: status 503");
    fs::remove_file(process.folder.join("ill")).unwrap();
    let after = process.instances("healthy again", one(InstanceState::Healthy)).await;
    assert_eq!(after, before, "the same instance");
}

#[tokio::test]
async fn stopping_takes_the_whole_family() {
    let process = Process::open().await;
    let script = "sleep 1000 & setsid sleep 1000 & env -i sleep 1000 & trap '' TERM; wait; sleep 1000";
    let mut workload = process.workload(role::script(script), 1);
    workload.grace = Duration::from_millis(100);
    process.apply(&workload).await;
    // The one without an environment is of the group, but not counted here.
    until("the family is there", || (process.pids().len() == 3).then_some(())).await;
    let group = process.pids()[0];
    process.remove(&workload).await;
    process.instances("none", <[_]>::is_empty).await;
    assert_eq!(process.pids(), Vec::<u32>::new());
    let in_group =
        |stat: &String| stat.rsplit(')').next().and_then(|s| s.split(' ').nth(3)) == Some(&group.to_string());
    let stats = fs::read_dir("/proc").unwrap().flatten();
    let stats = stats.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    assert_eq!(stats.filter(|stat| in_group(stat) && !stat.contains(") Z ")).collect::<Vec<_>>(), Vec::<String>::new());
}

#[tokio::test]
async fn what_an_ended_instance_leaves_is_ended_before_another_starts() {
    let process = Process::open().await;
    process.apply(&process.workload(role::script("sleep 1000 & exit 1"), 1)).await;
    process.instances("it failed", one(InstanceState::Failed)).await;
    assert_eq!(process.pids(), Vec::<u32>::new());
}

#[tokio::test]
async fn each_instance_has_its_own_port_and_environment_and_output() {
    let process = Process::open().await;
    let mut template =
        role::script(r#"echo "$PORT_ADMIN_API $VAMP_INSTANCE $COLOUR $CARGO_MANIFEST_DIR"; exec sleep 1000"#);
    template.environment = BTreeMap::from([("COLOUR".to_owned(), "blue".to_owned())]);
    template.ports = BTreeMap::from([("admin-api".to_owned(), None)]);
    process.apply(&process.workload(template, 3)).await;
    let started = |seen: &[Instance]| seen.len() == 3 && seen.iter().all(|i| i.state == InstanceState::Running);
    let instances = process.instances("three that run", started).await;
    let ports: std::collections::BTreeSet<u16> = instances.iter().flat_map(|i| i.ports.values().copied()).collect();
    assert_eq!(ports.len(), 3);
    for instance in instances {
        let output = process.folder.join("output").join(format!("{}.log", instance.id));
        let expected = format!("{} {} blue \n", instance.ports["admin-api"], instance.id);
        until(&expected, || fs::read_to_string(&output).ok().filter(|text| *text == expected)).await;
    }
}
