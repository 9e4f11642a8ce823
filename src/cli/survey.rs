//! `meterkit survey`: what hangs on a line, and what is wrong with it.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::Common;
use super::context::{Context, Work};
use super::output::Output;
use super::survey_boxes;
use crate::jobs::failure;
use crate::jobs::survey::{self, Saved, Site, Survey, book, terminals};
use crate::jobs::swap;
use crate::jobs::views::{
    Failure, SurveyEnd, SurveyPlan, SurveyProgress, SurveyProtocol, SurveyView,
};
use crate::profile;
use crate::report::Code;
use crate::text::Lang;
use crate::transport::LineSettings;
use crate::tui::survey_table as table;
use crate::tui::wrap::pad;

/// Arguments of `survey`.
#[derive(Debug, Args)]
pub struct SurveyArgs {
    /// Only these protocols: dlt645, dlt645-1997, cjt188, dlt698.45, modbus-rtu, iec62056-21.
    #[arg(long, value_name = "PROTOCOL", value_delimiter = ',')]
    protocol: Vec<String>,
    /// First Modbus address.
    #[arg(long, value_name = "N", default_value_t = 1)]
    from: u8,
    /// Last Modbus address.
    #[arg(long, value_name = "M", default_value_t = 247)]
    to: u8,
    /// Go on when meters have been found, and try rare settings too.
    #[arg(long)]
    all: bool,
    /// Log in first, and name boxes and users by the area list.
    #[arg(long)]
    listed: bool,
    /// Keep the place in this file when stopped, and go on from it; removed when all is searched.
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// Write meters and verdicts as a spreadsheet.
    #[arg(long, value_name = "FILE")]
    xlsx: Option<PathBuf>,
    /// Write the meters as CSV.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

/// Surveys the line in use.
///
/// # Errors
/// The port's; [`Code::Usage`] for arguments that make no sense; [`Code::File`]. Stopped or broken
/// off, what was found is printed first.
pub fn run(common: &Common, args: &SurveyArgs, out: &Output) -> Result<u8, Failure> {
    let context = Context::load(common, out)?;
    let out = &context.out;
    let plan = plan(common, args)?;
    let saved = match &args.resume {
        Some(file) if file.exists() => Some(Saved::read(file)?),
        _ => None,
    };
    let work =
        if args.listed { Some(context.log_in(common)?) } else { somebody(&context, common)? };
    let profiles = context.profiles();
    let terminals = terminals::layouts(&profiles);
    let settings = context.line_settings(common, LineSettings::default())?;
    let opened = saved.as_ref().and_then(|saved| LineSettings::parse(&saved.opened).ok());
    let opened = opened.unwrap_or(settings);
    let port = context.port(common);
    let cancel = context.cancel()?;
    let (place, trace) = ((port.as_deref(), &opened), common.trace.as_deref());
    let mut link = context.open(trace, profile::DEFAULT, place, &cancel)?;
    out.say(&out.lang.survey_warning(port.as_deref().unwrap_or_default()));
    let mut teller = Teller::new(out, plan.budget_s());
    let site = Site {
        link: link.as_mut(),
        opened,
        terminals: &terminals,
        cancel: &cancel,
        wire: &mut |_| {},
    };
    let ended = survey::run(site, &plan, &mut |progress| teller.tell(progress), saved);
    teller.bar.finish_and_clear();
    let Survey { mut view, saved } = ended?;
    if let Some(work) = &work {
        if args.listed {
            terminals::list(&mut view, &work.store, &profiles, port.as_deref());
        }
        let stamp = context.stamp(&work.session);
        view.swapped_back = swap::back::surveyed(&work.store, &stamp, &view.meters);
    }
    let heard = view.meters.first().and_then(|meter| LineSettings::parse(&meter.line).ok());
    if let Some(settings) = heard {
        context.opener.answered(port.as_deref(), "", &settings);
    }
    keep(args.resume.as_deref(), &view.end, &saved)?;
    show(out, &view);
    view.swapped_back.iter().for_each(|alarm| out.failure(alarm));
    files(out, args, &view)?;
    match view.end {
        SurveyEnd::Whole | SurveyEnd::Enough => Ok(0),
        SurveyEnd::Stopped => Err(failure::fail(Code::Cancelled, "")),
        SurveyEnd::Broken(failure) => Err(failure),
    }
}

/// Who works here. A survey needs nobody; but only the journal knows which meters were swapped out
/// and should not hang here any more.
fn somebody(context: &Context, common: &Common) -> Result<Option<Work>, Failure> {
    match context.log_in(common) {
        Ok(work) => Ok(Some(work)),
        Err(none) if none.code == Code::NotEnrolled => Ok(None),
        Err(none) if matches!(none.code, Code::LoggedOut | Code::StoreLocked) => {
            context.out.say(context.out.lang.survey_nobody());
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

/// What the arguments ask for.
fn plan(common: &Common, args: &SurveyArgs) -> Result<SurveyPlan, Failure> {
    let named = |name: &String| {
        let known = SurveyProtocol::named(name.trim());
        let all: Vec<&str> = SurveyProtocol::ALL.iter().map(|p| p.as_str()).collect();
        known.ok_or_else(|| {
            failure::fail(Code::Usage, format!("--protocol {name}: {}", all.join(", ")))
        })
    };
    let parity = match common.parity.as_deref() {
        None => None,
        Some("even") => Some('E'),
        Some("odd") => Some('O'),
        Some("none") => Some('N'),
        Some(other) => return Err(failure::fail(Code::Usage, format!("--parity {other}"))),
    };
    if args.from > args.to {
        let range = format!("--from {} --to {}", args.from, args.to);
        return Err(failure::fail(Code::Usage, range));
    }
    if let Some(baud) = common.baud.filter(|baud| !LineSettings::BAUD.contains(baud)) {
        return Err(failure::fail(Code::Usage, format!("--baud {baud}")));
    }
    Ok(SurveyPlan {
        protocols: args.protocol.iter().map(named).collect::<Result<_, _>>()?,
        baud: common.baud,
        parity,
        from: args.from,
        to: args.to,
        all: args.all,
    })
}

/// Keeps the place of a survey that can go on; a finished one has none.
fn keep(file: Option<&Path>, end: &SurveyEnd, saved: &Saved) -> Result<(), Failure> {
    let Some(file) = file else { return Ok(()) };
    match end {
        SurveyEnd::Stopped | SurveyEnd::Broken(_) => saved.write(file),
        SurveyEnd::Whole | SurveyEnd::Enough if file.exists() => std::fs::remove_file(file)
            .map_err(|error| failure::fail(Code::File, format!("{}: {error}", file.display()))),
        SurveyEnd::Whole | SurveyEnd::Enough => Ok(()),
    }
}

/// Says how far it is: a line that is written anew on a terminal, an object a step with `--json`.
struct Teller<'a> {
    out: &'a Output,
    bar: ProgressBar,
    budget: u32,
    step: (u32, u32),
}

impl<'a> Teller<'a> {
    fn new(out: &'a Output, budget: u32) -> Self {
        let seen = !out.json && std::io::stderr().is_terminal();
        let bar = if seen { ProgressBar::new(budget.into()) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("[{bar:20}] {msg}") {
            bar.set_style(style.progress_chars("#>-"));
        }
        Self { out, bar, budget, step: (u32::MAX, 0) }
    }

    fn tell(&mut self, progress: &SurveyProgress) {
        let lang = self.out.lang;
        let protocol = progress.protocol.map_or("", |protocol| protocol.as_str());
        let what = format!("{protocol} {}", progress.line);
        self.budget = self.budget.max(progress.left_s);
        self.bar.set_length(self.budget.into());
        self.bar.set_position(self.budget.saturating_sub(progress.left_s).into());
        let left = lang.survey_left(&lang.survey_span(progress.left_s));
        self.bar.set_message(format!("{what}  {left}  {}", lang.survey_found(progress.found)));
        if self.out.json && progress.steps != self.step {
            let object = json!({
                "progress": {
                    "step": progress.steps.0, "steps": progress.steps.1,
                    "protocol": protocol, "line": progress.line, "frames": progress.frames,
                    "found": progress.found, "left_s": progress.left_s,
                }
            });
            self.out.show(object, |_| Ok(()));
        }
        self.step = progress.steps;
    }
}

fn show(out: &Output, view: &SurveyView) {
    out.show(object(view), |to| {
        let lang = out.lang;
        for verdict in &view.verdicts {
            writeln!(to, "{}: {}", verdict.kind.as_str(), lang.verdict(verdict.kind))?;
            writeln!(to, "  {}", lang.evidence(verdict))?;
            writeln!(to, "  {}", lang.verdict_next(verdict.kind))?;
        }
        writeln!(to, "{}", lang.survey_meters(view.meters.len()))?;
        for meter in &view.meters {
            let time = meter.turnaround_us.map(table::millis);
            let time = time.map_or_else(String::new, |time| lang.evidence_time(&time));
            let (protocol, address) = (pad(meter.protocol.as_str(), 12), pad(&meter.address, 18));
            let note = lang.meter_note(meter);
            let line = pad(&meter.line, 10);
            writeln!(to, "  {protocol} {address} {line} {}", format!("{time} {note}").trim())?;
        }
        survey_boxes::write(to, lang, view)?;
        for gap in &view.not_searched {
            let why = lang.survey_gap(gap);
            writeln!(to, "{}: {why}", lang.survey_not_searched())?;
            writeln!(to, "  {}", gap.what)?;
        }
        let took = u32::try_from(view.took_ms / 1000).unwrap_or(u32::MAX);
        let frames = lang.survey_frames(view.frames);
        writeln!(to, "{} {frames}, {}", lang.survey_end(&view.end), lang.survey_span(took))
    });
}

fn object(view: &SurveyView) -> Value {
    let meters = view.meters.iter().map(|meter| {
        json!({
            "protocol": meter.protocol.as_str(), "address": meter.address, "line": meter.line,
            "turnaround_us": meter.turnaround_us, "answers": meter.answers,
            "doubled": meter.doubled,
        })
    });
    let verdicts = view.verdicts.iter().map(|verdict| {
        json!({
            "verdict": verdict.kind.as_str(), "count": verdict.count, "time_us": verdict.time_us,
            "about": verdict.about, "bytes": super::json::hex(&verdict.bytes),
        })
    });
    let gaps = view.not_searched.iter();
    let gaps = gaps.map(|gap| json!({ "why": gap.why.as_str(), "what": gap.what }));
    let end = match view.end {
        SurveyEnd::Whole => "whole",
        SurveyEnd::Enough => "enough",
        SurveyEnd::Stopped => "stopped",
        SurveyEnd::Broken(_) => "broken",
    };
    json!({
        "end": end,
        "meters": meters.collect::<Vec<_>>(),
        "boxes": survey_boxes::object(view),
        "verdicts": verdicts.collect::<Vec<_>>(),
        "not_searched": gaps.collect::<Vec<_>>(),
        "searched": view.searched,
        "swapped_back": view.swapped_back.iter().map(|f| f.detail.clone()).collect::<Vec<_>>(),
        "frames": view.frames,
        "took_ms": view.took_ms,
    })
}

/// Writes the files asked for.
fn files(out: &Output, args: &SurveyArgs, view: &SurveyView) -> Result<(), Failure> {
    let lang: Lang = out.lang;
    if let Some(file) = &args.xlsx {
        book::put(file, &table::book(lang, view, "survey".to_owned()))?;
        out.say(&lang.survey_saved(&file.display().to_string()));
    }
    if let Some(file) = &args.csv {
        std::fs::write(file, book::csv(&table::meters(lang, view)))
            .map_err(|error| failure::fail(Code::File, format!("{}: {error}", file.display())))?;
        out.say(&lang.survey_saved(&file.display().to_string()));
    }
    Ok(())
}
