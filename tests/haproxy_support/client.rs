//! A client that keeps its connection.

use std::{
    collections::BTreeMap,
    io,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The body of a success, else the status.
    pub fn who(&self) -> String {
        if self.status == 200 { self.body.clone() } else { self.status.to_string() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// One connection, opened again when the other side announced its end.
#[derive(Debug)]
pub struct Client {
    port: u16,
    keep_alive: bool,
    stream: Option<TcpStream>,
}

impl Client {
    pub fn new(port: u16) -> Self {
        Self { port, keep_alive: true, stream: None }
    }

    /// A new connection for each request.
    pub fn fresh(port: u16) -> Self {
        Self { port, keep_alive: false, stream: None }
    }

    pub async fn get(&mut self) -> io::Result<Answer> {
        self.send("/", "").await
    }

    /// `headers` are whole lines, each with its line break.
    pub async fn send(&mut self, path: &str, headers: &str) -> io::Result<Answer> {
        self.send_to("test", path, headers).await
    }

    /// The same to another host.
    pub async fn send_to(&mut self, host: &str, path: &str, headers: &str) -> io::Result<Answer> {
        let connection = if self.keep_alive { "" } else { "connection: close\r\n" };
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{connection}{headers}\r\n");
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        stream.write_all(request.as_bytes()).await?;
        let answer = timeout(DEADLINE, read(&mut stream)).await.map_err(|_| io::ErrorKind::TimedOut)??;
        let closes = answer.head.to_ascii_lowercase().contains("connection: close");
        if self.keep_alive && !closes {
            self.stream = Some(stream);
        }
        Ok(answer)
    }
}

async fn read(stream: &mut TcpStream) -> io::Result<Answer> {
    let mut received = Vec::new();
    let end = loop {
        if let Some(at) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut received).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let head = String::from_utf8_lossy(&received[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    };
    let length = head.lines().find_map(header).unwrap_or(0);
    while received.len() < end + length {
        if stream.read_buf(&mut received).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(Answer { status, head, body: String::from_utf8_lossy(&received[end..end + length]).into_owned() })
}

/// Requests without pause, until it is stopped.
#[derive(Debug)]
pub struct Load {
    clients: JoinSet<BTreeMap<String, u64>>,
    stop: Arc<AtomicBool>,
}

impl Load {
    /// Some clients keep their connection, others open a new one for each request.
    pub fn start(port: u16, keeping: usize, fresh: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        let all = (0..keeping).map(|_| Client::new(port)).chain((0..fresh).map(|_| Client::fresh(port)));
        for mut client in all {
            let stop = Arc::clone(&stop);
            clients.spawn(async move {
                let mut counts = BTreeMap::new();
                while !stop.load(Ordering::Relaxed) {
                    count(&mut client, "", &mut counts).await;
                }
                counts
            });
        }
        Self { clients, stop }
    }

    /// Who answered; failures by their kind.
    pub async fn stop(self) -> BTreeMap<String, u64> {
        self.stop.store(true, Ordering::Relaxed);
        sum(self.clients).await
    }
}

/// Who answered `total` requests, sent over eight connections; failures are counted by their kind.
pub async fn shares(port: u16, total: u64, headers: &'static str) -> BTreeMap<String, u64> {
    const CONNECTIONS: u64 = 8;
    let mut clients = JoinSet::new();
    for _ in 0..CONNECTIONS {
        clients.spawn(async move {
            let mut client = Client::new(port);
            let mut counts = BTreeMap::new();
            for _ in 0..total / CONNECTIONS {
                count(&mut client, headers, &mut counts).await;
            }
            counts
        });
    }
    sum(clients).await
}

async fn count(client: &mut Client, headers: &str, counts: &mut BTreeMap<String, u64>) {
    let who = match client.send("/", headers).await {
        Ok(answer) => answer.who(),
        Err(error) => error.kind().to_string(),
    };
    *counts.entry(who).or_insert(0) += 1;
}

async fn sum(mut clients: JoinSet<BTreeMap<String, u64>>) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    while let Some(counts) = clients.join_next().await {
        for (who, count) in counts.expect("a client") {
            *all.entry(who).or_insert(0) += count;
        }
    }
    all
}
