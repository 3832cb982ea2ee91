//! The process driver: its fixture, and the suite.

use crate::role;
use async_trait::async_trait;
use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};
use vamp_core::{
    conformance::container::ContainerFixture,
    container_suite,
    driver::{ContainerDriver, Instance, Observed, Scope, Template, Workload, WorkloadId},
};
use vamp_drivers::container::process::{ProcessConfig, ProcessDriver};

/// A driver on a folder of its own; nothing that it started is left after the test.
pub(crate) struct Process {
    pub(crate) folder: PathBuf,
    driver: Option<ProcessDriver>,
}

impl Process {
    /// A folder without a driver.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("vamp-process-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        Self { folder, driver: None }
    }

    pub(crate) async fn open() -> Self {
        let mut process = Self::new();
        process.start().await;
        process
    }

    /// Opens the driver.
    pub(crate) async fn start(&mut self) {
        let driver = ProcessDriver::open(ProcessConfig::new(&self.folder)).await;
        self.driver = Some(driver.unwrap_or_else(|e| panic!("{}", e.report())));
    }

    /// Drops the driver, and waits until nobody holds the folder.
    pub(crate) async fn crash(&mut self) {
        self.driver = None;
        let lock = std::fs::File::open(self.folder.join("lock")).expect("a lock");
        until("the folder is free", || lock.try_lock().ok()).await;
    }

    pub(crate) fn process(&self) -> &ProcessDriver {
        self.driver.as_ref().expect("it is open")
    }

    pub(crate) fn workload(&self, template: Template, instances: u32) -> Workload {
        let id = WorkloadId {
            namespace: self.namespace(),
            owner: "sava".to_owned(),
            name: "web".to_owned(),
            revision: template.revision(),
        };
        Workload::new(id, template, instances)
    }

    pub(crate) async fn apply(&self, workload: &Workload) {
        self.process().apply(workload).await.unwrap_or_else(|e| panic!("{}", e.report()));
    }

    pub(crate) async fn remove(&self, workload: &Workload) {
        self.process().remove(&workload.id).await.unwrap_or_else(|e| panic!("{}", e.report()));
    }

    pub(crate) async fn observed(&self) -> Vec<Observed> {
        self.process().observe(&Scope::Everything).await.unwrap_or_else(|e| panic!("{}", e.report())).workloads
    }

    /// Waits until the instances of all workloads are as expected, and answers them.
    pub(crate) async fn instances(&self, what: &str, expected: impl Fn(&[Instance]) -> bool) -> Vec<Instance> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let seen = self.process().observe(&Scope::Everything).await.unwrap_or_else(|e| panic!("{}", e.report()));
            let instances: Vec<Instance> = seen.workloads.into_iter().flat_map(|observed| observed.instances).collect();
            if expected(&instances) {
                return instances;
            }
            assert!(Instant::now() < deadline, "expected: {what}; seen: {instances:#?}");
            let changed = self.process().changed(&seen.cursor);
            let _ = tokio::time::timeout(deadline - Instant::now(), changed).await;
        }
    }

    /// The pids of everything that carries this folder's id, sorted.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let id = std::fs::read_to_string(self.folder.join("id")).expect("an id");
        let carries = |pid: &u32| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|entry| entry == format!("VAMP_DATA={id}").as_bytes())
        };
        let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok()));
        let mut pids: Vec<u32> = pids.filter(carries).collect();
        pids.sort_unstable();
        pids
    }
}

/// Looks until there is something, at most 30 seconds.
pub(crate) async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "expected: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Kills processes the hard way.
pub(crate) fn kill(pids: &[u32]) {
    let list: Vec<String> = pids.iter().map(u32::to_string).collect();
    let script = format!("kill -9 {} 2>/dev/null", list.join(" "));
    let _ = std::process::Command::new("/bin/sh").args(["-c", &script]).status();
}

impl Drop for Process {
    fn drop(&mut self) {
        self.driver = None;
        // Nothing can be awaited here, so the folder may still be locked: whoever is left is killed by hand.
        let (mut quiet, deadline) = (0, Instant::now() + Duration::from_secs(10));
        while quiet < 2 && Instant::now() < deadline {
            let pids = if self.folder.join("id").exists() { self.pids() } else { Vec::new() };
            quiet = if pids.is_empty() { quiet + 1 } else { 0 };
            kill(&pids);
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[async_trait]
impl ContainerFixture for Process {
    fn driver(&self) -> &dyn ContainerDriver {
        self.process()
    }

    fn namespace(&self) -> String {
        "case".to_owned()
    }

    fn service(&self) -> Template {
        role::service(&self.folder)
    }

    fn stubborn(&self) -> Template {
        role::stubborn(&self.folder)
    }

    fn task(&self, succeeds: bool) -> Template {
        let mut template = role::script(if succeeds { "exit 0" } else { "exit 3" });
        template.run_once = true;
        template
    }

    async fn reopen(&mut self) {
        self.crash().await;
        self.start().await;
    }
}

// Not `breakable`: what it observes is in its memory, and a folder that cannot be read is refused when it is opened.
container_suite!(Process::open().await);
