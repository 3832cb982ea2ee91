//! Who runs on this host, as `/proc` tells it.

use rustix::{
    fd::OwnedFd,
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    fs,
    io::{self, ErrorKind},
};

/// The environment variable that carries the id of an instance.
pub(super) const INSTANCE: &str = "VAMP_INSTANCE";
/// The environment variable that carries the id of the data folder.
pub(super) const DATA: &str = "VAMP_DATA";

/// One process of this host, of all times: a pid comes again, a pid with its start does not within one boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) pid: i32,
    /// Clock ticks after the boot.
    pub(super) started: u64,
    pub(super) boot: String,
}

/// A process as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seen {
    pub(super) pid: i32,
    pub(super) group: i32,
    pub(super) started: u64,
    /// Ended, and not yet asked for its status.
    pub(super) zombie: bool,
}

/// A process that carries the id of an instance of ours.
#[derive(Clone, Debug)]
pub(super) struct Carrier {
    pub(super) seen: Seen,
    pub(super) instance: String,
}

/// The id of this boot.
pub(super) fn boot_id() -> io::Result<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned())
}

/// The process with this pid; `None` = there is none.
pub(super) fn seen(pid: i32) -> io::Result<Option<Seen>> {
    let Some(stat) = unless_gone(fs::read_to_string(format!("/proc/{pid}/stat")))? else { return Ok(None) };
    let unreadable = || io::Error::new(ErrorKind::InvalidData, format!("/proc/{pid}/stat is not what it should be"));
    parse(pid, &stat).map(Some).ok_or_else(unreadable)
}

fn parse(pid: i32, stat: &str) -> Option<Seen> {
    // The second field is the name in parentheses and may contain anything; what follows is numbers.
    let (_, numbers) = stat.rsplit_once(')')?;
    let mut fields = numbers.split_ascii_whitespace();
    let zombie = matches!(fields.next()?, "Z" | "X");
    let group = fields.nth(1)?.parse().ok()?;
    let started = fields.nth(16)?.parse().ok()?;
    Some(Seen { pid, group, started, zombie })
}

impl Identity {
    /// The identity of a process that is there in this boot.
    pub(super) fn of(seen: Seen, boot: &str) -> Self {
        Self { pid: seen.pid, started: seen.started, boot: boot.to_owned() }
    }

    /// A handle of exactly this process; `None` = it is gone, and nobody has to ask for its status.
    pub(super) fn open(&self, boot: &str) -> io::Result<Option<(OwnedFd, Seen)>> {
        if self.boot != boot {
            return Ok(None);
        }
        open(self.pid, self.started)
    }
}

/// A handle of the process with this pid and start; `None` = it is gone. The start is compared after the handle is
/// open, so that the handle is of that very process.
fn open(pid: i32, started: u64) -> io::Result<Option<(OwnedFd, Seen)>> {
    let Some(number) = Pid::from_raw(pid) else { return Ok(None) };
    let Some(handle) = unless_gone(pidfd_open(number, PidfdFlags::empty()).map_err(io::Error::from))? else {
        return Ok(None);
    };
    Ok(seen(pid)?.filter(|now| now.started == started).map(|now| (handle, now)))
}

/// Sends a signal to exactly this process; one that is gone has got it.
pub(super) fn signal(target: Seen, signal: Signal) -> io::Result<()> {
    let Some((handle, _)) = open(target.pid, target.started)? else { return Ok(()) };
    unless_gone(pidfd_send_signal(&handle, signal).map_err(io::Error::from)).map(|_| ())
}

/// Sends a signal to the group that this process leads, if it is still there.
pub(super) fn signal_group(leader: &Identity, boot: &str, signal: Signal) -> io::Result<()> {
    let (Some(number), Some(_alive)) = (Pid::from_raw(leader.pid), leader.open(boot)?) else { return Ok(()) };
    unless_gone(kill_process_group(number, signal).map_err(io::Error::from)).map(|_| ())
}

/// The processes of this data folder, of one instance or all, and those in a group that one of them leads; save this
/// one. The environment finds a process that has left the group, the group one that has overwritten its environment.
///
/// `leaders` are alive or have ended just now: the number of a group that is long gone may be another's.
pub(super) fn family(data: &str, instance: Option<&str>, leaders: &[Identity]) -> io::Result<Vec<Seen>> {
    let all = all()?;
    let mut family: Vec<Seen> = carriers_among(&all, data)?
        .into_iter()
        .filter(|carrier| instance.is_none_or(|instance| carrier.instance == instance))
        .map(|carrier| carrier.seen)
        .collect();
    let reused = |leader: &Identity| all.iter().any(|seen| seen.pid == leader.pid && seen.started != leader.started);
    let mut groups: BTreeSet<i32> = family.iter().map(|seen| seen.pid).collect();
    groups.extend(leaders.iter().filter(|leader| !reused(leader)).map(|leader| leader.pid));
    family.extend(all.iter().filter(|seen| groups.contains(&seen.group)));
    family.sort();
    family.dedup();
    Ok(family)
}

/// Every process that carries the id of this data folder, save this one.
pub(super) fn carriers(data: &str) -> io::Result<Vec<Carrier>> {
    carriers_among(&all()?, data)
}

fn carriers_among(all: &[Seen], data: &str) -> io::Result<Vec<Carrier>> {
    let mut found = Vec::new();
    for seen in all {
        // The environment of another user's process cannot be read, and such a process is not ours.
        let Some(environment) = unless_foreign(fs::read(format!("/proc/{}/environ", seen.pid)))? else { continue };
        let ours = variable(&environment, DATA).is_some_and(|id| id == data);
        if let Some(instance) = variable(&environment, INSTANCE).filter(|_| ours) {
            found.push(Carrier { seen: *seen, instance });
        }
    }
    Ok(found)
}

/// Every process of this host that has not ended, save this one.
fn all() -> io::Result<Vec<Seen>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        if pid.unsigned_abs() == std::process::id() {
            continue;
        }
        found.extend(seen(pid)?.filter(|seen| !seen.zombie));
    }
    Ok(found)
}

fn variable(environment: &[u8], name: &str) -> Option<String> {
    let value = |entry: &[u8]| Some(entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?.to_vec());
    environment.split(|byte| *byte == 0).find_map(value).and_then(|value| String::from_utf8(value).ok())
}

/// `None` where the error says that the process ended while we looked.
fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    const ESRCH: i32 = 3;
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(ESRCH) => Ok(None),
        Err(error) => Err(error),
    }
}

fn unless_foreign<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match unless_gone(result) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(None),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_may_have_any_name() {
        let stat = "7 (a) b) (c) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 8765 1 2 3";
        assert_eq!(parse(7, stat), Some(Seen { pid: 7, group: 42, started: 8765, zombie: false }));
        assert_eq!(parse(7, "7 (a) S 1"), None);
    }

    #[test]
    fn a_variable_is_found_by_its_whole_name() {
        let environment = b"XVAMP_DATA=a\0VAMP_DATA_TOO=b\0VAMP_DATA=c\0";
        assert_eq!(variable(environment, DATA).as_deref(), Some("c"));
        assert_eq!(variable(environment, INSTANCE), None);
    }

    #[test]
    fn this_process_is_found_by_pid_and_start_and_not_with_another_start() {
        let us = seen(std::process::id().cast_signed()).unwrap().unwrap();
        let boot = boot_id().unwrap();
        let ours = Identity::of(us, &boot);
        assert!(ours.open(&boot).unwrap().is_some());
        assert!(ours.open("another boot").unwrap().is_none());
        assert!(Identity { started: us.started + 1, ..ours }.open(&boot).unwrap().is_none());
    }
}
