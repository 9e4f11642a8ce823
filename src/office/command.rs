//! The command line of `meterkit-office`: one command, one act, one object with `--json`.

mod args;
mod show;

use super::meters::NewMeter;
use super::{Office, OfficeError, Order, Verdict, http};
use crate::units::PurchaseCount;
use args::{Act, Cli, MeterAct, ReviewAct};
use clap::Parser;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

/// What a command found: the object of `--json`, the text, and whether all is well.
struct Shown {
    json: Value,
    text: String,
    good: bool,
}

/// Runs the command line of this process. Exit status: 0 done, 1 refused or not sound, 2 wrong use,
/// 6 files or the database failed.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(act(&cli.data, cli.act, cli.json)),
        Err(error) => Err(OfficeError::File("runtime".to_owned(), error)),
    };
    let mut out = std::io::stdout().lock();
    // A reader that went away is no failure of the office.
    match result {
        Ok(shown) => {
            let text = if cli.json { format!("{}\n", shown.json) } else { shown.text };
            let _ = out.write_all(text.as_bytes());
            if shown.good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            if cli.json {
                let _ = writeln!(out, "{}", show::error(&error));
            }
            let _ = writeln!(std::io::stderr(), "meterkit-office: {error}");
            ExitCode::from(exit_status(&error))
        }
    }
}

fn exit_status(error: &OfficeError) -> u8 {
    match error {
        OfficeError::Usage(_) | OfficeError::Amount { .. } | OfficeError::Days(_) => 2,
        OfficeError::NotInitialised(_)
        | OfficeError::AlreadyInitialised(_)
        | OfficeError::Format { .. }
        | OfficeError::File(..)
        | OfficeError::KeyFile(_)
        | OfficeError::Db(_)
        | OfficeError::Random(_)
        | OfficeError::Stored(_) => 6,
        _ => 1,
    }
}

async fn act(data: &Path, act: Act, json: bool) -> Result<Shown, OfficeError> {
    if let Act::Init { tenant } = act {
        return Ok(show::init(&Office::init(data, &tenant).await?, data));
    }
    let office = Office::open(data).await?;
    let shown = match act {
        Act::Init { .. } => Err(OfficeError::AlreadyInitialised(data.display().to_string())),
        Act::Enrol { device, url, out } => {
            let file = office.offer(&device, &url).await?;
            super::keys::write_private(&out, &file)?;
            Ok(show::enrol(&office, &device, &url, &out))
        }
        Act::Meter(MeterAct::Count { meter, count, reason }) => {
            office.set_count(meter, PurchaseCount(count), &reason).await?;
            Ok(show::counted(meter, count))
        }
        Act::Meter(MeterAct::Add {
            meter,
            account,
            customer,
            location,
            unit,
            count,
            balance,
            profile,
        }) => {
            let mut new = NewMeter::new(meter, account, &customer, &location);
            new.line.unit = unit;
            new.line.profile = profile;
            new.count = PurchaseCount(count);
            new.balance = balance;
            add_meters(&office, &[new]).await
        }
        Act::Meter(MeterAct::Import { csv }) => add_meters(&office, &read_list(&csv)?).await,
        Act::Issue { meter, amount, device, days, out } => {
            let issued = office.issue(&Order { meter, amount, device, days }).await?;
            if let Some(out) = &out {
                super::keys::write_private(out, &issued.bytes)?;
            }
            Ok(show::issued(&issued))
        }
        Act::Reissue { token, days } => Ok(show::issued(&office.reissue(token, days).await?)),
        Act::Serve { listen } => serve(&office, listen, json).await,
        Act::Ledger => Ok(show::ledger(&office.report().await?)),
        Act::Review(review) => self::review(&office, review).await,
        Act::Devices { quarantine } => {
            if let Some(device) = quarantine {
                office.quarantine(&device).await?;
            }
            Ok(show::devices(&office.devices().await?))
        }
    };
    office.close().await;
    shown
}

fn read_list(csv: &Path) -> Result<Vec<NewMeter>, OfficeError> {
    let text = fs::read_to_string(csv)
        .map_err(|error| OfficeError::File(csv.display().to_string(), error))?;
    let heading = |at: usize, line: &str| at == 0 && line.starts_with("meter,");
    // Spreadsheets put a mark in front of UTF-8.
    let lines = text.trim_start_matches('\u{feff}').lines();
    let lines =
        lines.enumerate().filter(|(at, line)| !line.trim().is_empty() && !heading(*at, line));
    lines.map(|(_, line)| NewMeter::from_csv(line)).collect()
}

async fn add_meters(office: &Office, meters: &[NewMeter]) -> Result<Shown, OfficeError> {
    office.add_meters(meters).await?;
    Ok(show::meters(meters))
}

async fn review(office: &Office, act: ReviewAct) -> Result<Shown, OfficeError> {
    match act {
        ReviewAct::List { all } => Ok(show::reviews(&office.reviews(all).await?)),
        ReviewAct::Settle { token, verdict, reason } => {
            let verdict = if verdict.booked { Verdict::Booked } else { Verdict::NotBooked };
            Ok(show::settled(token, office.settle(token, verdict, &reason).await?))
        }
        ReviewAct::Close { id, reason } => {
            office.close_review(&id, &reason).await?;
            Ok(show::reviews(&office.reviews(false).await?))
        }
    }
}

async fn serve(office: &Office, listen: SocketAddr, json: bool) -> Result<Shown, OfficeError> {
    // What went wrong with a request is the office's to know, not the caller's.
    let _ = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).try_init();
    let failed = |error| OfficeError::File(listen.to_string(), error);
    let listener = tokio::net::TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let line = show::listening(address, json);
    // Whoever started this reads the line to learn the port; it must not wait in a buffer.
    let mut out = std::io::stdout();
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    http::serve(listener, office.clone(), interrupted()).await.map_err(failed)?;
    Ok(show::stopped())
}

/// Ends with an interrupt from the keyboard or, on Unix, a request to terminate.
async fn interrupted() {
    let keyboard = async {
        // No handler could be installed: then only the other signal, or a kill, stops us.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let asked = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let asked = std::future::pending::<()>();
    tokio::select! {
        () = keyboard => {}
        () = asked => {}
    }
}
