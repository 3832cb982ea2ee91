//! The listener: connections within limits, and an end in order.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{future::Future, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};

/// Connections at the same time; more wait until one ends.
const CONNECTIONS: u32 = 512;
/// How long a client may take to send the head of a request, and an idle connection is kept.
const TO_SEND_HEAD: Duration = Duration::from_secs(30);
/// How long requests in progress may take when the server is to end.
const TO_END: Duration = Duration::from_secs(5);
/// After a failed accept: out of file descriptors, mostly, which passes when connections close.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves the router until `stop` is ready; then requests in progress have 5 s to end.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let mut stop = pin!(stop);
    let (ending, ends) = watch::channel(());
    let connections = Arc::new(Semaphore::new(CONNECTIONS as usize));
    loop {
        let accept = async {
            // Nobody closes the semaphore.
            let permit = Arc::clone(&connections).acquire_owned().await.ok();
            (listener.accept().await, permit)
        };
        let (accepted, permit) = tokio::select! {
            accepted = accept => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let served = connection(stream, router.clone(), ends.clone());
                tokio::spawn(async move {
                    if let Err(error) = served.await {
                        tracing::debug!(%error, "connection");
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "accept");
                sleep(PAUSE).await;
            }
        }
    }
    drop((listener, ends));
    ending.send_replace(());
    // Every connection has ended when nobody holds a permit.
    if timeout(TO_END, connections.acquire_many(CONNECTIONS)).await.is_err() {
        tracing::warn!("requests in progress did not end within {TO_END:?} and are cut");
    }
}

/// Serves one connection; when the server ends, it ends with the request in progress.
async fn connection(stream: TcpStream, router: Router, mut ends: watch::Receiver<()>) -> hyper::Result<()> {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(TO_SEND_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    let mut served = pin!(served);
    tokio::select! {
        ended = &mut served => return ended,
        _ = ends.changed() => {}
    }
    served.as_mut().graceful_shutdown();
    served.await
}
