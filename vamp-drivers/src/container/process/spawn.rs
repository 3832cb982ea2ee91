//! Starts a process that outlives this one.

use super::{
    check::DIRECTORY,
    procfs::{self, Identity},
    record::Record,
    store::Store,
};
use std::{
    fs::OpenOptions,
    io::{self, ErrorKind},
    os::unix::{
        fs::OpenOptionsExt,
        process::{CommandExt, ExitStatusExt},
    },
    path::Path,
    process::{Command, ExitStatus, Stdio},
};
use vamp_core::{driver::Template, moment};

/// What an instance inherits from the server's environment, where it is set.
const INHERITED: [&str; 11] =
    ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_ALL", "TZ", "TMPDIR", "XDG_RUNTIME_DIR"];

/// Keeps the exit status of what runs once, for a server that was not there when it ended.
const KEEP_STATUS: &str = r#""$@"; code=$?; printf %s "$code" >"$0.part" && mv "$0.part" "$0"; exit "$code""#;

/// Starts the instance; `Err` says for people why it cannot be started.
///
/// It leads a process group of its own, reads nothing, writes to a file and is not told when the server dies.
pub(super) fn start(store: &Store, boot: &str, template: &Template, record: &Record) -> Result<Identity, String> {
    let program = template.command.first().map_or("", String::as_str);
    let mut command = command(store, template, record);
    let output = OpenOptions::new().create(true).append(true).mode(0o600).open(store.output(&record.id));
    let streams = output.and_then(|file| Ok((Stdio::from(file.try_clone()?), Stdio::from(file))));
    let (stdout, stderr) = streams.map_err(|error| format!("its output file cannot be opened: {error}"))?;
    command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).process_group(0);
    let mut child = command.spawn().map_err(|error| why_not(program, template, &error))?;
    moment::reached("mid-spawn");
    // It is ours until it is waited for, so its entry is there even when it has ended already.
    let seen = i32::try_from(child.id()).map_err(io::Error::other).and_then(procfs::seen);
    let reason = match seen {
        Ok(Some(seen)) => return Ok(Identity::of(seen, boot)),
        Ok(None) => "it vanished".to_owned(),
        Err(error) => error.to_string(),
    };
    let killed = child.kill().and_then(|()| child.wait()).map(|_| ());
    Err(format!("`{program}` was started, but /proc does not tell of it: {reason}; killed: {killed:?}"))
}

fn command(store: &Store, template: &Template, record: &Record) -> Command {
    let mut command = match template.command.split_first() {
        Some((program, arguments)) if !template.run_once => {
            let mut command = Command::new(program);
            command.args(arguments);
            command
        }
        _ => {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", KEEP_STATUS]).arg(store.end(&record.id)).args(&template.command);
            command
        }
    };
    command.env_clear();
    command.envs(INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.envs(&template.environment);
    command.envs(record.ports.iter().map(|(name, port)| (Template::port_variable(name), port.to_string())));
    command.env(procfs::INSTANCE, &record.id).env(procfs::DATA, &store.data);
    if let Some(directory) = template.dialect.get(DIRECTORY) {
        command.current_dir(directory);
    }
    command
}

fn why_not(program: &str, template: &Template, error: &io::Error) -> String {
    if let Some(directory) = template.dialect.get(DIRECTORY).filter(|directory| !Path::new(directory).is_dir()) {
        return format!("`{program}` cannot be started: there is no directory {directory}");
    }
    match error.kind() {
        ErrorKind::NotFound if program.contains('/') => format!("`{program}` cannot be started: there is no such file"),
        ErrorKind::NotFound => format!("`{program}` cannot be started: no such command in the PATH"),
        ErrorKind::PermissionDenied => format!("`{program}` cannot be started: not executable for this user"),
        _ => format!("`{program}` cannot be started: {error}"),
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// By itself.
    Status(i32),
    /// By a signal.
    Signal(i32),
    /// Nobody could ask: a former server started it.
    Unknown,
}

impl Exit {
    /// With the status that a run-once instance kept in a file, where this process could not ask for it.
    pub(super) fn or_kept(self, end: &Path) -> Self {
        let kept = || std::fs::read_to_string(end).ok()?.parse().ok().map(Self::Status);
        if self == Self::Unknown { kept().unwrap_or(self) } else { self }
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(status) => write!(f, "exited with status {status}"),
            // "signal: 9 (SIGKILL)"
            Self::Signal(signal) => write!(f, "ended by {}", ExitStatus::from_raw(*signal)),
            Self::Unknown => f.write_str("ended with a status that only the former server could ask for"),
        }
    }
}
