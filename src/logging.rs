//! The log: one file a day, seven days, never the screen, never a secret.
//!
//! `METERKIT_LOG` takes the usual filter (`meterkit=debug`); the default is `info`. Tokens, keys
//! and passwords are never given to a log line; frames go to the trace only when asked for.

use std::path::Path;

use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{Builder, Rotation};
use tracing_subscriber::EnvFilter;

/// How many daily files are kept.
const DAYS_KEPT: usize = 7;

/// Starts logging into `folder`. The guard flushes when dropped; hold it to the end.
/// `None` when the folder cannot be written: meterkit works without a log.
pub fn start(folder: &Path) -> Option<WorkerGuard> {
    std::fs::create_dir_all(folder).ok()?;
    let file = Builder::new()
        .rotation(Rotation::DAILY)
        .filename_prefix("meterkit")
        .filename_suffix("log")
        .max_log_files(DAYS_KEPT)
        .build(folder)
        .ok()?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    let filter = EnvFilter::try_from_env("METERKIT_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(writer)
        .try_init()
        .ok()?;
    Some(guard)
}
