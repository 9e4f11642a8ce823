//! `meterkit-office round`: lists to be read by one handheld, and what came of them.

use super::args::FileArgs;
use super::desk::written;
use super::{Shown, show};
use crate::office::keys::write_private;
use crate::office::tables::Table;
use crate::office::{NewRound, Office, OfficeError, RoundOf};
use crate::table::read::MAX_FILE;
use crate::units::{DeviceId, MeterNo, TokenId};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

/// Rounds listed with how far they are.
const LISTED: usize = 200;

#[derive(Debug, Subcommand)]
pub(in crate::office::command) enum RoundAct {
    /// Make a round for one handheld (docs/round.md).
    New(NewArgs),
    /// The rounds that were made, the newest first, and how far each is.
    List,
    /// One round, meter by meter.
    Show {
        /// Which.
        round: TokenId,
        #[command(flatten)]
        file: FileArgs,
    },
    /// Withdraw one: its handheld does not begin it once it hears of it.
    Withdraw {
        /// Which.
        round: TokenId,
    },
}

#[derive(Debug, Args)]
pub(in crate::office::command) struct NewArgs {
    /// For which handheld.
    #[arg(long)]
    device: DeviceId,
    /// What it is called.
    #[arg(long)]
    name: String,
    /// What the reader should know.
    #[arg(long, default_value = "")]
    note: String,
    #[command(flatten)]
    of: OfArgs,
    /// By when it is to be read: a day, to its end, or "2026-11-30 17:00", in the office's zone.
    #[arg(long, value_name = "DATE")]
    due: Option<String>,
    /// For how many days it can be begun.
    #[arg(long, default_value_t = 30)]
    days: i64,
    /// Only show what it would say.
    #[arg(long)]
    dry_run: bool,
    /// Also write the signed file, to be carried by hand (`meterkit tokens import`). Without it
    /// the handheld gets it with its next exchange.
    #[arg(long, conflicts_with = "dry_run")]
    out: Option<PathBuf>,
}

/// Which meters.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct OfArgs {
    /// All on the list.
    #[arg(long)]
    all: bool,
    /// Those of this area.
    #[arg(long)]
    area: Option<String>,
    /// This meter; may be given again.
    #[arg(long = "meter", value_name = "NUMBER")]
    meter: Vec<MeterNo>,
    /// Those of an XLSX or CSV file, with what it says of them.
    #[arg(long, value_name = "FILE")]
    meters: Option<PathBuf>,
}

impl OfArgs {
    fn of(self) -> Result<RoundOf, OfficeError> {
        Ok(match (self.all, self.area, self.meters) {
            (true, ..) => RoundOf::All,
            (_, Some(area), _) => RoundOf::Area(area),
            (_, _, Some(file)) => RoundOf::File(read(&file)?),
            _ => RoundOf::Meters(self.meter),
        })
    }
}

/// A table, if it is no longer than one may be.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, OfficeError> {
    let unread = |error| OfficeError::File(path.display().to_string(), error);
    let size = std::fs::metadata(path).map_err(unread)?.len();
    if size > MAX_FILE as u64 {
        let why = format!("{}: {size} > {MAX_FILE} bytes", path.display());
        return Err(OfficeError::Usage(why));
    }
    std::fs::read(path).map_err(unread)
}

pub(super) async fn act(office: &Office, act: RoundAct) -> Result<Shown, OfficeError> {
    let args = match act {
        RoundAct::New(args) => args,
        RoundAct::List => return Ok(show::rounds(&office.round_sheets(LISTED).await?)),
        RoundAct::Show { round, file } => {
            let sheet = office.round(round).await?;
            written(&file, &Table::Round(&sheet))?;
            return Ok(show::round(&sheet));
        }
        RoundAct::Withdraw { round } => {
            office.withdraw_round(round).await?;
            return Ok(show::round(&office.round(round).await?));
        }
    };
    let NewArgs { device, name, note, of, due, days, dry_run, out } = args;
    let new = NewRound { device, name, note, of: of.of()?, due, days };
    if dry_run {
        return Ok(show::round_plan(&office.plan_round(&new).await?));
    }
    let (info, bytes) = office.new_round(&new).await?;
    if let Some(out) = &out {
        write_private(out, &bytes)?;
    }
    Ok(show::round_made(&info, out.as_deref()))
}
