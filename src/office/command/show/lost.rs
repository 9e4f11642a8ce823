//! What the commands about a lost handheld and about shifts print.

use super::{money, shown};
use crate::office::command::Shown;
use crate::office::model::unit_name;
use crate::office::{Fenced, LostSheet, Next, SaidSum, Shift, ShiftDetail, ShiftSaid, ShiftSum};
use crate::units::{Credit, UnixSeconds};
use serde_json::{Value, json};
use std::fmt::Write;

/// A time for people: UTC to the minute.
pub(in crate::office::command) fn time(at: UnixSeconds) -> String {
    let told = jiff::Timestamp::from_second(at.0).map(|at| at.strftime("%Y-%m-%d %H:%M UTC"));
    told.map_or_else(|_| at.0.to_string(), |told| told.to_string())
}

fn sums(list: &[Credit]) -> Value {
    let rows =
        list.iter().map(|sum| json!({ "unit": unit_name(sum.unit), "amount": money(sum.value) }));
    Value::Array(rows.collect())
}

fn said(list: &[Credit]) -> String {
    let parts: Vec<String> = list.iter().map(ToString::to_string).collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}

pub(in crate::office::command) fn lost(sheet: &LostSheet, done: Option<&Fenced>) -> Shown {
    let tokens = sheet.tokens.iter().map(|one| {
        json!({
            "token": one.token.to_string(),
            "kind": one.act.name(),
            "meter": one.meter.to_string(),
            "account": one.account.to_string(),
            "count_before": one.count_before.0,
            "amount": money(one.credit.value),
            "unit": unit_name(one.credit.unit),
            "state": one.state.name(),
            "sent": one.sent,
            "issued": one.issued.0,
            "expires": one.expires.0,
            "worst": money(one.worst),
            "utmost": money(one.utmost),
            "why": one.why.name(),
            "replaced_by": one.replaced_by.as_ref().map(|(id, ..)| id.to_string()),
            "replaced_at": one.replaced_by.as_ref().map(|(_, device, _)| device.as_str()),
        })
    });
    let swaps = sheet.swaps.iter().map(|one| {
        json!({
            "swap": one.swap.to_string(),
            "old": one.old.to_string(),
            "new": one.new.to_string(),
            "unit": unit_name(one.unit),
            "most": money(one.most),
            "provisional": money(one.provisional),
            "worst": money(one.worst),
            "utmost": money(one.utmost),
            "out": money(one.out),
            "expires": one.expires.0,
            "why": one.why.name(),
        })
    });
    let meters = sheet.meters.iter().map(|row| {
        json!({
            "meter": row.meter.to_string(),
            "customer": row.customer,
            "location": row.location,
            "area": row.area,
            "line": row.place.line,
            "box": row.place.terminal,
            "user": row.place.user,
            "worst": money(row.worst),
            "utmost": money(row.utmost),
            "unit": unit_name(row.unit),
            "until": row.until.0,
            "fence": row.fence.name(),
        })
    });
    let operators = sheet.operators.iter().map(|who| {
        json!({
            "operator": who.operator.as_str(), "name": who.name, "role": who.role.name(),
            "expires": who.expires.0,
        })
    });
    let fenced = done.map(|done| {
        let again = done.reissued.iter().map(|(old, new)| {
            json!({
                "token": old.to_string(), "by": new.id.to_string(), "device": new.device.as_str(),
                "near_limit": new.near_limit,
            })
        });
        let left = done.left.iter().map(|(token, code, why)| {
            json!({ "token": token.to_string(), "error": code, "message": why })
        });
        json!({ "reissued": again.collect::<Vec<_>>(), "left": left.collect::<Vec<_>>() })
    });
    let json = json!({
        "device": sheet.device.as_str(),
        "status": sheet.status,
        "last_seen": sheet.last_seen.map(|at| at.0),
        "clock_floor": sheet.floor.0,
        "utmost": sums(&sheet.utmost),
        "worst": sums(&sheet.worst),
        "face": sums(&sheet.face),
        "debits": sums(&sheet.debits),
        "operators": operators.collect::<Vec<_>>(),
        "meters": meters.collect::<Vec<_>>(),
        "tokens": tokens.collect::<Vec<_>>(),
        "swaps": swaps.collect::<Vec<_>>(),
        "fenced": fenced,
    });
    shown(json, lost_text(sheet, done))
}

fn lost_text(sheet: &LostSheet, done: Option<&Fenced>) -> String {
    let mut text = format!("handheld {}: {}\n", sheet.device, sheet.status);
    let _ = writeln!(text, "MAXIMUM LOSS: {}", said(&sheet.utmost));
    let _ = writeln!(text, "of it with its own program, unchanged: {}", said(&sheet.worst));
    let _ = writeln!(text, "out with it: {}", said(&sheet.face));
    if !sheet.debits.is_empty() {
        let _ = writeln!(text, "could be taken out of meters: {}", said(&sheet.debits));
    }
    let seen = sheet.last_seen.map_or("never".to_owned(), time);
    let _ = writeln!(text, "last heard of {seen}; clock can be put back to {}", time(sheet.floor));
    for who in &sheet.operators {
        let _ = writeln!(text, "  can work with it: {} ({})", who.operator, who.role.name());
    }
    let _ = writeln!(text, "meters to visit:");
    for row in &sheet.meters {
        let worst = Credit { value: row.worst, unit: row.unit };
        let _ = writeln!(
            text,
            "  {} {:>14} {:<8} until {}  {}, {}",
            row.meter,
            worst.to_string(),
            row.fence.name(),
            time(row.until),
            row.location,
            row.customer
        );
    }
    if sheet.meters.is_empty() {
        text.push_str("  none\n");
    }
    if let Some(done) = done {
        let _ = writeln!(text, "issued again: {}", done.reissued.len());
        for (token, _, why) in &done.left {
            let _ = writeln!(text, "  NOT {token}: {why}");
        }
    }
    text
}

fn sum_json(sum: &ShiftSum) -> Value {
    json!({
        "unit": unit_name(sum.unit),
        "brought": money(sum.brought),
        "reserved": money(sum.reserved),
        "applied": money(sum.applied),
        "voided": money(sum.voided),
        "out": money(sum.out),
        "difference": money(sum.off()),
        "refunded": money(sum.refunded),
        "corrected": money(sum.corrected),
        "revenue": money(sum.revenue),
        "postings": money(sum.postings),
        "movements": sum.ops,
    })
}

/// What to do about a difference, in a sentence.
fn next_text(next: Next) -> &'static str {
    match next {
        Next::Nothing => "the office has the same",
        Next::Wait => "entries it signed for are not here: have the handheld sync, and look again",
        Next::Fork => "it is of another journal: a person is called (C1)",
        Next::Settle => "DIFFERS: settle the tokens named (`review list`)",
        Next::Ask => "DIFFERS, and no token explains it: keep the checkpoint, call a supervisor",
    }
}

fn said_json(said: &ShiftSaid) -> Value {
    let sum = |sum: &SaidSum| {
        json!({
            "unit": unit_name(sum.unit), "said": money(sum.said), "here": money(sum.here),
            "difference": money(sum.off()),
            "said_out": sum.out.map(|(said, _)| money(said)),
            "here_out": sum.out.map(|(_, here)| money(here)),
            "difference_out": sum.out.map(|_| money(sum.out_off())),
        })
    };
    json!({
        "device": said.device, "epoch": said.at.0, "seq": said.at.1, "time": said.time.0,
        "operator": said.operator.as_str(), "held": said.held.name(),
        "next": said.next().name(), "sums": said.sums.iter().map(sum).collect::<Vec<_>>(),
        "tokens": said.tokens.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn said_text(said: &ShiftSaid, text: &mut String) {
    let (device, operator, (epoch, seq)) = (&said.device, &said.operator, said.at);
    let (when, next) = (time(said.time), next_text(said.next()));
    let _ = writeln!(text, "  {device} said at {when} ({operator}, {epoch}/{seq}): {next}");
    for sum in &said.sums {
        let (unit, off) = (unit_name(sum.unit), money(sum.off()));
        let (told, here) = (money(sum.said), money(sum.here));
        let _ = write!(text, "    {unit:<5} done {told}, booked here {here}: difference {off}");
        if let Some((told, here)) = sum.out {
            let (told, here, off) = (money(told), money(here), money(sum.out_off()));
            let _ = write!(text, "; carries {told}, out here {here}: difference {off}");
        }
        text.push('\n');
    }
    for token in &said.tokens {
        let _ = writeln!(text, "    token {token}");
    }
}

fn shift_json(shift: &Shift) -> Value {
    let hex = |hash: &[u8; 32]| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    json!({
        "id": shift.id,
        shift.of.scope(): shift.of.name(),
        "number": shift.number,
        "opened": shift.opened.map(|at| at.0),
        "closed": shift.closed.0,
        "sound": shift.sound(),
        "sums": shift.sums.iter().map(sum_json).collect::<Vec<_>>(),
        "said": shift.said.iter().map(said_json).collect::<Vec<_>>(),
        "head": shift.head.map(|head| json!({
            "epoch": head.epoch, "seq": head.seq, "hash": hex(&head.hash),
        })),
    })
}

fn shift_text(shift: &Shift, text: &mut String) {
    let since = shift.opened.map_or("the beginning".to_owned(), time);
    let _ = writeln!(
        text,
        "shift {} of {}: from {since} to {}  {}",
        shift.number,
        shift.of,
        time(shift.closed),
        shift.id
    );
    for sum in &shift.sums {
        let _ = writeln!(
            text,
            "  {:<5} brought {} + reserved {} = in the meters {} + given back {} + out {}: \
             difference {}",
            unit_name(sum.unit),
            money(sum.brought),
            money(sum.reserved),
            money(sum.applied),
            money(sum.voided),
            money(sum.out),
            money(sum.off())
        );
        let _ = writeln!(
            text,
            "        refunded {}, put right {}, revenue {}; {} movements, sum {}",
            money(sum.refunded),
            money(sum.corrected),
            money(sum.revenue),
            sum.ops,
            money(sum.postings)
        );
    }
    if shift.sums.is_empty() {
        text.push_str("  nothing moved\n");
    }
    shift.said.iter().for_each(|said| said_text(said, text));
}

pub(in crate::office::command) fn shift(shift: &Shift, written: bool) -> Shown {
    let mut json = shift_json(shift);
    json["written"] = json!(written);
    let mut text = String::new();
    shift_text(shift, &mut text);
    let _ = writeln!(text, "{}", if written { "closed" } else { "not closed: only shown" });
    Shown { json, text, good: shift.sound() }
}

pub(in crate::office::command) fn shifts(rows: &[Shift]) -> Shown {
    let json = json!({ "shifts": rows.iter().map(shift_json).collect::<Vec<_>>() });
    let mut text = String::new();
    rows.iter().for_each(|row| shift_text(row, &mut text));
    if rows.is_empty() {
        text.push_str("no shift was closed\n");
    }
    shown(json, text)
}

pub(in crate::office::command) fn shift_detail(detail: &ShiftDetail) -> Shown {
    let lines = detail.lines.iter().map(|line| {
        json!({
            "movement": line.op,
            "token": line.token.to_string(),
            "kind": line.act.map(|act| act.name()),
            "meter": line.meter.to_string(),
            "from": line.from,
            "to": line.to,
            "amount": money(line.credit.value),
            "unit": unit_name(line.credit.unit),
            "at": line.at.0,
        })
    });
    let mut json = shift_json(&detail.shift);
    json["lines"] = json!(lines.collect::<Vec<_>>());
    let mut text = String::new();
    shift_text(&detail.shift, &mut text);
    for line in &detail.lines {
        let _ = writeln!(
            text,
            "  {}  {}  {:>14}  {} -> {}  {}",
            time(line.at),
            line.meter,
            line.credit.to_string(),
            line.from,
            line.to,
            line.op
        );
    }
    Shown { json, text, good: detail.shift.sound() }
}
