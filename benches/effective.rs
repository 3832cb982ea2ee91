//! How long a change of weights takes: until it is durable, and until the running HAProxy serves it.
//!
//! Starts the `vamp` beside this program on a folder of its own, with a gateway that has two external routes.

use hdrhistogram::Histogram;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request,
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
    thread,
    time::{Duration, Instant},
};
use tokio::{net::TcpStream, time::timeout};

type Outcome<T> = Result<T, Box<dyn Error>>;

const CHANGES: u32 = 1_000;
const TO_START: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    // `cargo test --benches` only wants to know whether it starts.
    if !env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let server = Server::start()?;
    let mut client = server.connect().await?;
    let gateway = Gateway { port: free_port()?, routes: [backend()?, backend()?] };
    client.put(&gateway, 0, "?wait=20").await?;
    println!("A change of weights through the API, {CHANGES} times:");
    for (what, query) in [("durable (PUT)", ""), ("served by HAProxy (PUT ?wait=5)", "?wait=5")] {
        let mut taken = Histogram::<u64>::new(3)?;
        for n in 1..=CHANGES {
            let started = Instant::now();
            client.put(&gateway, n, query).await?;
            taken.record(u64::try_from(started.elapsed().as_micros())?)?;
        }
        let milliseconds = |quantile| taken.value_at_quantile(quantile) as f64 / 1_000.0;
        println!("  {what:<34} p50 {:>7.2} ms   p99 {:>7.2} ms", milliseconds(0.5), milliseconds(0.99));
    }
    Ok(())
}

/// A gateway with two routes, to be changed.
struct Gateway {
    port: u16,
    routes: [SocketAddr; 2],
}

impl Gateway {
    /// Other weights than those of `n - 1`.
    fn with_weights(&self, n: u32) -> String {
        let share = n % 100;
        let [one, other] = self.routes;
        format!(
            r#"{{"name":"bench","port":"{}/http","routes":{{"[{one}]":{{"weight":"{share}%"}},"[{other}]":{{"weight":"{}%"}}}}}}"#,
            self.port,
            100 - share
        )
    }
}

/// A running `vamp server`; stops everything that it started when dropped.
struct Server {
    vamp: PathBuf,
    folder: PathBuf,
    listen: SocketAddr,
    child: Child,
}

impl Server {
    fn start() -> Outcome<Self> {
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

    async fn connect(&self) -> Outcome<Client> {
        let deadline = Instant::now() + TO_START;
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
struct Client {
    server: SocketAddr,
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    async fn put(&mut self, gateway: &Gateway, n: u32, query: &str) -> Outcome<()> {
        let request = Request::put(format!("/api/v1/gateways/bench{query}"))
            .header(HOST, self.server.to_string())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(gateway.with_weights(n))))?;
        let answer = timeout(TO_START, self.sender.send_request(request)).await??;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if status.is_success() { Ok(()) } else { Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into()) }
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

/// An address that takes connections, for the health checks.
fn backend() -> Outcome<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || listener.incoming().for_each(drop));
    Ok(address)
}

/// A port that nobody listens on, outside the range from which the system gives ports to clients.
fn free_port() -> Outcome<u16> {
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let start = 20_000 + (std::process::id() % 5_000) as u16;
    (start..start + 2_000).find(free).ok_or_else(|| "no free port".into())
}
