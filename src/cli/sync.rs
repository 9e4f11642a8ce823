//! `meterkit sync`: journal up, receipts and tokens down; over the line, or over a stick or folder.

use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::context::{Context, Work};
use super::output::Output;
use super::{Common, json};
use crate::jobs::sync::{Link, SyncReport};
use crate::jobs::views::Failure;
use crate::jobs::{Cancel, failure, sync};
use crate::report::Code;
use crate::text::conflict;
use crate::text::errors;

/// Arguments of `sync`.
#[derive(Debug, Args)]
pub struct SyncArgs {
    /// Instead of the line to the office: a USB stick or a shared folder that travels.
    #[arg(long, value_name = "DIR")]
    media: Option<PathBuf>,
    /// Most KB up and down in this exchange: money goes first, the rest another time.
    #[arg(long, value_name = "KB", conflicts_with = "media")]
    budget: Option<u32>,
    /// If nobody answers: how often to try in all, with longer and longer pauses in between.
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "media",
          value_parser = clap::value_parser!(u32).range(1..=100))]
    attempts: u32,
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
    let link = Link { once_kb: args.budget, day_kb: context.sync_budget_kb() };
    let operator = work.session.operator().as_str();
    let mut attempt = 1;
    let report = loop {
        match sync::exchange(&work.store, operator, link, &cancel, &mut progress) {
            Err(failure) if sync::may_answer_later(&failure) && attempt < args.attempts => {
                let pause = sync::pause_s(attempt - 1, sync::chance());
                out.say(&out.lang.sync_again(attempt, args.attempts, pause));
                wait(pause, &cancel)?;
                attempt += 1;
            }
            done => break done?,
        }
    };
    let view = sync::view(&report);
    let reviews = sync::reviews(&report);
    out.show(object(&report), |to| {
        writeln!(to, "{}", out.lang.synced(view.sent, view.tokens, view.review))?;
        for (entry, class, why) in &reviews {
            let words = conflict::why(why).unwrap_or_else(|| conflict::class(class));
            writeln!(to, "{}", out.lang.synced_review(*entry, class, words.get(out.lang)))?;
        }
        if report.bundles > 0 {
            writeln!(to, "{}", out.lang.synced_bundles(report.bundles))?;
        }
        if report.rounds > 0 {
            writeln!(to, "{}", out.lang.synced_rounds(report.rounds))?;
        }
        if report.cut_short {
            writeln!(to, "{}", out.lang.synced_cut_short(report.bytes / 1024))?;
        }
        for credit in &report.still_out {
            writeln!(to, "{}", out.lang.still_out(&out.lang.credit(*credit)))?;
        }
        Ok(())
    });
    Ok(0)
}

/// Waits, and looks ten times a second whether to stop.
fn wait(seconds: u64, cancel: &Cancel) -> Result<(), Failure> {
    for _ in 0..seconds.saturating_mul(10) {
        if cancel.load(Ordering::Relaxed) {
            return Err(failure::fail(Code::Cancelled, ""));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn object(report: &SyncReport) -> Value {
    let view = sync::view(report);
    let still: Vec<_> = report.still_out.iter().map(|credit| json::credit(*credit)).collect();
    let reviews = sync::reviews(report);
    let reviews = reviews
        .iter()
        .map(|(entry, class, why)| json!({ "entry": entry, "class": class, "why": why }));
    json!({
        "reviews": reviews.collect::<Vec<_>>(),
        "sent": view.sent, "tokens": view.tokens, "meters": view.meters, "review": view.review,
        "clock_s": view.clock_s, "still_out": still, "bundles": report.bundles,
        "rounds": report.rounds,
        "pages": report.pages, "bytes": report.bytes, "cut_short": report.cut_short,
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
        "again": taken.is_some_and(|report| report.again.is_some()),
        "unread": unread.iter().map(|(name, failure)| json!({
            "name": name, "code": failure.code.as_str(), "detail": failure.detail,
        })).collect::<Vec<_>>(),
    });
    out.show(object, |to| {
        let lang = out.lang;
        match taken {
            Some(report) if report.again.is_some() => writeln!(to, "{}", lang.carried_again())?,
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
