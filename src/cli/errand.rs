//! The way of every longer errand on the command line: plan, confirm, carry on, ask, tell.
//!
//! Each errand's own command fills in the form; the rest is here, so that `--dry-run`, `--resume`,
//! `--answer` and `--json` mean the same everywhere.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::bar::Bar;
use super::context::{Context, Work};
use super::output::Output;
use super::{Common, round_book};
use crate::jobs::access::MeterPassword;
use crate::jobs::errand::{Answer, Ask, Errand, FieldKind, Row, Sheet, Sign, Site, Values};
use crate::jobs::lines::Crew;
use crate::jobs::round::export;
use crate::jobs::views::Failure;
use crate::jobs::{boxes, failure, trace};
use crate::report::Code;
use crate::store::Store;
use crate::text::errors::{detail, words};
use crate::text::{Lang, work as names};
use crate::transport::LineSettings;
use crate::tui::wrap::pad;
use crate::units::{ErrandKind, MeterNo, WorkId};

/// Cells of a row's name.
const NAME_CELLS: usize = 26;

/// What every errand takes.
#[derive(Debug, Args, Default, Clone)]
pub struct ErrandArgs {
    /// Read the meters and show what would be done; change nothing in them and begin nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Carry on with an errand that was begun: its id, or the end of it.
    #[arg(long, value_name = "ID")]
    pub resume: Option<String>,
    /// Begin without asking whether the plan is right.
    #[arg(long)]
    pub yes: bool,
    /// Take the meters' password from the first line of this file instead of asking.
    #[arg(long, value_name = "FILE", env = "METERKIT_METER_PASSWORD_FILE")]
    pub meter_password_file: Option<PathBuf>,
    /// The answer to a question of the errand, once for each, in the order they are asked.
    #[arg(long = "answer", value_name = "TEXT")]
    pub answers: Vec<String>,
}

/// Which meters an errand is about.
#[derive(Debug, Args, Default, Clone)]
pub struct MetersArgs {
    /// A meter's number; may be given several times.
    #[arg(long = "meter", value_name = "NUMBER")]
    pub meters: Vec<MeterNo>,
    /// All users of this multi-user terminal, by the area list.
    #[arg(id = "of-box", long = "box", value_name = "BOX")]
    pub terminal: Option<String>,
    /// Only this user of the box.
    #[arg(long, value_name = "N", requires = "of-box")]
    pub user: Option<u8>,
    /// Every meter of the area list.
    #[arg(long)]
    pub all: bool,
    /// Of the list only this area.
    #[arg(long, value_name = "AREA", requires = "all")]
    pub area: Option<String>,
}

impl MetersArgs {
    /// The numbers as a form takes them, each once.
    ///
    /// # Errors
    /// [`Code::TerminalUnknown`]; [`Code::FieldOdd`] when none is left.
    pub fn listed(&self, store: &Store) -> Result<String, Failure> {
        let mut all = self.meters.clone();
        if let Some(name) = &self.terminal {
            all.extend(boxes::members(store, name, self.user)?);
        }
        if self.all {
            let mine = |area: &str| self.area.as_deref().is_none_or(|wanted| wanted == area);
            let pages = (0..).map_while(|number| store.area_page(number));
            let listed = pages.flat_map(|page| page.meters).filter(|meter| mine(&meter.area));
            all.extend(listed.map(|meter| meter.no));
        }
        let words: Vec<String> = all.iter().map(ToString::to_string).collect();
        if words.is_empty() {
            Err(failure::fail(Code::FieldOdd, "meters"))
        } else {
            Ok(words.join(" "))
        }
    }
}

/// Plans, begins and carries on an errand, or carries on with an old one.
///
/// # Errors
/// What keeps it from going on; [`Code::WorkWaits`] when a question has no answer.
pub fn run(
    context: &Context,
    common: &Common,
    work: &Work,
    errand: &dyn Errand,
    (args, values): (&ErrandArgs, &Values),
) -> Result<u8, Failure> {
    let desk = context.desk(work);
    let profiles = context.profiles();
    let cancel = context.cancel()?;
    let wished = context.file.profile.as_deref();
    let own = LineSettings::default();
    let asked = context.line_settings(common, own)?;
    let usual = context.port(common);
    let opened = |port: Option<&str>, settings: &_| {
        let file = common.trace.as_deref();
        let file = file.map(|file| trace::file_of(file, port, usual.as_deref()));
        context.open(file.as_deref(), wished.unwrap_or_default(), (port, settings), &cancel)
    };
    let password = password(context, args)?;
    let crew = Crew {
        open: &opened,
        settings: Some(asked).filter(|asked| *asked != own),
        clock: &context.clock,
        cancel: &cancel,
        secret: None,
    };
    let site = Site {
        desk: &desk,
        crew: &crew,
        profiles: &profiles,
        wished,
        chosen: context.file.port.as_deref(),
        forced: common.port.as_deref(),
        password: password.as_ref(),
    };
    let id = match &args.resume {
        Some(text) => found_by(&work.store, &|kind| errand.carries(kind), text)?,
        None => match begun(context, &site, errand, (args, values))? {
            Some(id) => id,
            None => return Ok(0),
        },
    };
    carry_on(context, &site, errand, (id, args))
}

/// The meters' password: of a file, or typed; none where nobody can be asked or nothing was typed,
/// and then acts that need it say so.
fn password(context: &Context, args: &ErrandArgs) -> Result<Option<MeterPassword>, Failure> {
    match &args.meter_password_file {
        Some(file) => MeterPassword::of_file(file).map(Some),
        None if context.out.interactive && !args.dry_run => {
            let typed = rpassword::prompt_password(context.out.lang.ask_meter_digits());
            let typed = zeroize::Zeroizing::new(typed.unwrap_or_default());
            if typed.trim().is_empty() {
                return Ok(None);
            }
            MeterPassword::parse(&typed).map(Some)
        }
        None => Ok(None),
    }
}

/// Shows the plan and begins, if that is wanted.
fn begun(
    context: &Context,
    site: &Site<'_>,
    errand: &dyn Errand,
    (args, values): (&ErrandArgs, &Values),
) -> Result<Option<WorkId>, Failure> {
    values.check(errand.fields())?;
    let out = &context.out;
    let waiting = Bar::waiting(out, out.lang.errand_looking());
    let plan = errand.plan(site, values);
    waiting.close();
    let plan = plan?;
    if args.dry_run {
        out.show(json!({ "sheet": object(out, &plan), "dry_run": true }), |to| {
            write_sheet(to, out.lang, &plan)
        });
        out.say(out.lang.errand_dry_run());
    } else {
        show(out, &plan);
    }
    if let Some(code) = plan.exit {
        return Err(failure::fail(code, ""));
    }
    if args.dry_run {
        return Ok(None);
    }
    let lang = context.out.lang;
    if !args.yes {
        match context.out.ask(lang.ask_begin()).as_deref() {
            Some("y" | "yes" | "j" | "\u{662f}") => {}
            Some(_) => return Ok(None),
            None => return Err(failure::fail(Code::WorkWaits, "--yes")),
        }
    }
    errand.begin(site, values).map(Some)
}

/// Goes on until it is done or a question has no answer.
fn carry_on(
    context: &Context,
    site: &Site<'_>,
    errand: &dyn Errand,
    (id, args): (WorkId, &ErrandArgs),
) -> Result<u8, Failure> {
    let out = &context.out;
    let mut given: VecDeque<&String> = args.answers.iter().collect();
    let mut answer = Answer::None;
    let tables = round_book::tables(out.lang, context.clock.clone());
    loop {
        let mut bar = Bar::waiting(out, out.lang.errand_working());
        let mut tell = |sheet: &Sheet| {
            if out.json {
                show(out, sheet);
            }
            bar.tell(out.lang, sheet);
        };
        let sheet = errand.advance(site, id, &answer, &mut tell);
        bar.close();
        let sheet = export::write(site.desk.store, &site.stamp(), sheet?, tables.as_ref())?;
        show(out, &sheet);
        if sheet.done || sheet.ask == Ask::Nothing {
            return Ok(sheet.exit.map_or(0, Code::exit_status));
        }
        answer = match given.pop_front() {
            Some(text) => Answer::Text(text.clone()),
            None => match out.ask(&question(out.lang, &sheet.ask)) {
                Some(text) if !text.is_empty() => Answer::Text(text),
                _ => return Err(failure::fail(Code::WorkWaits, id.to_string())),
            },
        };
        if matches!(sheet.ask, Ask::Go(_)) {
            answer = Answer::Yes;
        }
    }
}

/// An errand by its identity or the end of it.
pub fn found(store: &Store, kind: ErrandKind, text: &str) -> Result<WorkId, Failure> {
    found_by(store, &|own| own == kind, text)
}

fn found_by(
    store: &Store,
    fits: &dyn Fn(ErrandKind) -> bool,
    text: &str,
) -> Result<WorkId, Failure> {
    let rows = store.errands();
    let ids = rows.iter().filter(|row| fits(row.step.kind)).map(|row| row.step.errand);
    let fits: Vec<WorkId> = ids.filter(|id| id.to_string().ends_with(text)).collect();
    match fits.as_slice() {
        [id] => Ok(*id),
        _ => Err(failure::fail(Code::WorkUnknown, text)),
    }
}

/// The words of a question.
fn question(lang: Lang, ask: &Ask) -> String {
    match ask {
        Ask::Nothing => String::new(),
        Ask::Go(name) => format!("{} {}", names::or_name(lang, name), lang.ask_go()),
        Ask::Digits(meter) => lang.ask_digits_of(&meter.to_string()),
        Ask::Choice(name, choices) => {
            let name = names::or_name(lang, name);
            let choices: Vec<String> = choices
                .iter()
                .map(|choice| format!("{choice} ({})", names::or_name(lang, choice)))
                .collect();
            format!("{name}: {}?", choices.join(", "))
        }
        Ask::Enter(name, kind) => {
            let mark = if *kind == FieldKind::Switch { " (yes/no)" } else { "" };
            format!("{}{mark}:", names::or_name(lang, name))
        }
    }
}

/// Prints a sheet.
pub fn show(out: &Output, sheet: &Sheet) {
    out.show(json!({ "sheet": object(out, sheet) }), |to| write_sheet(to, out.lang, sheet));
}

/// A sheet as an object.
fn object(out: &Output, sheet: &Sheet) -> Value {
    let rows: Vec<Value> = sheet.rows.iter().map(|row| row_object(out, row)).collect();
    json!({
        "work": sheet.work.map(|id| id.to_string()),
        "kind": sheet.kind.name(),
        "done": sheet.done,
        "rows": rows,
        "ask": ask_object(&sheet.ask),
        "code": sheet.exit.map(Code::as_str),
    })
}

fn row_object(out: &Output, row: &Row) -> Value {
    json!({
        "sign": sign_name(row.sign),
        "name": row.name,
        "meter": row.meter.map(|meter| meter.to_string()),
        "value": row.value,
        "error": row.failure.as_ref().map(|failure| out.failure_json(failure)),
    })
}

fn ask_object(ask: &Ask) -> Value {
    match ask {
        Ask::Nothing => Value::Null,
        Ask::Go(name) => json!({ "go": name }),
        Ask::Digits(meter) => json!({ "digits": meter.to_string() }),
        Ask::Choice(name, choices) => json!({ "choice": name, "of": choices }),
        Ask::Enter(name, _) => json!({ "enter": name }),
    }
}

fn sign_name(sign: Sign) -> &'static str {
    match sign {
        Sign::Todo => "todo",
        Sign::Doing => "doing",
        Sign::Good => "good",
        Sign::Warn => "warning",
        Sign::Bad => "bad",
        Sign::Unknown => "unknown",
        Sign::Info => "info",
    }
}

/// One letter a sign, for monochrome and for pipes.
fn sign_letter(sign: Sign) -> char {
    match sign {
        Sign::Todo => '.',
        Sign::Doing => '>',
        Sign::Good => '+',
        Sign::Warn => '!',
        Sign::Bad => 'X',
        Sign::Unknown => '?',
        Sign::Info => ' ',
    }
}

fn write_sheet(to: &mut dyn Write, lang: Lang, sheet: &Sheet) -> io::Result<()> {
    let id = sheet.work.map(|id| format!("  {id}")).unwrap_or_default();
    writeln!(to, "{}{id}", names::kind(lang, sheet.kind))?;
    for row in &sheet.rows {
        let name = pad(&names::placed(lang, &row.name), NAME_CELLS);
        let meter = row.meter.map(|meter| format!("{meter}  ")).unwrap_or_default();
        let value = names::value(lang, &row.value);
        writeln!(to, "{} {meter}{name} {value}", sign_letter(row.sign))?;
        if let Some(failure) = &row.failure {
            let say = words(failure.code);
            let (code, title, next) = (failure.code.as_str(), say.title(lang), say.next(lang));
            let about = detail(lang, failure.code, &failure.detail);
            writeln!(to, "    {code} {title} {about}")?;
            writeln!(to, "    {next}")?;
        }
    }
    Ok(())
}
