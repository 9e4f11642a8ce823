//! Swaps at the office: the leave for one, and what becomes of it.
//!
//! A leave names both meters and the limits; the amount is what the old meter shows on the day, and
//! the handheld's journal fixes it. Each leg is a token by then, with a state like any other; only
//! where its money goes differs (`post`). While a swap is out neither of its meters gets a token.

mod follow;
mod hand;
mod post;
mod row;

pub use hand::{SwapMove, SwapTo};
pub use row::{LegInfo, SwapInfo, SwapState};

pub(super) use follow::{follow, park, proved};
pub(super) use hand::of_dead_key;
pub(super) use post::{book_leg, even};
pub(super) use row::{check_free, closed_at, expects, opening};

use super::Office;
use super::backup::rewound;
use super::db::query;
use super::error::OfficeError;
use super::issue::{self, DAY, MAX_DAYS, REPLACE_AFTER};
use super::keys::MAX_TOKEN_AMOUNT;
use super::ledger::{self, Conn, transact};
use super::model::unit_name;
use crate::sync::wire::{MeterLine, SwapFacts};
use crate::units::{
    AccountNo, Credit, CreditUnit, DeviceId, MeterNo, Money, PurchaseCount, TokenId, UnixSeconds,
};
use meterkit_tokens::{SwapToken, Unit};

/// A swap to be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSwap {
    /// The meter that goes.
    pub old: MeterNo,
    /// The meter that comes.
    pub new: MeterNo,
    /// The account in it, or to be opened there; the customer keeps the one he has if none is said.
    pub account: Option<AccountNo>,
    /// The purchase count the new meter shows; what is known of it, 0 for a meter nobody knows.
    pub count: Option<PurchaseCount>,
    /// Its profile; the old one's if none is said.
    pub profile: Option<String>,
    /// The most that may be carried over, hundredths; what the old meter is known to hold if
    /// nothing is said.
    pub most: Option<i64>,
    /// The most that may be credited for an old meter that is dead, hundredths; 0 for nothing.
    pub provisional: i64,
    /// The largest debt that may go along, hundredths; 0 for none.
    pub arrears: i64,
    /// To which handheld.
    pub device: DeviceId,
    /// For how many days.
    pub days: i64,
}

impl NewSwap {
    /// One without leave for a dead meter or a debt, of what the old meter is known to hold.
    pub fn new(old: MeterNo, new: MeterNo, device: DeviceId) -> Self {
        Self {
            old,
            new,
            account: None,
            count: None,
            profile: None,
            most: None,
            provisional: 0,
            arrears: 0,
            device,
            days: issue::USUAL_DAYS,
        }
    }
}

/// A leave that was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwapIssued {
    /// What it says.
    pub facts: SwapFacts,
    /// To which handheld.
    pub device: DeviceId,
    /// The signed document.
    pub bytes: Vec<u8>,
    /// With it the handheld carries as much as it may without a warning, or more.
    pub near_limit: bool,
}

impl Office {
    /// Allows a swap: signed, stored, on its way to its handheld with the next exchange.
    ///
    /// # Errors
    /// Unknown meter or handheld, quarantine, a meter that was swapped out, is being swapped, is in
    /// use or has tokens out, limits or a life out of range, an old keyset: see [`OfficeError`].
    pub async fn issue_swap(&self, new: &NewSwap) -> Result<SwapIssued, OfficeError> {
        let id = self.new_id()?;
        transact!(self.ledger, |tx| self.issue_swap_in(&mut tx, new, id).await)
    }

    async fn issue_swap_in(
        &self,
        conn: &mut Conn,
        new: &NewSwap,
        id: TokenId,
    ) -> Result<SwapIssued, OfficeError> {
        rewound::fence(conn).await?;
        issue::enrolled(conn, &new.device).await?;
        if !(1..=MAX_DAYS).contains(&new.days) {
            return Err(OfficeError::Days(MAX_DAYS));
        }
        if new.old == new.new {
            return Err(OfficeError::Usage("a meter is not swapped for itself".to_owned()));
        }
        let now = self.now();
        let old = ledger::meter(conn, new.old).await?.ok_or(OfficeError::NoMeter(new.old))?;
        if closed_at(conn, new.old).await?.is_some() {
            return Err(OfficeError::MeterClosed(new.old));
        }
        row::end_expired(conn, [new.old, new.new], now.0 - REPLACE_AFTER).await?;
        for meter in [new.old, new.new] {
            check_free(conn, meter).await?;
            if row::tokens_are_out(conn, meter).await? {
                return Err(OfficeError::TokensOut(meter));
            }
        }
        let facts = self.facts(conn, new, (&old, id), now).await?;
        let provisional = Credit { value: facts.provisional, unit: facts.unit };
        let near_limit = issue::within_limit(conn, &new.device, provisional).await?;
        let (bytes, kid) = self.keys().swap(&self.document(&facts, &new.device))?;
        row::history(conn, [new.old, new.new]).await?;
        let profile = new.profile.as_ref().unwrap_or(&old.profile);
        insert(conn, (&facts, &new.device, profile), (&bytes, &kid.to_string())).await?;
        Ok(SwapIssued { facts, device: new.device.clone(), bytes, near_limit })
    }

    /// What the leave says, checked against what is known of both meters.
    async fn facts(
        &self,
        conn: &mut Conn,
        new: &NewSwap,
        (old, id): (&MeterLine, TokenId),
        now: UnixSeconds,
    ) -> Result<SwapFacts, OfficeError> {
        let listed = ledger::meter(conn, new.new).await?;
        let in_use = closed_at(conn, new.new).await?.is_none();
        let known = listed.as_ref().map(|line| line.account);
        let account = new.account.or(known.filter(|_| in_use)).unwrap_or(old.account);
        if let Some(line) = listed.filter(|_| in_use)
            && (line.account, line.unit) != (account, old.unit)
        {
            return Err(OfficeError::MeterOther(new.new));
        }
        let mut count = PurchaseCount(0);
        for account in known.into_iter().chain([account]) {
            let state = ledger::meter_state(conn, new.new, account).await?;
            count = count.max(state.map_or(PurchaseCount(0), |(count, ..)| count));
        }
        let count = new.count.unwrap_or(count);
        if count.next().is_none() {
            return Err(OfficeError::CountEnd(new.new));
        }
        let held = ledger::meter_state(conn, new.old, old.account).await?;
        let held = held.map(|(_, balance, _)| balance).filter(|balance| *balance > 0);
        let most = new.most.or(held).ok_or_else(|| {
            let what = format!("no balance of meter {} is known: say --most", new.old);
            OfficeError::Usage(what)
        })?;
        for amount in [most, new.provisional, new.arrears] {
            if !(0..=MAX_TOKEN_AMOUNT).contains(&amount) {
                return Err(OfficeError::Amount { most: Money(MAX_TOKEN_AMOUNT).to_string() });
            }
        }
        let seq = issue::next_seq(conn, new.new).await?;
        Ok(SwapFacts {
            id,
            meter: new.new,
            account,
            count,
            old: new.old,
            old_account: old.account,
            unit: old.unit,
            most,
            provisional: new.provisional,
            arrears: new.arrears,
            seq,
            not_before: now,
            issued: now,
            expires: UnixSeconds(now.0 + new.days * DAY),
        })
    }

    /// The document of a leave.
    fn document(&self, facts: &SwapFacts, device: &DeviceId) -> SwapToken {
        SwapToken {
            tenant: self.tenant(),
            meter: facts.meter.bcd(),
            device: device.to_string(),
            expires: facts.expires.0,
            not_before: facts.not_before.0,
            issued: facts.issued.0,
            id: facts.id.0,
            old: facts.old.bcd(),
            old_account: facts.old_account.bcd(),
            account: facts.account.bcd(),
            count: facts.count.0,
            unit: match facts.unit {
                CreditUnit::Yuan => Unit::Yuan,
                CreditUnit::Kwh => Unit::Kwh,
            },
            most: facts.most,
            provisional: facts.provisional,
            arrears: facts.arrears,
            seq: facts.seq,
        }
    }
}

/// Enters a leave as it was given, for an office that was put back; unless it is here. A meter is
/// in one swap at a time, so what is out here for one of its meters and was not begun was taken
/// back before this one was given. Where one was begun, or its number is given to something else,
/// it stays unknown, and a person is called when its journal is judged.
pub(super) async fn recovered(
    conn: &mut Conn,
    (facts, device): (&SwapFacts, &DeviceId),
    (bytes, kid): (&[u8], &str),
) -> Result<(), OfficeError> {
    let [old, new] = [facts.old, facts.meter].map(|meter| meter.to_string());
    let line = ledger::meter(conn, facts.old).await?;
    ledger::meter(conn, facts.meter).await?;
    let sql = "SELECT COUNT(*) AS n FROM swap WHERE id = $1 OR meter = $3 AND seq = $4
               OR state = 'begun' AND (old_meter IN ($2, $3) OR meter IN ($2, $3))";
    let against = query(sql)
        .bind(facts.id.to_string())
        .bind(&old)
        .bind(&new)
        .bind(ledger::number(facts.seq))
        .fetch_one(&mut *conn)
        .await?;
    if ledger::counter(&against, "n")? > 0 {
        return Ok(());
    }
    for sql in [
        "UPDATE swap SET state = 'voided', revoked = COALESCE(revoked, $3)
         WHERE state IN ('reserved', 'delivered')
         AND (old_meter IN ($1, $2) OR meter IN ($1, $2))",
        "UPDATE swap SET claim = 2 WHERE claim = 1 AND issued < $3
         AND (old_meter IN ($1, $2) OR meter IN ($1, $2))",
    ] {
        query(sql).bind(&old).bind(&new).bind(facts.issued.0).execute(&mut *conn).await?;
    }
    let profile = line.map(|line| line.profile).unwrap_or_default();
    insert(conn, (facts, device, &profile), (bytes, kid)).await
}

async fn insert(
    conn: &mut Conn,
    (facts, device, profile): (&SwapFacts, &DeviceId, &str),
    (bytes, kid): (&[u8], &str),
) -> Result<(), OfficeError> {
    query(
        "INSERT INTO swap (id, old_meter, old_account, meter, account, count_before, unit, most,
                           provisional, arrears, profile, device, seq, issued, expires, bytes, kid,
                           state, told, claim, bound)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                 'reserved', 0, 0, 0)",
    )
    .bind(facts.id.to_string())
    .bind(facts.old.to_string())
    .bind(facts.old_account.to_string())
    .bind(facts.meter.to_string())
    .bind(facts.account.to_string())
    .bind(i64::from(facts.count.0))
    .bind(unit_name(facts.unit))
    .bind(facts.most)
    .bind(facts.provisional)
    .bind(facts.arrears)
    .bind(profile)
    .bind(device.as_str())
    .bind(ledger::number(facts.seq))
    .bind(facts.issued.0)
    .bind(facts.expires.0)
    .bind(bytes)
    .bind(kid)
    .execute(conn)
    .await?;
    Ok(())
}
