//! One PDU in words.

use super::Direction;
use crate::protocol::explained::{Datum, Fields, field};
use crate::protocol::modbus::pdu::{EXCEPTION, exception_name, function_name};
use crate::protocol::value::hex;

/// First registers of the two tables of tariff periods in an ADF400L; each holds 14 rows of rate,
/// hour, minute (`reference/other-meters.md` 1.2).
const TARIFF_TABLES: [u16; 2] = [0x0914, 0x0929];
/// Bytes of such a table.
const TARIFF_BYTES: usize = 42;

/// What a PDU says.
pub(super) struct Said {
    pub fields: Fields,
    pub meaning: String,
    pub fault: Option<&'static str>,
}

/// Says it. `asked` is the PDU of the request before, if there is one.
pub(super) fn say(pdu: &[u8], direction: Option<Direction>, asked: Option<&[u8]>) -> Said {
    let Some((first, body)) = pdu.split_first() else {
        return Said {
            fields: Vec::new(),
            meaning: "nothing".to_owned(),
            fault: Some("truncated"),
        };
    };
    let function = first & !EXCEPTION;
    let mut fields = vec![field("fc", function)];
    let name = function_name(function);
    if first & EXCEPTION != 0 {
        let code = body.first().copied().unwrap_or_default();
        fields.push(field("exception", code));
        fields.push(field("exception_name", exception_name(code)));
        let meaning = format!("{name} refused: {} ({code})", exception_name(code));
        return Said { fields, meaning, fault: mismatch(pdu, direction, asked) };
    }
    let request = direction == Some(Direction::Request);
    let detail = match (function, request) {
        (0x01..=0x04, true) | (0x0F | 0x10, false) => range(body, &mut fields),
        (0x03 | 0x04, false) => registers(body, asked, &mut fields),
        (0x05 | 0x06, _) => single(body, &mut fields),
        (0x10, true) => many(body, &mut fields),
        (0x0F, true) => coils(body, &mut fields),
        _ => {
            let data = if function <= 0x02 { body.get(1..).unwrap_or_default() } else { body };
            fields.push(field("data", Datum::Text(hex(data))));
            format!("{} bytes", data.len())
        }
    };
    let meaning = format!("{name}: {detail}");
    Said { fields, meaning, fault: mismatch(pdu, direction, asked) }
}

/// A reply that cannot be the one to the request before it.
fn mismatch(
    pdu: &[u8],
    direction: Option<Direction>,
    asked: Option<&[u8]>,
) -> Option<&'static str> {
    let asked = asked.filter(|_| direction == Some(Direction::Response))?;
    let (Some(function), Some(wanted)) = (pdu.first(), asked.first()) else { return None };
    let exception = function & EXCEPTION != 0;
    let count = asked.get(3..5).and_then(|count| <[u8; 2]>::try_from(count).ok());
    let count = usize::from(count.map_or(0, u16::from_be_bytes));
    let fits = match wanted {
        _ if function & !EXCEPTION != *wanted => false,
        _ if exception => true,
        0x03 | 0x04 => pdu.len() == 2 + 2 * count,
        0x01 | 0x02 => pdu.len() == 2 + count.div_ceil(8),
        0x05 | 0x06 => pdu == asked,
        0x0F | 0x10 => asked.starts_with(pdu),
        _ => true,
    };
    (!fits).then_some("answer_mismatch")
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..at + 2)?;
    pair.try_into().ok().map(u16::from_be_bytes)
}

fn words(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}

fn range(body: &[u8], fields: &mut Fields) -> String {
    let (start, count) = (word(body, 0), word(body, 2));
    fields.push(field("start", start));
    fields.push(field("qty", count));
    let (start, count) = (start.unwrap_or_default(), count.unwrap_or_default());
    format!("{count} from {start:04X}")
}

fn registers(body: &[u8], asked: Option<&[u8]>, fields: &mut Fields) -> String {
    let data = body.get(1..).unwrap_or_default();
    fields.push(field("regs", words(data)));
    let start = asked.filter(|asked| matches!(asked.first(), Some(3 | 4)));
    let start = start.and_then(|asked| word(asked, 1));
    if let Some(start) = start {
        fields.push(field("start", start));
        if TARIFF_TABLES.contains(&start) && data.len() == TARIFF_BYTES {
            fields.push(field("slots", slots(data)));
        }
    }
    let from = start.map(|start| format!(" from {start:04X}")).unwrap_or_default();
    format!("{} registers{from}", data.len() / 2)
}

fn slots(data: &[u8]) -> Datum {
    let slot = |row: &[u8]| {
        let names = ["rate", "h", "m"];
        Datum::Map(names.iter().zip(row).map(|(name, byte)| field(name, *byte)).collect())
    };
    Datum::List(data.chunks_exact(3).map(slot).collect())
}

fn single(body: &[u8], fields: &mut Fields) -> String {
    let (start, value) = (word(body, 0), word(body, 2));
    fields.push(field("start", start));
    fields.push(field("value", value));
    format!("{} at {:04X}", value.unwrap_or_default(), start.unwrap_or_default())
}

fn coils(body: &[u8], fields: &mut Fields) -> String {
    let detail = range(body, fields);
    fields.push(field("data", Datum::Text(hex(body.get(5..).unwrap_or_default()))));
    detail
}

fn many(body: &[u8], fields: &mut Fields) -> String {
    let (start, count) = (word(body, 0), word(body, 2));
    let values = words(body.get(5..).unwrap_or_default());
    fields.push(field("start", start));
    fields.push(field("qty", count));
    let detail = format!("{} from {:04X}", values.len(), start.unwrap_or_default());
    fields.push(field("regs", values));
    detail
}
