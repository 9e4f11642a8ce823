//! Issuing a token: the customer's money goes in transit, the step is reserved, the token is
//! signed and stored; one transaction.
//!
//! A token pins the step: the purchase count the office knows, after all tokens that are out.
//! Tokens of one meter account that are out form one chain with one handheld; nobody else gets the
//! next.

use super::Office;
use super::backup::rewound;
use super::db::query;
use super::error::OfficeError;
use super::keys::MAX_TOKEN_AMOUNT;
use super::ledger::{self, Conn, transact};
use super::limits;
use super::model::{Move, TokenRow, TokenState, unit_name};
use super::online::ONLINE;
use super::swap;
use crate::sync::wire::MeterLine;
use crate::units::{
    AccountNo, Act, Credit, CreditUnit, DeviceId, MeterNo, Money, PurchaseCount, TokenId,
    UnixSeconds,
};
use meterkit_tokens::{Kind, RechargeToken, Unit};

/// Longest life of a token, days (`reference/tokens.md` 2.1).
pub const MAX_DAYS: i64 = 7;
/// Usual life of a token, days (`reference/tokens.md` 2.4).
pub const USUAL_DAYS: i64 = 3;
pub(super) const DAY: i64 = 86_400;
/// How long after its end a token that was never sent may be replaced, seconds: longer than any
/// handheld's clock is believed to be behind.
pub(super) const REPLACE_AFTER: i64 = 3600;

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

/// What the token does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deed {
    /// What.
    pub act: Act,
    /// The account that is opened, where it is not the one on the list.
    pub account: Option<AccountNo>,
    /// The recharge that is undone, for a reversal.
    pub undoes: Option<TokenId>,
}

impl Deed {
    /// A customer's purchase.
    pub const RECHARGE: Self = Self::of(Act::Recharge);

    /// An act that needs no more to be said.
    pub const fn of(act: Act) -> Self {
        Self { act, account: None, undoes: None }
    }
}

/// What was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The token's identity.
    pub id: TokenId,
    /// What it does.
    pub act: Act,
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
        self.issue_for(order, Deed::RECHARGE).await
    }

    /// The same for any act: an account to be opened, credit to be taken out, a recharge to be
    /// undone.
    ///
    /// # Errors
    /// As [`Office::issue`]; [`OfficeError::NotUndone`] for a reversal of what is no recharge of
    /// this meter and account, of that amount, in the meter and not undone.
    pub async fn issue_for(&self, order: &Order, deed: Deed) -> Result<Issued, OfficeError> {
        let id = self.new_id()?;
        transact!(self.ledger, |tx| self.issue_in(&mut tx, order, deed, id).await)
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

    pub(super) async fn issue_in(
        &self,
        conn: &mut Conn,
        order: &Order,
        deed: Deed,
        id: TokenId,
    ) -> Result<Issued, OfficeError> {
        rewound::fence(conn).await?;
        enrolled(conn, &order.device).await?;
        // Its line is held from here on; a meter on its way into service has none yet.
        let meter = ledger::meter(conn, order.meter).await?;
        if swap::closed_at(conn, order.meter).await?.is_some() {
            return Err(OfficeError::MeterClosed(order.meter));
        }
        swap::check_free(conn, order.meter).await?;
        let mut meter = meter.ok_or(OfficeError::NoMeter(order.meter))?;
        let listed = meter.account;
        if let Some(account) = deed.account.filter(|_| deed.act == Act::Open) {
            meter.account = account;
        }
        check_deed(conn, order, &meter, deed).await?;
        let step = next_step(conn, &meter, listed, &order.device).await?;
        self.write(conn, (order, deed), &meter, step, id).await
    }

    /// Signs, stores and books a token for a step that is free.
    pub(super) async fn write(
        &self,
        conn: &mut Conn,
        (order, deed): (&Order, Deed),
        meter: &MeterLine,
        step: PurchaseCount,
        id: TokenId,
    ) -> Result<Issued, OfficeError> {
        let least = i64::from(deed.act != Act::Open);
        if !(least..=MAX_TOKEN_AMOUNT).contains(&order.amount) {
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
            kind: kind_of(deed.act),
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
            undoes: deed.undoes.map(|id| id.0),
        };
        let (bytes, kid) = self.keys().token(&token)?;
        let near_limit = within_limit(conn, &order.device, credit).await?;
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
            act: deed.act,
            undoes: deed.undoes,
            leg: None,
        };
        insert(conn, &row, Some(seq), now, (&bytes, &kid.to_string())).await?;
        ledger::book(conn, Move::Issue, &row, now).await?;
        let (meter, device) = (order.meter, order.device.clone());
        let (count_before, act) = (step, deed.act);
        Ok(Issued { id, act, meter, count_before, credit, device, expires, bytes, near_limit })
    }

    async fn reissue_in(
        &self,
        conn: &mut Conn,
        old: TokenId,
        days: i64,
        id: TokenId,
        over_only: bool,
    ) -> Result<Issued, OfficeError> {
        rewound::fence(conn).await?;
        let old = ledger::token(conn, old).await?.ok_or(OfficeError::NoToken(old))?;
        let now = self.now();
        let refuse = |why| Err(OfficeError::NotReplaceable(old.id, why));
        match old.state {
            _ if old.leg.is_some() => return refuse("it is a leg of a swap"),
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
        let mut meter = meter.ok_or(OfficeError::NoMeter(old.meter))?;
        if old.act == Act::Open {
            meter.account = old.account;
        }
        if meter.account != old.account {
            return Err(OfficeError::MeterOther(old.meter));
        }
        ledger::set_state(conn, old.id, TokenState::Voided).await?;
        ledger::book(conn, Move::Return, &old, now).await?;
        query("UPDATE token SET superseded_by = $2 WHERE id = $1")
            .bind(old.id.to_string())
            .bind(id.to_string())
            .execute(&mut *conn)
            .await?;
        let order =
            Order { meter: old.meter, amount: old.credit.value, device: old.device.clone(), days };
        let deed = Deed { act: old.act, account: Some(old.account), undoes: old.undoes };
        self.write(conn, (&order, deed), &meter, old.count_before, id).await
    }
}

/// What the token is called that does this.
fn kind_of(act: Act) -> Kind {
    match act {
        Act::Recharge => Kind::Recharge,
        Act::Open => Kind::Open,
        Act::CarryIn => Kind::CarryOver,
        Act::Refund | Act::Reversal | Act::CarryOut => Kind::Refund,
    }
}

/// With one more credit a handheld carries no more than it may; gives whether that is as much as it
/// may without a warning.
pub(super) async fn within_limit(
    conn: &mut Conn,
    device: &DeviceId,
    credit: Credit,
) -> Result<bool, OfficeError> {
    let policy = limits::policy(conn, device.as_str()).await?;
    let out = limits::carried(conn, device.as_str()).await?.sum(credit.unit);
    let cap = match credit.unit {
        CreditUnit::Yuan => policy.caps.yuan,
        CreditUnit::Kwh => policy.caps.kwh,
    };
    let sum = out.saturating_add(credit.value);
    if sum > cap.hard {
        return Err(OfficeError::OverLimit {
            device: device.clone(),
            limit: unit_name(credit.unit),
            out: Money(out).to_string(),
            hard: Money(cap.hard).to_string(),
        });
    }
    Ok(sum >= cap.soft)
}

/// A handheld that gets documents.
pub(super) async fn enrolled(conn: &mut Conn, device: &DeviceId) -> Result<(), OfficeError> {
    match ledger::device(conn, device).await? {
        None => Err(OfficeError::NoDevice(device.clone())),
        Some(row) if row.status == "quarantined" => Err(OfficeError::Quarantined(device.clone())),
        Some(_) => Ok(()),
    }
}

pub(super) async fn revoke(
    conn: &mut Conn,
    id: TokenId,
    now: UnixSeconds,
) -> Result<(), OfficeError> {
    let token = ledger::token(conn, id).await?.ok_or(OfficeError::NoToken(id))?;
    if token.leg.is_some() {
        return Err(OfficeError::NotReplaceable(id, "it is a leg of a swap"));
    }
    if token.device.as_str() == ONLINE {
        return Err(OfficeError::NotReplaceable(id, "it is a recharge from the office"));
    }
    match token.state {
        TokenState::Reserved | TokenState::Delivered => {
            ledger::set_state(conn, id, TokenState::Suspect).await?;
        }
        TokenState::Suspect | TokenState::Disputed => {}
        TokenState::Applied | TokenState::Voided => {
            return Err(OfficeError::NotReplaceable(id, "it is not out any more"));
        }
    }
    query("UPDATE token SET revoked = $2 WHERE id = $1 AND revoked IS NULL")
        .bind(id.to_string())
        .bind(now.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// What an act needs besides the rules of every token.
async fn check_deed(
    conn: &mut Conn,
    order: &Order,
    meter: &MeterLine,
    deed: Deed,
) -> Result<(), OfficeError> {
    if deed.act == Act::CarryOut || (deed.act == Act::Reversal) != deed.undoes.is_some() {
        let what = "a reversal names the recharge it undoes, and nothing else does";
        return Err(OfficeError::Usage(what.to_owned()));
    }
    let Some(undoes) = deed.undoes else { return Ok(()) };
    let undone = ledger::token(conn, undoes).await?.ok_or(OfficeError::NoToken(undoes))?;
    let refuse = |why| Err(OfficeError::NotUndone(undoes, why));
    if undone.act.is_debit() || undone.credit.value == 0 {
        return refuse("it is no credit");
    }
    if (undone.meter, undone.account) != (meter.meter, meter.account) {
        return refuse("it is of another meter or account");
    }
    if undone.credit.value != order.amount {
        return refuse("it has another amount");
    }
    if undone.state != TokenState::Applied {
        return refuse("it is not in the meter");
    }
    let sql = "SELECT COUNT(*) AS n FROM token WHERE undoes = $1 AND state <> 'voided'";
    let row = query(sql).bind(undoes.to_string()).fetch_one(conn).await?;
    if ledger::counter(&row, "n")? > 0 { refuse("it is undone already") } else { Ok(()) }
}

/// The step after everything known and everything out. A meter's count goes on when its account
/// changes, so an opening begins where the account before, `listed`, stood.
async fn next_step(
    conn: &mut Conn,
    meter: &MeterLine,
    listed: AccountNo,
    device: &DeviceId,
) -> Result<PurchaseCount, OfficeError> {
    let mut out = ledger::tokens_out(conn, meter.meter, meter.account).await?;
    if listed != meter.account {
        out.extend(ledger::tokens_out(conn, meter.meter, listed).await?);
    }
    if let Some(other) = out.iter().find(|token| token.device != *device) {
        let device = other.device.clone();
        return Err(OfficeError::ChainElsewhere { meter: meter.meter, device });
    }
    if let Some(token) = out.iter().find(|token| token.state == TokenState::Disputed) {
        return Err(OfficeError::Disputed { meter: meter.meter, token: token.id });
    }
    let mut known = PurchaseCount(0);
    for account in [meter.account, listed] {
        let state = ledger::meter_state(conn, meter.meter, account).await?;
        known = known.max(state.map_or(PurchaseCount(0), |(count, ..)| count));
    }
    let end = || OfficeError::CountEnd(meter.meter);
    let mut step = known;
    for token in &out {
        let after = match token.takes_step() {
            true => token.count_before.next().ok_or_else(end)?,
            false => token.count_before,
        };
        step = step.max(after);
    }
    // The meter must be able to show one more.
    if step.next().is_some() { Ok(step) } else { Err(end()) }
}

/// The next issue number of a meter: without gaps, whatever became of the tokens and of the leaves
/// for swaps that put it in.
pub(super) async fn next_seq(conn: &mut Conn, meter: MeterNo) -> Result<u64, OfficeError> {
    let sql = "SELECT COALESCE(MAX(seq), 0) AS seq FROM (
                   SELECT seq FROM token WHERE meter = $1
                   UNION ALL SELECT seq FROM swap WHERE meter = $1) AS numbers";
    let row = query(sql).bind(meter.to_string()).fetch_one(conn).await?;
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

/// Writes a token down; without an issue number and a document, what is no document.
pub(super) async fn insert(
    conn: &mut Conn,
    token: &TokenRow,
    seq: Option<u64>,
    now: UnixSeconds,
    (bytes, kid): (&[u8], &str),
) -> Result<(), OfficeError> {
    let result = query(
        "INSERT INTO token (id, meter, account, count_before, amount, unit, device, seq, order_no,
                            issued, expires, bytes, kid, state, told, act, undoes)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, $15, $16)",
    )
    .bind(token.id.to_string())
    .bind(token.meter.to_string())
    .bind(token.account.to_string())
    .bind(i64::from(token.count_before.0))
    .bind(token.credit.value)
    .bind(unit_name(token.credit.unit))
    .bind(token.device.as_str())
    .bind(seq.map(ledger::number))
    .bind(token.order.as_slice())
    .bind(now.0)
    .bind(token.expires.0)
    .bind(bytes)
    .bind(kid)
    .bind(token.state.name())
    .bind(token.act.name())
    .bind(token.undoes.map(|id| id.to_string()))
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
