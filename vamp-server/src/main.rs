//! The `vamp` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    vamp_server::cli::main()
}
