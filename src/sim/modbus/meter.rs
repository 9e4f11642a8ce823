//! One unit: what it holds, what it shows, what it obeys.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::image::take;
use super::show::fields;
use crate::profile::{ModbusMoney, MoneyAt, Part, Place, Profile};
use crate::sim::civil::Civil;
use crate::sim::faults::{Fault, FaultRates, Faults, Request};
use crate::sim::load::CATCH_UP_MAX;
use crate::sim::purse::{AuditError, BALANCE_MAX, Booking, CounterReset, Purchase, Purse};
use crate::units::{AccountNo, CreditUnit, MeterNo};

/// 0.01 kWh in watt-milliseconds.
pub(super) const UNIT_WMS: u64 = 36_000_000;
/// Price where a profile has no money rules, fen per kWh.
pub(super) const PRICE: i64 = 60;

const ILLEGAL_FUNCTION: u8 = 1;
const ILLEGAL_ADDRESS: u8 = 2;
const ILLEGAL_VALUE: u8 = 3;
const BUSY: u8 = 6;

/// What a unit is when it is switched on.
#[derive(Debug, Clone, PartialEq)]
pub struct ModbusSetup {
    /// Its unit id.
    pub unit: u8,
    /// The number it carries.
    pub no: MeterNo,
    /// Customer number, if the account is open.
    pub account: Option<AccountNo>,
    /// Balance, hundredths; negative is overdraft.
    pub balance: i64,
    /// Purchases booked before.
    pub count: u32,
    /// Energy, 0.01 kWh.
    pub energy: i64,
    /// Load, W.
    pub load_w: u32,
    /// Pause before an answer.
    pub delay: Duration,
    /// Registers no row of the profile names are refused also between those it names.
    pub strict: bool,
    /// Never answers anything.
    pub dead: bool,
    /// How often what goes wrong.
    pub faults: FaultRates,
    /// Seed of chance.
    pub seed: u64,
}

impl ModbusSetup {
    /// An open account under this unit.
    pub fn new(unit: u8, no: MeterNo) -> Self {
        Self {
            unit,
            no,
            account: None,
            balance: 0,
            count: 0,
            energy: 0,
            load_w: 800,
            delay: Duration::from_millis(20),
            strict: false,
            dead: false,
            faults: FaultRates::default(),
            seed: 1,
        }
    }
}

/// One simulated unit.
#[derive(Debug, Clone)]
pub struct ModbusMeter {
    pub(super) setup: ModbusSetup,
    pub(super) profile: Arc<Profile>,
    pub(super) purse: Purse,
    start: Civil,
    /// Watt-milliseconds.
    pub(super) wms: u64,
    /// Cost not yet taken, hundredths of a fen.
    owed: i64,
    pub(super) up: Duration,
    faults: Faults,
    /// Answers "busy" so often.
    busy: u32,
    /// Restarting until then.
    deaf_until: Duration,
    /// Settings written.
    pub(super) written: BTreeMap<u16, u16>,
    /// Registers by function and address that show something fixed: circuit counts of a box.
    pub(super) fixed: BTreeMap<(u8, u16), u16>,
}

impl ModbusMeter {
    /// A unit of this kind. `start` is the simulation's first moment.
    pub fn new(setup: ModbusSetup, profile: Arc<Profile>, start: Civil) -> Self {
        let purse = Purse::new(setup.account, setup.balance, setup.count, start.short_stamp());
        Self {
            purse,
            profile,
            start,
            wms: setup.energy.unsigned_abs().saturating_mul(UNIT_WMS),
            owed: 0,
            up: Duration::ZERO,
            faults: Faults::new(setup.seed),
            busy: 0,
            deaf_until: Duration::ZERO,
            written: BTreeMap::new(),
            fixed: BTreeMap::new(),
            setup,
        }
    }

    /// Its unit id.
    pub fn unit(&self) -> u8 {
        self.setup.unit
    }

    /// The number it carries.
    pub fn number(&self) -> MeterNo {
        self.setup.no
    }

    /// Gives it another unit id.
    pub fn set_unit(&mut self, unit: u8) {
        self.setup.unit = unit;
    }

    /// Lets a register show this, whatever the profile says.
    pub fn fix(&mut self, register: u16, value: u16) {
        self.fixed.insert((3, register), value);
    }

    /// The purchase count.
    pub fn count(&self) -> u32 {
        self.purse.count
    }

    /// Balance minus overdraft, hundredths.
    pub fn net(&self) -> i64 {
        self.purse.net
    }

    /// Ghost truth: every credit really added.
    pub fn bookings(&self) -> &[Booking] {
        &self.purse.ledger.bookings
    }

    /// Ghost truth: every credit whose count moved and whose amount did not.
    pub fn torn_writes(&self) -> &[Booking] {
        &self.purse.ledger.torn
    }

    /// Ghost truth: every loss of the count.
    pub fn counter_resets(&self) -> &[CounterReset] {
        &self.purse.ledger.resets
    }

    /// Holds the purse against the ledger.
    ///
    /// # Errors
    /// The sums that do not meet.
    pub fn audit(&self) -> Result<(), AuditError> {
        self.purse.audit()
    }

    /// Lets something go wrong, once; `false` if too much waits already.
    pub fn arm(&mut self, fault: Fault) -> bool {
        self.faults.arm(fault)
    }

    /// Answers the next `times` requests with "busy".
    pub fn keep_busy(&mut self, times: u32) {
        self.busy = times;
    }

    /// A purchase made elsewhere: at a counter, with another handheld.
    pub fn buy(&mut self, amount: i64) {
        if let Some(account) = self.purse.account {
            let count = self.purse.count.saturating_add(1);
            self.book(account, count, amount, false);
        }
    }

    fn book(&mut self, account: AccountNo, count: u32, amount: i64, torn: bool) {
        let date = self.clock().short_stamp();
        let purchase = Purchase { account, count, amount, date, at: self.up };
        self.purse.book(purchase, torn);
    }

    pub(super) fn clock(&self) -> Civil {
        let up = i64::try_from(self.up.as_secs()).unwrap_or(i64::MAX);
        Civil::from_seconds(self.start.seconds().saturating_add(up))
    }

    pub(super) fn money(&self) -> Option<&ModbusMoney> {
        match &self.profile.money.as_ref()?.at {
            MoneyAt::Modbus(money) => Some(money),
            MoneyAt::Dlt645(_) => None,
        }
    }

    /// Catches up with the simulation's time.
    pub fn advance(&mut self, now: Duration) {
        let gone = now.saturating_sub(self.up).min(CATCH_UP_MAX);
        let before = self.wms / UNIT_WMS;
        let ms = u64::try_from(gone.as_millis()).unwrap_or(u64::MAX);
        // Whole milliseconds; the rest waits for the next call.
        self.up += Duration::from_millis(ms);
        self.wms = self.wms.saturating_add(ms.saturating_mul(u64::from(self.setup.load_w)));
        let units = i64::try_from(self.wms / UNIT_WMS - before).unwrap_or(i64::MAX);
        if self.purse.account.is_none() || units == 0 {
            return;
        }
        let rules = self.profile.money.as_ref();
        if rules.is_some_and(|rules| rules.unit == CreditUnit::Kwh) {
            return self.purse.consume(units);
        }
        let price = rules.map_or(PRICE, |rules| rules.price_fen_per_kwh);
        self.owed = self.owed.saturating_add(units.saturating_mul(price));
        self.purse.consume(self.owed / 100);
        self.owed %= 100;
    }

    /// The answer to a request for this unit, how long it takes, and whether its bytes get damaged.
    pub(super) fn hear(&mut self, pdu: &[u8], at: Duration) -> Option<(Duration, Vec<u8>, bool)> {
        self.advance(at);
        if self.setup.dead || at < self.deaf_until {
            return None;
        }
        let kind = match pdu.first()? {
            0x06 | 0x10 if self.is_money(pdu) => Request::Money,
            0x06 | 0x10 => Request::Write,
            _ => Request::Read,
        };
        let fault = self.faults.strike(kind, &self.setup.faults);
        if let Some(Fault::CounterReset { account }) = fault {
            let account = account.or(self.purse.account);
            self.purse.reset(account, None, self.up);
        }
        if let Some(Fault::RebootBefore(down)) = fault {
            self.deaf_until = at + down;
            return None;
        }
        if fault == Some(Fault::NoReply) {
            return None;
        }
        let function = pdu.first().copied()?;
        let answer = match self.busy.checked_sub(1) {
            Some(left) => {
                self.busy = left;
                Err(BUSY)
            }
            None => self.obey(pdu, matches!(fault, Some(Fault::TornWrite(_)))),
        };
        let answer = answer.unwrap_or_else(|code| vec![function | 0x80, code]);
        match fault {
            Some(Fault::LostAck) => None,
            Some(Fault::RebootAfter(down) | Fault::TornWrite(down)) => {
                self.deaf_until = at + down;
                None
            }
            Some(Fault::Slow(more)) => Some((self.setup.delay + more, answer, false)),
            fault => Some((self.setup.delay, answer, fault == Some(Fault::Garbled))),
        }
    }

    /// Whether a write is one of the recharge block.
    fn is_money(&self, pdu: &[u8]) -> bool {
        let Some((money, start)) = self.money().zip(word(pdu, 1)) else { return false };
        start == money.write && pdu.first() == Some(&0x10)
    }

    fn obey(&mut self, pdu: &[u8], torn: bool) -> Result<Vec<u8>, u8> {
        let (start, second) = (word(pdu, 1), word(pdu, 3));
        match (pdu.first(), start.zip(second)) {
            (Some(function @ (0x03 | 0x04)), Some((start, count))) if pdu.len() == 5 => {
                self.read(*function, start, count)
            }
            (Some(0x06), Some((register, value))) if pdu.len() == 5 => {
                self.write(register, &[value])?;
                Ok(pdu.to_vec())
            }
            (Some(0x10), Some((start, count))) => {
                let data = pdu.get(6..).unwrap_or_default();
                let bytes = pdu.get(5).map_or(0, |count| usize::from(*count));
                let fits = bytes == data.len() && bytes == usize::from(count) * 2;
                if !fits || !(1..=123).contains(&count) {
                    return Err(ILLEGAL_VALUE);
                }
                let words: Vec<u16> = data
                    .chunks_exact(2)
                    .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
                    .collect();
                if self.is_money(pdu) {
                    self.recharge(&words, torn)?;
                } else {
                    self.write(start, &words)?;
                }
                Ok(pdu.get(..5).unwrap_or_default().to_vec())
            }
            (Some(0x03 | 0x04 | 0x06 | 0x10), _) => Err(ILLEGAL_VALUE),
            _ => Err(ILLEGAL_FUNCTION),
        }
    }

    fn read(&self, function: u8, start: u16, count: u16) -> Result<Vec<u8>, u8> {
        if !(1..=125).contains(&count) {
            return Err(ILLEGAL_VALUE);
        }
        let last = start.checked_add(count - 1).ok_or(ILLEGAL_ADDRESS)?;
        let image = self.image();
        // A register in the same 256 as one that is there reads as zero.
        let served = |register: u16| {
            let page = (function, register & 0xFF00)..=(function, register | 0x00FF);
            !self.setup.strict && image.range(page).next().is_some()
        };
        let mut answer = vec![function, (count * 2) as u8];
        for register in start..=last {
            let value = match image.get(&(function, register)) {
                Some(value) => *value,
                None if served(register) => 0,
                None => return Err(ILLEGAL_ADDRESS),
            };
            answer.extend(value.to_be_bytes());
        }
        Ok(answer)
    }

    /// Keeps a setting. What is measured, counted or paid cannot be written.
    fn write(&mut self, start: u16, words: &[u16]) -> Result<(), u8> {
        let image = self.image();
        let live = self.live();
        let all = || (0u16..).zip(words).map(|(offset, word)| (start.checked_add(offset), *word));
        let good = all().all(|(register, _)| {
            register.is_some_and(|register| {
                image.contains_key(&(3, register)) && !live.contains(&register)
            })
        });
        if !good {
            return Err(ILLEGAL_ADDRESS);
        }
        self.written.extend(all().filter_map(|(register, word)| register.map(|r| (r, word))));
        Ok(())
    }

    /// Registers that show what is measured or paid.
    fn live(&self) -> Vec<u16> {
        let settings = ["price-", "alarm-", "ct", "pt", "clock"];
        let mut live = Vec::new();
        for item in &self.profile.items {
            let setting = settings.iter().any(|name| item.name.starts_with(name));
            let known = crate::profile::KNOWN_ITEMS.contains(&item.name.as_str());
            if let (Place::Register { address, .. }, true) = (&item.at, known && !setting) {
                let words = item.form.and_then(|form| form.words());
                let words = words.unwrap_or(item.len.unwrap_or(2) / 2).max(1);
                live.extend((*address..).take(usize::from(words)));
            }
        }
        if let Some(money) = self.money() {
            let block = money.parts.iter().map(|(_, form)| form.words().unwrap_or(3)).sum::<u16>();
            live.extend((money.write..).take(usize::from(block)));
            for field in fields(money) {
                live.extend((field.register..).take(usize::from(field.words)));
            }
        }
        live
    }

    /// Our own rule (1.4 leaves it open): the next purchase of the account stored, nothing else.
    fn recharge(&mut self, words: &[u16], torn: bool) -> Result<(), u8> {
        let parts = self.money().map(|money| money.parts.clone()).unwrap_or_default();
        let (mut amount, mut count, mut account, mut rest) = (None, None, None, words);
        for (part, form) in parts {
            let (number, left) = take(form, rest).ok_or(ILLEGAL_VALUE)?;
            rest = left;
            match part {
                Part::Amount => amount = Some(number),
                Part::Count => count = Some(number),
                Part::Account => account = Some(number),
            }
        }
        let own = self.purse.account.ok_or(ILLEGAL_VALUE)?;
        let next = self.purse.count.checked_add(1).ok_or(ILLEGAL_VALUE)?;
        let named = |account: i64| account.to_string().parse() == Ok(own);
        let amount = amount.filter(|amount| *amount > 0).ok_or(ILLEGAL_VALUE)?;
        let fits = rest.is_empty()
            && count.is_none_or(|count| count == i64::from(next))
            && account.is_none_or(named)
            && self.purse.net.saturating_add(amount) <= BALANCE_MAX
            && !self.purse.is_full();
        if !fits {
            return Err(ILLEGAL_VALUE);
        }
        self.book(own, next, amount, torn);
        Ok(())
    }
}

fn word(pdu: &[u8], at: usize) -> Option<u16> {
    pdu.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
}
