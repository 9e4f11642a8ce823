//! Bundles of parameters as data: what stands in the file, and which items of a DL/T 645-2007
//! meter it comes to.
//!
//! The file says prices, tables and limits in a person's words (`docs/bundle.md`); here each
//! becomes an identifier and its bytes (`reference/dlt645.md` 3.3 to 3.5). Tables of which a meter
//! keeps two sets go to the standby set only, and the minute at which the sets change places is
//! kept apart, because it is written last. What can carry money is refused, whoever wrote it: money
//! moves with a recharge token and in no other way.

mod read;
mod rows;

use super::fault::ProfileFault;
use crate::protocol::value::CivilTime;

/// Longest bundle file that is read, bytes.
pub const MAX_BUNDLE: usize = 64 * 1024;
/// Number of year zones the meter's tables have.
pub const DI_ZONES: u32 = 0x0400_0201;
/// Number of day tables.
pub const DI_DAYS: u32 = 0x0400_0202;
/// Number of slots in a day.
pub const DI_SLOTS: u32 = 0x0400_0203;
/// Number of rates.
pub const DI_RATES: u32 = 0x0400_0204;
/// Number of steps.
pub const DI_STEPS: u32 = 0x0400_0207;

/// A table a meter keeps twice: one set in force, one standing by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Set {
    /// Year zones: which day table holds from which day on.
    Zones,
    /// Day tables: which rate holds from which minute on.
    Days,
    /// Prices of the rates.
    Prices,
    /// Steps and their prices.
    Steps,
}

impl Set {
    /// All of them, in the order their switch times are written.
    pub const ALL: [Self; 4] = [Self::Days, Self::Zones, Self::Prices, Self::Steps];

    /// Its stable name, as in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zones => "zones",
            Self::Days => "days",
            Self::Prices => "prices",
            Self::Steps => "steps",
        }
    }

    /// The identifier of its switch time.
    pub fn switch(self) -> u32 {
        match self {
            Self::Zones => 0x0400_0106,
            Self::Days => 0x0400_0107,
            Self::Prices => 0x0400_0108,
            Self::Steps => 0x0400_0109,
        }
    }
}

/// One item to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleItem {
    /// Its key in the file: `limits.overload`, `tariff.day[2]`.
    pub name: String,
    /// The line it stands in.
    pub line: usize,
    /// Where it goes.
    pub di: u32,
    /// Its bytes as they are sent.
    pub value: Vec<u8>,
    /// The set it belongs to, for what a meter keeps twice.
    pub set: Option<Set>,
}

/// When a set changes places with the one in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switch {
    /// Which.
    pub set: Set,
    /// At which minute of the meter's clock.
    pub at: CivilTime,
}

impl Switch {
    /// The five bytes of a switch time: mm hh DD MM YY.
    pub fn value(self) -> [u8; 5] {
        let [_, rest @ ..] = self.at.wire();
        rest
    }
}

/// What the tables of a bundle need of a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// The item that says how many the meter has.
    pub di: u32,
    /// How many the bundle has.
    pub count: u8,
    /// Whether the meter may have more.
    pub at_least: bool,
}

/// A set of parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// What it is called.
    pub name: String,
    /// Its version, from 1.
    pub version: u32,
    /// What is written, in order.
    pub items: Vec<BundleItem>,
    /// When the sets change places, one for each set that is written.
    pub switches: Vec<Switch>,
    /// What the meter must be like for the tables to mean what they say.
    pub needs: Vec<Need>,
    /// Whether the meter's clock is set first.
    pub clock: bool,
    /// The password level that gets a new password, last of all.
    pub password: Option<u8>,
}

impl Bundle {
    /// Reads a bundle file and tells everything that is wrong with it, in the order of its lines.
    pub fn check(text: &str) -> (Option<Self>, Vec<ProfileFault>) {
        read::read(text)
    }
}

/// Whether an identifier can carry money: registers of balances and purchases, refund and recharge,
/// the customer number (whose money it is), and every maker's own block, which may hold a preset
/// amount (`reference/tokens.md` D18).
pub fn carries_money(di: u32) -> bool {
    let area = di >> 24;
    let known = matches!(area, 0x01 | 0x02 | 0x04 | 0x05 | 0x10..=0x1F);
    let account = matches!(di, 0x0400_1006 | 0x0400_040E);
    // 045..... are a maker's own among the parameters.
    let makers = area == 0x04 && matches!(di >> 16 & 0xFF, 0x40..=0x7F);
    !known || account || makers
}

#[cfg(test)]
mod tests;
