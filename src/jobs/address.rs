//! What a meter is called on its bus, in the form of its protocol.
//!
//! By the area list a meter has a number of twelve digits; the bus may call it otherwise: a Modbus
//! unit, a device address, nothing at all on an optical head. The area list's place says so; where
//! it says nothing, the number itself is the address.

use std::fmt;

use super::failure::fail;
use super::views::Failure;
use crate::profile::{Profile, Protocol};
use crate::protocol::modbus::frame::Unit;
use crate::protocol::{cjt188, dlms, dlt698, iec62056, mbus};
use crate::report::Code;
use crate::units::{BusPlace, MeterNo};

/// Highest unit the standard gives to a meter.
const UNIT_MAX: u8 = 247;
/// The management logical device, asked as the public client: where a DLMS meter is alone.
const DLMS_ALONE: &str = "1";

/// An address on a bus.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum BusAddress {
    /// DL/T 645, both editions: the twelve digits.
    Dlt645(MeterNo),
    /// A Modbus unit, RTU or TCP.
    Modbus(Unit),
    /// An IEC 62056-21 device address; empty: whoever is in front of the head.
    Iec(iec62056::frame::Address),
    /// CJ/T 188: kind and fourteen digits.
    Cjt188(cjt188::frame::Address),
    /// A DL/T 698.45 server.
    Dlt698(dlt698::frame::Address),
    /// A DLMS server and the client that asks it.
    Dlms(dlms::Address),
    /// M-Bus, primary or secondary.
    Mbus(mbus::frame::Address),
}

impl BusAddress {
    /// What the bus calls this meter: by its place, else by its number.
    ///
    /// # Errors
    /// [`Code::BusAddress`] for what is no address of the profile's protocol.
    pub fn of(profile: &Profile, place: &BusPlace, meter: MeterNo) -> Result<Self, Failure> {
        let text = place.address.trim();
        let wrong = || {
            let shown = if text.is_empty() { meter.to_string() } else { format!("{text:?}") };
            fail(Code::BusAddress, format!("{shown}: {}", profile.id))
        };
        match profile.protocol {
            Protocol::Dlt645_2007 | Protocol::Dlt645_1997 if text.is_empty() => {
                Ok(Self::Dlt645(meter))
            }
            Protocol::Dlt645_2007 | Protocol::Dlt645_1997 => {
                text.parse().map(Self::Dlt645).map_err(|_| wrong())
            }
            Protocol::ModbusRtu | Protocol::ModbusTcp => {
                let unit = if text.is_empty() { small(meter) } else { Unit::parse(text) };
                let meters = |unit: &Unit| (1..=UNIT_MAX).contains(&unit.0);
                unit.filter(meters).map(Self::Modbus).ok_or_else(wrong)
            }
            Protocol::Iec62056 => {
                iec62056::frame::Address::parse(text).map(Self::Iec).ok_or_else(wrong)
            }
            Protocol::Cjt188 => {
                let address = cjt188::frame::Address::parse(&or_number(text, meter));
                address.map(Self::Cjt188).map_err(|_| wrong())
            }
            Protocol::Dlt698 => {
                let address = dlt698::frame::Address::parse(&or_number(text, meter));
                address.map(Self::Dlt698).map_err(|_| wrong())
            }
            Protocol::Dlms => {
                let address = if text.is_empty() { DLMS_ALONE } else { text };
                dlms::Address::parse(address).map(Self::Dlms).map_err(|_| wrong())
            }
            Protocol::Mbus => {
                let own = secondary(meter);
                let address = if text.is_empty() { own.as_str() } else { text };
                mbus::frame::Address::parse(address).map(Self::Mbus).map_err(|_| wrong())
            }
        }
    }
}

/// The place's address, else the number's own digits.
fn or_number(text: &str, meter: MeterNo) -> String {
    if text.is_empty() { meter.to_string() } else { text.to_owned() }
}

/// The number as an M-Bus identification: its last eight digits, where those in front are zeros.
fn secondary(meter: MeterNo) -> String {
    let digits = meter.to_string();
    match digits.strip_prefix("0000") {
        Some(eight) => eight.to_owned(),
        None => digits,
    }
}

/// The number as a unit, where it is that small.
fn small(meter: MeterNo) -> Option<Unit> {
    meter.to_string().parse::<u64>().ok().and_then(|no| u8::try_from(no).ok()).map(Unit)
}

impl fmt::Display for BusAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dlt645(no) => no.fmt(f),
            Self::Modbus(unit) => unit.fmt(f),
            Self::Iec(address) => address.fmt(f),
            Self::Cjt188(address) => address.fmt(f),
            Self::Dlt698(address) => address.fmt(f),
            Self::Dlms(address) => address.fmt(f),
            Self::Mbus(address) => address.fmt(f),
        }
    }
}
