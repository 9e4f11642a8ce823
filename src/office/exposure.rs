//! Whether a money act in a journal was within the limits its handheld knew then.
//!
//! One of these a pack: what was exposed before the pack is added up once, the pack's own acts on
//! top of it one by one.

use super::db::query;
use super::error::OfficeError;
use super::ledger::{self, Conn};
use super::limits::{parse, policy};
use crate::units::{Caps, Credit, DeviceId, Exposure, Limit, UnixSeconds};
use std::collections::BTreeMap;

/// A money act as its journal shows it.
pub(super) struct Act<'a> {
    pub device: &'a DeviceId,
    pub epoch: u32,
    pub seq: u64,
    pub operator: &'a str,
    /// The handheld's time.
    pub at: UnixSeconds,
    pub credit: Credit,
    /// What the handheld knew: how far we hold its journal, and the status in force.
    pub acked: u64,
    pub status: u64,
}

/// An operator's limits from an entry of the journal on.
struct Granted {
    operator: String,
    taken: u64,
    caps: Caps,
}

/// A money act of this pack.
struct Done {
    seq: u64,
    operator: String,
    at: UnixSeconds,
    credit: Credit,
}

/// What one handheld's limits are judged by, for one pack.
pub(super) struct Watch {
    /// The first entry that was not here before the pack.
    first: u64,
    device_caps: BTreeMap<u64, Caps>,
    grants: Option<Vec<Granted>>,
    /// What was not acknowledged before the pack, by operator; for an acknowledged entry.
    before: Option<(u64, BTreeMap<String, Exposure>)>,
    done: Vec<Done>,
}

impl Watch {
    /// For a pack whose entries from `first` on are new.
    pub fn new(first: u64) -> Self {
        let (device_caps, done) = (BTreeMap::new(), Vec::new());
        Self { first, device_caps, grants: None, before: None, done }
    }

    /// The journal shows another grant.
    pub fn forget_grants(&mut self) {
        self.grants = None;
    }

    /// The journal shows another status: older ones are history.
    pub fn forget_statuses(&mut self) {
        self.device_caps.clear();
    }

    /// Counts an act of this pack; with what its token is worth, not what the entry says.
    pub fn add(&mut self, act: &Act<'_>, credit: Credit) {
        let operator = act.operator.to_owned();
        self.done.push(Done { seq: act.seq, operator, at: act.at, credit });
    }

    /// The first hard limit that was passed with an act, as far as the handheld knew then: with
    /// what its journal shows after the last receipt it had. `true` with one of the operator's.
    pub async fn passed(
        &mut self,
        conn: &mut Conn,
        act: &Act<'_>,
    ) -> Result<Option<(bool, Limit)>, OfficeError> {
        for operator in [None, Some(act.operator)] {
            let caps = match operator {
                None => Some(self.device_caps(conn, act).await?),
                Some(operator) => self.operator_caps(conn, operator, act).await?,
            };
            let Some(caps) = caps else { continue };
            let exposure = self.exposure(conn, act, operator).await?.plus(act.credit, act.at);
            if let Some(limit) = caps.exceeded(&exposure, act.at) {
                return Ok(Some((operator.is_some(), limit)));
            }
        }
        Ok(None)
    }

    /// The limits of the status the handheld went by; what we set, if that is not here any more.
    async fn device_caps(&mut self, conn: &mut Conn, act: &Act<'_>) -> Result<Caps, OfficeError> {
        if let Some(caps) = self.device_caps.get(&act.status) {
            return Ok(*caps);
        }
        let sql = "SELECT caps FROM status_doc WHERE device = $1 AND version = $2";
        let row = query(sql).bind(act.device.as_str()).bind(ledger::number(act.status));
        let caps = match row.fetch_optional(conn).await? {
            Some(row) => parse(&row.try_get::<String, _>("caps")?)?,
            None => policy(conn, act.device.as_str()).await?.caps,
        };
        self.device_caps.insert(act.status, caps);
        Ok(caps)
    }

    /// The limits of the operator's newest grant the journal shows before the act.
    async fn operator_caps(
        &mut self,
        conn: &mut Conn,
        operator: &str,
        act: &Act<'_>,
    ) -> Result<Option<Caps>, OfficeError> {
        if self.grants.is_none() {
            let sql = "SELECT operator, taken, caps FROM grant_doc
                       WHERE device = $1 AND epoch = $2 AND taken IS NOT NULL ORDER BY taken";
            let rows = query(sql).bind(act.device.as_str()).bind(i64::from(act.epoch));
            let mut grants = Vec::new();
            for row in rows.fetch_all(conn).await? {
                grants.push(Granted {
                    operator: row.try_get("operator")?,
                    taken: ledger::counter(&row, "taken")?,
                    caps: parse(&row.try_get::<String, _>("caps")?)?,
                });
            }
            self.grants = Some(grants);
        }
        let mut newest_first = self.grants.iter().flatten().rev();
        let found = newest_first.find(|one| one.operator == operator && one.taken < act.seq);
        Ok(found.map(|grant| grant.caps))
    }

    /// What was not acknowledged when the act was done; of one operator, or of all.
    async fn exposure(
        &mut self,
        conn: &mut Conn,
        act: &Act<'_>,
        operator: Option<&str>,
    ) -> Result<Exposure, OfficeError> {
        if self.before.as_ref().is_none_or(|(acked, _)| *acked != act.acked) {
            self.before = Some((act.acked, self.read_before(conn, act).await?));
        }
        let mine = |name: &str| operator.is_none_or(|operator| operator == name);
        let mut sum = Exposure::default();
        let before = self.before.iter().flat_map(|(_, of)| of);
        for (_, part) in before.filter(|(name, _)| mine(name)) {
            sum.acts = sum.acts.saturating_add(part.acts);
            sum.yuan = sum.yuan.saturating_add(part.yuan);
            sum.kwh = sum.kwh.saturating_add(part.kwh);
            sum.oldest = [sum.oldest, part.oldest].into_iter().flatten().min();
        }
        let since = |done: &&Done| done.seq > act.acked && done.seq < act.seq;
        let done = self.done.iter().filter(since).filter(|done| mine(&done.operator));
        Ok(done.fold(sum, |sum, done| sum.plus(done.credit, done.at)))
    }

    async fn read_before(
        &self,
        conn: &mut Conn,
        act: &Act<'_>,
    ) -> Result<BTreeMap<String, Exposure>, OfficeError> {
        let sql = "SELECT e.operator, COUNT(*) AS acts, MIN(e.at) AS oldest,
                   CAST(COALESCE(SUM(CASE WHEN t.unit = 'yuan' THEN t.amount ELSE 0 END), 0)
                       AS BIGINT) AS yuan,
                   CAST(COALESCE(SUM(CASE WHEN t.unit = 'kwh' THEN t.amount ELSE 0 END), 0)
                       AS BIGINT) AS kwh
                   FROM event e JOIN token t ON t.id = e.token
                   WHERE e.device = $1 AND e.epoch = $2 AND e.seq > $3 AND e.seq < $4
                   AND e.kind = 'intent' GROUP BY e.operator";
        let rows = query(sql)
            .bind(act.device.as_str())
            .bind(i64::from(act.epoch))
            .bind(ledger::number(act.acked))
            .bind(ledger::number(self.first))
            .fetch_all(conn)
            .await?;
        let rows = rows.iter().map(|row| {
            let exposure = Exposure {
                acts: ledger::small(row, "acts")?,
                yuan: row.try_get("yuan")?,
                kwh: row.try_get("kwh")?,
                oldest: row.try_get::<Option<i64>, _>("oldest")?.map(UnixSeconds),
            };
            Ok((row.try_get("operator")?, exposure))
        });
        rows.collect()
    }
}
