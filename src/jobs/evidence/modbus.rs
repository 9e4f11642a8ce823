//! Evidence of a Modbus meter, from the registers its profile names.
//!
//! Registers carry no names: an answer from another place would look the same. So everything is
//! read in the few blocks of one plan, no two in a row of the same length, and identity and account
//! are among them each time.

use sha2::{Digest, Sha256};

use super::{How, Seen, counted};
use crate::jobs::failure::fail;
use crate::jobs::readout::{paced, target, trouble};
use crate::jobs::views::Failure;
use crate::jobs::{Line, ask, civil, failure};
use crate::profile::{Field, Item, ModbusMoney, Place};
use crate::protocol::exchange::{Refusal, Reply};
use crate::protocol::form::Form;
use crate::protocol::modbus::ask as question;
use crate::protocol::modbus::frame::Unit;
use crate::protocol::modbus::pdu::{MAX_READ, Table};
use crate::protocol::modbus::plan::{self, Block, Want};
use crate::protocol::value::Value;
use crate::report::Code;
use crate::units::{
    AccountNo, Credit, CreditUnit, Energy, Evidence, MeterNo, PurchaseRecord, UnixSeconds,
};

/// The rules of the account: its unit, and where it is.
type Rules<'a> = (CreditUnit, &'a ModbusMoney);

/// What came, in the order it was wanted.
struct Answers<'a> {
    money: &'a ModbusMoney,
    fields: Vec<Field>,
    replies: Vec<Option<Reply<Vec<u8>>>>,
}

/// Reads the evidence of one meter.
pub(super) fn take(
    line: &mut Line<'_>,
    (unit, money): Rules<'_>,
    meter: MeterNo,
    at: Unit,
    how: How,
) -> Result<Seen, Failure> {
    let begun = line.link.now();
    let fields = required(money);
    let (energy, clock) = (item(line, "energy"), item(line, "clock"));
    let mut wants: Vec<Want> = fields.iter().map(field_want).collect();
    let mut further = |item: Option<&Item>| {
        let want = item.and_then(item_want)?;
        wants.push(want);
        Some(wants.len() - 1)
    };
    let places = (further(energy), further(clock));
    let mut digest = Sha256::new();
    let replies = read(line, at, &wants, fields.len(), &mut digest)?;
    let bytes = |place: Option<usize>| match place.and_then(|place| replies.get(place)) {
        Some(Some(Reply::Data(bytes))) => Some(bytes.as_slice()),
        _ => None,
    };
    let flowed = energy.zip(bytes(places.0)).and_then(|(item, bytes)| energy_of(item, bytes));
    let time = clock.zip(bytes(places.1)).and_then(|(item, bytes)| clock_of(item, bytes));
    let answers = Answers { money, fields, replies: replies.clone() };

    let own = answers.meter()?;
    if own != meter {
        return Err(fail(Code::MeterOther, format!("{own} / {meter}")));
    }
    let (balance, overdraft) = answers.purse()?;
    let count = counted(answers.number(&money.count)?)?;
    let last_purchase = answers.newest()?;
    let took = line.link.now().saturating_sub(begun);
    Ok(Seen {
        evidence: Evidence {
            meter,
            account: answers.account()?,
            count,
            balance: Credit { value: balance, unit },
            overdraft,
            last_purchase,
            energy: flowed,
            meter_clock: time,
            relay: None,
            read_at: line.now(),
            frames_digest: digest.finalize().into(),
        },
        hoard: None,
        record: last_purchase.filter(|record| Some(record.count) == how.step),
        written: None,
        items: answers.given(),
        took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    })
}

/// What money needs, the identity first.
fn required(money: &ModbusMoney) -> Vec<Field> {
    let mut fields = vec![money.identity, money.account, money.count, money.balance];
    fields.extend(money.overdraft);
    fields.extend(money.last.into_iter().flatten());
    fields
}

fn field_want(field: &Field) -> Want {
    Want { table: Table::Holding, start: field.register, count: field.words }
}

fn item_want(item: &Item) -> Option<Want> {
    let Place::Register { function, address } = item.at else { return None };
    let words = item.form.and_then(Form::words).or(item.len.map(|len| len.div_ceil(2)))?;
    Some(Want { table: Table::of(function)?, start: address, count: words })
}

fn item<'a>(line: &Line<'a>, name: &str) -> Option<&'a Item> {
    line.profile.items.iter().find(|item| item.name == name)
}

/// Reads all of it, the first `required` of which must be answered (a refusal is an answer).
fn read(
    line: &mut Line<'_>,
    at: Unit,
    wants: &[Want],
    required: usize,
    digest: &mut Sha256,
) -> Result<Vec<Option<Reply<Vec<u8>>>>, Failure> {
    let (timing, retry, to) = (paced(line), ask::retry(line), target(line, at));
    let gap = plan::worth(&timing, std::time::Duration::ZERO);
    let blocks = told_apart(plan::plan(wants, gap, &[]));
    let mut read = question::read(&to, wants, blocks, timing, retry).after(line.link.now());
    if line.doubtful {
        read = read.after_trouble();
    }
    let ended = ask::run(line, &mut read, digest).map_err(|error| failure::drive(&error))?;
    line.doubtful = ended.is_err();
    let replies = read.so_far().to_vec();
    let lacking = replies.iter().take(required).any(Option::is_none);
    match ended {
        Err(error) if lacking => Err(trouble(&error, &at)),
        _ => Ok(replies),
    }
}

/// Blocks one after the other with different lengths: an answer that a gateway doubles must not
/// pass for the next one. A register too many that the meter refuses costs a reading in pieces.
fn told_apart(mut blocks: Vec<Block>) -> Vec<Block> {
    let mut before = None;
    for block in &mut blocks {
        if before == Some(block.count) && block.count < MAX_READ {
            block.count += 1;
        }
        before = Some(block.count);
    }
    blocks
}

impl Answers<'_> {
    fn bytes(&self, field: &Field) -> Result<&[u8], Failure> {
        let place = self.fields.iter().position(|own| own == field);
        match place.and_then(|place| self.replies.get(place)) {
            Some(Some(Reply::Data(bytes))) => Ok(bytes),
            Some(Some(Reply::Refused(Refusal { name, .. }))) => {
                Err(fail(Code::MeterRefused, format!("{:04X}: {name}", field.register)))
            }
            _ => Err(fail(Code::MeterGarbled, format!("{:04X}", field.register))),
        }
    }

    fn value(&self, field: &Field) -> Result<Value, Failure> {
        Ok(field.form.read(self.bytes(field)?, 0))
    }

    /// A whole number; what is none is an error, never a guess.
    fn number(&self, field: &Field) -> Result<i64, Failure> {
        match self.value(field)? {
            Value::Number(number) => Ok(number.digits),
            other => Err(garbled(field, &other)),
        }
    }

    /// Twelve digits.
    fn digits(&self, field: &Field) -> Result<String, Failure> {
        match self.value(field)? {
            Value::Number(number) => Ok(number.to_string()),
            Value::Text(text) => Ok(text),
            other => Err(garbled(field, &other)),
        }
    }

    fn meter(&self) -> Result<MeterNo, Failure> {
        let field = &self.money.identity;
        let digits = self.digits(field)?;
        digits.parse().map_err(|_| garbled(field, &Value::Text(digits)))
    }

    /// The customer number; `None` when the account was never opened.
    fn account(&self) -> Result<Option<AccountNo>, Failure> {
        let field = &self.money.account;
        let digits = self.digits(field)?;
        if digits.bytes().all(|digit| digit == b'0') {
            return Ok(None);
        }
        let account = digits.parse().map_err(|_| garbled(field, &Value::Text(digits)));
        account.map(Some)
    }

    /// Balance and overdraft: one signed number, or two.
    fn purse(&self) -> Result<(i64, i64), Failure> {
        let balance = self.number(&self.money.balance)?;
        let owed = balance.saturating_neg().max(0);
        let overdraft = match &self.money.overdraft {
            Some(field) => {
                let own = self.number(field)?;
                if own < 0 {
                    return Err(garbled(field, &Value::Invalid(own.to_string())));
                }
                own.max(owed)
            }
            None => owed,
        };
        Ok((balance.max(0), overdraft))
    }

    /// The newest purchase, where the meter keeps it; it keeps no balances with it.
    fn newest(&self) -> Result<Option<PurchaseRecord>, Failure> {
        let Some([count, amount]) = &self.money.last else { return Ok(None) };
        let (count, amount) = (counted(self.number(count)?)?, self.number(amount)?);
        let record = PurchaseRecord { count, amount, balances: None };
        Ok(Some(record).filter(|record| record.count.0 > 0))
    }

    fn given(&self) -> Vec<(u32, Vec<u8>)> {
        let given = |(field, reply): (&Field, &Option<Reply<Vec<u8>>>)| match reply {
            Some(Reply::Data(bytes)) => Some((u32::from(field.register), bytes.clone())),
            _ => None,
        };
        self.fields.iter().zip(&self.replies).filter_map(given).collect()
    }
}

fn garbled(field: &Field, value: &Value) -> Failure {
    let shown = match value {
        Value::Number(number) => number.to_string(),
        Value::Text(text) | Value::Invalid(text) => text.clone(),
        Value::Missing => String::new(),
    };
    fail(Code::MeterGarbled, format!("{:04X}: {shown}", field.register))
}

/// 0.01 kWh, where the item says kilowatt-hours.
fn energy_of(item: &Item, bytes: &[u8]) -> Option<Energy> {
    let Value::Number(number) = item.form?.read(bytes, item.decimals) else { return None };
    // A finer register is cut to hundredths: both readings of a recharge are cut alike.
    let cut = number.decimals.saturating_sub(2);
    let unit = 10i64.checked_pow(u32::from(cut))?;
    let hundredths = match cut {
        0 => number.scaled(2)?,
        _ => number.digits.div_euclid(unit),
    };
    (item.unit == "kWh").then_some(Energy(hundredths))
}

/// The meter's clock as civil seconds.
fn clock_of(item: &Item, bytes: &[u8]) -> Option<UnixSeconds> {
    let [second, minute, hour, _, day, month, _, year] = *<&[u8; 8]>::try_from(bytes).ok()?;
    let wire = [second, minute, hour, day, month, year];
    if item.form == Some(Form::ClockSmhwdmy) {
        civil::of_wire(wire).and_then(civil::seconds)
    } else {
        None
    }
}
