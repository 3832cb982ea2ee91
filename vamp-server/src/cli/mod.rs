//! The command line.
//!
//! Every command is a file: its arguments, and a `run` that answers with the exit status: 0 done or yes, 1 no or failed,
//! 2 told wrong or invalid. Answers go to standard output, in words or as JSON or YAML; everything else to standard
//! error.

mod args;
mod completion;
mod condition;
mod down;
mod input;
#[cfg(feature = "http")]
mod remote;
#[cfg(feature = "haproxy")]
mod render;
mod report;
mod schema;
mod screen;
#[cfg(feature = "http")]
mod server;
mod simulate;
mod validate;

use anstyle::AnsiColor;
use args::{Args, Command};
use clap::Parser as _;
use std::{
    io::{self, IsTerminal as _},
    process::ExitCode,
};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Why a command did not do what it should.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It was told something wrong.
    Usage(String),
    /// It was told right and could not.
    Failed(String),
    /// Nobody reads the answer any more.
    Unread,
}

/// What a command that went well says to whoever started it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Done, or yes.
    Yes,
    /// No.
    No,
    /// What it was given is not valid, and has been told so.
    Invalid,
}

/// How a command ends.
type Ended = Result<Verdict, Trouble>;

impl From<io::Error> for Trouble {
    /// What standard output says.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Unread,
            _ => Self::Failed(format!("standard output: {error}")),
        }
    }
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let args = Args::parse();
    log(&args.command);
    #[cfg(feature = "moments")]
    crate::moments::watch();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return answer(Err(Trouble::Failed(error.to_string()))),
    };
    answer(runtime.block_on(run(args.command)))
}

/// A server tells what it does; every other command only what goes wrong.
fn log(command: &Command) {
    let level = if command.serves() { "info" } else { "error" };
    let filter = EnvFilter::try_from_env("VAMP_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    // A log in a file is read by programs.
    let shown = tracing_subscriber::fmt::layer().with_target(false).with_ansi(io::stderr().is_terminal());
    let log = tracing_subscriber::registry().with(filter).with(shown.with_writer(io::stderr));
    #[cfg(feature = "http")]
    let log = log.with(command.serves().then(crate::log::Log::of_process));
    log.init();
}

async fn run(command: Command) -> Ended {
    match command {
        #[cfg(feature = "http")]
        Command::Server(args) => server::run(args).await.map(|()| Verdict::Yes),
        Command::Down(args) => down::run(args).await.map(|()| Verdict::Yes),
        #[cfg(feature = "http")]
        Command::Remote(command) => remote::run(command).await,
        Command::Condition(args) => condition::run(&args),
        Command::Validate(args) => validate::run(&args),
        #[cfg(feature = "haproxy")]
        Command::Render(args) => render::run(&args).await,
        Command::Simulate(args) => simulate::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Completion(args) => completion::run(&args),
    }
}

fn answer(ended: Ended) -> ExitCode {
    let (message, code) = match ended {
        Ok(Verdict::Yes) | Err(Trouble::Unread) => return ExitCode::SUCCESS,
        Ok(Verdict::No) => return ExitCode::from(1),
        Ok(Verdict::Invalid) => return ExitCode::from(2),
        Err(Trouble::Failed(message)) => (message, 1),
        Err(Trouble::Usage(message)) => (message, 2),
    };
    let red = AnsiColor::Red.on_default().bold();
    anstream::eprintln!("{red}vamp:{red:#} {message}");
    ExitCode::from(code)
}
