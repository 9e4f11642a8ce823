//! `meterkit-office bundle`: checks and signs a file of parameters.

use super::{Shown, show};
use crate::office::bundle::NewBundle;
use crate::office::keys::write_private;
use crate::office::{Office, OfficeError};
use crate::profile::bundle::MAX_BUNDLE;
use crate::units::{DeviceId, MeterNo, TokenId};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(in crate::office::command) enum BundleAct {
    /// Sign a file of parameters for one handheld (docs/bundle.md).
    Sign(SignArgs),
    /// List what was signed.
    List,
    /// Take one back: its handheld does not write it any more once it hears of it.
    Revoke {
        /// Which.
        bundle: TokenId,
    },
}

#[derive(Debug, Args)]
pub(in crate::office::command) struct SignArgs {
    /// The file with the parameters.
    file: PathBuf,
    /// For which handheld.
    #[arg(long)]
    device: DeviceId,
    /// Only meters of this profile.
    #[arg(long, value_name = "ID")]
    profile: Option<String>,
    /// Only meters of this area.
    #[arg(long)]
    area: Option<String>,
    /// Only this meter; may be given again.
    #[arg(long = "meter", value_name = "NUMBER")]
    meters: Vec<MeterNo>,
    /// A file of meter numbers, one a line: all of them at once, and no others.
    #[arg(long, value_name = "FILE")]
    group: Option<PathBuf>,
    /// For how many days.
    #[arg(long, default_value_t = 30)]
    days: i64,
    /// Also write the signed file, to be carried by hand with the parameters beside it. Without it
    /// the handheld gets both with its next exchange.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// A file of parameters, if it is no longer than one may be.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, OfficeError> {
    let shown = path.display();
    let unread = |error: std::io::Error| OfficeError::Usage(format!("{shown}: {error}"));
    let size = std::fs::metadata(path).map_err(unread)?.len();
    if size > MAX_BUNDLE as u64 {
        return Err(OfficeError::Usage(format!("{shown}: {size} > {MAX_BUNDLE} bytes")));
    }
    std::fs::read(path).map_err(unread)
}

fn numbers(path: &Path) -> Result<Vec<MeterNo>, OfficeError> {
    let text = String::from_utf8_lossy(&read(path)?).into_owned();
    let words = text.split_whitespace();
    let odd = |word: &str| OfficeError::Usage(format!("{}: {word}", path.display()));
    words.map(|word| word.parse().map_err(|_| odd(word))).collect()
}

pub(super) async fn act(office: &Office, act: BundleAct) -> Result<Shown, OfficeError> {
    let args = match act {
        BundleAct::Sign(args) => args,
        BundleAct::List => return Ok(show::bundle_docs(&office.bundle_docs().await?)),
        BundleAct::Revoke { bundle } => {
            office.revoke_bundle(bundle).await?;
            return Ok(show::bundle_docs(&office.bundle_docs().await?));
        }
    };
    let SignArgs { file, device, profile, area, meters, group, days, out } = args;
    let group = group.as_deref().map(numbers).transpose()?.unwrap_or_default();
    let body = read(&file)?;
    let new = NewBundle { device, body, profile, area, meters, group, days };
    let signed = office.sign_bundle(&new).await?;
    if let Some(out) = &out {
        write_private(out, &signed.bytes)?;
    }
    Ok(show::bundle(&signed, out.as_deref()))
}
