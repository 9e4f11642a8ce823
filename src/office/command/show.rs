//! What the commands print. Amounts are text with two decimals, times Unix seconds.

use super::Shown;
use crate::office::devices::DeviceInfo;
use crate::office::meters::NewMeter;
use crate::office::model::{TokenState, unit_name};
use crate::office::report::LedgerReport;
use crate::office::review::ReviewRow;
use crate::office::{Issued, Office, OfficeError};
use crate::units::{CreditUnit, DeviceId, MeterNo, Money, TokenId};
use serde_json::{Value, json};
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

fn shown(json: Value, text: String) -> Shown {
    Shown { json, text, good: true }
}

fn money(value: i64) -> String {
    Money(value).to_string()
}

pub(super) fn error(error: &OfficeError) -> Value {
    json!({ "error": error.code(), "message": error.to_string() })
}

pub(super) fn init(office: &Office, data: &Path) -> Shown {
    let (tenant, root, data) = (office.tenant(), office.fingerprint(), data.display().to_string());
    let text = format!("office of {tenant} in {data}\nroot key {root}\n");
    shown(json!({ "tenant": tenant, "root_key": root, "data": data }), text)
}

pub(super) fn enrol(office: &Office, device: &DeviceId, url: &str, out: &Path) -> Shown {
    let (root, file) = (office.fingerprint(), out.display().to_string());
    let text = format!(
        "enrolment file for {device}: {file}\noffice at {url}, root key {root}\n\
         On the handheld: meterkit enrol {file}\n"
    );
    let json = json!({
        "device": device.as_str(), "url": url, "file": file, "root_key": root,
    });
    shown(json, text)
}

pub(super) fn meters(meters: &[NewMeter]) -> Shown {
    let rows = meters.iter().map(|new| {
        json!({
            "meter": new.line.meter.to_string(),
            "account": new.line.account.to_string(),
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
        "meter": issued.meter.to_string(),
        "count_before": issued.count_before.0,
        "amount": money(issued.credit.value),
        "unit": unit_name(issued.credit.unit),
        "device": issued.device.as_str(),
        "expires": issued.expires.0,
        "code": code,
    });
    let text = format!(
        "token {}\n{} for meter {} at count {}, to {}\n{code}\n",
        issued.id, issued.credit, issued.meter, issued.count_before, issued.device
    );
    shown(json, text)
}

pub(super) fn listening(address: SocketAddr, json: bool) -> String {
    if json {
        format!("{}\n", json!({ "listening": address.to_string() }))
    } else {
        format!("listening on http://{address}\n")
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
    let json = json!({
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
    let word = |good: bool| if good { "yes" } else { "NO" };
    let _ = writeln!(text, "postings {}, to be looked at {}", report.postings, report.reviews);
    let _ = writeln!(text, "sum is zero: {}", word(report.sum_zero));
    let _ = writeln!(text, "every op sums to zero: {}", word(report.ops_zero));
    let _ = writeln!(text, "tokens and postings agree: {}", word(report.tokens_match));
    Shown { json, text, good: report.sound() }
}

pub(super) fn reviews(rows: &[ReviewRow]) -> Shown {
    let json = rows.iter().map(|row| {
        json!({
            "id": row.id,
            "class": row.class,
            "why": row.why,
            "device": row.device,
            "seq": row.seq,
            "meter": row.meter,
            "token": row.token,
            "raised": row.raised.0,
            "verdict": row.settled.as_ref().map(|(verdict, _)| verdict),
            "reason": row.settled.as_ref().map(|(_, reason)| reason),
        })
    });
    let json = json!({ "reviews": json.collect::<Vec<_>>() });
    let mut text = String::new();
    for row in rows {
        let settled = row.settled.as_ref();
        let settled =
            settled.map_or(String::new(), |(verdict, why)| format!(" [{verdict}: {why}]"));
        let _ = writeln!(text, "{:<4}{}{settled}", row.class, row.why);
        let none = || "-".to_owned();
        let (meter, token) = (row.meter.clone(), row.token.clone());
        let (meter, token) = (meter.unwrap_or_else(none), token.unwrap_or_else(none));
        let (device, seq, id) = (&row.device, row.seq, &row.id);
        let _ = writeln!(text, "    meter {meter} token {token} entry {device}/{seq} id {id}");
    }
    if rows.is_empty() {
        text.push_str("nothing to look at\n");
    }
    shown(json, text)
}

pub(super) fn settled(token: TokenId, state: TokenState) -> Shown {
    let json = json!({ "token": token.to_string(), "state": state.name() });
    shown(json, format!("token {token} is {}\n", state.name()))
}

pub(super) fn devices(rows: &[DeviceInfo]) -> Shown {
    let json = rows.iter().map(|row| {
        json!({
            "device": row.device.as_str(),
            "status": row.status,
            "events": row.events,
            "receipts": row.receipts,
            "tokens_out": row.tokens_out,
            "last_seen": row.last_seen.map(|at| at.0),
        })
    });
    let json = json!({ "devices": json.collect::<Vec<_>>() });
    let mut text = String::new();
    for row in rows {
        let _ = writeln!(
            text,
            "{:<17}{:<12}{:>8} entries {:>5} tokens out",
            row.device, row.status, row.events, row.tokens_out
        );
    }
    if rows.is_empty() {
        text.push_str("no handhelds\n");
    }
    shown(json, text)
}
