//! The handheld's program: reads the arguments, runs the command, ends with its exit status.

use std::process::ExitCode;

fn main() -> ExitCode {
    meterkit::harden::process();
    meterkit::cli::main()
}
