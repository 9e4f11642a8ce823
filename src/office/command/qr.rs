//! `meterkit-office qr`: what a handheld scans from this screen. No camera is needed there: a
//! scanner types what it reads.

use super::Shown;
use crate::office::{Office, OfficeError};
use crate::text::qr;
use crate::units::{DeviceId, TokenId};
use clap::{Args, Subcommand};
use meterkit_tokens::{qr_parts, qr_text};
use serde_json::json;

/// Arguments of `qr`.
#[derive(Debug, Args)]
pub(in crate::office) struct QrArgs {
    /// Columns of the terminal: what does not fit one code is shown in several.
    #[arg(long, global = true, default_value_t = 80)]
    columns: usize,
    /// Rows of the terminal.
    #[arg(long, global = true, default_value_t = 24)]
    rows: usize,
    #[command(subcommand)]
    what: What,
}

/// What to show.
#[derive(Debug, Subcommand)]
pub(in crate::office) enum What {
    /// A token that is out.
    Token {
        /// Which.
        token: TokenId,
    },
    /// A receipt that only says how far a handheld's journal is here.
    Receipt {
        /// Whose.
        device: DeviceId,
    },
    /// A fresh status for a handheld.
    Status {
        /// For which.
        device: DeviceId,
    },
}

impl QrArgs {
    /// Whether it signs something.
    pub(super) fn signs(&self) -> bool {
        !matches!(self.what, What::Token { .. })
    }
}

pub(super) async fn act(office: &Office, args: QrArgs) -> Result<Shown, OfficeError> {
    let document = match &args.what {
        What::Token { token } => office.token_document(*token).await?,
        What::Receipt { device } => office.receipt_alone(device).await?,
        What::Status { device } => office.status(device).await?,
    };
    let text = qr_text(&document);
    // One line below a code says which part it is.
    let parts = qr_parts(&text, qr::room(args.columns, args.rows.saturating_sub(1)));
    let codes: Vec<_> = parts.iter().filter_map(|part| qr::lines(part)).collect();
    if codes.is_empty() {
        let small = format!("{} x {} shows no code that small", args.columns, args.rows);
        return Err(OfficeError::Usage(small));
    }
    let mut page = String::new();
    for (at, code) in codes.iter().enumerate() {
        page.push_str(&code.join("\n"));
        page.push_str(&format!("\n{}/{}\n", at + 1, codes.len()));
    }
    page.push_str(&text);
    page.push('\n');
    Ok(Shown { json: json!({ "text": text, "parts": parts }), text: page, good: true })
}
