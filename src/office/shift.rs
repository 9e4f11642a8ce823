//! Shifts: what a handheld or an operator had, did and still has, closed at zero.
//!
//! What was still out at the last close, and what was reserved since, is in the meters, back with
//! the customers, or still out: nothing else can have become of it. The first side is added up from
//! the postings, the last figure from the tokens themselves, so that the two check each other. With
//! a close, what customers paid for and have in their meters becomes revenue; every movement is in
//! one shift of a handheld and in one of an operator, and none is in two.
//!
//! A token is an operator's who sent it first; what becomes of it from then on is in his shifts.

mod close;
mod said;
mod sums;

pub use said::{Next, SaidSum, ShiftSaid};

use super::Office;
use super::db::{Row, query};
use super::error::OfficeError;
use super::ledger::{self, Conn, transact};
use crate::units::{Act, Credit, CreditUnit, DeviceId, MeterNo, OperatorId, TokenId, UnixSeconds};
use std::fmt;

/// Whose shift it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShiftOf {
    /// A handheld's.
    Device(DeviceId),
    /// An operator's, on whichever handheld.
    Operator(OperatorId),
}

impl ShiftOf {
    /// `device` or `operator`.
    pub fn scope(&self) -> &'static str {
        match self {
            Self::Device(_) => "device",
            Self::Operator(_) => "operator",
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        match self {
            Self::Device(device) => device.as_str(),
            Self::Operator(operator) => operator.as_str(),
        }
    }
}

impl fmt::Display for ShiftOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.scope(), self.name())
    }
}

/// The figures of one unit, hundredths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShiftSum {
    /// The unit; units are never added up.
    pub unit: CreditUnit,
    /// Out when the shift before was closed.
    pub brought: i64,
    /// Paid for and issued since.
    pub reserved: i64,
    /// Proved to be in the meters.
    pub applied: i64,
    /// Back with the customers.
    pub voided: i64,
    /// Still out.
    pub out: i64,
    /// Taken out of meters, for customers.
    pub refunded: i64,
    /// Booked before and put right since: into the meters, less out of them.
    pub corrected: i64,
    /// What became revenue.
    pub revenue: i64,
    /// The sum of all legs of all movements: zero.
    pub postings: i64,
    /// How many movements.
    pub ops: u64,
}

impl ShiftSum {
    fn none(unit: CreditUnit) -> Self {
        Self {
            unit,
            brought: 0,
            reserved: 0,
            applied: 0,
            voided: 0,
            out: 0,
            refunded: 0,
            corrected: 0,
            revenue: 0,
            postings: 0,
            ops: 0,
        }
    }

    /// What is missing, or too much: zero.
    pub fn off(&self) -> i64 {
        let had = i128::from(self.brought) + i128::from(self.reserved);
        let went = i128::from(self.applied) + i128::from(self.voided) + i128::from(self.out);
        i64::try_from(had - went).unwrap_or(i64::MAX)
    }

    /// Whether it comes to zero.
    pub fn sound(&self) -> bool {
        self.off() == 0 && self.postings == 0
    }
}

/// A place in a handheld's journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShiftHead {
    /// Its life.
    pub epoch: u32,
    /// The entry.
    pub seq: u64,
    /// The chain hash there.
    pub hash: [u8; 32],
}

/// A shift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// Its identity; a UUIDv7.
    pub id: String,
    /// Whose.
    pub of: ShiftOf,
    /// From 1, without gaps.
    pub number: u64,
    /// When the one before was closed.
    pub opened: Option<UnixSeconds>,
    /// When it was closed.
    pub closed: UnixSeconds,
    /// How far the handheld's journal was here then.
    pub head: Option<ShiftHead>,
    /// The figures, one row a unit.
    pub sums: Vec<ShiftSum>,
    /// What handhelds said at the ends of their own shifts in it, against what is here now; the
    /// newest first.
    pub said: Vec<ShiftSaid>,
}

impl Shift {
    /// Whether it comes to zero in every unit.
    pub fn sound(&self) -> bool {
        self.sums.iter().all(ShiftSum::sound)
    }
}

/// A movement in a shift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShiftLine {
    /// Its name in the books.
    pub op: String,
    /// The token, or the swap, it is of.
    pub token: TokenId,
    /// What that does; none for a movement of a swap itself.
    pub act: Option<Act>,
    /// The meter.
    pub meter: MeterNo,
    /// Out of which place.
    pub from: String,
    /// Into which.
    pub to: String,
    /// How much.
    pub credit: Credit,
    /// When it was booked.
    pub at: UnixSeconds,
}

/// A shift with its movements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShiftDetail {
    /// The shift.
    pub shift: Shift,
    /// Its movements, as they were booked.
    pub lines: Vec<ShiftLine>,
}

impl Office {
    /// Closes a shift: what moved since the one before belongs to it for ever.
    ///
    /// # Errors
    /// [`OfficeError::NoDevice`], [`OfficeError::NoOperator`]; the database failed.
    pub async fn close_shift(&self, of: &ShiftOf) -> Result<Shift, OfficeError> {
        let (id, now) = (self.new_id()?.to_string(), self.now());
        transact!(self.ledger, |tx| close::close(&mut tx, of, &id, now).await)
    }

    /// What closing a shift now would come to. Changes nothing.
    ///
    /// # Errors
    /// As [`Office::close_shift`].
    pub async fn shift_now(&self, of: &ShiftOf) -> Result<Shift, OfficeError> {
        let id = self.new_id()?.to_string();
        let mut tx = self.ledger.begin().await?;
        let shift = close::close(&mut tx, of, &id, self.now()).await?;
        tx.rollback().await?;
        Ok(shift)
    }

    /// Shifts that were closed, the newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn shifts(&self, of: Option<&ShiftOf>) -> Result<Vec<Shift>, OfficeError> {
        let mut tx = self.ledger.snapshot().await?;
        let sql = "SELECT s.*, b.closed AS opened FROM shift s LEFT JOIN shift b
                   ON b.scope = s.scope AND b.name = s.name AND b.number = s.number - 1
                   WHERE $1 = '' OR s.scope = $1 AND s.name = $2
                   ORDER BY s.closed DESC, s.number DESC, s.id DESC";
        let (scope, name) = of.map_or(("", ""), |of| (of.scope(), of.name()));
        let rows = query(sql).bind(scope).bind(name).fetch_all(&mut tx).await?;
        let mut shifts = Vec::with_capacity(rows.len());
        for row in &rows {
            shifts.push(shift(&mut tx, row).await?);
        }
        tx.rollback().await?;
        Ok(shifts)
    }

    /// One shift with its movements.
    ///
    /// # Errors
    /// [`OfficeError::Usage`] for one that is not there; the database failed.
    pub async fn shift(&self, id: &str) -> Result<ShiftDetail, OfficeError> {
        let mut tx = self.ledger.snapshot().await?;
        let sql = "SELECT s.*, b.closed AS opened FROM shift s LEFT JOIN shift b
                   ON b.scope = s.scope AND b.name = s.name AND b.number = s.number - 1
                   WHERE s.id = $1";
        let row = query(sql).bind(id).fetch_optional(&mut tx).await?;
        let row = row.ok_or_else(|| OfficeError::Usage(format!("there is no shift {id}")))?;
        let shift = shift(&mut tx, &row).await?;
        let sql = "SELECT p.op, p.token, p.meter, p.unit, p.amount, p.at, p.place AS target,
                          f.place AS source, t.act
                   FROM shift_op o JOIN posting p ON p.op = o.op AND p.leg = 1
                   JOIN posting f ON f.op = o.op AND f.leg = 0
                   LEFT JOIN token t ON t.id = p.token
                   WHERE o.shift = $1 ORDER BY p.at, p.meter, p.op";
        let rows = query(sql).bind(id).fetch_all(&mut tx).await?;
        let lines = rows.iter().map(line).collect::<Result<_, _>>()?;
        tx.rollback().await?;
        Ok(ShiftDetail { shift, lines })
    }
}

fn line(row: &Row) -> Result<ShiftLine, OfficeError> {
    let act = row.try_get::<Option<String>, _>("act")?;
    let act = act.map(|act| act.parse().map_err(|_| OfficeError::Stored("act"))).transpose()?;
    Ok(ShiftLine {
        op: row.try_get("op")?,
        token: ledger::parsed(row, "token")?,
        act,
        meter: ledger::parsed(row, "meter")?,
        from: row.try_get("source")?,
        to: row.try_get("target")?,
        credit: Credit { value: row.try_get("amount")?, unit: sums::unit(row)? },
        at: UnixSeconds(row.try_get("at")?),
    })
}

async fn shift(conn: &mut Conn, row: &Row) -> Result<Shift, OfficeError> {
    let scope: String = row.try_get("scope")?;
    let of = match scope.as_str() {
        "device" => ShiftOf::Device(ledger::parsed(row, "name")?),
        _ => ShiftOf::Operator(ledger::parsed(row, "name")?),
    };
    let id: String = row.try_get("id")?;
    let head = match row.try_get::<Option<i64>, _>("head_epoch")? {
        Some(_) => Some(ShiftHead {
            epoch: ledger::small(row, "head_epoch")?,
            seq: ledger::counter(row, "head_seq")?,
            hash: ledger::fixed(row, "head_hash")?,
        }),
        None => None,
    };
    let opened = row.try_get::<Option<i64>, _>("opened")?.map(UnixSeconds);
    let closed = UnixSeconds(row.try_get("closed")?);
    Ok(Shift {
        sums: sums::stored(conn, &id).await?,
        said: said::said(conn, &of, (opened, closed)).await?,
        of,
        number: ledger::counter(row, "number")?,
        opened,
        closed,
        head,
        id,
    })
}
