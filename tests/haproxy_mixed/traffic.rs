//! Clients of every kind, each of which goes on until it is told to end, and keeps what went wrong.

use crate::{
    site::{LARGE, PIECE},
    tls,
};
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::{
    Request,
    body::Bytes,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use std::{
    collections::BTreeMap,
    error::Error,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_tungstenite::{client_async, tungstenite::Message};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;
type Connection = SendRequest<Full<Bytes>>;

/// Between two requests of one client: this is about what is lost, not about how much goes through.
const PAUSE: Duration = Duration::from_millis(5);

/// Beyond the length of a download.
const DEADLINE: Duration = Duration::from_secs(120);

/// The port that a client connects to, and whether over TLS.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    Plain(u16),
    Tls(u16),
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What one kind of client saw.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) done: u64,
    pub(crate) failures: Vec<String>,
}

/// Clients of every kind at one gateway.
pub(crate) struct Traffic {
    clients: JoinSet<(&'static str, Tally)>,
    stop: Arc<AtomicBool>,
}

impl Traffic {
    /// Downloads are of so many pieces, ten a second.
    pub(crate) fn start(plain: Way, safe: Way, pieces: usize) -> Self {
        let mut traffic = Self { clients: JoinSet::new(), stop: Arc::default() };
        let page = format!("/download/{pieces}");
        for _ in 0..2 {
            traffic.repeat("fresh connections", move || async move { small(&mut connect(plain).await?).await });
            traffic.repeat("large answers", move || large(plain, "GET"));
            traffic.repeat("large requests", move || large(plain, "POST"));
            traffic.go_on("kept connections over TLS", move |kept| kept_alive(kept, safe));
        }
        for _ in 0..4 {
            let page = page.clone();
            traffic.repeat("slow answers", move || exact(plain, "/slow".to_owned(), 4));
            traffic.repeat("downloads", move || exact(plain, page.clone(), pieces * PIECE));
            traffic.go_on("kept connections", move |kept| kept_alive(kept, plain));
            traffic.go_on("clients with cookies", move |cookies| remembered(cookies, plain));
            traffic.web_socket(plain);
        }
        traffic.repeat("fresh connections over TLS", move || async move { small(&mut connect(safe).await?).await });
        traffic.repeat("large answers over TLS", move || large(safe, "GET"));
        traffic.repeat("downloads over TLS", move || exact(safe, page.clone(), pieces * PIECE));
        traffic.web_socket(safe);
        traffic
    }

    /// Does it again and again.
    fn repeat<F>(&mut self, kind: &'static str, once: impl Fn() -> F + Send + 'static)
    where
        F: Future<Output = Outcome<()>> + Send,
    {
        self.go_on(kind, move |()| once());
    }

    /// Does it again and again with what the time before left; after a failure with nothing.
    fn go_on<S, F>(&mut self, kind: &'static str, once: impl Fn(S) -> F + Send + 'static)
    where
        S: Default + Send,
        F: Future<Output = Outcome<S>> + Send,
    {
        let stop = Arc::clone(&self.stop);
        self.clients.spawn(async move {
            let (mut tally, mut left) = (Tally::default(), S::default());
            while !stop.load(Ordering::Relaxed) {
                left = tally.count(timeout(DEADLINE, once(left)).await.map_err(Into::into).flatten());
                sleep(PAUSE).await;
            }
            (kind, tally)
        });
    }

    /// One WebSocket for the whole time.
    fn web_socket(&mut self, way: Way) {
        let stop = Arc::clone(&self.stop);
        self.clients.spawn(async move {
            let mut tally = Tally::default();
            if let Err(error) = echoes(way, &stop, &mut tally.done).await {
                tally.failures.push(format!("after {} messages: {error}", tally.done));
            }
            ("WebSockets", tally)
        });
    }

    /// Lets every client finish what it began; what each kind saw.
    pub(crate) async fn stop(mut self) -> BTreeMap<&'static str, Tally> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all: BTreeMap<&'static str, Tally> = BTreeMap::new();
        while let Some(client) = self.clients.join_next().await {
            let (kind, tally) = client.expect("a client ends by itself");
            let sum = all.entry(kind).or_default();
            sum.done += tally.done;
            sum.failures.extend(tally.failures);
        }
        all
    }
}

impl Tally {
    fn count<S: Default>(&mut self, outcome: Outcome<S>) -> S {
        match outcome {
            Ok(left) => {
                self.done += 1;
                left
            }
            Err(error) => {
                self.failures.push(error.to_string());
                S::default()
            }
        }
    }
}

async fn open(way: Way) -> Outcome<Box<dyn Stream>> {
    Ok(match way {
        Way::Plain(port) => {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
            stream.set_nodelay(true)?;
            Box::new(stream)
        }
        Way::Tls(port) => Box::new(tls::connect(port, &["http/1.1"]).await?),
    })
}

async fn connect(way: Way) -> Outcome<Connection> {
    let (sender, connection) = http1::handshake(TokioIo::new(open(way).await?)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// The body of a successful answer, read to its end, and whether the connection may be used again.
async fn fetch(connection: &mut Connection, method: &str, path: &str, body: Bytes) -> Outcome<(Bytes, bool)> {
    let request = Request::builder().method(method).uri(path).header("host", "shop").body(Full::new(body))?;
    let response = connection.send_request(request).await?;
    let closes = response.headers().get("connection").is_some_and(|value| value == "close");
    if !response.status().is_success() {
        return Err(format!("{method} {path}: {}", response.status()).into());
    }
    let body = response.into_body().collect().await.map_err(|error| format!("{method} {path} was cut: {error}"))?;
    Ok((body.to_bytes(), !closes))
}

async fn small(connection: &mut Connection) -> Outcome<()> {
    fetch(connection, "GET", "/", Bytes::new()).await.map(drop)
}

/// A request over the connection that was kept; gives it back, unless the other side announced its end.
async fn kept_alive(kept: Option<Connection>, way: Way) -> Outcome<Option<Connection>> {
    let mut connection = match kept {
        Some(connection) => connection,
        None => connect(way).await?,
    };
    connection.ready().await?;
    let (_, again) = fetch(&mut connection, "GET", "/", Bytes::new()).await?;
    Ok(again.then_some(connection))
}

/// A request with all cookies that came so far, as a browser sends them; gives them back with the new ones.
async fn remembered(mut cookies: BTreeMap<String, String>, way: Way) -> Outcome<BTreeMap<String, String>> {
    let sent: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = Request::get("/").header("host", "shop").header("cookie", sent.join("; ")).body(Full::default())?;
    let response = connect(way).await?.send_request(request).await?;
    if !response.status().is_success() {
        return Err(format!("with {sent:?}: {}", response.status()).into());
    }
    for cookie in response.headers().get_all("set-cookie") {
        let pair = cookie.to_str()?.split(';').next().and_then(|pair| pair.split_once('='));
        let (name, value) = pair.ok_or("a cookie without a value")?;
        cookies.insert(name.to_owned(), value.to_owned());
    }
    Ok(cookies)
}

async fn large(way: Way, method: &str) -> Outcome<()> {
    let sent = if method == "POST" { LARGE } else { 0 };
    let (body, _) = fetch(&mut connect(way).await?, method, "/large", vec![b'v'; sent].into()).await?;
    let whole = if method == "POST" { body == LARGE.to_string() } else { body.len() == LARGE };
    if whole { Ok(()) } else { Err(format!("{method} /large: {} bytes came back", body.len()).into()) }
}

async fn exact(way: Way, path: String, length: usize) -> Outcome<()> {
    let (body, _) = fetch(&mut connect(way).await?, "GET", &path, Bytes::new()).await?;
    if body.len() == length { Ok(()) } else { Err(format!("{path}: {} bytes, not {length}", body.len()).into()) }
}

/// Ten messages a second and their echoes.
async fn echoes(way: Way, stop: &AtomicBool, done: &mut u64) -> Outcome<()> {
    let (mut socket, _) = client_async("ws://shop/echo", open(way).await?).await?;
    let mut beat = tokio::time::interval(Duration::from_millis(100));
    while !stop.load(Ordering::Relaxed) {
        beat.tick().await;
        let message = Message::text(done.to_string());
        socket.send(message.clone()).await?;
        let echo = timeout(DEADLINE, socket.next()).await?.ok_or("the WebSocket ended")??;
        if echo != message {
            return Err(format!("{echo:?} came back for {message:?}").into());
        }
        *done += 1;
    }
    socket.close(None).await?;
    Ok(())
}
