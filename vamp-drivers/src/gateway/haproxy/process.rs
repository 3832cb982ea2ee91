//! HAProxy as a process: checked, started, adopted, watched, ended.

use super::{
    access,
    failure::Failure,
    folder::{CONFIGURATION, LOG, PID, SOCKET},
};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::{
    fs::OpenOptions,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};
use tokio::{io::unix::AsyncFd, process::Command, time::timeout};

/// How long a check or a question about the version may take.
const ANSWER: Duration = Duration::from_secs(30);
/// How long HAProxy may take to end before it is killed.
const END: Duration = Duration::from_secs(5);

/// Debian installs HAProxy in a folder for administrators, which is not on the `PATH` of other users.
const ADMINISTRATORS: [&str; 2] = ["/usr/local/sbin", "/usr/sbin"];

/// A version such as 2.6.12.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HaproxyVersion {
    /// Major and minor.
    pub(super) number: (u16, u16),
    /// As HAProxy writes it, without the distribution's part.
    pub(super) text: String,
}

impl HaproxyVersion {
    /// Reads `2.6.12-1+deb12u4`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let plain = text.split(['-', '+', ' ']).next()?;
        let mut parts = plain.split('.');
        let number = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { number, text: plain.to_owned() })
    }
}

/// The master process.
#[derive(Debug)]
pub(super) struct Process(AsyncFd<OwnedFd>);

impl Process {
    /// The process with this id.
    pub(super) fn of(pid: i32) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::file(&format!("process {pid}"), &error);
        let pid = Pid::from_raw(pid).ok_or_else(|| Failure::internal("no process id"))?;
        let handle = pidfd_open(pid, PidfdFlags::NONBLOCK).map_err(|error| failed(error.into()))?;
        #[expect(
            deprecated,
            reason = "its replacement is unsafe for types that may change their descriptor; OwnedFd cannot"
        )]
        AsyncFd::new(handle).map(Self).map_err(failed)
    }

    /// Returns when the process has ended.
    pub(super) async fn ended(&self) {
        if let Err(error) = self.0.readable().await {
            tracing::warn!(%error, "HAProxy's process cannot be watched");
            std::future::pending::<()>().await;
        }
    }

    /// Ends HAProxy and its workers at once.
    pub(super) async fn end(&self) -> Result<(), Failure> {
        for signal in [Signal::TERM, Signal::KILL] {
            match pidfd_send_signal(self.0.get_ref(), signal) {
                Ok(()) => {}
                Err(rustix::io::Errno::SRCH) => return Ok(()),
                Err(error) => return Err(Failure::file("ending HAProxy", &error.into())),
            }
            if timeout(END, self.ended()).await.is_ok() {
                return Ok(());
            }
        }
        Err(Failure::unavailable("HAProxy did not end"))
    }
}

/// Where a program is that has no path of its own and is not on the `PATH`.
pub(super) fn locate(program: PathBuf) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if program.components().count() > 1 || std::env::split_paths(&path).any(|folder| folder.join(&program).is_file()) {
        return program;
    }
    let found = ADMINISTRATORS.iter().map(|folder| Path::new(folder).join(&program)).find(|place| place.is_file());
    found.unwrap_or(program)
}

/// The version of a program.
pub(super) async fn version(program: &Path) -> Result<HaproxyVersion, Failure> {
    let mut command = Command::new(program);
    command.arg("-v");
    let output = run(program, command).await?;
    let text = String::from_utf8_lossy(&output.stdout);
    // `HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/`
    let found = text.split_once("version ").and_then(|(_, rest)| HaproxyVersion::read(rest));
    let found = found.ok_or_else(|| Failure::invalid(format!("{} is not HAProxy", program.display())))?;
    if found.number < (2, 6) {
        return Err(Failure::invalid(format!("HAProxy {} is too old: 2.6 or later is needed", found.text)));
    }
    Ok(found)
}

/// Lets HAProxy check a configuration in the folder. `Err` holds what it wrote about the errors.
pub(super) async fn check(program: &Path, folder: &Path, file: &str) -> Result<Result<(), String>, Failure> {
    let mut command = Command::new(program);
    command.args(["-c", "-f", file]).current_dir(folder);
    let output = run(program, command).await?;
    if output.status.success() {
        return Ok(Ok(()));
    }
    Ok(Err(String::from_utf8_lossy(&output.stderr).into_owned()))
}

async fn run(program: &Path, mut command: Command) -> Result<Output, Failure> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    match timeout(ANSWER, command.output()).await {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(error)) => Err(missing(program, &error)),
        Err(_) => Err(Failure::unavailable(format!("{}: no answer within {} s", program.display(), ANSWER.as_secs()))),
    }
}

fn missing(program: &Path, error: &io::Error) -> Failure {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => {
            "; install HAProxy 2.6 or later (`apt-get install haproxy`, `dnf install haproxy`), or name the program"
        }
        _ => "",
    };
    Failure::invalid(format!("{}: {error}{hint}", program.display()))
}

/// Starts HAProxy on the folder's configuration, in its own process group, with its messages in a file and its access log
/// in a pipe that has a name, so that it outlives us. Returns its process id.
pub(super) fn start(program: &Path, folder: &Path) -> Result<i32, Failure> {
    let log = OpenOptions::new().create(true).append(true).open(folder.join(LOG));
    let err = log.map_err(|error| Failure::file(LOG, &error))?;
    // Whether requests are logged or not: that can change while HAProxy runs.
    let out = access::pipe(folder)?;
    let mut command = Command::new(program);
    command
        .args(["-W", "-S", &format!("unix@./{SOCKET},mode,600"), "-p", PID, "-f", CONFIGURATION])
        .current_dir(folder)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err);
    let mut child = command.spawn().map_err(|error| missing(program, &error))?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    // Somebody has to collect it when it ends while we run.
    tokio::spawn(async move { child.wait().await });
    pid.ok_or_else(|| Failure::unavailable("HAProxy ended at once"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_without_the_part_of_the_distribution() {
        let found = HaproxyVersion::read("2.6.12-1+deb12u4 2026/10/17").unwrap();
        assert_eq!((found.number, found.text.as_str()), ((2, 6), "2.6.12"));
        assert_eq!(HaproxyVersion::read("unknown"), None);
    }

    #[test]
    fn a_program_with_a_path_or_on_the_path_stays_as_it_is_and_so_does_one_that_is_nowhere() {
        for name in ["/opt/haproxy", "./haproxy", "sh", "no-such-haproxy"] {
            assert_eq!(locate(PathBuf::from(name)), Path::new(name));
        }
    }

    #[tokio::test]
    async fn a_missing_program_is_told_with_how_to_get_it() {
        let failure = version(Path::new("no-such-haproxy")).await.unwrap_err();
        assert!(failure.reason.contains("install HAProxy"), "{failure}");
    }
}
