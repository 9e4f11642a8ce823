//! `meterkit read` of many meters: one line a meter in the order they end, the lines in parallel,
//! and what it came to.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::context::{Context, Work};
use super::read::{self, ReadArgs};
use super::{Common, json};
use crate::jobs::lines::{self, Crew, Ended, Route, Stop, Summary};
use crate::jobs::views::{Failure, QuickRead};
use crate::jobs::{boxes, failure, open, swap, trace};
use crate::report::Code;
use crate::store::Store;
use crate::text::errors::words;
use crate::text::{Lang, items};
use crate::tui::wrap::pad;
use crate::units::MeterNo;

/// Cells of a port's name in a line.
const PORT_CELLS: usize = 14;
/// Values said in a line of a meter that has none of the usual ones.
const OTHERS_MAX: usize = 3;

/// The meters meant, each once, in the order given.
///
/// # Errors
/// [`Code::NotEnrolled`] where only an area list could say; [`Code::TerminalUnknown`];
/// [`Code::Usage`] when none is left.
pub fn chosen(store: Option<&Store>, args: &ReadArgs) -> Result<Vec<MeterNo>, Failure> {
    let listed = || store.ok_or_else(|| failure::fail(Code::NotEnrolled, ""));
    let mut meters = match &args.terminal {
        Some(name) => boxes::members(listed()?, name, args.user)?,
        None if args.all => {
            let store = listed()?;
            let pages = (0..).map_while(|number| store.area_page(number));
            let mine = |area: &str| args.area.as_deref().is_none_or(|wanted| wanted == area);
            let meters = pages.flat_map(|page| page.meters).filter(|meter| mine(&meter.area));
            meters.map(|meter| meter.no).collect()
        }
        None => args.meters.clone(),
    };
    let mut seen = BTreeSet::new();
    meters.retain(|meter| seen.insert(*meter));
    match (meters.len(), &args.address) {
        (0, _) => Err(failure::fail(Code::Usage, "0")),
        (2.., Some(_)) => Err(failure::fail(Code::Usage, "--address")),
        _ => Ok(meters),
    }
}

/// Reads them all.
///
/// # Errors
/// What keeps all of them from being read.
pub fn run(
    context: &Context,
    common: &Common,
    work: Option<&Work>,
    args: &ReadArgs,
    meters: &[MeterNo],
) -> Result<u8, Failure> {
    let profiles = context.profiles();
    let (mut stops, mut summary) = (Vec::new(), Summary::default());
    for &meter in meters {
        match read::known(context, &profiles, work, args, meter) {
            Ok(stop) => stops.push(stop),
            Err(failure) => {
                summary.count(Err(failure.code));
                tell(context, meter, None, Err(&failure));
            }
        }
    }
    let secret = args.password.of(context, stops.iter().map(|stop| &stop.profile))?;
    let routes = lines::routes(stops, context.file.port.as_deref(), common.port.as_deref());
    let cancel = context.cancel()?;
    let first = routes.iter().flat_map(|route| &route.stops).next();
    let own = first.map(|stop| open::settings(&stop.profile)).unwrap_or_default();
    let wanted = context.line_settings(common, own)?;
    let kind = first.map(|stop| stop.profile.id.clone()).unwrap_or_default();
    let usual = context.port(common);
    let several = routes.len() > 1;
    let opened = |port: Option<&str>, settings: &_| {
        let file = common.trace.as_deref().map(|file| match several {
            true => trace::file_of(file, port, usual.as_deref()),
            false => file.to_owned(),
        });
        context.open(file.as_deref(), &kind, (port, settings), &cancel)
    };
    let crew = Crew {
        open: &opened,
        // Without a word of the user's each meter's profile sets its own line.
        settings: Some(wanted).filter(|wanted| *wanted != own),
        clock: &context.clock,
        cancel: &cancel,
        secret: secret.as_ref(),
    };
    let (mut journal, mut heard) = (Ok(()), BTreeSet::new());
    let done = lines::read_all(&crew, &routes, &mut |ended: Ended| {
        let Ended { meter, port, result, at } = ended;
        match result {
            Ok((card, reading)) => {
                if heard.insert(port.clone()) {
                    remember(context, &crew, &routes, meter, port.as_deref());
                }
                if let Some(work) = work {
                    let stamp = at.stamp(work.session.operator());
                    let (alarm, kept) = swap::back::keep(&work.store, &stamp, reading);
                    if let Some(alarm) = alarm {
                        context.out.failure(&alarm);
                    }
                    journal = journal.clone().and(kept);
                }
                tell(context, meter, port.as_deref(), Ok(&card));
            }
            Err(failure) => tell(context, meter, port.as_deref(), Err(&failure)),
        }
    });
    summary.add(done);
    conclude(context, &summary);
    journal?;
    Ok(summary.first.map_or(0, Code::exit_status))
}

/// After the first good answer on a line: remembers it.
fn remember(
    context: &Context,
    crew: &Crew<'_>,
    routes: &[Route],
    meter: MeterNo,
    port: Option<&str>,
) {
    let stop = routes.iter().flat_map(|route| &route.stops).find(|stop| stop.meter == meter);
    let Some(Stop { profile, .. }) = stop else { return };
    let settings = crew.settings.unwrap_or_else(|| open::settings(profile));
    context.opener.answered(port, &profile.id, &settings);
}

fn tell(
    context: &Context,
    meter: MeterNo,
    port: Option<&str>,
    result: Result<&QuickRead, &Failure>,
) {
    let out = &context.out;
    let lang = out.lang;
    let mut object = match result {
        Ok(card) => json::quick_read(card),
        Err(why) => json!({ "meter": meter.to_string(), "error": out.failure_json(why) }),
    };
    if let Value::Object(fields) = &mut object {
        fields.insert("port".to_owned(), json!(port));
    }
    let port = pad(port.unwrap_or("-"), PORT_CELLS);
    out.show(object, |to| match result {
        Ok(card) => writeln!(to, "{meter}  {port}  {}", in_short(lang, card)),
        Err(why) => {
            let title = words(why.code).title(lang);
            writeln!(to, "{meter}  {port}  X {} {title} {}", why.code.as_str(), why.detail)
        }
    });
}

/// The figures a person looks for first.
fn in_short(lang: Lang, card: &QuickRead) -> String {
    let mut parts = Vec::new();
    parts.extend(card.energy.map(|energy| format!("{energy} kWh")));
    parts.extend(card.balance.map(|balance| lang.credit(balance)));
    parts.extend(card.count.map(|count| format!("{} {}", lang.fact_count(), count.0)));
    if parts.is_empty() {
        let others = card.others.iter().take(OTHERS_MAX);
        parts.extend(others.map(|(name, value)| format!("{} {value}", items::item(lang, name))));
    }
    parts.push(lang.fact_took(card.took_ms));
    parts.join("  ")
}

fn conclude(context: &Context, summary: &Summary) {
    let Summary { read, silent, garbled, failed, ports, .. } = summary;
    let seconds = summary.slowest().as_secs_f64();
    let object = json!({ "summary": {
        "read": read, "silent": silent, "garbled": garbled, "failed": failed,
        "ports": ports.len(),
        "slowest_port_ms": u64::try_from(summary.slowest().as_millis()).unwrap_or(u64::MAX),
        "all_ports_ms": u64::try_from(summary.altogether().as_millis()).unwrap_or(u64::MAX),
    } });
    let lang = context.out.lang;
    let text = lang.read_summary(*read, *silent, *garbled, *failed, ports.len(), seconds);
    context.out.show(object, |to| writeln!(to, "{text}"));
}
