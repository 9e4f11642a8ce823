//! What a person must look at, and what he decides.
//!
//! A dispute is settled with a reason and a name for the truth: the credit is in the meter, or it
//! is not. Only then does money leave transit without the meter's own proof.

use super::Office;
use super::cell::Cell;
use super::db::{Row, query};
use super::error::OfficeError;
use super::grounds::Grounds;
use super::ledger::{self, Conn, transact};
use super::many::with_rows;
use super::model::{Class, Move, TokenRow, TokenState};
use super::{excess, online, swap};
use crate::units::{Act, DeviceId, MeterNo, TokenId, UnixSeconds};

/// A thing to look at, about to be written down.
pub(super) struct NewReview<'a> {
    /// Raised once for each id.
    pub id: String,
    /// Its conflict class.
    pub class: Class,
    /// What happened.
    pub why: String,
    /// Whose journal shows it.
    pub device: &'a DeviceId,
    /// Of which life.
    pub epoch: u32,
    /// At which entry.
    pub seq: u64,
    /// The meter concerned.
    pub meter: Option<MeterNo>,
    /// The token concerned.
    pub token: Option<TokenId>,
    /// What it rests on.
    pub rests: Grounds,
}

/// A thing to look at, in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewRow {
    /// Its identity.
    pub id: String,
    /// Its conflict class, `C1` to `C10`.
    pub class: String,
    /// What happened.
    pub why: String,
    /// Whose journal shows it, in which life and at which entry.
    pub device: String,
    /// The life.
    pub epoch: u32,
    /// The entry.
    pub seq: u64,
    /// The meter concerned.
    pub meter: Option<String>,
    /// The token concerned.
    pub token: Option<String>,
    /// When it was raised.
    pub raised: UnixSeconds,
    /// What was decided and why, once it was.
    pub settled: Option<(String, String)>,
    /// What it rests on: nothing is listed of what was raised before ledger format 6.
    pub rests: Grounds,
}

/// What a person finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The credit is in the meter.
    Booked,
    /// It is not.
    NotBooked,
}

impl Verdict {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Booked => "booked",
            Self::NotBooked => "not-booked",
        }
    }
}

impl Office {
    /// What there is to look at, oldest first; settled ones too with `all`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn reviews(&self, all: bool) -> Result<Vec<ReviewRow>, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let sql = "SELECT * FROM review WHERE settled IS NULL OR $1 <> 0 ORDER BY raised, id";
        let rows = query(sql).bind(i64::from(all)).fetch_all(&mut conn).await?;
        rows.iter().map(shown).collect()
    }

    /// One of them, settled or not.
    ///
    /// # Errors
    /// [`OfficeError::Usage`] for one that is not there; the database failed.
    pub async fn review(&self, id: &str) -> Result<ReviewRow, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let row = query("SELECT * FROM review WHERE id = $1").bind(id);
        let row = row.fetch_optional(&mut conn).await?;
        let row = row.ok_or_else(|| OfficeError::Usage(format!("nothing to look at: {id}")))?;
        shown(&row)
    }

    /// Closes one thing that concerns no token's money.
    ///
    /// # Errors
    /// [`OfficeError::Usage`] without a reason, for an unknown id, or for one that concerns a
    /// token.
    pub async fn close_review(&self, id: &str, reason: &str) -> Result<(), OfficeError> {
        require(reason)?;
        let now = self.now().0;
        transact!(self.ledger, |tx| {
            let sql = "UPDATE review SET settled = $2, verdict = 'seen', reason = $3
                       WHERE id = $1 AND settled IS NULL AND token IS NULL";
            let query = query(sql).bind(id).bind(now).bind(reason);
            match query.execute(&mut tx).await?.rows_affected() {
                1 => Ok(()),
                _ => Err(OfficeError::Usage(format!("nothing open without a token: {id}"))),
            }
        })
    }
}

fn shown(row: &Row) -> Result<ReviewRow, OfficeError> {
    let verdict: Option<String> = row.try_get("verdict")?;
    let reason: Option<String> = row.try_get("reason")?;
    Ok(ReviewRow {
        id: row.try_get("id")?,
        class: row.try_get("class")?,
        why: row.try_get("why")?,
        device: row.try_get("device")?,
        epoch: ledger::small(row, "epoch")?,
        seq: ledger::counter(row, "seq")?,
        meter: row.try_get("meter")?,
        token: row.try_get("token")?,
        raised: UnixSeconds(row.try_get("raised")?),
        settled: verdict.zip(reason),
        rests: Grounds::parse(&row.try_get::<String, _>("rests")?)?,
    })
}

/// A decision needs a reason.
pub(super) fn require(reason: &str) -> Result<(), OfficeError> {
    if reason.trim().is_empty() {
        return Err(OfficeError::Usage("a decision needs a reason".to_owned()));
    }
    Ok(())
}

impl NewReview<'_> {
    /// The row to be written.
    pub(super) fn cells(self, now: UnixSeconds) -> Vec<Cell> {
        vec![
            self.id.into(),
            self.class.name().into(),
            self.why.into(),
            self.device.as_str().into(),
            i64::from(self.epoch).into(),
            ledger::number(self.seq).into(),
            self.meter.map(|meter| meter.to_string()).into(),
            self.token.map(|token| token.to_string()).into(),
            now.0.into(),
            self.rests.text().into(),
        ]
    }
}

/// The statement that writes down things to look at, once for each id.
pub(super) const RAISE: &str =
    "INSERT INTO review (id, class, why, device, epoch, seq, meter, token, raised, rests)
     SELECT column1, column2, column3, column4, column5, column6, column7, column8, column9,
            column10
     FROM {rows} WHERE 1 = 1 ON CONFLICT DO NOTHING";

/// Writes down something to look at, once for each id.
pub(super) async fn raise(
    conn: &mut Conn,
    new: NewReview<'_>,
    now: UnixSeconds,
) -> Result<(), OfficeError> {
    Ok(with_rows(conn, RAISE, vec![new.cells(now)]).await?)
}

/// What a verdict does to a token: the movement, and the state after.
fn effect(
    token: &TokenRow,
    verdict: Verdict,
    in_review: bool,
) -> Result<(Option<Move>, TokenState), OfficeError> {
    let none = Err(OfficeError::NotInDispute(token.id, token.state.name()));
    Ok(match (token.state, verdict) {
        (TokenState::Suspect | TokenState::Disputed, Verdict::Booked) => {
            (Some(Move::Apply), TokenState::Applied)
        }
        (TokenState::Suspect | TokenState::Disputed, Verdict::NotBooked) => {
            (Some(Move::Return), TokenState::Voided)
        }
        _ if !in_review => return none,
        (TokenState::Applied, Verdict::NotBooked) => (Some(Move::Reverse), TokenState::Voided),
        (TokenState::Voided, Verdict::Booked) => (Some(Move::Late), TokenState::Applied),
        (TokenState::Reserved | TokenState::Delivered, Verdict::Booked) => {
            (Some(Move::Apply), TokenState::Applied)
        }
        // Right as it is; a token in the field stays good.
        (state, _) => (None, state),
    })
}

/// Moves a token's money as a verdict says, and closes everything raised about it. What a verdict
/// needs for a proof is [`Office::settle_proved`]'s to ask.
pub(super) async fn settle(
    conn: &mut Conn,
    id: TokenId,
    verdict: Verdict,
    reason: &str,
    now: UnixSeconds,
) -> Result<TokenState, OfficeError> {
    let token = ledger::token(conn, id).await?.ok_or(OfficeError::NoToken(id))?;
    let sql = "SELECT COUNT(*) AS open FROM review WHERE token = $1 AND settled IS NULL";
    let row = query(sql).bind(id.to_string()).fetch_one(&mut *conn).await?;
    let (movement, state) = effect(&token, verdict, ledger::counter(&row, "open")? > 0)?;
    if state != token.state {
        ledger::set_state(conn, id, state).await?;
    }
    if let Some(movement) = movement {
        ledger::book(conn, movement, &token, now).await?;
        swap::even(conn, movement, &token, now).await?;
        excess::follow(conn, movement, &token, now).await?;
    }
    if state == TokenState::Applied {
        ledger::step_done(conn, &token).await?;
        swap::proved(conn, &token).await?;
        if token.act == Act::Open {
            super::meters::opened(conn, &token).await?;
        }
    }
    let sql = "UPDATE review SET settled = $2, verdict = $3, reason = $4
               WHERE token = $1 AND settled IS NULL";
    query(sql)
        .bind(id.to_string())
        .bind(now.0)
        .bind(verdict.name())
        .bind(reason)
        .execute(&mut *conn)
        .await?;
    if movement.is_some() && token.device.as_str() != online::ONLINE {
        tell(conn, &token, verdict, reason, now).await?;
    }
    Ok(state)
}

/// The handheld must hear of it: its meter may be blocked by an open recharge.
pub(super) async fn tell(
    conn: &mut Conn,
    token: &TokenRow,
    verdict: Verdict,
    reason: &str,
    now: UnixSeconds,
) -> Result<(), OfficeError> {
    let receipts = ledger::device(conn, &token.device).await?.map_or(0, |row| row.receipts);
    let sql = "INSERT INTO decision (token, device, meter, booked, receipt, reason, at, told)
               VALUES ($1, $2, $3, $4, $5, $6, $7, 0)
               ON CONFLICT (token) DO UPDATE SET booked = excluded.booked, told = 0,
               receipt = excluded.receipt, reason = excluded.reason, at = excluded.at";
    query(sql)
        .bind(token.id.to_string())
        .bind(token.device.as_str())
        .bind(token.meter.to_string())
        .bind(i64::from(verdict == Verdict::Booked))
        .bind(ledger::number(receipts))
        .bind(reason)
        .bind(now.0)
        .execute(conn)
        .await?;
    Ok(())
}
