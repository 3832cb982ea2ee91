//! The master socket: commands to the master and, through it, to every worker.

use super::failure::Failure;
use std::{path::PathBuf, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    time::timeout,
};
use vamp_core::ErrorKind;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(5);
/// More than any answer to a question that is asked here.
const LONGEST_ANSWER: u64 = 64 << 20;

/// A master that answers on this socket.
#[derive(Clone, Debug)]
pub(super) struct Master {
    socket: PathBuf,
}

/// What `show proc` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Processes {
    /// The master.
    pub(super) master: i32,
    /// Reloads that were tried.
    pub(super) reloads: u64,
    /// Reloads in a row that failed.
    pub(super) failed: u64,
    /// The workers that take new connections.
    pub(super) serving: Vec<i32>,
    /// The workers that finish old connections.
    pub(super) leaving: Vec<i32>,
}

impl Master {
    pub(super) const fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Sends one line (or a line with a payload) and reads the whole answer.
    pub(super) async fn ask(&self, command: &str) -> Result<String, Failure> {
        let talk = async {
            let mut stream = UnixStream::connect(&self.socket).await?;
            stream.write_all(command.as_bytes()).await?;
            stream.write_all(b"\n").await?;
            // The master keeps the connection open otherwise.
            stream.shutdown().await?;
            let mut answer = Vec::new();
            stream.take(LONGEST_ANSWER).read_to_end(&mut answer).await?;
            Ok::<_, std::io::Error>(String::from_utf8_lossy(&answer).into_owned())
        };
        match timeout(ANSWER, talk).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(Failure::unavailable(format!("HAProxy's master socket: {error}"))),
            Err(_) => Err(Failure::new(
                ErrorKind::TimedOut,
                format!("HAProxy's master socket: no answer within {} s", ANSWER.as_secs()),
            )),
        }
    }

    /// The master and its workers.
    pub(super) async fn processes(&self) -> Result<Processes, Failure> {
        let answer = self.ask("show proc").await?;
        processes(&answer).ok_or_else(|| Failure::internal("HAProxy's answer to `show proc` cannot be read"))
    }
}

fn processes(answer: &str) -> Option<Processes> {
    let mut found = Processes::default();
    let mut leaving = false;
    for line in answer.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words.as_slice() {
            ["#", "old", "workers", ..] => leaving = true,
            [pid, "master", reloads, rest @ ..] => {
                found.master = pid.parse().ok()?;
                found.reloads = reloads.parse().ok()?;
                // `[failed: 1]`
                let failed = rest.iter().skip_while(|word| **word != "[failed:").nth(1);
                found.failed = failed.and_then(|word| word.trim_end_matches(']').parse().ok()).unwrap_or(0);
            }
            [pid, "worker", ..] => {
                let list = if leaving { &mut found.leaving } else { &mut found.serving };
                list.push(pid.parse().ok()?);
            }
            _ => {}
        }
    }
    (found.master > 0).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn show_proc_tells_serving_from_leaving_workers() {
        let answer = "#<PID>          <type>          <reloads>       <uptime>        <version>\n\
            17001           master          2 [failed: 1]   0d00h00m45s     2.6.12\n# workers\n\
            18523           worker          0               0d00h00m01s     2.6.12\n# old workers\n\
            17059           worker          1               0d00h00m45s     2.6.12\n# programs\n";
        let expected = Processes { master: 17001, reloads: 2, failed: 1, serving: vec![18523], leaving: vec![17059] };
        assert_eq!(processes(answer), Some(expected));
        assert_eq!(processes("nonsense"), None);
    }
}
