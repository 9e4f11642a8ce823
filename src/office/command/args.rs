//! What `meterkit-office` takes on its command line.

mod desk;
mod keys;
mod people;

pub(super) use desk::{
    ByArg, FileArgs, ListAct, LostArgs, OrdersArgs, PeriodArg, SalesArgs, ShiftAct,
};
pub(super) use keys::{KeysAct, KeysetAct, RootAct, TlsAct};
pub(super) use people::{LimitsAct, OperatorAct, OverrideArgs};

use super::backup::{BackupArgs, RestoreArgs, RestoredAct};
use super::bundle::BundleAct;
use super::checkpoint::CheckpointAct;
use super::media::MediaArgs;
use super::online::OnlineAct;
use super::qr::QrArgs;
use super::round::RoundAct;
use super::serve::WatchArgs;
use super::swap::SwapAct;
use crate::office::issue;
use crate::office::model::parse_unit;
use crate::units::{
    self, AccountNo, BusPlace, CreditUnit, DeviceId, MeterNo, Money, OperatorId, TokenId,
};
use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where an office is, if nobody says otherwise.
pub(super) const USUAL_DATA: &str = "office";

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
        default_value = USUAL_DATA
    )]
    pub(super) data: PathBuf,
    /// The ledger's database, where it is not a file in the folder: postgres://USER@HOST/NAME.
    /// `init` remembers it in the folder.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "METERKIT_OFFICE_DATABASE",
        hide_env_values = true
    )]
    pub(super) database: Option<String>,
    /// Print one JSON object instead of text.
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// File whose first line is the passphrase of the keys. Without one it is asked for; under
    /// systemd, the credential `meterkit-office` is read.
    #[arg(long, global = true, value_name = "FILE", env = "METERKIT_OFFICE_PASSPHRASE_FILE")]
    pub(super) passphrase_file: Option<PathBuf>,
    /// The same for one key that has a passphrase of its own; may be given again.
    #[arg(long, global = true, value_name = "KEY=FILE", value_parser = keys::key_file)]
    pub(super) key_passphrase: Vec<(String, PathBuf)>,
    #[command(subcommand)]
    pub(super) act: Act,
}

/// What is done with drafts.
#[derive(Debug, Subcommand)]
pub(super) enum DraftAct {
    /// Those there are, the oldest first.
    List,
    /// Issue one: it becomes the token of the same identity.
    Issue {
        /// Which.
        draft: TokenId,
    },
    /// Drop one: nothing of it is issued.
    Drop {
        /// Which.
        draft: TokenId,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Act {
    /// Make a new office: keys and an empty ledger.
    Init {
        /// Whose office: part of every signature; 1 to 32 characters.
        #[arg(long)]
        tenant: String,
        /// How many root keys to make.
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=8))]
        roots: u8,
        /// How many of them must sign a new root.
        #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=8))]
        threshold: u8,
        /// Where to write the root keys, to be taken away from there: a stick, not this disk.
        #[arg(long, value_name = "DIR")]
        root_dir: Option<PathBuf>,
        /// Name or address handhelds reach the server at; may be given again.
        #[arg(long = "host", value_name = "HOST")]
        hosts: Vec<String>,
        /// Spread the ledger over this many partitions; PostgreSQL only (docs/scaling.md).
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=256))]
        partitions: Option<u16>,
    },
    /// Write the enrolment file for a new handheld.
    Enrol {
        /// Its name: 1 to 16 of a-z, 0-9 and '-'.
        device: DeviceId,
        /// Who may work with it from the start; whoever enrols it is one of them. May be given
        /// again.
        #[arg(long = "operator", value_name = "ID", required = true)]
        operators: Vec<OperatorId>,
        /// It had a life before: a restored copy, a clone, a lost one that was found.
        #[arg(long)]
        again: bool,
        /// Where it will reach this office.
        #[arg(long, default_value = "https://127.0.0.1:8645")]
        url: String,
        /// The file to write. It holds a one-time secret.
        #[arg(long)]
        out: PathBuf,
    },
    /// Add meters.
    #[command(subcommand)]
    Meter(MeterAct),
    /// Issue a token: a recharge, or what --kind says.
    Issue {
        /// For which meter.
        #[arg(long)]
        meter: MeterNo,
        /// How much: yuan or kWh, up to two decimals; 0 opens an account without a first credit.
        #[arg(long, value_parser = amount)]
        amount: i64,
        /// What it does: recharge, open, refund, reversal, carry-over.
        #[arg(long, default_value = "recharge", value_parser = kind)]
        kind: units::Act,
        /// The recharge that a reversal undoes.
        #[arg(long, value_name = "TOKEN", required_if_eq("kind", "reversal"))]
        undoes: Option<TokenId>,
        /// The account to open, where it is not the one on the list.
        #[arg(long)]
        account: Option<AccountNo>,
        /// To which handheld.
        #[arg(long)]
        device: DeviceId,
        /// For how many days.
        #[arg(long, default_value_t = issue::USUAL_DAYS)]
        days: i64,
        /// Also write the token to a file, to be carried by hand.
        #[arg(long)]
        out: Option<PathBuf>,
        /// Only write it down: nothing is reserved or signed until `draft issue`.
        #[arg(long, conflicts_with = "out")]
        draft: bool,
        /// What whoever issues the draft should know.
        #[arg(long, default_value = "", requires = "draft")]
        note: String,
    },
    /// Sales that were prepared and not issued (`issue --draft`).
    #[command(subcommand)]
    Draft(DraftAct),
    /// Issue a list of sales, all or none.
    IssueList(OrdersArgs),
    /// Replace a token whose time is over, or that was revoked, and that was never sent.
    Reissue {
        /// Which.
        token: TokenId,
        /// For how many days.
        #[arg(long, default_value_t = issue::USUAL_DAYS)]
        days: i64,
    },
    /// Take back a token that is out. Its handheld hears of it with its next status.
    #[command(subcommand)]
    Revoke(RevokeAct),
    /// Serve handhelds until interrupted.
    Serve {
        /// Address and port.
        #[arg(long, default_value = "127.0.0.1:8645")]
        listen: SocketAddr,
        /// Without TLS; at an address of this machine only.
        #[arg(long)]
        plain: bool,
        #[command(flatten)]
        watch: WatchArgs,
    },
    /// Take in what handhelds left on a stick or in a folder, and write there what is for them
    /// (exit 1 if something could not be taken in).
    Media(MediaArgs),
    /// Recharges the office makes itself, over its own line to the meter.
    #[command(subcommand)]
    Online(OnlineAct),
    /// What handhelds signed of their journals at the end of a shift.
    #[command(subcommand)]
    Checkpoint(CheckpointAct),
    /// Show a document as a QR code, for a handheld's scanner.
    Qr(QrArgs),
    /// Print the ledger and check that it sums to zero (exit 1 if not).
    Ledger,
    /// What a person must look at.
    #[command(subcommand)]
    Review(ReviewAct),
    /// The handhelds, and what is out with them.
    #[command(args_conflicts_with_subcommands = true)]
    Devices {
        /// Stop this handheld: lost, or not to be trusted.
        #[arg(long, value_name = "DEVICE")]
        quarantine: Option<DeviceId>,
        #[command(subcommand)]
        act: Option<DeviceAct>,
    },
    /// What a lost handheld can cost at most, and where to go; with --fence, stop it.
    Lost(LostArgs),
    /// Shifts, closed at zero.
    #[command(subcommand)]
    Shift(ShiftAct),
    /// What was sold, by day, month and year.
    Sales(SalesArgs),
    /// The time zone that days are told in.
    Zone {
        /// To be set from now on, as Asia/Shanghai.
        name: Option<String>,
    },
    /// How the office stands today.
    Today,
    /// Lists, on the screen and as files.
    #[command(subcommand)]
    List(ListAct),
    /// Write a fresh status for a handheld, to be carried by hand.
    Status {
        /// For which.
        device: DeviceId,
        /// The file to write.
        #[arg(long)]
        out: PathBuf,
    },
    /// Who works with the handhelds.
    #[command(subcommand)]
    Operator(OperatorAct),
    /// Leave for one act of one operator on one meter, by a supervisor.
    Override(OverrideArgs),
    /// Sets of parameters for meters.
    #[command(subcommand)]
    Bundle(BundleAct),
    /// Lists of meters to be read by a handheld.
    #[command(subcommand)]
    Round(RoundAct),
    /// Meters swapped with their balances.
    #[command(subcommand)]
    Swap(SwapAct),
    /// How much a handheld may carry, and how much may happen on it unheard of.
    #[command(subcommand)]
    Limits(LimitsAct),
    /// The office's keys and their ceremonies (docs/custody.md).
    #[command(subcommand)]
    Keys(KeysAct),
    /// Write all of the office into one file, while it serves.
    Backup(BackupArgs),
    /// Make an office out of a backup: in a new folder, with --database in an empty database.
    Restore(RestoreArgs),
    /// After a restore: which handhelds are waited for.
    #[command(subcommand)]
    Restored(RestoredAct),
    /// The desk: all of this at a terminal, in English and Chinese (docs/desk.md).
    Desk(DeskArgs),
    /// Write everything an auditor needs into a folder.
    Export {
        /// The folder; must be new or empty.
        #[arg(long, value_name = "DIR")]
        audit: PathBuf,
    },
}

/// How the desk is to look.
#[derive(Debug, Args)]
pub(super) struct DeskArgs {
    /// Language: en, zh; without it that of the system.
    #[arg(long, value_name = "LANG", value_parser = ["en", "zh"])]
    pub(super) lang: Option<String>,
    /// Colours: mono, 16, 256.
    #[arg(long, value_name = "PALETTE", value_parser = ["mono", "16", "256"])]
    pub(super) palette: Option<String>,
    /// Draw lines with ASCII characters only.
    #[arg(long)]
    pub(super) ascii: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum RevokeAct {
    /// A recharge token. Its money stays where it is until somebody settles it.
    Token {
        /// Which.
        token: TokenId,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum DeviceAct {
    /// Where two journals of one handheld contradict each other.
    Forks {
        /// Which.
        device: DeviceId,
    },
    /// Print the next recovery code, for somebody whose PINs are all lost. Each is given out once.
    Recovery {
        /// Which.
        device: DeviceId,
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
        /// The area it belongs to, for operators who may work in some areas only.
        #[arg(long, default_value = "")]
        area: String,
        /// Where it hangs on its bus.
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Close the account of a meter, and book what was paid back: it is on the list no more, and
    /// nothing is issued to it.
    Close {
        /// Its number.
        meter: MeterNo,
        /// Why, for whoever reads this later.
        #[arg(long)]
        reason: String,
        /// What was paid back to the customer, of what the meter held at its last proof.
        #[arg(long, value_parser = amount)]
        paid: Option<i64>,
        /// The number of the receipt for it.
        #[arg(long, default_value = "", value_name = "NUMBER")]
        receipt: String,
        /// Close nothing yet: revoke what is out for it, so that it can be closed later.
        #[arg(long, conflicts_with_all = ["paid", "receipt", "dry_run"])]
        revoke: bool,
        /// Only show what it would come to.
        #[arg(long)]
        dry_run: bool,
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
    /// `meter,account,customer,location`, then, as far as needed,
    /// `unit,count,balance,area,line,box,user,address,profile`
    Import {
        /// The list; a first line that begins with "meter," is a heading.
        csv: PathBuf,
    },
}

/// Where a meter hangs on its bus.
#[derive(Debug, Args)]
pub(super) struct PlaceArgs {
    /// The line it hangs on, as handhelds write a port (`tcp://10.0.0.7:4001`).
    #[arg(long, default_value = "")]
    line: String,
    /// The multi-user terminal it is a part of.
    #[arg(long = "box", value_name = "BOX", default_value = "", requires = "user")]
    terminal: String,
    /// Its place in that terminal, from 1.
    #[arg(long, default_value_t = 0, requires = "terminal")]
    user: u8,
    /// What its bus calls it, where that is not its number.
    #[arg(long, default_value = "")]
    address: String,
}

impl From<PlaceArgs> for BusPlace {
    fn from(args: PlaceArgs) -> Self {
        let PlaceArgs { line, terminal, user, address } = args;
        Self { line, terminal, user, address }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum ReviewAct {
    /// List what is open.
    List {
        /// Settled ones too.
        #[arg(long)]
        all: bool,
    },
    /// Show one with the evidence it rests on: entries, readings, receipts, tokens.
    Show {
        /// As listed.
        id: String,
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
        /// The purchase count a person read off the meter, where nothing else proves that a token
        /// in doubt was not used.
        #[arg(long, value_name = "COUNT")]
        shows: Option<u32>,
        /// The amount of the meter's purchase record for the token's step.
        #[arg(long, value_name = "AMOUNT", value_parser = amount, requires = "shows")]
        record: Option<i64>,
    },
    /// How long something waits for what must come before it, until a person is called.
    Wait {
        /// To change it.
        #[arg(long)]
        days: Option<i64>,
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

pub(in crate::office::command) fn hundredths(text: &str) -> Result<i64, String> {
    Money::parse(text).map(|m| m.0).ok_or_else(|| format!("not an amount: {text:?}"))
}

pub(in crate::office::command) fn amount(text: &str) -> Result<i64, String> {
    hundredths(text).and_then(|value| if value >= 0 { Ok(value) } else { Err("negative".into()) })
}

/// What a token does, as the office says it.
fn kind(text: &str) -> Result<units::Act, String> {
    use units::Act;
    let known = [
        ("recharge", Act::Recharge),
        ("open", Act::Open),
        ("refund", Act::Refund),
        ("reversal", Act::Reversal),
        ("carry-over", Act::CarryIn),
    ];
    let found = known.into_iter().find(|(name, _)| *name == text);
    found.map(|(_, act)| act).ok_or_else(|| known.map(|(name, _)| name).join(", "))
}

fn unit(text: &str) -> Result<CreditUnit, String> {
    parse_unit(text).ok_or_else(|| "yuan or kwh".to_owned())
}
