//! `meterkit sync`: journal up, receipts and tokens down; over the line, or over a stick or folder.

use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

use super::context::{Context, Work};
use super::output::Output;
use super::{Common, json};
use crate::jobs::sync::SyncReport;
use crate::jobs::views::Failure;
use crate::jobs::{Cancel, failure, sync};
use crate::report::Code;
use crate::text::errors;

/// Arguments of `sync`.
#[derive(Debug, Args)]
pub struct SyncArgs {
    /// Instead of the line to the office: a USB stick or a shared folder that travels.
    #[arg(long, value_name = "DIR")]
    media: Option<PathBuf>,
}

/// Exchanges with the office this handheld is enrolled at.
///
/// # Errors
/// The store's and the office's; whatever was acknowledged before stays acknowledged.
pub fn run(common: &Common, args: &SyncArgs, out: &Output) -> Result<u8, Failure> {
    let context = Context::load(common, out)?;
    let work = context.log_in(common)?;
    let cancel = Cancel::default();
    signal_hook::flag::register(signal_hook::consts::SIGINT, cancel.clone())
        .map_err(|error| failure::fail(Code::Internal, error.to_string()))?;
    let out = &context.out;
    if let Some(dir) = &args.media {
        return carry(&work, dir, &cancel, out);
    }
    let mut progress = |stage, done, of| out.stage(stage, done, of);
    let report =
        sync::exchange(&work.store, work.session.operator().as_str(), &cancel, &mut progress)?;
    let view = sync::view(&report);
    out.show(object(&report), |to| {
        writeln!(to, "{}", out.lang.synced(view.sent, view.tokens, view.review))?;
        for credit in &report.still_out {
            writeln!(to, "{}", out.lang.still_out(&out.lang.credit(*credit)))?;
        }
        Ok(())
    });
    Ok(0)
}

fn object(report: &SyncReport) -> Value {
    let view = sync::view(report);
    let still: Vec<_> = report.still_out.iter().map(|credit| json::credit(*credit)).collect();
    json!({
        "sent": view.sent, "tokens": view.tokens, "meters": view.meters, "review": view.review,
        "clock_s": view.clock_s, "still_out": still,
    })
}

/// Exchanges with a stick or folder. A parcel that could not be used does not hide what was
/// written, but decides the exit status.
fn carry(work: &Work, dir: &Path, cancel: &Cancel, out: &Output) -> Result<u8, Failure> {
    let mut progress = |stage, done, of| out.stage(stage, done, of);
    let operator = work.session.operator();
    let done = sync::carry(&work.store, operator.as_str(), dir, cancel, &mut progress)?;
    let taken = done.taken.as_ref();
    let unread: Vec<_> =
        done.unread.iter().map(|(name, error)| (name, failure::sync(error))).collect();
    let object = json!({
        "entries": done.entries, "letters": done.letters, "cleared": done.cleared,
        "taken": taken.map(object),
        "unread": unread.iter().map(|(name, failure)| json!({
            "name": name, "code": failure.code.as_str(), "detail": failure.detail,
        })).collect::<Vec<_>>(),
    });
    out.show(object, |to| {
        let lang = out.lang;
        match taken {
            Some(report) => {
                let view = sync::view(report);
                writeln!(to, "{}", lang.carried_taken(view.tokens, view.review))?;
            }
            None => writeln!(to, "{}", lang.carried_nothing())?,
        }
        for (name, failure) in &unread {
            let why = errors::words(failure.code).title(lang);
            writeln!(to, "{}", lang.carried_unread(name, &format!("{why} {}", failure.detail)))?;
        }
        if done.cleared > 0 {
            writeln!(to, "{}", lang.carried_cleared(done.cleared))?;
        }
        writeln!(to, "{}", lang.carried(done.entries, done.letters))
    });
    Ok(unread.first().map_or(0, |(_, failure)| failure.code.exit_status()))
}
