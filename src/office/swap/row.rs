//! The rows of swaps, and what others ask of them.

use crate::office::Office;
use crate::office::db::query;
use crate::office::error::OfficeError;
use crate::office::ledger::{self, Conn};
use crate::office::model::{TokenRow, TokenState, parse_unit};
use crate::sync::wire::SwapFacts;
use crate::units::{AccountNo, DeviceId, MeterNo, PurchaseCount, SwapLeg, TokenId, UnixSeconds};

/// Where a swap stands. Time alone changes none of them: expired is not void.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SwapState {
    /// Signed, waiting for its handheld.
    Reserved,
    /// Its handheld has it.
    Delivered,
    /// Somebody is at it.
    Begun,
    /// It has ended; what is still in transit or variance is for a person.
    Done,
    /// Taken back, or its time was over and another was issued.
    Voided,
}

impl SwapState {
    /// All of them, in order.
    pub const ALL: [Self; 5] =
        [Self::Reserved, Self::Delivered, Self::Begun, Self::Done, Self::Voided];

    /// The stable name, as stored and printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Delivered => "delivered",
            Self::Begun => "begun",
            Self::Done => "done",
            Self::Voided => "voided",
        }
    }

    /// Whether it may still be carried out.
    pub fn is_out(self) -> bool {
        matches!(self, Self::Reserved | Self::Delivered | Self::Begun)
    }
}

/// A swap as the office keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::office) struct SwapRow {
    pub facts: SwapFacts,
    pub device: DeviceId,
    pub profile: String,
    pub kid: String,
    pub state: SwapState,
    pub revoked: bool,
    /// Whether the list of meters follows it.
    pub bound: bool,
    /// Whether its proof was the first for its meters.
    pub claims: bool,
}

/// A leg of a swap, in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegInfo {
    /// Which.
    pub leg: SwapLeg,
    /// Its token: what a person settles.
    pub token: TokenId,
    /// Where it stands.
    pub state: TokenState,
    /// How much, hundredths.
    pub amount: i64,
}

/// A swap, in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwapInfo {
    /// What the leave says.
    pub facts: SwapFacts,
    /// Its handheld.
    pub device: DeviceId,
    /// Where it stands.
    pub state: SwapState,
    /// Whether the list of meters follows it.
    pub bound: bool,
    /// Its legs, in the order of the work.
    pub legs: Vec<LegInfo>,
    /// What was taken out of the old meter and is in neither.
    pub in_transit: i64,
    /// What the office stands in for: what the old meter still held, less what was advanced.
    pub variance: i64,
    /// The debt that went along.
    pub arrears: i64,
}

impl Office {
    /// The swaps, oldest first: those that are out, or of which something is in transit; all of
    /// them with `all`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn swaps(&self, all: bool) -> Result<Vec<SwapInfo>, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let rows = query("SELECT * FROM swap ORDER BY id").fetch_all(&mut conn).await?;
        let mut swaps = Vec::new();
        for row in &rows {
            let info = info(&mut conn, swap_row(row)?).await?;
            if all || info.state.is_out() || info.in_transit != 0 {
                swaps.push(info);
            }
        }
        Ok(swaps)
    }

    /// One swap.
    ///
    /// # Errors
    /// [`OfficeError::NoSwap`]; the database failed.
    pub async fn swap(&self, id: TokenId) -> Result<SwapInfo, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let row = swap(&mut conn, id).await?.ok_or(OfficeError::NoSwap(id))?;
        info(&mut conn, row).await
    }
}

async fn info(conn: &mut Conn, row: SwapRow) -> Result<SwapInfo, OfficeError> {
    let id = row.facts.id;
    let legs = legs(conn, id).await?.into_iter().filter_map(|token| {
        let leg = token.leg?.leg;
        Some(LegInfo { leg, token: token.id, state: token.state, amount: token.credit.value })
    });
    Ok(SwapInfo {
        legs: legs.collect(),
        in_transit: super::post::sum(conn, id, "in-transit").await?,
        variance: super::post::sum(conn, id, "variance").await?,
        arrears: super::post::arrears(conn, &row.facts).await?,
        facts: row.facts,
        device: row.device,
        state: row.state,
        bound: row.bound,
    })
}

/// Reads a swap.
pub(super) async fn swap(conn: &mut Conn, id: TokenId) -> Result<Option<SwapRow>, OfficeError> {
    let row =
        query("SELECT * FROM swap WHERE id = $1").bind(id.to_string()).fetch_optional(conn).await?;
    row.as_ref().map(swap_row).transpose()
}

/// The swap that an errand of a handheld's journal carries out.
pub(super) async fn of_errand(
    conn: &mut Conn,
    device: &DeviceId,
    errand: &str,
) -> Result<Option<SwapRow>, OfficeError> {
    let row = query("SELECT * FROM swap WHERE device = $1 AND errand = $2")
        .bind(device.as_str())
        .bind(errand)
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(swap_row).transpose()
}

fn swap_row(row: &crate::office::db::Row) -> Result<SwapRow, OfficeError> {
    let unit = parse_unit(&row.try_get::<String, _>("unit")?);
    let state: String = row.try_get("state")?;
    let state = SwapState::ALL.into_iter().find(|known| known.name() == state);
    Ok(SwapRow {
        facts: SwapFacts {
            id: ledger::parsed(row, "id")?,
            meter: ledger::parsed(row, "meter")?,
            account: ledger::parsed(row, "account")?,
            count: PurchaseCount(ledger::small(row, "count_before")?),
            old: ledger::parsed(row, "old_meter")?,
            old_account: ledger::parsed(row, "old_account")?,
            unit: unit.ok_or(OfficeError::Stored("unit"))?,
            most: row.try_get("most")?,
            provisional: row.try_get("provisional")?,
            arrears: row.try_get("arrears")?,
            seq: ledger::counter(row, "seq")?,
            not_before: UnixSeconds(row.try_get("issued")?),
            issued: UnixSeconds(row.try_get("issued")?),
            expires: UnixSeconds(row.try_get("expires")?),
        },
        device: ledger::parsed(row, "device")?,
        profile: row.try_get("profile")?,
        kid: row.try_get("kid")?,
        state: state.ok_or(OfficeError::Stored("state"))?,
        revoked: row.try_get::<Option<i64>, _>("revoked")?.is_some(),
        bound: row.try_get::<i64, _>("bound")? != 0,
        claims: row.try_get::<i64, _>("claim")? == 1,
    })
}

/// The legs of a swap, in the order of the work.
pub(super) async fn legs(conn: &mut Conn, id: TokenId) -> Result<Vec<TokenRow>, OfficeError> {
    let rows = query("SELECT * FROM token WHERE swap = $1 ORDER BY issued, id")
        .bind(id.to_string())
        .fetch_all(conn)
        .await?;
    let mut legs = rows.iter().map(ledger::token_row).collect::<Result<Vec<_>, _>>()?;
    legs.sort_by_key(|token| token.leg.map(|leg| leg.leg));
    Ok(legs)
}

/// Writes a swap's state.
pub(super) async fn set_state(
    conn: &mut Conn,
    id: TokenId,
    state: SwapState,
) -> Result<(), OfficeError> {
    query("UPDATE swap SET state = $2 WHERE id = $1")
        .bind(id.to_string())
        .bind(state.name())
        .execute(conn)
        .await?;
    Ok(())
}

/// Debits that were fixed and not sent, or seen to have done nothing, are not used any more: there
/// is another attempt, or a credit.
pub(super) async fn void_attempts(conn: &mut Conn, id: TokenId) -> Result<(), OfficeError> {
    let sql = "UPDATE token SET state = 'voided', told = 1
               WHERE swap = $1 AND state = 'delivered' AND leg = 'out'";
    query(sql).bind(id.to_string()).execute(conn).await?;
    Ok(())
}

/// Legs that were fixed and not sent as far as anybody knows are not used any more.
pub(super) async fn void_unused(conn: &mut Conn, id: TokenId) -> Result<(), OfficeError> {
    query("UPDATE token SET state = 'voided' WHERE swap = $1 AND state = 'delivered'")
        .bind(id.to_string())
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether tokens for a meter are out, or a leg of an earlier swap is in doubt.
pub(super) async fn tokens_are_out(conn: &mut Conn, meter: MeterNo) -> Result<bool, OfficeError> {
    let sql = "SELECT COUNT(*) AS n FROM token WHERE meter = $1
               AND (state IN ('suspect', 'disputed')
                    OR state IN ('reserved', 'delivered') AND swap IS NULL)";
    let row = query(sql).bind(meter.to_string()).fetch_one(conn).await?;
    Ok(ledger::counter(&row, "n")? > 0)
}

/// Swaps of these meters that nobody began and whose time was over at `before` are void: their
/// handhelds hear of it, and what one of them did all the same is still a fact.
pub(super) async fn end_expired(
    conn: &mut Conn,
    meters: [MeterNo; 2],
    before: i64,
) -> Result<(), OfficeError> {
    let sql = "UPDATE swap SET state = 'voided', revoked = expires
               WHERE (old_meter IN ($1, $2) OR meter IN ($1, $2))
               AND state IN ('reserved', 'delivered') AND expires <= $3";
    let [old, new] = meters.map(|meter| meter.to_string());
    query(sql).bind(old).bind(new).bind(before).execute(conn).await?;
    Ok(())
}

/// Swaps of these meters that were proved are known from here on, and claim nothing any more.
pub(super) async fn history(conn: &mut Conn, meters: [MeterNo; 2]) -> Result<(), OfficeError> {
    let sql = "UPDATE swap SET claim = 2
               WHERE claim = 1 AND (old_meter IN ($1, $2) OR meter IN ($1, $2))";
    let [old, new] = meters.map(|meter| meter.to_string());
    query(sql).bind(old).bind(new).execute(conn).await?;
    Ok(())
}

/// Whether the proof of another swap that claims one of these meters was here before.
pub(super) async fn rival(conn: &mut Conn, of: &SwapFacts) -> Result<bool, OfficeError> {
    let sql = "SELECT COUNT(*) AS n FROM swap WHERE claim = 1 AND id <> $1
               AND (old_meter IN ($2, $3) OR meter IN ($2, $3))";
    let row = query(sql)
        .bind(of.id.to_string())
        .bind(of.old.to_string())
        .bind(of.meter.to_string())
        .fetch_one(conn)
        .await?;
    Ok(ledger::counter(&row, "n")? > 0)
}

/// A meter gets a token only while no swap of it is out, or has left a credit that may still be
/// made.
pub(in crate::office) async fn check_free(
    conn: &mut Conn,
    meter: MeterNo,
) -> Result<(), OfficeError> {
    let sql = "SELECT id FROM swap WHERE (old_meter = $1 OR meter = $1)
               AND (state IN ('reserved', 'delivered', 'begun') OR state = 'done' AND EXISTS (
                    SELECT 1 FROM token WHERE token.swap = swap.id AND token.meter = $1
                    AND token.state IN ('delivered', 'suspect', 'disputed')))
               ORDER BY id LIMIT 1";
    let row = query(sql).bind(meter.to_string()).fetch_optional(conn).await?;
    match row {
        None => Ok(()),
        Some(row) => Err(OfficeError::SwapOpen { meter, swap: ledger::parsed(&row, "id")? }),
    }
}

/// When a meter was swapped out, by the clock of the handheld that did it.
pub(in crate::office) async fn closed_at(
    conn: &mut Conn,
    meter: MeterNo,
) -> Result<Option<UnixSeconds>, OfficeError> {
    let row = query("SELECT closed FROM meter WHERE meter = $1")
        .bind(meter.to_string())
        .fetch_optional(conn)
        .await?;
    let closed = row.map(|row| row.try_get::<Option<i64>, _>("closed")).transpose()?;
    Ok(closed.flatten().map(UnixSeconds))
}

/// The account a swap that is out opens in a meter.
pub(in crate::office) async fn opening(
    conn: &mut Conn,
    meter: MeterNo,
) -> Result<Option<AccountNo>, OfficeError> {
    let sql = "SELECT account FROM swap
               WHERE meter = $1 AND state IN ('reserved', 'delivered', 'begun')";
    let row = query(sql).bind(meter.to_string()).fetch_optional(conn).await?;
    row.as_ref().map(|row| ledger::parsed(row, "account")).transpose()
}

/// The count of a meter account after the credits of its swaps: they may be read there before the
/// journal that made them is here.
pub(in crate::office) async fn expects(
    conn: &mut Conn,
    meter: MeterNo,
    account: AccountNo,
) -> Result<PurchaseCount, OfficeError> {
    let sql = "SELECT COALESCE(MAX(count_before) + 1, 0) AS next FROM swap
               WHERE meter = $1 AND account = $2 AND state <> 'voided'";
    let row = query(sql).bind(meter.to_string()).bind(account.to_string()).fetch_one(conn).await?;
    Ok(PurchaseCount(ledger::small(&row, "next")?))
}
