//! What the commands about rounds and closed accounts print.

use super::lost::time;
use super::{Shown, money, shown};
use crate::office::lists::{PlaceState, RoundPlace, RoundSheet, RoundState};
use crate::office::{ClosedMeter, RoundInfo};
use crate::sync::wire::{Round, RoundLine};
use crate::units::{TokenId, UnixSeconds};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;

fn info_json(info: &RoundInfo) -> Value {
    json!({
        "round": info.id.to_string(), "device": info.device.as_str(), "epoch": info.epoch,
        "name": info.name, "meters": info.meters, "issued": info.issued.0,
        "due": info.due.map(|due| due.0), "expires": info.expires.0,
        "taken": info.taken.is_some(), "withdrawn": info.withdrawn,
    })
}

fn sheet_json(sheet: &RoundSheet) -> Value {
    let mut json = info_json(&sheet.info);
    json["state"] = json!(sheet.state.name());
    json["begun"] = json!(sheet.begun.map(|at| at.0));
    for state in [PlaceState::Read, PlaceState::Typed, PlaceState::Missing] {
        json[state.name()] = json!(sheet.count(state));
    }
    json["odd"] = json!(sheet.odd());
    json
}

fn due(at: Option<UnixSeconds>) -> String {
    at.map(|at| format!(", due {}", time(at))).unwrap_or_default()
}

fn head(sheet: &RoundSheet) -> String {
    let RoundInfo { id, device, name, meters, .. } = &sheet.info;
    let [read, typed, missing] =
        [PlaceState::Read, PlaceState::Typed, PlaceState::Missing].map(|state| sheet.count(state));
    let goes = match (sheet.info.withdrawn, sheet.state) {
        (true, RoundState::Begun | RoundState::Ended) => " (withdrawn after it was begun)",
        _ => "",
    };
    format!(
        "{id} {name} for {device}{}: {}{goes}, {read} of {meters} read, {typed} typed by hand, \
         {missing} missing, {} with something odd\n",
        due(sheet.info.due),
        sheet.state.name(),
        sheet.odd(),
    )
}

pub(in crate::office::command) fn rounds(sheets: &[RoundSheet]) -> Shown {
    let json: Vec<Value> = sheets.iter().map(sheet_json).collect();
    let mut text: String = sheets.iter().map(head).collect();
    if sheets.is_empty() {
        text.push_str("no round was made\n");
    }
    shown(json!({ "rounds": json }), text)
}

fn line_json(line: &RoundLine) -> Value {
    json!({
        "meter": line.meter.to_string(), "customer": line.customer, "location": line.location,
        "line": line.line, "last": line.energy.map(money),
        "last_at": line.energy_at.map(|at| at.0), "last_count": line.count,
        "last_ct": line.ct, "max_w": line.max_w,
    })
}

fn place_json(place: &RoundPlace) -> Value {
    let mut json = line_json(&place.line);
    let odd = place.odd.iter().map(|odd| json!({ "kind": odd.kind, "was": odd.was, "is": odd.is }));
    json["state"] = json!(place.state.name());
    json["at"] = json!(place.at.map(|at| at.0));
    json["energy"] = json!(place.energy.map(money));
    json["count"] = json!(place.count);
    json["net"] = json!(place.net.map(|(net, _)| money(net)));
    json["odd"] = json!(odd.collect::<Vec<_>>());
    json["why"] = json!(place.why);
    json["by"] = json!(place.by);
    json
}

pub(in crate::office::command) fn round(sheet: &RoundSheet) -> Shown {
    let mut json = sheet_json(sheet);
    json["note"] = json!(sheet.note);
    json["places"] = json!(sheet.places.iter().map(place_json).collect::<Vec<_>>());
    let mut text = head(sheet);
    for place in &sheet.places {
        let RoundLine { meter, customer, location, .. } = &place.line;
        let energy = place.energy.map(|energy| format!(" {} kWh", money(energy)));
        let energy = energy.unwrap_or_default();
        let _ = write!(text, "{meter} {customer}, {location}: {}{energy}", place.state.name());
        for odd in &place.odd {
            let _ = write!(text, "; {} {} -> {}", odd.kind, odd.was, odd.is);
        }
        let _ = match place.why.is_empty() {
            true => writeln!(text),
            false => writeln!(text, "; {}", place.why),
        };
    }
    shown(json, text)
}

pub(in crate::office::command) fn round_plan(round: &Round) -> Shown {
    let lines: Vec<Value> = round.lines.iter().map(line_json).collect();
    let json = json!({
        "made": false, "device": round.device.as_str(), "name": round.name, "note": round.note,
        "due": round.due.map(|due| due.0), "expires": round.expires.0, "places": lines,
    });
    let count = round.lines.len();
    let mut text = format!("would be made: {} for {}, {count} meters", round.name, round.device);
    let _ = writeln!(text, "{}", due(round.due));
    for line in &round.lines {
        let last = line.energy.map_or("-".to_owned(), |energy| format!("{} kWh", money(energy)));
        let _ = writeln!(text, "{} {}, {}: {last}", line.meter, line.customer, line.location);
    }
    shown(json, text)
}

pub(in crate::office::command) fn round_made(info: &RoundInfo, out: Option<&Path>) -> Shown {
    let mut json = info_json(info);
    json["made"] = json!(true);
    json["out"] = json!(out.map(|out| out.display().to_string()));
    let place = out.map_or(String::new(), |out| format!(": {}", out.display()));
    let RoundInfo { id, device, name, meters, .. } = info;
    let due = due(info.due);
    shown(json, format!("{id} {name} for {device}, {meters} meters{due}{place}\n"))
}

pub(in crate::office::command) fn closed(done: &ClosedMeter) -> Shown {
    let json = json!({
        "meter": done.meter.to_string(), "account": done.account.to_string(),
        "balance": money(done.balance.value), "paid": money(done.paid.value),
        "receipt": done.receipt, "reason": done.reason, "at": done.at.0, "before": done.before,
    });
    let before = if done.before { "was closed before" } else { "is closed" };
    let text = format!(
        "account {} of meter {} {before}: it held {}, {} was paid back {}\n",
        done.account, done.meter, done.balance, done.paid, done.receipt
    );
    shown(json, text)
}

/// Nothing is closed yet: what to do about what is out.
pub(in crate::office::command) fn closing(meter: &str, tokens: &[TokenId]) -> Shown {
    let ids: Vec<String> = tokens.iter().map(ToString::to_string).collect();
    let mut text = String::new();
    for id in &ids {
        let _ = writeln!(text, "revoked: {id}");
    }
    text.push_str(match ids.is_empty() {
        true => "nothing is out: close it\n",
        false => {
            "not closed yet: when their handhelds have synced, settle each (review settle ID \
             --not-booked or --booked), then close the meter\n"
        }
    });
    let json = json!({ "meter": meter, "revoked": ids, "closed": false });
    Shown { json, text, good: ids.is_empty() }
}
