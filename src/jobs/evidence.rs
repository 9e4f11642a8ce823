//! Reading the evidence that money is decided by: which meter, which account, which step, how much.
//!
//! One pass reads identity, customer number, purchase count with its record, balance, overdraft,
//! energy and clock, each by the meter's own protocol. Whatever the meter does not give is either
//! not needed ([`Evidence`]'s options) or an error; nothing is guessed.

mod dlt645;
mod modbus;
pub mod written;

use super::address::BusAddress;
use super::views::Failure;
use super::{Line, civil, failure};
use crate::profile::{MoneyAt, MoneyRules};
use crate::report::Code;
use crate::units::{
    Evidence, IntentFacts, MeterNo, PurchaseCount, PurchaseRecord, RelayState, TokenId, UnixSeconds,
};
use written::Written;

/// Communication address.
pub const DI_ADDRESS: u32 = 0x0400_0401;
/// Customer number.
pub const DI_ACCOUNT: u32 = 0x0400_040E;
/// Forward active energy, total. The combined total where the forward one is refused is not taken:
/// it can run backwards.
pub const DI_ENERGY: u32 = 0x0001_0000;
/// Date and time in one block.
pub const DI_CLOCK: u32 = 0x0400_010C;
/// Status word 3: relay, account opened.
pub const DI_STATUS_3: u32 = 0x0400_0503;

/// Status word 3, bit 4: relay open.
const RELAY_OPEN: u16 = 0x0010;

/// Evidence with what came along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What the meter showed.
    pub evidence: Evidence,
    /// The meter's own limit of the balance, hundredths, if it has one.
    pub hoard: Option<i64>,
    /// The record of the step asked for, if the meter still has it.
    pub record: Option<PurchaseRecord>,
    /// What the meter wrote down of the debit asked for, if it keeps such records.
    pub written: Option<Written>,
    /// The items as they came: by DL/T 645 identifier, or by register.
    pub items: Vec<(u32, Vec<u8>)>,
    /// How long it took on the line, milliseconds.
    pub took_ms: u64,
}

/// How to read.
#[derive(Debug, Clone, Copy, Default)]
pub struct How {
    /// Read the meter's limit of the balance too.
    pub hoard: bool,
    /// Find the record of this step too.
    pub step: Option<PurchaseCount>,
    /// Find what the meter wrote down of this token's debit too.
    pub debit: Option<TokenId>,
}

impl How {
    /// What an act needs to be judged by: a debit takes no step, so its own record is looked for.
    pub fn of(facts: &IntentFacts) -> Self {
        let debit = facts.act.is_debit().then_some(facts.token);
        Self { hoard: false, step: facts.count_before.next(), debit }
    }
}

/// Reads the evidence of one meter at its address on the bus.
///
/// # Errors
/// Line failures; [`Code::MoneyUnknown`] where no document says where the account is, before
/// anything is sent; [`Code::MeterRefused`] where the meter does not give what money needs;
/// [`Code::MeterOther`] when its own number is not the one looked for.
pub fn take(
    line: &mut Line<'_>,
    meter: MeterNo,
    address: &BusAddress,
    how: How,
) -> Result<Seen, Failure> {
    let rules = rules(line)?;
    match (&rules.at, address) {
        // A DL/T 645 meter is called by its number, whatever it hangs on.
        (MoneyAt::Dlt645(money), _) => dlt645::take(line, (rules.unit, *money), meter, how),
        (MoneyAt::Modbus(money), BusAddress::Modbus(unit)) => {
            modbus::take(line, (rules.unit, money), meter, *unit, how)
        }
        (MoneyAt::Modbus(_), other) => {
            Err(failure::fail(Code::BusAddress, format!("{other}: {}", line.profile.id)))
        }
    }
}

/// Where this kind of meter keeps its account.
fn rules<'a>(line: &Line<'a>) -> Result<&'a MoneyRules, Failure> {
    line.profile.money.as_ref().ok_or_else(|| super::check::money_unknown(line.profile))
}

fn counted(number: i64) -> Result<PurchaseCount, Failure> {
    let count = u32::try_from(number).map(PurchaseCount);
    count.map_err(|_| failure::fail(Code::MeterGarbled, number.to_string()))
}

/// A status word: two bytes, low byte first.
pub(super) fn word(data: &[u8]) -> Option<u16> {
    data.try_into().ok().map(u16::from_le_bytes)
}

/// The relay by status word 3.
pub(super) fn relay(status_3: u16) -> RelayState {
    if status_3 & RELAY_OPEN == 0 { RelayState::Closed } else { RelayState::Open }
}

/// Date and time in one block, wire order ss mm hh WW DD MM YY, as civil seconds.
pub(super) fn clock_block(data: &[u8]) -> Option<UnixSeconds> {
    civil::of_clock(data).and_then(civil::seconds)
}

/// Date (WW DD MM YY) and time (ss mm hh) read apart, wire order, as civil seconds.
pub(super) fn clock_parts(date: &[u8], time: &[u8]) -> Option<UnixSeconds> {
    let ([_week, day, month, year], [second, minute, hour]) =
        (*<&[u8; 4]>::try_from(date).ok()?, *<&[u8; 3]>::try_from(time).ok()?);
    civil::of_wire([second, minute, hour, day, month, year]).and_then(civil::seconds)
}

/// Meter clock minus handheld clock at the moment of reading, seconds.
pub(super) fn drift(line: &Line<'_>, meter_clock: Option<UnixSeconds>) -> Option<i64> {
    let now = line.now();
    Some(meter_clock?.0 - (now.0 + line.clock.offset_s(now)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_become_civil_seconds() {
        // 2021-07-07 18:40:02, a Wednesday.
        let block = [0x02, 0x40, 0x18, 0x03, 0x07, 0x07, 0x21];
        assert_eq!(clock_block(&block), Some(UnixSeconds(1_625_683_202)));
        let (date, time) = ([0x03, 0x07, 0x07, 0x21], [0x02, 0x40, 0x18]);
        assert_eq!(clock_parts(&date, &time), clock_block(&block));
        assert_eq!(clock_block(&[0x02, 0x40, 0x18, 0x03, 0x31, 0x02, 0x21]), None, "31 February");
        assert_eq!(clock_block(&block[1..]), None);
    }
}
