//! `meterkit-office swap`: leaves for swaps, and what became of them.

use super::args::amount;
use super::{Shown, show};
use crate::office::issue::USUAL_DAYS;
use crate::office::keys::write_private;
use crate::office::{NewSwap, Office, OfficeError, SwapMove, SwapTo};
use crate::units::{AccountNo, DeviceId, MeterNo, PurchaseCount, TokenId};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(in crate::office::command) enum SwapAct {
    /// Allow a swap: the handheld gets the leave with its next exchange, as a file or as QR text.
    Issue(IssueArgs),
    /// The swaps that are out, and those of which something is in transit.
    List {
        /// All of them.
        #[arg(long)]
        all: bool,
    },
    /// Take back a leave that was not begun.
    Withdraw {
        /// Which.
        swap: TokenId,
    },
    /// End a swap by a person's word: its handheld is lost, or two swaps claim one meter.
    Close {
        /// Which.
        swap: TokenId,
        /// The list of meters follows it, whatever spoke against that.
        #[arg(long)]
        bind: bool,
        /// Why, for whoever reads this later.
        #[arg(long)]
        reason: String,
    },
    /// Move what a swap that has ended left behind.
    Settle(SettleArgs),
}

#[derive(Debug, Args)]
pub(in crate::office::command) struct IssueArgs {
    /// The meter that goes.
    #[arg(long)]
    old: MeterNo,
    /// The meter that comes.
    #[arg(long)]
    new: MeterNo,
    /// The account in it; without this the customer keeps the one he has.
    #[arg(long)]
    account: Option<AccountNo>,
    /// The purchase count it shows; without this, what is known of it, 0 for a new one.
    #[arg(long)]
    count: Option<u32>,
    /// Its profile; without this, the old one's.
    #[arg(long, value_name = "ID")]
    profile: Option<String>,
    /// The most that may be carried over; without this, what the old meter is known to hold.
    #[arg(long, value_parser = amount)]
    most: Option<i64>,
    /// The most that may be credited if the old meter is dead.
    #[arg(long, default_value = "0", value_parser = amount)]
    provisional: i64,
    /// The largest debt that may go along.
    #[arg(long, default_value = "0", value_parser = amount)]
    arrears: i64,
    /// To which handheld.
    #[arg(long)]
    device: DeviceId,
    /// For how many days.
    #[arg(long, default_value_t = USUAL_DAYS)]
    days: i64,
    /// Also write the leave to a file, to be carried by hand.
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::office::command) struct SettleArgs {
    /// Which.
    swap: TokenId,
    /// How much.
    #[arg(long, value_parser = amount)]
    amount: i64,
    /// Out of what.
    #[arg(long, value_enum, default_value_t = OutOf::Transit)]
    from: OutOf,
    /// To whom.
    #[arg(long, value_enum)]
    to: To,
    /// Why, for whoever reads this later.
    #[arg(long)]
    reason: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OutOf {
    /// What was taken out of the old meter and is in neither.
    Transit,
    /// What the old meter still held, or was advanced.
    Variance,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum To {
    /// It is the customer's.
    Customer,
    /// It was used up in the old meter.
    Used,
    /// It is nobody's yet.
    Variance,
}

pub(super) async fn act(office: &Office, act: SwapAct) -> Result<Shown, OfficeError> {
    match act {
        SwapAct::Issue(args) => issue(office, args).await,
        SwapAct::List { all } => Ok(show::swaps(&office.swaps(all).await?)),
        SwapAct::Withdraw { swap } => Ok(show::swaps(&[office.withdraw_swap(swap).await?])),
        SwapAct::Close { swap, bind, reason } => {
            Ok(show::swaps(&[office.close_swap(swap, bind, &reason).await?]))
        }
        SwapAct::Settle(args) => {
            let to = match args.to {
                To::Customer => SwapTo::Customer,
                To::Used => SwapTo::Used,
                To::Variance => SwapTo::Variance,
            };
            let variance = matches!(args.from, OutOf::Variance);
            let what = SwapMove { variance, to, amount: args.amount };
            Ok(show::swaps(&[office.settle_swap(args.swap, what, &args.reason).await?]))
        }
    }
}

async fn issue(office: &Office, args: IssueArgs) -> Result<Shown, OfficeError> {
    let IssueArgs {
        old,
        new,
        account,
        count,
        profile,
        most,
        provisional,
        arrears,
        device,
        days,
        out,
    } = args;
    let count = count.map(PurchaseCount);
    let new =
        NewSwap { old, new, account, count, profile, most, provisional, arrears, device, days };
    let issued = office.issue_swap(&new).await?;
    if let Some(out) = &out {
        write_private(out, &issued.bytes)?;
    }
    Ok(show::swap_issued(&issued))
}
