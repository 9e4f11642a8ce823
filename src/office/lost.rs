//! The lost-handheld sheet: the most that whoever has it could still credit, which meters to visit,
//! and until when each is in danger.
//!
//! There are two figures, and what bounds both is the meters, which take one credit a step
//! (`reach`), and the documents, which name step and most.
//!
//! - **`worst`**: by the handheld's own program, with its PINs, any time on its clock that it can
//!   be put back to, any number of copies of its store, and meters that he makes himself and puts
//!   on the line in the place of others. A copy has its limits whole again, so limits bound a
//!   single act and never the sum.
//! - **`utmost`**: by any program: whoever has the handheld can put his own on it, and that keeps
//!   no limit, no right, no end of a life and no revocation. It still has no other documents.
//!
//! Both hold what may have been done and was not heard of, which is the same documents. Not in
//! them: what a meter accepts without any document of ours from whoever has its password and
//! another program (`docs/threat-model.md`, class C), and what is only taken out of meters.

mod fence;
mod holder;
mod papers;
mod reach;
mod yard;

pub use fence::{Fenced, Fencing};
pub use holder::LostOperator;

use super::Office;
use super::db::query;
use super::error::OfficeError;
use super::ledger::{self, Conn, DeviceRow};
use super::model::TokenState;
use crate::units::{
    AccountNo, Act, BusPlace, Credit, CreditUnit, DeviceId, MeterNo, PurchaseCount, TokenId,
    UnixSeconds,
};
use holder::{Holder, holders};
use papers::{SwapRead, read};
use reach::{Chance, Steps, reach};
use yard::{Yard, meters};

/// Why a document counts, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LostWhy {
    /// It can be used.
    Live,
    /// It may have been used: sent, or its step was taken by nobody knows what.
    Unheard,
    /// The office has taken it back; the handheld does not know.
    Replaced,
    /// Another document for the same step counts.
    SameStep,
    /// Another credit is known to have taken its step.
    StepTaken,
    /// An earlier step of the meter is missing, and nobody can take it.
    Behind,
    /// Its time was over before the earliest time the clock can be put back to.
    Expired,
    /// Nobody who could work with the handheld may do this at this meter.
    NoRight,
    /// By itself beyond a limit.
    OverLimit,
    /// The handheld knows that it was revoked.
    KnownRevoked,
    /// The meter is known to hold another account.
    OtherAccount,
    /// It takes out and credits nothing.
    Debit,
    /// It credits nothing.
    Nothing,
}

impl LostWhy {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Unheard => "unheard",
            Self::Replaced => "replaced",
            Self::SameStep => "same-step",
            Self::StepTaken => "step-taken",
            Self::Behind => "behind",
            Self::Expired => "expired",
            Self::NoRight => "no-right",
            Self::OverLimit => "over-limit",
            Self::KnownRevoked => "known-revoked",
            Self::OtherAccount => "other-account",
            Self::Debit => "debit",
            Self::Nothing => "nothing",
        }
    }

    /// Whether it is part of the loss.
    pub fn counts(self) -> bool {
        matches!(self, Self::Live | Self::Unheard | Self::Replaced)
    }
}

/// A document out with the handheld.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostToken {
    /// Which.
    pub token: TokenId,
    /// What it does.
    pub act: Act,
    /// To which meter.
    pub meter: MeterNo,
    /// Its account.
    pub account: AccountNo,
    /// The count the meter must show before.
    pub count_before: PurchaseCount,
    /// How much.
    pub credit: Credit,
    /// Where it stands in the books.
    pub state: TokenState,
    /// When it was issued.
    pub issued: UnixSeconds,
    /// End of its life by an honest clock.
    pub expires: UnixSeconds,
    /// Its part of the loss by the handheld's own program, hundredths.
    pub worst: i64,
    /// Its part of the loss by any program.
    pub utmost: i64,
    /// Why, by its own program.
    pub why: LostWhy,
    /// Whether a frame with it was sent, or may have been.
    pub sent: bool,
    /// What takes its step instead, and with which handheld.
    pub replaced_by: Option<(TokenId, DeviceId, TokenState)>,
    /// Its handheld knows that it is not to be used.
    over: bool,
}

/// A leave for a swap out with the handheld.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostSwap {
    /// Which.
    pub swap: TokenId,
    /// The meter that goes.
    pub old: MeterNo,
    /// The meter that comes.
    pub new: MeterNo,
    /// The unit of its amounts.
    pub unit: CreditUnit,
    /// The most it carries over, hundredths. Whoever makes an old meter himself carries over what
    /// was never there.
    pub most: i64,
    /// The most it advances for a dead meter, hundredths.
    pub provisional: i64,
    /// Its part of the loss by the handheld's own program, hundredths.
    pub worst: i64,
    /// Its part of the loss by any program.
    pub utmost: i64,
    /// What its own program can take out of the old meter with it.
    pub out: i64,
    /// End of its life by an honest clock.
    pub expires: UnixSeconds,
    /// Why, by its own program.
    pub why: LostWhy,
}

/// Whether a meter is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fence {
    /// Nothing takes the step instead.
    Open,
    /// A replacement is out with another handheld.
    Waiting,
    /// Something took the step, and no journal says what: go there, and settle it.
    Taken,
    /// The step is taken by a credit we know.
    Done,
}

impl Fence {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Waiting => "waiting",
            Self::Taken => "taken",
            Self::Done => "done",
        }
    }
}

/// A meter to go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostMeter {
    /// Which.
    pub meter: MeterNo,
    /// Whose; empty for a meter that is not on the list.
    pub customer: String,
    /// Where it hangs.
    pub location: String,
    /// Its area.
    pub area: String,
    /// Its place on a bus.
    pub place: BusPlace,
    /// What can be credited there by the handheld's own program, hundredths.
    pub worst: i64,
    /// What can be credited there by any program.
    pub utmost: i64,
    /// In which unit.
    pub unit: CreditUnit,
    /// Until when, by an honest clock; with the clock put back, until the steps are taken.
    pub until: UnixSeconds,
    /// Whether it is safe.
    pub fence: Fence,
}

/// The sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostSheet {
    /// The handheld.
    pub device: DeviceId,
    /// `offered`, `enrolled`, `quarantined`.
    pub status: String,
    /// When it last spoke.
    pub last_seen: Option<UnixSeconds>,
    /// Its clock cannot be put behind this and still move money.
    pub floor: UnixSeconds,
    /// Who could work with it.
    pub operators: Vec<LostOperator>,
    /// The most that can be credited by its own program, one figure a unit.
    pub worst: Vec<Credit>,
    /// The most that can be credited by any program: the maximum loss.
    pub utmost: Vec<Credit>,
    /// All that is out with it, whatever rights, limits and meters say.
    pub face: Vec<Credit>,
    /// What its own program can take out of meters: refunds, and leaves for swaps. Another program
    /// can repeat a debit until the meter is empty: no step binds it.
    pub debits: Vec<Credit>,
    /// The documents.
    pub tokens: Vec<LostToken>,
    /// Leaves for swaps.
    pub swaps: Vec<LostSwap>,
    /// Where to go, the greatest danger first; those that are safe again last.
    pub meters: Vec<LostMeter>,
}

impl Office {
    /// What a lost handheld can cost at most. Changes nothing.
    ///
    /// # Errors
    /// [`OfficeError::NoDevice`]; the database failed.
    pub async fn lost(&self, device: &DeviceId) -> Result<LostSheet, OfficeError> {
        // One transaction, so that all figures are of one moment.
        let mut tx = self.ledger.snapshot().await?;
        let row = ledger::device(&mut tx, device).await?;
        let row = row.ok_or_else(|| OfficeError::NoDevice(device.clone()))?;
        let sheet = self.lost_in(&mut tx, &row).await?;
        tx.rollback().await?;
        Ok(sheet)
    }

    async fn lost_in(&self, conn: &mut Conn, row: &DeviceRow) -> Result<LostSheet, OfficeError> {
        let lives = Lives::read(self, conn, row).await?;
        let (mut tokens, mut swaps) = read(conn, row, &lives).await?;
        let yard = Yard::read(conn, &tokens, &swaps, &row.device).await?;
        // Between two acts of a handheld that is not stopped the office may clear its limits.
        let alone = row.status == "quarantined";
        for rules in [Rules::Kept { alone }, Rules::None] {
            for (meter, list) in &yard.chances(&lives, &tokens, &swaps, rules) {
                let none = Steps::default();
                let steps = yard.steps.get(meter).unwrap_or(&none);
                let values: Vec<Chance> = list.iter().map(|(_, chance)| *chance).collect();
                for ((at, _), found) in list.iter().zip(reach(steps, &values)) {
                    match at {
                        At::Token(at) => tokens[*at].found(rules, found),
                        At::Swap(at) => swaps[*at].shown.found(rules, found),
                    }
                }
            }
        }
        for swap in &mut swaps {
            swap.shown.out = yard.taken_out(&lives, swap);
        }
        // What the handheld knows to be over is named only where another program may still use it.
        tokens.retain(|one| !one.over || one.utmost > 0);
        swaps.retain(|one| !one.over || one.shown.utmost > 0);
        let swaps: Vec<LostSwap> = swaps.into_iter().map(|row| row.shown).collect();
        let credits = |token: fn(&LostToken) -> i64, swap: fn(&LostSwap) -> i64| {
            let unit = |one: &LostSwap| Credit { value: swap(one), unit: one.unit };
            sums(tokens.iter().map(|one| one.credit.with(token(one))).chain(swaps.iter().map(unit)))
        };
        let debit = |one: &LostToken| if one.why == LostWhy::Debit { one.credit.value } else { 0 };
        let face = |one: &LostToken| match one.state.is_out() && !one.act.is_debit() {
            true => one.credit.value,
            false => 0,
        };
        Ok(LostSheet {
            device: row.device.clone(),
            status: row.status.clone(),
            last_seen: (row.last_seen > 0).then_some(UnixSeconds(row.last_seen)),
            floor: lives.all.last().map_or(UnixSeconds(0), |life| life.floor),
            operators: lives.operators(),
            worst: credits(|one| one.worst, |one| one.worst),
            utmost: credits(|one| one.utmost, |one| one.utmost),
            face: credits(face, |_| 0),
            debits: credits(debit, |one| one.out),
            meters: meters(&tokens, &swaps, &yard.lines),
            tokens,
            swaps,
        })
    }
}

/// Whose program is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rules {
    /// The handheld's own; `alone` when the office answers it no more.
    Kept {
        /// Whether it is stopped.
        alone: bool,
    },
    /// Any other.
    None,
}

impl LostToken {
    fn found(&mut self, rules: Rules, (why, value): (LostWhy, i64)) {
        match rules {
            Rules::Kept { .. } => (self.why, self.worst) = (why, value),
            Rules::None => self.utmost = value,
        }
    }
}

impl LostSwap {
    fn found(&mut self, rules: Rules, (why, value): (LostWhy, i64)) {
        match rules {
            Rules::Kept { .. } => (self.why, self.worst) = (why, value),
            Rules::None => self.utmost = value,
        }
    }
}

/// The lives of its journal.
struct Lives {
    all: Vec<Holder>,
    /// Since when each one writes.
    since: Vec<(u32, i64)>,
}

impl Lives {
    async fn read(office: &Office, conn: &mut Conn, row: &DeviceRow) -> Result<Self, OfficeError> {
        let all = holders(office, conn, row).await?;
        let sql = "SELECT epoch, since FROM device_key WHERE device = $1 ORDER BY epoch";
        let rows = query(sql).bind(row.device.as_str()).fetch_all(conn).await?;
        let since =
            rows.iter().map(|row| Ok((ledger::small(row, "epoch")?, row.try_get("since")?)));
        Ok(Self { all, since: since.collect::<Result<_, OfficeError>>()? })
    }

    /// Those that may hold what was issued then: the one at work, and all after it.
    fn since(&self, issued: i64) -> impl Iterator<Item = &Holder> {
        let begun = self.since.iter().rev().find(|(_, since)| *since <= issued);
        let first = begun.map_or(0, |(epoch, _)| *epoch);
        self.all.iter().filter(move |life| life.epoch >= first)
    }

    fn operators(&self) -> Vec<LostOperator> {
        let mut all: Vec<LostOperator> = Vec::new();
        for one in self.all.iter().flat_map(Holder::operators) {
            match all.iter_mut().find(|known| known.operator == one.operator) {
                Some(known) => known.expires = known.expires.max(one.expires),
                None => all.push(one.clone()),
            }
        }
        all
    }

    /// The most that some life of it would move with a leave, by its own rules; or why nothing.
    fn most(
        &self,
        (ids, issued, expires): (&[TokenId], i64, UnixSeconds),
        reach: impl Fn(&Holder) -> Option<i64>,
    ) -> Result<i64, LostWhy> {
        let mut found: Result<i64, LostWhy> = Err(LostWhy::Expired);
        for life in self.since(issued) {
            let one = if expires <= life.floor {
                Err(LostWhy::Expired)
            } else if ids.iter().any(|id| life.knows_revoked(*id)) {
                Err(LostWhy::KnownRevoked)
            } else {
                reach(life).ok_or(LostWhy::NoRight)
            };
            found = match (found, one) {
                (Ok(most), Ok(more)) => Ok(most.max(more)),
                (Ok(most), Err(_)) => Ok(most),
                (Err(_), one) => one,
            };
        }
        found
    }

    /// Whether some life of it would do this, by its own rules.
    fn allow(&self, what: &What<'_>) -> LostWhy {
        let mut why = LostWhy::Expired;
        for life in self.since(what.issued) {
            why = if what.expires <= life.floor {
                LostWhy::Expired
            } else if what.ids.iter().any(|id| life.knows_revoked(*id)) {
                LostWhy::KnownRevoked
            } else if !life.within(what.credit) {
                LostWhy::OverLimit
            } else if !life.may(what.act, what.meter, what.areas, what.credit) {
                LostWhy::NoRight
            } else {
                return LostWhy::Live;
            };
        }
        why
    }
}

/// What a handheld would be asked to do.
struct What<'a> {
    ids: &'a [TokenId],
    act: Act,
    meter: MeterNo,
    areas: &'a [&'a str],
    credit: Credit,
    issued: i64,
    expires: UnixSeconds,
}

/// Where a chance comes from.
#[derive(Clone, Copy)]
enum At {
    Token(usize),
    Swap(usize),
}

/// Sums by unit; a unit of which there is nothing is left out.
fn sums(credits: impl Iterator<Item = Credit>) -> Vec<Credit> {
    let mut sums: Vec<Credit> = Vec::new();
    for credit in credits.filter(|credit| credit.value != 0) {
        match sums.iter_mut().find(|sum| sum.unit == credit.unit) {
            Some(sum) => sum.value = sum.value.saturating_add(credit.value),
            None => sums.push(credit),
        }
    }
    sums.sort_by_key(|sum| sum.unit == CreditUnit::Kwh);
    sums
}
