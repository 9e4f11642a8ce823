//! The log: one file a day, seven days, never the screen, never a secret.
//!
//! `METERKIT_LOG` takes the usual filter (`meterkit=debug`); the default is `info`, and `warn` for a
//! server that was not told to keep a log. Tokens, keys
//! and passwords are never given to a log line; frames go to the trace only when asked for.

use std::path::Path;

use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{Builder, RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// How many daily files are kept.
const DAYS_KEPT: usize = 7;

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging into `folder`. The guard flushes when dropped; hold it to the end.
/// `None` when the folder cannot be written: meterkit works without a log.
pub fn start(folder: &Path) -> Option<WorkerGuard> {
    into_folder(folder, "meterkit", Form::Text)
}

/// Starts the log of a server: into daily files of `folder`, named `meterkit-office.DATE.log`, or
/// without one to the standard error. The guard is there for files.
///
/// # Errors
/// The folder cannot be written: a server without the log it was told to write does not start.
pub fn start_server(folder: Option<&Path>, form: Form) -> std::io::Result<Option<WorkerGuard>> {
    let Some(folder) = folder else {
        // One that was started before in this process goes on.
        let usual = if form == Form::Json { "info" } else { "warn" };
        let _ = install(std::io::stderr, form, usual);
        return Ok(None);
    };
    let guard = into_folder(folder, "meterkit-office", form);
    let why = || std::io::Error::other("the log's folder cannot be written");
    guard.map(Some).ok_or_else(why)
}

fn into_folder(folder: &Path, prefix: &str, form: Form) -> Option<WorkerGuard> {
    std::fs::create_dir_all(folder).ok()?;
    let (writer, guard) = tracing_appender::non_blocking(daily(folder, prefix)?);
    install(writer, form, "info")?;
    Some(guard)
}

fn daily(folder: &Path, prefix: &str) -> Option<RollingFileAppender> {
    Builder::new()
        .rotation(Rotation::DAILY)
        .filename_prefix(prefix)
        .filename_suffix("log")
        .max_log_files(DAYS_KEPT)
        .build(folder)
        .ok()
}

/// `None` when a log was started before.
fn install(
    writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static,
    form: Form,
    usual: &str,
) -> Option<()> {
    let filter = EnvFilter::try_from_env("METERKIT_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
    let log = log.with_writer(writer);
    match form {
        Form::Text => log.try_init().ok(),
        Form::Json => log.json().flatten_event(true).with_current_span(false).try_init().ok(),
    }
}
