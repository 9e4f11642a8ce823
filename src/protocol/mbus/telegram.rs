//! What a meter sends: who it is, and its data records.

use m_bus_parser::user_data::data_information::FunctionField;
use m_bus_parser::user_data::data_record::DataRecord;
use m_bus_parser::user_data::parse_data_records;
use m_bus_parser::user_data::value_information::ValueLabel;

use super::fixed;
use super::measure::measure;
use crate::protocol::value::{Value, hex_reversed};

/// Control information: a long header, then records; low bytes first.
const CI_VARIABLE: u8 = 0x72;
/// Control information: two counters in fixed places; no maker, no version.
pub(super) const CI_FIXED: u8 = 0x73;
/// Control information: a short header, then records.
const CI_SHORT: u8 = 0x7A;
/// Control information: records alone.
const CI_BARE: u8 = 0x78;
/// Control information: an application error.
pub(super) const CI_ERROR: u8 = 0x70;
/// Bytes of a long header.
const HEADER: usize = 12;
/// The last record says so when more telegrams follow.
const MORE_FOLLOWS: u8 = 0x1F;
/// Records of one telegram that are kept; 250 bytes hold no more.
const MAX_RECORDS: usize = 128;

/// Who a meter is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its eight bytes of secondary address, as on the wire.
    pub wire: [u8; 8],
    /// Goes up with every answer.
    pub access: u8,
    /// Errors and alarms, as bits.
    pub status: u8,
    /// Whether the records are encrypted.
    pub encrypted: bool,
}

impl Header {
    /// The number on the meter.
    pub fn id(&self) -> String {
        hex_reversed(self.wire.get(..4).unwrap_or_default())
    }

    /// The maker's three letters (EN 13757-3: five bits each).
    pub fn manufacturer(&self) -> String {
        let [_, _, _, _, low, high, ..] = self.wire;
        let code = u16::from_le_bytes([low, high]);
        let letter = |shift: u16| {
            let number = (code >> shift) & 0x1F;
            char::from_u32(u32::from(number) + 64).unwrap_or('?')
        };
        [10, 5, 0].map(letter).iter().collect()
    }

    /// The version of its model.
    pub fn version(&self) -> u8 {
        let [_, _, _, _, _, _, version, _] = self.wire;
        version
    }

    /// What it measures.
    pub fn medium(&self) -> &'static str {
        let [_, _, _, _, _, _, _, medium] = self.wire;
        medium_name(medium)
    }
}

/// Media of EN 13757-3.
pub fn medium_name(medium: u8) -> &'static str {
    match medium {
        0x00 => "other",
        0x01 => "oil",
        0x02 => "electricity",
        0x03 => "gas",
        0x04 => "heat (outlet)",
        0x05 => "steam",
        0x06 => "warm water",
        0x07 => "water",
        0x08 => "heat cost allocator",
        0x09 => "compressed air",
        0x0A => "cooling (outlet)",
        0x0B => "cooling (inlet)",
        0x0C => "heat (inlet)",
        0x0D => "heat and cooling",
        0x0E => "bus system",
        0x0F => "unknown",
        0x15 => "hot water",
        0x16 => "cold water",
        0x17 => "dual water",
        0x18 => "pressure",
        0x19 => "A/D converter",
        0x21 => "valve",
        0x28 => "waste water",
        _ => "reserved",
    }
}

/// One data record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What it is, `volume`; empty where the record does not say.
    pub name: String,
    /// In `unit`.
    pub value: Value,
    /// m3, kWh, MJ, kW, ... ; empty for others.
    pub unit: String,
    /// 0 now, others earlier.
    pub storage: u64,
    /// 0 the total.
    pub tariff: u64,
    /// 0 the meter itself.
    pub device: u64,
    /// `instantaneous`, `maximum`, `minimum`, `error`.
    pub function: &'static str,
}

impl Record {
    /// Whether it is a total as it stands now.
    pub fn is_current(&self) -> bool {
        self.storage == 0
            && self.tariff == 0
            && self.device == 0
            && self.function == "instantaneous"
    }
}

/// One telegram of a meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telegram {
    /// The primary address it came from.
    pub address: u8,
    /// Control information.
    pub ci: u8,
    /// Who sent it, where it says so.
    pub header: Option<Header>,
    /// Its records, in order.
    pub records: Vec<Record>,
    /// Another telegram follows.
    pub more_follows: bool,
    /// What is not taken apart: encrypted, of a maker's own form.
    pub rest: Vec<u8>,
}

impl Telegram {
    /// Reads the data behind the control information.
    pub fn read(address: u8, ci: u8, data: &[u8]) -> Self {
        let mut telegram = Self {
            address,
            ci,
            header: None,
            records: Vec::new(),
            more_follows: false,
            rest: Vec::new(),
        };
        match (ci, data) {
            (CI_VARIABLE, data) => match data.split_first_chunk::<HEADER>() {
                Some((header, records)) => {
                    let header = long_header(header);
                    telegram.take(records, header.encrypted);
                    telegram.header = Some(header);
                }
                None => telegram.rest = data.to_vec(),
            },
            (CI_SHORT, [_, _, low, high, records @ ..]) => {
                telegram.take(records, is_encrypted([*low, *high]));
            }
            (CI_BARE, records) => telegram.take(records, false),
            (CI_FIXED, data) => telegram.fixed(data),
            _ => telegram.rest = data.to_vec(),
        }
        telegram
    }

    fn take(&mut self, bytes: &[u8], encrypted: bool) {
        if encrypted {
            self.rest = bytes.to_vec();
            return;
        }
        for record in parse_data_records(bytes).take(MAX_RECORDS) {
            let Ok(record) = record else {
                let (value, unit) = (Value::Invalid(String::new()), String::new());
                self.records.push(plain("unreadable", value, unit));
                continue;
            };
            if record.data_information().is_none() || record.value_information().is_none() {
                // A maker's own bytes to the end, and perhaps the sign that more follows.
                self.more_follows |= record.raw_bytes().first() == Some(&MORE_FOLLOWS);
                self.rest = record.raw_bytes().get(1..).unwrap_or_default().to_vec();
                continue;
            }
            self.records.push(read_record(&record));
        }
    }

    /// Two counters of four bytes, whose units the two bytes before them say.
    fn fixed(&mut self, data: &[u8]) {
        let (Some(id), Some(rest)) = (data.first_chunk::<4>(), data.get(4..)) else {
            self.rest = data.to_vec();
            return;
        };
        let [a, b, c, d] = *id;
        let [access, status, first, second, ..] = *rest else {
            self.rest = data.to_vec();
            return;
        };
        let wire = [a, b, c, d, 0, 0, 0, fixed::medium(first, second)];
        self.header = Some(Header { wire, access, status, encrypted: false });
        for (nth, at) in [(1, 4), (2, 8)] {
            if let Some(counter) = rest.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
                self.records.push(fixed::record(nth, [first, second], status, *counter));
            }
        }
    }
}

pub(super) fn plain(name: &str, value: Value, unit: String) -> Record {
    let name = name.to_owned();
    Record { name, value, unit, storage: 0, tariff: 0, device: 0, function: "instantaneous" }
}

fn long_header(bytes: &[u8; HEADER]) -> Header {
    let [a, b, c, d, e, f, version, medium, access, status, low, high] = *bytes;
    Header {
        wire: [a, b, c, d, e, f, version, medium],
        access,
        status,
        encrypted: is_encrypted([low, high]),
    }
}

/// The security mode is in the low five bits of the second byte; 0 is none.
fn is_encrypted([_, high]: [u8; 2]) -> bool {
    high & 0x1F != 0
}

fn read_record(record: &DataRecord<'_>) -> Record {
    let (value, unit) = measure(record);
    let labels = record.value_information().map(|information| information.labels());
    let names: Vec<String> = labels.into_iter().flatten().map(label).collect();
    let data = record.data_information();
    let function = match data.map(|data| data.function_field) {
        Some(FunctionField::MaximumValue) => "maximum",
        Some(FunctionField::MinimumValue) => "minimum",
        Some(FunctionField::ValueDuringErrorState) => "error",
        _ => "instantaneous",
    };
    Record {
        name: names.join("_"),
        value,
        unit,
        storage: data.map_or(0, |data| data.storage_number),
        tariff: data.map_or(0, |data| data.tariff),
        device: data.map_or(0, |data| data.device),
        function,
    }
}

/// `FlowTemperature` as `flow_temperature`.
fn label(label: ValueLabel) -> String {
    let mut name = String::new();
    for letter in format!("{label:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}
