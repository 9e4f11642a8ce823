//! `meterkit checkpoint`: signs what the journal is now, for a photograph, a printer or the office.

use clap::Args;
use serde_json::json;
use std::path::PathBuf;

use super::Common;
use super::context::Context;
use super::output::Output;
use crate::jobs::views::Failure;
use crate::jobs::{checkpoint, failure, session};
use crate::report::Code;
use crate::text::qr;
use crate::units::{Credit, CreditUnit};

/// Arguments of `checkpoint`.
#[derive(Debug, Args)]
pub struct CheckpointArgs {
    /// Also write it to a file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Columns of the terminal: what does not fit one code is shown in several.
    #[arg(long, default_value_t = 80)]
    columns: usize,
    /// Rows of the terminal.
    #[arg(long, default_value_t = 24)]
    rows: usize,
}

/// Signs a checkpoint and shows it.
///
/// # Errors
/// The store's; [`Code::File`] if the file cannot be written; [`Code::Usage`] for a terminal too
/// small for any code.
pub fn run(common: &Common, args: &CheckpointArgs, out: &Output) -> Result<u8, Failure> {
    let context = Context::load(common, out)?;
    let work = context.log_in(common)?;
    let shift = session::so_far(&work.store, &work.session);
    let stamp = context.stamp(&work.session);
    let signed = checkpoint::make(&work.store, &work.session, &shift, &stamp)?;
    if let Some(path) = &args.out {
        let failed = |error: std::io::Error| {
            failure::fail(Code::File, format!("{}: {error}", path.display()))
        };
        std::fs::write(path, &signed.bytes).map_err(failed)?;
    }
    let text = signed.text();
    let parts = checkpoint::parts(&text, qr::room(args.columns, args.rows.saturating_sub(1)));
    let codes: Vec<_> = parts.iter().filter_map(|part| qr::lines(part)).collect();
    if codes.is_empty() {
        return Err(failure::fail(Code::Usage, format!("{} x {}", args.columns, args.rows)));
    }
    let (what, out) = (&signed.what, &context.out);
    let sum = |values: [i64; 2]| {
        let units = [CreditUnit::Yuan, CreditUnit::Kwh];
        let sums = units
            .into_iter()
            .zip(values)
            .filter(|(unit, value)| *value != 0 || *unit == CreditUnit::Yuan);
        let sums = sums.map(|(unit, value)| out.lang.credit(Credit { value, unit }));
        sums.collect::<Vec<_>>().join(", ")
    };
    let hash: String = what.at.hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let object = json!({
        "device": what.device.as_str(), "epoch": what.at.epoch, "seq": what.at.seq,
        "hash": hash, "at": what.time.0, "operator": what.operator.as_str(),
        "since": what.since.0, "accepted": what.counts[0], "refused": what.counts[1],
        "unknown": what.counts[2], "applied_fen": what.applied[0],
        "applied_kwh_hundredths": what.applied[1], "out_fen": what.out[0],
        "out_kwh_hundredths": what.out[1], "text": text, "parts": parts,
    });
    out.show(object, |to| {
        let lang = out.lang;
        for (at, code) in codes.iter().enumerate() {
            writeln!(to, "{}", code.join("\n"))?;
            writeln!(to, "{}/{}", at + 1, codes.len())?;
        }
        writeln!(to, "{text}")?;
        let name = format!("{}-{}", what.device, what.at.epoch);
        writeln!(to, "{}", lang.checkpoint_at(&name, what.at.seq, &hash[..16]))?;
        writeln!(to, "{}", lang.checkpoint_sums(&sum(what.applied), &sum(what.out)))
    });
    Ok(0)
}
