//! Evidence of a DL/T 645-2007 meter.

use sha2::{Digest, Sha256};

use super::{DI_ACCOUNT, DI_ADDRESS, DI_CLOCK, DI_ENERGY, DI_STATUS_3, How, Seen, clock_block};
use super::{counted, relay, word, written};
use crate::jobs::ask::Answers;
use crate::jobs::failure::fail;
use crate::jobs::views::Failure;
use crate::jobs::{Line, ask, failure};
use crate::profile::Dlt645Money;
use crate::protocol::dlt645::dialogue::{AccountStatus, ExchangeError, PurseStatus};
use crate::protocol::dlt645::frame::Address;
use crate::protocol::value::read_bcd;
use crate::report::Code;
use crate::units::{
    AccountNo, Credit, CreditUnit, Energy, Evidence, MeterNo, PurchaseCount, PurchaseRecord,
};

/// Status word 3, bits 14 and 15: local and remote account not opened.
const NOT_OPENED: u16 = 0xC000;

/// The rules of the account: its unit, and where it is.
type Rules = (CreditUnit, Dlt645Money);

/// Reads the evidence of one meter.
pub(super) fn take(
    line: &mut Line<'_>,
    rules: Rules,
    meter: MeterNo,
    how: How,
) -> Result<Seen, Failure> {
    let (_, money) = rules;
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
        return Err(fail(Code::MeterOther, format!("{other} / {meter}")));
    }
    let purse = match answers.data(money.count) {
        None => Some(purse(line, meter, &mut digest)?),
        Some(_) => None,
    };
    let mut seen = assemble(line, rules, meter, &answers, purse)?;
    if let Some(step) = how.step {
        seen.record = step_record(line, &money, &seen, step, &mut digest)?;
    }
    if let Some(token) = how.debit {
        seen.written = written::written(line, meter, &[token], &mut digest)?;
    }
    seen.evidence.frames_digest = digest.finalize().into();
    Ok(seen)
}

/// Puts together what was read; an item that money needs and that is not there is an error.
fn assemble(
    line: &Line<'_>,
    (unit, money): Rules,
    meter: MeterNo,
    answers: &Answers,
    purse: Option<PurseStatus>,
) -> Result<Seen, Failure> {
    let number = |di| answers.data(di).and_then(|data| read_bcd(data, false));
    let need = |di: u32| number(di).ok_or_else(|| fail(Code::MeterRefused, format!("{di:08X}")));
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
        written: None,
        items: answers.given(),
        took_ms: u64::try_from(answers.took.as_millis()).unwrap_or(u64::MAX),
    })
}

/// The customer number; `None` when the account was never opened.
fn account(answers: &Answers, purse: Option<PurseStatus>) -> Result<Option<AccountNo>, Failure> {
    if answers.refused(DI_ACCOUNT) {
        // "Not given" must not become "not opened": that would read as a reset.
        return Err(fail(Code::MeterRefused, format!("{DI_ACCOUNT:08X}")));
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
        ExchangeError::Refused(_) => fail(Code::MeterRefused, error.to_string()),
        _ => ask::named(&error, meter),
    })
}

/// Operator code of frames that change nothing, as event records would show it.
const OPERATOR: [u8; 4] = [0; 4];

/// The record of `step`: the newest one, or one further back in the ring.
fn step_record(
    line: &mut Line<'_>,
    money: &Dlt645Money,
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
    let Some(items) = money.record_row(row_no) else { return Ok(None) };
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
        balances: Some([before?, after?]),
    })
}

fn wire6(data: &[u8]) -> Option<[u8; 6]> {
    data.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_row_is_no_record() {
        let items = [1, 2, 3, 4];
        assert_eq!(row(|_| Some(0), items), None);
        assert_eq!(row(|di| (di != 3).then_some(5), items), None, "one column refused");
        let record = row(|di| Some(i64::from(di) * 10), items).unwrap();
        assert_eq!((record.count.0, record.amount, record.balances), (10, 20, Some([30, 40])));
    }
}
