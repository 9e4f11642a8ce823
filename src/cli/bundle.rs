//! `meterkit bundle`: signed sets of parameters, checked, taken in, planned, written; and meters'
//! clocks, set right.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::Common;
use super::context::{Context, Work};
use super::errand::{self, ErrandArgs, MetersArgs};
use super::output::Output;
use super::profile::show_faults;
use crate::jobs::bundle::{self, Bundles};
use crate::jobs::errand::Values;
use crate::jobs::failure::fail;
use crate::jobs::views::Failure;
use crate::profile::bundle::{Bundle, MAX_BUNDLE};
use crate::report::Code;
use crate::text::work as names;

/// Arguments of `bundle`.
#[derive(Debug, Args)]
pub struct BundleArgs {
    #[command(subcommand)]
    command: BundleCommand,
}

#[derive(Debug, Subcommand)]
enum BundleCommand {
    /// Explain every fault of a bundle file, with lines; needs no log-in.
    Check {
        /// The file.
        file: PathBuf,
    },
    /// List the bundles taken in, or what one writes.
    Show {
        /// Its name, or the end of its identity.
        bundle: Option<String>,
    },
    /// Take in what the office signed; its parameters lie beside it, ending in .toml.
    Take {
        /// The signed file.
        file: PathBuf,
        /// The parameters, where they lie elsewhere.
        #[arg(long, value_name = "FILE")]
        body: Option<PathBuf>,
    },
    /// Read what meters have and show what would be written.
    Plan(WriteArgs),
    /// Write a bundle: standby sets first, switch times last.
    Write(WriteArgs),
    /// Set meters' clocks by this handheld's.
    Clock(ClockArgs),
}

#[derive(Debug, Args)]
struct WriteArgs {
    /// The bundle's name, or the end of its identity.
    bundle: Option<String>,
    #[command(flatten)]
    meters: MetersArgs,
    /// The first line of this file is the new password, for bundles that change one.
    #[arg(long, value_name = "FILE")]
    new_password_file: Option<PathBuf>,
    /// Give up an errand that was left open at one of these meters.
    #[arg(long)]
    instead: bool,
    /// Set a clock even if it is more than a quarter of an hour off.
    #[arg(long)]
    far: bool,
    #[command(flatten)]
    errand: ErrandArgs,
}

#[derive(Debug, Args)]
struct ClockArgs {
    #[command(flatten)]
    meters: MetersArgs,
    /// Set a clock even if it is more than a quarter of an hour off.
    #[arg(long)]
    far: bool,
    #[command(flatten)]
    errand: ErrandArgs,
}

/// Runs the command.
///
/// # Errors
/// Everything that kept it from going on.
pub fn run(common: &Common, args: &BundleArgs, out: &Output) -> Result<u8, Failure> {
    if let BundleCommand::Check { file } = &args.command {
        return check(file, out);
    }
    let context = Context::load(common, out)?;
    let work = context.log_in(common)?;
    let (values, own) = match &args.command {
        BundleCommand::Check { .. } => return Ok(0),
        BundleCommand::Show { bundle } => return show(&context, &work, bundle.as_deref()),
        BundleCommand::Take { file, body } => {
            return take(&context, &work, file, body.as_deref());
        }
        BundleCommand::Plan(args) => {
            (wanted(&work, args)?, ErrandArgs { dry_run: true, ..args.errand.clone() })
        }
        BundleCommand::Write(args) => (wanted(&work, args)?, args.errand.clone()),
        BundleCommand::Clock(args) => {
            let mut values = Values::default().with("set-clock", "yes");
            values.set("far", if args.far { "yes" } else { "" });
            if args.errand.resume.is_none() {
                values.set("meters", args.meters.listed(&work.store)?);
            }
            (values, args.errand.clone())
        }
    };
    errand::run(&context, common, &work, &Bundles, (&own, &values))
}

/// The form of a write.
fn wanted(work: &Work, args: &WriteArgs) -> Result<Values, Failure> {
    let yes = |flag: bool| if flag { "yes" } else { "" };
    let mut values = Values::default()
        .with("bundle", args.bundle.clone().unwrap_or_default())
        .with("far", yes(args.far))
        .with("instead", yes(args.instead));
    let file = args.new_password_file.as_ref().map(|file| file.display().to_string());
    values.set("new-password", file.unwrap_or_default());
    if args.errand.resume.is_none() {
        values.set("meters", args.meters.listed(&work.store)?);
    }
    Ok(values)
}

/// Every fault of a bundle file. The exit status is 0 for a good one, 5 for another.
fn check(file: &Path, out: &Output) -> Result<u8, Failure> {
    let shown = file.display().to_string();
    let unread = |error: std::io::Error| fail(Code::File, format!("{shown}: {error}"));
    let size = std::fs::metadata(file).map_err(unread)?.len();
    if size > MAX_BUNDLE as u64 {
        return Err(fail(Code::File, format!("{shown}: {size} > {MAX_BUNDLE} bytes")));
    }
    let text = std::fs::read_to_string(file).map_err(unread)?;
    let (bundle, faults) = Bundle::check(&text);
    show_faults(out, file, &faults);
    let object = json!({
        "file": shown, "good": bundle.is_some(), "faults": faults.len(),
        "name": bundle.as_ref().map(|bundle| bundle.name.clone()),
        "version": bundle.as_ref().map(|bundle| bundle.version),
        "items": bundle.as_ref().map(|bundle| bundle.items.len()),
    });
    let lang = out.lang;
    let last = match &bundle {
        Some(bundle) => lang.bundle_good(&bundle.name, bundle.version, bundle.items.len()),
        None => lang.profile_bad(faults.len(), 0),
    };
    out.show(object, |to| writeln!(to, "{last}"));
    Ok(if bundle.is_some() { 0 } else { Code::BundleBad.exit_status() })
}

fn take(context: &Context, work: &Work, file: &Path, body: Option<&Path>) -> Result<u8, Failure> {
    let stamp = context.stamp(&work.session);
    let (id, new) = bundle::take(&work.store, &work.session, &stamp, file, body)?;
    let lang = context.out.lang;
    let name = work.store.bundle(id).map(|row| row.taken.name).unwrap_or_default();
    context.out.show(json!({ "bundle": id.to_string(), "new": new, "name": name }), |to| {
        let what = if new { lang.bundle_taken() } else { lang.bundle_known() };
        writeln!(to, "{what}: {name}  {id}")
    });
    Ok(0)
}

/// The bundles, or the items of one.
fn show(context: &Context, work: &Work, name: Option<&str>) -> Result<u8, Failure> {
    let store = &work.store;
    if let Some(name) = name {
        let row = bundle::find(store, name)?;
        let now = context.stamp(&work.session).at;
        let ready = bundle::ready(store, &row, now)?;
        let lang = context.out.lang;
        for (name, value) in bundle::listed(&ready.bundle) {
            context.out.show(json!({ "item": name, "value": value }), |to| {
                let (words, value) = (names::placed(lang, &name), names::value(lang, &value));
                writeln!(to, "{words}  {value}")
            });
        }
        return Ok(0);
    }
    for row in store.bundles() {
        let taken = &row.taken;
        let object = json!({
            "bundle": taken.id.to_string(), "name": taken.name, "version": taken.version,
            "expires_unix": taken.expires.0, "revoked": row.revoked,
        });
        context.out.show(object, |to| {
            let until = context.moment(taken.expires);
            let mark = if row.revoked { "X" } else { " " };
            writeln!(to, "{mark} {} v{}  {until}  {}", taken.name, taken.version, taken.id)
        });
    }
    Ok(0)
}
