//! The command line of `meterkit-office`: one command, one act, one object with `--json`.

mod show;

use super::meters::NewMeter;
use super::model::parse_unit;
use super::{Office, OfficeError, Order, Verdict, http, issue};
use crate::units::{AccountNo, CreditUnit, DeviceId, MeterNo, Money, PurchaseCount, TokenId};
use clap::{Args, Parser, Subcommand};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The office of meterkit: issues recharge tokens, takes in journals, keeps the ledger.
#[derive(Debug, Parser)]
#[command(name = "meterkit-office", version)]
struct Cli {
    /// The office's folder: database and keys.
    #[arg(long, value_name = "DIR", env = "METERKIT_OFFICE", default_value = "office")]
    data: PathBuf,
    /// Print one JSON object instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Make a new office: keys and an empty ledger.
    Init {
        /// Whose office: part of every signature; 1 to 32 characters.
        #[arg(long)]
        tenant: String,
    },
    /// Write the enrolment file for a new handheld.
    Enrol {
        /// Its name: 1 to 16 of a-z, 0-9 and '-'.
        device: DeviceId,
        /// Where it will reach this office.
        #[arg(long, default_value = "http://127.0.0.1:8645")]
        url: String,
        /// The file to write. It holds a one-time secret.
        #[arg(long)]
        out: PathBuf,
    },
    /// Add meters.
    #[command(subcommand)]
    Meter(MeterAct),
    /// Issue a recharge token.
    Issue {
        /// For which meter.
        #[arg(long)]
        meter: MeterNo,
        /// How much: yuan or kWh, up to two decimals.
        #[arg(long, value_parser = amount)]
        amount: i64,
        /// To which handheld.
        #[arg(long)]
        device: DeviceId,
        /// For how many days.
        #[arg(long, default_value_t = issue::USUAL_DAYS)]
        days: i64,
        /// Also write the token to a file, to be carried by hand.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Replace a token whose time is over and that was never sent.
    Reissue {
        /// Which.
        token: TokenId,
        /// For how many days.
        #[arg(long, default_value_t = issue::USUAL_DAYS)]
        days: i64,
    },
    /// Serve handhelds until interrupted.
    Serve {
        /// Address and port.
        #[arg(long, default_value = "127.0.0.1:8645")]
        listen: SocketAddr,
    },
    /// Print the ledger and check that it sums to zero (exit 1 if not).
    Ledger,
    /// What a person must look at.
    #[command(subcommand)]
    Review(ReviewAct),
    /// The handhelds.
    Devices {
        /// Stop this handheld: lost, or not to be trusted.
        #[arg(long, value_name = "DEVICE")]
        quarantine: Option<DeviceId>,
    },
}

#[derive(Debug, Subcommand)]
enum MeterAct {
    /// Add one meter.
    Add {
        /// Its number.
        meter: MeterNo,
        /// Its account (customer number).
        #[arg(long)]
        account: AccountNo,
        /// Whose it is.
        #[arg(long)]
        customer: String,
        /// Where it hangs.
        #[arg(long)]
        location: String,
        /// What its account is kept in.
        #[arg(long, default_value = "yuan", value_parser = unit)]
        unit: CreditUnit,
        /// Its purchase count now.
        #[arg(long, default_value_t = 0)]
        count: u32,
        /// Its balance now.
        #[arg(long, default_value = "0", value_parser = hundredths, allow_hyphen_values = true)]
        balance: i64,
    },
    /// Put a meter's purchase count right, after somebody read it.
    Count {
        /// Its number.
        meter: MeterNo,
        /// What it shows.
        #[arg(long)]
        count: u32,
        /// Why, for whoever reads this later.
        #[arg(long)]
        reason: String,
    },
    /// Add the meters of a list, all or none:
    /// meter,account,customer,location[,unit[,count[,balance]]]
    Import {
        /// The list; a first line that begins with "meter," is a heading.
        csv: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum ReviewAct {
    /// List what is open.
    List {
        /// Settled ones too.
        #[arg(long)]
        all: bool,
    },
    /// Settle a token: is its credit in the meter or not?
    Settle {
        /// Which.
        token: TokenId,
        #[command(flatten)]
        verdict: VerdictArg,
        /// Why, for whoever reads this later.
        #[arg(long)]
        reason: String,
    },
    /// Close something that concerns no token.
    Close {
        /// As listed.
        id: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct VerdictArg {
    /// The credit is in the meter.
    #[arg(long)]
    booked: bool,
    /// The credit is not in the meter.
    #[arg(long)]
    not_booked: bool,
}

fn hundredths(text: &str) -> Result<i64, String> {
    Money::parse(text).map(|m| m.0).ok_or_else(|| format!("not an amount: {text:?}"))
}

fn amount(text: &str) -> Result<i64, String> {
    hundredths(text)
        .and_then(|value| if value > 0 { Ok(value) } else { Err("not positive".into()) })
}

fn unit(text: &str) -> Result<CreditUnit, String> {
    parse_unit(text).ok_or_else(|| "yuan or kwh".to_owned())
}

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
        Act::Meter(MeterAct::Add { meter, account, customer, location, unit, count, balance }) => {
            let mut new = NewMeter::new(meter, account, &customer, &location);
            new.line.unit = unit;
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
