//! Stops everything of a data folder, for `vamp down`.

use super::{
    procfs::{self, Identity, Seen},
    record::Stage,
    store::Store,
};
use rustix::process::Signal;
use std::{
    io,
    path::Path,
    time::{Duration, Instant},
};
use vamp_core::{Error, ErrorKind, Result};

/// Between two looks at who is left.
const EVERY: Duration = Duration::from_millis(20);
/// From the kill until everybody has to be gone.
const AFTER_KILL: Duration = Duration::from_secs(5);
/// For a server that is just ending.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// Stops every process of a folder that no server uses; answers how many there were. What was deployed stays recorded:
/// the next server on this folder starts it again.
///
/// # Errors
/// `Conflict` when a server uses the folder: it would start them again. `TimedOut` when some do not die.
pub async fn stop_folder(folder: &Path, grace: Duration) -> Result<usize> {
    let path = folder.to_owned();
    let stopped = tokio::task::spawn_blocking(move || {
        if !path.try_exists()? {
            return Ok(0);
        }
        stop(&Store::open(&path, LOCK_PATIENCE)?, grace)
    });
    finish(stopped.await.map_err(io::Error::other).and_then(|stopped| stopped), folder.display().to_string())
}

pub(super) fn finish(stopped: io::Result<usize>, subject: String) -> Result<usize> {
    stopped.map_err(|error| {
        let kind = match error.kind() {
            io::ErrorKind::WouldBlock => ErrorKind::Conflict,
            io::ErrorKind::TimedOut => ErrorKind::TimedOut,
            io::ErrorKind::PermissionDenied => ErrorKind::Denied,
            _ => ErrorKind::Internal,
        };
        Error::new(kind, super::DRIVER, "stop", subject).because(error)
    })
}

/// The polite signal, `grace`, the kill. Answers how many processes there were.
pub(super) fn stop(store: &Store, grace: Duration) -> io::Result<usize> {
    let family = Family { data: &store.data, leaders: leaders(store)? };
    let members = family.members()?;
    let count = members.len();
    for process in members {
        procfs::signal(process, Signal::TERM)?;
    }
    if family.gone_by(Instant::now() + grace, None)?
        || family.gone_by(Instant::now() + AFTER_KILL, Some(Signal::KILL))?
    {
        return Ok(count);
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "some processes do not die"))
}

/// The recorded processes that are there.
fn leaders(store: &Store) -> io::Result<Vec<Identity>> {
    let boot = procfs::boot_id()?;
    let mut leaders = Vec::new();
    for record in store.load()?.into_iter().flat_map(|stored| stored.records) {
        if let Stage::Started(identity) = record.stage
            && identity.open(&boot)?.is_some()
        {
            leaders.push(identity);
        }
    }
    Ok(leaders)
}

/// All processes of a folder.
struct Family<'a> {
    data: &'a str,
    leaders: Vec<Identity>,
}

impl Family<'_> {
    fn members(&self) -> io::Result<Vec<Seen>> {
        procfs::family(self.data, None, &self.leaders)
    }

    /// Waits until nobody is left, and sends each that is there the signal; answers whether all are gone.
    fn gone_by(&self, deadline: Instant, signal: Option<Signal>) -> io::Result<bool> {
        loop {
            let left = self.members()?;
            if left.is_empty() {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            for process in left {
                signal.map_or(Ok(()), |signal| procfs::signal(process, signal))?;
            }
            std::thread::sleep(EVERY);
        }
    }
}
