//! The lost-handheld sheet: the most that whoever has it could still credit, which meters to visit,
//! and until when each is in danger.
//!
//! The figure is of the handheld as it is, with its PINs, its own program, any time on its clock
//! that it can be put back to, and any number of copies of its store. A copy has its limits whole
//! again, so limits bound a single act and never the sum; what bounds the sum is the meters, which
//! take one credit a step (`reach`). It holds:
//!
//! - every credit that is out with it and not proved to be in its meter, or that was taken back and
//!   of which its journal does not show that it knows;
//! - what it may have done and we have not heard of, which is the same documents;
//! - of a leave for a swap what may be advanced for a dead meter; the rest only moves what an old
//!   meter held.
//!
//! Not in it: what a meter accepts without any document of ours from whoever has its password and
//! another program (`docs/threat-model.md`, class C), and what can only be taken out of meters.

mod fence;
mod holder;
mod reach;
mod yard;

pub use fence::{Fenced, Fencing};
pub use holder::LostOperator;

use super::Office;
use super::db::{Row, query};
use super::error::OfficeError;
use super::ledger::{self, Conn, DeviceRow};
use super::model::{TokenRow, TokenState, parse_unit};
use crate::units::{
    AccountNo, Act, BusPlace, Credit, CreditUnit, DeviceId, MeterNo, PurchaseCount, TokenId,
    UnixSeconds,
};
use holder::{Holder, holders};
use reach::{Chance, reach};
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
    /// Its part of the loss, hundredths.
    pub worst: i64,
    /// Why.
    pub why: LostWhy,
    /// Whether a frame with it was sent, or may have been.
    pub sent: bool,
    /// What takes its step instead, and with which handheld.
    pub replaced_by: Option<(TokenId, DeviceId, TokenState)>,
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
    /// The most it carries over, hundredths: no loss.
    pub most: i64,
    /// Its part of the loss, hundredths.
    pub worst: i64,
    /// End of its life by an honest clock.
    pub expires: UnixSeconds,
    /// Why.
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
    /// What can be credited there, hundredths.
    pub worst: i64,
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
    /// The most that can be credited, one figure a unit.
    pub worst: Vec<Credit>,
    /// All that is out with it, whatever rights, limits and meters say.
    pub face: Vec<Credit>,
    /// What can be taken out of meters with it.
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
        let (mut tokens, swaps) = read(conn, row, &lives).await?;
        let mut yard = Yard::read(conn, &tokens, &swaps, &row.device).await?;
        let chances = yard.chances(&lives, &tokens, &swaps);
        for (meter, list) in &chances {
            let steps = yard.steps.remove(meter).unwrap_or_default();
            let values: Vec<Chance> = list.iter().map(|(_, chance)| *chance).collect();
            for ((at, _), (why, worst)) in list.iter().zip(reach(&steps, &values)) {
                match at {
                    At::Token(at) => (tokens[*at].why, tokens[*at].worst) = (why, worst),
                    At::Swap(at) => yard.swapped[*at] = (why, worst),
                }
            }
        }
        let swaps: Vec<LostSwap> = swaps
            .into_iter()
            .zip(yard.swapped.iter())
            .map(|(row, (why, worst))| LostSwap { why: *why, worst: *worst, ..row.shown })
            .collect();
        Ok(LostSheet {
            device: row.device.clone(),
            status: row.status.clone(),
            last_seen: (row.last_seen > 0).then_some(UnixSeconds(row.last_seen)),
            floor: lives.all.last().map_or(UnixSeconds(0), |life| life.floor),
            operators: lives.operators(),
            worst: sums(
                tokens
                    .iter()
                    .map(|one| one.credit.with(one.worst))
                    .chain(swaps.iter().map(|one| Credit { value: one.worst, unit: one.unit })),
            ),
            face: sums(
                tokens.iter().filter(|one| one.state.is_out()).map(|one| {
                    one.credit.with(if one.act.is_debit() { 0 } else { one.credit.value })
                }),
            ),
            debits: sums(tokens.iter().filter(|one| one.why == LostWhy::Debit).map(|t| t.credit)),
            meters: meters(&tokens, &swaps, &yard.lines),
            tokens,
            swaps,
        })
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

/// A leave as it was read.
struct SwapRead {
    shown: LostSwap,
    account: AccountNo,
    count: PurchaseCount,
    issued: i64,
    provisional: i64,
    begun: bool,
}

/// Where a chance comes from.
#[derive(Clone, Copy)]
enum At {
    Token(usize),
    Swap(usize),
}

/// Reads what is out with the handheld, and what was taken back without its knowing.
async fn read(
    conn: &mut Conn,
    row: &DeviceRow,
    lives: &Lives,
) -> Result<(Vec<LostToken>, Vec<SwapRead>), OfficeError> {
    let device = row.device.as_str();
    let floor = lives.all.iter().map(|life| life.floor.0).min().unwrap_or(0);
    let sql = "SELECT t.*, n.device AS next_device, n.state AS next_state FROM token t
               LEFT JOIN token n ON n.id = t.superseded_by
               WHERE t.device = $1 AND t.swap IS NULL
               AND (t.state IN ('reserved', 'delivered', 'suspect', 'disputed')
                    OR t.state = 'voided' AND t.told = 0 AND t.expires > $2)
               ORDER BY t.meter, t.count_before, t.id";
    let rows = query(sql).bind(device).bind(floor).fetch_all(&mut *conn).await?;
    let mut tokens = Vec::with_capacity(rows.len());
    for row in &rows {
        tokens.push(lost_token(row, ledger::token_row(row)?)?);
    }
    let sql = "SELECT * FROM swap WHERE device = $1 AND expires > $2
               AND (state IN ('reserved', 'delivered', 'begun') OR state = 'voided' AND told = 0)
               ORDER BY id";
    let rows = query(sql).bind(device).bind(floor).fetch_all(conn).await?;
    let swaps = rows.iter().map(|row| {
        let unit = parse_unit(&row.try_get::<String, _>("unit")?);
        let state: String = row.try_get("state")?;
        Ok(SwapRead {
            shown: LostSwap {
                swap: ledger::parsed(row, "id")?,
                old: ledger::parsed(row, "old_meter")?,
                new: ledger::parsed(row, "meter")?,
                unit: unit.ok_or(OfficeError::Stored("unit"))?,
                most: row.try_get("most")?,
                worst: 0,
                expires: UnixSeconds(row.try_get("expires")?),
                why: if state == "voided" { LostWhy::Replaced } else { LostWhy::Live },
            },
            account: ledger::parsed(row, "account")?,
            count: PurchaseCount(ledger::small(row, "count_before")?),
            issued: row.try_get("issued")?,
            provisional: row.try_get("provisional")?,
            begun: state == "begun",
        })
    });
    Ok((tokens, swaps.collect::<Result<_, OfficeError>>()?))
}

/// A row of a token beside what takes its step instead.
fn lost_token(row: &Row, token: TokenRow) -> Result<LostToken, OfficeError> {
    let next = row.try_get::<Option<String>, _>("superseded_by")?;
    let replaced_by = match (next, row.try_get::<Option<String>, _>("next_state")?) {
        (Some(id), Some(state)) => Some((
            id.parse().map_err(|_| OfficeError::Stored("superseded_by"))?,
            ledger::parsed(row, "next_device")?,
            TokenState::parse(&state).ok_or(OfficeError::Stored("state"))?,
        )),
        _ => None,
    };
    Ok(LostToken {
        token: token.id,
        act: token.act,
        meter: token.meter,
        account: token.account,
        count_before: token.count_before,
        credit: token.credit,
        issued: UnixSeconds(row.try_get("issued")?),
        expires: token.expires,
        worst: 0,
        why: LostWhy::Nothing,
        sent: token.intent_seen,
        state: token.state,
        replaced_by,
    })
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
