//! What proves that a token in doubt was not used (R8): time alone never does.
//!
//! One of four: its handheld's journal goes past its life and holds no intent for it; its handheld
//! took it out of its cache, under its own signature; another credit took its step; the meter was
//! read after its life and still shows the count before. A person who read the meter himself may
//! say what it shows.

use super::Office;
use super::backup::rewound;
use super::db::query;
use super::error::OfficeError;
use super::issue::REPLACE_AFTER;
use super::ledger::{self, Conn, transact};
use super::model::{TokenRow, TokenState};
use super::review::{self, Verdict};
use crate::sync::wire::{Event, read_entry};
use crate::units::{PurchaseCount, TokenId, UnixSeconds};

/// What proves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unused {
    /// The journal goes past its life, without an intent.
    Journal,
    /// Its handheld took it out of its cache, and never sent it.
    Withdrawn,
    /// Another credit is in the meter at its step.
    StepTaken,
    /// The meter was read after its life, at the count before it.
    ReadBack,
    /// A person read the meter.
    Shown,
}

impl Unused {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Withdrawn => "withdrawn",
            Self::StepTaken => "step-taken",
            Self::ReadBack => "read-back",
            Self::Shown => "shown",
        }
    }
}

/// What a person read off the meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeterShows {
    /// Its purchase count.
    pub count: PurchaseCount,
    /// The amount of its purchase record for the token's step, hundredths.
    pub record: Option<i64>,
}

/// Whether what a person read speaks for the token being unused: the count before it, after its
/// life; or another amount in the record of its step.
fn proves(token: &TokenRow, shows: MeterShows, now: UnixSeconds) -> bool {
    let over = now.0 > token.expires.0.saturating_add(REPLACE_AFTER) || token.revoked;
    if shows.count == token.count_before {
        over
    } else {
        let other = shows.record.is_some_and(|record| record != token.credit.value);
        shows.count > token.count_before && token.takes_step() && other
    }
}

impl Office {
    /// What proves that a token in doubt was not used; `None` where nothing does.
    ///
    /// # Errors
    /// [`OfficeError::NoToken`]; the database failed.
    pub async fn proof_unused(&self, token: TokenId) -> Result<Option<Unused>, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let row = ledger::token(&mut conn, token).await?.ok_or(OfficeError::NoToken(token))?;
        found(&mut conn, &row).await
    }

    /// Settles what is in doubt about a token, and closes everything raised about it. A token in
    /// doubt is void only with a proof, which is kept with the reason: the only way to settle one.
    ///
    /// # Errors
    /// [`OfficeError::NoToken`]; [`OfficeError::NoProof`]; [`OfficeError::NotInDispute`] when
    /// nothing is in doubt: a token in the field cannot be voided by wish;
    /// [`OfficeError::StepTaken`] when another token holds the step; [`OfficeError::Usage`] without
    /// a reason; [`OfficeError::Restored`] while journals that may say more of it are waited for.
    pub async fn settle_proved(
        &self,
        token: TokenId,
        verdict: Verdict,
        (reason, shows): (&str, Option<MeterShows>),
    ) -> Result<TokenState, OfficeError> {
        review::require(reason)?;
        transact!(self.ledger, |tx| {
            let now = self.now();
            let decided = (verdict, reason, shows);
            rewound::fence(&mut tx).await?;
            settle_in(&mut tx, token, decided, now).await
        })
    }
}

/// Looks for the proof and settles in one transaction: nothing of the token changes in between.
async fn settle_in(
    conn: &mut Conn,
    id: TokenId,
    (verdict, reason, shows): (Verdict, &str, Option<MeterShows>),
    now: UnixSeconds,
) -> Result<TokenState, OfficeError> {
    let token = ledger::token(conn, id).await?.ok_or(OfficeError::NoToken(id))?;
    if token.state != TokenState::Suspect || verdict != Verdict::NotBooked {
        return review::settle(conn, id, verdict, reason, now).await;
    }
    let shown = shows.is_some_and(|shows| proves(&token, shows, now));
    let proof = found(conn, &token).await?.or(shown.then_some(Unused::Shown));
    let proof = proof.ok_or(OfficeError::NoProof(id))?;
    let reason = format!("{} [{}]", reason.trim(), proof.name());
    review::settle(conn, id, verdict, &reason, now).await
}

async fn found(conn: &mut Conn, token: &TokenRow) -> Result<Option<Unused>, OfficeError> {
    if token.state != TokenState::Suspect {
        return Ok(None);
    }
    if step_taken(conn, token).await? {
        return Ok(Some(Unused::StepTaken));
    }
    if token.intent_seen {
        return Ok(None);
    }
    if taken_out(conn, token).await? {
        return Ok(Some(Unused::Withdrawn));
    }
    let end = token.expires.0.saturating_add(REPLACE_AFTER);
    if last_word(conn, token).await?.is_some_and(|word| word.0 > end) {
        return Ok(Some(Unused::Journal));
    }
    let seen = ledger::meter_state(conn, token.meter, token.account).await?;
    let unmoved = seen.is_some_and(|(count, _, at)| count == token.count_before && at.0 > end);
    Ok(unmoved.then_some(Unused::ReadBack))
}

/// Whether another credit is proved to be in the meter at its step.
async fn step_taken(conn: &mut Conn, token: &TokenRow) -> Result<bool, OfficeError> {
    let sql = "SELECT COUNT(*) AS n FROM token WHERE meter = $1 AND account = $2
               AND count_before = $3 AND state = 'applied' AND id <> $4 AND amount > 0
               AND act IN ('recharge', 'carry-in', 'open')";
    let row = query(sql)
        .bind(token.meter.to_string())
        .bind(token.account.to_string())
        .bind(i64::from(token.count_before.0))
        .bind(token.id.to_string())
        .fetch_one(conn)
        .await?;
    Ok(token.takes_step() && ledger::counter(&row, "n")? > 0)
}

/// Whether its handheld's journal shows that it left the cache.
async fn taken_out(conn: &mut Conn, token: &TokenRow) -> Result<bool, OfficeError> {
    let sql = "SELECT COUNT(*) AS n FROM event
               WHERE token = $1 AND device = $2 AND kind = 'token-withdrawn'";
    let row = query(sql).bind(token.id.to_string()).bind(token.device.as_str());
    Ok(ledger::counter(&row.fetch_one(conn).await?, "n")? > 0)
}

/// The office's last word in the journal that shows the token, or, if none does, in the one its
/// handheld writes now. What a handheld that is stopped still wrote, nobody knows.
async fn last_word(conn: &mut Conn, token: &TokenRow) -> Result<Option<UnixSeconds>, OfficeError> {
    let sql = "SELECT e.body FROM event e JOIN device d ON d.device = e.device
               WHERE e.device = $1 AND e.epoch = d.epoch AND d.status = 'enrolled'
               AND e.kind = 'time-anchor'
               AND NOT EXISTS (SELECT 1 FROM event other WHERE other.token = $2
                               AND other.device = $1 AND other.epoch <> d.epoch)
               ORDER BY e.seq DESC LIMIT 1";
    let row = query(sql).bind(token.device.as_str()).bind(token.id.to_string());
    let row = row.fetch_optional(conn).await?;
    let body: Option<Vec<u8>> = row.map(|row| row.try_get("body")).transpose()?;
    let event = body.and_then(|body| read_entry(&body).ok()).map(|entry| entry.event);
    Ok(event.and_then(|event| match event {
        Event::TimeAnchor { server } => Some(server),
        _ => None,
    }))
}
