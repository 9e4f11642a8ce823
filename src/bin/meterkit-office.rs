//! The office's program; everything is in `meterkit::office::command` and `meterkit::desk`.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    meterkit::harden::process();
    meterkit::office::command::run(&meterkit::desk::open)
}
