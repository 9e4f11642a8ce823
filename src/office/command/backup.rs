//! `meterkit-office backup`, `restore`, `restored`.

use super::Shown;
use crate::office::{Again, KeysFrom, Manifest, Office, OfficeError, ToDo, Waiting, examine};
use clap::{Args, Subcommand};
use serde_json::json;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Arguments of `backup`.
#[derive(Debug, Args)]
pub(in crate::office) struct BackupArgs {
    /// The file to write; must not exist. It holds names and amounts: keep it as you keep the
    /// office.
    file: PathBuf,
    /// Leave the sealed keys out: they are kept elsewhere.
    #[arg(long)]
    without_keys: bool,
}

/// Arguments of `restore`.
#[derive(Debug, Args)]
pub(in crate::office) struct RestoreArgs {
    /// The backup.
    file: PathBuf,
    /// Take the keys from this folder, not from the backup.
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
    /// Only look: does the backup hold what it says of itself?
    #[arg(long)]
    check: bool,
}

/// What `restored` does.
#[derive(Debug, Subcommand)]
pub(in crate::office) enum RestoredAct {
    /// List who was and who is waited for.
    List,
    /// Do not wait for a handheld any more.
    Accept {
        /// Which; `*` for whatever was enrolled after the backup.
        device: String,
        /// Why, for whoever reads this later.
        #[arg(long)]
        reason: String,
    },
}

/// Makes a backup.
pub(super) async fn backup(
    office: &Office,
    data: &Path,
    args: &BackupArgs,
) -> Result<Shown, OfficeError> {
    let keys = data.join(crate::office::KEYS);
    let keys = (!args.without_keys).then_some(keys.as_path());
    let manifest = office.backup(&args.file, keys).await?;
    Ok(show(&manifest, &args.file, "backup"))
}

/// Makes an office out of a backup, or only looks at it.
pub(super) async fn restore(
    (data, database): (&Path, Option<&str>),
    args: &RestoreArgs,
) -> Result<Shown, OfficeError> {
    if args.check {
        return Ok(show(&examine(&args.file)?, &args.file, "good"));
    }
    let from = args.keys.clone().map_or(KeysFrom::Backup, KeysFrom::Folder);
    let manifest = Office::restore(data, database, &args.file, &from).await?;
    let mut shown = show(&manifest, &args.file, "restored");
    shown.text.push_str(
        "Nothing is issued until every handheld has brought its journal again, over a line or on \
         a stick,\nor you accept that one will not: `restored list`, `restored accept DEVICE \
         --reason TEXT`.\n\
         `restored accept '*'` says that no handheld was enrolled after the backup, or that you \
         know of each.\n",
    );
    Ok(shown)
}

/// Who is waited for.
pub(super) async fn restored(office: &Office, act: RestoredAct) -> Result<Shown, OfficeError> {
    if let RestoredAct::Accept { device, reason } = act {
        office.accept_unheard(&device, &reason).await?;
    }
    Ok(list(&office.waited_for().await?, &office.to_do_again().await?))
}

fn show(manifest: &Manifest, file: &Path, what: &str) -> Shown {
    let sums = manifest
        .sums
        .iter()
        .map(|((unit, place), amount)| json!({ "unit": unit, "place": place, "amount": amount }));
    let json = json!({
        what: file.display().to_string(), "tenant": manifest.tenant, "made": manifest.made.0,
        "ledger": manifest.ledger, "rows": manifest.rows, "sums": sums.collect::<Vec<_>>(),
        "content": manifest.content, "keys": manifest.keys,
    });
    let mut text = format!(
        "{what}: {}\n{} as of {}: {} rows, {} files of keys\n",
        file.display(),
        manifest.tenant,
        manifest.made.0,
        manifest.total(),
        manifest.keys
    );
    for ((unit, place), amount) in &manifest.sums {
        let _ = writeln!(text, "{place:<12}{:>14} {unit}", super::show::money(*amount));
    }
    Shown { json, text, good: true }
}

fn list(rows: &[Waiting], again: &[Again]) -> Shown {
    let waiting = rows.iter().filter(|row| row.holds()).count();
    let json = rows.iter().map(|row| {
        json!({
            "device": row.device, "since": row.since.0, "heard": row.heard.map(|at| at.0),
            "accepted": row.accepted.as_ref().map(|(at, _)| at.0),
            "reason": row.accepted.as_ref().map(|(_, reason)| reason),
        })
    });
    let to_do = again.iter().map(|one| {
        json!({
            "what": one.what.name(), "which": one.which, "how": one.how,
            "device": one.device, "seq": one.seq,
        })
    });
    let json = json!({
        "waiting": waiting, "handhelds": json.collect::<Vec<_>>(),
        "again": to_do.collect::<Vec<_>>(),
    });
    let mut text = String::new();
    for row in rows {
        let name = if row.device == "*" { "* (enrolled later)" } else { &row.device };
        let state = match (&row.heard, &row.accepted) {
            (Some(at), _) => format!("heard {}", at.0),
            (None, Some((at, reason))) => format!("accepted {}: {reason}", at.0),
            (None, None) => "WAITED FOR".to_owned(),
        };
        let _ = writeln!(text, "{name:<20}{state}");
    }
    let line = match (rows.is_empty(), waiting) {
        (true, _) => "this office was never restored\n",
        (false, 0) => "nobody is waited for: tokens are issued\n",
        (false, _) => "nothing is issued while somebody is waited for\n",
    };
    text.push_str(line);
    for one in again {
        let Again { which, how, device, seq, .. } = one;
        let what = said(one.what);
        let _ = writeln!(text, "AGAIN: {what} {which} {how}  (journal of {device}, entry {seq})");
    }
    if !rows.is_empty() {
        text.push_str(
            "In no journal, and to be looked at again by whoever did it since the backup: shifts \
             that were closed, reviews\nof no token, tokens that no handheld took, limits, \
             prices, lists of sales, meters and their places, recharges from\nthe office's own \
             line, handhelds enrolled or stopped, accounts
that were closed, keys.\n",
        );
    }
    Shown { json, text, good: waiting == 0 }
}

/// What is to be done again, and with which command.
fn said(what: ToDo) -> &'static str {
    match what {
        ToDo::Settle => "this token was settled (`review settle`, after another look):",
        ToDo::Online => "this token's step was recharged from here (`online record`):",
        ToDo::TakeBack => {
            "this was taken back (`revoke token`, `swap withdraw`, `operator revoke`):"
        }
        ToDo::Operator => "this operator was entered (`operator add`):",
        ToDo::Meter => "this meter was entered (`meter add`):",
        ToDo::Token => "this token was issued, and its step has another here (`review list`):",
        ToDo::Swap => "this swap was allowed, and another of its meters was begun (`swap list`):",
        ToDo::Bundle => "this bundle was signed (`bundle sign`):",
        ToDo::Round => {
            "this round was made (`round new`), and is read by its handheld all the same:"
        }
    }
}
