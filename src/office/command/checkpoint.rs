//! `meterkit-office checkpoint`: what handhelds signed of their journals.

use super::Shown;
use crate::office::{CheckpointRow, Held, Office, OfficeError};
use crate::units::{DeviceId, Money};
use clap::Subcommand;
use meterkit_tokens::{from_qr_text, join_parts, qr_part};
use serde_json::{Value, json};
use std::fmt::Write;

/// Largest file that is read: a checkpoint is 4 KiB at most, as text half as much again.
const MAX_FILE: u64 = 16 * 1024;

#[derive(Debug, Subcommand)]
pub(in crate::office::command) enum CheckpointAct {
    /// Take one in: a file, `MK1:` text, or what a scanner typed, part after part
    /// (exit 1 if the journal here is another one).
    Take {
        /// The file or the text.
        #[arg(required = true)]
        source: Vec<String>,
    },
    /// List them.
    List {
        /// Of this handheld only.
        device: Option<DeviceId>,
    },
}

pub(super) async fn act(office: &Office, act: CheckpointAct) -> Result<Shown, OfficeError> {
    match act {
        CheckpointAct::Take { source } => {
            let row = office.take_checkpoint(&document(&source)?).await?;
            let good = row.held != Held::Fork;
            Ok(Shown { json: object(&row), text: line(&row), good })
        }
        CheckpointAct::List { device } => {
            let rows = office.checkpoints(device.as_ref()).await?;
            let json = json!({ "checkpoints": rows.iter().map(object).collect::<Vec<_>>() });
            let mut text: String = rows.iter().map(line).collect();
            if rows.is_empty() {
                text.push_str("no checkpoints\n");
            }
            Ok(Shown { json, text, good: true })
        }
    }
}

/// The document in what was given: text, its parts, or a file that holds either or its bytes.
fn document(source: &[String]) -> Result<Vec<u8>, OfficeError> {
    let odd = |why: String| OfficeError::Usage(why);
    let text = match source {
        [path] if !path.trim_start().starts_with("MK1") => {
            let failed = |error| OfficeError::File(path.clone(), error);
            let size = std::fs::metadata(path).map_err(failed)?.len();
            if size > MAX_FILE {
                return Err(odd(format!("{path}: {size} > {MAX_FILE} bytes")));
            }
            let bytes = std::fs::read(path).map_err(failed)?;
            match std::str::from_utf8(&bytes) {
                Ok(text) if text.trim_start().starts_with("MK1") => text.to_owned(),
                _ => return Ok(bytes),
            }
        }
        texts => texts.join("\n"),
    };
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let whole = match lines.as_slice() {
        [line] if qr_part(line).is_none() => (*line).to_owned(),
        parts => join_parts(parts.iter().copied()).map_err(|error| odd(error.to_string()))?,
    };
    from_qr_text(&whole).map_err(|error| odd(error.to_string()))
}

fn object(row: &CheckpointRow) -> Value {
    let signed = &row.signed;
    let hash: String = signed.at.hash.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({
        "device": signed.device.as_str(), "epoch": signed.at.epoch, "seq": signed.at.seq,
        "hash": hash, "at": signed.time.0, "operator": signed.operator.as_str(),
        "since": signed.since.0, "accepted": signed.counts[0], "refused": signed.counts[1],
        "unknown": signed.counts[2],
        "applied_yuan": Money(signed.applied[0]).to_string(),
        "applied_kwh": Money(signed.applied[1]).to_string(),
        "out_yuan": Money(signed.out[0]).to_string(),
        "out_kwh": Money(signed.out[1]).to_string(),
        "journal": row.held.name(), "here": row.here, "received": row.received.0,
    })
}

fn line(row: &CheckpointRow) -> String {
    let signed = &row.signed;
    let says = match row.held {
        Held::Extends => "the journal here extends it".to_owned(),
        Held::Waiting => format!("entries {} to {} are not here yet", row.here + 1, signed.at.seq),
        Held::Fork => "THE JOURNAL HERE IS ANOTHER ONE: see `devices forks`".to_owned(),
    };
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{}/{} entry {} by {}: credited {} CNY {} kWh, still out {} CNY {} kWh; {says}",
        signed.device,
        signed.at.epoch,
        signed.at.seq,
        signed.operator.as_str(),
        Money(signed.applied[0]),
        Money(signed.applied[1]),
        Money(signed.out[0]),
        Money(signed.out[1]),
    );
    text
}
