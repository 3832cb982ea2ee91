//! A `vamp server` of its own for a bench, and a client of its API.
#![allow(dead_code, reason = "each bench uses a part")]

use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request,
    body::Bytes,
    client::conn::http1::{self, SendRequest},
    header::{CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use std::{
    env,
    error::Error,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};
use tokio::{net::TcpStream, time::timeout};

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

const PATIENCE: Duration = Duration::from_secs(30);

/// Whether this is a measurement: `cargo test --benches` only wants to know whether it starts.
pub(crate) fn is_wanted() -> bool {
    env::args().any(|argument| argument == "--bench")
}

/// A running `vamp server` on a folder of its own; stops everything that it started when dropped.
pub(crate) struct Server {
    vamp: PathBuf,
    folder: PathBuf,
    pub(crate) listen: SocketAddr,
    child: Child,
}

impl Server {
    /// Starts the `vamp` beside this program.
    pub(crate) fn start() -> Outcome<Self> {
        let vamp = beside_this_program()?;
        let folder = env::temp_dir().join(format!("vamp-bench-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let log = fs::File::create(folder.join("server.log"))?;
        let mut command = Command::new(&vamp);
        command.args(["server", "--listen", &listen.to_string(), "--data-dir"]).arg(&folder);
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        let child = child.map_err(|error| format!("{}: {error}", vamp.display()))?;
        Ok(Self { vamp, folder, listen, child })
    }

    pub(crate) async fn connect(&self) -> Outcome<Client> {
        let deadline = Instant::now() + PATIENCE;
        let stream = loop {
            match TcpStream::connect(self.listen).await {
                Ok(stream) => break stream,
                Err(error) if Instant::now() > deadline => return Err(error.into()),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // What goes wrong on the connection is the error of the request on it.
        tokio::spawn(connection);
        Ok(Client { server: self.listen, sender })
    }

    /// The memory of the server that is in RAM, in bytes.
    pub(crate) fn resident(&self) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kilobytes * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let down = Command::new(&self.vamp).arg("down").arg("--data-dir").arg(&self.folder).output();
        if let Ok(output) = down
            && output.status.success()
        {
            // A temporary folder that cannot be removed is no reason to fail.
            let _ = fs::remove_dir_all(&self.folder);
        } else {
            eprintln!("vamp down failed; see {}", self.folder.display());
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// One kept connection to the API.
pub(crate) struct Client {
    server: SocketAddr,
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    /// Sends a request with a JSON body, which may be empty; what is not a success is an error.
    pub(crate) async fn send(&mut self, method: Method, path: &str, body: String) -> Outcome<Bytes> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.server.to_string())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))?;
        timeout(PATIENCE, self.sender.ready()).await??;
        let answer = timeout(PATIENCE, self.sender.send_request(request)).await??;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if status.is_success() {
            Ok(body)
        } else {
            Err(format!("{path}: {status}: {}", String::from_utf8_lossy(&body)).into())
        }
    }
}

/// The program is in the folder of its dependencies, `vamp` in the one above.
fn beside_this_program() -> Outcome<PathBuf> {
    let own = env::current_exe()?;
    let folder = own.parent().and_then(Path::parent).ok_or("this program is in no folder")?;
    let vamp = folder.join("vamp");
    if vamp.exists() {
        Ok(vamp)
    } else {
        Err(format!("{} is not there: `make bench` builds it", vamp.display()).into())
    }
}

/// A port that nobody listens on, another one each time, outside the range from which the system gives ports to clients.
pub(crate) fn free_port() -> Outcome<u16> {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    let start = 20_000 + (std::process::id() % 5_000) as u16;
    loop {
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        if tried == 2_000 {
            return Err("no free port".into());
        }
        if TcpListener::bind((Ipv4Addr::LOCALHOST, start + tried)).is_ok() {
            return Ok(start + tried);
        }
    }
}
