//! `meterkit doctor`: checks this installation; the report can be shared, there is no secret in it.

use std::io::{self, Write};

use clap::Args;
use serde_json::{Value, json};

use super::Common;
use super::context::Context;
use super::output::Output;
use crate::jobs::views::Failure;
use crate::jobs::{SystemClock, journal, open, ports};
use crate::report::Code;
use crate::text::errors::words;

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {}

/// One thing looked at.
struct Finding {
    name: &'static str,
    /// `ok`, `note`, or the code of a failure.
    state: String,
    detail: String,
}

impl Finding {
    fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, state: "ok".to_owned(), detail: detail.into() }
    }

    fn note(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, state: "note".to_owned(), detail: detail.into() }
    }

    fn bad(name: &'static str, failure: &Failure) -> Self {
        let state = failure.code.as_str().to_owned();
        Self { name, state, detail: failure.detail.clone() }
    }
}

/// Looks at everything that usually goes wrong.
///
/// # Errors
/// Only a configuration that cannot be read; everything else is a finding. The exit status is that
/// of the first failure found.
pub fn run(common: &Common, _args: &DoctorArgs, out: &Output) -> Result<u8, Failure> {
    let context = Context::load(common, out)?;
    let mut findings = vec![
        Finding::ok("version", format!("meterkit {}", env!("CARGO_PKG_VERSION"))),
        Finding::ok("features", features()),
        Finding::ok("configuration", context.paths.config.display().to_string()),
        terminal(),
        Finding::ok("clock", context.moment(SystemClock::utc())),
    ];
    let store = store(&context, &mut findings);
    adapters(&context, common, &mut findings);
    let out = &context.out;
    let list: Vec<Value> = findings
        .iter()
        .map(|f| json!({ "name": f.name, "state": f.state, "detail": f.detail }))
        .collect();
    out.show(json!({ "findings": list }), |to| {
        findings.iter().try_for_each(|finding| write_finding(to, out, finding))
    });
    Ok(store.map_or(0, Code::exit_status))
}

fn write_finding(to: &mut dyn Write, out: &Output, finding: &Finding) -> io::Result<()> {
    let sign = match finding.state.as_str() {
        "ok" => "OK",
        "note" => "- ",
        _ => "! ",
    };
    writeln!(to, "{sign} {:14} {}", finding.name, finding.detail)?;
    let failed = Code::ALL.iter().find(|code| code.as_str() == finding.state);
    failed.map_or(Ok(()), |code| {
        let say = words(*code);
        writeln!(to, "   {}: {}", code.as_str(), say.title(out.lang))?;
        writeln!(to, "   {}", say.next(out.lang))
    })
}

fn features() -> String {
    let all = [
        ("serial", cfg!(feature = "serial")),
        ("ble", cfg!(feature = "ble")),
        ("office", cfg!(feature = "office")),
        ("demo", cfg!(feature = "demo")),
    ];
    let on: Vec<&str> = all.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect();
    on.join(" ")
}

fn terminal() -> Finding {
    let term = std::env::var("TERM").unwrap_or_default();
    match term.as_str() {
        // Its font has 512 glyphs at most.
        "linux" => Finding::note("terminal", "linux console: no Chinese, ASCII lines"),
        "" => Finding::note("terminal", "TERM is not set"),
        other => Finding::ok("terminal", other),
    }
}

/// Opens and verifies the store; gives the code of what is wrong with it.
fn store(context: &Context, findings: &mut Vec<Finding>) -> Option<Code> {
    let (store, opened) = match open::store(&context.paths.store) {
        Ok(opened) => opened,
        Err(failure) => {
            findings.push(Finding::bad("store", &failure));
            return Some(failure.code);
        }
    };
    let identity = store.identity();
    findings.push(Finding::ok("store", context.paths.store.display().to_string()));
    findings.push(Finding::ok("handheld", format!("{} @ {}", identity.device, identity.tenant)));
    findings.push(Finding::ok("office", identity.office_url.clone()));
    let summary = store.summary();
    let counts = format!(
        "{} meters, {} usable tokens, {} entries, {} to sync, {} unknown outcomes",
        summary.meters, summary.tokens_live, summary.events, summary.unsynced, summary.open_intents
    );
    findings.push(Finding::ok("contents", counts));
    if let Some(cut) = &opened.cut {
        let detail = format!("torn end of {} bytes cut off {}", cut.bytes, cut.file);
        findings.push(Finding::note("journal", detail));
    }
    if let Some(why) = &opened.rebuilt {
        findings.push(Finding::note("index", format!("rebuilt: {why}")));
    }
    let mut worst = None;
    match journal::verify(&store) {
        Ok(records) => findings.push(Finding::ok("journal", format!("{records} entries, whole"))),
        Err(failure) => {
            findings.push(Finding::bad("journal", &failure));
            worst = Some(failure.code);
        }
    }
    if let Err(why) = store.money_allowed() {
        let failure = crate::jobs::failure::why(&why);
        findings.push(Finding::bad("money", &failure));
        worst = worst.or(Some(failure.code));
    }
    worst
}

fn adapters(context: &Context, common: &Common, findings: &mut Vec<Finding>) {
    let chosen = context.port(common);
    let rows = ports::list();
    if rows.is_empty() {
        findings.push(Finding::note("adapters", "none found"));
    }
    for row in rows {
        let what = format!("{} {} {}", row.endpoint, row.name, row.identity);
        findings.push(match row.fix {
            None => Finding::ok("adapter", what),
            Some(fix) => Finding::note("adapter", format!("{what}: {fix}")),
        });
    }
    findings.push(match chosen {
        Some(port) => Finding::ok("port", port),
        None => Finding::note("port", words(Code::PortNotChosen).next(context.out.lang)),
    });
}
