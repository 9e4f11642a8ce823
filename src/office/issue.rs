//! Issuing a token: the customer's money goes in transit, the step is reserved, the token is
//! signed and stored; one transaction.
//!
//! A token pins the step: the purchase count the office knows, after all tokens that are out.
//! Tokens of one meter account that are out form one chain with one handheld; nobody else gets the
//! next.

use super::Office;
use super::error::OfficeError;
use super::keys::MAX_TOKEN_AMOUNT;
use super::ledger::{self, Conn, transact};
use super::limits;
use super::model::{Move, TokenRow, TokenState, unit_name};
use crate::sync::wire::MeterLine;
use crate::units::{
    Credit, CreditUnit, DeviceId, MeterNo, Money, PurchaseCount, TokenId, UnixSeconds,
};
use meterkit_tokens::{KeyId, Kind, RechargeToken, Unit};

/// Longest life of a token, days (`reference/tokens.md` 2.1).
pub const MAX_DAYS: i64 = 7;
/// Usual life of a token, days (`reference/tokens.md` 2.4).
pub const USUAL_DAYS: i64 = 3;
const DAY: i64 = 86_400;
/// How long after its end a token that was never sent may be replaced, seconds: longer than any
/// handheld's clock is believed to be behind.
const REPLACE_AFTER: i64 = 3600;

/// What is to be issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// For which meter.
    pub meter: MeterNo,
    /// How much, hundredths of the meter's unit.
    pub amount: i64,
    /// To which handheld.
    pub device: DeviceId,
    /// For how many days.
    pub days: i64,
}

/// What was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The token's identity.
    pub id: TokenId,
    /// For which meter.
    pub meter: MeterNo,
    /// The count the meter must show before.
    pub count_before: PurchaseCount,
    /// How much.
    pub credit: Credit,
    /// To which handheld.
    pub device: DeviceId,
    /// Until when.
    pub expires: UnixSeconds,
    /// The signed document.
    pub bytes: Vec<u8>,
    /// With it the handheld carries as much as it may without a warning, or more.
    pub near_limit: bool,
}

impl Office {
    /// Issues a token.
    ///
    /// # Errors
    /// Unknown meter or handheld, quarantine, an amount or a life out of range, tokens of the meter
    /// out with another handheld, a dispute: see [`OfficeError`].
    pub async fn issue(&self, order: &Order) -> Result<Issued, OfficeError> {
        let id = self.new_id()?;
        transact!(self.ledger, |tx| self.issue_in(&mut tx, order, id).await)
    }

    /// Replaces a token whose time is over, or that was revoked, and that was never sent: the same
    /// step, amount and handheld, a new life. The meter itself takes at most one of the two.
    ///
    /// # Errors
    /// [`OfficeError::NoToken`], [`OfficeError::NotReplaceable`], and as [`Office::issue`].
    pub async fn reissue(&self, token: TokenId, days: i64) -> Result<Issued, OfficeError> {
        let id = self.new_id()?;
        transact!(self.ledger, |tx| self.reissue_in(&mut tx, token, days, id, true).await)
    }

    /// The same for a token whose key was revoked: no handheld uses it any more.
    pub(super) async fn replace(&self, token: TokenId, days: i64) -> Result<Issued, OfficeError> {
        let id = self.new_id()?;
        transact!(self.ledger, |tx| self.reissue_in(&mut tx, token, days, id, false).await)
    }

    /// Revokes a token that is out: with its next status the handheld does not use it any more.
    /// Until then it may, so its money stays where it is and the token is suspect; a person settles
    /// it, or `reissue` replaces it at the same step.
    ///
    /// # Errors
    /// [`OfficeError::NoToken`], [`OfficeError::NotReplaceable`] for one that is not out.
    pub async fn revoke_token(&self, token: TokenId) -> Result<(), OfficeError> {
        let now = self.now();
        transact!(self.ledger, |tx| revoke(&mut tx, token, now).await)
    }

    /// A UUIDv7 of the office's time.
    pub(super) fn new_id(&self) -> Result<TokenId, OfficeError> {
        let random = super::keys::random()?;
        let millis = u64::try_from(self.now().0).unwrap_or(0) * 1000;
        let mut noise = [0; 10];
        noise.copy_from_slice(&random[..10]);
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &noise).into_uuid();
        Ok(TokenId(id.into_bytes()))
    }

    async fn issue_in(
        &self,
        conn: &mut Conn,
        order: &Order,
        id: TokenId,
    ) -> Result<Issued, OfficeError> {
        let device = ledger::device(conn, &order.device).await?;
        match device {
            None => return Err(OfficeError::NoDevice(order.device.clone())),
            Some(row) if row.status == "quarantined" => {
                return Err(OfficeError::Quarantined(order.device.clone()));
            }
            Some(_) => {}
        }
        let meter = ledger::meter(conn, order.meter).await?;
        let meter = meter.ok_or(OfficeError::NoMeter(order.meter))?;
        let step = next_step(conn, &meter, &order.device).await?;
        self.write(conn, order, &meter, step, id).await
    }

    /// Signs, stores and books a token for a step that is free.
    async fn write(
        &self,
        conn: &mut Conn,
        order: &Order,
        meter: &MeterLine,
        step: PurchaseCount,
        id: TokenId,
    ) -> Result<Issued, OfficeError> {
        if !(1..=MAX_TOKEN_AMOUNT).contains(&order.amount) {
            let most = Money(MAX_TOKEN_AMOUNT).to_string();
            return Err(OfficeError::Amount { most });
        }
        if !(1..=MAX_DAYS).contains(&order.days) {
            return Err(OfficeError::Days(MAX_DAYS));
        }
        let now = self.now();
        let seq = next_seq(conn, order.meter).await?;
        let expires = UnixSeconds(now.0 + order.days * DAY);
        let credit = Credit { value: order.amount, unit: meter.unit };
        let order_no = order_number(now, seq);
        let token = RechargeToken {
            tenant: self.tenant(),
            meter: order.meter.bcd(),
            device: order.device.to_string(),
            expires: expires.0,
            not_before: now.0,
            issued: now.0,
            id: id.0,
            kind: Kind::Recharge,
            amount: credit.value,
            unit: match credit.unit {
                CreditUnit::Yuan => Unit::Yuan,
                CreditUnit::Kwh => Unit::Kwh,
            },
            count: step.0,
            seq,
            order: order_no,
            account: meter.account.bcd(),
            caps: 0,
            max_balance: None,
            undoes: None,
        };
        let (bytes, kid) = self.keys().token(&token)?;
        let near_limit = within_limit(conn, order, credit).await?;
        let row = TokenRow {
            id,
            meter: order.meter,
            account: meter.account,
            count_before: step,
            credit,
            device: order.device.clone(),
            order: order_no,
            expires,
            intent_seen: false,
            revoked: false,
            state: TokenState::Reserved,
        };
        insert(conn, &row, seq, now, (&bytes, kid)).await?;
        ledger::book(conn, Move::Issue, &row, now).await?;
        let (meter, device) = (order.meter, order.device.clone());
        let count_before = step;
        Ok(Issued { id, meter, count_before, credit, device, expires, bytes, near_limit })
    }

    async fn reissue_in(
        &self,
        conn: &mut Conn,
        old: TokenId,
        days: i64,
        id: TokenId,
        over_only: bool,
    ) -> Result<Issued, OfficeError> {
        let old = ledger::token(conn, old).await?.ok_or(OfficeError::NoToken(old))?;
        let now = self.now();
        let refuse = |why| Err(OfficeError::NotReplaceable(old.id, why));
        match old.state {
            TokenState::Reserved | TokenState::Delivered => {}
            TokenState::Suspect if old.revoked && !old.intent_seen => {}
            TokenState::Suspect => return refuse("it was sent and its outcome is not known"),
            TokenState::Disputed => return refuse("it is disputed"),
            TokenState::Applied => return refuse("it is in the meter"),
            TokenState::Voided => return refuse("its money is back with the customer"),
        }
        if over_only && !old.revoked && now.0 < old.expires.0 + REPLACE_AFTER {
            return refuse("its time is not over");
        }
        let device = ledger::device(conn, &old.device).await?;
        if device.is_none_or(|device| device.status == "quarantined") {
            return Err(OfficeError::Quarantined(old.device));
        }
        let meter = ledger::meter(conn, old.meter).await?;
        let meter = meter.ok_or(OfficeError::NoMeter(old.meter))?;
        if meter.account != old.account {
            return Err(OfficeError::MeterOther(old.meter));
        }
        ledger::set_state(conn, old.id, TokenState::Voided).await?;
        ledger::book(conn, Move::Return, &old, now).await?;
        sqlx::query("UPDATE token SET superseded_by = $2 WHERE id = $1")
            .bind(old.id.to_string())
            .bind(id.to_string())
            .execute(&mut *conn)
            .await?;
        let order =
            Order { meter: old.meter, amount: old.credit.value, device: old.device.clone(), days };
        self.write(conn, &order, &meter, old.count_before, id).await
    }
}

/// With one more credit a handheld carries no more than it may; gives whether that is as much as it
/// may without a warning.
async fn within_limit(conn: &mut Conn, order: &Order, credit: Credit) -> Result<bool, OfficeError> {
    let policy = limits::policy(conn, order.device.as_str()).await?;
    let out = limits::carried(conn, order.device.as_str()).await?.sum(credit.unit);
    let cap = match credit.unit {
        CreditUnit::Yuan => policy.caps.yuan,
        CreditUnit::Kwh => policy.caps.kwh,
    };
    let sum = out.saturating_add(credit.value);
    if sum > cap.hard {
        return Err(OfficeError::OverLimit {
            device: order.device.clone(),
            limit: unit_name(credit.unit),
            out: Money(out).to_string(),
            hard: Money(cap.hard).to_string(),
        });
    }
    Ok(sum >= cap.soft)
}

async fn revoke(conn: &mut Conn, id: TokenId, now: UnixSeconds) -> Result<(), OfficeError> {
    let token = ledger::token(conn, id).await?.ok_or(OfficeError::NoToken(id))?;
    match token.state {
        TokenState::Reserved | TokenState::Delivered => {
            ledger::set_state(conn, id, TokenState::Suspect).await?;
        }
        TokenState::Suspect | TokenState::Disputed => {}
        TokenState::Applied | TokenState::Voided => {
            return Err(OfficeError::NotReplaceable(id, "it is not out any more"));
        }
    }
    sqlx::query("UPDATE token SET revoked = $2 WHERE id = $1 AND revoked IS NULL")
        .bind(id.to_string())
        .bind(now.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// The step after everything known and everything out.
async fn next_step(
    conn: &mut Conn,
    meter: &MeterLine,
    device: &DeviceId,
) -> Result<PurchaseCount, OfficeError> {
    let out = ledger::tokens_out(conn, meter.meter, meter.account).await?;
    if let Some(other) = out.iter().find(|token| token.device != *device) {
        let device = other.device.clone();
        return Err(OfficeError::ChainElsewhere { meter: meter.meter, device });
    }
    if let Some(token) = out.iter().find(|token| token.state == TokenState::Disputed) {
        return Err(OfficeError::Disputed { meter: meter.meter, token: token.id });
    }
    let known = ledger::meter_state(conn, meter.meter, meter.account).await?;
    let known = known.map_or(PurchaseCount(0), |(count, ..)| count);
    let end = || OfficeError::CountEnd(meter.meter);
    let after_out = match out.last() {
        Some(token) => token.count_before.next().ok_or_else(end)?,
        None => known,
    };
    let step = known.max(after_out);
    // The meter must be able to show one more.
    if step.next().is_some() { Ok(step) } else { Err(end()) }
}

/// The next issue number of a meter: without gaps, whatever became of the tokens.
async fn next_seq(conn: &mut Conn, meter: MeterNo) -> Result<u64, OfficeError> {
    let row = sqlx::query("SELECT COALESCE(MAX(seq), 0) AS seq FROM token WHERE meter = $1")
        .bind(meter.to_string())
        .fetch_one(conn)
        .await?;
    Ok(ledger::counter(&row, "seq")? + 1)
}

/// An order number as meters that take one expect it: 16 digits, BCD; ten of the time, six of the
/// issue number.
fn order_number(now: UnixSeconds, seq: u64) -> [u8; 8] {
    let time = u64::try_from(now.0).unwrap_or(0) % 10_000_000_000;
    let mut digits = time * 1_000_000 + seq % 1_000_000;
    let mut bcd = [0u8; 8];
    for byte in bcd.iter_mut().rev() {
        let pair = (digits % 100) as u8;
        *byte = ((pair / 10) << 4) | (pair % 10);
        digits /= 100;
    }
    bcd
}

async fn insert(
    conn: &mut Conn,
    token: &TokenRow,
    seq: u64,
    now: UnixSeconds,
    (bytes, kid): (&[u8], KeyId),
) -> Result<(), OfficeError> {
    let result = sqlx::query(
        "INSERT INTO token (id, meter, account, count_before, amount, unit, device, seq, order_no,
                            issued, expires, bytes, kid, state, told)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0)",
    )
    .bind(token.id.to_string())
    .bind(token.meter.to_string())
    .bind(token.account.to_string())
    .bind(i64::from(token.count_before.0))
    .bind(token.credit.value)
    .bind(unit_name(token.credit.unit))
    .bind(token.device.as_str())
    .bind(ledger::number(seq))
    .bind(token.order.as_slice())
    .bind(now.0)
    .bind(token.expires.0)
    .bind(bytes)
    .bind(kid.to_string())
    .bind(token.state.name())
    .execute(conn)
    .await;
    result.map(drop).map_err(|error| ledger::step_taken(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_numbers_are_digits() {
        let order = order_number(UnixSeconds(1_790_000_123), 1_000_042);
        assert_eq!(order, [0x17, 0x90, 0x00, 0x01, 0x23, 0x00, 0x00, 0x42]);
    }
}
