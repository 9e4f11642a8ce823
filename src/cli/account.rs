//! `meterkit account`: open, close, refund, reverse; a customer's meters; the count doctor.

use clap::{Args, Subcommand};

use super::Common;
use super::context::Context;
use super::errand::{self, ErrandArgs};
use super::output::Output;
use crate::jobs::account::Account;
use crate::jobs::errand::Values;
use crate::jobs::views::Failure;
use crate::units::{MeterNo, TokenId};

/// Arguments of `account`.
#[derive(Debug, Args)]
pub struct AccountArgs {
    #[command(subcommand)]
    command: AccountCommand,
}

#[derive(Debug, Subcommand)]
enum AccountCommand {
    /// Open an account by the office's token, with a first credit or without one.
    Open(TokenArgs),
    /// Take a closing reading; what it shows the office pays back.
    Close(MeterArgs),
    /// Take credit out by the office's token; it is paid back to the customer.
    Refund(TokenArgs),
    /// Undo exactly one recharge by the office's token.
    Reverse(TokenArgs),
    /// Read the meter's count and say what it means, with the one safe next step.
    Doctor(MeterArgs),
    /// All meters of the customer of this one, as last seen.
    Show(MeterArgs),
}

#[derive(Debug, Args)]
struct MeterArgs {
    /// The meter's number.
    #[arg(long, value_name = "NUMBER", required_unless_present = "resume")]
    meter: Option<MeterNo>,
    /// Why; stands in the journal.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    errand: ErrandArgs,
}

#[derive(Debug, Args)]
struct TokenArgs {
    #[command(flatten)]
    of: MeterArgs,
    /// The token; needed only where there are several.
    #[arg(long, value_name = "TOKEN")]
    token: Option<TokenId>,
}

/// Runs the command.
///
/// # Errors
/// Everything that kept it from going on.
pub fn run(common: &Common, args: &AccountArgs, out: &Output) -> Result<u8, Failure> {
    let (act, of, token) = match &args.command {
        AccountCommand::Open(args) => ("open", &args.of, args.token),
        AccountCommand::Refund(args) => ("refund", &args.of, args.token),
        AccountCommand::Reverse(args) => ("reverse", &args.of, args.token),
        AccountCommand::Close(of) => ("close-account", of, None),
        AccountCommand::Doctor(of) => ("count-doctor", of, None),
        AccountCommand::Show(of) => ("show", of, None),
    };
    let mut values = Values::default().with("act", act);
    values.set("meter", of.meter.map(|meter| meter.to_string()).unwrap_or_default());
    values.set("token", token.map(|token| token.to_string()).unwrap_or_default());
    values.set("reason", of.reason.clone().unwrap_or_default());
    let mut own = of.errand.clone();
    // These only look.
    own.dry_run |= matches!(act, "count-doctor" | "show");
    let context = Context::load(common, out)?;
    let work = context.log_in(common)?;
    errand::run(&context, common, &work, &Account, (&own, &values))
}
