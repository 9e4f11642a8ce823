//! Where an item is, as it is written for each protocol.

use super::{Place, Protocol};
use crate::protocol::cjt188::data::NAMES;

/// What a CJ/T 188 answer tells besides values with a unit.
const CJT188_MORE: [&str; 2] = ["clock", "status"];

impl Protocol {
    /// As it is written in a profile.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dlt645_2007 => "dlt645-2007",
            Self::Dlt645_1997 => "dlt645-1997",
            Self::ModbusRtu => "modbus-rtu",
            Self::ModbusTcp => "modbus-tcp",
            Self::Iec62056 => "iec62056-21",
            Self::Cjt188 => "cjt188",
            Self::Dlt698 => "dlt698.45",
            Self::Dlms => "dlms-hdlc",
            Self::Mbus => "mbus",
        }
    }

    /// Either form of Modbus.
    pub fn is_modbus(self) -> bool {
        matches!(self, Self::ModbusRtu | Self::ModbusTcp)
    }

    /// How a place is written for this protocol.
    pub(super) fn place_expected(self) -> &'static str {
        match self {
            Self::Dlt645_2007 => "8 hexadecimal digits, \"00010000\"",
            Self::Dlt645_1997 => "4 hexadecimal digits, \"9010\"",
            Self::ModbusRtu | Self::ModbusTcp => {
                "function 03 or 04 and a register in hexadecimal, \"03:0362\""
            }
            Self::Iec62056 => "the address of a data set, \"1.8.0\"",
            Self::Cjt188 => {
                "volume, volume-settled, heat, heat-settled, heat-power, flow, temperature-in, \
                 temperature-out, work-hours, clock or status"
            }
            Self::Dlt698 => "8 hexadecimal digits, \"00100200\"",
            Self::Dlms => "class/logical name/attribute, \"3/1.0.1.8.0.255/2\"",
            Self::Mbus => "\"record 0\"",
        }
    }
}

impl Place {
    /// Reads a place as it is written for `protocol`.
    pub fn parse(protocol: Protocol, text: &str) -> Option<Self> {
        match protocol {
            Protocol::Dlt645_2007 => hex(text, 8).map(Self::Di),
            Protocol::Dlt645_1997 => hex(text, 4).map(Self::Di),
            Protocol::ModbusRtu | Protocol::ModbusTcp => {
                let (function, address) = text.split_once(':')?;
                let function = match function {
                    "03" => 3,
                    "04" => 4,
                    _ => return None,
                };
                Some(Self::Register { function, address: register(address)? })
            }
            Protocol::Iec62056 => {
                let good = |b: u8| b.is_ascii_alphanumeric() || b".:-*&_".contains(&b);
                let fits = (1..=16).contains(&text.len()) && text.bytes().all(good);
                fits.then(|| Self::Iec(text.to_owned()))
            }
            Protocol::Cjt188 => {
                let known = NAMES.contains(&text) || CJT188_MORE.contains(&text);
                known.then(|| Self::Cjt188(text.to_owned()))
            }
            Protocol::Dlt698 => hex(text, 8).map(Self::Oad),
            Protocol::Dlms => cosem(text),
            Protocol::Mbus => {
                let number = text.strip_prefix("record ")?;
                digits(number)?.parse().ok().map(Self::Record)
            }
        }
    }

    /// As it is written for `protocol`.
    pub fn text(&self, protocol: Protocol) -> String {
        match self {
            Self::Di(di) if protocol == Protocol::Dlt645_1997 => format!("{di:04X}"),
            Self::Di(number) | Self::Oad(number) => format!("{number:08X}"),
            Self::Register { function, address } => format!("{function:02}:{address:04X}"),
            Self::Iec(text) | Self::Cjt188(text) => text.clone(),
            Self::Cosem { class, obis, attribute } => {
                let obis: Vec<String> = obis.iter().map(u8::to_string).collect();
                format!("{class}/{}/{attribute}", obis.join("."))
            }
            Self::Record(number) => format!("record {number}"),
        }
    }
}

/// A register's address: four hexadecimal digits.
pub(super) fn register(text: &str) -> Option<u16> {
    hex(text, 4).and_then(|number| u16::try_from(number).ok())
}

/// A number of exactly so many hexadecimal digits.
pub(super) fn hex(text: &str, digits: usize) -> Option<u32> {
    let good = text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit());
    good.then(|| u32::from_str_radix(text, 16).ok()).flatten()
}

/// Decimal digits and nothing else, no sign either.
fn digits(text: &str) -> Option<&str> {
    let good = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    good.then_some(text)
}

fn cosem(text: &str) -> Option<Place> {
    let mut parts = text.split('/');
    let (class, name, attribute) = (parts.next()?, parts.next()?, parts.next()?);
    let mut obis = [0u8; 6];
    let mut bytes = name.split('.');
    for byte in &mut obis {
        *byte = digits(bytes.next()?)?.parse().ok()?;
    }
    if parts.next().is_some() || bytes.next().is_some() {
        return None;
    }
    let attribute: i8 = digits(attribute)?.parse().ok()?;
    Some(Place::Cosem { class: digits(class)?.parse().ok()?, obis, attribute })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_names_every_value_of_cjt188() {
        let expected = Protocol::Cjt188.place_expected();
        assert!(NAMES.iter().chain(&CJT188_MORE).all(|name| expected.contains(name)), "{expected}");
    }
}
