//! Operators: who they are, what they are granted on which handheld, and leave for one act beyond.
//!
//! A grant is handed out with every PULL until the journal shows it. Taken back, it is named in
//! every status until its own end.

use super::Office;
use super::db::{Row, locking, query};
use super::error::OfficeError;
use super::grants::{insert_grant, insert_override};
use super::ledger::{self, Conn, transact};
use super::limits;
use crate::units::{
    Caps, DeviceId, MeterNo, OperatorId, Role, TokenId, UnixSeconds, Verb, Verbs, activation_text,
};
use meterkit_tokens::{Grant, Override, activation};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// Longest life of a grant, days.
pub const MAX_DAYS: i64 = 400;
/// Longest life of an override, hours.
pub const MAX_HOURS: i64 = 24;

/// An operator as somebody enters him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOperator {
    /// His number or short name.
    pub id: OperatorId,
    /// His name.
    pub name: String,
    /// What he is employed for.
    pub role: Role,
    /// Areas he may work in; none here and no meters either: everywhere.
    pub areas: Vec<String>,
    /// Meters besides.
    pub meters: Vec<MeterNo>,
    /// What he may do; never more than his role.
    pub verbs: Verbs,
    /// His limits.
    pub caps: Caps,
    /// How long a grant of his lasts, days.
    pub days: i64,
    /// How long a log-in lasts, seconds.
    pub shift_s: i64,
}

impl NewOperator {
    /// One who may do what his role may, everywhere, for 90 days, in shifts of 12 hours.
    pub fn new(id: OperatorId, name: &str, role: Role) -> Self {
        Self {
            id,
            name: name.to_owned(),
            role,
            areas: vec![],
            meters: vec![],
            verbs: role.verbs(),
            caps: limits::Policy::OPERATOR,
            days: 90,
            shift_s: 12 * HOUR,
        }
    }
}

/// An operator in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorInfo {
    /// As he was entered.
    pub entry: NewOperator,
    /// Whether he may still be granted anything.
    pub active: bool,
    /// Handhelds he has a grant for that is in force, and whether their journal shows it.
    pub grants: Vec<(String, bool)>,
}

/// A grant just made.
#[derive(Debug, Clone)]
pub struct Granted {
    /// Its identity.
    pub id: TokenId,
    /// Whose.
    pub operator: OperatorId,
    /// On which handheld.
    pub device: DeviceId,
    /// Until when.
    pub expires: UnixSeconds,
    /// For his first log-in there, told once.
    pub code: SecretString,
    /// The signed document.
    pub bytes: Vec<u8>,
}

/// Leave for one act, as a supervisor gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOverride {
    /// On which handheld.
    pub device: DeviceId,
    /// For whom.
    pub operator: OperatorId,
    /// On which meter.
    pub meter: MeterNo,
    /// For what.
    pub verb: Verb,
    /// For how many hours.
    pub hours: i64,
    /// Who gives it; a supervisor, and not the operator himself.
    pub by: OperatorId,
    /// Why.
    pub reason: String,
}

/// An override just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overridden {
    /// Its identity.
    pub id: TokenId,
    /// Until when.
    pub expires: UnixSeconds,
    /// The signed document.
    pub bytes: Vec<u8>,
}

impl Office {
    /// Enters an operator, or changes one; what he was granted before stays as it was signed.
    ///
    /// # Errors
    /// [`OfficeError::Usage`] for what no grant could say.
    pub async fn add_operator(&self, new: &NewOperator) -> Result<(), OfficeError> {
        new.areas.iter().try_for_each(|area| super::meters::check_area(area))?;
        if !(1..=MAX_DAYS).contains(&new.days) {
            return Err(OfficeError::Usage(format!("a grant lasts 1 to {MAX_DAYS} days")));
        }
        limits::check(&new.caps)?;
        // What could not be signed is not written down.
        let probe = self.compose(new, "probe", TokenId([0; 16]), self.now().0, [0; 32]);
        probe.payload().map_err(|error| OfficeError::Usage(error.to_string()))?;
        transact!(self.ledger, |tx| add(&mut tx, new).await)
    }

    /// All operators.
    ///
    /// # Errors
    /// The database failed.
    pub async fn operators(&self) -> Result<Vec<OperatorInfo>, OfficeError> {
        let mut conn = self.ledger.read().await?;
        let rows = query("SELECT * FROM operator ORDER BY operator");
        let rows = rows.fetch_all(&mut conn).await?;
        let mut list = Vec::with_capacity(rows.len());
        for row in &rows {
            let entry = operator_row(row)?;
            let sql = "SELECT device, MAX(CASE WHEN taken IS NULL THEN 0 ELSE 1 END) AS shown
                       FROM grant_doc WHERE operator = $1 AND revoked IS NULL AND expires > $2
                       GROUP BY device ORDER BY device";
            let grants = query(sql).bind(entry.id.as_str()).bind(self.now().0);
            let grants = grants.fetch_all(&mut conn).await?;
            let grants = grants
                .iter()
                .map(|row| Ok((row.try_get("device")?, row.try_get::<i64, _>("shown")? != 0)));
            let grants = grants.collect::<Result<_, OfficeError>>()?;
            list.push(OperatorInfo {
                entry,
                active: row.try_get::<i64, _>("active")? != 0,
                grants,
            });
        }
        Ok(list)
    }

    /// Grants an operator what he is entered for, on one handheld. A later grant replaces an
    /// earlier one.
    ///
    /// # Errors
    /// [`OfficeError::NoOperator`], [`OfficeError::NoDevice`], [`OfficeError::Quarantined`],
    /// [`OfficeError::Locked`].
    pub async fn grant(
        &self,
        operator: &OperatorId,
        device: &DeviceId,
    ) -> Result<Granted, OfficeError> {
        transact!(self.ledger, |tx| {
            match ledger::device(&mut tx, device).await? {
                None => Err(OfficeError::NoDevice(device.clone())),
                Some(row) if row.status == "quarantined" => {
                    Err(OfficeError::Quarantined(device.clone()))
                }
                Some(row) => self.grant_in(&mut tx, operator, device, row.epoch).await,
            }
        })
    }

    /// Signs and stores a grant.
    pub(super) async fn grant_in(
        &self,
        conn: &mut Conn,
        operator: &OperatorId,
        device: &DeviceId,
        epoch: u32,
    ) -> Result<Granted, OfficeError> {
        let entry = active(conn, operator).await?;
        let sql = "SELECT COALESCE(MAX(issued), 0) AS last FROM grant_doc
                   WHERE operator = $1 AND device = $2";
        let last = query(sql).bind(operator.as_str()).bind(device.as_str());
        let last: i64 = last.fetch_one(&mut *conn).await?.try_get("last")?;
        // Of two grants the later one counts, so that no two are of one second.
        let issued = self.now().0.max(last + 1);
        let id = self.new_id()?;
        let random = Zeroizing::new(super::keys::random()?);
        let code = SecretString::from(activation_text(&random).as_str());
        let hash = activation(&id.0, code.expose_secret());
        let grant = self.compose(&entry, device.as_str(), id, issued, hash);
        let (bytes, kid) = self.keys().grant(&grant)?;
        insert_grant(conn, (&grant, epoch), (&bytes, &kid.to_string())).await?;
        let (operator, device) = (operator.clone(), device.clone());
        Ok(Granted { id, operator, device, expires: UnixSeconds(grant.expires), code, bytes })
    }

    fn compose(
        &self,
        entry: &NewOperator,
        device: &str,
        id: TokenId,
        issued: i64,
        activation: [u8; 32],
    ) -> Grant {
        Grant {
            tenant: self.tenant(),
            operator: entry.id.to_string(),
            device: device.to_owned(),
            issued,
            not_before: issued,
            expires: issued + entry.days * DAY,
            id: id.0,
            name: entry.name.clone(),
            role: entry.role.number(),
            verbs: entry.verbs.and(entry.role.verbs()).bits(),
            areas: entry.areas.clone(),
            meters: entry.meters.iter().map(|meter| meter.bcd()).collect(),
            caps: limits::signed(&entry.caps),
            shift_s: entry.shift_s,
            activation,
        }
    }

    /// Takes everything from an operator that he was granted, on every handheld; with the next
    /// status each of them knows. Gives how many documents that are.
    ///
    /// # Errors
    /// [`OfficeError::NoOperator`].
    pub async fn revoke_operator(&self, operator: &OperatorId) -> Result<u64, OfficeError> {
        let now = self.now().0;
        transact!(self.ledger, |tx| revoke(&mut tx, operator, now).await)
    }

    /// Gives leave for one act.
    ///
    /// # Errors
    /// [`OfficeError::NoOperator`], [`OfficeError::NoDevice`], [`OfficeError::NoMeter`],
    /// [`OfficeError::Usage`] when it is not a supervisor who gives it, or to himself.
    pub async fn over_ride(&self, new: &NewOverride) -> Result<Overridden, OfficeError> {
        super::review::require(&new.reason)?;
        if !(1..=MAX_HOURS).contains(&new.hours) {
            return Err(OfficeError::Usage(format!("an override lasts 1 to {MAX_HOURS} hours")));
        }
        transact!(self.ledger, |tx| self.over_ride_in(&mut tx, new).await)
    }

    async fn over_ride_in(
        &self,
        conn: &mut Conn,
        new: &NewOverride,
    ) -> Result<Overridden, OfficeError> {
        let usage = |why: &str| Err(OfficeError::Usage(why.to_owned()));
        active(conn, &new.operator).await?;
        if active(conn, &new.by).await?.role != Role::Supervisor {
            return usage("only a supervisor gives an override");
        }
        if new.by == new.operator {
            return usage("nobody gives an override to himself");
        }
        let device = ledger::device(conn, &new.device).await?;
        let device = device.ok_or_else(|| OfficeError::NoDevice(new.device.clone()))?;
        if device.status == "quarantined" {
            return Err(OfficeError::Quarantined(new.device.clone()));
        }
        ledger::meter(conn, new.meter).await?.ok_or(OfficeError::NoMeter(new.meter))?;
        let (id, now) = (self.new_id()?, self.now().0);
        let leave = Override {
            tenant: self.tenant(),
            operator: new.operator.to_string(),
            device: new.device.to_string(),
            meter: new.meter.bcd(),
            verbs: Verbs::of(&[new.verb]).bits(),
            issued: now,
            not_before: now,
            expires: now + new.hours * HOUR,
            id: id.0,
            by: new.by.to_string(),
            reason: new.reason.clone(),
        };
        let (bytes, kid) = self.keys().over_ride(&leave)?;
        insert_override(conn, (&leave, device.epoch), (&bytes, &kid.to_string())).await?;
        Ok(Overridden { id, expires: UnixSeconds(leave.expires), bytes })
    }
}

async fn add(conn: &mut Conn, new: &NewOperator) -> Result<(), OfficeError> {
    let meters: Vec<String> = new.meters.iter().map(ToString::to_string).collect();
    let sql = "INSERT INTO operator
               (operator, name, role, areas, meters, verbs, caps, days, shift_s, active)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1)
               ON CONFLICT (operator) DO UPDATE SET name = excluded.name, role = excluded.role,
               areas = excluded.areas, meters = excluded.meters, verbs = excluded.verbs,
               caps = excluded.caps, days = excluded.days, shift_s = excluded.shift_s, active = 1";
    query(sql)
        .bind(new.id.as_str())
        .bind(&new.name)
        .bind(new.role.name())
        .bind(new.areas.join(","))
        .bind(meters.join(","))
        .bind(i64::from(new.verbs.bits()))
        .bind(limits::text(&new.caps))
        .bind(new.days)
        .bind(new.shift_s)
        .execute(conn)
        .await?;
    Ok(())
}

fn operator_row(row: &Row) -> Result<NewOperator, OfficeError> {
    let (areas, meters): (String, String) = (row.try_get("areas")?, row.try_get("meters")?);
    let parts = |text: &str| -> Vec<String> {
        text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let meters = parts(&meters).iter().map(|meter| meter.parse()).collect::<Result<_, _>>();
    let verbs = Verbs::from_bits(ledger::small(row, "verbs")?);
    Ok(NewOperator {
        id: ledger::parsed(row, "operator")?,
        name: row.try_get("name")?,
        role: ledger::parsed(row, "role")?,
        areas: parts(&areas),
        meters: meters.map_err(|_| OfficeError::Stored("meters"))?,
        verbs: verbs.ok_or(OfficeError::Stored("verbs"))?,
        caps: limits::parse(&row.try_get::<String, _>("caps")?)?,
        days: row.try_get("days")?,
        shift_s: row.try_get("shift_s")?,
    })
}

/// An operator who may be granted something. His row is held: what he is granted, and that he is
/// granted nothing any more, are decided one after the other.
async fn active(conn: &mut Conn, operator: &OperatorId) -> Result<NewOperator, OfficeError> {
    let sql = locking!(conn, "SELECT * FROM operator WHERE operator = $1 AND active = 1");
    let row = query(sql).bind(operator.as_str()).fetch_optional(conn).await?;
    row.as_ref().map_or_else(|| Err(OfficeError::NoOperator(operator.clone())), operator_row)
}

async fn revoke(conn: &mut Conn, operator: &OperatorId, now: i64) -> Result<u64, OfficeError> {
    active(conn, operator).await?;
    query("UPDATE operator SET active = 0 WHERE operator = $1")
        .bind(operator.as_str())
        .execute(&mut *conn)
        .await?;
    let mut revoked = 0;
    for sql in [
        "UPDATE grant_doc SET revoked = $2
         WHERE operator = $1 AND revoked IS NULL AND expires > $2",
        "UPDATE override_doc SET revoked = $2
         WHERE operator = $1 AND revoked IS NULL AND used IS NULL AND expires > $2",
    ] {
        let query = query(sql).bind(operator.as_str()).bind(now);
        revoked += query.execute(&mut *conn).await?.rows_affected();
    }
    Ok(revoked)
}

/// Grants, or overrides, the journal of a handheld does not show yet.
pub(super) async fn waiting(
    conn: &mut Conn,
    device: &DeviceId,
    epoch: u32,
    now: i64,
) -> Result<(Vec<Vec<u8>>, Vec<Vec<u8>>), OfficeError> {
    use crate::sync::wire::{MAX_GRANTS, MAX_OVERRIDES};
    let queries = [
        // Only the newest of an operator: the store takes no older one behind it.
        (
            "SELECT bytes FROM grant_doc g WHERE device = $1 AND epoch = $2 AND taken IS NULL
          AND revoked IS NULL AND expires > $3 AND NOT EXISTS (
              SELECT 1 FROM grant_doc n WHERE n.device = g.device AND n.operator = g.operator
              AND n.issued > g.issued)
          ORDER BY issued, id LIMIT $4",
            MAX_GRANTS,
        ),
        (
            "SELECT bytes FROM override_doc WHERE device = $1 AND epoch = $2 AND taken IS NULL
          AND revoked IS NULL AND expires > $3 ORDER BY issued, id LIMIT $4",
            MAX_OVERRIDES,
        ),
    ];
    let mut found = [vec![], vec![]];
    for (found, (sql, most)) in found.iter_mut().zip(queries) {
        let rows = query(sql)
            .bind(device.as_str())
            .bind(i64::from(epoch))
            .bind(now)
            .bind(ledger::number(most as u64))
            .fetch_all(&mut *conn)
            .await?;
        let bytes = rows.iter().map(|row| row.try_get("bytes"));
        *found = bytes.collect::<Result<Vec<Vec<u8>>, _>>()?;
    }
    let [grants, overrides] = found;
    Ok((grants, overrides))
}

/// The journal shows a grant or an override; gives whether we ever gave it to that handheld.
pub(super) async fn shown(
    conn: &mut Conn,
    id: TokenId,
    device: &DeviceId,
    seq: u64,
) -> Result<bool, OfficeError> {
    let mut known = 0;
    for table in ["grant_doc", "override_doc"] {
        let sql = match table {
            "grant_doc" => "UPDATE grant_doc SET taken = $3 WHERE id = $1 AND device = $2",
            _ => "UPDATE override_doc SET taken = $3 WHERE id = $1 AND device = $2",
        };
        let query = query(sql).bind(id.to_string()).bind(device.as_str());
        known += query.bind(ledger::number(seq)).execute(&mut *conn).await?.rows_affected();
    }
    Ok(known > 0)
}

/// The journal shows an override used; gives what speaks against it.
pub(super) async fn used(
    conn: &mut Conn,
    id: TokenId,
    by: (&DeviceId, &str, MeterNo),
    seq: u64,
    at: UnixSeconds,
) -> Result<Option<&'static str>, OfficeError> {
    let (device, operator, meter) = by;
    let row = query("SELECT * FROM override_doc WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(&mut *conn)
        .await?;
    let Some(row) = row else { return Ok(Some("an override we never gave was used")) };
    let names = (row.try_get::<String, _>("device")?, row.try_get::<String, _>("operator")?);
    if (names.0.as_str(), names.1.as_str()) != (device.as_str(), operator)
        || ledger::parsed::<MeterNo>(&row, "meter")? != meter
    {
        return Ok(Some("an override was used by another, or on another meter"));
    }
    if row.try_get::<Option<i64>, _>("used")?.is_some() {
        return Ok(Some("an override was used twice"));
    }
    query("UPDATE override_doc SET used = $2 WHERE id = $1")
        .bind(id.to_string())
        .bind(ledger::number(seq))
        .execute(conn)
        .await?;
    let late = at.0 >= row.try_get::<i64, _>("expires")?;
    let revoked = row.try_get::<Option<i64>, _>("revoked")?.is_some_and(|cut| at.0 > cut);
    Ok((late || revoked).then_some("an override was used after its time"))
}
