//! The office's program; everything is in `meterkit::office::command` and `meterkit::desk`.

#![forbid(unsafe_code)]

/// A server takes packs apart into many small values; see `docs/scaling.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    meterkit::harden::process();
    meterkit::office::command::run(&meterkit::desk::open)
}
