//! `meterkit boxes`: the multi-user terminals of the area list and their users; and how the users
//! of a box are numbered, by its plan or by what it says itself.

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::output::Output;
use super::{Common, json};
use crate::jobs::boxes::{self, Slot};
use crate::jobs::views::{BoxUserView, Failure};
use crate::jobs::{SystemClock, failure, open};
use crate::profile::Terminal;
use crate::report::Code;
use crate::tui::wrap::pad;

/// The terminal whose maker published how it is numbered (`reference/other-meters.md` 1.2).
const USUAL: &str = "adf400l-1p";

/// Arguments of `boxes`.
#[derive(Debug, Args)]
pub struct BoxesArgs {
    /// The users of this box; without one, all boxes.
    #[arg(id = "box", value_name = "BOX")]
    pub name: Option<String>,
    /// Print how the users of a box are numbered, from --wide and --single; asks no meter.
    #[arg(long, conflicts_with_all = ["box", "scan"])]
    pub plan: bool,
    /// Ask the boxes on the line how many users they have.
    #[arg(long, conflicts_with = "box")]
    pub scan: bool,
    /// The box's first unit (1, 37, 73, ...); without it, --scan asks at every place a box can be.
    #[arg(long, value_name = "UNIT")]
    pub first: Option<u8>,
    /// Three-phase users of the box, those behind transformers included.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "plan")]
    pub wide: u8,
    /// Single-phase users of the box.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "plan")]
    pub single: u8,
    /// The profile that says how the terminal is numbered.
    #[arg(long, value_name = "NAME", default_value = USUAL)]
    pub profile: String,
}

/// Lists, plans or asks.
///
/// # Errors
/// The store's, the line's; [`Code::TerminalUnknown`]; [`Code::Usage`] for a plan that does not
/// fit.
pub fn run(common: &Common, args: &BoxesArgs, out: &Output) -> Result<u8, Failure> {
    let context = Context::load(common, out)?;
    if args.plan || args.scan {
        return numbered(&context, common, args);
    }
    let work = context.log_in(common)?;
    match &args.name {
        Some(name) => {
            let users = boxes::users(&work.store, SystemClock::utc(), name)?;
            users.iter().for_each(|user| show_user(&context, name, user));
        }
        None => {
            let all = boxes::all(&work.store);
            for row in &all {
                let object = json!({
                    "box": row.name, "line": row.line, "location": row.location,
                    "users": row.users,
                });
                context.out.show(object, |to| {
                    let (name, line) = (pad(&row.name, 12), pad(&row.line, 24));
                    writeln!(to, "{name}  {:>3}  {line}  {}", row.users, row.location)
                });
            }
            if all.is_empty() {
                context.out.say(context.out.lang.no_boxes());
            }
        }
    }
    Ok(0)
}

fn show_user(context: &Context, name: &str, user: &BoxUserView) {
    let (lang, row) = (context.out.lang, &user.row);
    let object = json!({
        "box": name,
        "user": user.user,
        "address": user.address,
        "profile": user.profile,
        "meter": row.no.to_string(),
        "customer": row.customer,
        "location": row.location,
        "balance": row.balance.map(|(credit, _)| json::credit(credit)),
        "seen_unix": row.balance.map(|(_, at)| at.0),
        "tokens": row.tokens,
        "open_recharge": row.open_intent,
    });
    context.out.show(object, |to| {
        let balance = row.balance.map_or_else(|| "-".to_owned(), |(credit, _)| lang.credit(credit));
        let sign = if row.open_intent { "?" } else { " " };
        writeln!(
            to,
            "{sign}{:>3}  {}  {}  {}  {}",
            user.user,
            pad(&user.address, 8),
            row.no,
            pad(&balance, 14),
            row.customer
        )
    });
}

/// The plan of a box, or of every box that answers.
fn numbered(context: &Context, common: &Common, args: &BoxesArgs) -> Result<u8, Failure> {
    let profile = open::named(&context.profiles(), &args.profile)?;
    let Some(terminal) = profile.terminal else {
        return Err(failure::fail(Code::ItemUnknown, format!("{}: [terminal]", profile.id)));
    };
    if args.plan {
        let first = args.first.unwrap_or(1);
        let slots = boxes::slots(&terminal, first, args.wide, args.single);
        let full = || failure::fail(Code::Usage, does_not_fit(&terminal, args, first));
        show_slots(context, first, &slots.filter(|slots| !slots.is_empty()).ok_or_else(full)?);
        return Ok(0);
    }
    let firsts = args.first.map_or_else(|| boxes::firsts(&terminal), |first| vec![first]);
    let mut last = Err(failure::fail(Code::MeterSilent, ""));
    context.on_line(common, &profile, |line| {
        for first in firsts {
            match boxes::scan(line, first) {
                Ok(slots) => {
                    show_slots(context, first, &slots);
                    last = Ok(0);
                }
                Err(silent) if silent.code == Code::MeterSilent => {}
                Err(other) => return Err(other),
            }
        }
        Ok(())
    })?;
    last
}

fn does_not_fit(terminal: &Terminal, args: &BoxesArgs, first: u8) -> String {
    let taken = u16::from(args.wide) * u16::from(terminal.wide) + u16::from(args.single);
    format!("{first} + {taken}; {}", terminal.step)
}

fn show_slots(context: &Context, first: u8, slots: &[Slot]) {
    let lang = context.out.lang;
    for Slot { user, wide, unit } in slots {
        let object = json!({ "first": first, "user": user, "unit": unit, "three_phase": wide });
        context.out.show(object, |to| {
            let kind = if *wide { lang.user_three_phase() } else { lang.user_single_phase() };
            writeln!(to, "{first:>3}  {user:>3}  {unit:>3}  {kind}")
        });
    }
}
