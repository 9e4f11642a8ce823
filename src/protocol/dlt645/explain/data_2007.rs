//! What the data of a 2007 frame say, function by function (dlt645.md 2.1).

use super::super::items::{self, Format};
use super::super::words::{Edition, baud_of_feature, relay_name, relay_result_names};
use super::{Content, Line, named, security, unexpected};
use crate::protocol::value::{CivilTime, Value, from_bcd, hex, hex_reversed};

/// The function's stable name.
pub(super) fn function_name(function: u8) -> &'static str {
    match function {
        0x03 => "security",
        0x08 => "broadcast-time",
        0x11 => "read",
        0x12 => "read-follow-up",
        0x13 => "read-address",
        0x14 => "write",
        0x15 => "write-address",
        0x16 => "freeze",
        0x17 => "change-baud",
        0x18 => "change-password",
        0x19 => "max-demand-clear",
        0x1A => "meter-clear",
        0x1B => "event-clear",
        0x1C => "relay-control",
        0x1D => "multi-function-output",
        0x1E => "keep-power-heartbeat",
        _ => "unknown",
    }
}

/// Reads request or normal answer.
pub(super) fn read(content: &mut Content) {
    let data = content.frame.data.clone();
    let answer = content.frame.from_meter();
    match (content.frame.function(), answer) {
        (0x03, _) => security::read(content, &data),
        (0x08, _) => broadcast_time(content, &data),
        (0x11, false) => read_request(content, &data),
        (0x11, true) => read_answer(content, &data),
        (0x12, _) => follow_up(content, &data, answer),
        (0x13, true) => address_answer(content, &data),
        (0x14, false) => write_request(content, &data),
        (0x15, false) => write_address(content, &data),
        (0x16, false) => freeze(content, &data),
        (0x17, _) => change_baud(Edition::V2007, content, &data, answer),
        (0x18, false) => change_password(content, &data),
        (0x18, true) => {
            content.meaning = "password changed".to_owned();
            content.level = data.first().copied();
            content.set_payload(&data);
        }
        (0x19..=0x1B, false) => clear(content, &data),
        (0x1C, _) => relay(content, &data, answer),
        (0x1D, _) => output(content, &data),
        (_, false) => {
            content.meaning = content.function.replace('-', " ");
            unexpected(content, &data);
        }
        (_, true) => {
            content.meaning = format!("{} accepted", content.function.replace('-', " "));
            unexpected(content, &data);
        }
    }
}

/// Takes the identifier off; `None` (with a meaning set) if the data are too short for one.
pub(super) fn split_di<'a>(content: &mut Content, data: &'a [u8]) -> Option<(u32, &'a [u8])> {
    let Some((di, rest)) = data.split_at_checked(4) else {
        content.meaning = format!("{} without an identifier", content.function);
        content.set_payload(data);
        return None;
    };
    content.di = Some(hex_reversed(di));
    let di = di.iter().rev().fold(0_u32, |di, byte| di << 8 | u32::from(*byte));
    Some((di, rest))
}

fn item_name(di: u32) -> String {
    let known = items::find(di).map(|item| item.meaning);
    named(known.or_else(|| security::name(di).map(str::to_owned)), &format!("{di:08X}"))
}

fn read_request(content: &mut Content, data: &[u8]) {
    let Some((di, rest)) = split_di(content, data) else {
        return;
    };
    content.set_payload(rest);
    content.meaning = format!("read {}", item_name(di));
    // Load profile: number of blocks, and from when.
    if let Some((count, from)) = rest.split_first() {
        content.meaning.push_str(&format!(", {count:02X} blocks"));
        if !from.is_empty() {
            content.meaning.push_str(&format!(" from {}", hex_reversed(from)));
        }
    }
}

fn read_answer(content: &mut Content, data: &[u8]) {
    let Some((di, rest)) = split_di(content, data) else {
        return;
    };
    content.set_payload(rest);
    content.meaning = item_name(di);
    content.set_items(items::decode(di, rest));
    content.read_by_table = items::find(di).is_some() && !content.items.is_empty();
    if items::find(di).is_some_and(|item| item.format == Format::DateWeek) {
        mind_the_weekday(content, rest);
    }
}

/// One test server sends the day and month of a date the other way round. Where the weekday fits
/// only then, the date is shown that way, and the meaning says so.
pub(super) fn mind_the_weekday(content: &mut Content, data: &[u8]) {
    let [weekday, day, month, year] = data else {
        return;
    };
    let digits = [*weekday, *day, *month, *year].map(from_bcd);
    let [Some(weekday), Some(day), Some(month), Some(year)] = digits else {
        return;
    };
    let fits = |day, month| weekday_of(year, month, day) == Some(weekday);
    let swapped = !fits(day, month) && fits(month, day);
    if let ([Line { value: Value::Text(text), meaning, .. }], true) =
        (content.items.as_mut_slice(), swapped)
    {
        *text = format!("20{year:02}-{day:02}-{month:02} WW={weekday:02}");
        meaning.push_str(" (day and month the other way round: only so the weekday fits)");
    }
}

/// 0 is Sunday. The year counts from 2000. `None` if there is no such day.
fn weekday_of(year: u8, month: u8, day: u8) -> Option<u8> {
    const DAYS: [u8; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let at = usize::from(month.checked_sub(1)?);
    let leap = year.is_multiple_of(4);
    let days = DAYS.get(at)? + u8::from(leap && month == 2);
    if !(1..=days).contains(&day) {
        return None;
    }
    let year = u32::from(year);
    let before: u32 = DAYS[..at].iter().map(|days| u32::from(*days)).sum();
    let leaps = year.div_ceil(4) + u32::from(leap && month > 2);
    // 2000-01-01 was a Saturday.
    Some(((6 + year * 365 + leaps + before + u32::from(day) - 1) % 7) as u8)
}

fn follow_up(content: &mut Content, data: &[u8], answer: bool) {
    let Some((di, rest)) = split_di(content, data) else {
        return;
    };
    let Some((seq, body)) = rest.split_last() else {
        content.meaning = format!("follow-up of {} without a number", item_name(di));
        return;
    };
    content.seq = Some(*seq);
    content.set_payload(body);
    content.meaning = format!("follow-up {seq} of {}", item_name(di));
    if answer {
        content.set_items(items::decode_continued(di, body));
    } else {
        content.meaning.insert_str(0, "read ");
    }
}

fn address_answer(content: &mut Content, data: &[u8]) {
    if data.len() == 6 {
        content.meter_address = Some(hex_reversed(data));
        content.meaning = "address reply".to_owned();
    } else {
        content.meaning = "address reply of the wrong length".to_owned();
        content.set_payload(data);
    }
}

/// Level, password, operator; gives what follows. Sets the words of a command.
fn split_access<'a>(content: &mut Content, data: &'a [u8], operator: bool) -> Option<&'a [u8]> {
    let (password, rest) = data.split_at_checked(4)?;
    content.level = password.first().copied();
    if !operator {
        return Some(rest);
    }
    let (operator, rest) = rest.split_at_checked(4)?;
    content.set_operator(operator);
    Some(rest)
}

fn access_words(content: &Content) -> String {
    let level = content.level.map_or(String::new(), |level| format!(", level {level:02X}"));
    let operator = content.operator.as_ref().map_or(String::new(), |o| format!(", operator {o}"));
    level + &operator
}

fn write_request(content: &mut Content, data: &[u8]) {
    let Some((di, rest)) = split_di(content, data) else {
        return;
    };
    content.set_payload(rest);
    let body = split_access(content, rest, true);
    content.meaning = format!("write {}{}", item_name(di), access_words(content));
    match (body, content.level) {
        (Some(body), Some(0x98)) => {
            content.meaning.push_str(&format!(", ciphertext and MAC {}", hex(body)));
        }
        (Some(body), Some(0x99)) if body.len() > 4 => {
            let (plain, mac) = body.split_at(body.len() - 4);
            content.set_items(items::decode(di, plain));
            content.meaning.push_str(&format!(", MAC {}", hex(mac)));
        }
        (Some(body), _) => content.set_items(items::decode(di, body)),
        (None, _) => content.meaning.push_str(", too short"),
    }
}

fn write_address(content: &mut Content, data: &[u8]) {
    content.meaning = format!("write address {}", hex_reversed(data));
}

fn freeze(content: &mut Content, data: &[u8]) {
    let [minute, hour, day, month] = data else {
        content.meaning = "freeze with data of the wrong length".to_owned();
        content.set_payload(data);
        return;
    };
    content.set_payload(data);
    content.meaning = match (month, day, hour, minute) {
        (0x99, 0x99, 0x99, 0x99) => "freeze now".to_owned(),
        (0x99, 0x99, 0x99, m) => format!("freeze every hour at minute {m:02X}"),
        (0x99, 0x99, h, m) => format!("freeze every day at {h:02X}:{m:02X}"),
        (0x99, d, h, m) => format!("freeze every month on day {d:02X} at {h:02X}:{m:02X}"),
        (mo, d, h, m) => format!("freeze on {mo:02X}-{d:02X} at {h:02X}:{m:02X}"),
    };
}

/// A change of speed; both editions have the same form with another table.
pub(super) fn change_baud(edition: Edition, content: &mut Content, data: &[u8], answer: bool) {
    let [feature] = data else {
        content.meaning = "change baud with data of the wrong length".to_owned();
        content.set_payload(data);
        return;
    };
    content.feature = Some(*feature);
    let speed = match baud_of_feature(edition, *feature) {
        Some(baud) => format!("{baud} baud"),
        None => "no speed of the table".to_owned(),
    };
    let what = if answer { "baud change accepted, still at the old speed" } else { "change baud" };
    content.meaning = format!("{what}: {speed}");
}

fn change_password(content: &mut Content, data: &[u8]) {
    let Some((_, rest)) = split_di(content, data) else {
        return;
    };
    content.set_payload(rest);
    content.level = rest.first().copied();
    content.meaning = match (rest.first(), rest.get(4)) {
        (Some(old), Some(new)) if rest.len() == 8 => {
            format!("change password, from level {old:02X}, of level {new:02X}")
        }
        _ => "change password with data of the wrong length".to_owned(),
    };
}

fn clear(content: &mut Content, data: &[u8]) {
    let rest = split_access(content, data, true);
    let what = match content.frame.function() {
        0x19 => "clear max demand",
        0x1A => "clear meter",
        _ => "clear events",
    };
    content.meaning = format!("{what}{}", access_words(content));
    match rest {
        Some([]) => {}
        Some([0xFF, 0xFF, 0xFF, 0xFF]) if content.frame.function() == 0x1B => {
            content.meaning.push_str(", all");
        }
        Some(di @ [_, _, _, _]) if content.frame.function() == 0x1B => {
            content.meaning.push_str(&format!(", {}", hex_reversed(di)));
        }
        Some(other) => {
            content.meaning.push_str(&format!(", ciphertext and MAC {}", hex(other)));
        }
        None => content.meaning.push_str(", too short"),
    }
}

fn relay(content: &mut Content, data: &[u8], answer: bool) {
    if answer {
        content.meaning = "relay command accepted".to_owned();
        if let [low, high] = data {
            let names = relay_result_names(u16::from_le_bytes([*low, *high]));
            content.meaning.push_str(&format!(": {}", names.join(", ")));
            content.set_payload(data);
        } else {
            unexpected(content, data);
        }
        return;
    }
    let rest = split_access(content, data, true);
    let words = access_words(content);
    let Some([n1, n2, until @ ..]) = rest.filter(|rest| rest.len() == 8) else {
        let rest = rest.unwrap_or_default();
        content.meaning = format!("relay command{words}, {}", hex(rest));
        return;
    };
    content.relay = Some([*n1, *n2]);
    content.command = relay_name(*n1);
    content.valid_until = <[u8; 6]>::try_from(until).ok().and_then(CivilTime::from_wire);
    let name = content.command.map_or(format!("command {n1:02X}"), str::to_owned);
    let until = match content.valid_until {
        Some(time) => time.to_string(),
        None => format!("{} (no time)", hex_reversed(until)),
    };
    content.meaning = format!("relay {name}, N2 {n2:02X}{words}, valid until {until}");
}

/// Also used by the 1997 edition.
pub(super) fn broadcast_time(content: &mut Content, data: &[u8]) {
    let time = data.get(..6).and_then(|time| <[u8; 6]>::try_from(time).ok());
    match time.and_then(CivilTime::from_wire) {
        Some(time) => {
            content.value = Some(time.to_string());
            content.meaning = format!("broadcast time {time}");
            unexpected(content, &data[6..]);
        }
        None => {
            content.meaning = "broadcast time".to_owned();
            unexpected(content, data);
        }
    }
}

fn output(content: &mut Content, data: &[u8]) {
    let what = match data {
        [0x00] => "second pulse",
        [0x01] => "demand period",
        [0x02] => "rate switch",
        _ => "not in the table",
    };
    content.meaning = format!("multi-function output: {what}");
    content.set_payload(data);
}

#[cfg(test)]
mod tests {
    use super::weekday_of;

    #[test]
    fn weekdays_are_right() {
        for (date, weekday) in [
            ((0, 1, 1), 6),
            ((0, 3, 1), 3),
            ((16, 1, 11), 1),
            ((16, 11, 1), 2),
            ((19, 7, 6), 6),
            ((24, 2, 29), 4),
            ((26, 11, 21), 6),
            ((99, 12, 31), 4),
        ] {
            let (year, month, day) = date;
            assert_eq!(weekday_of(year, month, day), Some(weekday), "{date:?}");
        }
        for (year, month, day) in [(23, 2, 29), (23, 13, 1), (23, 0, 1), (23, 4, 31)] {
            assert_eq!(weekday_of(year, month, day), None);
        }
    }
}
