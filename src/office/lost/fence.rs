//! Fencing a lost handheld: it is stopped, and what can still be used with it is issued again at
//! the same step, to another handheld (`reference/field-work.md` 3b, R9).
//!
//! The meter takes one of the two. Until it has, both are dangerous in their own way: the lost one
//! stays on the sheet, and the other one is the customer's. What was sent, or may have been, is not
//! replaced: a reading of the meter and a person decide that.

use super::LostSheet;
use crate::office::Office;
use crate::office::backup::rewound;
use crate::office::db::query;
use crate::office::devices::quarantine;
use crate::office::error::OfficeError;
use crate::office::grounds::{self, Grounds};
use crate::office::issue::{self, Deed, Issued, Order};
use crate::office::ledger::{self, Conn, transact};
use crate::office::model::{Class, Move, TokenState};
use crate::office::review::{NewReview, Verdict, raise};
use crate::units::{DeviceId, TokenId, UnixSeconds};

/// How a lost handheld is to be fenced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fencing {
    /// Which handheld gets what is issued again; none: nothing is.
    pub to: Option<DeviceId>,
    /// For how many days.
    pub days: i64,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fenced {
    /// The sheet after it.
    pub sheet: LostSheet,
    /// What was issued again, and instead of what.
    pub reissued: Vec<(TokenId, Issued)>,
    /// What was not, the stable code why, and the same in words.
    pub left: Vec<(TokenId, &'static str, String)>,
}

impl Office {
    /// Stops a lost handheld and fences what is out with it. Doing it again goes on where it
    /// stopped: a limit raised, another handheld named.
    ///
    /// # Errors
    /// [`OfficeError::NoDevice`]; [`OfficeError::Quarantined`] and [`OfficeError::Usage`] for a
    /// handheld that cannot take the tokens over; [`OfficeError::Locked`].
    pub async fn fence(&self, device: &DeviceId, how: &Fencing) -> Result<Fenced, OfficeError> {
        transact!(self.ledger, |tx| {
            if let Some(to) = &how.to {
                if to == device {
                    let why = "a lost handheld does not take over its own tokens".to_owned();
                    return Err(OfficeError::Usage(why));
                }
                issue::enrolled(&mut tx, to).await?;
            }
            let row = ledger::device(&mut tx, device).await?;
            row.ok_or_else(|| OfficeError::NoDevice(device.clone()))?;
            quarantine(&mut tx, device).await?;
            close_proved(&mut tx, device, self.now()).await
        })?;
        let (mut reissued, mut left) = (Vec::new(), Vec::new());
        let open = self.lost(device).await?;
        let open = open.tokens.iter().filter(|one| one.state.is_out() && !one.act.is_debit());
        for old in open.map(|one| one.token) {
            let Some(to) = &how.to else { break };
            let id = self.new_id()?;
            let done = transact!(self.ledger, |tx| {
                self.hand_over(&mut tx, old, ([device, to], how.days), id).await
            });
            match done {
                Ok(issued) => reissued.push((old, issued)),
                // One that cannot be handed over does not keep the others.
                Err(error @ (OfficeError::Db(_) | OfficeError::Locked(_))) => return Err(error),
                Err(error) => left.push((old, error.code(), error.to_string())),
            }
        }
        Ok(Fenced { sheet: self.lost(device).await?, reissued, left })
    }

    /// Issues a token again at the same step to another handheld.
    async fn hand_over(
        &self,
        conn: &mut Conn,
        old: TokenId,
        ([lost, to], days): ([&DeviceId; 2], i64),
        id: TokenId,
    ) -> Result<Issued, OfficeError> {
        rewound::fence(conn).await?;
        // Both are held before any money moves, whoever fences which of them for the other.
        for device in [lost.min(to), lost.max(to)] {
            ledger::device(conn, device).await?;
        }
        issue::enrolled(conn, to).await?;
        let old = ledger::token(conn, old).await?.ok_or(OfficeError::NoToken(old))?;
        let refuse = |why| Err(OfficeError::NotReplaceable(old.id, why));
        match old.state {
            _ if old.intent_seen => return refuse("it was sent and its outcome is not known"),
            TokenState::Suspect | TokenState::Reserved | TokenState::Delivered => {}
            TokenState::Disputed => return refuse("it is disputed"),
            TokenState::Applied => return refuse("it is in the meter"),
            TokenState::Voided => return refuse("its money is back with the customer"),
        }
        let meter = ledger::meter(conn, old.meter).await?;
        let mut meter = meter.ok_or(OfficeError::NoMeter(old.meter))?;
        let known = ledger::meter_state(conn, old.meter, old.account).await?;
        if known.is_some_and(|(count, ..)| count > old.count_before) && old.takes_step() {
            return refuse("the meter's count is past its step: it may have been used");
        }
        if old.act == crate::units::Act::Open {
            meter.account = old.account;
        }
        if meter.account != old.account {
            return Err(OfficeError::MeterOther(old.meter));
        }
        let now = self.now();
        ledger::set_state(conn, old.id, TokenState::Voided).await?;
        ledger::book(conn, Move::Return, &old, now).await?;
        query("UPDATE token SET superseded_by = $2 WHERE id = $1")
            .bind(old.id.to_string())
            .bind(id.to_string())
            .execute(&mut *conn)
            .await?;
        let order = Order { meter: old.meter, amount: old.credit.value, device: to.clone(), days };
        let deed = Deed { act: old.act, account: Some(old.account), undoes: old.undoes };
        let rests = grounds::of_token(conn, old.id).await?.and(Grounds::tokens(&[old.id, id]));
        let review = NewReview {
            id: format!("C3:lost:{}", old.id),
            class: Class::C3,
            why:
                "its handheld is lost and its step was given to another: was it used all the same?"
                    .to_owned(),
            device: lost,
            epoch: 0,
            seq: 0,
            meter: Some(old.meter),
            token: Some(old.id),
            rests,
        };
        raise(conn, review, now).await?;
        self.write(conn, (&order, deed), &meter, old.count_before, id).await
    }
}

/// What a meter has answered itself needs nobody to look at it: the replacement is in it, so the
/// lost one never will be.
async fn close_proved(
    conn: &mut Conn,
    device: &DeviceId,
    now: UnixSeconds,
) -> Result<(), OfficeError> {
    let sql = "UPDATE review SET settled = $2, verdict = $3, reason = $4
               WHERE settled IS NULL AND id LIKE 'C3:lost:%' AND token IN
                   (SELECT o.id FROM token o JOIN token n ON n.id = o.superseded_by
                    WHERE o.device = $1 AND o.state = 'voided' AND n.state = 'applied')";
    query(sql)
        .bind(device.as_str())
        .bind(now.0)
        .bind(Verdict::NotBooked.name())
        .bind("its replacement is in the meter")
        .execute(conn)
        .await?;
    Ok(())
}
