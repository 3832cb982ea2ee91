//! `vamp server`.

use super::{Trouble, args::ServerArgs};
use crate::{api, compose::Composition, config::Config, instance::Server};
use std::{fs, io};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    time::{Duration, Instant, sleep},
};

const FREE_WITHIN: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

pub(super) async fn run(args: ServerArgs) -> Result<(), Trouble> {
    let mut config = args.config().map_err(|error| Trouble::Usage(error.to_string()))?;
    let folder = config.data_dir.display();
    fs::create_dir_all(&config.data_dir)
        .map_err(|error| Trouble::Failed(format!("data folder {folder}: {error}; choose another with --data-dir")))?;
    // From here on the end comes in order, so that nothing is left half started.
    let ends = Ends::new().map_err(|error| Trouble::Failed(error.to_string()))?;
    // The port first: nothing is started for a server that nobody could reach.
    let listener = listen(&config).await?;
    // With port 0 the system picks one, and clients name that.
    config.listen = listener.local_addr().map_err(|error| Trouble::Failed(error.to_string()))?;
    let composition = Composition::open(&config).await.map_err(|error| Trouble::Failed(error.report()))?;
    Server::claim(&config.data_dir).map_err(|error| Trouble::Failed(format!("data folder {folder}: {error}")))?;
    serve(&config, listener, composition, ends).await
}

/// A server that was killed while it started a process may have left its listener to that, until the process begins its
/// own program: so a port that is taken gets a moment.
async fn listen(config: &Config) -> Result<TcpListener, Trouble> {
    let begun = Instant::now();
    let bound = loop {
        match TcpListener::bind(config.listen).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && begun.elapsed() < FREE_WITHIN => {
                sleep(LOOK_AGAIN).await;
            }
            bound => break bound,
        }
    };
    bound.map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => "another program listens there; end it, or choose another with --listen",
            io::ErrorKind::PermissionDenied => "ports below 1024 need root; choose another with --listen",
            _ => "choose another address with --listen",
        };
        Trouble::Failed(format!("cannot listen on {}: {error}; {hint}", config.listen))
    })
}

async fn serve(
    config: &Config,
    listener: TcpListener,
    composition: Composition,
    mut ends: Ends,
) -> Result<(), Trouble> {
    let (stop, stopped) = watch::channel(false);
    let until = |mut stopped: watch::Receiver<bool>| async move {
        // A sender that is gone means the end as well.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    let router = api::router_with(&composition.engine, config, composition.parts.clone());
    let api = tokio::spawn(api::serve(listener, router, until(stopped.clone())));
    let mut running = tokio::spawn(composition.run(until(stopped)));
    tracing::info!(listen = %config.listen, data_dir = %config.data_dir.display(), "ready");
    let failed = tokio::select! {
        () = ends.wait() => None,
        // Without the engine the API would accept what nobody carries out.
        ended = &mut running => Some(ended.map_or_else(|error| error.to_string(), |()| "it ended".to_owned())),
    };
    tracing::info!("ends; instances and HAProxy go on, `vamp down` stops them");
    let _ = stop.send(true);
    let failed = match failed {
        Some(why) => Some(why),
        None => running.await.err().map(|error| error.to_string()),
    };
    api.await.map_err(|error| Trouble::Failed(error.to_string()))?;
    failed.map_or(Ok(()), |why| Err(Trouble::Failed(format!("the engine failed: {why}"))))
}

/// SIGTERM and SIGINT.
struct Ends {
    terminate: Signal,
    interrupt: Signal,
    /// Listened to so that a file larger than is allowed is an error of that write, and not the end.
    _file_too_large: Signal,
}

impl Ends {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            _file_too_large: signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        })
    }

    /// Returns at the first signal, at once if it has come already.
    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
