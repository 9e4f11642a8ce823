//! Meter models as data: which protocol, line settings, where the money stands, how a recharge
//! looks.
//!
//! A profile is a TOML file. The built-in ones are compiled in; an operator can add others without
//! a build. Reading one checks everything at once and names the key that is wrong, so that a
//! mistake shows when the profile is loaded and not in front of a meter. Nothing here knows a
//! protocol: identifiers are numbers, and `jobs` hands them to the protocol named.

pub mod bundle;
mod check;
mod fault;
mod lint;
mod manners;
mod money;
mod place;
mod raw;
mod relay;
mod set;

pub use fault::{ProfileFault, What};
pub use manners::Manners;
pub use relay::RelayRules;
pub use set::Profiles;

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::protocol::Framing;
use crate::protocol::form::Form;
use crate::units::CreditUnit;

/// The profile used when nothing else is said.
pub const DEFAULT: &str = "dlt645-2007-c";

/// Item names that have words in both languages and a place on the card, in the order of the card.
/// Any other name is shown as it is written.
pub const KNOWN_ITEMS: &[&str] = &[
    "energy",
    "energy-reverse",
    "energy-tip",
    "energy-peak",
    "energy-flat",
    "energy-valley",
    "reactive-energy",
    "balance",
    "overdraft",
    "count",
    "purchased",
    "voltage-a",
    "voltage-b",
    "voltage-c",
    "current-a",
    "current-b",
    "current-c",
    "power",
    "power-a",
    "power-b",
    "power-c",
    "reactive-power",
    "power-factor",
    "frequency",
    "volume",
    "volume-settled",
    "flow",
    "heat",
    "heat-power",
    "temperature-in",
    "temperature-out",
    "work-hours",
    "clock",
    "status",
    "price-tip",
    "price-peak",
    "price-flat",
    "price-valley",
    "alarm-1",
    "alarm-2",
    "number",
    "account",
    "model",
    "ct",
    "pt",
];

/// Longest profile file that is read, bytes.
pub const MAX_FILE: usize = 64 * 1024;

/// A meter model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its stable name, as stored with a meter.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// The protocol it speaks.
    pub protocol: Protocol,
    /// Who verifies the money.
    pub class: Class,
    /// Where the facts come from.
    pub source: String,
    /// How sure they are: A the maker's manual .. D orientation only.
    pub confidence: char,
    /// Serial line settings.
    pub line: Line,
    /// How long things may take.
    pub timing: Patience,
    /// Password level (PA) for writes; the password itself is the operator's secret.
    pub password_level: u8,
    /// How it likes to be spoken to, where makers differ.
    pub manners: Manners,
    /// How its relay is worked, where makers differ.
    pub relay: RelayRules,
    /// Why no parameter is written to it by 14H: what no document says. `None`: they are.
    pub unwritable: Option<String>,
    /// How the users of one box are numbered, for multi-user terminals.
    pub terminal: Option<Terminal>,
    /// What can be read, in the order it is read best.
    pub items: Vec<Item>,
    /// Names of status bits.
    pub status: Vec<StatusBit>,
    /// Where the money is. `None`: no document says how this model is recharged, or it has no
    /// account; the meter is read only.
    pub money: Option<MoneyRules>,
    /// Rows that `[money]` lacks, where there is a section that is not complete; `money` is `None`
    /// then.
    pub money_lacks: Vec<String>,
}

/// Protocols a profile can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
pub enum Protocol {
    /// DL/T 645, edition 2007.
    #[serde(rename = "dlt645-2007")]
    Dlt645_2007,
    /// DL/T 645, edition 1997.
    #[serde(rename = "dlt645-1997")]
    Dlt645_1997,
    /// Modbus RTU on a serial line, or behind a transparent server.
    #[serde(rename = "modbus-rtu")]
    ModbusRtu,
    /// Modbus TCP.
    #[serde(rename = "modbus-tcp")]
    ModbusTcp,
    /// IEC 62056-21.
    #[serde(rename = "iec62056-21")]
    Iec62056,
    /// CJ/T 188.
    #[serde(rename = "cjt188")]
    Cjt188,
    /// DL/T 698.45.
    #[serde(rename = "dlt698.45")]
    Dlt698,
    /// DLMS/COSEM over HDLC.
    #[serde(rename = "dlms-hdlc")]
    Dlms,
    /// Wired M-Bus.
    #[serde(rename = "mbus")]
    Mbus,
}

/// Assurance class: who verifies a recharge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Class {
    /// The meter itself verifies the token.
    A,
    /// A security module; without one in the handheld the meter is read-only offline.
    B,
    /// Only the handheld; the meter arbitrates by its purchase count.
    C,
}

/// The line a meter leaves the works with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Speed and characters.
    pub framing: Framing,
    /// FE bytes before a request.
    pub preamble: u8,
}

/// How long to wait, and how often to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until the first byte of an answer to a read.
    pub answer: Duration,
    /// Longest pause inside a frame.
    pub gap: Duration,
    /// Until the first byte of an answer to a recharge.
    pub money: Duration,
    /// Quiet the meter needs on the line before a request, on top of what the protocol asks.
    pub silence: Duration,
    /// How often a read is tried.
    pub tries: u8,
}

/// Something that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name; those of [`KNOWN_ITEMS`] have words in both languages and a place on the card.
    pub name: String,
    /// Where it is.
    pub at: Place,
    /// How it lies there. `None` where the protocol's own tables or the answer itself say.
    pub form: Option<Form>,
    /// Bytes it takes, for forms that do not say.
    pub len: Option<u16>,
    /// Places behind the point.
    pub decimals: u8,
    /// Its unit, as it is written; may be empty.
    pub unit: String,
    /// Where the fact comes from.
    pub source: String,
    /// How sure it is: A to D.
    pub confidence: char,
}

/// Where an item is in a meter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// DL/T 645 identifier: four bytes (2007) or two (1997).
    Di(u32),
    /// A Modbus register: read by function 3 (holding) or 4 (input), address from 0.
    Register { function: u8, address: u16 },
    /// An IEC 62056-21 data set's address, `1.8.0`.
    Iec(String),
    /// A value of a CJ/T 188 answer, by its name in `protocol::cjt188`.
    Cjt188(String),
    /// A DL/T 698.45 object attribute.
    Oad(u32),
    /// A COSEM attribute: class, logical name, attribute.
    Cosem { class: u16, obis: [u8; 6], attribute: i8 },
    /// An M-Bus data record, from 0.
    Record(u16),
}

/// How the users of a multi-user terminal are numbered on the line: one box, many meters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Addresses from one box to the next (36: boxes at 1, 37, 73, ...).
    pub step: u8,
    /// Addresses a three-phase (or CT) user takes; a single-phase user takes one.
    pub wide: u8,
    /// Boxes on a line at most.
    pub boxes: u8,
    /// Register that counts the three-phase users, read through the box's first address.
    pub three_phase: u16,
    /// Register that counts the single-phase users.
    pub single_phase: u16,
}

/// A bit of a status word with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusBit {
    /// The item it is in.
    pub item: String,
    /// From 0, lowest first.
    pub bit: u8,
    /// Its name, as in `protocol::dlt645::words` where it is the same thing.
    pub name: String,
}

/// How a meter keeps its account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoneyRules {
    /// What the account is kept in.
    pub unit: CreditUnit,
    /// The dearest price, fen per kWh: bounds what consumption can take between two readings.
    pub price_fen_per_kwh: i64,
    /// The largest load, W: the same bound where energy cannot be read.
    pub power_w: i64,
    /// Where the section's facts come from.
    pub source: String,
    /// How sure they are: A to D. Below B a recharge needs the operator's explicit word.
    pub confidence: char,
    /// Where it is.
    pub at: MoneyAt,
}

/// Where a meter keeps its account, and how it is recharged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoneyAt {
    /// By DL/T 645-2007 identifiers and the 03H command.
    Dlt645(Dlt645Money),
    /// In Modbus registers, by a maker's or an operator's document.
    Modbus(ModbusMoney),
}

/// The account of a DL/T 645-2007 meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dlt645Money {
    /// The layout of the recharge frame.
    pub recharge: Layout,
    /// How credit is taken out; `None`: no document says how, it cannot be done in the field.
    pub refund: Option<Refund>,
    /// Identifier of the balance.
    pub balance: u32,
    /// Identifier of the overdraft.
    pub overdraft: u32,
    /// Identifier of the purchase count.
    pub count: u32,
    /// Identifiers of count, amount, balance before and after in the newest purchase record.
    pub record: [u32; 4],
    /// How many records the meter keeps.
    pub rows: u8,
    /// Identifier of the largest balance the meter takes, if it has one.
    pub hoard: Option<u32>,
}

/// A value in Modbus registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// First register.
    pub register: u16,
    /// How it lies there.
    pub form: Form,
    /// Registers it takes.
    pub words: u16,
}

/// The account of a Modbus meter. Identity and account number are not optional: money that cannot
/// be shown to reach the right meter and the right customer does not move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModbusMoney {
    /// The meter's own number, twelve digits.
    pub identity: Field,
    /// The customer number stored in it; 0: never opened.
    pub account: Field,
    /// Purchase count.
    pub count: Field,
    /// Remaining, hundredths; negative is overdraft.
    pub balance: Field,
    /// Overdraft, hundredths, where it is kept by itself.
    pub overdraft: Option<Field>,
    /// Count and amount of the newest purchase, where kept.
    pub last: Option<[Field; 2]>,
    /// Where function 10H writes a recharge.
    pub write: u16,
    /// What it writes, in order, without gaps.
    pub parts: Vec<(Part, Form)>,
}

/// A part of a Modbus recharge block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The amount bought, hundredths.
    Amount,
    /// The purchase count after it.
    Count,
    /// The customer number.
    Account,
}

impl Dlt645Money {
    /// The identifiers of record row `row` (1 = newest), if the meter keeps that many.
    pub fn record_row(&self, row: u32) -> Option<[u32; 4]> {
        let kept = (1..=u32::from(self.rows)).contains(&row);
        kept.then(|| self.record.map(|di| di - 1 + row))
    }
}

/// Layouts of a recharge frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Amount, count, MAC, customer number, MAC (SGCC, CSG).
    Sgcc,
    /// Amount, order number, zero MAC, meter number, zero MAC (TMS).
    Tms,
    /// KO, older meters: as SGCC, the MACs ignored; the answer carries balance, count and customer.
    Ko,
    /// KO of 2018: meter and customer first, then amount and count in BCD, and a flag.
    #[serde(rename = "ko-2018")]
    Ko2018,
    /// Kede: amount (0.01 kWh) and count in BCD, a flag, 13 zero bytes. Names no customer.
    Kede,
    /// TW gateway: as SGCC, but the first purchase goes out as an opening (070101FF).
    Tw,
}

/// Layouts of the frame that takes credit out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Refund {
    /// Control 14H on identifier 04001006 (SGCC, CSG).
    Sgcc,
}

impl Layout {
    /// Whether an opening frame of this maker is documented.
    pub fn opens(self) -> bool {
        matches!(self, Self::Sgcc | Self::Ko | Self::Tw)
    }

    /// Whether the frame names the purchase count, so that the meter can arbitrate between
    /// duplicates.
    pub fn names_count(self) -> bool {
        self != Self::Tms
    }
}

/// Why there is no profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// The first thing wrong with it; [`Profile::check`] tells the others.
    #[error("profile: {0}")]
    Faulty(Box<ProfileFault>),
    /// No built-in profile has this name.
    #[error("no profile named {0:?}")]
    Unknown(String),
}

impl Profile {
    /// Reads a profile and checks every value.
    ///
    /// # Errors
    /// [`ProfileError::Faulty`] naming line and key.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        match Self::check(text) {
            (Some(profile), _) => Ok(profile),
            (None, faults) => {
                let first = faults.into_iter().find(|fault| fault.what.is_fault());
                Err(ProfileError::Faulty(Box::new(first.unwrap_or_default())))
            }
        }
    }

    /// Reads a profile and tells everything that is wrong or doubtful about it, in the order of its
    /// lines. There is a profile unless something is wrong.
    pub fn check(text: &str) -> (Option<Self>, Vec<ProfileFault>) {
        check::read(text)
    }

    /// The built-in profile of that name.
    ///
    /// # Errors
    /// [`ProfileError::Unknown`].
    pub fn built_in(id: &str) -> Result<Self, ProfileError> {
        let unknown = || ProfileError::Unknown(id.to_owned());
        set::text_of(id).ok_or_else(unknown).and_then(Self::parse)
    }

    /// The file of the built-in profile of that name, to begin one's own with.
    pub fn built_in_text(id: &str) -> Option<&'static str> {
        set::text_of(id)
    }

    /// Where the account is, where it is kept as DL/T 645-2007 says; and its unit.
    pub fn dlt645_money(&self) -> Option<(CreditUnit, Dlt645Money)> {
        match self.money.as_ref()? {
            MoneyRules { unit, at: MoneyAt::Dlt645(money), .. } => Some((*unit, *money)),
            _ => None,
        }
    }

    /// The layout of the recharge frame, for DL/T 645-2007.
    pub fn layout(&self) -> Option<Layout> {
        self.dlt645_money().map(|(_, money)| money.recharge)
    }

    /// The names of the built-in profiles.
    pub fn built_in_ids() -> Vec<String> {
        set::built_in().map(|profile| profile.id).collect()
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests;
