//! `meterkit sync`: journal up, receipts and tokens down.

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::output::Output;
use super::{Common, json};
use crate::jobs::views::Failure;
use crate::jobs::{Cancel, failure, sync};
use crate::report::Code;
use crate::text::conflict;

/// Arguments of `sync`.
#[derive(Debug, Args)]
pub struct SyncArgs {}

/// Exchanges with the office this handheld is enrolled at.
///
/// # Errors
/// The store's and the office's; whatever was acknowledged before stays acknowledged.
pub fn run(common: &Common, _args: &SyncArgs, out: &Output) -> Result<u8, Failure> {
    let context = Context::load(common, out)?;
    let work = context.log_in(common)?;
    let cancel = Cancel::default();
    signal_hook::flag::register(signal_hook::consts::SIGINT, cancel.clone())
        .map_err(|error| failure::fail(Code::Internal, error.to_string()))?;
    let out = &context.out;
    let mut progress = |stage, done, of| out.stage(stage, done, of);
    let report =
        sync::exchange(&work.store, work.session.operator().as_str(), &cancel, &mut progress)?;
    let view = sync::view(&report);
    let still: Vec<_> = report.still_out.iter().map(|credit| json::credit(*credit)).collect();
    let reviews = sync::reviews(&report);
    let listed = reviews
        .iter()
        .map(|(entry, class, why)| json!({ "entry": entry, "class": class, "why": why }));
    let object = json!({
        "reviews": listed.collect::<Vec<_>>(),
        "sent": view.sent, "tokens": view.tokens, "meters": view.meters, "review": view.review,
        "clock_s": view.clock_s, "still_out": still,
    });
    out.show(object, |to| {
        writeln!(to, "{}", out.lang.synced(view.sent, view.tokens, view.review))?;
        for (entry, class, why) in &reviews {
            let words = conflict::why(why).unwrap_or_else(|| conflict::class(class));
            writeln!(to, "{}", out.lang.synced_review(*entry, class, words.get(out.lang)))?;
        }
        for credit in &report.still_out {
            writeln!(to, "{}", out.lang.still_out(&out.lang.credit(*credit)))?;
        }
        Ok(())
    });
    Ok(0)
}
