//! What people decided after the backup and a restored office has lost. The journals tell what the
//! handhelds heard of it, and that is shown; nothing follows from it by itself: a journal is signed
//! by the handheld alone, and whoever holds that could make a decision up that is worth money to
//! him. What no handheld heard of nobody knows but the people.

use crate::office::Office;
use crate::office::db::{Row, query};
use crate::office::error::OfficeError;
use crate::office::ledger::{self, Conn};
use crate::office::model::TokenState;
use crate::sync::wire::{Event, Withdrawal, read_entry};
use crate::units::TokenId;
use std::collections::BTreeMap;

/// What is to be done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ToDo {
    /// A token was settled: `review settle`.
    Settle,
    /// A recharge from the office's own line took a token's step: `online record`.
    Online,
    /// A token, a leave for a swap, a grant or an override was taken back.
    TakeBack,
    /// An operator was entered: `operator add`.
    Operator,
    /// A meter was entered: `meter add`.
    Meter,
    /// A token that could not be entered again by itself: its step has another one here.
    Token,
    /// A leave for a swap that could not: another swap of its meters was begun, as far as is known.
    Swap,
    /// A bundle was signed: `bundle sign`.
    Bundle,
    /// A round was made: `round new`.
    Round,
}

impl ToDo {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Settle => "settle",
            Self::Online => "online",
            Self::TakeBack => "take-back",
            Self::Operator => "operator",
            Self::Meter => "meter",
            Self::Token => "token",
            Self::Swap => "swap",
            Self::Bundle => "bundle",
            Self::Round => "round",
        }
    }
}

/// One thing to be done again, and the journal entry that tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    /// What.
    pub what: ToDo,
    /// Which token, leave, grant, operator, meter, bundle or round.
    pub which: String,
    /// How it was decided: `booked`, `not-booked`; else empty.
    pub how: &'static str,
    /// Whose journal tells of it.
    pub device: String,
    /// At which entry.
    pub seq: u64,
}

impl Office {
    /// What was decided after the backup this office was restored from, as far as the journals that
    /// are here tell, and is not so here; empty once all of it is done again.
    ///
    /// # Errors
    /// The database failed.
    pub async fn to_do_again(&self) -> Result<Vec<Again>, OfficeError> {
        let mut conn = self.ledger.read().await?;
        // What a handheld wrote between the backup and its first word since: all it was told in
        // the time that is lost.
        let sql = "SELECT e.device, e.seq, e.meter, e.body FROM event e
                   JOIN rewound r ON r.device = e.device
                   WHERE e.seq > r.base AND (r.head IS NULL OR e.seq <= r.head)
                   AND e.kind IN ('resolved', 'token-withdrawn', 'revoked', 'grant-taken',
                                  'token-imported', 'swap-taken', 'bundle-taken',
                                  'round-taken')
                   ORDER BY e.device, e.epoch, e.seq";
        let rows = query(sql).fetch_all(&mut conn).await?;
        let mut found = BTreeMap::new();
        for row in &rows {
            for (what, which, how) in missing(&mut conn, row).await? {
                let (device, seq) = (row.try_get("device")?, ledger::counter(row, "seq")?);
                // The last word on a thing counts.
                found.insert((what, which), (how, device, seq));
            }
        }
        let found = found.into_iter().map(|((what, which), (how, device, seq))| Again {
            what,
            which,
            how,
            device,
            seq,
        });
        Ok(found.collect())
    }
}

/// What an entry tells of that is not so here.
async fn missing(
    conn: &mut Conn,
    row: &Row,
) -> Result<Vec<(ToDo, String, &'static str)>, OfficeError> {
    let body: Vec<u8> = row.try_get("body")?;
    let Ok(entry) = read_entry(&body) else { return Ok(vec![]) };
    let mut all = Vec::new();
    match entry.event {
        Event::Resolved { token, booked, .. } if !settled(conn, token, booked).await? => {
            let how = if booked { "booked" } else { "not-booked" };
            all.push((ToDo::Settle, token.to_string(), how));
        }
        Event::TokenWithdrawn { id, reason, .. } if still_good(conn, id).await? => {
            let what = match reason {
                Withdrawal::Recharged(_) => ToDo::Online,
                _ => ToDo::TakeBack,
            };
            all.push((what, id.to_string(), ""));
        }
        Event::Revoked { ids, .. } => {
            for id in ids {
                if still_good(conn, id).await? {
                    all.push((ToDo::TakeBack, id.to_string(), ""));
                }
            }
        }
        Event::GrantTaken { operator, .. } => {
            let sql = "SELECT COUNT(*) AS n FROM operator WHERE operator = $1";
            if !there(conn, sql, operator.as_str()).await? {
                all.push((ToDo::Operator, operator.to_string(), ""));
            }
        }
        Event::TokenImported { token, .. } => {
            let sql = "SELECT COUNT(*) AS n FROM token WHERE id = $1";
            if !there(conn, sql, &token.id.to_string()).await? {
                all.push((ToDo::Token, token.id.to_string(), ""));
            }
            let sql = "SELECT COUNT(*) AS n FROM meter WHERE meter = $1";
            if !there(conn, sql, &token.meter.to_string()).await? {
                all.push((ToDo::Meter, token.meter.to_string(), ""));
            }
        }
        Event::SwapTaken { swap, .. } => {
            let sql = "SELECT COUNT(*) AS n FROM swap WHERE id = $1";
            if !there(conn, sql, &swap.id.to_string()).await? {
                all.push((ToDo::Swap, swap.id.to_string(), ""));
            }
            let sql = "SELECT COUNT(*) AS n FROM meter WHERE meter = $1";
            if !there(conn, sql, &swap.old.to_string()).await? {
                all.push((ToDo::Meter, swap.old.to_string(), ""));
            }
        }
        Event::BundleTaken(taken) => {
            let sql = "SELECT COUNT(*) AS n FROM bundle_doc WHERE id = $1";
            if !there(conn, sql, &taken.id.to_string()).await? {
                all.push((ToDo::Bundle, taken.name.clone(), ""));
            }
        }
        Event::RoundTaken(taken) => {
            let sql = "SELECT COUNT(*) AS n FROM round_doc WHERE id = $1";
            if !there(conn, sql, &taken.id.to_string()).await? {
                all.push((ToDo::Round, taken.name.clone(), ""));
            }
        }
        _ => {}
    }
    Ok(all)
}

async fn there(conn: &mut Conn, sql: &'static str, which: &str) -> Result<bool, OfficeError> {
    Ok(ledger::counter(&query(sql).bind(which).fetch_one(conn).await?, "n")? > 0)
}

/// Whether a token stands here as it was settled. One that nobody knows here is a thing of its own.
async fn settled(conn: &mut Conn, id: TokenId, booked: bool) -> Result<bool, OfficeError> {
    let sql = "SELECT COUNT(*) AS n FROM review WHERE token = $1 AND settled IS NULL";
    let open = there(conn, sql, &id.to_string()).await?;
    let token = ledger::token(conn, id).await?;
    let wanted = if booked { TokenState::Applied } else { TokenState::Voided };
    Ok(token.is_none_or(|token| token.state == wanted && !open))
}

/// Whether a document that a handheld was told not to use counts as good here.
async fn still_good(conn: &mut Conn, id: TokenId) -> Result<bool, OfficeError> {
    let id = id.to_string();
    for sql in [
        "SELECT COUNT(*) AS n FROM token WHERE id = $1 AND revoked IS NULL
         AND state IN ('reserved', 'delivered', 'suspect')",
        "SELECT COUNT(*) AS n FROM swap WHERE id = $1 AND revoked IS NULL
         AND state IN ('reserved', 'delivered', 'begun')",
        "SELECT COUNT(*) AS n FROM grant_doc WHERE id = $1 AND revoked IS NULL",
        "SELECT COUNT(*) AS n FROM override_doc WHERE id = $1 AND revoked IS NULL",
    ] {
        if there(conn, sql, &id).await? {
            return Ok(true);
        }
    }
    Ok(false)
}
