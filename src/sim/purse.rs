//! The purse: net credit, purchase count, records; and the ledger of what really happened to it.
//!
//! The purse is what the meter believes and shows. The ledger is ghost truth for tests: it names
//! every credit that was really added, whatever the meter answered, and [`Purse::audit`] holds the
//! two against each other.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::setup::{as_optional_text, as_text};
use crate::units::AccountNo;

/// Purchase records a meter keeps (DL/T 645-2007, 0332/0333: nn 01 to 0A).
pub const RECORDS_MAX: usize = 10;
/// Entries a meter's ledger can hold; a purse with a full ledger takes no more money.
pub const LEDGER_MAX: usize = 1_000_000;
/// Highest balance a meter can show: XXXXXX.XX.
pub const BALANCE_MAX: i64 = 99_999_999;

/// One credit that was really added to a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booking {
    /// The customer number it was booked under.
    #[serde(with = "as_text")]
    pub account: AccountNo,
    /// The purchase count after it.
    pub count: u32,
    /// Hundredths added to balance minus overdraft.
    pub amount: i64,
    /// The meter's uptime when it happened.
    pub at: Duration,
}

/// A loss of the purchase count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterReset {
    /// The count that was lost.
    pub count: u32,
    /// The customer number before.
    #[serde(with = "as_optional_text")]
    pub before: Option<AccountNo>,
    /// The customer number after.
    #[serde(with = "as_optional_text")]
    pub after: Option<AccountNo>,
    /// What the reset did to balance minus overdraft (a wallet initialisation sets it).
    pub shift: i64,
    /// The meter's uptime when it happened.
    pub at: Duration,
}

/// Where the sums of a meter do not meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the purse holds {holds}, the ledger says {expected}")]
pub struct AuditError {
    /// Balance minus overdraft, hundredths.
    pub holds: i64,
    /// Initial credit + credits - refunds - consumption + declared shifts.
    pub expected: i64,
}

/// One purchase as the meter shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// mm hh DD MM YY.
    pub date: [u8; 5],
    pub count: u32,
    pub amount: i64,
    pub before: i64,
    pub after: i64,
    pub cumulative: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Purse {
    /// Balance minus overdraft, hundredths: never both are positive.
    pub net: i64,
    pub count: u32,
    #[serde(with = "as_optional_text")]
    pub account: Option<AccountNo>,
    /// Newest first.
    pub records: Vec<Record>,
    pub cumulative: i64,
    /// The order number booked last, where the layout has one.
    pub order: Option<[u8; 8]>,
    pub ledger: Ledger,
}

/// Ghost truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Ledger {
    initial: i64,
    consumed: i64,
    pub bookings: Vec<Booking>,
    pub torn: Vec<Booking>,
    pub refunds: Vec<Booking>,
    pub resets: Vec<CounterReset>,
}

impl Ledger {
    fn len(&self) -> usize {
        self.bookings.len() + self.torn.len() + self.refunds.len() + self.resets.len()
    }
}

/// A purchase about to be booked; all checks are over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purchase {
    pub account: AccountNo,
    pub count: u32,
    pub amount: i64,
    pub date: [u8; 5],
    pub at: Duration,
}

impl Purse {
    /// A purse that begins with this credit and, if `count` says so, a history of one record.
    pub(super) fn new(account: Option<AccountNo>, net: i64, count: u32, date: [u8; 5]) -> Self {
        let bought = net.max(0);
        let record =
            Record { date, count, amount: bought, before: 0, after: bought, cumulative: bought };
        let records = if count > 0 { vec![record] } else { Vec::new() };
        let ledger = Ledger {
            initial: net,
            consumed: 0,
            bookings: Vec::new(),
            torn: Vec::new(),
            refunds: Vec::new(),
            resets: Vec::new(),
        };
        Self { net, count, account, records, cumulative: bought, order: None, ledger }
    }

    /// The remaining credit shown.
    pub(super) fn balance(&self) -> i64 {
        self.net.max(0)
    }

    /// The overdraft shown.
    pub(super) fn overdraft(&self) -> i64 {
        (-self.net).max(0)
    }

    pub(super) fn is_full(&self) -> bool {
        self.ledger.len() >= LEDGER_MAX
    }

    /// Books a purchase: overdraft is repaid first, which adding to the net does by itself. With
    /// `torn` the count and the record move and the balance does not.
    pub(super) fn book(&mut self, purchase: Purchase, torn: bool) {
        let Purchase { account, count, amount, date, at } = purchase;
        let before = self.balance();
        let after = (self.net + amount).max(0);
        self.cumulative += amount;
        let record = Record { date, count, amount, before, after, cumulative: self.cumulative };
        self.records.insert(0, record);
        self.records.truncate(RECORDS_MAX);
        self.count = count;
        let booking = Booking { account, count, amount, at };
        if torn {
            self.ledger.torn.push(booking);
        } else {
            self.net += amount;
            self.ledger.bookings.push(booking);
        }
    }

    pub(super) fn refund(&mut self, account: AccountNo, amount: i64, at: Duration) {
        self.net -= amount;
        let booking = Booking { account, count: self.count, amount, at };
        self.ledger.refunds.push(booking);
    }

    pub(super) fn consume(&mut self, amount: i64) {
        self.net -= amount;
        self.ledger.consumed += amount;
    }

    /// Count and records are lost; with `net` the balance becomes that (wallet initialisation).
    pub(super) fn reset(&mut self, account: Option<AccountNo>, net: Option<i64>, at: Duration) {
        let shift = net.map_or(0, |net| net - self.net);
        let reset =
            CounterReset { count: self.count, before: self.account, after: account, shift, at };
        self.ledger.resets.push(reset);
        self.net += shift;
        self.count = 0;
        self.records.clear();
        self.cumulative = 0;
        self.order = None;
        self.account = account;
    }

    /// Holds the purse against the ledger.
    pub(super) fn audit(&self) -> Result<(), AuditError> {
        let sum = |bookings: &[Booking]| bookings.iter().map(|b| b.amount).sum::<i64>();
        let ledger = &self.ledger;
        let shifts: i64 = ledger.resets.iter().map(|reset| reset.shift).sum();
        let expected =
            ledger.initial + sum(&ledger.bookings) - sum(&ledger.refunds) - ledger.consumed
                + shifts;
        let holds = self.balance() - self.overdraft();
        if holds == expected { Ok(()) } else { Err(AuditError { holds, expected }) }
    }
}
