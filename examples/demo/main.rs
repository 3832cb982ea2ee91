//! A whole canary release through a real HAProxy, measured.
//!
//! `make demo`, or `cargo build && cargo build --examples && target/debug/examples/demo --help`.
//!
//! It starts `vamp server` on a data folder of its own, drives it by REST alone, and ends with status 0 only if no
//! request failed, every share is as wanted and nothing stopped too early.

mod api;
mod canary;
mod crash;
mod hold;
mod load;
mod plot;
mod problem;
mod progress;
mod removal;
mod report;
mod samples;
mod server;
mod statistics;
mod traffic;

use crate::{problem::Problem, report::Report, server::Server};
use clap::{Parser, ValueEnum};
use std::{
    env,
    error::Error,
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The port in the blueprints.
const GATEWAY_PORT: u16 = 9050;

/// Releases sava:1.1 beside sava:1.0, step by step and under load, and measures every step.
#[derive(Debug, Parser)]
#[command(name = "demo")]
struct Arguments {
    /// Leave everything running at the end
    #[arg(long)]
    keep: bool,
    /// What is written to standard output
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
    /// Count 5 000 requests in each step instead of 20 000 (also: DEMO_FAST=1)
    #[arg(long)]
    fast: bool,
    /// Kill the server during the 10 % step and start it again
    #[arg(long)]
    kill_server: bool,
    /// Where the API listens
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The port of the gateway, on 127.0.0.1
    #[arg(long, default_value_t = GATEWAY_PORT)]
    gateway_port: u16,
    /// Keep the data in this folder, which must be new or empty, instead of a temporary one
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Where shares, rate and failures over time are drawn as SVG; the figures go beside it as JSON
    #[arg(long, value_name = "FILE", default_value = "target/demo/demo.svg")]
    plot: PathBuf,
    /// The program under test [default: the one that was built with this demo]
    #[arg(long)]
    vamp: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Json,
}

/// What the steps need to know.
#[derive(Debug)]
pub(crate) struct Settings {
    listen: SocketAddr,
    gateway_port: u16,
    requests: u64,
    kill_server: bool,
}

impl Settings {
    const BIND: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn gateway(&self) -> SocketAddr {
        SocketAddr::new(Self::BIND, self.gateway_port)
    }

    /// A blueprint of the examples, on the port of this run.
    fn blueprint(&self, file: &str) -> Result<String, Problem> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/artifacts").join(file);
        let text = fs::read_to_string(&path).map_err(|error| Problem::new(format!("{}: {error}", path.display())))?;
        Ok(text.replace(&GATEWAY_PORT.to_string(), &self.gateway_port.to_string()))
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut report = Report { profile: if cfg!(debug_assertions) { "debug" } else { "release" }, ..Report::default() };
    let started = Instant::now();
    let early = run(&arguments, &mut report).await.err();
    report.seconds = started.elapsed().as_secs_f64();
    report.judge(early.map(|problem| problem.to_string()));
    match arguments.output {
        Output::Table => {
            if !report.steps.is_empty() {
                println!("{}", report.table());
            }
            println!("{}", report.sentences().join("\n"));
        }
        Output::Json => match serde_json::to_string_pretty(&report) {
            Ok(text) => println!("{text}"),
            Err(error) => eprintln!("demo: {error}"),
        },
    }
    if let Err(problem) = keep(&arguments.plot, &report) {
        eprintln!("demo: {}: {problem}", arguments.plot.display());
        return ExitCode::FAILURE;
    }
    if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Writes the picture, and the figures beside it.
fn keep(plot: &Path, report: &Report) -> Result<(), Box<dyn Error>> {
    if let Some(folder) = plot.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(plot, plot::svg(report)?)?;
    let figures = plot.with_extension("json");
    fs::write(&figures, serde_json::to_string_pretty(report)?)?;
    eprintln!("demo: shares, rate and failures over time: {}, the figures: {}", plot.display(), figures.display());
    Ok(())
}

/// Starts the server, goes the steps, and stops whatever was started, however it went.
async fn run(arguments: &Arguments, report: &mut Report) -> Result<(), Problem> {
    let settings = Settings {
        listen: arguments.listen,
        gateway_port: arguments.gateway_port,
        requests: if arguments.fast || env::var("DEMO_FAST").is_ok_and(|fast| fast == "1") { 5_000 } else { 20_000 },
        kill_server: arguments.kill_server,
    };
    server::check_free(settings.listen, "--listen")?;
    server::check_free(settings.gateway(), "--gateway-port")?;
    let vamp = arguments.vamp.clone().map_or_else(beside_this_program, Ok)?;
    let data = data_folder(arguments.data_dir.as_deref())?;
    let mut server = Server::new(vamp, data.clone(), settings.listen, Settings::BIND);

    // Before anything is started that would have to be stopped.
    let interruptions = Interruptions::listen()?;
    let mut wanted = false;
    let outcome = tokio::select! {
        outcome = steps(&settings, &mut server, report) => outcome,
        interrupted = interruptions.wait() => {
            wanted = true;
            Err(interrupted)
        }
    };
    if arguments.keep && outcome.is_ok() {
        eprintln!(
            "demo: still running: API on http://{}, gateway on http://{}; `{} down --data-dir {}` stops all of it",
            settings.listen,
            settings.gateway(),
            server.vamp().display(),
            data.display()
        );
        return Ok(());
    }
    let stopped = server.stop_everything().await;
    if stopped.is_err() || (outcome.is_err() && !wanted) {
        eprintln!("demo: the data folder stays for a look: {}", data.display());
    } else if arguments.data_dir.is_none() {
        fs::remove_dir_all(&data).map_err(|error| Problem::new(format!("{}: {error}", data.display())))?;
    }
    match (outcome, stopped) {
        (Err(first), Err(second)) => {
            Err(Problem { cause: format!("{}\nand then: {second}", first.cause), hint: first.hint })
        }
        (outcome, stopped) => outcome.and(stopped),
    }
}

async fn steps(settings: &Settings, server: &mut Server, report: &mut Report) -> Result<(), Problem> {
    server.start().await?;
    canary::release(settings, server, report).await
}

/// The ways to ask the demo to end.
struct Interruptions {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Interruptions {
    /// From now on a signal is kept instead of ending the demo at once.
    fn listen() -> Result<Self, Problem> {
        let listen = |kind| signal(kind).map_err(|error| Problem::new(format!("signals: {error}")));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    async fn wait(mut self) -> Problem {
        tokio::select! {
            _ = self.interrupt.recv() => Problem::new("interrupted"),
            _ = self.terminate.recv() => Problem::new("terminated"),
            _ = self.hangup.recv() => Problem::new("the terminal is gone"),
        }
    }
}

/// `target/<profile>/vamp`, from `target/<profile>/examples/demo`.
fn beside_this_program() -> Result<PathBuf, Problem> {
    let own = env::current_exe().map_err(|error| Problem::new(error.to_string()))?;
    let found = own.parent().and_then(Path::parent).map(|folder| folder.join("vamp")).filter(|path| path.is_file());
    found.ok_or_else(|| {
        Problem::with_hint(
            "there is no `vamp` beside the examples",
            "build it with `cargo build`, or name it with --vamp",
        )
    })
}

/// The folder as an absolute path, made when it is not there. One with something in it belongs to somebody else.
fn data_folder(given: Option<&Path>) -> Result<PathBuf, Problem> {
    let path =
        given.map_or_else(|| env::temp_dir().join(format!("vamp-demo-{}", std::process::id())), Path::to_path_buf);
    let in_words = |error: std::io::Error| Problem::new(format!("{}: {error}", path.display()));
    fs::create_dir_all(&path).map_err(in_words)?;
    if fs::read_dir(&path).map_err(in_words)?.next().is_some() {
        return Err(Problem::with_hint(
            format!("{} is not empty", path.display()),
            "name a new folder with --data-dir",
        ));
    }
    path.canonicalize().map_err(in_words)
}
