//! Security and prepaid frames (03H, dlt645.md 6): numbers here are binary, low byte first.

use super::super::items::Decoded;
use super::Content;
use super::data_2007::split_di;
use crate::protocol::value::{Decimal, Value, hex, hex_reversed, read_bcd};

/// Data bytes behind the identifier of an opening or a recharge: operator 4, amount 4, count 4,
/// MAC 4, customer 6, MAC 4.
const PURSE_REQUEST: usize = 26;
/// The same with an order number in place of the count, and the meter's number (vendor TMS).
const TMS_REQUEST: usize = 30;
/// KO of 2018: operator 4, meter 6, customer 6, amount 4 BCD, count 2 BCD, flag.
const KO_2018_REQUEST: usize = 23;
/// Kede is as long as [`PURSE_REQUEST`]: amount 4 BCD, count 4 BCD, flag and 13 zeros behind the
/// operator code 01 00 00 00.
const KEDE_OPERATOR: [u8; 4] = [0x01, 0, 0, 0];
/// Where its flag and zeros begin.
const KEDE_ZEROS: usize = 8;
/// Answer of some vendors: balance 4, count 4, customer 6.
const VENDOR_ANSWER: usize = 14;
/// Purse status: money 4, MAC 4, count 4, MAC 4, customer 6, key info 4.
const STATUS_ANSWER: usize = 26;
/// Authentication off: customer 6, money 4, count 4, key info 4.
const OFF_ANSWER: usize = 18;

/// What a security command is called.
pub(super) fn name(di: u32) -> Option<&'static str> {
    Some(match di {
        0x0700_00FF => "identity authentication",
        0x0700_01FF => "authentication validity time",
        0x0700_02FF => "authentication off",
        0x0700_03FF => "infrared authentication",
        0x0780_03FF => "infrared authentication query",
        0x0700_04FF => "write record file 1",
        0x0700_05FF => "write record file 2",
        0x0701_01FF => "open account",
        0x0701_02FF => "recharge",
        0x0701_03FF => "wallet initialise",
        0x0701_04FF => "vendor parameter block",
        0x0701_08FF => "refund",
        0x0702_01FF | 0x0702_02FF | 0x0702_03FF | 0x0703_01FF => "key update",
        0x0780_01FF => "security module read-back",
        0x0780_02FF => "software compare",
        0x0781_02FF => "purse status",
        0x07A0_06FF => "charge mode switch",
        _ => return None,
    })
}

/// Reads request or normal answer.
pub(super) fn read(content: &mut Content, data: &[u8]) {
    let Some((di, rest)) = split_di(content, data) else {
        return;
    };
    content.set_payload(rest);
    let title = name(di).map_or_else(|| format!("security command {di:08X}"), str::to_owned);
    if content.frame.from_meter() {
        answer(content, di, &title, rest);
        return;
    }
    content.meaning = title;
    let Some((operator, body)) = rest.split_at_checked(4) else {
        content.meaning.push_str(", too short");
        return;
    };
    content.set_operator(operator);
    content.meaning.push_str(&format!(", operator {}", hex_reversed(operator)));
    let kede = operator == KEDE_OPERATOR && body.iter().skip(KEDE_ZEROS).all(|byte| *byte == 0);
    match di {
        0x0701_02FF if rest.len() == PURSE_REQUEST && kede => {
            digits_bought(content, di, &body[..4], &body[4..8], "kWh");
        }
        0x0701_01FF | 0x0701_02FF if rest.len() == PURSE_REQUEST => purse(content, di, body),
        0x0701_02FF if rest.len() == KO_2018_REQUEST => {
            digits_bought(content, di, &body[12..16], &body[16..18], "yuan");
            let (meter, customer) = (hex_reversed(&body[..6]), hex_reversed(&body[6..12]));
            content.meaning.push_str(&format!(", meter {meter}, customer {customer}"));
        }
        0x0701_02FF if rest.len() == TMS_REQUEST => order(content, di, body),
        _ if body.is_empty() => {}
        _ => content.meaning.push_str(&format!(", body {}", hex(body))),
    }
}

fn answer(content: &mut Content, di: u32, title: &str, body: &[u8]) {
    content.meaning = format!("{title} accepted");
    let lines = match (di, body.len()) {
        (_, 0) => Vec::new(),
        (0x0781_02FF, STATUS_ANSWER) => {
            content.meaning = title.to_owned();
            vec![
                money(di, "balance", &body[..4]),
                count(di, "purchase count", &body[8..12]),
                digits(di, "customer number", &body[16..22]),
                raw(di, "key information", &body[22..]),
            ]
        }
        (0x0700_02FF, OFF_ANSWER) => vec![
            digits(di, "customer number", &body[..6]),
            money(di, "balance", &body[6..10]),
            count(di, "purchase count", &body[10..14]),
            raw(di, "key information", &body[14..]),
        ],
        (0x0701_01FF | 0x0701_02FF, VENDOR_ANSWER) => vec![
            money(di, "balance", &body[..4]),
            count(di, "purchase count", &body[4..8]),
            digits(di, "customer number", &body[8..]),
        ],
        _ => vec![raw(di, title, body)],
    };
    content.set_items(lines);
}

/// The grid company's opening and recharge.
fn purse(content: &mut Content, di: u32, body: &[u8]) {
    let amount = hundredths(&body[..4]);
    content.amount = Some(amount);
    content.set_items(vec![
        money(di, "amount", &body[..4]),
        count(di, "purchase count", &body[4..8]),
        digits(di, "customer number", &body[12..18]),
    ]);
    let count = binary(&body[4..8]);
    let customer = hex_reversed(&body[12..18]);
    let words = format!(", amount {amount}, purchase count {count}, customer {customer}");
    content.meaning.push_str(&words);
}

/// TMS: order number instead of a count.
fn order(content: &mut Content, di: u32, body: &[u8]) {
    let amount = hundredths(&body[..4]);
    content.amount = Some(amount);
    content.set_items(vec![
        money(di, "amount", &body[..4]),
        digits(di, "order number", &body[4..12]),
        digits(di, "meter number", &body[16..22]),
    ]);
    let (order, meter) = (hex_reversed(&body[4..12]), hex_reversed(&body[16..22]));
    content.meaning.push_str(&format!(", amount {amount}, order {order}, meter {meter}"));
}

/// Amount and count in BCD (KO 2018, Kede).
fn digits_bought(content: &mut Content, di: u32, amount: &[u8], count: &[u8], unit: &'static str) {
    let number = |wire: &[u8], decimals| match read_bcd(wire, false) {
        Some(digits) => Value::Number(Decimal { digits, decimals }),
        None => Value::Invalid(hex(wire)),
    };
    let bought = number(amount, 2);
    if let Value::Number(bought) = bought {
        content.amount = Some(bought);
        content.meaning.push_str(&format!(", amount {bought} {unit}"));
    }
    content.set_items(vec![
        line(di, "amount", bought, unit),
        line(di, "purchase count", number(count, 0), ""),
    ]);
    content.meaning.push_str(&format!(", purchase count {}", hex_reversed(count)));
}

fn binary(wire: &[u8]) -> i64 {
    wire.iter().rev().fold(0, |number, byte| number << 8 | i64::from(*byte))
}

fn hundredths(wire: &[u8]) -> Decimal {
    Decimal { digits: binary(wire), decimals: 2 }
}

fn line(di: u32, meaning: &str, value: Value, unit: &'static str) -> Decoded {
    Decoded { di, value, unit, meaning: meaning.to_owned() }
}

fn money(di: u32, meaning: &str, wire: &[u8]) -> Decoded {
    line(di, meaning, Value::Number(hundredths(wire)), "yuan")
}

fn count(di: u32, meaning: &str, wire: &[u8]) -> Decoded {
    line(di, meaning, Value::Number(Decimal::whole(binary(wire))), "")
}

fn digits(di: u32, meaning: &str, wire: &[u8]) -> Decoded {
    line(di, meaning, Value::Text(hex_reversed(wire)), "")
}

fn raw(di: u32, meaning: &str, wire: &[u8]) -> Decoded {
    line(di, meaning, Value::Text(hex(wire)), "")
}
