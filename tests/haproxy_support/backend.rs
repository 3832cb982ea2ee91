//! An HTTP server that answers its name.

use super::instance;
use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use vamp_core::routing::Instance;

/// Ends with all its connections when it is dropped, as a process that is killed.
#[derive(Debug)]
pub struct Backend {
    pub name: String,
    pub port: u16,
    requests: Arc<AtomicU64>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Backend {
    pub async fn start(name: &str) -> Self {
        Self::slow(name, Duration::ZERO).await
    }

    /// Takes so long for each answer.
    pub async fn slow(name: &str, delay: Duration) -> Self {
        let port = super::free_port();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.expect("a free port");
        let requests = Arc::new(AtomicU64::new(0));
        let accepting = tokio::spawn(accept(listener, name.to_owned(), Arc::clone(&requests), delay));
        Self { name: name.to_owned(), port, requests, accepting }
    }

    /// How many requests it got.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// This backend as an instance of a route.
    pub fn instance(&self) -> Instance {
        instance(&self.name, self.port)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, name: String, requests: Arc<AtomicU64>, delay: Duration) {
    // Dropped with this task, and the connections with it.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        connections.spawn(answer(stream, name.clone(), Arc::clone(&requests), delay));
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(mut stream: TcpStream, name: String, requests: Arc<AtomicU64>, delay: Duration) {
    let mut received = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = received.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            match stream.read_buf(&mut received).await {
                Ok(length) if length > 0 => {}
                _ => return,
            }
        };
        let head = String::from_utf8_lossy(&received[..end]).into_owned();
        received.drain(..end);
        requests.fetch_add(1, Ordering::Relaxed);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        // The name in the body; what arrived in a header, for tests of rewrites and forwarding.
        let path = head.split(' ').nth(1).unwrap_or_default();
        let told = |line: &&str| ["x-forwarded-", "forwarded:", "host:"].iter().any(|name| line.starts_with(name));
        let forwarded: Vec<&str> = head.lines().filter(told).collect();
        let reply = format!(
            "HTTP/1.1 200 OK\r\nx-path: {path}\r\nx-forwarded: {}\r\ncontent-length: {}\r\n\r\n{name}",
            forwarded.join("|"),
            name.len()
        );
        if stream.write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}
