//! An account that was closed: what a person at the office has to pay back, and the act by which he
//! does, which takes the meter off the list.
//!
//! A handheld that closes an account at its meter moves no money: its journal calls a person. He
//! closes the line here. It is done once for each account of a meter, and only when nothing of it
//! is out any more: a token whose fate is not known could still credit it.

use super::backup::rewound;
use super::book::Book;
use super::db::query;
use super::entry::{Source, flag};
use super::error::{OfficeError, Unpayable};
use super::ledger::{self, Conn, transact};
use super::meters::NewMeter;
use super::model::{Class, Place, parse_unit, unit_name};
use super::posting::{Side, post};
use super::{Office, issue, meters, review, swap};
use crate::sync::wire::{Event, MeterLine};
use crate::units::{AccountNo, Credit, ErrandKind, MeterNo, StepState, TokenId, UnixSeconds};

/// The step of an account's errand that says what its meter showed when it was closed.
const CLOSING: &str = "closing-reading";
/// Longest number of a receipt, bytes.
const MAX_RECEIPT: usize = 64;

/// An account was closed at its meter: the money it shows is the customer's, and only a person can
/// pay it back. The handheld moves none of it.
pub(super) fn follow(
    book: &mut Book,
    source: &Source<'_>,
    event: &Event,
) -> Option<(Class, &'static str)> {
    let Event::Step(step) = event else { return None };
    let closed = step.kind == ErrandKind::Account && step.name == CLOSING;
    if !closed || step.state != StepState::Done {
        return None;
    }
    let note = |name: &str| {
        let found = step.notes.iter().find(|(key, _)| key == name);
        found.map_or("?", |(_, value)| value.as_str())
    };
    let found = (Class::C8, "an account was closed in the field, its balance is to be paid back");
    let [refund, account, energy, count] = ["to-refund", "account", "energy", "count"].map(note);
    let says = format!("{}: {refund} / {account} / {energy} / n={count}", found.1);
    let id = format!("C8:closed:{}:{}:{}", source.device, source.epoch, source.seq);
    flag(book, source, (id, found.0, &says), step.meter, None);
    Some(found)
}

/// An account to be closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseMeter {
    /// Of which meter.
    pub meter: MeterNo,
    /// Why.
    pub reason: String,
    /// What was paid back to the customer, hundredths of the meter's unit; none where nobody said.
    pub paid: Option<i64>,
    /// The number of the receipt he signed for it; empty where nothing was paid.
    pub receipt: String,
}

/// An account that was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedMeter {
    /// Of which meter.
    pub meter: MeterNo,
    /// Which.
    pub account: AccountNo,
    /// What the meter held by its last proof.
    pub balance: Credit,
    /// What was paid back of it.
    pub paid: Credit,
    /// The number of the receipt.
    pub receipt: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: UnixSeconds,
    /// Whether it was closed before, with these figures.
    pub before: bool,
}

impl Office {
    /// Closes the account of a meter: the meter is on the list no more, nothing can be issued to
    /// it, what was paid back leaves its balance, and the calls about its closing are answered.
    /// The same again does nothing.
    ///
    /// # Errors
    /// [`OfficeError::Usage`] without a reason; [`OfficeError::NotPayable`] for a balance nobody
    /// spoke of, a payment without a receipt or above what the meter held, a receipt that was
    /// booked before;
    /// [`OfficeError::NoMeter`], [`OfficeError::TokensOut`], [`OfficeError::SwapOpen`];
    /// [`OfficeError::MeterClosed`] for one that was closed otherwise; [`OfficeError::Restored`].
    pub async fn close_meter(&self, close: &CloseMeter) -> Result<ClosedMeter, OfficeError> {
        review::require(&close.reason)?;
        let (id, now) = (self.new_id()?, self.now());
        transact!(self.ledger, |tx| close_in(&mut tx, close, id, now).await)
    }

    /// What closing the account of a meter would do; nothing is done.
    ///
    /// # Errors
    /// As [`Office::close_meter`].
    pub async fn close_meter_would(&self, close: &CloseMeter) -> Result<ClosedMeter, OfficeError> {
        review::require(&close.reason)?;
        let (id, now) = (self.new_id()?, self.now());
        let mut tx = self.ledger.begin().await?;
        let done = close_in(&mut tx, close, id, now).await;
        tx.rollback().await?;
        done
    }

    /// Revokes every token that is out for a meter, so that it can be closed once their handhelds
    /// have answered; gives them.
    ///
    /// # Errors
    /// [`OfficeError::NoMeter`], [`OfficeError::NotReplaceable`] for a leg of a swap or a recharge
    /// of the office itself.
    pub async fn revoke_tokens_of(&self, meter: MeterNo) -> Result<Vec<TokenId>, OfficeError> {
        let now = self.now();
        transact!(self.ledger, |tx| revoke_all(&mut tx, meter, now).await)
    }
}

async fn revoke_all(
    conn: &mut Conn,
    meter: MeterNo,
    now: UnixSeconds,
) -> Result<Vec<TokenId>, OfficeError> {
    let line = ledger::meter(conn, meter).await?.ok_or(OfficeError::NoMeter(meter))?;
    let mut revoked = Vec::new();
    for token in ledger::tokens_out(conn, meter, line.account).await? {
        if !token.revoked {
            issue::revoke(conn, token.id, now).await?;
        }
        revoked.push(token.id);
    }
    Ok(revoked)
}

async fn close_in(
    conn: &mut Conn,
    close: &CloseMeter,
    id: TokenId,
    now: UnixSeconds,
) -> Result<ClosedMeter, OfficeError> {
    rewound::fence(conn).await?;
    // Holds the meter's row: of two desks one finds what the other did.
    let line = ledger::meter(conn, close.meter).await?.ok_or(OfficeError::NoMeter(close.meter))?;
    if let Some(done) = closed(conn, close.meter, line.account).await? {
        let same =
            close.paid.unwrap_or(0) == done.paid.value && close.receipt.trim() == done.receipt;
        let other = OfficeError::MeterClosed(close.meter);
        return if same { Ok(done) } else { Err(other) };
    }
    if swap::closed_at(conn, close.meter).await?.is_some() {
        return Err(OfficeError::MeterClosed(close.meter));
    }
    swap::check_free(conn, close.meter).await?;
    if !out(conn, close.meter).await?.is_empty() {
        return Err(OfficeError::TokensOut(close.meter));
    }
    let state = ledger::meter_state(conn, close.meter, line.account).await?;
    let balance = state.map_or(0, |(_, balance, _)| balance);
    let paid = payable(conn, close, &line, balance).await?;
    let credit = |value| Credit { value, unit: line.unit };
    let done = ClosedMeter {
        meter: close.meter,
        account: line.account,
        balance: credit(balance),
        paid: credit(paid),
        receipt: close.receipt.trim().to_owned(),
        reason: close.reason.trim().to_owned(),
        at: now,
        before: false,
    };
    write(conn, &done, id).await?;
    meters::close(conn, close.meter, now.0).await?;
    if paid > 0 {
        let side = |place| Side { place, meter: done.meter, account: done.account };
        let of = format!("{}:{}", done.meter, done.account);
        let sides = [side(Place::MeterHeld), side(Place::Customer)];
        post(conn, (&format!("close:{of}"), id), sides, done.paid, now).await?;
        // What is paid back is income no more, as with a refund whose shift is closed.
        let sides = [side(Place::Customer), side(Place::Revenue)];
        post(conn, (&format!("sale:close:{of}"), id), sides, done.paid, now).await?;
    }
    let sql = "UPDATE review SET settled = $2, verdict = 'closed', reason = $3
               WHERE meter = $1 AND settled IS NULL AND token IS NULL AND id LIKE 'C8:closed:%'";
    let answered = query(sql).bind(done.meter.to_string()).bind(now.0).bind(&done.reason);
    answered.execute(conn).await?;
    Ok(done)
}

/// What is out for a meter, of whatever account of it.
async fn out(conn: &mut Conn, meter: MeterNo) -> Result<Vec<TokenId>, OfficeError> {
    let sql = "SELECT id FROM token WHERE meter = $1
               AND state IN ('reserved', 'delivered', 'suspect', 'disputed') ORDER BY id";
    let rows = query(sql).bind(meter.to_string()).fetch_all(conn).await?;
    rows.iter().map(|row| ledger::parsed(row, "id")).collect()
}

/// What is paid back, if that can be: no more than the meter held, with a receipt nobody booked.
async fn payable(
    conn: &mut Conn,
    close: &CloseMeter,
    line: &MeterLine,
    balance: i64,
) -> Result<i64, OfficeError> {
    let held = Credit { value: balance, unit: line.unit };
    let not = |fault| Err(OfficeError::NotPayable { held, fault });
    let Some(paid) = close.paid else {
        return if balance > 0 { not(Unpayable::Unsaid) } else { Ok(0) };
    };
    let receipt = close.receipt.trim();
    if paid < 0 || paid > balance.max(0) {
        return not(Unpayable::Over);
    }
    if (paid > 0) == receipt.is_empty() || receipt.len() > MAX_RECEIPT {
        return not(Unpayable::Receipt);
    }
    let sql = "SELECT meter FROM meter_closed WHERE receipt = $1 AND receipt <> ''";
    if let Some(row) = query(sql).bind(receipt).fetch_optional(conn).await? {
        return not(Unpayable::Booked(receipt.to_owned(), row.try_get("meter")?));
    }
    Ok(paid)
}

async fn write(conn: &mut Conn, done: &ClosedMeter, id: TokenId) -> Result<(), OfficeError> {
    let sql = "INSERT INTO meter_closed (meter, account, id, unit, balance, paid, receipt, reason,
                                         at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    query(sql)
        .bind(done.meter.to_string())
        .bind(done.account.to_string())
        .bind(id.to_string())
        .bind(unit_name(done.paid.unit))
        .bind(done.balance.value)
        .bind(done.paid.value)
        .bind(&done.receipt)
        .bind(&done.reason)
        .bind(done.at.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// How an account of a meter was closed, if it was.
pub(super) async fn closed(
    conn: &mut Conn,
    meter: MeterNo,
    account: AccountNo,
) -> Result<Option<ClosedMeter>, OfficeError> {
    let sql = "SELECT * FROM meter_closed WHERE meter = $1 AND account = $2";
    let row = query(sql).bind(meter.to_string()).bind(account.to_string());
    let Some(row) = row.fetch_optional(conn).await? else { return Ok(None) };
    let unit = parse_unit(&row.try_get::<String, _>("unit")?).ok_or(OfficeError::Stored("unit"))?;
    Ok(Some(ClosedMeter {
        meter,
        account,
        balance: Credit { value: row.try_get("balance")?, unit },
        paid: Credit { value: row.try_get("paid")?, unit },
        receipt: row.try_get("receipt")?,
        reason: row.try_get("reason")?,
        at: UnixSeconds(row.try_get("at")?),
        before: true,
    }))
}

/// Puts a meter on the list again whose account was closed: with an account that never was closed
/// in it. Its count goes on where it stood.
pub(super) async fn listed_again(
    conn: &mut Conn,
    old: &MeterLine,
    (line, new): (&MeterLine, &NewMeter),
) -> Result<(), OfficeError> {
    if old.unit != line.unit {
        return Err(OfficeError::MeterOther(line.meter));
    }
    if closed(conn, line.meter, line.account).await?.is_some() {
        return Err(OfficeError::MeterClosed(line.meter));
    }
    let stood = ledger::meter_state(conn, line.meter, old.account).await?;
    let count = stood.map_or(new.count, |(count, ..)| count.max(new.count));
    let sql = "UPDATE meter SET account = $2, customer = $3, location = $4, profile = $5,
                      area = $6, bus_line = $7, bus_box = $8, bus_user = $9, bus_address = $10,
                      closed = NULL
               WHERE meter = $1";
    let changed = query(sql)
        .bind(line.meter.to_string())
        .bind(line.account.to_string())
        .bind(&line.customer)
        .bind(&line.location)
        .bind(&line.profile)
        .bind(&line.area);
    meters::bind_place(changed, &line.place).execute(&mut *conn).await?;
    query(
        "INSERT INTO meter_state (meter, account, count, balance, seen)
         VALUES ($1, $2, $3, $4, 0) ON CONFLICT (meter, account) DO NOTHING",
    )
    .bind(line.meter.to_string())
    .bind(line.account.to_string())
    .bind(i64::from(count.0))
    .bind(new.balance)
    .execute(conn)
    .await?;
    Ok(())
}
