//! What commands about handhelds print.

use super::{money, shown};
use crate::office::command::Shown;
use crate::office::{DeviceInfo, ForkRow, Offer, Offered, Office};
use crate::units::{DeviceId, UnixSeconds};
use secrecy::ExposeSecret;
use serde_json::json;
use std::fmt::Write;
use std::path::Path;

pub(in crate::office::command) fn enrol(
    office: &Office,
    offer: &Offer,
    offered: &Offered,
    out: &Path,
) -> Shown {
    let (root, file) = (office.fingerprint(), out.display().to_string());
    let (device, url, epoch) = (offer.device.as_str(), &offer.url, offered.epoch);
    let mut text = format!(
        "enrolment file for {device}: {file}\noffice at {url}, root {root}\n\
         On the handheld: meterkit enrol {file}\n\
         Whoever enrols it chooses his PIN there. The others log in for the first time with:\n"
    );
    for grant in &offered.grants {
        let _ = writeln!(text, "  {:<17}{}", grant.operator, grant.code.expose_secret());
    }
    if epoch > 1 {
        let _ = writeln!(text, "life {epoch}: what was out with it is suspect, see `review list`");
    }
    let codes = offered.grants.iter().map(
        |grant| json!({ "operator": grant.operator.as_str(), "code": grant.code.expose_secret() }),
    );
    let json = json!({
        "device": device, "url": url, "file": file, "root_key": root, "epoch": epoch,
        "operators": codes.collect::<Vec<_>>(),
    });
    shown(json, text)
}

pub(in crate::office::command) fn status(device: &DeviceId, out: &Path) -> Shown {
    let file = out.display().to_string();
    let json = json!({ "device": device.as_str(), "file": file });
    shown(json, format!("status for {device}: {file}\n"))
}

pub(in crate::office::command) fn recovery(device: &DeviceId, code: &str, left: u32) -> Shown {
    let json = json!({ "device": device.as_str(), "code": code, "left": left });
    shown(json, format!("recovery code for {device}: {code}\n{left} left\n"))
}

pub(in crate::office::command) fn devices(rows: &[DeviceInfo], now: UnixSeconds) -> Shown {
    let age = |row: &DeviceInfo| row.carried.oldest.map(|at| now.0 - at.0);
    let json = rows.iter().map(|row| {
        json!({
            "device": row.device.as_str(),
            "status": row.status,
            "epoch": row.epoch,
            "events": row.events,
            "receipts": row.receipts,
            "tokens_out": row.carried.tokens,
            "yuan_out": money(row.carried.yuan),
            "kwh_out": money(row.carried.kwh),
            "oldest_s": age(row),
            "last_seen": row.last_seen.map(|at| at.0),
            "software": row.software,
            "forks": row.forks,
        })
    });
    let json = json!({ "devices": json.collect::<Vec<_>>() });
    let mut text = String::new();
    for row in rows {
        let (carried, hours) = (&row.carried, age(row).unwrap_or(0) / 3_600);
        let seen = row
            .last_seen
            .map_or("never".to_owned(), |at| format!("{} h ago", (now.0 - at.0) / 3_600));
        let _ = writeln!(
            text,
            "{:<17}{:<12}life {} {:>8} entries, seen {seen}",
            row.device, row.status, row.epoch, row.events
        );
        let _ = writeln!(
            text,
            "    out: {} tokens, {} yuan, {} kWh, oldest {hours} h; forks {}; {}",
            carried.tokens,
            money(carried.yuan),
            money(carried.kwh),
            row.forks,
            if row.software.is_empty() { "-" } else { &row.software }
        );
    }
    if rows.is_empty() {
        text.push_str("no handhelds\n");
    }
    shown(json, text)
}

pub(in crate::office::command) fn forks(rows: &[ForkRow]) -> Shown {
    let hex = |hash: &[u8; 32]| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let side = |row: &ForkRow| if row.first { "first" } else { "second" };
    let json = rows.iter().map(|row| {
        json!({
            "epoch": row.epoch,
            "seq": row.seq,
            "side": side(row),
            "kind": row.kind,
            "at": row.at.0,
            "hash": hex(&row.hash),
            "received": row.received.0,
        })
    });
    let json = json!({ "forks": json.collect::<Vec<_>>() });
    let mut text = String::new();
    for row in rows {
        let hash = hex(&row.hash);
        let _ = writeln!(
            text,
            "{}/{:<8}{:<7}{:<16} at {} hash {} received {}",
            row.epoch,
            row.seq,
            side(row),
            row.kind,
            row.at.0,
            &hash[..16],
            row.received.0
        );
    }
    if rows.is_empty() {
        text.push_str("no forks\n");
    }
    shown(json, text)
}
