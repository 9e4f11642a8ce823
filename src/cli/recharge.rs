//! `meterkit recharge`: the whole recharge as a command, and "what happened?" afterwards.
//!
//! Nothing moves without the meter, the token and the last four digits of the meter's number: the
//! evidence is shown first, then the digits are asked for (or given with `--confirm`). Exit status
//! 4 means the outcome is not known: do not repeat, run `recharge --resolve`.

use std::io::{self, Write};

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::output::Output;
use super::read::write_fact;
use super::{Common, json};
use crate::jobs::proven::Accepted;
use crate::jobs::recharge::{self, Checked};
use crate::jobs::views::{Failure, FinishedView, PreflightView};
use crate::jobs::{Desk, Line, SystemClock, boxes, failure, open, tokens};
use crate::report::Code;
use crate::store::Store;
use crate::text::errors::words;
use crate::text::{Lang, decisions, status};
use crate::units::{Evidence, MeterNo, Outcome, TokenId};

/// Tokens looked through for a shortened id.
const TOKENS_MAX: usize = 100;

/// Arguments of `recharge`.
#[derive(Debug, Args)]
pub struct RechargeArgs {
    /// The meter's number.
    #[arg(long, value_name = "NUMBER", required_unless_present = "box")]
    pub meter: Option<MeterNo>,
    /// The multi-user terminal the meter is a part of, by the area list.
    #[arg(
        id = "box",
        long = "box",
        value_name = "BOX",
        conflicts_with = "meter",
        requires = "user"
    )]
    pub terminal: Option<String>,
    /// The user of the box.
    #[arg(long, value_name = "N", requires = "box")]
    pub user: Option<u8>,
    /// The token: its id, or the end of it. Without one, the meter's next usable token.
    #[arg(long, value_name = "ID")]
    pub token: Option<String>,
    /// The last four digits of the number seen on the meter.
    #[arg(long, value_name = "DIGITS")]
    pub confirm: Option<String>,
    /// Read and check only; send nothing.
    #[arg(long, conflicts_with = "resolve")]
    pub dry_run: bool,
    /// Write by the rows of this meter model although the profile says that they are not proven.
    #[arg(long, value_name = "PROFILE", conflicts_with = "resolve")]
    pub accept_unproven: Option<String>,
    /// Find out what happened to a recharge whose outcome is not known.
    #[arg(long, conflicts_with_all = ["token", "confirm"])]
    pub resolve: bool,
}

/// Runs the recharge.
///
/// # Errors
/// Everything that kept it from beginning; an ending, unknown included, is an exit status.
pub fn run(common: &Common, args: &RechargeArgs, out: &Output) -> Result<u8, Failure> {
    let mut context = Context::load(common, out)?;
    let asked = args.accept_unproven.as_slice();
    context.accepted = Accepted::new(&context.file.unproven_writes, asked);
    let work = context.log_in(common)?;
    let desk = context.desk(&work);
    let meter = meter(&work.store, args)?;
    let wished = context.file.profile.as_deref();
    let profile = open::profile(&context.profiles(), &work.store, meter, wished)?;
    if let Some(other) = args.accept_unproven.as_ref().filter(|asked| **asked != profile.id) {
        let detail = format!("--accept-unproven {other}; {meter}: {}", profile.id);
        return Err(failure::fail(Code::Usage, detail));
    }
    let place = work.store.meter(meter).map(|row| row.place).unwrap_or_default();
    let token = match args.resolve {
        true => None,
        false => Some(chosen(&work.store, args, meter)?),
    };
    let ended = context.on_line_of(common, &profile, (&place, None), |line| match token {
        None => recharge::resolve(&desk, line, meter).map(Some),
        Some(token) => both_halves(&context, &desk, line, args, token),
    })?;
    let Some(view) = ended else { return Ok(0) };
    let lang = context.out.lang;
    context
        .out
        .show(json!({ "finished": json::finished(&view) }), |to| write_finished(to, lang, &view));
    Ok(exit_status(view.outcome()))
}

/// 0 accepted, 1 refused by the meter, 4 unknown.
pub fn exit_status(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Accepted => 0,
        Outcome::Refused => 1,
        Outcome::Unknown => 4,
    }
}

/// The meter meant: by its number, or by box and user.
fn meter(store: &Store, args: &RechargeArgs) -> Result<MeterNo, Failure> {
    match (args.meter, &args.terminal, args.user) {
        (Some(meter), ..) => Ok(meter),
        (None, Some(name), Some(user)) => boxes::meter(store, name, user),
        // The command line asks for one of them.
        _ => Err(failure::fail(Code::Usage, "--meter")),
    }
}

/// The token meant: by its whole id, by the end of it, or the only one that fits the meter.
fn chosen(store: &Store, args: &RechargeArgs, meter: MeterNo) -> Result<TokenId, Failure> {
    let Some(text) = args.token.as_deref() else {
        return tokens::choose(store, meter, SystemClock::utc());
    };
    if let Ok(id) = text.parse::<TokenId>() {
        return match store.token(id) {
            Some(row) if row.facts.meter == meter => Ok(id),
            Some(row) => {
                let detail = format!("{} / {meter}", row.facts.meter);
                Err(failure::fail(Code::MeterOther, detail))
            }
            None => Err(failure::fail(Code::TokenUnknown, text)),
        };
    }
    let wanted = text.to_ascii_lowercase();
    let rows = store.tokens_for(meter);
    let mut fits = rows.iter().take(TOKENS_MAX).map(|row| row.facts.id);
    let mut fits = fits.by_ref().filter(|id| id.to_string().ends_with(&wanted));
    match (fits.next(), fits.next()) {
        (Some(id), None) if !wanted.is_empty() => Ok(id),
        (Some(one), Some(two)) => {
            Err(failure::fail(Code::TokenAmbiguous, format!("{one} / {two}")))
        }
        _ => Err(failure::fail(Code::TokenUnknown, text)),
    }
}

/// Preflight, evidence, confirmation, commit. `None` after a dry run.
fn both_halves(
    context: &Context,
    desk: &Desk<'_>,
    line: &mut Line<'_>,
    args: &RechargeArgs,
    token: TokenId,
) -> Result<Option<FinishedView>, Failure> {
    let out = &context.out;
    let ready = match recharge::preflight(desk, line, token)? {
        Checked::Ready(ready) => ready,
        Checked::Settled(view) => return Ok(Some(*view)),
    };
    out.show(json!({ "preflight": json::preflight(&ready.view) }), |to| {
        write_preflight(to, out.lang, &ready.view)
    });
    if args.dry_run {
        out.say(out.lang.dry_run());
        return Ok(None);
    }
    let asked = || out.ask(&out.lang.ask_digits(&ready.view.evidence.meter.to_string()));
    let Some(digits) = args.confirm.clone().or_else(asked) else {
        return Err(failure::fail(Code::NotConfirmed, out.lang.confirm_missing()));
    };
    recharge::commit(&ready, &digits, desk, line).map(Some)
}

fn write_evidence(to: &mut dyn Write, lang: Lang, seen: &Evidence) -> io::Result<()> {
    write_fact(to, lang.fact_count(), &lang.count_times(seen.count.0))?;
    write_fact(to, lang.fact_balance_yuan(), &lang.credit(seen.balance))?;
    if seen.overdraft != 0 {
        write_fact(to, lang.fact_overdraft(), &lang.credit(seen.balance.with(seen.overdraft)))?;
    }
    Ok(())
}

fn write_preflight(to: &mut dyn Write, lang: Lang, view: &PreflightView) -> io::Result<()> {
    write_fact(to, lang.fact_number(), &view.evidence.meter.to_string())?;
    if let Some(account) = view.evidence.account {
        write_fact(to, lang.fact_account(), &account.to_string())?;
    }
    write_fact(to, lang.fact_customer(), &view.customer)?;
    write_fact(to, lang.fact_location(), &view.location)?;
    write_evidence(to, lang, &view.evidence)?;
    write_fact(to, lang.fact_amount(), &lang.credit(view.token.credit))?;
    write_fact(to, lang.fact_after(), &lang.credit(view.expected_balance))?;
    for warning in &view.warnings {
        let say = words(warning.code).title(lang);
        writeln!(to, "! {} {say} {}", warning.code.as_str(), warning.detail)?;
    }
    Ok(())
}

fn write_finished(to: &mut dyn Write, lang: Lang, view: &FinishedView) -> io::Result<()> {
    let outcome = view.outcome();
    let sign = decisions::sign(outcome);
    let what = lang.decision(view.decision);
    writeln!(to, "{sign} {}: {what}", lang.outcome(outcome))?;
    write_fact(to, lang.fact_number(), &view.meter.to_string())?;
    write_fact(to, lang.fact_amount(), &lang.credit(view.credit))?;
    write_fact(to, lang.fact_before(), &lang.credit(view.before.balance))?;
    if let Some(after) = &view.after {
        write_fact(to, lang.fact_after(), &lang.credit(after.balance))?;
        write_fact(to, lang.fact_count(), &lang.count_step(view.before.count.0, after.count.0))?;
    }
    if let Some(word) = view.refusal {
        writeln!(to, "{}", lang.refusal_word(&status::refusal(lang, word)))?;
    }
    write_fact(to, lang.fact_entry(), &view.journal_seq.to_string())?;
    let say = decisions::words(view.decision);
    writeln!(to, "{}\n{}\n{}", say.title(lang), say.money(lang), say.next(lang))
}
