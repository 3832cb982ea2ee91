//! The real `vamp server` on a data folder of its own, with the real HAProxy and the example service.
//!
//! It runs what was built last: `cargo build --workspace --all-features --bins --examples`.

use crate::server_support::{
    eventually,
    http::{Ask, Reply, get, put},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Once,
};

pub const OLD: &str = include_str!("../../examples/artifacts/sava-1.0.yml");
pub const NEW: &str = include_str!("../../examples/artifacts/sava-1.1.yml");
pub const GATEWAY: &str = "/gateways/sava/sava/web";

/// A server and everything that it starts; all of it ends with this value, also when a test fails.
pub struct Vamp {
    pub folder: PathBuf,
    pub gateway: u16,
    pub token_file: Option<PathBuf>,
    /// What gateways get that say no port: many servers run beside each other, so nothing unless a test says it.
    pub gateway_ports: String,
    listen: SocketAddr,
    server: Option<Child>,
}

impl Vamp {
    pub fn new(name: &str, free_port: impl Fn() -> u16) -> Self {
        static SWEPT: Once = Once::new();
        SWEPT.call_once(sweep);
        let folder = env::temp_dir().join(format!("vamp-crash-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        // As the processes say it.
        let folder = folder.canonicalize().expect("it is there");
        Self {
            folder,
            gateway: free_port(),
            token_file: None,
            gateway_ports: "none".to_owned(),
            listen: (Ipv4Addr::LOCALHOST, free_port()).into(),
            server: None,
        }
    }

    /// The folder that a test may copy and put back; the log is beside it.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Starts the server and waits until it answers.
    pub async fn start(&mut self) {
        self.spawn();
        eventually("the server answers", async || {
            let ended = self.server.as_mut().and_then(|server| server.try_wait().transpose());
            assert!(ended.is_none(), "the server ended: {ended:?}\n{}", self.log());
            get("/info").send(self.listen).await.is_ok_and(|reply| [200, 401].contains(&reply.status))
        })
        .await;
    }

    /// Starts the server.
    pub fn spawn(&mut self) {
        let log = File::options().create(true).append(true).open(self.folder.join("server.log")).expect("a log");
        let path = env::join_paths([built().join("examples")].into_iter().chain(search_path())).expect("a path");
        let mut command = self.command("server");
        command.args(["--listen", &self.listen.to_string()]).env("PATH", path);
        command.env("VAMP_KILL_AT", self.kill_at()).env("VAMP_GATEWAY_PORTS", &self.gateway_ports);
        command.envs(self.token_file.iter().map(|file| ("VAMP_TOKEN_FILE", file)));
        let child = command.stdout(log.try_clone().expect("a log")).stderr(log).process_group(0).spawn();
        self.server = Some(child.unwrap_or_else(|error| panic!("{}: {error}; build it first", program().display())));
    }

    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(program());
        command.arg(name).arg("--data-dir").arg(self.data()).stdin(Stdio::null());
        command
    }

    pub fn server_pid(&self) -> u32 {
        self.server.as_ref().expect("a server runs").id()
    }

    /// Ends the server with no chance to tidy up.
    pub fn kill(&mut self) {
        let mut server = self.server.take().expect("a server runs");
        server.kill().expect("it is ours");
        server.wait().expect("it is ours");
    }

    /// Lets these processes, or the server itself, be killed at a named moment: the next time that it is reached.
    pub fn kill_at_moment(&self, moment: &str, victims: &[i32]) {
        let words: Vec<String> = victims.iter().map(i32::to_string).collect();
        // In one step: a server may look at any time.
        let draft = self.folder.join("kill-at.new");
        fs::write(&draft, format!("{moment} {}", words.join(" "))).expect("written");
        fs::rename(draft, self.kill_at()).expect("renamed");
    }

    fn kill_at(&self) -> PathBuf {
        self.folder.join("kill-at")
    }

    /// Whether the moment has come since [`kill_at_moment`](Self::kill_at_moment).
    pub fn moment_has_come(&self) -> bool {
        !self.kill_at().exists()
    }

    /// Waits until the server has been killed at the moment.
    pub async fn until_killed(&mut self) {
        let mut server = self.server.take().expect("a server runs");
        eventually("the moment comes (was the program built with `--all-features`?)", async || {
            server.try_wait().expect("it is ours").is_some()
        })
        .await;
        assert!(self.moment_has_come(), "it ended by itself");
    }

    /// Stops everything, as a user does; what it wrote.
    pub fn down(&mut self) -> Result<(), String> {
        let output = self.command("down").output().map_err(|error| error.to_string())?;
        if let Some(mut server) = self.server.take() {
            server.wait().expect("it is ours");
        }
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("server.log")).unwrap_or_default()
    }

    // === what is asked for ===

    pub async fn ask(&self, ask: Ask) -> Reply {
        ask.send(self.listen).await.unwrap_or_else(|error| panic!("{error}: {ask:?}\n{}", self.log()))
    }

    /// Asks where the server may die before it answers.
    pub async fn try_ask(&self, ask: Ask) -> Option<Reply> {
        ask.send(self.listen).await.ok()
    }

    /// A blueprint, with the port of this test's gateway.
    pub fn blueprint(&self, blueprint: &str) -> String {
        blueprint.replace("9050:", &format!("{}:", self.gateway))
    }

    pub async fn deploy(&self, blueprint: &str) {
        self.ask(put("/deployments/sava?wait=60", self.blueprint(blueprint))).await.expect(202);
    }

    /// The gateway of the cluster with these weights, as a body.
    pub async fn weighed(&self, old: &str, new: &str) -> String {
        let mut gateway = self.ask(get(GATEWAY)).await.expect(200).json();
        gateway["routes"]["sava/sava/sava:1.0/web"]["weight"] = old.into();
        gateway["routes"]["sava/sava/sava:1.1/web"]["weight"] = new.into();
        gateway.to_string()
    }

    pub async fn weigh(&self, old: &str, new: &str) {
        let body = self.weighed(old, new).await;
        self.ask(put(&format!("{GATEWAY}?wait=60"), body)).await.expect(202);
    }

    /// The services of the deployment, as the API shows them; `None` without a deployment.
    pub async fn services(&self) -> Option<Vec<Value>> {
        let reply = self.ask(get("/deployments/sava")).await;
        let services = reply.status == 200;
        services.then(|| reply.json().pointer("/clusters/sava/services").and_then(Value::as_array).cloned())?
    }

    pub async fn service(&self, breed: &str) -> Option<Value> {
        self.services().await?.into_iter().find(|service| service["breed"]["name"] == breed)
    }

    /// What is wanted of each service, if everything is healthy and done.
    pub async fn settled(&self) -> Option<BTreeMap<String, u64>> {
        let mut found = BTreeMap::new();
        for service in self.services().await? {
            let wanted = service.pointer("/scale/instances").and_then(Value::as_u64).expect("a scale");
            let healthy = service.pointer("/health/healthy").and_then(Value::as_u64).expect("a number");
            let done = service.pointer("/status/phase/name").is_some_and(|phase| phase == "Done");
            let shown = service["instances"].as_array().map_or(0, Vec::len);
            if !done || healthy != wanted || shown as u64 != wanted {
                return None;
            }
            found.insert(service["breed"]["name"].as_str().expect("a name").to_owned(), wanted);
        }
        Some(found)
    }

    pub async fn until_settled(&self, wanted: &[(&str, u64)]) {
        let wanted: BTreeMap<String, u64> = wanted.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        eventually("what is stored runs", async || self.settled().await.as_ref() == Some(&wanted)).await;
    }

    /// The ids of the instances, as the API shows them.
    pub async fn shown(&self) -> Vec<String> {
        let services = self.services().await.unwrap_or_default();
        let instances = services.iter().filter_map(|service| service["instances"].as_array()).flatten();
        let mut shown: Vec<String> = instances.map(|one| one["name"].as_str().expect("a name").to_owned()).collect();
        shown.sort();
        shown
    }

    // === what runs ===

    /// The processes that carry the id of this data folder, by the id of their instance; twice means doubled.
    pub fn instances(&self) -> Vec<(String, i32)> {
        let Ok(id) = fs::read_to_string(self.data().join("instances/id")) else { return Vec::new() };
        let mark = format!("VAMP_DATA={}", id.trim());
        let carried = |pid: &i32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
            let mut variables = environment.split(|byte| *byte == 0);
            variables.clone().any(|one| one == mark.as_bytes()).then_some(())?;
            let id = variables.find_map(|one| one.strip_prefix(b"VAMP_INSTANCE="))?;
            Some((String::from_utf8_lossy(id).into_owned(), *pid))
        };
        let mut found: Vec<(String, i32)> = pids().iter().filter_map(carried).collect();
        found.sort();
        found
    }

    /// The processes of HAProxy in this data folder: masters, and all.
    pub fn haproxy(&self) -> (BTreeSet<i32>, BTreeSet<i32>) {
        let folder = self.data().join("haproxy");
        let works = |pid: &i32| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|working| working == folder);
        let serves = |pid: &i32| {
            fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|line| String::from_utf8_lossy(&line).contains("master.sock"))
        };
        let all: BTreeSet<i32> = pids().into_iter().filter(|pid| works(pid) && serves(pid)).collect();
        let masters = all.iter().copied().filter(|pid| parent(*pid).is_none_or(|parent| !all.contains(&parent)));
        (masters.collect(), all)
    }

    /// Every process that has to do with this test's folder, but the server that it started.
    pub fn left(&self) -> Vec<i32> {
        let (_, haproxy) = self.haproxy();
        self.instances().into_iter().map(|(_, pid)| pid).chain(haproxy).collect()
    }

    /// Whether what carries the id of the data folder is what is stored, each once, behind one HAProxy.
    pub async fn is_consistent(&self) -> bool {
        let running: Vec<String> = self.instances().into_iter().map(|(id, _)| id).collect();
        running == self.shown().await && self.haproxy().0.len() == 1
    }

    #[track_caller]
    pub fn difference(&self, shown: &[String]) -> String {
        format!("shown {shown:?}, running {:?}, HAProxy {:?}\n{}", self.instances(), self.haproxy(), self.log())
    }
}

impl Drop for Vamp {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let last: Vec<&str> = log.lines().rev().take(60).collect();
            eprintln!("the server's log ends with:\n{}", last.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
        if self.data().exists()
            && let Err(complaint) = self.down()
        {
            eprintln!("vamp down: {complaint}");
        }
        kill(&self.left());
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Stops what test processes left that were themselves killed: they could not do it.
fn sweep() {
    for entry in fs::read_dir(env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let test = name.to_str().and_then(|name| name.strip_prefix("vamp-crash-")?.split('-').next()?.parse().ok());
        if test.is_some_and(|test: i32| !is_there(test)) {
            let (folder, listen) = (entry.path(), (Ipv4Addr::LOCALHOST, 0).into());
            // A small disk that a test had mounted there.
            let _ = Command::new("umount").arg("-l").arg(folder.join("data")).stderr(Stdio::null()).status();
            let gateway_ports = String::new();
            drop(Vamp { folder, gateway: 0, token_file: None, gateway_ports, listen, server: None });
        }
    }
}

/// Ends processes with no chance to tidy up.
pub fn kill(pids: &[i32]) {
    for pid in pids.iter().filter_map(|pid| rustix::process::Pid::from_raw(*pid)) {
        // One that has ended already is what we want.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

pub fn is_there(pid: i32) -> bool {
    // Ended and not yet asked for its status counts as gone.
    stat(pid).is_some_and(|fields| !fields.starts_with(['Z', 'X']))
}

fn parent(pid: i32) -> Option<i32> {
    stat(pid)?.split_whitespace().nth(1)?.parse().ok()
}

/// What follows the name of the process: its state, its parent, and so on.
fn stat(pid: i32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ").map(|(_, fields)| fields.to_owned())
}

fn pids() -> Vec<i32> {
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(|pid| is_there(*pid)).collect()
}

/// The folder that cargo builds this profile into.
fn built() -> PathBuf {
    let test = env::current_exe().expect("this test");
    test.ancestors().nth(2).expect("it is in `deps`").to_owned()
}

fn program() -> PathBuf {
    built().join("vamp")
}

fn search_path() -> Vec<PathBuf> {
    env::var_os("PATH").iter().flat_map(env::split_paths).collect()
}

/// Copies a folder as it is; what is no file or folder, such as a socket, is left out.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let (kind, target) = (entry.file_type().expect("a kind"), to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &target);
        } else if kind.is_file() {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}
