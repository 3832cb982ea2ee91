//! Instances that do not do what they should.

use crate::haproxy_support::free_port;
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU16, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinHandle,
};

/// Answers every request with one status, or closes the connection.
#[derive(Debug)]
pub(crate) struct Failing {
    pub(crate) port: u16,
    /// 0 closes the connection.
    status: Arc<AtomicU16>,
    answered: Arc<Mutex<Vec<u16>>>,
    accepting: JoinHandle<()>,
}

impl Failing {
    pub(crate) async fn closing() -> Self {
        Self::with(0).await
    }

    pub(crate) async fn with(status: u16) -> Self {
        let port = free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a free port");
        let (status, answered) = (Arc::new(AtomicU16::new(status)), Arc::default());
        let accepting = tokio::spawn(accept(listener, Arc::clone(&status), Arc::clone(&answered)));
        Self { port, status, answered, accepting }
    }

    /// Answers this from now on.
    pub(crate) fn answer(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    pub(crate) fn requests(&self) -> usize {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub(crate) fn requests_answered(&self, status: u16) -> usize {
        let answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        answered.iter().filter(|one| **one == status).count()
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, status: Arc<AtomicU16>, answered: Arc<Mutex<Vec<u16>>>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let (status, answered) = (Arc::clone(&status), Arc::clone(&answered));
        tokio::spawn(async move {
            let mut received = Vec::new();
            while !received.ends_with(b"\r\n\r\n") {
                // A check only connects.
                if stream.read_buf(&mut received).await.unwrap_or(0) == 0 {
                    return;
                }
            }
            let status = status.load(Ordering::Relaxed);
            answered.lock().unwrap_or_else(PoisonError::into_inner).push(status);
            if status > 0 {
                let answer = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
    }
}

/// Listens, and accepts nobody: its queue is full.
#[derive(Debug)]
pub(crate) struct Full {
    pub(crate) port: u16,
    _listener: TcpListener,
    _waiting: Vec<JoinHandle<std::io::Result<TcpStream>>>,
}

impl Full {
    pub(crate) async fn start() -> Self {
        let port = free_port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(address).expect("a free port");
        let listener = socket.listen(1).expect("it listens");
        // More than its queue takes; the last ones wait for good.
        let waiting = (0..6).map(|_| tokio::spawn(TcpStream::connect(address))).collect();
        // One that is not answered in a moment proves it.
        let refused = async || {
            let tried = tokio::time::timeout(std::time::Duration::from_millis(200), TcpStream::connect(address)).await;
            tried.is_err()
        };
        crate::until("the queue is full", refused).await;
        Self { port, _listener: listener, _waiting: waiting }
    }
}
