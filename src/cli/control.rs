//! `meterkit control`: the six batch commands over any choice of meters (prices, settings,
//! keep-power, restore prepaid, trip, a reading with its table), and the list of what is not as
//! usual.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Common;
use super::context::Context;
use super::errand::{self, ErrandArgs, MetersArgs};
use super::output::Output;
use crate::jobs::control::Control;
use crate::jobs::errand::Values;
use crate::jobs::round::export::EXPORT;
use crate::jobs::views::Failure;
use crate::text::work as names;

/// Arguments of `control`.
#[derive(Debug, Args)]
pub struct ControlArgs {
    #[command(subcommand)]
    command: ControlCommand,
}

#[derive(Debug, Subcommand)]
enum ControlCommand {
    /// Cut meters off. Asks a checklist first, and for a reason.
    Trip(OrderArgs),
    /// Connect meters again. Asks a checklist first.
    Close(OrderArgs),
    /// Let the customer close the relay with the meter's button.
    AllowClose(OrderArgs),
    /// Keep meters supplied whatever their balance; needs a reason and is listed until undone.
    KeepPower(OrderArgs),
    /// End keep-power: the balance rules again.
    RestorePrepaid(OrderArgs),
    /// Set alarm amounts and the overload threshold.
    Settings(SettingsArgs),
    /// Write the prices of a signed bundle, as `bundle write` does.
    PriceDownload(PriceArgs),
    /// Read meters and write what they show as a table, as a round does.
    ReadingExport(ExportArgs),
    /// Meters in a special state, with its age: kept on, tripped, swapped out, tariff pending.
    List,
}

#[derive(Debug, Args)]
struct OrderArgs {
    #[command(flatten)]
    meters: MetersArgs,
    /// Why; stands in the journal and on the list.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    errand: ErrandArgs,
}

#[derive(Debug, Args)]
struct SettingsArgs {
    #[command(flatten)]
    meters: MetersArgs,
    /// First alarm amount, yuan or kWh as the meter counts.
    #[arg(long, value_name = "AMOUNT")]
    alarm_1: Option<String>,
    /// Second alarm amount.
    #[arg(long, value_name = "AMOUNT")]
    alarm_2: Option<String>,
    /// Overload threshold, W.
    #[arg(long, value_name = "W")]
    overload_w: Option<u32>,
    /// How long the overload must last before the meter trips, s.
    #[arg(long, value_name = "S")]
    overload_s: Option<u8>,
    #[command(flatten)]
    errand: ErrandArgs,
}

#[derive(Debug, Args)]
struct PriceArgs {
    /// The bundle: its name, or the end of its id; `bundle take` brings it here.
    #[arg(required_unless_present = "resume")]
    bundle: Option<String>,
    #[command(flatten)]
    meters: MetersArgs,
    /// The first line of this file is the new password, for bundles that change one.
    #[arg(long, value_name = "FILE")]
    new_password_file: Option<PathBuf>,
    /// Set a clock even if it is more than a quarter of an hour off, for bundles that set clocks.
    #[arg(long)]
    far: bool,
    /// Take the place of an errand that was left open at one of these meters.
    #[arg(long)]
    instead: bool,
    #[command(flatten)]
    errand: ErrandArgs,
}

#[derive(Debug, Args)]
struct ExportArgs {
    /// Where to: a workbook by its ending `.xlsx`, else CSV.
    #[arg(required_unless_present = "resume")]
    file: Option<PathBuf>,
    #[command(flatten)]
    meters: MetersArgs,
    /// CSV with the byte order mark by which Chinese Excel knows UTF-8.
    #[arg(long)]
    bom: bool,
    #[command(flatten)]
    errand: ErrandArgs,
}

/// Runs the command.
///
/// # Errors
/// Everything that kept it from going on.
pub fn run(common: &Common, args: &ControlArgs, out: &Output) -> Result<u8, Failure> {
    let context = Context::load(common, out)?;
    let work = context.log_in(common)?;
    let (name, meters, own) = match &args.command {
        ControlCommand::List => return Ok(list(&context, &work)),
        ControlCommand::Trip(args) => ("trip", &args.meters, &args.errand),
        ControlCommand::Close(args) => ("close", &args.meters, &args.errand),
        ControlCommand::AllowClose(args) => ("allow-close", &args.meters, &args.errand),
        ControlCommand::KeepPower(args) => ("keep-power-on", &args.meters, &args.errand),
        ControlCommand::RestorePrepaid(args) => ("restore-prepaid", &args.meters, &args.errand),
        ControlCommand::Settings(args) => ("settings", &args.meters, &args.errand),
        ControlCommand::PriceDownload(args) => ("price-download", &args.meters, &args.errand),
        ControlCommand::ReadingExport(args) => ("reading-export", &args.meters, &args.errand),
    };
    let mut values = Values::default().with("command", name);
    if own.resume.is_none() {
        values.set("meters", meters.listed(&work.store)?);
    }
    match &args.command {
        ControlCommand::Settings(args) => {
            values.set("alarm-1", args.alarm_1.clone().unwrap_or_default());
            values.set("alarm-2", args.alarm_2.clone().unwrap_or_default());
            let text = |number: Option<u32>| number.map(|n| n.to_string()).unwrap_or_default();
            values.set("overload-w", text(args.overload_w));
            values.set("overload-s", text(args.overload_s.map(u32::from)));
        }
        ControlCommand::Trip(args)
        | ControlCommand::Close(args)
        | ControlCommand::AllowClose(args)
        | ControlCommand::KeepPower(args)
        | ControlCommand::RestorePrepaid(args) => {
            values.set("reason", args.reason.clone().unwrap_or_default());
        }
        ControlCommand::PriceDownload(args) => {
            values.set("bundle", args.bundle.clone().unwrap_or_default());
            let file = args.new_password_file.as_ref().map(|file| file.display().to_string());
            values.set("new-password", file.unwrap_or_default());
            values.set("far", if args.far { "yes" } else { "" });
            values.set("instead", if args.instead { "yes" } else { "" });
        }
        ControlCommand::ReadingExport(args) => {
            let file = args.file.as_ref().map(|file| file.display().to_string());
            values.set(EXPORT, file.unwrap_or_default());
            values.set("round-bom", if args.bom { "yes" } else { "" });
        }
        ControlCommand::List => {}
    }
    errand::run(&context, common, &work, &Control, (own, &values))
}

/// What is remembered of meters, oldest first.
fn list(context: &Context, work: &super::context::Work) -> u8 {
    let now = context.stamp(&work.session).at;
    let lang = context.out.lang;
    for row in work.store.marks() {
        let hours = now.0.saturating_sub(row.since.0).max(0) / 3_600;
        let object = json!({
            "meter": row.meter.to_string(), "mark": row.mark.name(), "since": row.since.0,
            "hours": hours, "by": row.operator, "note": row.note,
        });
        context.out.show(object, |to| {
            let (mark, since) = (names::mark(lang, row.mark), context.moment(row.since));
            let age = lang.mark_age(hours / 24, hours % 24);
            writeln!(to, "{}  {mark}  {since}  {age}  {}  {}", row.meter, row.operator, row.note)
        });
    }
    0
}
