//! A HAProxy that answers each request with the value of every condition.

use crate::{port_support::free_port, requests::Sent};
use std::{
    fmt::Write as _,
    fs,
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};
use vamp_core::condition::Condition;
use vamp_drivers::gateway::haproxy::condition_lines;

const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) struct Haproxy {
    process: Child,
    address: SocketAddr,
    folder: PathBuf,
}

impl Haproxy {
    /// Checks and starts a configuration with `conditions`; `None` without HAProxy on this machine.
    pub(crate) fn start(conditions: &[Condition]) -> Option<Self> {
        let installed = Command::new("haproxy").arg("-v").stdout(Stdio::null()).status();
        if installed.is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            assert!(std::env::var_os("VAMP_TEST_REQUIRE").is_none(), "haproxy is missing: apt-get install haproxy");
            println!("SKIPPED: haproxy (apt-get install haproxy)");
            return None;
        }
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let id = format!("vamp-differential-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(id);
        fs::create_dir_all(&folder).expect("a folder for the configuration");
        let address = (Ipv4Addr::LOCALHOST, free_port()).into();
        let file = folder.join("haproxy.cfg");
        fs::write(&file, configuration(address, conditions)).expect("the configuration is written");
        let check = Command::new("haproxy").arg("-c").arg("-f").arg(&file).output().expect("haproxy runs");
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
        let process = Command::new("haproxy").arg("-db").arg("-f").arg(&file).stderr(Stdio::null()).spawn();
        let haproxy = Self { process: process.expect("haproxy starts"), address, folder };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(begun.elapsed() < DEADLINE, "haproxy listens");
            std::thread::yield_now();
        }
        Some(haproxy)
    }

    /// The value of every condition for `request`, as a rule of each kind sees it.
    pub(crate) fn ask(&self, request: &Sent) -> Vec<bool> {
        let mut stream = TcpStream::connect(self.address).expect("haproxy accepts");
        stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
        stream.write_all(&request.bytes()).expect("haproxy reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("haproxy answers");
        let values = |name: &str| -> Vec<bool> {
            let line = answer.lines().find_map(|line| line.strip_prefix(name));
            let values = line.unwrap_or_else(|| panic!("{answer}\nfor {request:?}"));
            values.trim_end_matches('.').split(',').map(|value| value == "1").collect()
        };
        let (early, late) = (values("x-content: "), values("x-http: "));
        assert_eq!(early, late, "both kinds of rules agree");
        late
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        // Both may be gone already, which is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn configuration(address: SocketAddr, conditions: &[Condition]) -> String {
    let mut text = format!(
        "global\n  tune.bufsize 65536\ndefaults\n  mode http\n  timeout client 30s\nfrontend f\n  bind {address} accept-proxy\n"
    );
    for (verb, name) in [("tcp-request content", "content"), ("http-request", "http")] {
        for (place, condition) in conditions.iter().enumerate() {
            let action = format!("set-var(txn.r_{name}{place}) bool(true)");
            let lines = condition_lines(verb, &format!("{name}{place}"), &action, condition);
            for line in lines.acls.iter().chain(&lines.rules) {
                writeln!(text, "  {line}").expect("a String takes everything");
            }
        }
    }
    let answers = |name: &str| {
        let each: Vec<String> = (0..conditions.len()).map(|place| format!("%[var(txn.r_{name}{place})]")).collect();
        each.join(",")
    };
    let (early, late) = (answers("content"), answers("http"));
    writeln!(text, "  http-request return status 200 hdr x-content \"{early}.\" hdr x-http \"{late}.\"")
        .expect("a String takes everything");
    text
}
