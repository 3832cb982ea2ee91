//! Puts load on the gateway: half of the requests on kept connections, half on fresh ones, half by users of Chrome.

use crate::traffic::{Population, Traffic};
use http_body_util::{BodyExt, Empty};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1::{self, SendRequest},
    header::{CONNECTION, HOST, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use std::{
    error::Error,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{interval, timeout},
};

/// No answer within this time is a failure.
const PATIENCE: Duration = Duration::from_secs(15);
/// After a failure, so that a gateway that is gone is not asked a million times.
const PAUSE: Duration = Duration::from_millis(20);
/// How often a sample is taken.
const SAMPLE: Duration = Duration::from_millis(250);

type Sender = SendRequest<Empty<Bytes>>;

/// The users, until they are stopped.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) traffic: Arc<Traffic>,
    stopping: Arc<AtomicBool>,
    users: JoinSet<()>,
}

impl Load {
    /// Lets `users` send one request after the other, each of them alternately on its kept and on a fresh connection.
    pub(crate) fn start(gateway: SocketAddr, users: usize) -> Result<Self, String> {
        let traffic = Arc::new(Traffic::new()?);
        let stopping = Arc::new(AtomicBool::new(false));
        let mut set = JoinSet::new();
        for user in 0..users {
            set.spawn(act(gateway, user, Arc::clone(&traffic), Arc::clone(&stopping)));
        }
        set.spawn(watch(Arc::clone(&traffic), Arc::clone(&stopping)));
        Ok(Self { traffic, stopping, users: set })
    }

    /// Lets every user finish the request in flight.
    pub(crate) async fn stop(mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        while self.users.join_next().await.is_some() {}
    }
}

async fn act(gateway: SocketAddr, user: usize, traffic: Arc<Traffic>, stopping: Arc<AtomicBool>) {
    let mut kept = None;
    // Users start at different turns, so that the four kinds of requests mix.
    for turn in user.. {
        if stopping.load(Ordering::Relaxed) {
            return;
        }
        let population = Population::ALL[turn / 2 % 2];
        let number = traffic.number();
        let started = Instant::now();
        let asking = async {
            if turn % 2 == 0 {
                on_kept(&mut kept, gateway, population).await
            } else {
                on_fresh(gateway, population).await
            }
        };
        let outcome = timeout(PATIENCE, asking).await.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")));
        let failed = outcome.is_err();
        traffic.note(number, population, started.elapsed(), outcome);
        if failed {
            kept = None;
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn watch(traffic: Arc<Traffic>, stopping: Arc<AtomicBool>) {
    let mut every = interval(SAMPLE);
    every.tick().await;
    while !stopping.load(Ordering::Relaxed) {
        every.tick().await;
        traffic.sample();
    }
}

async fn on_fresh(gateway: SocketAddr, population: Population) -> Result<String, String> {
    let mut sender = connect(gateway).await?;
    let sent = sender.send_request(request(gateway, population, true)?).await;
    version_of(sent.map_err(|error| format!("on a fresh connection: {}", explain(&error)))?).await
}

/// A connection that was closed while nobody used it is replaced, as every client does. Once a request is written it
/// must be answered: nothing is sent twice.
async fn on_kept(kept: &mut Option<Sender>, gateway: SocketAddr, population: Population) -> Result<String, String> {
    let mut request = request(gateway, population, false)?;
    loop {
        let (mut sender, reused) = match kept.take() {
            Some(sender) => (sender, true),
            None => (connect(gateway).await?, false),
        };
        if sender.ready().await.is_err() && reused {
            continue;
        }
        match sender.try_send_request(request).await {
            Ok(response) => {
                let version = version_of(response).await?;
                *kept = Some(sender);
                return Ok(version);
            }
            Err(mut refused) => match refused.take_message() {
                Some(unsent) if reused => request = unsent,
                _ => return Err(format!("on a kept connection: {}", explain(refused.error()))),
            },
        }
    }
}

async fn connect(gateway: SocketAddr) -> Result<Sender, String> {
    let stream = TcpStream::connect(gateway).await.map_err(|error| format!("connect to {gateway}: {error}"))?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| explain(&error))?;
    // What goes wrong on the connection is the error of the request on it.
    tokio::spawn(connection);
    Ok(sender)
}

fn request(gateway: SocketAddr, population: Population, last: bool) -> Result<Request<Empty<Bytes>>, String> {
    let mut builder = Request::get("/").header(HOST, gateway.to_string()).header(USER_AGENT, population.user_agent());
    if last {
        builder = builder.header(CONNECTION, "close");
    }
    builder.body(Empty::new()).map_err(|error| error.to_string())
}

/// Reads the whole answer; the version it names.
async fn version_of(response: Response<Incoming>) -> Result<String, String> {
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| format!("the answer was cut: {}", explain(&error)))?;
    if head.status != StatusCode::OK {
        let text = String::from_utf8_lossy(&body.to_bytes()).chars().take(80).collect::<String>();
        return Err(format!("status {}: {}", head.status, text.replace('\n', " ")));
    }
    let version = head.headers.get("x-version").and_then(|value| value.to_str().ok());
    version.map(str::to_owned).ok_or_else(|| "an answer without X-Version".to_owned())
}

/// An error with its causes: hyper's own text says only the half.
pub(crate) fn explain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    const GOOD: &str = "HTTP/1.1 200 OK\r\nx-version: 1.0\r\ncontent-length: 2\r\n\r\nok";

    /// Gives each connection these answers, one for each request, and closes it then.
    async fn gateway(answers: &'static [&'static str]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                for answer in answers {
                    let mut request = [0; 1024];
                    if stream.read(&mut request).await.expect("a request") == 0 {
                        break;
                    }
                    stream.write_all(answer.as_bytes()).await.expect("written");
                }
            }
        });
        address
    }

    #[tokio::test]
    async fn an_answer_names_its_version_on_both_kinds_of_connections() {
        let address = gateway(&[GOOD]).await;
        assert_eq!(on_fresh(address, Population::Chrome).await, Ok("1.0".to_owned()));
        assert_eq!(on_kept(&mut None, address, Population::Others).await, Ok("1.0".to_owned()));
    }

    #[tokio::test]
    async fn a_kept_connection_is_used_again_and_replaced_when_it_was_closed_between_requests() {
        let address = gateway(&[GOOD, GOOD]).await;
        let mut kept = None;
        for _ in 0..5 {
            assert_eq!(on_kept(&mut kept, address, Population::Chrome).await, Ok("1.0".to_owned()));
        }
    }

    #[tokio::test]
    async fn a_request_that_is_read_and_not_answered_is_a_failure_on_a_kept_connection_too() {
        let address = gateway(&[GOOD, ""]).await;
        let mut kept = None;
        assert!(on_kept(&mut kept, address, Population::Chrome).await.is_ok());
        let failure = on_kept(&mut kept, address, Population::Chrome).await.expect_err("it was not answered");
        assert!(failure.starts_with("on a kept connection"), "{failure}");
    }

    #[tokio::test]
    async fn a_refusal_a_cut_answer_and_one_without_version_are_failures() {
        for (answers, word) in [
            (&["HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nnone"], "503"),
            (&["HTTP/1.1 200 OK\r\nx-version: 1.0\r\ncontent-length: 9\r\n\r\nok"], "cut"),
            (&["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"], "X-Version"),
        ] {
            let failure = on_fresh(gateway(answers).await, Population::Chrome).await.expect_err(word);
            assert!(failure.contains(word), "{failure}");
        }
    }

    #[tokio::test]
    async fn a_gateway_that_does_not_listen_is_a_failure() {
        let closed = {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            listener.local_addr().expect("its address")
        };
        assert!(on_fresh(closed, Population::Chrome).await.is_err_and(|failure| failure.starts_with("connect")));
    }
}
