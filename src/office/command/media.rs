//! `meterkit-office media`: a stick or a shared folder instead of a line to the handhelds.

use super::Shown;
use super::pass::Pass;
use crate::office::{Letter, MediaReport, Office, OfficeError};
use crate::units::DeviceId;
use clap::Args;
use serde_json::json;
use std::fmt::Write;
use std::path::PathBuf;

/// Arguments of `media`.
#[derive(Debug, Args)]
pub(in crate::office) struct MediaArgs {
    /// The stick or folder.
    dir: PathBuf,
    /// Also write for this handheld, which left no letter there; may be given again.
    #[arg(long = "device", value_name = "DEVICE")]
    devices: Vec<DeviceId>,
}

/// Takes in what handhelds left and writes what is for them.
pub(super) async fn act(
    office: &Office,
    args: MediaArgs,
    pass: &Pass,
) -> Result<Shown, OfficeError> {
    // Letters may be sealed to a key that has been replaced since.
    office.unlock_for_media(&args.dir, &|key, new| pass.get(key, new))?;
    Ok(show(&office.media(&args.dir, &args.devices).await?))
}

fn show(report: &MediaReport) -> Shown {
    let mut text = String::new();
    let (mut taken, mut good) = (0, true);
    for (name, letter) in &report.letters {
        let line = match letter {
            Letter::Taken => {
                taken += 1;
                continue;
            }
            Letter::Gap(from) => format!("entries before it are missing: wanted from {from}"),
            Letter::Refused(refusal) => format!("refused: {}", refusal.name()),
            Letter::Unread(why) => format!("not read: {why}"),
        };
        good = false;
        let _ = writeln!(text, "{name}: {line}");
    }
    let _ = writeln!(text, "{taken} letters taken in, {} parcels written", report.parcels.len());
    for (device, tokens, acked) in &report.parcels {
        let _ = writeln!(text, "{device}: journal held to entry {acked}; {tokens} tokens for it");
    }
    if !good {
        text.push_str(
            "Nothing is lost: the handhelds write again what is missing. A file that stays \
             unreadable may be deleted.\n",
        );
    }
    let letters = report.letters.iter().map(|(name, letter)| {
        let (state, detail) = match letter {
            Letter::Taken => ("taken", json!(null)),
            Letter::Gap(from) => ("gap", json!(from)),
            Letter::Refused(refusal) => ("refused", json!(refusal.name())),
            Letter::Unread(why) => ("unread", json!(why)),
        };
        json!({ "name": name, "state": state, "detail": detail })
    });
    let parcels = report.parcels.iter().map(|(device, tokens, acked)| {
        json!({ "device": device.to_string(), "tokens": tokens, "acked": acked })
    });
    let json = json!({
        "letters": letters.collect::<Vec<_>>(), "parcels": parcels.collect::<Vec<_>>(),
    });
    Shown { json, text, good }
}
