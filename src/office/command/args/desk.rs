//! Arguments of the desk: a lost handheld, shifts, sales, lists and their files.

use crate::office::{ShiftOf, issue};
use crate::units::{DeviceId, MeterNo, OperatorId};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Where a list goes besides the screen.
#[derive(Debug, Args)]
pub(in crate::office::command) struct FileArgs {
    /// Also write it to a file: a workbook by its ending `.xlsx`, else CSV.
    #[arg(long, value_name = "FILE")]
    pub(in crate::office::command) out: Option<PathBuf>,
    /// In a CSV, the mark by which Chinese Excel knows UTF-8.
    #[arg(long, requires = "out")]
    pub(in crate::office::command) mark: bool,
}

#[derive(Debug, Args)]
pub(in crate::office::command) struct LostArgs {
    /// Which handheld.
    pub(in crate::office::command) device: DeviceId,
    /// Stop it, and issue what is out with it again at the same steps.
    #[arg(long)]
    pub(in crate::office::command) fence: bool,
    /// The handheld that takes over; without one it is only stopped.
    #[arg(long, value_name = "DEVICE", requires = "fence")]
    pub(in crate::office::command) to: Option<DeviceId>,
    /// For how many days.
    #[arg(long, default_value_t = issue::USUAL_DAYS)]
    pub(in crate::office::command) days: i64,
    #[command(flatten)]
    pub(in crate::office::command) file: FileArgs,
}

/// Whose shift.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(in crate::office::command) struct WhoseArgs {
    /// A handheld's.
    #[arg(long)]
    device: Option<DeviceId>,
    /// An operator's.
    #[arg(long)]
    operator: Option<OperatorId>,
}

impl WhoseArgs {
    /// The handheld or the operator; clap lets no other case through.
    pub(in crate::office::command) fn of(self) -> Option<ShiftOf> {
        self.device.map(ShiftOf::Device).or(self.operator.map(ShiftOf::Operator))
    }
}

/// Whose shifts, or all.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(in crate::office::command) struct WhoseMaybe {
    /// A handheld's.
    #[arg(long)]
    device: Option<DeviceId>,
    /// An operator's.
    #[arg(long)]
    operator: Option<OperatorId>,
}

impl WhoseMaybe {
    pub(in crate::office::command) fn of(self) -> Option<ShiftOf> {
        self.device.map(ShiftOf::Device).or(self.operator.map(ShiftOf::Operator))
    }
}

#[derive(Debug, Subcommand)]
pub(in crate::office::command) enum ShiftAct {
    /// Close a shift (exit 1 if it does not come to zero).
    Close {
        #[command(flatten)]
        whose: WhoseArgs,
        /// Only show what it would come to.
        #[arg(long)]
        dry_run: bool,
    },
    /// Shifts that were closed, the newest first.
    List {
        #[command(flatten)]
        whose: WhoseMaybe,
        #[command(flatten)]
        file: FileArgs,
    },
    /// One shift with its movements.
    Show {
        /// Its identity, as listed.
        id: String,
        #[command(flatten)]
        file: FileArgs,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::office::command) enum PeriodArg {
    Day,
    Month,
    Year,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::office::command) enum ByArg {
    All,
    Area,
    Operator,
    Device,
}

#[derive(Debug, Args)]
pub(in crate::office::command) struct SalesArgs {
    /// Rows by day, month or year, in the office's time zone.
    #[arg(long, value_enum, default_value = "day")]
    pub(in crate::office::command) period: PeriodArg,
    /// And by area, operator (who sent it last) or handheld.
    #[arg(long, value_enum, default_value = "all")]
    pub(in crate::office::command) by: ByArg,
    /// From this day on, as 2026-11-22.
    #[arg(long, value_name = "DAY")]
    pub(in crate::office::command) from: Option<String>,
    /// Up to the end of the day before this one.
    #[arg(long, value_name = "DAY")]
    pub(in crate::office::command) to: Option<String>,
    #[command(flatten)]
    pub(in crate::office::command) file: FileArgs,
}

#[derive(Debug, Subcommand)]
pub(in crate::office::command) enum ListAct {
    /// Handhelds and meters not heard of for long.
    LostContact {
        /// Handhelds silent for so many hours.
        #[arg(long, default_value_t = 24)]
        hours: i64,
        /// Meters not read for so many days.
        #[arg(long, default_value_t = 35)]
        days: i64,
        #[command(flatten)]
        file: FileArgs,
    },
    /// Meters left in keep-power, those longest in it first.
    KeepPower {
        #[command(flatten)]
        file: FileArgs,
    },
    /// Meters and customers by a text in number, account, customer, location or area.
    Meters {
        /// The text; all without one.
        #[arg(default_value = "")]
        text: String,
        /// At most so many; 0: all.
        #[arg(long, default_value_t = 0)]
        limit: u32,
        #[command(flatten)]
        file: FileArgs,
    },
    /// All of one meter.
    Meter {
        /// Its number.
        meter: MeterNo,
    },
    /// Tokens, the newest first.
    Tokens {
        /// Of this meter.
        #[arg(long)]
        meter: Option<MeterNo>,
        /// Of this handheld.
        #[arg(long)]
        device: Option<DeviceId>,
        /// In this state: reserved, delivered, suspect, disputed, applied, voided.
        #[arg(long)]
        state: Option<String>,
        /// Whose money is in doubt: disputed ones, then suspect ones.
        #[arg(long, conflicts_with = "state")]
        doubt: bool,
        /// At most so many; 0: all.
        #[arg(long, default_value_t = 100)]
        limit: u32,
        #[command(flatten)]
        file: FileArgs,
    },
    /// Bundles of prices and parameters: which versions there are, and in how many meters.
    Bundles {
        /// Which meters have which version of one bundle.
        #[arg(long, value_name = "NAME")]
        meters_of: Option<String>,
        #[command(flatten)]
        file: FileArgs,
    },
    /// Handhelds, with what is out with each.
    Devices {
        #[command(flatten)]
        file: FileArgs,
    },
    /// People.
    Operators {
        #[command(flatten)]
        file: FileArgs,
    },
    /// What a person must look at.
    Reviews {
        /// Settled ones too.
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        file: FileArgs,
    },
}

#[derive(Debug, Args)]
pub(in crate::office::command) struct OrdersArgs {
    /// The list: CSV or XLSX with columns of meters and amounts, in either language.
    pub(in crate::office::command) list: PathBuf,
    /// The handheld, for rows that name none.
    #[arg(long)]
    pub(in crate::office::command) device: Option<DeviceId>,
    /// For how many days.
    #[arg(long, default_value_t = issue::USUAL_DAYS)]
    pub(in crate::office::command) days: i64,
    /// Check every row; issue nothing.
    #[arg(long)]
    pub(in crate::office::command) dry_run: bool,
    /// The same rows are to be sold once more: the first time 1, then 2, ...
    #[arg(long, default_value_t = 0)]
    pub(in crate::office::command) again: u32,
    #[command(flatten)]
    pub(in crate::office::command) file: FileArgs,
}
