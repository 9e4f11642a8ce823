//! `meterkit journal`: what was done here, and whether the record of it is whole.

use clap::{Args, Subcommand};
use serde_json::json;

use super::context::Context;
use super::output::Output;
use super::{Common, json};
use crate::jobs::journal;
use crate::jobs::views::{Failure, JournalRow};
use crate::text::Lang;
use crate::tui::wrap::pad;

/// Cells of what was done with money.
const ACT_CELLS: usize = 10;

/// Arguments of `journal`.
#[derive(Debug, Args)]
pub struct JournalArgs {
    /// What to do; without a word: list.
    #[command(subcommand)]
    command: Option<JournalCommand>,
}

#[derive(Debug, Subcommand)]
enum JournalCommand {
    /// List entries, newest first.
    List {
        /// How many.
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// Only entries before this one.
        #[arg(long, value_name = "SEQ")]
        before: Option<u64>,
    },
    /// Check every entry against the one before it, from the first to the last.
    Verify,
}

/// Lists or verifies.
///
/// # Errors
/// The store's; damage with its place.
pub fn run(common: &Common, args: &JournalArgs, out: &Output) -> Result<u8, Failure> {
    let context = Context::load(common, out)?;
    let work = context.log_in(common)?;
    let store = &work.store;
    let out = &context.out;
    match args.command {
        Some(JournalCommand::Verify) => {
            let records = journal::verify(store)?;
            let head = store.summary().head;
            let object = json!({
                "whole": true, "entries": records,
                "epoch": head.epoch, "head_seq": head.seq, "head_sha256": json::hex(&head.hash),
            });
            out.show(object, |to| writeln!(to, "{}", out.lang.journal_whole(records)));
        }
        Some(JournalCommand::List { limit, before }) => list(&context, store, before, limit),
        None => list(&context, store, None, 50),
    }
    Ok(0)
}

fn list(context: &Context, store: &crate::store::Store, before: Option<u64>, limit: usize) {
    let out = &context.out;
    let (rows, _) = journal::page(store, before, limit);
    for row in &rows {
        out.show(json::journal_row(row), |to| writeln!(to, "{}", line(context, out.lang, row)));
    }
    if rows.is_empty() {
        out.say(out.lang.no_entries());
    }
}

fn line(context: &Context, lang: Lang, row: &JournalRow) -> String {
    let kind = lang.journal_kind(row.kind);
    let meter = row.meter.map(|meter| meter.to_string()).unwrap_or_default();
    let credit = row.credit.map(|credit| lang.credit(credit)).unwrap_or_default();
    let act = row.act.map(|act| lang.act(act)).unwrap_or_default();
    let outcome = row.outcome.map(|outcome| lang.outcome(outcome)).unwrap_or_default();
    let acked = if row.acked { lang.acked() } else { lang.not_acked() };
    let parts = [
        format!("{:>6}", row.seq),
        context.moment(row.at),
        pad(kind, 18),
        format!("{meter:12}"),
        pad(act, ACT_CELLS),
        pad(&credit, 14),
        pad(outcome, 10),
        pad(acked, 18),
        row.detail.clone(),
    ];
    parts.join(" ").trim_end().to_owned()
}
