//! What the commands about sales and lists print.

use super::lost::time;
use super::{money, shown};
use crate::office::command::Shown;
use crate::office::model::unit_name;
use crate::office::{
    BundleSeen, ClosedMeter, KeptMeter, LostContact, MeterBundle, MeterFound, MeterSheet,
    OrderReport, SaleRow, SaleSum, Today, TokenInfo,
};
use crate::sync::wire::MeterLine;
use crate::units::Credit;
use serde_json::{Value, json};
use std::fmt::Write;

fn rows<T>(name: &str, list: &[T], row: impl Fn(&T) -> Value) -> Value {
    json!({ name: list.iter().map(row).collect::<Vec<_>>() })
}

fn lines<T>(list: &[T], none: &str, line: impl Fn(&T) -> String) -> String {
    let mut text = String::new();
    for one in list {
        let _ = writeln!(text, "{}", line(one));
    }
    if list.is_empty() {
        let _ = writeln!(text, "{none}");
    }
    text
}

fn sum_json(sum: &SaleSum) -> Value {
    json!({
        "unit": unit_name(sum.unit),
        "issued": money(sum.issued), "issued_n": sum.issued_n,
        "booked": money(sum.booked), "booked_n": sum.booked_n,
        "returned": money(sum.returned), "returned_n": sum.returned_n,
        "refunded": money(sum.refunded), "refunded_n": sum.refunded_n,
        "net": money(sum.net()),
    })
}

fn sum_text(sum: &SaleSum) -> String {
    format!(
        "{:<5} issued {} ({}), in the meters {} ({}), given back {} ({}), refunded {} ({}), \
         sold {}",
        unit_name(sum.unit),
        money(sum.issued),
        sum.issued_n,
        money(sum.booked),
        sum.booked_n,
        money(sum.returned),
        sum.returned_n,
        money(sum.refunded),
        sum.refunded_n,
        money(sum.net())
    )
}

pub(in crate::office::command) fn sales(list: &[SaleRow], zone: &str) -> Shown {
    let mut json = rows("sales", list, |row| {
        let mut json = sum_json(&row.sum);
        (json["period"], json["of"]) = (json!(row.period), json!(row.key));
        json
    });
    json["zone"] = json!(zone);
    let text = lines(list, "nothing was sold", |row| {
        format!("{:<11}{:<17}{}", row.period, row.key, sum_text(&row.sum))
    });
    shown(json, text)
}

pub(in crate::office::command) fn zone(zone: &str) -> Shown {
    shown(json!({ "zone": zone }), format!("days are told in {zone}\n"))
}

pub(in crate::office::command) fn today(today: &Today) -> Shown {
    let carried = |sum: &Credit| json!({ "unit": unit_name(sum.unit), "amount": money(sum.value) });
    let json = json!({
        "at": today.at.0, "day": today.day, "zone": today.zone,
        "sales": today.sums.iter().map(sum_json).collect::<Vec<_>>(),
        "devices": today.devices, "silent": today.silent, "quarantined": today.quarantined,
        "out": today.carried.iter().map(carried).collect::<Vec<_>>(),
        "reviews": today.reviews, "swaps": today.swaps, "kept": today.kept,
        "drafts": today.drafts, "sound": today.sound,
    });
    let mut text = format!("{} ({})\n", today.day, today.zone);
    text.push_str(&lines(&today.sums, "nothing was sold", sum_text));
    let out: Vec<String> = today.carried.iter().map(ToString::to_string).collect();
    let _ = writeln!(
        text,
        "handhelds {}, silent for a day {}, stopped {}; out: {}",
        today.devices,
        today.silent,
        today.quarantined,
        if out.is_empty() { "nothing".to_owned() } else { out.join(", ") }
    );
    let _ = writeln!(
        text,
        "to be looked at {}, swaps open {}, meters in keep-power {}, drafts {}",
        today.reviews, today.swaps, today.kept, today.drafts
    );
    let _ = writeln!(
        text,
        "today's movements come to zero: {}",
        if today.sound { "yes" } else { "NO" }
    );
    Shown { json, text, good: today.sound }
}

fn line_json(line: &MeterLine) -> Value {
    json!({
        "meter": line.meter.to_string(), "account": line.account.to_string(),
        "unit": unit_name(line.unit), "customer": line.customer, "location": line.location,
        "area": line.area, "profile": line.profile,
    })
}

fn line_text(line: &MeterLine) -> String {
    format!("{} {}, {} [{}]", line.meter, line.location, line.customer, line.area)
}

pub(in crate::office::command) fn lost_contact(found: &LostContact) -> Shown {
    let devices = found.devices.iter().map(|(row, age)| {
        json!({
            "device": row.device.as_str(), "status": row.status, "age_s": age,
            "last_seen": row.last_seen.map(|at| at.0), "tokens_out": row.carried.tokens,
            "yuan_out": money(row.carried.yuan), "kwh_out": money(row.carried.kwh),
        })
    });
    let meters = found.meters.iter().map(|row| {
        let mut json = line_json(&row.line);
        (json["seen"], json["age_s"]) = (json!(row.seen.map(|at| at.0)), json!(row.age_s));
        json
    });
    let json = json!({
        "devices": devices.collect::<Vec<_>>(), "meters": meters.collect::<Vec<_>>(),
    });
    let age = |age: Option<i64>| age.map_or("never".to_owned(), |age| format!("{} h", age / 3_600));
    let mut text = lines(&found.devices, "every handheld was heard of", |(row, of)| {
        let out = row.carried.tokens;
        format!("{:<17}{:<12}{:>8}, {out} tokens out", row.device, row.status, age(*of))
    });
    text.push_str(&lines(&found.meters, "every meter was read", |row| {
        format!("{:>8}  {}", age(row.age_s), line_text(&row.line))
    }));
    shown(json, text)
}

fn kept_json(row: &KeptMeter) -> Value {
    let mut json = row.line.as_ref().map_or_else(|| json!({}), line_json);
    json["meter"] = json!(row.meter.to_string());
    json["since"] = json!(row.since.0);
    json["age_s"] = json!(row.age_s);
    json["device"] = json!(row.device.as_str());
    json["operator"] = json!(row.operator);
    json["note"] = json!(row.note);
    json
}

pub(in crate::office::command) fn kept(list: &[KeptMeter]) -> Shown {
    let text = lines(list, "no meter is in keep-power", |row| {
        let place = row.line.as_ref().map_or_else(|| row.meter.to_string(), line_text);
        let hours = row.age_s / 3_600;
        format!("{hours:>6} h  {place}: {} ({}, {})", row.note, row.operator, row.device)
    });
    shown(rows("meters", list, kept_json), text)
}

fn found_json(row: &MeterFound) -> Value {
    let mut json = line_json(&row.line);
    json["count"] = json!(row.count.map(|count| count.0));
    json["balance"] = json!(row.balance.map(money));
    json["seen"] = json!(row.seen.map(|at| at.0));
    json["closed"] = json!(row.closed.map(|at| at.0));
    json["tokens_out"] = json!(row.out);
    json
}

fn found_text(row: &MeterFound) -> String {
    let balance = row
        .balance
        .map_or_else(|| "-".to_owned(), |value| Credit { value, unit: row.line.unit }.to_string());
    let seen = row.seen.map_or("never".to_owned(), time);
    let closed = if row.closed.is_some() { " CLOSED" } else { "" };
    format!("{}: {balance}, read {seen}, {} tokens out{closed}", line_text(&row.line), row.out)
}

pub(in crate::office::command) fn found(list: &[MeterFound]) -> Shown {
    shown(rows("meters", list, found_json), lines(list, "no such meter", found_text))
}

fn token_json(info: &TokenInfo) -> Value {
    let row = &info.row;
    json!({
        "token": row.id.to_string(), "kind": row.act.name(), "meter": row.meter.to_string(),
        "account": row.account.to_string(), "count_before": row.count_before.0,
        "amount": money(row.credit.value), "unit": unit_name(row.credit.unit),
        "device": row.device.as_str(), "issued": info.issued.0, "expires": row.expires.0,
        "state": row.state.name(), "revoked": row.revoked,
        "replaced_by": info.replaced_by.map(|id| id.to_string()),
    })
}

fn token_text(info: &TokenInfo) -> String {
    let row = &info.row;
    format!(
        "{} {:<9} {:<10} {:>14} meter {} at {} with {}, {}",
        row.id,
        row.act.name(),
        row.state.name(),
        row.credit.to_string(),
        row.meter,
        row.count_before,
        row.device,
        time(info.issued)
    )
}

pub(in crate::office::command) fn tokens(list: &[TokenInfo]) -> Shown {
    shown(rows("tokens", list, token_json), lines(list, "no tokens", token_text))
}

fn meter_bundle_json(row: &MeterBundle) -> Value {
    json!({
        "meter": row.meter.to_string(), "name": row.name, "version": row.version,
        "good": row.good, "at": row.at.0, "device": row.device.as_str(),
    })
}

fn meter_bundle_text(row: &MeterBundle) -> String {
    let state = if row.good { "right" } else { "IN PART" };
    format!(
        "{} {} v{} {state}, {} by {}",
        row.meter,
        row.name,
        row.version,
        time(row.at),
        row.device
    )
}

pub(in crate::office::command) fn meter_bundles(list: &[MeterBundle]) -> Shown {
    let text = lines(list, "no meter has it", meter_bundle_text);
    shown(rows("meters", list, meter_bundle_json), text)
}

pub(in crate::office::command) fn bundles(list: &[BundleSeen]) -> Shown {
    let json = rows("bundles", list, |row| {
        let devices: Vec<&str> = row.devices.iter().map(crate::units::DeviceId::as_str).collect();
        json!({
            "name": row.name, "version": row.version, "devices": devices, "meters": row.meters,
            "partial": row.partial, "last": row.last.map(|at| at.0),
        })
    });
    let text = lines(list, "no journal tells of a bundle", |row| {
        let last = row.last.map_or("never written".to_owned(), time);
        format!(
            "{} v{}: in {} meters, in part in {}, {last}",
            row.name, row.version, row.meters, row.partial
        )
    });
    shown(json, text)
}

fn closing_json(done: &ClosedMeter) -> Value {
    json!({
        "at": done.at.0, "paid": money(done.paid.value), "receipt": done.receipt,
        "reason": done.reason,
    })
}

pub(in crate::office::command) fn meter_sheet(sheet: &MeterSheet) -> Shown {
    let mut json = found_json(&sheet.found);
    json["held"] = json!(money(sheet.held));
    json["tokens"] = json!(sheet.tokens.iter().map(token_json).collect::<Vec<_>>());
    json["bundles"] = json!(sheet.bundles.iter().map(meter_bundle_json).collect::<Vec<_>>());
    json["closing"] = sheet.closing.as_ref().map_or(Value::Null, closing_json);
    json["kept"] = sheet.kept.as_ref().map_or(Value::Null, kept_json);
    let reviews = super::reviews(&sheet.reviews);
    json["reviews"] = reviews.json["reviews"].clone();
    let mut text = format!("{}\n", found_text(&sheet.found));
    let _ = writeln!(text, "by the books it got {}", money(sheet.held));
    if let Some(done) = &sheet.closing {
        let (at, paid) = (time(done.at), money(done.paid.value));
        let _ = writeln!(
            text,
            "account closed {at}: paid back {paid} {} ({})",
            done.receipt, done.reason
        );
    }
    if let Some(kept) = &sheet.kept {
        let _ = writeln!(text, "IN KEEP-POWER since {}: {}", time(kept.since), kept.note);
    }
    text.push_str(&lines(&sheet.tokens, "no tokens", token_text));
    text.push_str(&lines(&sheet.bundles, "no bundle was written to it", meter_bundle_text));
    text.push_str(&reviews.text);
    shown(json, text)
}

pub(in crate::office::command) fn orders(report: &OrderReport) -> Shown {
    let mut json = rows("rows", &report.rows, |row| {
        json!({
            "row": row.line, "meter": row.meter, "amount": row.amount, "device": row.device,
            "token": row.token.map(|id| id.to_string()),
            "error": row.fault.as_ref().map(|(code, _)| code),
            "message": row.fault.as_ref().map(|(_, why)| why),
        })
    });
    json["list"] = json!(report.id);
    json["issued"] = json!(report.issued);
    json["before"] = json!(report.before.map(|at| at.0));
    json["good"] = json!(report.good());
    let mut text = String::new();
    for row in report.rows.iter().filter(|row| row.fault.is_some()) {
        let why = row.fault.as_ref().map_or("", |(_, why)| why.as_str());
        let _ = writeln!(text, "row {}: {} {}: {why}", row.line, row.meter, row.amount);
    }
    let count = report.rows.len();
    let _ = match (report.issued, report.before) {
        (true, _) => writeln!(text, "{count} tokens were issued; list {}", report.id),
        (_, Some(at)) => writeln!(
            text,
            "issued before, at {}: nothing was issued again; list {}",
            time(at),
            report.id
        ),
        _ if report.good() => writeln!(text, "all {count} rows are good; nothing was issued"),
        _ => writeln!(text, "nothing was issued: put the rows above right first"),
    };
    Shown { json, text, good: report.good() }
}
