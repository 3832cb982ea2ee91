//! `vamp completion`.

use super::{Ended, Verdict, args::Args, screen::say};
use clap::{Args as ClapArgs, CommandFactory as _};
use clap_complete::{Shell, generate};

#[derive(Debug, ClapArgs)]
pub(crate) struct CompletionArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &CompletionArgs) -> Ended {
    let mut script = Vec::new();
    generate(args.shell, &mut Args::command(), "vamp", &mut script);
    say(String::from_utf8_lossy(&script))?;
    Ok(Verdict::Yes)
}
