//! `meterkit audit`: is a deployment's money accounted for? From files alone: no store, no log-in,
//! no network, no key of ours.
//!
//! Exit status: 0 the account holds, 1 it does not, 2 wrong arguments, 6 the files cannot be read.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::Common;
use super::output::Output;
use crate::jobs::audit::finding::{MAX_LISTED, Severity};
use crate::jobs::audit::sums::{Class, Sum};
use crate::jobs::audit::{self, Check, Options, RootPin, Status, Verdict};
use crate::jobs::views::Failure;
use crate::text::{self, Lang};
use crate::units::{Credit, UnixSeconds};

/// The account does not hold.
const DOES_NOT_HOLD: u8 = 1;
/// The set cannot be read.
const UNREADABLE: u8 = 6;
/// Findings of one reason a person is shown; `--json` has all that are kept.
const SHOWN: usize = 10;

/// Check from files alone that an estate's money is accounted for.
///
/// Examples:
///   meterkit audit ./set --root 3f0c9a1144bd02e7
///   meterkit audit ./set --root 3f0c9a1144bd02e7 --json > verdict.json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct AuditArgs {
    /// The folder with the audit set (docs/audit.md).
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The root hash as it was written down: all 64 hex digits, or the first 16 or more.
    #[arg(long, value_name = "HASH")]
    root: RootPin,
    /// The moment of the audit, RFC 3339; without it that of the newest receipt or entry.
    #[arg(long, value_name = "TIME")]
    now: Option<jiff::Timestamp>,
    /// How long a recharge may be open.
    #[arg(long, value_name = "HOURS", default_value_t = 72)]
    open_hours: u32,
    /// How far a handheld's clock may go back.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    clock_tolerance: u32,
    /// How far a meter's clock may be off.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    meter_tolerance: u32,
    /// What meters' clocks show beyond UTC.
    #[arg(long, value_name = "HOURS", default_value_t = 8, allow_hyphen_values = true)]
    zone: i8,
    /// Above how many percent of failed recharges an operator is named.
    #[arg(long, value_name = "PERCENT", default_value_t = 25)]
    ratio: u8,
    /// From how many recharges on an operator's ratio counts.
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    ratio_least: u32,
    /// The dearest price of the meters, fen per kWh.
    #[arg(long, value_name = "FEN")]
    price: Option<u32>,
    /// The largest load of the meters, W.
    #[arg(long, value_name = "W")]
    power: Option<u32>,
}

impl AuditArgs {
    fn options(&self) -> Options {
        let mut options = Options::new(self.root.clone());
        options.now = self.now.map(|now| UnixSeconds(now.as_second()));
        options.open_s = i64::from(self.open_hours) * 3600;
        options.clocks.handheld_s = i64::from(self.clock_tolerance);
        options.clocks.meter_s = i64::from(self.meter_tolerance);
        options.clocks.zone_s = i64::from(self.zone) * 3600;
        options.ratio.percent = usize::from(self.ratio);
        options.ratio.least = usize::try_from(self.ratio_least).unwrap_or(usize::MAX);
        let limits = &mut options.limits;
        limits.price_fen_per_kwh = self.price.map_or(limits.price_fen_per_kwh, i64::from);
        limits.power_w = self.power.map_or(limits.power_w, i64::from);
        options
    }
}

/// Audits and prints the verdict.
///
/// # Errors
/// None: what goes wrong is printed, and is the exit status.
pub fn run(_: &Common, args: &AuditArgs, out: &Output) -> Result<u8, Failure> {
    match audit::run(&args.dir, &args.options()) {
        Ok(verdict) => {
            out.show(object(&verdict), |to| write(to, out.lang, &verdict));
            Ok(if verdict.holds { 0 } else { DOES_NOT_HOLD })
        }
        Err(error) => {
            let text = error.to_string();
            if out.json {
                out.show(json!({ "error": { "code": "audit", "detail": text } }), |_| Ok(()));
            }
            out.say(&out.lang.audit_unreadable(&text));
            Ok(UNREADABLE)
        }
    }
}

fn moment(at: UnixSeconds) -> String {
    jiff::Timestamp::from_second(at.0).map_or_else(|_| at.0.to_string(), |at| at.to_string())
}

/// The verdict for people.
fn write(to: &mut dyn Write, lang: Lang, verdict: &Verdict) -> io::Result<()> {
    let seen = &verdict.examined;
    // Without authority nobody knows whose set it is.
    if !seen.tenant.is_empty() {
        writeln!(to, "{}", lang.audit_title(&seen.tenant))?;
        writeln!(to, "{}", lang.audit_root(&seen.root, seen.root_digits))?;
    }
    write_examined(to, lang, verdict)?;
    for sum in &seen.sums {
        write_sum(to, lang, sum)?;
    }
    if !seen.operators.is_empty() {
        writeln!(to, "\n{}", lang.audit_operators())?;
    }
    for (name, tally) in &seen.operators {
        let unknown = tally.unknown();
        let line = lang.audit_operator(name, tally.acts, tally.accepted, tally.refused, unknown);
        writeln!(to, "  {line}")?;
    }
    if !seen.programs.is_empty() {
        writeln!(to, "\n{}", lang.audit_programs())?;
    }
    for ((version, digest), entries) in &seen.programs {
        writeln!(to, "  {}", lang.audit_program(version, *entries, &audit::hex(digest)))?;
    }
    write_checks(to, lang, verdict)?;
    if !verdict.missing.is_empty() {
        writeln!(to, "\n{}", lang.audit_missing())?;
    }
    for missing in &verdict.missing {
        let words = text::audit::missing(missing.name()).get(lang);
        writeln!(to, "  {words} {}", missing.detail())?;
    }
    writeln!(to, "\n{}", lang.audit_trusted())?;
    for line in [lang.audit_trust_root(), lang.audit_trust_devices(), lang.audit_trust_areas()] {
        writeln!(to, "  {line}")?;
    }
    writeln!(to, "\n{}\n  {}", lang.audit_verdict(), sentence(lang, verdict))
}

/// The last sentence.
fn sentence(lang: Lang, verdict: &Verdict) -> String {
    let broken = verdict.checks.iter().filter(|(_, status)| *status == Status::Broken);
    let broken: Vec<&str> = broken.map(|(check, _)| check.code()).collect();
    if verdict.holds {
        lang.audit_verdict_holds().to_owned()
    } else if broken.is_empty() {
        lang.audit_verdict_empty().to_owned()
    } else {
        lang.audit_verdict_broken(&broken.join(", "))
    }
}

fn write_examined(to: &mut dyn Write, lang: Lang, verdict: &Verdict) -> io::Result<()> {
    let seen = &verdict.examined;
    writeln!(to, "\n{}", lang.audit_examined())?;
    writeln!(to, "  {}", lang.audit_files(seen.files.0, seen.files.1))?;
    let documents = lang.audit_documents(seen.roots, seen.keysets, seen.documents, seen.receipts);
    writeln!(to, "  {documents}")?;
    for (name, entries, packs, covered) in &seen.journals {
        writeln!(to, "  {}", lang.audit_journal(name, *entries, *packs, *covered))?;
    }
    if let Some((from, until)) = seen.period {
        writeln!(to, "  {}", lang.audit_period(&moment(from), &moment(until)))?;
    }
    writeln!(to, "  {}", lang.audit_reads(seen.reads, seen.swaps))?;
    if let Some(now) = seen.now {
        writeln!(to, "  {}", lang.audit_now(&moment(now)))?;
    }
    Ok(())
}

fn write_sum(to: &mut dyn Write, lang: Lang, sum: &Sum) -> io::Result<()> {
    let amount = |value| lang.credit(Credit { value, unit: sum.unit });
    writeln!(to, "\n{}", lang.audit_sums(lang.unit(sum.unit)))?;
    let (count, value) = sum.issued;
    writeln!(to, "  {count:>8}  {:>20}  {}", amount(value), lang.audit_issued())?;
    for (class, (count, value)) in Class::ALL.iter().zip(sum.parts) {
        let words = lang.audit_class(class.name());
        writeln!(to, "  {count:>8}  {:>20}  {words}", amount(value))?;
    }
    Ok(())
}

fn write_checks(to: &mut dyn Write, lang: Lang, verdict: &Verdict) -> io::Result<()> {
    writeln!(to, "\n{}", lang.audit_checks())?;
    let list = verdict.findings.list();
    for (check, status) in &verdict.checks {
        let title = text::audit::check(check.code()).get(lang);
        writeln!(to, "  {} {}: {title}", check.code(), lang.audit_status(status.name()))?;
        let mut reasons: Vec<_> = list.iter().map(|finding| finding.reason).collect();
        reasons.dedup();
        for reason in reasons.into_iter().filter(|reason| reason.check() == *check) {
            let words = text::audit::reason(reason.name()).map_or("", |words| words.get(lang));
            let weight = match reason.severity() {
                Severity::Broken => lang.audit_broken(),
                Severity::Note => lang.audit_note(),
            };
            writeln!(to, "      [{weight}] {words} ({})", reason.name())?;
            let of = list.iter().filter(|finding| finding.reason == reason);
            for finding in of.take(SHOWN) {
                writeln!(to, "        {}  {}", clean(&finding.subject), clean(&finding.detail))?;
            }
            let more = verdict.findings.count(reason).saturating_sub(SHOWN);
            if more > 0 {
                writeln!(to, "        {}", lang.audit_more(more))?;
            }
        }
    }
    Ok(())
}

/// Names come from files: nothing in them may steer a terminal.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// The verdict for programs.
fn object(verdict: &Verdict) -> Value {
    let seen = &verdict.examined;
    let journals: Vec<Value> = seen
        .journals
        .iter()
        .map(|(name, entries, packs, covered)| {
            json!({ "journal": name, "entries": entries, "packs": packs, "countersigned": covered })
        })
        .collect();
    let operators: Vec<Value> = seen
        .operators
        .iter()
        .map(|(name, tally)| {
            json!({
                "operator": name, "recharges": tally.acts, "accepted": tally.accepted,
                "refused": tally.refused, "unknown": tally.unknown(),
                "refused_before": tally.before,
            })
        })
        .collect();
    let programs: Vec<Value> = seen
        .programs
        .iter()
        .map(|((version, digest), entries)| {
            json!({ "version": version, "sha256": audit::hex(digest), "entries": entries })
        })
        .collect();
    let missing: Vec<Value> = verdict
        .missing
        .iter()
        .map(|missing| json!({ "input": missing.name(), "detail": missing.detail() }))
        .collect();
    json!({
        "holds": verdict.holds,
        "tenant": seen.tenant,
        "root": seen.root,
        "root_digits": seen.root_digits,
        "as_of": seen.now.map(moment),
        "period": seen.period.map(|(from, until)| [moment(from), moment(until)]),
        "examined": {
            "files": seen.files.0, "bytes": seen.files.1, "roots": seen.roots,
            "keysets": seen.keysets, "documents": seen.documents, "tokens": seen.tokens,
            "receipts": seen.receipts, "reads": seen.reads, "swaps": seen.swaps,
            "journals": journals,
        },
        "sums": seen.sums.iter().map(sum_object).collect::<Vec<_>>(),
        "operators": operators,
        "software": programs,
        "checks": verdict.checks.iter().map(|c| check_object(verdict, *c)).collect::<Vec<_>>(),
        "not_examined": missing,
    })
}

fn sum_object(sum: &Sum) -> Value {
    let part = |(count, value): (usize, i64)| json!({ "tokens": count, "hundredths": value });
    let mut object = json!({ "unit": audit::unit_name(sum.unit), "issued": part(sum.issued) });
    for (class, figures) in Class::ALL.iter().zip(sum.parts) {
        object[class.name()] = part(figures);
    }
    object
}

fn check_object(verdict: &Verdict, (check, status): (Check, Status)) -> Value {
    let list = verdict.findings.list().into_iter().filter(|found| found.reason.check() == check);
    let findings: Vec<Value> = list
        .map(|finding| {
            json!({
                "reason": finding.reason.name(), "severity": finding.reason.severity().name(),
                "subject": finding.subject, "detail": finding.detail,
            })
        })
        .collect();
    let count = |severity| verdict.findings.count_of(check, severity);
    let (broken, notes) = (count(Severity::Broken), count(Severity::Note));
    // Of one reason the first are kept; the counts are of all.
    json!({
        "check": check.code(), "status": status.name(), "broken": broken, "notes": notes,
        "kept_per_reason": MAX_LISTED, "findings": findings,
    })
}
