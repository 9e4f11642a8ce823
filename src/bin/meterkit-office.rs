//! The office's program; everything is in `meterkit::office::command`.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    meterkit::harden::process();
    meterkit::office::command::run()
}
