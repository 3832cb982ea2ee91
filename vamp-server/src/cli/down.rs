//! `vamp down`.

use super::{Trouble, args::DownArgs};
use crate::{compose, config::Given, instance::Server};
use rustix::process::{Pid, Signal, kill_process};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A server that was told to end has this long.
const PATIENCE: Duration = Duration::from_secs(15);

pub(super) async fn run(args: DownArgs) -> Result<(), Trouble> {
    if !args.data_dir.is_dir() {
        return Err(Trouble::Usage(format!(
            "{} is no data folder; name the server's with --data-dir",
            args.data_dir.display()
        )));
    }
    if let Some(server) = Server::of(&args.data_dir) {
        end(server).await?;
    }
    let given = Given { data_dir: Some(args.data_dir), ..Given::default() };
    let config = given.complete().map_err(|error| Trouble::Usage(error.to_string()))?;
    let instances = compose::stop(&config).await.map_err(|error| Trouble::Failed(error.report()))?;
    println!("stopped {instances} instances and HAProxy");
    Ok(())
}

async fn end(server: Server) -> Result<(), Trouble> {
    let Some(pid) = i32::try_from(server.pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
    let failed = |why: String| Trouble::Failed(format!("server {}: {why}", server.pid));
    kill_process(pid, Signal::TERM).map_err(|error| failed(error.to_string()))?;
    let deadline = Instant::now() + PATIENCE;
    while server.is_running() {
        if Instant::now() > deadline {
            return Err(failed(format!(
                "still runs {} s after it was told to end; kill it and try again",
                PATIENCE.as_secs()
            )));
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
