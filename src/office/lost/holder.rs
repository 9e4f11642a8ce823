//! What a lost handheld can be made to allow, by its own program: how far its clock can be put
//! back, who can work with it, within which limits, and what it knows to be revoked.
//!
//! A copy of its store forgets what was done since, so a copy has every limit whole again; only a
//! single act that is beyond a limit by itself is beyond it for ever. What the office does not know
//! of the handheld (a grant that may have reached it, a status it may go by) counts as there.

use crate::office::Office;
use crate::office::db::query;
use crate::office::error::OfficeError;
use crate::office::ledger::{self, Conn, DeviceRow};
use crate::office::limits;
use crate::sync::wire::{Event, read_entry};
use crate::units::{
    Act, Caps, Credit, CreditUnit, Limit, MeterNo, OperatorId, Role, TokenId, UnixSeconds, Verbs,
};
use meterkit_tokens::Grant;
use std::collections::BTreeSet;

/// Somebody who could work with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostOperator {
    /// Who.
    pub operator: OperatorId,
    /// His name.
    pub name: String,
    /// In which role.
    pub role: Role,
    /// When his grant ends.
    pub expires: UnixSeconds,
}

/// What a grant allows.
struct Right {
    who: LostOperator,
    verbs: Verbs,
    areas: Vec<String>,
    meters: Vec<MeterNo>,
    caps: Caps,
}

/// One life of the handheld's journal, as far as it is here.
pub(super) struct Holder {
    pub epoch: u32,
    /// Its clock cannot be put behind this.
    pub floor: UnixSeconds,
    rights: Vec<Right>,
    /// Meters that an override opens, for whom and for what.
    overrides: Vec<(OperatorId, MeterNo, Verbs)>,
    caps: Vec<Caps>,
    revoked: BTreeSet<TokenId>,
}

impl Holder {
    /// Who could work with it.
    pub fn operators(&self) -> impl Iterator<Item = &LostOperator> {
        self.rights.iter().map(|right| &right.who)
    }

    /// Whether it knows that something was revoked.
    pub fn knows_revoked(&self, id: TokenId) -> bool {
        self.revoked.contains(&id)
    }

    /// Whether the limits of the handheld, and of somebody who could work with it, take a single
    /// act with this credit.
    pub fn within(&self, credit: Credit) -> bool {
        let mut own = self.rights.iter().map(|right| &right.caps);
        let nobody = self.rights.is_empty();
        self.caps.iter().any(|caps| fits(caps, credit))
            && (nobody || own.any(|caps| fits(caps, credit)))
    }

    /// Whether somebody may do this to a meter of one of these areas, within his own limits.
    pub fn may(&self, act: Act, meter: MeterNo, areas: &[&str], credit: Credit) -> bool {
        self.entitled(act, meter, areas).any(|right| fits(&right.caps, credit))
    }

    /// Whoever may do this to a meter of one of these areas, whatever his limits.
    fn entitled<'a>(
        &'a self,
        act: Act,
        meter: MeterNo,
        areas: &'a [&str],
    ) -> impl Iterator<Item = &'a Right> {
        let verb = act.verb();
        self.rights.iter().filter(move |right| {
            let everywhere = right.areas.is_empty() && right.meters.is_empty();
            let listed =
                areas.iter().any(|area| !area.is_empty() && right.areas.iter().any(|a| a == area));
            let reached = everywhere || listed || right.meters.contains(&meter);
            let opened = |(who, at, verbs): &(OperatorId, MeterNo, Verbs)| {
                *who == right.who.operator && *at == meter && verbs.has(verb)
            };
            reached && right.verbs.has(verb) || self.overrides.iter().any(opened)
        })
    }

    /// The most that one act can move; `None` where nobody may do it.
    pub fn most(
        &self,
        (act, unit): (Act, CreditUnit),
        meter: MeterNo,
        areas: &[&str],
    ) -> Option<i64> {
        let all = self.entitled(act, meter, areas).map(|right| single(&right.caps, unit, 1));
        let own = all.max()?;
        self.caps.iter().map(|caps| single(caps, unit, 1).min(own)).max()
    }

    /// The most that can be taken out of one meter and credited to another; `None` where nobody may
    /// do both. Of one journal: the credit rests on the debit in it, and both count for the limits.
    pub fn carried(&self, unit: CreditUnit, [old, new]: [(MeterNo, &[&str]); 2]) -> Option<i64> {
        let mut best = None;
        for out in self.entitled(Act::CarryOut, old.0, old.1) {
            for credit in self.entitled(Act::CarryIn, new.0, new.1) {
                let own = match out.who.operator == credit.who.operator {
                    true => single(&out.caps, unit, 2).min(single(&credit.caps, unit, 2)),
                    false => single(&out.caps, unit, 1).min(single(&credit.caps, unit, 1)),
                };
                let both = self.caps.iter().map(|caps| single(caps, unit, 2).min(own)).max();
                best = best.max(both);
            }
        }
        best
    }
}

/// The largest amount of each of so many acts alike.
fn single(caps: &Caps, unit: CreditUnit, acts: i64) -> i64 {
    let most = caps.cap(match unit {
        CreditUnit::Yuan => Limit::Yuan,
        CreditUnit::Kwh => Limit::Kwh,
    });
    if caps.cap(Limit::Acts).hard >= acts { most.hard / acts } else { 0 }
}

/// With nothing done before, as in a fresh copy.
fn fits(caps: &Caps, credit: Credit) -> bool {
    caps.cap(Limit::Acts).hard >= 1 && credit.value <= single(caps, credit.unit, 1)
}

/// Every life of a handheld's journal that may still be at work.
pub(super) async fn holders(
    office: &Office,
    conn: &mut Conn,
    row: &DeviceRow,
) -> Result<Vec<Holder>, OfficeError> {
    let mut all = Vec::new();
    for epoch in 1..=row.epoch {
        all.push(holder(office, conn, row, epoch).await?);
    }
    Ok(all)
}

async fn holder(
    office: &Office,
    conn: &mut Conn,
    row: &DeviceRow,
    epoch: u32,
) -> Result<Holder, OfficeError> {
    let device = row.device.as_str();
    let floor = floor(conn, device, epoch).await?;
    let revoked = revoked(conn, device, epoch).await?;
    let rights = rights(office, conn, (device, epoch), floor, &revoked).await?;
    let sql = "SELECT id, operator, meter, verbs FROM override_doc
               WHERE device = $1 AND epoch = $2 AND used IS NULL AND expires > $3";
    let rows = query(sql).bind(device).bind(i64::from(epoch)).bind(floor.0);
    let mut overrides = Vec::new();
    for row in rows.fetch_all(conn).await? {
        let verbs = Verbs::from_bits(ledger::small(&row, "verbs")?);
        let verbs = verbs.ok_or(OfficeError::Stored("verbs"))?;
        if !revoked.contains(&ledger::parsed(&row, "id")?) {
            let (who, at) = (ledger::parsed(&row, "operator")?, ledger::parsed(&row, "meter")?);
            overrides.push((who, at, verbs));
        }
    }
    // Back to the one its journal shows it goes by: a later one may have reached it or not.
    let sql = "SELECT caps FROM status_doc WHERE device = $1 AND version >= $2";
    let taken = if epoch == row.epoch { row.status_taken } else { 0 };
    let rows = query(sql).bind(device).bind(ledger::number(taken)).fetch_all(conn).await?;
    let mut caps = Vec::new();
    for row in &rows {
        caps.push(limits::parse(&row.try_get::<String, _>("caps")?)?);
    }
    if epoch != row.epoch {
        // Which status an earlier life goes by is not kept.
        caps.push(Caps::NONE);
    }
    Ok(Holder { epoch, floor, rights, overrides, caps, revoked })
}

/// How far back its clock can be put: the office's time as it was told, what the journal was
/// stamped with since, and what the office had signed by then (`jobs/clock.rs`, from this side).
async fn floor(conn: &mut Conn, device: &str, epoch: u32) -> Result<UnixSeconds, OfficeError> {
    let epoch = i64::from(epoch);
    let sql = "SELECT seq, body FROM event WHERE device = $1 AND epoch = $2
               AND kind = 'time-anchor' ORDER BY seq DESC LIMIT 1";
    let anchor = query(sql).bind(device).bind(epoch).fetch_optional(&mut *conn).await?;
    let (mut told, mut since) = (0, 0);
    if let Some(row) = anchor {
        since = row.try_get("seq")?;
        let body: Vec<u8> = row.try_get("body")?;
        if let Ok(Event::TimeAnchor { server }) = read_entry(&body).map(|entry| entry.event) {
            told = server.0;
        }
    }
    let sql = "SELECT COALESCE(MAX(at), 0) AS at FROM event
               WHERE device = $1 AND epoch = $2 AND seq > $3";
    let stamps = query(sql).bind(device).bind(epoch).bind(since).fetch_one(&mut *conn).await?;
    let mut floor = told.max(stamps.try_get("at")?);
    for sql in [
        "SELECT COALESCE(MAX(t.issued), 0) AS at FROM token t
         JOIN event e ON e.token = t.id AND e.kind = 'token-imported'
         WHERE t.device = $1 AND e.device = $1 AND e.epoch = $2",
        "SELECT COALESCE(MAX(issued), 0) AS at FROM grant_doc
         WHERE device = $1 AND epoch = $2 AND taken IS NOT NULL",
        "SELECT COALESCE(MAX(s.issued), 0) AS at FROM status_doc s
         JOIN device d ON d.device = s.device AND d.status_taken = s.version
         WHERE s.device = $1 AND d.epoch = $2",
    ] {
        let row = query(sql).bind(device).bind(epoch).fetch_one(&mut *conn).await?;
        floor = floor.max(row.try_get("at")?);
    }
    Ok(UnixSeconds(floor))
}

/// What its journal shows it knows to be revoked.
async fn revoked(
    conn: &mut Conn,
    device: &str,
    epoch: u32,
) -> Result<BTreeSet<TokenId>, OfficeError> {
    let sql = "SELECT body FROM event WHERE device = $1 AND epoch = $2 AND kind = 'revoked'";
    let rows = query(sql).bind(device).bind(i64::from(epoch)).fetch_all(conn).await?;
    let mut all = BTreeSet::new();
    for row in rows {
        let body: Vec<u8> = row.try_get("body")?;
        if let Ok(Event::Revoked { ids, .. }) = read_entry(&body).map(|entry| entry.event) {
            all.extend(ids);
        }
    }
    Ok(all)
}

/// Grants that may be on it and count at the floor. Of one operator the newest its journal shows
/// has taken the place of those before it.
async fn rights(
    office: &Office,
    conn: &mut Conn,
    (device, epoch): (&str, u32),
    floor: UnixSeconds,
    revoked: &BTreeSet<TokenId>,
) -> Result<Vec<Right>, OfficeError> {
    // Of somebody an office that was put back does not know yet, the grant itself tells.
    let sql = "SELECT g.id, g.operator, g.expires, g.caps, g.bytes, COALESCE(o.name, '') AS name,
               COALESCE(o.role, 'supervisor') AS role
               FROM grant_doc g LEFT JOIN operator o ON o.operator = g.operator
               WHERE g.device = $1 AND g.epoch = $2 AND g.expires > $3
               AND NOT EXISTS (SELECT 1 FROM grant_doc n WHERE n.device = g.device
                   AND n.epoch = g.epoch AND n.operator = g.operator AND n.issued > g.issued
                   AND n.taken IS NOT NULL)
               ORDER BY g.operator, g.issued";
    let rows = query(sql).bind(device).bind(i64::from(epoch)).bind(floor.0).fetch_all(conn).await?;
    let (tenant, ring) = (office.tenant(), office.keys().keyset().keyring());
    let mut all = Vec::new();
    for row in &rows {
        if revoked.contains(&ledger::parsed(row, "id")?) {
            continue;
        }
        let bytes: Vec<u8> = row.try_get("bytes")?;
        let said = Grant::verify(&bytes, &tenant, &ring).ok();
        let role: Role = ledger::parsed(row, "role")?;
        let signed = said.as_ref().and_then(|grant| Role::from_number(i64::from(grant.role)));
        let verbs = said.as_ref().and_then(|grant| Verbs::from_bits(grant.verbs));
        let role = signed.unwrap_or(role);
        all.push(Right {
            who: LostOperator {
                operator: ledger::parsed(row, "operator")?,
                name: row.try_get("name")?,
                role,
                expires: UnixSeconds(row.try_get("expires")?),
            },
            // One that we cannot read any more is taken for all that the role may do, everywhere.
            verbs: verbs.map_or(role.verbs(), |verbs| verbs.and(role.verbs())),
            areas: said.as_ref().map(|grant| grant.areas.clone()).unwrap_or_default(),
            meters: said
                .iter()
                .flat_map(|grant| grant.meters.iter().filter_map(|bcd| MeterNo::from_bcd(*bcd)))
                .collect(),
            caps: limits::parse(&row.try_get::<String, _>("caps")?)?,
        });
    }
    Ok(all)
}
