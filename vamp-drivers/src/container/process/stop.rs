//! Stops everything of a data folder, for `vamp down`.

use super::{procfs, store::Store};
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
        let store = Store::open(&path, Duration::ZERO)?;
        stop(&store.data, grace)
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
pub(super) fn stop(data: &str, grace: Duration) -> io::Result<usize> {
    let family = procfs::family(data, None, None)?;
    let count = family.len();
    for process in family {
        procfs::signal(process, Signal::TERM)?;
    }
    if wait(data, Instant::now() + grace, None)? || wait(data, Instant::now() + AFTER_KILL, Some(Signal::KILL))? {
        return Ok(count);
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "some processes do not die"))
}

/// Waits until nobody is left, and sends each that is there the signal; answers whether all are gone.
fn wait(data: &str, deadline: Instant, signal: Option<Signal>) -> io::Result<bool> {
    loop {
        let left = procfs::family(data, None, None)?;
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
