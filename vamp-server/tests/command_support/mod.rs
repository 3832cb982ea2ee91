//! What tests of the `vamp` program share: a folder, what runs in it, and what it said.
#![allow(dead_code, unreachable_pub)] // each test binary uses a part of it

#[path = "../../../tests/port_support/mod.rs"]
mod port_support;

#[allow(unused_imports)] // each test binary uses a part of it
pub use port_support::free_port;

use serde_json::Value;
use std::{
    fs,
    io::Write as _,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

pub const DEADLINE: Duration = Duration::from_secs(30);

/// The program, without anything that the environment of the test would tell it.
pub fn vamp(arguments: &[&str]) -> Command {
    let mut vamp = Command::new(env!("CARGO_BIN_EXE_vamp"));
    let known = ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"];
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("VAMP_") || known.contains(&name.as_str())) {
        vamp.env_remove(name);
    }
    // Nor by what somebody wrote down at home.
    vamp.args(arguments).env("HOME", "/nowhere").stdin(Stdio::null());
    vamp
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub error: String,
}

impl Said {
    /// Holds the command to its exit code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Holds a refusal to saying `hint`, and to nothing on standard output.
    #[track_caller]
    pub fn refused(self, code: i32, hint: &str) -> Self {
        let said = self.expect(code);
        assert!(said.out.is_empty(), "{said:?}");
        assert!(said.error.contains(hint), "{hint:?} is missing in\n{}", said.error);
        said
    }
}

/// Runs a program to its end, with this input.
pub fn finish(mut program: Command, input: &str) -> Said {
    let program = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().expect("starts");
    // One that does not read its input may be gone already.
    let _ = child.stdin.take().expect("its input").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said { code: output.status.code(), out: text(output.stdout), error: text(output.stderr) }
}

/// Runs `vamp` with these arguments and this input.
pub fn run(arguments: &[&str], input: &str) -> Said {
    finish(vamp(arguments), input)
}

/// The exit code, and what was said.
pub fn told(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A folder of one test, gone when that ends; what runs on its data is stopped.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("vamp-command-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("written");
        path.to_string_lossy().into_owned()
    }

    /// What this test itself finds, after what it put into `bin`.
    pub fn search_path(&self) -> String {
        format!("{}:{}", self.0.join("bin").display(), std::env::var("PATH").unwrap_or_default())
    }

    /// A command on the data of this folder.
    pub fn on_data(&self, command: &str) -> Command {
        let mut vamp = vamp(&[command]);
        vamp.arg("--data-dir").arg(self.0.join("data"));
        vamp
    }

    pub fn server(&self, listen: &str) -> Command {
        let mut vamp = self.on_data("server");
        // Many servers run beside each other: each gateway of these tests says its port.
        vamp.args(["--listen", listen]).env("VAMP_GATEWAY_PORTS", "none");
        vamp
    }

    /// Starts a server on a free port, and waits until it says which.
    pub fn start(&self) -> (Child, SocketAddr) {
        self.start_with(&[])
    }

    #[allow(clippy::zombie_processes, reason = "the caller waits for it; a test that fails takes it along")]
    pub fn start_with(&self, arguments: &[&str]) -> (Child, SocketAddr) {
        let log = self.0.join("log");
        let file = fs::File::create(&log).expect("a log");
        let mut server = self.server("127.0.0.1:0");
        let server = server.args(arguments).stderr(file).env("PATH", self.search_path());
        let child = server.spawn().expect("starts");
        let deadline = Instant::now() + DEADLINE;
        loop {
            let text = fs::read_to_string(&log).expect("the log");
            let ready = text.lines().find(|line| line.contains("ready"));
            let listen = ready.and_then(|line| line.split("listen=").nth(1)?.split(' ').next()?.parse().ok());
            if let Some(listen) = listen {
                return (child, listen);
            }
            assert!(Instant::now() < deadline, "not ready:\n{text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.0.join("data").is_dir() {
            // One that never started has nothing to stop.
            drop(self.on_data("down").output());
        }
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running server, and the client of it.
pub struct Server {
    pub folder: Folder,
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    pub fn start(name: &str) -> Self {
        Self::start_with(name, &[])
    }

    pub fn start_with(name: &str, arguments: &[&str]) -> Self {
        Self::in_folder(Folder::new(name), arguments)
    }

    pub fn in_folder(folder: Folder, arguments: &[&str]) -> Self {
        let (child, address) = folder.start_with(arguments);
        Self { folder, child, address }
    }

    /// Runs a command that asks this server.
    pub fn run(&self, arguments: &[&str], input: &str) -> Said {
        let mut vamp = vamp(arguments);
        vamp.env("VAMP_HOST", format!("http://{}", self.address));
        finish(vamp, input)
    }

    /// Runs a command that has to go well.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> Said {
        let said = self.run(arguments, "").expect(0);
        assert_eq!(said.error, "", "{arguments:?}");
        said
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The folder stops what it left behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
