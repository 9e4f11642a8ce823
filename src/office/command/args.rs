//! What `meterkit-office` takes on its command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::office::issue;
use crate::office::model::parse_unit;
use crate::units::{AccountNo, CreditUnit, DeviceId, MeterNo, Money, TokenId};

/// The office of meterkit: issues recharge tokens, takes in journals, keeps the ledger.
#[derive(Debug, Parser)]
#[command(name = "meterkit-office", version)]
pub(super) struct Cli {
    /// The office's folder: database and keys.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "METERKIT_OFFICE",
        default_value = "office"
    )]
    pub(super) data: PathBuf,
    /// Print one JSON object instead of text.
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) act: Act,
}

#[derive(Debug, Subcommand)]
pub(super) enum Act {
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
pub(super) enum MeterAct {
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
        /// The meter's profile; without one, the usual profile of its unit.
        #[arg(long, default_value = "")]
        profile: String,
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
    /// `meter,account,customer,location[,unit[,count[,balance]]]`
    Import {
        /// The list; a first line that begins with "meter," is a heading.
        csv: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ReviewAct {
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
pub(super) struct VerdictArg {
    /// The credit is in the meter.
    #[arg(long)]
    pub(super) booked: bool,
    /// The credit is not in the meter.
    #[arg(long)]
    pub(super) not_booked: bool,
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
