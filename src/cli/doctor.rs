//! `meterkit doctor`: checks this installation; the report can be shared, there is no secret in it.

use std::io::{self, Write};

use clap::Args;
use serde_json::{Value, json};

use super::Common;
use super::context::Context;
use super::output::Output;
use crate::jobs::views::Failure;
use crate::jobs::{SystemClock, failure, journal, ports, session};
use crate::report::Code;
use crate::store::Store;
use crate::store::vault::{SecretKind, Vault};
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
    unproven(&context, &mut findings);
    let locked = vault(&context, &mut findings);
    let store = match locked {
        None => store(&context, common, &mut findings),
        stopped => stopped,
    };
    let port = adapters(&context, common, &mut findings);
    let out = &context.out;
    let list: Vec<Value> = findings
        .iter()
        .map(|f| json!({ "name": f.name, "state": f.state, "detail": f.detail }))
        .collect();
    out.show(json!({ "findings": list }), |to| {
        findings.iter().try_for_each(|finding| write_finding(to, out, finding))
    });
    Ok(store.or(port).map_or(0, Code::exit_status))
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

/// The models whose unproven rows may be written by: nobody should have them by oversight, and a
/// name that fits no model would do nothing without a word.
fn unproven(context: &Context, findings: &mut Vec<Finding>) {
    let accepted = &context.file.unproven_writes;
    if accepted.is_empty() {
        return;
    }
    let profiles = context.profiles();
    let unknown = accepted.iter().find(|id| profiles.get(id).is_none());
    findings.push(match unknown {
        None => Finding::note("unproven", format!("unproven_writes: {}", accepted.join(", "))),
        Some(id) => {
            let detail = format!("unproven_writes: no profile named {id:?}");
            Finding::bad("unproven", &failure::fail(Code::Config, detail))
        }
    });
}

fn features() -> String {
    let all = [
        ("serial", cfg!(feature = "serial")),
        ("ble", cfg!(feature = "ble")),
        ("keystore", cfg!(feature = "keystore")),
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

/// Looks at the log-ins and at where the device's secret is, without opening anything; gives the
/// code of what keeps the store from being opened.
fn vault(context: &Context, findings: &mut Vec<Finding>) -> Option<Code> {
    let dir = &context.paths.store;
    if !Store::exists(dir) {
        let failure = failure::fail(Code::NotEnrolled, dir.display().to_string());
        findings.push(Finding::bad("store", &failure));
        return Some(failure.code);
    }
    match Vault::open(dir, &context.place()) {
        Ok(vault) => {
            let kind = vault.kind();
            let lies = format!("the device's secret lies in: {}", kind.name());
            findings.push(match kind {
                SecretKind::File => Finding::note("secret", lies),
                _ => Finding::ok("secret", lies),
            });
            None
        }
        Err(error) => {
            let failure = failure::vault(&error);
            findings.push(Finding::bad("secret", &failure));
            Some(failure.code)
        }
    }
}

/// Logs in, opens and verifies the store; gives the code of what is wrong with it. Where nobody can
/// log in, what is inside stays unchecked, and that is said.
fn store(context: &Context, common: &Common, findings: &mut Vec<Finding>) -> Option<Code> {
    let work = match context.log_in(common) {
        Ok(work) => work,
        Err(failure) if failure.code == Code::LoggedOut => {
            let next = words(failure.code).next(context.out.lang);
            findings.push(Finding::note("store", format!("not checked: {next}")));
            return None;
        }
        Err(failure) => {
            findings.push(Finding::bad("store", &failure));
            return Some(failure.code);
        }
    };
    let (store, opened) = (&work.store, &work.opened);
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
    for open in store.open_intents() {
        let (act, credit) = (open.facts.act, context.out.lang.credit(open.facts.credit));
        let what = format!("{} {credit} {}", open.facts.meter, context.out.lang.act(act));
        findings.push(Finding::note("unknown", what));
    }
    if let Some(cut) = &opened.cut {
        let detail = format!("torn end of {} bytes cut off {}", cut.bytes, cut.file);
        findings.push(Finding::note("journal", detail));
    }
    if let Some(why) = &opened.rebuilt {
        findings.push(Finding::note("index", format!("rebuilt: {why}")));
    }
    let mut worst = None;
    match journal::verify(store) {
        Ok(records) => findings.push(Finding::ok("journal", format!("{records} entries, whole"))),
        Err(failure) => {
            findings.push(Finding::bad("journal", &failure));
            worst = Some(failure.code);
        }
    }
    if let Err(why) = store.money_allowed() {
        let failure = failure::why(&why);
        findings.push(Finding::bad("money", &failure));
        worst = worst.or(Some(failure.code));
    }
    for why in &session::trust(store, &work.session, &context.stamp(&work.session)).reasons {
        findings.push(Finding::bad("trust", why));
        worst = worst.or(Some(why.code));
    }
    worst
}

/// The adapters there are, and whether the port in use could be opened; gives the code of why not.
fn adapters(context: &Context, common: &Common, findings: &mut Vec<Finding>) -> Option<Code> {
    let rows = ports::list();
    if rows.is_empty() {
        findings.push(Finding::note("adapters", "none found"));
    }
    for row in rows {
        let what = format!("{} {} {}", row.endpoint, row.name, row.identity);
        findings.push(match row.trouble {
            None if row.held.is_some() => {
                let (ms, fix) = row.held.unwrap_or_default();
                let why = context.out.lang.port_held(ms);
                Finding::note("adapter", format!("{}: {why} {fix}", what.trim()))
            }
            None => Finding::ok("adapter", what.trim()),
            Some(trouble) => {
                let (_, why) = context.out.lang.port_trouble(trouble);
                let fix = row.fix.unwrap_or_default();
                Finding::note("adapter", format!("{}: {why} {fix}", what.trim()))
            }
        });
    }
    let Some(port) = context.port(common) else {
        let next = words(Code::PortNotChosen).next(context.out.lang);
        findings.push(Finding::note("port", next));
        return None;
    };
    match context.opener.check(&port) {
        Ok(()) => {
            findings.push(Finding::ok("port", port));
            None
        }
        Err(failure) => {
            findings.push(Finding::bad("port", &failure));
            Some(failure.code)
        }
    }
}
