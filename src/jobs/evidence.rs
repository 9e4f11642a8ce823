//! Reading the evidence that money is decided by: which meter, which account, which step, how much.
//!
//! One pass reads address, customer number, purchase count with its record, balance, overdraft,
//! energy, clock and relay. Whatever the meter does not give is either not needed ([`Evidence`]'s
//! options) or an error; nothing is guessed.

use sha2::{Digest, Sha256};

use super::ask::Answers;
use super::views::Failure;
use super::{Line, ask, failure};
use crate::profile::Dlt645Money;
use crate::protocol::dlt645::dialogue::{AccountStatus, ExchangeError, PurseStatus};
use crate::protocol::dlt645::frame::Address;
use crate::protocol::value::{CivilTime, read_bcd};
use crate::report::Code;
use crate::units::{
    AccountNo, Credit, CreditUnit, Energy, Evidence, MeterNo, PurchaseCount, PurchaseRecord,
    RelayState, UnixSeconds,
};

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

/// Status word 3, bits 14 and 15: local and remote account not opened.
const NOT_OPENED: u16 = 0xC000;
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
    /// The items as they came.
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
}

/// Reads the evidence of one meter.
///
/// # Errors
/// Line failures; [`Code::MeterRefused`] where the meter does not give what money needs;
/// [`Code::MeterOther`] when its own address is not the one it answered to.
pub fn take(line: &mut Line<'_>, meter: MeterNo, how: How) -> Result<Seen, Failure> {
    let (_, money) = rules(line)?;
    let [count, amount, before, after] = money.record;
    let mut items = vec![DI_ADDRESS, DI_ACCOUNT, money.count];
    if count != money.count {
        items.push(count);
    }
    items.extend([amount, before, after, money.balance, money.overdraft]);
    if how.hoard {
        items.extend(money.hoard);
    }
    let required = items.len();
    items.extend([DI_ENERGY, DI_STATUS_3, DI_CLOCK]);
    let answers = ask::read(line, meter, &items, required)?;

    let mut digest = Sha256::new();
    digest.update(answers.digest);
    let own = answers.data(DI_ADDRESS).and_then(wire6).and_then(MeterNo::from_wire);
    if let Some(other) = own.filter(|own| *own != meter) {
        return Err(failure::fail(Code::MeterOther, format!("{other} / {meter}")));
    }
    let purse = match answers.data(money.count) {
        None => Some(purse(line, meter, &mut digest)?),
        Some(_) => None,
    };
    let mut seen = assemble(line, meter, &answers, purse)?;
    if let Some(step) = how.step {
        seen.record = step_record(line, &seen, step, &mut digest)?;
    }
    seen.evidence.frames_digest = digest.finalize().into();
    Ok(seen)
}

/// Where this kind of meter keeps its account.
fn rules(line: &Line<'_>) -> Result<(CreditUnit, Dlt645Money), Failure> {
    let unknown = || failure::fail(Code::MoneyUnknown, line.profile.id.clone());
    line.profile.dlt645_money().ok_or_else(unknown)
}

/// Puts together what was read; an item that money needs and that is not there is an error.
fn assemble(
    line: &Line<'_>,
    meter: MeterNo,
    answers: &Answers,
    purse: Option<PurseStatus>,
) -> Result<Seen, Failure> {
    let (unit, money) = rules(line)?;
    let number = |di| answers.data(di).and_then(|data| read_bcd(data, false));
    let need =
        |di: u32| number(di).ok_or_else(|| failure::fail(Code::MeterRefused, format!("{di:08X}")));
    let balance = match purse {
        // A meter without records may lack the balance item, too.
        Some(purse) => number(money.balance).unwrap_or(i64::from(purse.balance)),
        None => need(money.balance)?,
    };
    let overdraft = if purse.is_some() { number(money.overdraft) } else { None };
    let overdraft = overdraft.map_or_else(|| need(money.overdraft), Ok)?;
    let count = match purse {
        Some(purse) => purse.count,
        None => counted(need(money.count)?)?,
    };
    let last_purchase = row(number, money.record);
    Ok(Seen {
        evidence: Evidence {
            meter,
            account: account(answers, purse)?,
            count,
            balance: Credit { value: balance, unit },
            overdraft,
            last_purchase,
            energy: number(DI_ENERGY).map(Energy),
            meter_clock: answers.data(DI_CLOCK).and_then(clock_block),
            relay: answers.data(DI_STATUS_3).and_then(word).map(relay),
            read_at: line.now(),
            frames_digest: [0; 32],
        },
        hoard: money.hoard.and_then(number),
        record: None,
        items: answers.given(),
        took_ms: u64::try_from(answers.took.as_millis()).unwrap_or(u64::MAX),
    })
}

/// The customer number; `None` when the account was never opened.
fn account(answers: &Answers, purse: Option<PurseStatus>) -> Result<Option<AccountNo>, Failure> {
    if answers.refused(DI_ACCOUNT) {
        // "Not given" must not become "not opened": that would read as a reset.
        return Err(failure::fail(Code::MeterRefused, format!("{DI_ACCOUNT:08X}")));
    }
    let status = answers.data(DI_STATUS_3).and_then(word);
    if status.is_some_and(|word| word & NOT_OPENED == NOT_OPENED) {
        return Ok(None);
    }
    let shown = answers.data(DI_ACCOUNT).and_then(wire6).filter(|bcd| *bcd != [0; 6]);
    Ok(shown.and_then(AccountNo::from_wire).or(purse.and_then(|purse| purse.account)))
}

/// The purse itself (078102FF), for meters that keep no records or whose ring is empty.
fn purse(line: &mut Line<'_>, meter: MeterNo, digest: &mut Sha256) -> Result<PurseStatus, Failure> {
    if line.doubtful {
        ask::read(line, meter, &[DI_ADDRESS], 1)?;
    }
    let (timing, retry) = (ask::timing(line), ask::retry(line));
    let mut dialogue = AccountStatus::new(Address::meter(meter), OPERATOR, timing, retry);
    let ended = ask::run(line, &mut dialogue, digest).map_err(|e| failure::drive(&e))?;
    line.doubtful = ended.is_err();
    ended.map_err(|error| match error {
        ExchangeError::Refused(_) => failure::fail(Code::MeterRefused, error.to_string()),
        _ => ask::named(&error, meter),
    })
}

/// Operator code of frames that change nothing, as event records would show it.
pub const OPERATOR: [u8; 4] = [0; 4];

/// The record of `step`: the newest one, or one further back in the ring.
fn step_record(
    line: &mut Line<'_>,
    seen: &Seen,
    step: PurchaseCount,
    digest: &mut Sha256,
) -> Result<Option<PurchaseRecord>, Failure> {
    let newest = seen.evidence.last_purchase;
    if newest.is_some_and(|record| record.count == step) {
        return Ok(newest);
    }
    let back = seen.evidence.count.0.checked_sub(step.0);
    let Some(row_no) = back.filter(|back| *back > 0).map(|back| back.saturating_add(1)) else {
        return Ok(None);
    };
    let Some(items) = rules(line)?.1.record_row(row_no) else { return Ok(None) };
    let meter = seen.evidence.meter;
    let answers = ask::read(line, meter, &items, items.len())?;
    digest.update(answers.digest);
    let number = |di| answers.data(di).and_then(|data| read_bcd(data, false));
    Ok(row(number, items).filter(|record| record.count == step))
}

/// Puts a record together; a row with count zero is an empty one.
fn row(number: impl Fn(u32) -> Option<i64>, items: [u32; 4]) -> Option<PurchaseRecord> {
    let [count, amount, before, after] = items.map(number);
    Some(PurchaseRecord {
        count: counted(count?).ok().filter(|count| count.0 > 0)?,
        amount: amount?,
        before: before?,
        after: after?,
    })
}

fn counted(number: i64) -> Result<PurchaseCount, Failure> {
    let count = u32::try_from(number).map(PurchaseCount);
    count.map_err(|_| failure::fail(Code::MeterGarbled, number.to_string()))
}

fn wire6(data: &[u8]) -> Option<[u8; 6]> {
    data.try_into().ok()
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
    let [second, minute, hour, _week, day, month, year] = *<&[u8; 7]>::try_from(data).ok()?;
    civil([second, minute, hour, day, month, year])
}

/// Date (WW DD MM YY) and time (ss mm hh) read apart, wire order, as civil seconds.
pub(super) fn clock_parts(date: &[u8], time: &[u8]) -> Option<UnixSeconds> {
    let ([_week, day, month, year], [second, minute, hour]) =
        (*<&[u8; 4]>::try_from(date).ok()?, *<&[u8; 3]>::try_from(time).ok()?);
    civil([second, minute, hour, day, month, year])
}

/// ss mm hh DD MM YY in BCD as seconds since 1970 of the civil time itself, without a zone.
fn civil(wire: [u8; 6]) -> Option<UnixSeconds> {
    let time = CivilTime::from_wire(wire)?;
    let as_i8 = |number: u8| i8::try_from(number).ok();
    let date = jiff::civil::DateTime::new(
        2000 + i16::from(time.year),
        as_i8(time.month)?,
        as_i8(time.day)?,
        as_i8(time.hour)?,
        as_i8(time.minute)?,
        as_i8(time.second)?,
        0,
    )
    .ok()?;
    let moment = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(UnixSeconds(moment.timestamp().as_second()))
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

    #[test]
    fn an_empty_row_is_no_record() {
        let items = [1, 2, 3, 4];
        assert_eq!(row(|_| Some(0), items), None);
        assert_eq!(row(|di| (di != 3).then_some(5), items), None, "one column refused");
        let record = row(|di| Some(i64::from(di) * 10), items).unwrap();
        assert_eq!((record.count.0, record.amount, record.before, record.after), (10, 20, 30, 40));
        assert_eq!(counted(-1).unwrap_err().code, Code::MeterGarbled);
    }
}
