//! `meterkit-office serve`: until it is told to stop, and then nothing that was begun is lost.

use super::{Shown, show};
use crate::logging::{self, Form};
use crate::office::{Office, OfficeError, http};
use clap::{Args, ValueEnum};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpListener;

/// How often it is looked whether keys end soon.
const DAY: Duration = Duration::from_secs(86_400);
/// Exit status after a second signal: what a shell says of a program ended by an interrupt.
const AT_ONCE: i32 = 130;

/// How a server is watched.
#[derive(Debug, Args)]
pub(in crate::office) struct WatchArgs {
    /// Also answer `/metrics`, `/ready` and `/health` here; an address of this machine.
    #[arg(long, value_name = "ADDRESS")]
    watch: Option<SocketAddr>,
    /// Keep the log here, a file a day for seven days; without it goes to the standard error.
    #[arg(long, value_name = "DIR")]
    log_dir: Option<PathBuf>,
    /// How a line of the log looks.
    #[arg(long, value_enum, default_value_t)]
    log: LogForm,
}

/// [`Form`] as the command line has it.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum LogForm {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

pub(super) async fn serve(
    office: &Office,
    (listen, plain): (SocketAddr, bool),
    args: &WatchArgs,
    json: bool,
) -> Result<Shown, OfficeError> {
    let form = match args.log {
        LogForm::Text => Form::Text,
        LogForm::Json => Form::Json,
    };
    // What went wrong with a request is the office's to know, not the caller's.
    let folder = args.log_dir.as_deref();
    let name = || folder.map(|folder| folder.display().to_string()).unwrap_or_default();
    let log = logging::start_server(folder, form);
    let _log = log.map_err(|error| OfficeError::File(name(), error))?;
    let bind = async |address: SocketAddr| {
        let failed = |error| OfficeError::File(address.to_string(), error);
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok::<_, OfficeError>((listener, address))
    };
    let (listener, address) = bind(listen).await?;
    let (watch, watch_at) = match args.watch {
        Some(at) => Some(bind(at).await?).unzip(),
        None => (None, None),
    };
    let tls = if plain { None } else { office.server_tls()? };
    let tls = tls.map(|tls| tls.config()).transpose()?;
    let line = show::listening(address, watch_at, tls.is_some(), json);
    // From here on a signal is heard, whatever whoever started this does with the line.
    let told = Told::listen();
    // Whoever started this reads the line to learn the port; it must not wait in a buffer.
    let mut out = std::io::stdout();
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    let daily = tokio::spawn(warn_daily(office.clone()));
    let place = http::Place { listener, tls, watch };
    let served = http::serve_at(place, office.clone(), told.stop()).await;
    daily.abort();
    served.map_err(|error| OfficeError::File(listen.to_string(), error))?;
    tracing::info!("stopped");
    Ok(show::stopped())
}

/// A server may run longer than its keys are good, and than things may wait.
async fn warn_daily(office: Office) {
    loop {
        if let Err(error) = office.call_overdue().await {
            tracing::warn!("nobody was called for what is overdue: {error}");
        }
        tokio::time::sleep(DAY).await;
        office.key_warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
    }
}

/// An interrupt from the keyboard or, on Unix, a request to terminate.
struct Told {
    #[cfg(unix)]
    signals: [Option<tokio::signal::unix::Signal>; 2],
}

impl Told {
    fn listen() -> Self {
        Self {
            #[cfg(unix)]
            signals: {
                use tokio::signal::unix::{SignalKind, signal};
                // One that cannot be listened to still stops us, by the system's own means.
                [SignalKind::interrupt(), SignalKind::terminate()].map(|kind| signal(kind).ok())
            },
        }
    }

    /// The next one.
    #[cfg(unix)]
    async fn next(&mut self) {
        let [interrupt, terminate] = &mut self.signals;
        let one = async |signal: &mut Option<tokio::signal::unix::Signal>| match signal {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        };
        tokio::select! {
            () = one(interrupt) => {}
            () = one(terminate) => {}
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Ends with the first. The second ends the process: what is half done is undone by the
    /// database, and nobody was told that it was done.
    async fn stop(mut self) {
        self.next().await;
        tracing::info!("told to stop; what was begun is finished");
        tokio::spawn(async move {
            self.next().await;
            tracing::warn!("told to stop again: at once");
            std::process::exit(AT_ONCE);
        });
    }
}
