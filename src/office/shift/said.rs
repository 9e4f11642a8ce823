//! What handhelds said at the end of their shifts, held against what the office has.
//!
//! A checkpoint is signed by the handheld: what its shift credited, and what it still carries. The
//! office has the same entries, judged by its own rules. Where the two differ, the difference is
//! named to the fen, with the tokens it is about and what to do next. Nothing is booked here.

use super::ShiftOf;
use crate::office::checkpoint::{CheckpointRow, Held};
use crate::office::db::query;
use crate::office::error::OfficeError;
use crate::office::ledger::{self, Conn};
use crate::office::model::unit_name;
use crate::sync::wire::{Event, read_entry};
use crate::units::{CreditUnit, OperatorId, Outcome, TokenId, UnixSeconds};
use std::collections::BTreeMap;

/// Checkpoints of one shift that are compared, the newest.
const MOST: i64 = 50;
const UNITS: [CreditUnit; 2] = [CreditUnit::Yuan, CreditUnit::Kwh];

/// What is to be done about a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Next {
    /// Nothing: both say the same.
    Nothing,
    /// Entries it signed for are not here: have the handheld sync, and look again.
    Wait,
    /// It is of another journal: a person is called (C1).
    Fork,
    /// The tokens named are for a person, in the review queue.
    Settle,
    /// No token explains it: keep the checkpoint, and call a supervisor.
    Ask,
}

impl Next {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Wait => "wait",
            Self::Fork => "fork",
            Self::Settle => "settle",
            Self::Ask => "ask",
        }
    }
}

/// The figures of one unit, hundredths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaidSum {
    /// The unit.
    pub unit: CreditUnit,
    /// What the handheld said its shift credited and debited, added up without sign.
    pub said: i64,
    /// What of its acts is booked here now, added up alike.
    pub here: i64,
    /// What it said it still carries, and what is out with it here; none where its journal went on
    /// with tokens after it.
    pub out: Option<(i64, i64)>,
}

impl SaidSum {
    /// What the handheld said too much, or, below zero, too little.
    pub fn off(&self) -> i64 {
        self.said.saturating_sub(self.here)
    }

    /// The same of what is out.
    pub fn out_off(&self) -> i64 {
        self.out.map_or(0, |(said, here)| said.saturating_sub(here))
    }
}

/// One checkpoint against the office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShiftSaid {
    /// Which handheld signed it.
    pub device: String,
    /// At which place of its journal.
    pub at: (u32, u64),
    /// When, by its clock, and whose shift ended.
    pub time: UnixSeconds,
    /// Whose.
    pub operator: OperatorId,
    /// What the journal here says to it.
    pub held: Held,
    /// The figures; units of which neither has anything are left out.
    pub sums: Vec<SaidSum>,
    /// Tokens of the shift on which the two differ.
    pub tokens: Vec<TokenId>,
}

impl ShiftSaid {
    /// What is to be done.
    pub fn next(&self) -> Next {
        let differs = self.sums.iter().any(|sum| sum.off() != 0 || sum.out_off() != 0);
        match self.held {
            Held::Fork => Next::Fork,
            Held::Waiting => Next::Wait,
            Held::Extends if !self.tokens.is_empty() => Next::Settle,
            Held::Extends if differs => Next::Ask,
            Held::Extends => Next::Nothing,
        }
    }
}

/// What was said in a shift, the newest first.
pub(super) async fn said(
    conn: &mut Conn,
    of: &ShiftOf,
    (opened, closed): (Option<UnixSeconds>, UnixSeconds),
) -> Result<Vec<ShiftSaid>, OfficeError> {
    let column = match of {
        ShiftOf::Device(_) => "device",
        ShiftOf::Operator(_) => "operator",
    };
    let sql = format!(
        "SELECT * FROM checkpoint WHERE kind = 'shift' AND {column} = $1
         AND received >= $2 AND received <= $3
         ORDER BY received DESC, device, epoch DESC, seq DESC LIMIT $4"
    );
    let from = opened.map_or(i64::MIN, |at| at.0);
    let rows = crate::office::db::query_made(sql).bind(of.name()).bind(from);
    let rows = rows.bind(closed.0).bind(MOST).fetch_all(&mut *conn).await?;
    let mut said = Vec::with_capacity(rows.len());
    for row in &rows {
        said.push(compared(conn, CheckpointRow::of(row)?).await?);
    }
    Ok(said)
}

async fn compared(conn: &mut Conn, row: CheckpointRow) -> Result<ShiftSaid, OfficeError> {
    let CheckpointRow { signed, held, .. } = row;
    let mut said = ShiftSaid {
        device: signed.device.to_string(),
        at: (signed.at.epoch, signed.at.seq),
        time: signed.time,
        operator: signed.operator.clone(),
        held,
        sums: Vec::new(),
        tokens: Vec::new(),
    };
    let ends = ends(conn, &said).await?;
    let mut here = [0i64; 2];
    for (token, outcome) in ends {
        // What is no token of ours has a review of its own, and no amount here.
        let Some(token) = ledger::token(conn, token).await? else { continue };
        let booked = token.state == crate::office::model::TokenState::Applied;
        if booked {
            let sum = &mut here[usize::from(token.credit.unit == CreditUnit::Kwh)];
            *sum = sum.saturating_add(token.credit.value);
        }
        if booked != (outcome == Outcome::Accepted) {
            said.tokens.push(token.id);
        }
    }
    let out = match held {
        Held::Extends => out(conn, &said).await?,
        Held::Waiting | Held::Fork => None,
    };
    for (at, unit) in UNITS.into_iter().enumerate() {
        let out = out.map(|out| (signed.out[at], out[at]));
        let sum = SaidSum { unit, said: signed.applied[at], here: here[at], out };
        if (sum.said, sum.here) != (0, 0) || out.is_some_and(|out| out != (0, 0)) {
            said.sums.push(sum);
        }
    }
    Ok(said)
}

/// What became of each token of the shift, as its own entries say: those behind the log-in. The
/// handheld counts them in the same way (`jobs/session/shift.rs`).
async fn ends(
    conn: &mut Conn,
    said: &ShiftSaid,
) -> Result<BTreeMap<TokenId, Outcome>, OfficeError> {
    let (epoch, seq) = (i64::from(said.at.0), ledger::number(said.at.1));
    let sql = "SELECT COALESCE(MAX(seq), 0) AS seq FROM event
               WHERE device = $1 AND epoch = $2 AND seq <= $3 AND kind = 'logged-in'";
    let row = query(sql).bind(&said.device).bind(epoch).bind(seq).fetch_one(&mut *conn).await?;
    let begun: i64 = row.try_get("seq")?;
    let sql = "SELECT body FROM event WHERE device = $1 AND epoch = $2 AND seq > $3 AND seq <= $4
               AND kind IN ('intent', 'outcome') ORDER BY seq";
    let rows = query(sql).bind(&said.device).bind(epoch).bind(begun).bind(seq);
    let mut ends = BTreeMap::new();
    for row in rows.fetch_all(conn).await? {
        let body: Vec<u8> = row.try_get("body")?;
        match read_entry(&body).map(|entry| entry.event) {
            Ok(Event::Intent { facts, .. }) => ends.insert(facts.token, Outcome::Unknown),
            Ok(Event::Outcome { token, judgement, .. }) => {
                ends.insert(token, judgement.decision.outcome())
            }
            _ => None,
        };
    }
    Ok(ends)
}

/// What is out with the handheld by its journal here, in yuan and kWh; none where its journal went
/// on with tokens after the checkpoint, so that the two are not of one moment.
async fn out(conn: &mut Conn, said: &ShiftSaid) -> Result<Option<[i64; 2]>, OfficeError> {
    let (epoch, seq) = (i64::from(said.at.0), ledger::number(said.at.1));
    let sql = "SELECT COUNT(*) AS n FROM event
               WHERE device = $1 AND (epoch > $2 OR epoch = $2 AND seq > $3)
               AND token IS NOT NULL";
    let row = query(sql).bind(&said.device).bind(epoch).bind(seq).fetch_one(&mut *conn).await?;
    if ledger::counter(&row, "n")? > 0 {
        return Ok(None);
    }
    // As the handheld counts: what it may still use, and what was sent without a known end.
    let sql = "SELECT t.unit, CAST(SUM(t.amount) AS BIGINT) AS amount FROM token t
               WHERE t.device = $1 AND t.swap IS NULL AND t.act NOT IN ('refund', 'reversal')
               AND t.state IN ('delivered', 'suspect', 'disputed')
               AND (t.expires > $3 OR t.state <> 'delivered' AND t.intent_seq IS NOT NULL)
               AND EXISTS (SELECT 1 FROM event e WHERE e.token = t.id AND e.device = t.device
                           AND e.epoch = $2 AND e.kind = 'token-imported')
               AND NOT EXISTS (SELECT 1 FROM event e WHERE e.token = t.id AND e.device = t.device
                               AND e.epoch = $2 AND e.kind = 'token-withdrawn')
               GROUP BY t.unit";
    let rows = query(sql).bind(&said.device).bind(epoch).bind(said.time.0);
    let mut out = [0i64; 2];
    for row in rows.fetch_all(conn).await? {
        let unit: String = row.try_get("unit")?;
        out[usize::from(unit == unit_name(CreditUnit::Kwh))] = row.try_get("amount")?;
    }
    Ok(Some(out))
}
