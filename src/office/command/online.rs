//! `meterkit-office online`: recharges the office makes itself, over its own line to the meter.

use super::Shown;
use super::args::amount;
use crate::office::{Ended, NewOnline, Office, OfficeError, OnlineSale, OnlineShown};
use crate::units::{CreditUnit, MeterNo, PurchaseCount, TokenId};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(in crate::office::command) enum OnlineAct {
    /// Before it: reserve the step the meter shows, and fence the token that is out for it.
    Begin(SaleArgs),
    /// After it: what the meter shows now.
    End {
        /// As `begin` said.
        sale: TokenId,
        #[command(flatten)]
        shown: ShownArgs,
    },
    /// One that was made already, by another system: both at once.
    Record {
        #[command(flatten)]
        sale: SaleArgs,
        #[command(flatten)]
        shown: ShownArgs,
    },
}

#[derive(Debug, Args)]
pub(in crate::office::command) struct SaleArgs {
    /// Which meter.
    #[arg(long)]
    meter: MeterNo,
    /// How much: yuan or kWh, up to two decimals.
    #[arg(long, value_parser = amount)]
    amount: i64,
    /// The purchase count the meter shows before it.
    #[arg(long)]
    count: u32,
}

#[derive(Debug, Args)]
pub(in crate::office::command) struct ShownArgs {
    /// The purchase count the meter shows afterwards.
    #[arg(long)]
    count_after: u32,
    /// The amount of its purchase record for this step; needed if a token was out for it.
    #[arg(long, value_parser = amount)]
    record: Option<i64>,
    /// Its balance afterwards.
    #[arg(long, value_parser = super::args::hundredths, allow_hyphen_values = true)]
    balance: Option<i64>,
}

impl SaleArgs {
    fn sale(&self) -> NewOnline {
        let count = PurchaseCount(self.count);
        NewOnline { meter: self.meter, amount: self.amount, count }
    }
}

impl ShownArgs {
    fn shown(&self) -> OnlineShown {
        let count = PurchaseCount(self.count_after);
        OnlineShown { count, record: self.record, balance: self.balance }
    }
}

pub(super) async fn act(office: &Office, act: OnlineAct) -> Result<Shown, OfficeError> {
    match act {
        OnlineAct::Begin(args) => Ok(begun(&office.begin_online(&args.sale()).await?)),
        OnlineAct::End { sale, shown } => {
            let ended = office.end_online(sale, &shown.shown()).await?;
            let json = json!({ "sale": sale.to_string(), "ended": ended.name() });
            Ok(Shown { json, text: format!("{}\n", said(ended)), good: ended != Ended::Disputed })
        }
        OnlineAct::Record { sale, shown } => {
            let (sale, ended) = office.record_online(&sale.sale(), &shown.shown()).await?;
            let mut json = object(&sale);
            json["ended"] = ended.name().into();
            let text = format!("{}{}\n", line(&sale), said(ended));
            Ok(Shown { json, text, good: ended != Ended::Disputed })
        }
    }
}

fn object(sale: &OnlineSale) -> Value {
    let fenced = sale.fenced.as_ref();
    json!({
        "sale": sale.id.to_string(),
        "count_before": sale.count_before.0,
        "amount": crate::units::Money(sale.credit.value).to_string(),
        "unit": match sale.credit.unit { CreditUnit::Yuan => "yuan", CreditUnit::Kwh => "kwh" },
        "fenced": fenced.map(|(token, _)| token.to_string()),
        "device": fenced.map(|(_, device)| device.to_string()),
    })
}

fn line(sale: &OnlineSale) -> String {
    let fenced = sale.fenced.as_ref().map_or(String::new(), |(token, device)| {
        format!("token {token} of {device} is fenced: it is out for the same step\n")
    });
    format!("recharge {} of {} at count {}\n{fenced}", sale.id, sale.credit, sale.count_before)
}

fn begun(sale: &OnlineSale) -> Shown {
    let text = format!(
        "{}recharge the meter now, read it back, then: online end {} --count-after ...\n",
        line(sale),
        sale.id
    );
    Shown { json: object(sale), text, good: true }
}

fn said(ended: Ended) -> &'static str {
    match ended {
        Ended::Applied => "it is in the meter; a token that was fenced for it is void",
        Ended::NotApplied => {
            "it is not in the meter, its money is back; a fenced token can be replaced (`reissue`)"
        }
        Ended::TokenWon => "the handheld's token was faster; the money of this recharge is back",
        Ended::Disputed => "the meter shows neither: see `review list`",
    }
}
