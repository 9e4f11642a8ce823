//! `meterkit commission`: put a meter into service, check its wiring, print its certificate.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Common;
use super::context::Context;
use super::errand::{self, ErrandArgs};
use super::output::Output;
use crate::jobs::commission::certificate::{self, Certificate, Entry};
use crate::jobs::commission::wiring::{self, Load};
use crate::jobs::commission::{Commission, SYSTEMS, check, figures, steps};
use crate::jobs::errand::Values;
use crate::jobs::lines::Stop;
use crate::jobs::views::Failure;
use crate::jobs::{failure, open};
use crate::report::Code;
use crate::text::{Lang, work as names};
use crate::tui::widgets::phasor::Phasor;
use crate::tui::wrap::pad;
use crate::units::{MeterNo, StepState, WorkId};

/// Cells of the drawing.
const DRAWING: (u16, u16) = (38, 17);
/// Cells of a figure's name.
const NAME_CELLS: usize = 24;

/// Arguments of `commission`.
#[derive(Debug, Args)]
pub struct CommissionArgs {
    #[command(subcommand)]
    command: CommissionCommand,
}

#[derive(Debug, Subcommand)]
enum CommissionCommand {
    /// Begin with a meter, and go on as far as can be.
    Start(StartArgs),
    /// Go on with one that was begun.
    Resume(ResumeArgs),
    /// Check the wiring alone: draw it and judge it; changes nothing.
    Wiring(WiringArgs),
    /// Print what was done, with all figures.
    Certificate {
        /// The errand: its id, or the end of it.
        work: String,
    },
}

#[derive(Debug, Args)]
struct StartArgs {
    /// The number on the meter's label; without it the line is surveyed first.
    #[arg(long, value_name = "NUMBER")]
    meter: Option<MeterNo>,
    /// Look first what answers on the line, even where the number is known.
    #[arg(long)]
    survey: bool,
    /// The scanned barcode; compared with the meter's own number.
    #[arg(long, value_name = "CODE")]
    barcode: Option<String>,
    /// Give the meter that number as its address (it is alone on the line, its button pressed).
    #[arg(long)]
    set_address: bool,
    /// Parameters to write: a file of rows ITEM = VALUE, or a signed bundle (`.pb`, with its
    /// `.toml` beside it).
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
    /// Parameters to write: a bundle that was taken in, by its name or the end of its id.
    #[arg(long, value_name = "BUNDLE")]
    bundle: Option<String>,
    /// CT ratio; entered a second time later.
    #[arg(long, value_name = "N")]
    ct: Option<u32>,
    /// How it is connected: single, three-wire, four-wire.
    #[arg(long, value_name = "KIND", value_parser = systems())]
    system: Option<String>,
    /// What load is on: ordinary, resistive, inductive, capacitive, unknown.
    #[arg(long, value_name = "LOAD", value_parser = loads())]
    load: Option<String>,
    /// Numbers of the seals, for the certificate.
    #[arg(long, value_name = "TEXT")]
    seals: Option<String>,
    #[command(flatten)]
    errand: ErrandArgs,
}

#[derive(Debug, Args)]
struct ResumeArgs {
    /// The errand: its id, or the end of it.
    work: String,
    /// Take the meters' password from the first line of this file instead of asking.
    #[arg(long, value_name = "FILE", env = "METERKIT_METER_PASSWORD_FILE")]
    meter_password_file: Option<PathBuf>,
    /// The answer to a question of the errand, once for each, in the order they are asked.
    #[arg(long = "answer", value_name = "TEXT")]
    answers: Vec<String>,
}

#[derive(Debug, Args)]
struct WiringArgs {
    /// The meter.
    #[arg(long, value_name = "NUMBER")]
    meter: MeterNo,
    /// How it is connected: single, three-wire, four-wire.
    #[arg(long, value_name = "KIND", value_parser = systems())]
    system: Option<String>,
    /// What load is on: ordinary, resistive, inductive, capacitive, unknown.
    #[arg(long, value_name = "LOAD", default_value = "ordinary", value_parser = loads())]
    load: String,
    /// Draw without braille dots.
    #[arg(long)]
    ascii: bool,
}

fn systems() -> PossibleValuesParser {
    PossibleValuesParser::new(SYSTEMS)
}

fn loads() -> PossibleValuesParser {
    PossibleValuesParser::new(Load::NAMES)
}

/// Runs the command.
///
/// # Errors
/// Everything that kept it from going on.
pub fn run(common: &Common, args: &CommissionArgs, out: &Output) -> Result<u8, Failure> {
    let context = Context::load(common, out)?;
    if let CommissionCommand::Wiring(args) = &args.command {
        return wiring_alone(&context, common, args);
    }
    let work = context.log_in(common)?;
    let (values, own) = match &args.command {
        CommissionCommand::Start(args) => (form(args), args.errand.clone()),
        CommissionCommand::Resume(args) => {
            let own = ErrandArgs {
                resume: Some(args.work.clone()),
                meter_password_file: args.meter_password_file.clone(),
                answers: args.answers.clone(),
                ..ErrandArgs::default()
            };
            (Values::default(), own)
        }
        CommissionCommand::Certificate { work: id } => {
            let id = found(&work.store, id)?;
            let certificate = certificate::certificate(&work.store, id)?;
            print(&context, &certificate);
            return Ok(if certificate.whole { 0 } else { Code::WorkPartial.exit_status() });
        }
        CommissionCommand::Wiring(_) => return Ok(0),
    };
    errand::run(&context, common, &work, &Commission, (&own, &values))
}

fn form(args: &StartArgs) -> Values {
    let mut values = Values::default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    values.set("meter", args.meter.map(|meter| meter.to_string()).unwrap_or_default());
    values.set("survey", if args.survey { "yes" } else { "" });
    values.set("barcode", text(&args.barcode));
    values.set("set-address", if args.set_address { "yes" } else { "" });
    let file = args.template.as_ref().map(|path| path.display().to_string());
    values.set("template", file.unwrap_or_default());
    values.set("bundle", text(&args.bundle));
    values.set("ct", args.ct.map(|ct| ct.to_string()).unwrap_or_default());
    values.set("system", text(&args.system));
    values.set("load", text(&args.load));
    values.set("seals", text(&args.seals));
    values
}

/// A commissioning by its identity or the end of it.
fn found(store: &crate::store::Store, text: &str) -> Result<WorkId, Failure> {
    let rows = store.errands();
    let own = rows.iter().filter(|row| row.step.kind == crate::units::ErrandKind::Commission);
    let fits: Vec<WorkId> =
        own.map(|row| row.step.errand).filter(|id| id.to_string().ends_with(text)).collect();
    match fits.as_slice() {
        [id] => Ok(*id),
        _ => Err(failure::fail(Code::WorkUnknown, text)),
    }
}

/// The wiring check alone. Reading needs nobody logged in.
fn wiring_alone(context: &Context, common: &Common, args: &WiringArgs) -> Result<u8, Failure> {
    let profiles = context.profiles();
    let name = context.file.profile.as_deref().unwrap_or(crate::profile::DEFAULT);
    let profile = open::named(&profiles, name)?;
    let stop = Stop { meter: args.meter, profile: profile.clone(), place: Default::default() };
    let seen = context.on_line(common, &profile, |line| figures::read(line, &stop))?;
    let system = check::named_system(args.system.as_deref(), &seen);
    let load = Load::named(&args.load).unwrap_or(Load::Ordinary);
    let verdict = wiring::judge(system, &seen, load);
    let mut notes = figures::notes(&seen, &verdict);
    notes.extend(steps::with(&[("load", load.name())]));
    let object = json!({ "wiring": notes_object(&notes) });
    let lang = context.out.lang;
    context.out.show(object, |to| {
        draw(to, &notes, args.ascii)?;
        write_notes(to, lang, &notes)
    });
    Ok(match verdict.finding {
        wiring::Finding::Right => 0,
        wiring::Finding::Wrong => Code::WiringWrong.exit_status(),
        wiring::Finding::CannotTell => Code::WiringUnsure.exit_status(),
    })
}

/// Draws what was noted of a wiring check.
fn draw(to: &mut dyn Write, notes: &steps::Notes, ascii: bool) -> io::Result<()> {
    let three = |name: &str| certificate::three(notes, name);
    let backwards = steps::of(notes, "order") == "reversed";
    let phasor = Phasor::of(three("volts-dv"), three("amps-ma"), three("angles"), backwards);
    let (width, height) = DRAWING;
    for line in phasor.lines(width, height, ascii) {
        writeln!(to, "{}", line.trim_end())?;
    }
    Ok(())
}

fn notes_object(notes: &steps::Notes) -> Value {
    let pairs = notes.iter().map(|(name, value)| (name.clone(), json!(value)));
    Value::Object(pairs.collect())
}

/// Figures with their names; names within a figure are said in words too.
fn write_notes(to: &mut dyn Write, lang: Lang, notes: &steps::Notes) -> io::Result<()> {
    for (name, value) in notes {
        if value.is_empty() || ["wait", "code", "detail"].contains(&name.as_str()) {
            continue;
        }
        let row = format!("comm-{name}");
        let said: Vec<String> = match name.as_str() {
            "faults" | "likely" | "doubts" | "twins" => {
                value.split(' ').map(|w| say(lang, w)).collect()
            }
            _ => vec![names::or_name(lang, value).to_owned()],
        };
        let name = pad(names::or_name(lang, &row), NAME_CELLS);
        writeln!(to, "  {name} {}", said.join("; "))?;
    }
    Ok(())
}

/// Stable words with a plus between them.
fn say(lang: Lang, word: &str) -> String {
    let words: Vec<&str> = word.split('+').map(|part| names::or_name(lang, part)).collect();
    words.join(" + ")
}

fn print(context: &Context, certificate: &Certificate) {
    let lang = context.out.lang;
    let entries: Vec<Value> = certificate.entries.iter().map(entry_object).collect();
    let wanted: serde_json::Map<String, Value> =
        certificate.wanted.notes().into_iter().map(|(key, text)| (key, json!(text))).collect();
    let object = json!({ "certificate": {
        "work": certificate.work.to_string(),
        "meter": certificate.meter.to_string(),
        "from": certificate.from.0,
        "to": certificate.to.0,
        "ended": certificate.ended,
        "whole": certificate.whole,
        "wanted": wanted,
        "steps": entries,
    } });
    context.out.show(object, |to| {
        let title = names::or_name(lang, "comm-certificate");
        writeln!(to, "{title}  {}", certificate.work)?;
        writeln!(to, "{}  {}", names::or_name(lang, "meter"), certificate.meter)?;
        let (from, to_at) = (context.moment(certificate.from), context.moment(certificate.to));
        writeln!(to, "{from} - {to_at}")?;
        let stands = match (certificate.ended, certificate.whole) {
            (_, true) => "comm-whole",
            (true, false) => "comm-with-gaps",
            (false, _) => "comm-unfinished",
        };
        writeln!(to, "{}", names::or_name(lang, stands))?;
        write_notes(to, lang, &certificate.wanted.notes())?;
        for entry in &certificate.entries {
            write_entry(to, context, entry)?;
        }
        Ok(())
    });
}

fn entry_object(entry: &Entry) -> Value {
    json!({
        "step": entry.name,
        "state": entry.state.map(StepState::name),
        "at": entry.at.0,
        "operator": entry.operator,
        "seq": entry.seq,
        "figures": notes_object(&entry.notes),
    })
}

fn write_entry(to: &mut dyn Write, context: &Context, entry: &Entry) -> io::Result<()> {
    let lang = context.out.lang;
    let name = names::or_name(lang, entry.name);
    match entry.state {
        None => writeln!(to, "\n{name}: {}", names::or_name(lang, "comm-not-done")),
        Some(state) => {
            let (state, at) = (names::state(lang, state), context.moment(entry.at));
            writeln!(to, "\n{name}: {state}  {at}  {}  #{}", entry.operator, entry.seq)?;
            if entry.name == "comm-wiring" {
                draw(to, &entry.notes, false)?;
            }
            write_notes(to, lang, &entry.notes)
        }
    }
}
