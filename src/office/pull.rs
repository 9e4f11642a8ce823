//! What is new for one handheld: tokens, withdrawals, settlements, keys, people, area list.
//!
//! Nothing is marked as delivered here: an answer can be lost. A token is repeated until the
//! handheld's journal shows it, a decision until the journal shows that, or for 30 days.

use super::Office;
use super::answer::standing;
use super::bundle;
use super::db::query;
use super::error::OfficeError;
use super::ledger::{self, Conn, DeviceRow, transact};
use super::meters::area_version;
use super::model::parse_unit;
use super::{people, round};
use crate::sync::wire::{
    Area, MAX_DECISIONS, MAX_ROOTS, MAX_TOKENS, Pull, Pulled, Refusal, Reply, Settled, Withdrawn,
    digest,
};
use crate::units::{Credit, DeviceId, TokenId, UnixSeconds};

/// How long a decision is repeated to a handheld that does not show it, seconds.
const REPEAT_FOR: i64 = 30 * 86_400;

impl Office {
    pub(super) async fn pull(&self, device: &DeviceId, pull: &Pull) -> Result<Reply, OfficeError> {
        transact!(self.ledger, |tx| self.pull_in(&mut tx, device, pull).await)
    }

    /// One page of the area list, if it is still the version the handheld speaks of.
    pub(super) async fn page(
        &self,
        device: &DeviceId,
        version: u64,
        page: u32,
    ) -> Result<Reply, OfficeError> {
        transact!(self.ledger, |tx| {
            let standing = standing(&mut tx, device).await?;
            match standing {
                Err(refusal) => Ok(Reply::Refused(refusal)),
                Ok(_) if area_version(&mut tx).await? != version => {
                    Ok(Reply::Refused(Refusal::Stale))
                }
                Ok(_) => self
                    .area_page(&mut tx, page)
                    .await
                    .map(|page| page.map_or(Reply::Refused(Refusal::Stale), Reply::Page)),
            }
        })
    }

    /// A piece of a file that a document of this handheld pins.
    pub(super) async fn file(
        &self,
        device: &DeviceId,
        wanted: (&[u8; 32], u64),
    ) -> Result<Reply, OfficeError> {
        transact!(self.ledger, |tx| {
            let standing = standing(&mut tx, device).await?;
            match standing {
                Err(refusal) => Ok(Reply::Refused(refusal)),
                Ok(_) => round::part(&mut tx, device, wanted).await.map(Reply::File),
            }
        })
    }

    async fn pull_in(
        &self,
        conn: &mut Conn,
        device: &DeviceId,
        pull: &Pull,
    ) -> Result<Reply, OfficeError> {
        Ok(match standing(conn, device).await? {
            Ok(row) => Reply::Pulled(self.news(conn, &row, pull).await?.0),
            Err(refusal) => Reply::Refused(refusal),
        })
    }

    /// What is new after what a handheld has; and the last token in it, to go on from.
    pub(super) async fn news(
        &self,
        conn: &mut Conn,
        row: &DeviceRow,
        pull: &Pull,
    ) -> Result<(Pulled, Option<TokenId>), OfficeError> {
        let device = &row.device;
        self.check_keys(conn).await?;
        let (tokens, last, more) = tokens(conn, device, pull).await?;
        let since = self.now().0 - REPEAT_FOR;
        let (grants, overrides) = people::waiting(conn, device, row.epoch, self.now().0).await?;
        let (keyset, roots) = self.newer_keys(pull);
        let area = match area_version(conn).await? {
            version if version == pull.area => None,
            version => {
                let pages = self.area_pages(conn).await?;
                Some(Area { version, pages: pages.iter().map(|page| digest(page)).collect() })
            }
        };
        let pulled = Pulled {
            tokens,
            more,
            withdrawn: withdrawn(conn, device, since).await?,
            settled: settled(conn, device, since).await?,
            keyset,
            area,
            still_out: still_out(conn, device).await?,
            roots,
            grants,
            overrides,
            bundles: bundle::waiting(conn, device, self.now().0).await?,
            rounds: round::waiting(conn, (device, row.epoch), self.now().0).await?,
        };
        Ok((pulled, last))
    }

    /// The keyset and the roots after those a handheld holds.
    fn newer_keys(&self, pull: &Pull) -> (Option<Vec<u8>>, Vec<Vec<u8>>) {
        let keys = self.keys();
        let newer = keys.keyset().version > pull.keyset;
        let have = usize::try_from(pull.root).unwrap_or(usize::MAX);
        let roots = keys.roots().iter().skip(have).take(MAX_ROOTS).cloned().collect();
        (newer.then(|| keys.document().to_vec()), roots)
    }
}

async fn tokens(
    conn: &mut Conn,
    device: &DeviceId,
    pull: &Pull,
) -> Result<(Vec<Vec<u8>>, Option<TokenId>, bool), OfficeError> {
    let sql = "SELECT id, bytes FROM token WHERE device = $1 AND state = 'reserved' AND id > $2
               UNION ALL
               SELECT id, bytes FROM swap WHERE device = $1 AND state = 'reserved' AND id > $2
               ORDER BY id LIMIT $3";
    let rows = query(sql)
        .bind(device.as_str())
        .bind(pull.after.map(|token| token.to_string()).unwrap_or_default())
        .bind(ledger::number(MAX_TOKENS as u64 + 1))
        .fetch_all(conn)
        .await?;
    let more = rows.len() > MAX_TOKENS;
    let rows = &rows[..rows.len().min(MAX_TOKENS)];
    let last = rows.last().map(|row| ledger::parsed(row, "id")).transpose()?;
    let tokens = rows.iter().map(|row| row.try_get("bytes"));
    Ok((tokens.collect::<Result<_, _>>()?, last, more))
}

async fn withdrawn(
    conn: &mut Conn,
    device: &DeviceId,
    since: i64,
) -> Result<Vec<Withdrawn>, OfficeError> {
    // A fenced token is taken back before anybody knows whether its money is: the office is about
    // to recharge its meter itself.
    let sql = "SELECT token.id, token.superseded_by, sale.issued,
                      CASE WHEN token.state = 'voided' THEN 1 ELSE 0 END AS voided
               FROM token LEFT JOIN token AS sale
                   ON sale.meter = token.meter AND sale.id = token.fenced_by
               WHERE token.device = $1 AND token.state IN ('voided', 'suspect', 'disputed')
               AND token.told = 0 AND token.expires > $2
               AND (token.state = 'voided' OR token.fenced_by IS NOT NULL
                   AND token.state IN ('suspect', 'disputed'))
               AND NOT EXISTS (SELECT 1 FROM decision WHERE decision.token = token.id)
               UNION ALL
               SELECT id, CAST(NULL AS TEXT), CAST(NULL AS BIGINT), 1 FROM swap
               WHERE device = $1 AND revoked IS NOT NULL AND told = 0 AND expires > $2
               ORDER BY 1 LIMIT $3";
    let rows = query(sql)
        .bind(device.as_str())
        .bind(since)
        .bind(ledger::number(MAX_DECISIONS as u64))
        .fetch_all(conn)
        .await?;
    let rows = rows.iter().map(|row| {
        let replaced = row.try_get::<Option<String>, _>("superseded_by")?.is_some();
        let voided = row.try_get::<i64, _>("voided")? != 0 && !replaced;
        let recharged = row.try_get::<Option<i64>, _>("issued")?.map(UnixSeconds);
        Ok(Withdrawn { token: ledger::parsed(row, "id")?, voided, recharged })
    });
    rows.collect()
}

async fn settled(
    conn: &mut Conn,
    device: &DeviceId,
    since: i64,
) -> Result<Vec<Settled>, OfficeError> {
    let sql = "SELECT token, meter, booked, receipt FROM decision
               WHERE device = $1 AND told = 0 AND at > $2 ORDER BY token LIMIT $3";
    let rows = query(sql)
        .bind(device.as_str())
        .bind(since)
        .bind(ledger::number(MAX_DECISIONS as u64))
        .fetch_all(conn)
        .await?;
    let rows = rows.iter().map(|row| {
        Ok(Settled {
            token: ledger::parsed(row, "token")?,
            meter: ledger::parsed(row, "meter")?,
            booked: row.try_get::<i64, _>("booked")? != 0,
            number: ledger::counter(row, "receipt")?,
        })
    });
    rows.collect()
}

async fn still_out(conn: &mut Conn, device: &DeviceId) -> Result<Vec<Credit>, OfficeError> {
    let sql = "SELECT unit, CAST(SUM(amount) AS BIGINT) AS total FROM token
               WHERE device = $1 AND swap IS NULL
               AND state IN ('reserved', 'delivered', 'suspect', 'disputed')
               GROUP BY unit ORDER BY unit";
    let rows = query(sql).bind(device.as_str()).fetch_all(conn).await?;
    let rows = rows.iter().map(|row| {
        let unit = parse_unit(&row.try_get::<String, _>("unit")?);
        let unit = unit.ok_or(OfficeError::Stored("unit"))?;
        Ok(Credit { value: row.try_get("total")?, unit })
    });
    rows.collect()
}
