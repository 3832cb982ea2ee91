//! Long responses and streams that are open on a version while it is removed.

use crate::{load::explain, problem::Problem};
use http_body_util::{BodyExt, Empty};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::{CONNECTION, HOST, UPGRADE},
    upgrade::Upgraded,
};
use hyper_util::rt::TokioIo;
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    task::JoinHandle,
    time::{Instant, interval, timeout},
};

/// So many answers of the other version are thrown away before the demo gives up.
const ATTEMPTS: usize = 500;
/// A stream answers within this time.
const ECHO: Duration = Duration::from_secs(5);

type Ending = Result<Instant, String>;

/// What is open on one version.
#[derive(Debug)]
pub(crate) struct Held {
    responses: Vec<JoinHandle<Ending>>,
    streams: Vec<JoinHandle<Ending>>,
    close: watch::Sender<bool>,
}

/// How the held connections ended.
#[derive(Debug)]
pub(crate) struct Endings {
    pub(crate) responses: Vec<Ending>,
    pub(crate) streams: Vec<Ending>,
}

impl Held {
    /// Opens long responses of so many seconds and streams, all on this version.
    pub(crate) async fn open(
        gateway: SocketAddr,
        version: &str,
        responses: usize,
        seconds: u64,
        streams: usize,
    ) -> Result<Self, Problem> {
        let (close, closing) = watch::channel(false);
        let mut held = Self { responses: Vec::new(), streams: Vec::new(), close };
        for _ in 0..streams {
            let response = on_version(gateway, version, "/stream").await?;
            let upgraded = hyper::upgrade::on(response).await.map_err(|error| explain(&error))?;
            held.streams.push(tokio::spawn(tick(upgraded, closing.clone())));
        }
        for _ in 0..responses {
            let response = on_version(gateway, version, &format!("/slow?seconds={seconds}")).await?;
            held.responses.push(tokio::spawn(read(response, seconds)));
        }
        Ok(held)
    }

    /// How many responses and streams have not ended.
    pub(crate) fn still_open(&self) -> (usize, usize) {
        let open = |tasks: &[JoinHandle<Ending>]| tasks.iter().filter(|task| !task.is_finished()).count();
        (open(&self.responses), open(&self.streams))
    }

    /// Waits for the responses, then closes the streams.
    pub(crate) async fn finish(self) -> Endings {
        let responses = endings(self.responses).await;
        // Nobody listens any more when all streams have broken.
        let _ = self.close.send(true);
        Endings { responses, streams: endings(self.streams).await }
    }
}

impl Endings {
    /// When the last of them ended well.
    pub(crate) fn last(&self) -> Option<Instant> {
        self.responses.iter().chain(&self.streams).flatten().max().copied()
    }

    /// How those that did not end well did end.
    pub(crate) fn broken(&self) -> impl Iterator<Item = &String> {
        self.responses.iter().chain(&self.streams).filter_map(|ending| ending.as_ref().err())
    }
}

async fn endings(tasks: Vec<JoinHandle<Ending>>) -> Vec<Ending> {
    let mut endings = Vec::new();
    for task in tasks {
        endings.push(task.await.unwrap_or_else(|error| Err(error.to_string())));
    }
    endings
}

/// Asks until this version answers; answers of another one are dropped.
async fn on_version(gateway: SocketAddr, version: &str, path: &str) -> Result<Response<Incoming>, Problem> {
    for _ in 0..ATTEMPTS {
        let response = ask(gateway, path).await.map_err(|error| format!("GET {path}: {error}"))?;
        if !matches!(response.status(), StatusCode::OK | StatusCode::SWITCHING_PROTOCOLS) {
            return Err(Problem::new(format!("GET {path}: {}", response.status())));
        }
        if response.headers().get("x-version").is_some_and(|answered| answered == version) {
            return Ok(response);
        }
    }
    Err(Problem::new(format!("GET {path}: none of {ATTEMPTS} answers came from version {version}")))
}

async fn ask(gateway: SocketAddr, path: &str) -> Result<Response<Incoming>, String> {
    let stream = TcpStream::connect(gateway).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| explain(&error))?;
    tokio::spawn(connection.with_upgrades());
    let mut builder = Request::get(path).header(HOST, gateway.to_string());
    if path == "/stream" {
        builder = builder.header(CONNECTION, "upgrade").header(UPGRADE, "ticks");
    }
    let request = builder.body(Empty::<Bytes>::new()).map_err(|error| error.to_string())?;
    sender.send_request(request).await.map_err(|error| explain(&error))
}

async fn read(response: Response<Incoming>, seconds: u64) -> Ending {
    let body = response.into_body().collect().await.map_err(|error| format!("a long response: {}", explain(&error)))?;
    let length = body.to_bytes().len() as u64;
    if length == seconds { Ok(Instant::now()) } else { Err(format!("a long response has {length} of {seconds} bytes")) }
}

/// Sends a tick and reads it back, five times a second, until told to close.
async fn tick(upgraded: Upgraded, mut closing: watch::Receiver<bool>) -> Ending {
    let mut stream = TokioIo::new(upgraded);
    let mut every = interval(Duration::from_millis(200));
    for number in 0_u32.. {
        tokio::select! {
            _ = closing.wait_for(|close| *close) => break,
            _ = every.tick() => {}
        }
        let sent = number.to_be_bytes();
        let echo = async {
            stream.write_all(&sent).await?;
            stream.flush().await?;
            let mut received = [0; 4];
            stream.read_exact(&mut received).await.map(|_| received)
        };
        match timeout(ECHO, echo).await {
            Ok(Ok(received)) if received == sent => {}
            Ok(Ok(received)) => return Err(format!("a stream echoes {received:?} for {sent:?}")),
            Ok(Err(error)) => return Err(format!("a stream broke at tick {number}: {error}")),
            Err(_) => return Err(format!("a stream gives no echo within {ECHO:?}")),
        }
    }
    stream.shutdown().await.map_err(|error| format!("closing a stream: {error}"))?;
    Ok(Instant::now())
}
