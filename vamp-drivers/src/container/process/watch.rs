//! Notices at once that a process has ended, whoever started it.

use super::{
    procfs::{self, Identity},
    spawn::Exit,
};
use rustix::{
    fd::{AsFd, OwnedFd},
    process::{Signal, WaitId, WaitIdOptions, waitid},
};
use std::{io, time::Duration};
use tokio::io::{Interest, unix::AsyncFd};

/// Passes over all processes, until one finds nobody.
const PASSES: usize = 20;

/// Returns when the process has ended, and reaps it if it was started by this very process.
pub(super) async fn ended(handle: OwnedFd) -> io::Result<Exit> {
    // A pidfd is readable once its process has ended; waiting for it as a parent would need to be its parent.
    #[allow(
        deprecated,
        reason = "its successor is unsafe; an owned descriptor that nobody else closes keeps what it asks for"
    )]
    let handle = AsyncFd::with_interest(handle, Interest::READABLE)?;
    drop(handle.readable().await?);
    let status = waitid(WaitId::PidFd(handle.get_ref().as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
    Ok(match status {
        Ok(Some(status)) => match (status.exit_status(), status.terminating_signal()) {
            (Some(status), _) => Exit::Status(status),
            (None, Some(signal)) => Exit::Signal(signal),
            (None, None) => Exit::Unknown,
        },
        // Not our child.
        Ok(None) | Err(_) => Exit::Unknown,
    })
}

/// Kills what is left of an instance: whoever carries its id, and the group of a leader that is there or has ended just
/// now. Returns when nobody is left.
pub(super) fn sweep(data: &str, instance: &str, leaders: &[Identity]) -> io::Result<()> {
    for _ in 0..PASSES {
        let left = procfs::family(data, Some(instance), leaders)?;
        if left.is_empty() {
            return Ok(());
        }
        for process in left {
            procfs::signal(process, Signal::KILL)?;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, format!("processes of instance {instance} do not die")))
}
