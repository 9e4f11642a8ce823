//! Drafts: sales that were prepared and not issued, before a customer has paid, say, or for
//! another person to look at.
//!
//! A draft reserves no step, moves no money and is signed by nobody. It becomes the token of the
//! same identity, once, or is dropped. What stands against it is told when it is written down, and
//! counts when it is issued: meanwhile a meter may have moved on.

use super::Office;
use super::db::{Row, query};
use super::error::OfficeError;
use super::issue::{Deed, Issued, Order};
use super::ledger::{self, Conn, transact};
use super::model::{parse_unit, unit_name};
use crate::units::{Act, Credit, TokenId, UnixSeconds};

/// Longest note, bytes.
const MAX_NOTE: usize = 200;

/// A draft with its customer; what follows says which.
macro_rules! read {
    ($which:literal) => {
        concat!(
            "SELECT draft.*,
                    (SELECT customer FROM meter m WHERE m.meter = draft.meter) AS customer
             FROM draft ",
            $which
        )
    };
}

/// A sale that was prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its identity, and that of the token it becomes.
    pub id: TokenId,
    /// What is to be issued.
    pub order: Order,
    /// What the token will do.
    pub deed: Deed,
    /// How much, in the meter's unit.
    pub credit: Credit,
    /// Whose meter it is.
    pub customer: String,
    /// What whoever issues it should know.
    pub note: String,
    /// When it was written down.
    pub made: UnixSeconds,
}

impl Office {
    /// Writes a sale down that could be issued now; gives it.
    ///
    /// # Errors
    /// As [`Office::issue_for`]; [`OfficeError::Usage`] for a note that is too long.
    pub async fn draft(&self, order: &Order, deed: Deed, note: &str) -> Result<Draft, OfficeError> {
        let note = note.trim();
        if note.len() > MAX_NOTE {
            return Err(OfficeError::Usage(format!("a note has {MAX_NOTE} bytes at most")));
        }
        let id = self.new_id()?;
        let mut tx = self.ledger.begin().await?;
        let tried = self.issue_in(&mut tx, order, deed, id).await;
        tx.rollback().await?;
        let credit = tried?.credit;
        transact!(self.ledger, |tx| {
            query(
                "INSERT INTO draft (id, meter, amount, unit, device, days, act, account, undoes,
                                    note, made)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            )
            .bind(id.to_string())
            .bind(order.meter.to_string())
            .bind(order.amount)
            .bind(unit_name(credit.unit))
            .bind(order.device.as_str())
            .bind(order.days)
            .bind(deed.act.name())
            .bind(deed.account.map(|account| account.to_string()))
            .bind(deed.undoes.map(|token| token.to_string()))
            .bind(note)
            .bind(self.now().0)
            .execute(&mut tx)
            .await?;
            read(&mut tx, id).await
        })
    }

    /// Those there are, the oldest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn drafts(&self) -> Result<Vec<Draft>, OfficeError> {
        let mut conn = self.ledger.read().await?;
        query(read!("ORDER BY made, id")).fetch_all(&mut conn).await?.iter().map(row).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// [`OfficeError::NoDraft`] for one that was issued or dropped.
    pub async fn draft_shown(&self, id: TokenId) -> Result<Draft, OfficeError> {
        let mut conn = self.ledger.read().await?;
        read(&mut conn, id).await
    }

    /// Issues one: it is a draft no more, in the same transaction.
    ///
    /// # Errors
    /// [`OfficeError::NoDraft`] for one that was issued or dropped; as [`Office::issue_for`], and
    /// it stays a draft.
    pub async fn issue_draft(&self, id: TokenId) -> Result<Issued, OfficeError> {
        transact!(self.ledger, |tx| {
            let draft = read(&mut tx, id).await?;
            let issued = self.issue_in(&mut tx, &draft.order, draft.deed, id).await?;
            remove(&mut tx, id).await.map(|()| issued)
        })
    }

    /// Drops one: nothing of it is issued.
    ///
    /// # Errors
    /// [`OfficeError::NoDraft`] for one that was issued or dropped.
    pub async fn drop_draft(&self, id: TokenId) -> Result<(), OfficeError> {
        transact!(self.ledger, |tx| remove(&mut tx, id).await)
    }
}

/// How many there are.
pub(super) async fn count(conn: &mut Conn) -> Result<u64, OfficeError> {
    let row = query("SELECT COUNT(*) AS n FROM draft").fetch_one(conn).await?;
    ledger::counter(&row, "n")
}

/// Reads one, held in a transaction that may change it: of two who issue it, one finds that the
/// other did.
async fn read(conn: &mut Conn, id: TokenId) -> Result<Draft, OfficeError> {
    let sql = match conn.locks() {
        true => read!("WHERE id = $1 FOR UPDATE"),
        false => read!("WHERE id = $1"),
    };
    let found = query(sql).bind(id.to_string()).fetch_optional(conn).await?;
    row(&found.ok_or(OfficeError::NoDraft(id))?)
}

async fn remove(conn: &mut Conn, id: TokenId) -> Result<(), OfficeError> {
    let gone = query("DELETE FROM draft WHERE id = $1").bind(id.to_string()).execute(conn).await?;
    if gone.rows_affected() == 1 { Ok(()) } else { Err(OfficeError::NoDraft(id)) }
}

fn row(row: &Row) -> Result<Draft, OfficeError> {
    let optional = |name: &str| row.try_get::<Option<String>, _>(name);
    let unit = parse_unit(&row.try_get::<String, _>("unit")?).ok_or(OfficeError::Stored("unit"))?;
    let amount = row.try_get("amount")?;
    let act: Act = ledger::parsed(row, "act")?;
    let account = optional("account")?.map(|text| text.parse()).transpose();
    let undoes = optional("undoes")?.map(|text| text.parse()).transpose();
    Ok(Draft {
        id: ledger::parsed(row, "id")?,
        order: Order {
            meter: ledger::parsed(row, "meter")?,
            amount,
            device: ledger::parsed(row, "device")?,
            days: row.try_get("days")?,
        },
        deed: Deed {
            act,
            account: account.map_err(|_| OfficeError::Stored("account"))?,
            undoes: undoes.map_err(|_| OfficeError::Stored("undoes"))?,
        },
        credit: Credit { value: amount, unit },
        customer: optional("customer")?.unwrap_or_default(),
        note: row.try_get("note")?,
        made: UnixSeconds(row.try_get("made")?),
    })
}
