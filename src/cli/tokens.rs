//! `meterkit tokens`: what is cached, and importing more.

use clap::{Args, Subcommand};
use serde_json::json;

use super::context::{Context, Work};
use super::output::Output;
use super::{Common, json};
use crate::jobs::views::{Failure, TokenView};
use crate::jobs::{SystemClock, tokens};
use crate::text::Lang;
use crate::tui::wrap::pad;
use crate::units::MeterNo;

/// Tokens read from the store at a time.
const PAGE: usize = 500;

/// Arguments of `tokens`.
#[derive(Debug, Args)]
pub struct TokensArgs {
    /// What to do; without a word: list.
    #[command(subcommand)]
    command: Option<TokensCommand>,
}

#[derive(Debug, Subcommand)]
enum TokensCommand {
    /// List the cached tokens.
    List {
        /// Only those for this meter.
        #[arg(long, value_name = "NUMBER")]
        meter: Option<MeterNo>,
    },
    /// Import tokens from a file (one token, or lines of MK1: text), or one `MK1:...` text.
    Import {
        /// The file or text.
        source: String,
    },
}

/// Lists or imports.
///
/// # Errors
/// The store's; an import in which every token was refused ends with the first reason.
pub fn run(common: &Common, args: &TokensArgs, out: &Output) -> Result<u8, Failure> {
    let context = Context::load(common, out)?;
    let work = context.log_in(common)?;
    match &args.command {
        None => list(&context, &work.store, None),
        Some(TokensCommand::List { meter }) => list(&context, &work.store, *meter),
        Some(TokensCommand::Import { source }) => import(&context, &work, source),
    }
}

fn list(
    context: &Context,
    store: &crate::store::Store,
    meter: Option<MeterNo>,
) -> Result<u8, Failure> {
    let now = SystemClock::utc();
    let out = &context.out;
    let mut any = false;
    let mut after = None;
    loop {
        let (rows, more) = match meter {
            Some(meter) => {
                (store.tokens_for(meter).iter().map(|r| tokens::view(r, now)).collect(), false)
            }
            None => tokens::list(store, now, after, PAGE),
        };
        for row in &rows {
            any = true;
            out.show(json::token(row), |to| writeln!(to, "{}", line(context, out.lang, row)));
        }
        after = rows.last().map(|row: &TokenView| row.id);
        if !more {
            break;
        }
    }
    if !any {
        out.say(out.lang.no_tokens());
    }
    Ok(0)
}

fn line(context: &Context, lang: Lang, row: &TokenView) -> String {
    let state = lang.token_state(row.state);
    let amount = pad(&lang.token_amount(row), 14);
    let step = lang.token_step(row);
    let until = context.moment(row.expires);
    format!("{}  {}  {amount} {} {until}  {state}", row.id, row.meter, pad(&step, 14))
}

fn import(context: &Context, work: &Work, source: &str) -> Result<u8, Failure> {
    let done = tokens::import(&work.store, &work.session, &context.stamp(&work.session), source)?;
    let out = &context.out;
    let (taken, known) = (done.taken.len(), done.known.len());
    let ids =
        |ids: &[crate::units::TokenId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let refused: Vec<_> = done.refused.iter().map(|failure| out.failure_json(failure)).collect();
    let object = json!({
        "taken": ids(&done.taken), "known": ids(&done.known), "refused": refused,
    });
    out.show(object, |to| writeln!(to, "{}", out.lang.imported(taken, known, refused.len())));
    if !out.json {
        done.refused.iter().for_each(|failure| out.failure(failure));
    }
    let nothing = taken + known == 0;
    Ok(done.refused.first().filter(|_| nothing).map_or(0, |first| first.code.exit_status()))
}
