//! Limits: how much a handheld may carry, and how much may happen on it before we hear of it.

use super::Office;
use super::db::query;
use super::error::OfficeError;
use super::ledger::{self, Conn, transact};
use crate::units::{Cap, Caps, CreditUnit, DeviceId, UnixSeconds};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// What a handheld's statuses say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Its limits.
    pub caps: Caps,
    /// How long a status counts, seconds; at most three days.
    pub life_s: i64,
    /// How long after that recharges within the soft limits still go, seconds.
    pub grace_s: i64,
    /// Seconds without a key until it locks itself.
    pub idle_s: i64,
}

impl Policy {
    /// For handhelds nobody set anything for.
    pub const USUAL: Self = Self {
        caps: Caps {
            acts: Cap { soft: 150, hard: 200 },
            yuan: Cap { soft: 5_000_000, hard: 10_000_000 },
            kwh: Cap { soft: 5_000_000, hard: 10_000_000 },
            age_s: Cap { soft: DAY, hard: 3 * DAY },
        },
        life_s: 2 * DAY,
        grace_s: DAY,
        idle_s: 300,
    };
    /// For operators nobody set anything for.
    pub const OPERATOR: Caps = Caps {
        acts: Cap { soft: 80, hard: 100 },
        yuan: Cap { soft: 2_500_000, hard: 5_000_000 },
        kwh: Cap { soft: 2_500_000, hard: 5_000_000 },
        age_s: Cap { soft: DAY, hard: 3 * DAY },
    };
    const MAX_LIFE_S: i64 = meterkit_tokens::status::MAX_LIFE_S;
    const MAX_GRACE_S: i64 = 7 * DAY;
    const MAX_IDLE_S: i64 = HOUR;

    fn check(&self) -> Result<(), OfficeError> {
        check(&self.caps)?;
        let times = (HOUR..=Self::MAX_LIFE_S).contains(&self.life_s)
            && (0..=Self::MAX_GRACE_S).contains(&self.grace_s)
            && (15..=Self::MAX_IDLE_S).contains(&self.idle_s);
        if times {
            return Ok(());
        }
        let why =
            "a status lives 1 to 72 hours, grace is at most 168 hours, idle 15 to 3600 seconds";
        Err(OfficeError::Usage(why.into()))
    }
}

/// Checks that limits can be signed. What cannot must not be written down: every later status or
/// grant would fail, and with it every exchange of the handhelds concerned.
///
/// # Errors
/// [`OfficeError::Usage`] naming the first limit that cannot, and the highest there is of it.
pub(super) fn check(caps: &Caps) -> Result<(), OfficeError> {
    const MOST: meterkit_tokens::Caps = meterkit_tokens::Caps::MOST;
    let all = [
        ("acts", caps.acts, MOST.acts, "acts"),
        ("yuan", caps.yuan, MOST.yuan, "fen"),
        ("kwh", caps.kwh, MOST.kwh, "hundredths of a kWh"),
        ("age", caps.age_s, MOST.age_s, "seconds"),
    ];
    for (name, Cap { soft, hard }, [_, most], unit) in all {
        if !(0 <= soft && soft <= hard && hard <= most) {
            return Err(OfficeError::Usage(format!(
                "the limit {name} is {soft}:{hard}: a limit is SOFT:HARD with 0 <= SOFT <= HARD, \
                 and HARD at most {most} {unit}"
            )));
        }
    }
    Ok(())
}

/// What is to be changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PolicyChange {
    /// Number of acts.
    pub acts: Option<Cap>,
    /// Their sum in yuan, fen.
    pub yuan: Option<Cap>,
    /// Their sum in kWh, hundredths.
    pub kwh: Option<Cap>,
    /// Age of the oldest, seconds.
    pub age_s: Option<Cap>,
    /// Life of a status, seconds.
    pub life_s: Option<i64>,
    /// Grace after it, seconds.
    pub grace_s: Option<i64>,
    /// Seconds until it locks itself.
    pub idle_s: Option<i64>,
}

impl PolicyChange {
    /// A policy with the change made.
    fn on(&self, old: Policy) -> Policy {
        let caps = Caps {
            acts: self.acts.unwrap_or(old.caps.acts),
            yuan: self.yuan.unwrap_or(old.caps.yuan),
            kwh: self.kwh.unwrap_or(old.caps.kwh),
            age_s: self.age_s.unwrap_or(old.caps.age_s),
        };
        Policy {
            caps,
            life_s: self.life_s.unwrap_or(old.life_s),
            grace_s: self.grace_s.unwrap_or(old.grace_s),
            idle_s: self.idle_s.unwrap_or(old.idle_s),
        }
    }
}

/// What is out with a handheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Carried {
    /// How many tokens.
    pub tokens: u64,
    /// Their sum in yuan, fen.
    pub yuan: i64,
    /// Their sum in kWh, hundredths.
    pub kwh: i64,
    /// When the oldest was issued.
    pub oldest: Option<UnixSeconds>,
}

impl Carried {
    /// The sum in a unit.
    pub fn sum(&self, unit: CreditUnit) -> i64 {
        match unit {
            CreditUnit::Yuan => self.yuan,
            CreditUnit::Kwh => self.kwh,
        }
    }
}

impl Office {
    /// The policy of a handheld, or the one for all that have none of their own.
    ///
    /// # Errors
    /// The database failed.
    pub async fn policy(&self, device: Option<&DeviceId>) -> Result<Policy, OfficeError> {
        let mut conn = self.ledger.read().await?;
        policy(&mut conn, device.map_or("", DeviceId::as_str)).await
    }

    /// Changes the policy of a handheld, or the one for all that have none of their own. It is in
    /// force on the handheld with its next status.
    ///
    /// # Errors
    /// [`OfficeError::NoDevice`], [`OfficeError::Usage`] for limits that make no sense.
    pub async fn set_policy(
        &self,
        device: Option<&DeviceId>,
        change: &PolicyChange,
    ) -> Result<Policy, OfficeError> {
        transact!(self.ledger, |tx| set(&mut tx, device, change).await)
    }
}

async fn set(
    conn: &mut Conn,
    device: Option<&DeviceId>,
    change: &PolicyChange,
) -> Result<Policy, OfficeError> {
    if let Some(device) = device
        && ledger::device(conn, device).await?.is_none()
    {
        return Err(OfficeError::NoDevice(device.clone()));
    }
    // The rows themselves are read by every status; this one is only here to be held.
    ledger::note_held(conn, "tenant").await?;
    let name = device.map_or("", DeviceId::as_str);
    let new = change.on(policy(conn, name).await?);
    new.check()?;
    write(conn, name, &new).await?;
    Ok(new)
}

/// The policy in force for a handheld.
pub(super) async fn policy(conn: &mut Conn, device: &str) -> Result<Policy, OfficeError> {
    let sql = "SELECT * FROM policy WHERE device = $1 OR device = '' ORDER BY device DESC";
    let row = query(sql).bind(device).fetch_optional(conn).await?;
    let row = row.ok_or(OfficeError::Stored("policy"))?;
    Ok(Policy {
        caps: parse(&row.try_get::<String, _>("caps")?)?,
        life_s: row.try_get("life_s")?,
        grace_s: row.try_get("grace_s")?,
        idle_s: row.try_get("idle_s")?,
    })
}

/// Writes a policy.
pub(super) async fn write(
    conn: &mut Conn,
    device: &str,
    policy: &Policy,
) -> Result<(), OfficeError> {
    let sql = "INSERT INTO policy (device, caps, life_s, grace_s, idle_s)
               VALUES ($1, $2, $3, $4, $5)
               ON CONFLICT (device) DO UPDATE SET caps = excluded.caps,
               life_s = excluded.life_s, grace_s = excluded.grace_s, idle_s = excluded.idle_s";
    let query = query(sql).bind(device).bind(text(&policy.caps));
    query.bind(policy.life_s).bind(policy.grace_s).bind(policy.idle_s).execute(conn).await?;
    Ok(())
}

/// What is out with a handheld now: tokens, and what it may advance for dead meters. What a swap
/// carries over was in a meter before.
pub(super) async fn carried(conn: &mut Conn, device: &str) -> Result<Carried, OfficeError> {
    let sql = "SELECT COUNT(*) AS tokens,
               CAST(COALESCE(SUM(CASE WHEN unit = 'yuan' THEN amount ELSE 0 END), 0) AS BIGINT)
                   AS yuan,
               CAST(COALESCE(SUM(CASE WHEN unit = 'kwh' THEN amount ELSE 0 END), 0) AS BIGINT)
                   AS kwh,
               MIN(issued) AS oldest
               FROM (SELECT unit, amount, issued FROM token WHERE device = $1 AND swap IS NULL
                         AND state IN ('reserved', 'delivered', 'suspect', 'disputed')
                     UNION ALL SELECT unit, provisional, issued FROM swap WHERE device = $1
                         AND state IN ('reserved', 'delivered', 'begun') AND provisional > 0)
                    AS carried";
    let row = query(sql).bind(device).fetch_one(conn).await?;
    Ok(Carried {
        tokens: ledger::counter(&row, "tokens")?,
        yuan: row.try_get("yuan")?,
        kwh: row.try_get("kwh")?,
        oldest: row.try_get::<Option<i64>, _>("oldest")?.map(UnixSeconds),
    })
}

/// Limits as they are stored: four times `soft:hard`.
pub(super) fn text(caps: &Caps) -> String {
    let all = [caps.acts, caps.yuan, caps.kwh, caps.age_s];
    all.map(|cap| format!("{}:{}", cap.soft, cap.hard)).join(" ")
}

/// Reads what [`text`] wrote.
pub(super) fn parse(text: &str) -> Result<Caps, OfficeError> {
    let cap = |text: &str| {
        let (soft, hard) = text.split_once(':')?;
        Some(Cap { soft: soft.parse().ok()?, hard: hard.parse().ok()? })
    };
    let caps: Option<Vec<Cap>> = text.split(' ').map(cap).collect();
    match caps.as_deref() {
        Some(&[acts, yuan, kwh, age_s]) => Ok(Caps { acts, yuan, kwh, age_s }),
        _ => Err(OfficeError::Stored("caps")),
    }
}

/// Limits as they are signed.
pub(super) fn signed(caps: &Caps) -> meterkit_tokens::Caps {
    let pair = |cap: Cap| [cap.soft, cap.hard];
    let (acts, yuan) = (pair(caps.acts), pair(caps.yuan));
    meterkit_tokens::Caps { acts, yuan, kwh: pair(caps.kwh), age_s: pair(caps.age_s) }
}

/// Reads what [`signed`] made.
pub(super) fn of_signed(caps: &meterkit_tokens::Caps) -> Caps {
    let cap = |[soft, hard]: [i64; 2]| Cap { soft, hard };
    let (acts, yuan) = (cap(caps.acts), cap(caps.yuan));
    Caps { acts, yuan, kwh: cap(caps.kwh), age_s: cap(caps.age_s) }
}
