//! What the commands print. Amounts are text with two decimals, times Unix seconds.

mod devices;
mod drafts;
mod keys;
mod lists;
mod lost;
mod people;
mod rounds;
mod swaps;

pub(super) use devices::{devices, enrol, forks, recovery, status};
pub(super) use drafts::{draft_dropped, draft_kept, drafts};
pub(super) use keys::{
    check, draft, drafted, key, key_revoked, keys, passphrase, renewed, root_key,
};
pub(super) use lists::{
    bundles, found, kept, lost_contact, meter_bundles, meter_sheet, orders, sales, today, tokens,
    zone,
};
pub(super) use lost::{lost, shift, shift_detail, shifts};
pub(super) use people::{granted, limits, operator_gone, operators, overridden};
pub(super) use rounds::{closed, closing, round, round_made, round_plan, rounds};
pub(super) use swaps::{swap_issued, swaps};

use self::lost::time;
use super::Shown;
use crate::office::meters::NewMeter;
use crate::office::model::{TokenState, unit_name};
use crate::office::report::LedgerReport;
use crate::office::review::ReviewRow;
use crate::office::{BundleInfo, ExportReport, Issued, Office, OfficeError, Setup, SignedBundle};
use crate::units::{CreditUnit, MeterNo, Money, TokenId, UnixSeconds};
use serde_json::{Value, json};
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

fn shown(json: Value, text: String) -> Shown {
    Shown { json, text, good: true }
}

pub(super) fn money(value: i64) -> String {
    Money(value).to_string()
}

pub(super) fn error(error: &OfficeError) -> Value {
    json!({ "error": error.code(), "message": error.to_string() })
}

pub(super) fn init(office: &Office, data: &Path, setup: &Setup, one_for_all: bool) -> Shown {
    let (tenant, root, data) = (office.tenant(), office.fingerprint(), data.display().to_string());
    let place = setup.root_dir.clone().unwrap_or_else(|| Path::new(&data).join("keys"));
    let place = place.display().to_string();
    let (roots, threshold) = (setup.roots, setup.threshold);
    let mut text = format!(
        "office of {tenant} in {data}\nroot {root}\n\n\
         {roots} root keys are in {place}, {threshold} of them must sign a new root.\n\
         Take each to another person and place, and remove it here: daily work needs none.\n\
         Copy the rest of the keys to a safe place: docs/custody.md says how.\n"
    );
    if one_for_all {
        text.push_str(
            "The root keys carry the passphrase of the daily keys: \
             give each its own with `keys passphrase`.\n",
        );
    }
    let json = json!({
        "tenant": tenant, "root_key": root, "data": data, "root_dir": place,
        "roots": roots, "threshold": threshold, "one_passphrase": one_for_all,
    });
    shown(json, text)
}

pub(super) fn exported(report: &ExportReport, dir: &Path) -> Shown {
    let dir = dir.display().to_string();
    let json = json!({
        "folder": dir, "packs": report.packs, "documents": report.documents,
        "receipts": report.receipts, "online": report.online, "files": report.files,
    });
    let text = format!(
        "audit set in {dir}: {} packs, {} documents, {} receipts, \
         {} recharges from the office\n",
        report.packs, report.documents, report.receipts, report.online
    );
    shown(json, text)
}

pub(super) fn revoked(token: TokenId) -> Shown {
    let json = json!({ "token": token.to_string(), "state": "suspect", "revoked": true });
    let text = format!(
        "token {token} is revoked; its handheld knows with its next status. Until it is settled or \
         replaced (`reissue`) its money stays in transit.\n"
    );
    shown(json, text)
}

pub(super) fn meters(meters: &[NewMeter]) -> Shown {
    let rows = meters.iter().map(|new| {
        json!({
            "meter": new.line.meter.to_string(),
            "account": new.line.account.to_string(),
            "area": new.line.area,
            "line": new.line.place.line,
            "box": new.line.place.terminal,
            "user": new.line.place.user,
            "address": new.line.place.address,
            "unit": unit_name(new.line.unit),
            "count": new.count.0,
            "balance": money(new.balance),
        })
    });
    let json = json!({ "added": meters.len(), "meters": rows.collect::<Vec<_>>() });
    shown(json, format!("{} meter(s) added\n", meters.len()))
}

pub(super) fn counted(meter: MeterNo, count: u32) -> Shown {
    let json = json!({ "meter": meter.to_string(), "count": count });
    shown(json, format!("meter {meter} is at count {count}\n"))
}

pub(super) fn issued(issued: &Issued) -> Shown {
    let code = meterkit_tokens::RechargeToken::qr_text(&issued.bytes);
    let json = json!({
        "token": issued.id.to_string(),
        "kind": issued.act.name(),
        "meter": issued.meter.to_string(),
        "count_before": issued.count_before.0,
        "amount": money(issued.credit.value),
        "unit": unit_name(issued.credit.unit),
        "device": issued.device.as_str(),
        "expires": issued.expires.0,
        "code": code,
        "near_limit": issued.near_limit,
    });
    let near = if issued.near_limit { "The handheld is near its limit.\n" } else { "" };
    let text = format!(
        "{} token {}\n{} for meter {} at count {}, to {}\n{code}\n{near}",
        issued.act.name(),
        issued.id,
        issued.credit,
        issued.meter,
        issued.count_before,
        issued.device
    );
    shown(json, text)
}

pub(super) fn listening(
    address: SocketAddr,
    watch: Option<SocketAddr>,
    tls: bool,
    json: bool,
) -> String {
    let watch = watch.map(|address| address.to_string());
    if json {
        let line = json!({ "listening": address.to_string(), "tls": tls, "watch": watch });
        format!("{line}\n")
    } else {
        let watch = watch.map(|at| format!(", watched on http://{at}")).unwrap_or_default();
        format!("listening on http{}://{address}{watch}\n", if tls { "s" } else { "" })
    }
}

pub(super) fn stopped() -> Shown {
    shown(json!({ "stopped": true }), "stopped\n".to_owned())
}

pub(super) fn ledger(report: &LedgerReport) -> Shown {
    let balances = report.balances.iter().map(|balance| {
        json!({
            "place": balance.place,
            "unit": unit_name(balance.unit),
            "amount": money(balance.amount),
        })
    });
    let meters = report.meters.iter().map(|meter| {
        json!({
            "meter": meter.meter,
            "account": meter.account,
            "recharges": meter.recharges,
            "amount": money(meter.amount),
            "count": meter.count,
        })
    });
    let tokens: serde_json::Map<String, Value> =
        report.tokens.iter().map(|(state, n)| ((*state).to_owned(), json!(n))).collect();
    let swaps: serde_json::Map<String, Value> =
        report.swaps.iter().map(|(state, n)| ((*state).to_owned(), json!(n))).collect();
    let json = json!({
        "swaps": swaps,
        "sum_zero": report.sum_zero,
        "ops_zero": report.ops_zero,
        "tokens_match": report.tokens_match,
        "balances": balances.collect::<Vec<_>>(),
        "tokens": tokens,
        "meters": meters.collect::<Vec<_>>(),
        "postings": report.postings,
        "reviews": report.reviews,
    });
    let mut text = String::new();
    for balance in &report.balances {
        let symbol = CreditUnit::symbol(balance.unit);
        let _ = writeln!(text, "{:<12}{:>14} {symbol}", balance.place, money(balance.amount));
    }
    for (state, count) in &report.tokens {
        let _ = writeln!(text, "tokens {state:<12}{count:>7}");
    }
    for (state, count) in report.swaps.iter().filter(|(_, count)| *count > 0) {
        let _ = writeln!(text, "swaps  {state:<12}{count:>7}");
    }
    let word = |good: bool| if good { "yes" } else { "NO" };
    let _ = writeln!(text, "postings {}, to be looked at {}", report.postings, report.reviews);
    let _ = writeln!(text, "sum is zero: {}", word(report.sum_zero));
    let _ = writeln!(text, "every op sums to zero: {}", word(report.ops_zero));
    let _ = writeln!(text, "tokens and postings agree: {}", word(report.tokens_match));
    Shown { json, text, good: report.sound() }
}

fn review_json(row: &ReviewRow) -> Value {
    json!({
        "id": row.id,
        "class": row.class,
        "why": row.why,
        "device": row.device,
        "epoch": row.epoch,
        "seq": row.seq,
        "meter": row.meter,
        "token": row.token,
        "raised": row.raised.0,
        "verdict": row.settled.as_ref().map(|(verdict, _)| verdict),
        "reason": row.settled.as_ref().map(|(_, reason)| reason),
        "evidence": row.rests,
    })
}

fn review_text(row: &ReviewRow, text: &mut String) {
    let settled = row.settled.as_ref();
    let settled = settled.map_or(String::new(), |(verdict, why)| format!(" [{verdict}: {why}]"));
    let _ = writeln!(text, "{:<4}{}{settled}", row.class, row.why);
    let none = || "-".to_owned();
    let (meter, token) = (row.meter.clone(), row.token.clone());
    let (meter, token) = (meter.unwrap_or_else(none), token.unwrap_or_else(none));
    let (device, seq, id) = (&row.device, row.seq, &row.id);
    let _ = writeln!(text, "    meter {meter} token {token} entry {device}/{seq} id {id}");
}

pub(super) fn review(row: &ReviewRow) -> Shown {
    let mut text = String::new();
    review_text(row, &mut text);
    for entry in &row.rests.entries {
        let _ = writeln!(text, "    entry {}/{}/{}", entry.device, entry.epoch, entry.seq);
    }
    for seen in &row.rests.readings {
        let account = seen.account.as_deref().unwrap_or("-");
        let balance = seen.balance.map_or_else(|| "-".to_owned(), money);
        let _ = writeln!(
            text,
            "    reading ({}) meter {} account {account} count {} balance {balance} {} at {}",
            seen.source,
            seen.meter,
            seen.count,
            seen.unit,
            time(UnixSeconds(seen.read_at))
        );
    }
    for receipt in &row.rests.receipts {
        let _ = writeln!(text, "    receipt {}/{}", receipt.device, receipt.number);
    }
    for token in &row.rests.tokens {
        let _ = writeln!(text, "    token {token}");
    }
    shown(review_json(row), text)
}

pub(super) fn reviews(rows: &[ReviewRow]) -> Shown {
    let json = json!({ "reviews": rows.iter().map(review_json).collect::<Vec<_>>() });
    let mut text = String::new();
    rows.iter().for_each(|row| review_text(row, &mut text));
    if rows.is_empty() {
        text.push_str("nothing to look at\n");
    }
    shown(json, text)
}

pub(super) fn waits(days: i64) -> Shown {
    shown(json!({ "wait_days": days }), format!("a person is called after {days} days\n"))
}

pub(super) fn settled(token: TokenId, state: TokenState) -> Shown {
    let json = json!({ "token": token.to_string(), "state": state.name() });
    shown(json, format!("token {token} is {}\n", state.name()))
}

pub(super) fn bundle_docs(rows: &[BundleInfo]) -> Shown {
    let json = rows.iter().map(|row| {
        json!({
            "bundle": row.id.to_string(), "device": row.device.as_str(), "name": row.name.0,
            "version": row.name.1, "expires": row.expires.0, "taken": row.taken,
            "revoked": row.revoked,
        })
    });
    let json = json!({ "bundles": json.collect::<Vec<_>>() });
    let mut text = String::new();
    for row in rows {
        let stands = match (row.revoked, row.taken) {
            (true, _) => "taken back",
            (false, true) => "on the handheld",
            (false, false) => "waiting",
        };
        let ((name, version), device) = (&row.name, &row.device);
        let _ = writeln!(text, "{} {name} v{version} for {device}: {stands}", row.id);
    }
    shown(json, text)
}

pub(super) fn bundle(signed: &SignedBundle, out: Option<&Path>) -> Shown {
    let ((name, version), expires) = (&signed.name, signed.expires.0);
    let place = out.map_or(String::new(), |out| format!(": {}", out.display()));
    let json = json!({
        "bundle": signed.id.to_string(), "name": name, "version": version, "expires": expires,
        "out": out.map(|out| out.display().to_string()),
    });
    shown(json, format!("{name} v{version} ({}) until {expires}{place}\n", signed.id))
}
