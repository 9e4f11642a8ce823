//! What the data of a 1997 frame say, function by function (dlt645.md 2.2).

use super::super::items::{self, Format};
use super::super::words::Edition;
use super::data_2007::{broadcast_time, change_baud, mind_the_weekday};
use super::{Content, named, unexpected};
use crate::protocol::value::{hex, hex_reversed};

/// The function's stable name.
pub(super) fn function_name(function: u8) -> &'static str {
    match function {
        0x01 => "read",
        0x02 => "read-follow-up",
        0x03 => "re-read",
        0x04 => "write",
        0x05 => "calibrate",
        0x08 => "broadcast-time",
        0x09 => "clear-or-freeze",
        0x0A => "write-address",
        0x0B => "event-clear",
        0x0C => "change-baud",
        0x0D => "statistic-clear",
        0x0F => "change-password",
        0x10 => "max-demand-clear",
        _ => "unknown",
    }
}

/// Reads request or normal answer.
pub(super) fn read(content: &mut Content) {
    let data = content.frame.data.clone();
    let answer = content.frame.from_meter();
    match (content.frame.function(), answer) {
        (0x01 | 0x02, false) => request(content, &data),
        (0x03, false) => {
            content.meaning = "read the last answer again".to_owned();
            unexpected(content, &data);
        }
        (0x01..=0x03, true) => reading(content, &data),
        (0x04, false) => write(content, &data),
        (0x08, _) => broadcast_time(content, &data),
        (0x0A, false) => content.meaning = format!("write address {}", hex_reversed(&data)),
        (0x0C, _) => change_baud(Edition::V1997, content, &data, answer),
        (0x0F, false) => {
            content.level = data.first().copied();
            content.meaning = "change password".to_owned();
            content.set_payload(&data);
        }
        (0x10, false) => {
            content.level = data.first().copied();
            content.meaning = "clear max demand".to_owned();
            content.set_payload(&data);
        }
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

fn split_di<'a>(content: &mut Content, data: &'a [u8]) -> Option<(u16, &'a [u8])> {
    let Some(([low, high], rest)) = data.split_first_chunk::<2>() else {
        content.meaning = format!("{} without an identifier", content.function);
        content.set_payload(data);
        return None;
    };
    let di = u16::from_le_bytes([*low, *high]);
    content.di = Some(format!("{di:04X}"));
    Some((di, rest))
}

fn item_name(di: u16) -> String {
    named(items::find_1997(di).map(|item| item.meaning), &format!("{di:04X}"))
}

fn request(content: &mut Content, data: &[u8]) {
    let Some((di, rest)) = split_di(content, data) else {
        return;
    };
    let what = if content.frame.function() == 0x02 { "read follow-up of" } else { "read" };
    content.meaning = format!("{what} {}", item_name(di));
    if !rest.is_empty() {
        // A tester asks for several identifiers at once; no meter is bound to understand it.
        content.meaning.push_str(&format!(", with {} behind the identifier", hex(rest)));
    }
    content.set_payload(rest);
}

fn reading(content: &mut Content, data: &[u8]) {
    let Some((di, rest)) = split_di(content, data) else {
        return;
    };
    content.set_payload(rest);
    content.meaning = item_name(di);
    content.set_items(items::decode_1997(di, rest));
    content.read_by_table = items::find_1997(di).is_some() && !content.items.is_empty();
    if items::find_1997(di).is_some_and(|item| item.format == Format::DateWeek) {
        mind_the_weekday(content, rest);
    }
}

fn write(content: &mut Content, data: &[u8]) {
    let Some((di, rest)) = split_di(content, data) else {
        return;
    };
    content.set_payload(rest);
    content.meaning = format!("write {}", item_name(di));
    match rest.split_at_checked(4) {
        Some((password, body)) => {
            content.level = password.first().copied();
            content.set_items(items::decode_1997(di, body));
        }
        None => content.meaning.push_str(", too short"),
    }
}
