//! `meterkit round`: read a list of meters until all have answered, type in what cannot be read,
//! load curves and daily freezes, and all of it as tables.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::Common;
use super::context::{Context, Work};
use super::errand::{self, ErrandArgs, MetersArgs};
use super::output::Output;
use super::round_book;
use crate::jobs::Moment;
use crate::jobs::errand::{Errand, Values};
use crate::jobs::failure::fail;
use crate::jobs::round::export::is_book;
use crate::jobs::round::given::{self, OFFICE};
use crate::jobs::round::{Round, type_in};
use crate::jobs::views::Failure;
use crate::report::Code;
use crate::table::write as book;
use crate::text::work as names;
use crate::units::{Energy, ErrandKind, MeterNo};

/// Arguments of `round`.
#[derive(Debug, Args)]
pub struct RoundArgs {
    #[command(subcommand)]
    command: RoundCommand,
}

#[derive(Debug, Subcommand)]
enum RoundCommand {
    /// Make a list, and read it. Stopped, it goes on with `round read ID`.
    New(NewArgs),
    /// Go on with a round: read what is still missing.
    Read(ReadArgs),
    /// The rounds the office made for this handheld, and how each stands.
    List,
    /// The rounds there are, or how one stands.
    Show {
        /// The round's id, or the end of it.
        id: Option<String>,
    },
    /// Type in a figure from a meter's face. It is marked as typed and never becomes a reading.
    Manual(ManualArgs),
    /// Write a round, or the curves it read, as a spreadsheet (.xlsx) or CSV.
    Export(ExportArgs),
    /// Read load curves or daily freezes of a window.
    Curve(CurveArgs),
}

#[derive(Debug, Args)]
struct NewArgs {
    #[command(flatten)]
    meters: MetersArgs,
    /// Meters listed in this XLSX or CSV file, with what is expected of them.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// A round the office made: its name, or the end of its id (`round list`).
    #[arg(long, value_name = "ID")]
    #[arg(conflicts_with_all = ["file", "line", "meters", "all", "of-box"])]
    office: Option<String>,
    /// Every meter of the area list on this line.
    #[arg(long, value_name = "LINE")]
    line: Option<String>,
    #[command(flatten)]
    passes: PassArgs,
    #[command(flatten)]
    errand: ErrandArgs,
}

#[derive(Debug, Args)]
struct PassArgs {
    /// How often meters that did not answer are tried before a person is asked.
    #[arg(long, value_name = "N")]
    passes: Option<u16>,
    /// Pause between two passes, s.
    #[arg(long, value_name = "S")]
    pause: Option<u16>,
}

#[derive(Debug, Args)]
struct ReadArgs {
    /// The round's id, or the end of it.
    id: String,
    /// The answer to a question of the round, once for each: round-again, round-later or
    /// round-finish.
    #[arg(long = "answer", value_name = "TEXT")]
    answers: Vec<String>,
}

#[derive(Debug, Args)]
struct ManualArgs {
    /// The round's id, or the end of it.
    id: String,
    /// The meter.
    meter: MeterNo,
    /// What its face shows, kWh.
    energy: String,
    /// Why it could not be read.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Debug, Args)]
struct ExportArgs {
    /// The round's id, or the end of it.
    id: String,
    /// Where to: a workbook by its ending `.xlsx`, else CSV.
    file: PathBuf,
    /// CSV with the byte order mark by which Chinese Excel knows UTF-8.
    #[arg(long)]
    bom: bool,
}

/// What a curve is made of.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// Load records, as the meter stores them every few minutes.
    Load,
    /// Daily freezes.
    Days,
}

#[derive(Debug, Args)]
struct CurveArgs {
    #[command(flatten)]
    meters: MetersArgs,
    /// Load records or daily freezes.
    #[arg(long, value_enum, default_value = "load")]
    kind: Kind,
    /// From this day (and time), by the meter's clock: 2026-11-01 or "2026-11-01 08:00".
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Up to this day (and time).
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    #[command(flatten)]
    passes: PassArgs,
    #[command(flatten)]
    errand: ErrandArgs,
}

/// Runs the command.
///
/// # Errors
/// Everything that kept it from going on.
pub fn run(common: &Common, args: &RoundArgs, out: &Output) -> Result<u8, Failure> {
    let context = Context::load(common, out)?;
    let work = context.log_in(common)?;
    let mut values = Values::default();
    let errand = match &args.command {
        RoundCommand::List => return list(&context, &work),
        RoundCommand::Show { id } => return show(&context, &work, id.as_deref()),
        RoundCommand::Manual(args) => return manual(&context, &work, args),
        RoundCommand::Export(args) => return export(&context, &work, args),
        RoundCommand::Read(args) => {
            let (resume, answers) = (Some(args.id.clone()), args.answers.clone());
            ErrandArgs { resume, answers, ..ErrandArgs::default() }
        }
        RoundCommand::New(args) => {
            meters(&mut values, &work, &args.meters)?;
            values.set(OFFICE, args.office.clone().unwrap_or_default());
            let file = args.file.as_ref().map(|file| file.display().to_string());
            values.set("round-file", file.unwrap_or_default());
            values.set("round-line", args.line.clone().unwrap_or_default());
            passes(&mut values, &args.passes);
            args.errand.clone()
        }
        RoundCommand::Curve(args) => {
            meters(&mut values, &work, &args.meters)?;
            let what = match args.kind {
                Kind::Load => "round-curve",
                Kind::Days => "round-days",
            };
            values.set("round-what", what);
            values.set("round-from", args.from.clone().unwrap_or_default());
            values.set("round-to", args.to.clone().unwrap_or_default());
            passes(&mut values, &args.passes);
            args.errand.clone()
        }
    };
    errand::run(&context, common, &work, &Round, (&errand, &values))
}

/// The rounds of the office, the one due first in front.
fn list(context: &Context, work: &Work) -> Result<u8, Failure> {
    let out = &context.out;
    let now = Moment::of(&context.clock).at;
    for (row, stands) in given::all(&work.store, now) {
        let taken = &row.taken;
        let object = json!({
            "round": taken.id.to_string(), "name": taken.name, "meters": taken.meters,
            "due": taken.due.map(|due| due.0), "expires": taken.expires.0, "taken": row.at.0,
            "late": taken.due.is_some_and(|due| due <= now), "stands": stands.name(),
            "withdrawn": row.revoked, "work": stands.work().map(|work| work.to_string()),
        });
        out.show(object, |to| {
            let due = taken.due.map_or_else(|| "-".to_owned(), |due| context.moment(due));
            let word = names::or_name(out.lang, stands.name());
            let work = stands.work().map(|work| work.short()).unwrap_or_default();
            let (id, name, meters) = (taken.id, &taken.name, taken.meters);
            writeln!(to, "{id}  {due}  {meters}  {word} {work}  {name}")
        });
    }
    Ok(0)
}

fn meters(values: &mut Values, work: &Work, args: &MetersArgs) -> Result<(), Failure> {
    if args.all || args.terminal.is_some() || !args.meters.is_empty() {
        values.set("meters", args.listed(&work.store)?);
    }
    Ok(())
}

fn passes(values: &mut Values, args: &PassArgs) {
    let text = |number: Option<u16>| number.map(|n| n.to_string()).unwrap_or_default();
    values.set("round-passes", text(args.passes));
    values.set("round-pause", text(args.pause));
}

/// One round as it stands, or all of them, the one touched last first.
fn show(context: &Context, work: &Work, id: Option<&str>) -> Result<u8, Failure> {
    let out = &context.out;
    if let Some(id) = id {
        let found = errand::found(&work.store, ErrandKind::Round, id)?;
        let sheet = Round.sheet(&work.store, found)?;
        errand::show(out, &sheet);
        return Ok(sheet.exit.map_or(0, Code::exit_status));
    }
    let rows = work.store.errands();
    for row in rows.iter().filter(|row| row.step.kind == ErrandKind::Round) {
        let sheet = Round.sheet(&work.store, row.step.errand)?;
        let count = |name: &str| {
            let row = sheet.rows.iter().find(|row| row.name == name);
            row.map(|row| row.value.clone()).unwrap_or_default()
        };
        let object = json!({
            "work": row.step.errand.to_string(), "begun": row.begun.0, "by": row.operator,
            "done": sheet.done, "listed": count("round-listed"), "read": count("round-read"),
            "typed": count("round-typed"), "missing": count("round-missing"),
        });
        out.show(object, |to| {
            let (id, begun) = (row.step.errand.short(), context.moment(row.begun));
            let word = names::or_name(out.lang, if sheet.done { "done" } else { "begun" });
            let (read, listed) = (count("round-read"), count("round-listed"));
            writeln!(to, "{id}  {begun}  {read}/{listed}  {word}  {}", row.operator)
        });
    }
    Ok(0)
}

fn manual(context: &Context, work: &Work, args: &ManualArgs) -> Result<u8, Failure> {
    let id = errand::found(&work.store, ErrandKind::Round, &args.id)?;
    let energy = Energy::parse(&args.energy)
        .ok_or_else(|| fail(Code::FieldOdd, format!("energy: {}", args.energy)))?;
    let stamp = context.stamp(&work.session);
    let entry = (args.meter, energy);
    let sheet = type_in(&work.store, &stamp, id, entry, &args.reason)?;
    errand::show(&context.out, &sheet);
    Ok(0)
}

fn export(context: &Context, work: &Work, args: &ExportArgs) -> Result<u8, Failure> {
    let id = errand::found(&work.store, ErrandKind::Round, &args.id)?;
    let moment = |at| context.moment(at);
    let is_book = is_book(&args.file);
    let pages = round_book::pages(&work.store, id, (context.out.lang, is_book), &moment)?;
    book::save(&args.file, &pages, args.bom)?;
    let file = args.file.display().to_string();
    let rows: usize = pages.iter().map(|page| page.rows.len()).sum();
    context.out.say(&context.out.lang.survey_saved(&file));
    context.out.show(json!({ "file": file, "rows": rows }), |_| Ok(()));
    Ok(0)
}
