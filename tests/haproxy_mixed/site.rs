//! An instance that answers in every way that a change must not disturb.

use crate::haproxy_support::{free_port, instance};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{
        DefaultBodyLimit, Path,
        ws::{WebSocket, WebSocketUpgrade},
    },
    response::Response,
    routing::get,
};
use futures_util::stream;
use std::{convert::Infallible, net::Ipv4Addr, time::Duration};
use tokio::{net::TcpListener, runtime::Runtime, time::sleep};
use vamp_core::routing::Instance;

/// The length of a large body.
pub(crate) const LARGE: usize = 5 << 20;
/// A download sends a piece of this length, then waits.
pub(crate) const PIECE: usize = 1_000;
const PAUSE: Duration = Duration::from_millis(100);

/// A web site in a runtime of its own: dropped, it is gone with all its connections, as a process that is killed.
pub(crate) struct Site {
    name: String,
    port: u16,
    runtime: Option<Runtime>,
}

impl Site {
    pub(crate) fn start(name: &str) -> Self {
        let port = free_port();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a free port");
        listener.set_nonblocking(true).expect("a socket that does not block");
        let pages = pages(name.to_owned());
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            axum::serve(listener, pages).await
        });
        Self { name: name.to_owned(), port, runtime: Some(runtime) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn instance(&self) -> Instance {
        instance(&self.name, self.port)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn pages(name: String) -> Router {
    Router::new()
        .route("/", get(async move || name))
        .route("/large", get(large).post(async |body: Bytes| body.len().to_string()))
        .route("/slow", get(slow))
        .route("/download/{pieces}", get(download))
        .route("/echo", get(async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(echo)))
        .layer(DefaultBodyLimit::max(2 * LARGE))
}

async fn large() -> Vec<u8> {
    vec![b'v'; LARGE]
}

/// As long polling: nothing for a second, then all.
async fn slow() -> &'static str {
    sleep(Duration::from_secs(1)).await;
    "slow"
}

/// Ten pieces a second.
async fn download(Path(pieces): Path<usize>) -> Response {
    let body = stream::unfold(0, move |sent| async move {
        if sent == pieces {
            return None;
        }
        sleep(PAUSE).await;
        Some((Ok::<_, Infallible>(Bytes::from(vec![b'd'; PIECE])), sent + 1))
    });
    let response = Response::builder().header("content-length", pieces * PIECE).body(Body::from_stream(body));
    response.expect("a response")
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if socket.send(message).await.is_err() {
            return;
        }
    }
}
