//! A small HTTP service to release: it says which version and which instance answered.
//!
//! `PORT_WEB=8081 VERSION=1.0 cargo run --example sava`, then `curl -i 127.0.0.1:8081/`.
//!
//! It handles no signal, so SIGTERM ends it at once: whoever stops it too early loses requests and sees it.

use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body, Bytes, Frame, Incoming, SizeHint},
    header::{CONNECTION, CONTENT_TYPE, HeaderValue, UPGRADE},
    server::conn::http1,
    service::service_fn,
    upgrade::OnUpgrade,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    env, fmt, io,
    net::Ipv4Addr,
    pin::Pin,
    process::ExitCode,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Interval, interval},
};

/// The longest `/slow` answer, in seconds.
const LONGEST: u64 = 600;

type Answer = Response<BoxBody<Bytes, Infallible>>;

/// Who answers.
#[derive(Debug)]
struct Identity {
    version: HeaderValue,
    instance: HeaderValue,
    text: String,
}

impl Identity {
    fn from_environment() -> Result<Self, String> {
        let version = env::var("VERSION").unwrap_or_else(|_| "unknown".to_owned());
        let instance = env::var("VAMP_INSTANCE").unwrap_or_else(|_| "unknown".to_owned());
        let text = serde_json::json!({ "service": "sava", "version": version, "instance": instance }).to_string();
        let header = |name: &str, value: &str| {
            HeaderValue::from_str(value).map_err(|_| format!("{name} is not text for a header: {value:?}"))
        };
        Ok(Self { version: header("VERSION", &version)?, instance: header("VAMP_INSTANCE", &instance)?, text })
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("sava: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), String> {
    let text = env::var("PORT_WEB").map_err(|_| "set PORT_WEB to the port to listen on".to_owned())?;
    let port: u16 = text.parse().map_err(|_| format!("PORT_WEB is not a port: {text:?}"))?;
    let identity = Arc::new(Identity::from_environment()?);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|error| format!("cannot listen on 127.0.0.1:{port}: {error}"))?;
    println!("sava listens on 127.0.0.1:{port}: {}", identity.text);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(connection(stream, Arc::clone(&identity)));
            }
            // Out of file descriptors, mostly: it passes when connections close.
            Err(error) => {
                eprintln!("sava: accept: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, identity: Arc<Identity>) {
    if let Err(error) = stream.set_nodelay(true) {
        eprintln!("sava: nodelay: {error}");
    }
    let service = service_fn(move |request| {
        let answer = answer(request, &identity);
        async move { Ok::<_, Infallible>(answer) }
    });
    let served = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.with_upgrades().await {
        eprintln!("sava: connection: {error}");
    }
}

fn answer(request: Request<Incoming>, identity: &Identity) -> Answer {
    let mut answer = match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => json(StatusCode::OK, identity.text.clone()),
        (&Method::GET, "/health") => json(StatusCode::OK, r#"{"healthy":true}"#.to_owned()),
        (&Method::GET, "/slow") => slow(request.uri().query().unwrap_or("")),
        (&Method::GET, "/stream") => stream(request),
        _ => {
            json(StatusCode::NOT_FOUND, r#"{"message":"there are /, /health, /slow?seconds=8 and /stream"}"#.to_owned())
        }
    };
    answer.headers_mut().insert("x-version", identity.version.clone());
    answer.headers_mut().insert("x-instance", identity.instance.clone());
    answer
}

fn json(status: StatusCode, text: String) -> Answer {
    let mut answer = Response::new(Full::from(text).boxed());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// The headers at once, then one byte a second.
fn slow(query: &str) -> Answer {
    let seconds = query.strip_prefix("seconds=").unwrap_or("8").parse::<u64>();
    match seconds {
        Ok(seconds) if seconds <= LONGEST => Response::new(Drip::new(seconds).boxed()),
        _ => json(StatusCode::BAD_REQUEST, format!(r#"{{"message":"seconds is a number from 0 to {LONGEST}"}}"#)),
    }
}

/// Switches the protocol, as a WebSocket does, and echoes what comes until the client closes.
fn stream(mut request: Request<Incoming>) -> Answer {
    let Some(protocol) = request.headers().get(UPGRADE).cloned() else {
        return json(StatusCode::UPGRADE_REQUIRED, r#"{"message":"ask for an Upgrade"}"#.to_owned());
    };
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Err(error) = echo(upgrade).await {
            eprintln!("sava: stream: {error}");
        }
    });
    let mut answer = Response::new(Full::default().boxed());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    answer.headers_mut().insert(UPGRADE, protocol);
    answer
}

async fn echo(upgrade: OnUpgrade) -> io::Result<()> {
    let mut stream = TokioIo::new(upgrade.await.map_err(io::Error::other)?);
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return stream.shutdown().await;
        }
        stream.write_all(&buffer[..read]).await?;
        stream.flush().await?;
    }
}

/// A body that yields one byte a second. Its length is announced, so that a cut is an error for the client.
struct Drip {
    left: u64,
    every: Interval,
}

impl Drip {
    fn new(seconds: u64) -> Self {
        let second = Duration::from_secs(1);
        let mut every = interval(second);
        every.reset();
        Self { left: seconds, every }
    }
}

impl fmt::Debug for Drip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drip").field("left", &self.left).finish_non_exhaustive()
    }
}

impl Body for Drip {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        ready!(self.every.poll_tick(context));
        self.left -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b".")))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_slow_answer_sends_its_length_first_and_a_byte_a_second() {
        let started = tokio::time::Instant::now();
        let answer = slow("seconds=8");
        assert_eq!(answer.body().size_hint().exact(), Some(8));
        let body = answer.into_body().collect().await.expect("it cannot fail").to_bytes();
        assert_eq!(body.len(), 8);
        assert_eq!(started.elapsed().as_secs(), 8);
    }

    #[test]
    fn a_length_that_is_no_number_or_too_long_is_refused() {
        for query in ["seconds=x", "seconds=601", "seconds=-1", "seconds="] {
            assert_eq!(slow(query).status(), StatusCode::BAD_REQUEST, "{query}");
        }
    }
}
