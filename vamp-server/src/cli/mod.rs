//! The command line.

mod args;
mod down;
#[cfg(feature = "http")]
mod server;

use args::{Args, Command};
use clap::Parser as _;
use std::{io::IsTerminal as _, process::ExitCode};
use tracing_subscriber::EnvFilter;

/// Why a command did not do what it should.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It was told something wrong.
    Usage(String),
    /// It was told right and could not.
    Failed(String),
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::try_from_env("VAMP_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // A log in a file is read by programs.
    log.with_ansi(std::io::stderr().is_terminal()).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return answer(Err(Trouble::Failed(error.to_string()))),
    };
    answer(runtime.block_on(run(args.command)))
}

async fn run(command: Command) -> Result<(), Trouble> {
    match command {
        #[cfg(feature = "http")]
        Command::Server(args) => server::run(args).await,
        Command::Down(args) => down::run(args).await,
    }
}

fn answer(result: Result<(), Trouble>) -> ExitCode {
    let (message, code) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Trouble::Failed(message)) => (message, 1),
        Err(Trouble::Usage(message)) => (message, 2),
    };
    eprintln!("vamp: {message}");
    ExitCode::from(code)
}
