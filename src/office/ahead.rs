//! What the entries of one pack are judged by beside their tokens and meters, read at once.
//!
//! Checkpoints and people that wait for the handheld's journal, the office's last word in it, the
//! limits it went by and what it had used of them: none of it is large, and one statement costs a
//! database little more for seven of them than for one.

use super::db::{Row, query};
use super::error::OfficeError;
use super::ledger::{self, Conn};
use super::limits::parse;
use crate::sync::wire::{Event, read_entry};
use crate::units::{Caps, DeviceId, Exposure, UnixSeconds};
use std::collections::BTreeMap;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub device: DeviceId,
    pub epoch: u32,
    /// The pack's first and last entry.
    pub pack: (u64, u64),
    /// The first of them that is not here.
    pub fresh: u64,
    /// What the handheld knows: how far we hold its journal, and the status in force.
    pub acked: u64,
    pub status: u64,
}

/// An operator's limits from an entry of the journal on.
#[derive(Debug, Clone)]
pub(super) struct Granted {
    pub operator: String,
    pub taken: u64,
    pub caps: Caps,
}

/// What is known.
#[derive(Debug, Clone)]
pub(super) struct Ahead {
    /// What checkpoints say of the pack's places: the hash at each.
    pub signed: Vec<(u64, [u8; 32])>,
    /// Whether a checkpoint, or somebody who was called, waits for entries.
    pub waits: bool,
    /// The office's last word in what is here of the journal.
    pub anchor: Option<UnixSeconds>,
    /// The limits of the status the handheld went by; what we set, if that is not here any more.
    pub caps: Caps,
    /// The grants the journal shows, the oldest first.
    pub grants: Vec<Granted>,
    /// What was not acknowledged before the pack, by operator.
    pub before: BTreeMap<String, Exposure>,
}

/// Every part gives the same columns: what it is, a name, five numbers' worth of it, bytes, limits.
const SQL: &str = "
    SELECT 'signed' AS what, '' AS name, seq AS number, 0 AS acts, 0 AS yuan, 0 AS kwh,
           hash AS bytes, '' AS caps
    FROM checkpoint WHERE device = $1 AND epoch = $2 AND seq >= $3 AND seq <= $4
    UNION ALL SELECT 'waits', '', 0, 0, 0, 0, NULL, ''
    FROM checkpoint WHERE device = $1 AND epoch = $2 AND seq <= $4 AND state = 'waiting'
    UNION ALL SELECT 'waits', '', 0, 0, 0, 0, NULL, ''
    FROM review WHERE device = $1 AND settled IS NULL AND class = 'C2'
    UNION ALL SELECT * FROM (
        SELECT 'anchor' AS what, '' AS name, seq, 0 AS acts, 0 AS yuan, 0 AS kwh, body, '' AS caps
        FROM event WHERE device = $1 AND epoch = $2 AND seq < $5 AND kind = 'time-anchor'
        ORDER BY seq DESC LIMIT 1) AS anchor
    UNION ALL SELECT 'status', '', 0, 0, 0, 0, NULL, caps
    FROM status_doc WHERE device = $1 AND version = $6
    UNION ALL SELECT 'policy', device, 0, 0, 0, 0, NULL, caps
    FROM policy WHERE device = $1 OR device = ''
    UNION ALL SELECT 'grant', operator, taken, 0, 0, 0, NULL, caps
    FROM grant_doc WHERE device = $1 AND epoch = $2 AND taken IS NOT NULL
    UNION ALL SELECT 'before', e.operator, MIN(e.at), COUNT(*),
        CAST(COALESCE(SUM(CASE WHEN t.unit = 'yuan' THEN t.amount ELSE 0 END), 0) AS BIGINT),
        CAST(COALESCE(SUM(CASE WHEN t.unit = 'kwh' THEN t.amount ELSE 0 END), 0) AS BIGINT),
        NULL, ''
    FROM event e JOIN token t ON t.id = e.token
    WHERE e.device = $1 AND e.epoch = $2 AND e.seq > $7 AND e.seq < $5 AND e.kind = 'intent'
    GROUP BY e.operator";

impl Ahead {
    /// Reads it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn read(conn: &mut Conn, asked: &Asked) -> Result<Self, OfficeError> {
        let rows = query(SQL)
            .bind(asked.device.as_str())
            .bind(i64::from(asked.epoch))
            .bind(ledger::number(asked.pack.0))
            .bind(ledger::number(asked.pack.1))
            .bind(ledger::number(asked.fresh))
            .bind(ledger::number(asked.status))
            .bind(ledger::number(asked.acked))
            .fetch_all(conn)
            .await?;
        let (mut signed, mut waits, mut anchor) = (Vec::new(), false, None);
        let (mut status, mut policies) = (None, BTreeMap::new());
        let (mut grants, mut before) = (Vec::new(), BTreeMap::new());
        for row in &rows {
            let name: String = row.try_get("name")?;
            match row.try_get::<String, _>("what")?.as_str() {
                "signed" => {
                    signed.push((ledger::counter(row, "number")?, ledger::fixed(row, "bytes")?));
                }
                "anchor" => anchor = word(&row.try_get::<Vec<u8>, _>("bytes")?),
                "status" => status = Some(caps(row)?),
                "policy" => drop(policies.insert(name, caps(row)?)),
                "grant" => {
                    let taken = ledger::counter(row, "number")?;
                    grants.push(Granted { operator: name, taken, caps: caps(row)? });
                }
                "before" => drop(before.insert(name, exposure(row)?)),
                _ => waits = true,
            }
        }
        signed.sort_unstable();
        grants.sort_by_key(|grant| grant.taken);
        // A handheld's own policy stands behind the one for all, whose name is empty.
        let policy = policies.into_values().next_back();
        let caps = status.or(policy).ok_or(OfficeError::Stored("policy"))?;
        Ok(Self { signed, waits, anchor, caps, grants, before })
    }
}

fn caps(row: &Row) -> Result<Caps, OfficeError> {
    parse(&row.try_get::<String, _>("caps")?)
}

fn exposure(row: &Row) -> Result<Exposure, OfficeError> {
    Ok(Exposure {
        acts: ledger::small(row, "acts")?,
        yuan: row.try_get("yuan")?,
        kwh: row.try_get("kwh")?,
        oldest: row.try_get::<Option<i64>, _>("number")?.map(UnixSeconds),
    })
}

/// The office's word in an entry.
fn word(body: &[u8]) -> Option<UnixSeconds> {
    match read_entry(body).ok()?.event {
        Event::TimeAnchor { server } => Some(server),
        _ => None,
    }
}
