//! `meterkit pin`: one's own PIN changed, or a new one set with a recovery code of the office.

use clap::Args;
use serde_json::json;

use super::Common;
use super::context::Context;
use super::output::Output;
use crate::jobs::session;
use crate::jobs::views::Failure;

/// Arguments of `pin`.
#[derive(Debug, Args)]
pub struct PinArgs {
    /// The PIN is forgotten or locked: give a recovery code of the office instead.
    #[arg(long)]
    pub recover: bool,
    /// Take the new PIN from the first line of this file instead of asking twice.
    #[arg(long, value_name = "FILE")]
    pub new_pin_file: Option<std::path::PathBuf>,
    /// Take the recovery code from the first line of this file instead of asking.
    #[arg(long, value_name = "FILE", requires = "recover")]
    pub code_file: Option<std::path::PathBuf>,
}

/// Changes or sets the PIN.
///
/// # Errors
/// Wrong PIN or code, a new PIN that is too simple, those of the store.
pub fn run(common: &Common, args: &PinArgs, out: &Output) -> Result<u8, Failure> {
    let context = Context::load(common, out)?;
    let words = context.out.lang;
    let place = context.place();
    let who = context.operator_id(common)?;
    if args.recover {
        let code = context.secret(args.code_file.as_deref(), words.ask_recovery())?;
        let new = context.new_pin(args.new_pin_file.as_deref())?;
        session::recover(&context.paths.store, &place, &who, &code, &new, &context.clock)?;
    } else {
        let old = context.secret(common.pin_file.as_deref(), &words.ask_pin(who.as_str()))?;
        let new = context.new_pin(args.new_pin_file.as_deref())?;
        session::change_pin(&context.paths.store, &place, &who, &old, &new, &context.clock)?;
    }
    let out = &context.out;
    out.show(json!({ "operator": who.as_str(), "pin": "set" }), |to| {
        writeln!(to, "{}", out.lang.pin_is_set(who.as_str()))
    });
    Ok(0)
}
