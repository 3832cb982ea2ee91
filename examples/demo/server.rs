//! The server under test, and everything that it starts.

use crate::{api::Api, problem::Problem};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    env,
    fs::{self, OpenOptions},
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    process::{Child, Command},
    time::{Instant, interval, timeout},
};

/// How long the server may take to answer, to end, and to stop what it started.
const TO_ANSWER: Duration = Duration::from_secs(30);
const TO_END: Duration = Duration::from_secs(15);
const TO_STOP_ALL: Duration = Duration::from_secs(60);
/// What the server starts with its own environment carries the data folder in this variable.
const MARK: &str = "VAMP_DEMO";

/// A `vamp server` on a data folder.
#[derive(Debug)]
pub(crate) struct Server {
    vamp: PathBuf,
    data: PathBuf,
    listen: SocketAddr,
    bind: IpAddr,
    child: Option<Child>,
}

impl Server {
    pub(crate) const fn new(vamp: PathBuf, data: PathBuf, listen: SocketAddr, bind: IpAddr) -> Self {
        Self { vamp, data, listen, bind, child: None }
    }

    /// The process id of the server while it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    pub(crate) fn vamp(&self) -> &Path {
        &self.vamp
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.data.join("demo-server.log")
    }

    /// Starts the server and waits until it answers.
    pub(crate) async fn start(&mut self) -> Result<(), Problem> {
        let log = OpenOptions::new().create(true).append(true).open(self.log());
        let log = log.map_err(|error| Problem::new(format!("{}: {error}", self.log().display())))?;
        let errors = log.try_clone().map_err(|error| Problem::new(error.to_string()))?;
        let mut command = Command::new(&self.vamp);
        command
            .args(["server", "--listen", &self.listen.to_string(), "--gateway-bind", &self.bind.to_string()])
            .arg("--data-dir")
            .arg(&self.data)
            .env("PATH", search_path()?)
            .env(MARK, &self.data)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            // Ctrl-C at the terminal is for the demo: it stops the server in order.
            .process_group(0);
        let child = command.spawn().map_err(|error| {
            Problem::with_hint(
                format!("cannot start {}: {error}", self.vamp.display()),
                "build it with `cargo build`, or name it with --vamp",
            )
        })?;
        self.child = Some(child);
        self.wait_until_it_answers().await
    }

    async fn wait_until_it_answers(&mut self) -> Result<(), Problem> {
        let api = Api { server: self.listen };
        let deadline = Instant::now() + TO_ANSWER;
        let mut every = interval(Duration::from_millis(50));
        loop {
            every.tick().await;
            if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().transpose()) {
                self.child = None;
                let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                return Err(self.with_log(&format!("the server ended before it answered ({status})")));
            }
            if api.answers().await {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(
                    self.with_log(&format!("the server does not answer on {} after {TO_ANSWER:?}", self.listen))
                );
            }
        }
    }

    /// The problem with the last lines of the server's log.
    pub(crate) fn with_log(&self, cause: &str) -> Problem {
        let text = fs::read_to_string(self.log()).unwrap_or_else(|error| format!("no log: {error}"));
        let lines: Vec<&str> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(8)..].join("\n    ");
        Problem::with_hint(
            format!("{cause}; the end of its log:\n    {last}"),
            "end the cause that the log names, then try again",
        )
    }

    /// Ends the server with no chance to tidy up.
    pub(crate) async fn kill(&mut self) -> Result<(), Problem> {
        let Some(mut child) = self.child.take() else {
            return Err(Problem::new("there is no server to kill"));
        };
        child.kill().await.map_err(|error| Problem::new(format!("kill -9 of the server: {error}")))
    }

    /// Ends the server, then HAProxy and all instances, and says what is left.
    pub(crate) async fn stop_everything(&mut self) -> Result<(), Problem> {
        if let Some(mut child) = self.child.take() {
            self.end(&mut child).await;
        }
        let mut down = Command::new(&self.vamp);
        down.arg("down")
            .arg("--data-dir")
            .arg(&self.data)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true);
        let done = timeout(TO_STOP_ALL, down.stderr(Stdio::piped()).output()).await;
        let complaint = match done {
            Ok(Ok(output)) if output.status.success() => None,
            Ok(Ok(output)) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("not done after {TO_STOP_ALL:?}")),
        };
        let left = self.processes();
        if let Some(complaint) = complaint {
            return Err(Problem::new(format!("vamp down: {complaint}{}", listed(&left))));
        }
        if left.is_empty() { Ok(()) } else { Err(Problem::new(format!("processes are left behind{}", listed(&left)))) }
    }

    async fn end(&self, child: &mut Child) {
        if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
            // A server that has ended already is what we want.
            let _ = kill_process(pid, Signal::TERM);
        }
        if timeout(TO_END, child.wait()).await.is_err() {
            eprintln!("demo: the server did not end within {TO_END:?} of SIGTERM and is killed");
            if let Err(error) = child.kill().await {
                eprintln!("demo: kill -9 of the server: {error}");
            }
        }
    }

    /// The processes that belong to this data folder, by id, with their command lines.
    ///
    /// They name the folder or something in it in their command line or environment, or write or work there.
    pub(crate) fn processes(&self) -> Vec<(u32, String)> {
        let folder = self.data.to_string_lossy();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            let path = entry.path();
            let line = fs::read(path.join("cmdline")).unwrap_or_default();
            // A process that has ended and waits for its parent has no command line.
            if id == std::process::id() || line.is_empty() {
                continue;
            }
            let environment = fs::read(path.join("environ")).unwrap_or_default();
            let mut links = ["cwd", "fd/1", "fd/2"].iter().filter_map(|name| fs::read_link(path.join(name)).ok());
            if names(&line, &folder) || names(&environment, &folder) || links.any(|link| link.starts_with(&self.data)) {
                found.push((id, String::from_utf8_lossy(&line).replace('\0', " ").trim().to_owned()));
            }
        }
        found.sort_unstable();
        found
    }
}

/// Whether the bytes of a command line or an environment name the folder or something in it.
fn names(bytes: &[u8], folder: &str) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.match_indices(folder).any(|(at, _)| {
        let next = text[at + folder.len()..].chars().next();
        next.is_none_or(|next| next == '/' || next == '\0' || next == ':')
    })
}

fn listed(processes: &[(u32, String)]) -> String {
    processes.iter().map(|(id, line)| format!("\n    {id} {line}")).collect()
}

/// The search path with the folder of the examples first: the blueprints start `sava` by its name.
fn search_path() -> Result<std::ffi::OsString, Problem> {
    let own = env::current_exe().map_err(|error| Problem::new(error.to_string()))?;
    let examples = own.parent().map(Path::to_path_buf).unwrap_or_default();
    let old = env::var_os("PATH").unwrap_or_default();
    env::join_paths([examples].into_iter().chain(env::split_paths(&old)))
        .map_err(|error| Problem::new(error.to_string()))
}

/// A port that nobody listens on, or the words to say so.
pub(crate) fn check_free(address: SocketAddr, flag: &str) -> Result<(), Problem> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(Problem::with_hint(
            format!("{address} is in use"),
            format!("end what listens there (`ss -ltnp 'sport = :{}'` names it), or pass {flag}", address.port()),
        )),
        Err(error) => Err(Problem::new(format!("{address}: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_named_by_itself_and_by_what_is_in_it_but_not_by_a_longer_name() {
        assert!(names(b"haproxy\0-f\0/tmp/d/1/haproxy.cfg\0", "/tmp/d/1"));
        assert!(names(b"A=b\0VAMP_DEMO=/tmp/d/1\0", "/tmp/d/1"));
        assert!(!names(b"server\0/tmp/d/12\0", "/tmp/d/1"));
        assert!(names(b"x\0/tmp/d/12\0/tmp/d/1", "/tmp/d/1"));
    }

    #[test]
    fn a_port_in_use_is_named_with_what_to_do() {
        let holder = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = holder.local_addr().expect("its address");
        let problem = check_free(address, "--listen").expect_err("it is in use");
        assert!(problem.cause.contains(&address.to_string()), "{problem}");
        assert!(problem.hint.is_some_and(|hint| hint.contains("--listen")));
    }
}
