//! Rounds the office made: those taken in, what each stands at, and the list one is begun with.
//!
//! A round is begun once. One that was withdrawn, or whose time is over, is not begun any more;
//! what was begun before goes on.

use super::keep::Kept;
use super::list::{Expected, Wanted};
use crate::jobs::errand::{Row, Sign, Values};
use crate::jobs::failure::{self, fail};
use crate::jobs::trust;
use crate::jobs::views::Failure;
use crate::report::Code;
use crate::store::{RoundRow, Step, StepRow, Store};
use crate::sync::rounds::verified;
use crate::sync::wire;
use crate::units::{Energy, ErrandKind, MeterNo, PurchaseCount, StepState, UnixSeconds, WorkId};

/// The field that names one: its name, or the end of its identity; in the journal the whole
/// identity.
pub const OFFICE: &str = "round-office";
/// Fields of other lists: the office's is read as it was made.
const LISTS: &[&str] =
    &["meters", "round-file", "round-all", "round-area", "round-box", "round-line"];

/// How a round of the office stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// It can be begun.
    Waits,
    /// It was begun, and goes on.
    Begun(WorkId),
    /// It has ended.
    Ended(WorkId),
    /// The office withdrew it before it was begun.
    Withdrawn,
    /// Its time is over.
    Over,
}

impl Stands {
    /// Stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waits => "round-given",
            Self::Begun(_) => "begun",
            Self::Ended(_) => "done",
            Self::Withdrawn => "round-withdrawn",
            Self::Over => "round-over",
        }
    }

    /// The errand it was begun as.
    pub fn work(self) -> Option<WorkId> {
        match self {
            Self::Begun(work) | Self::Ended(work) => Some(work),
            _ => None,
        }
    }
}

/// The rounds of the office with how each stands, the one due first in front.
pub fn all(store: &Store, now: UnixSeconds) -> Vec<(RoundRow, Stands)> {
    let errands = store.errands();
    let mut rows: Vec<_> = store
        .rounds()
        .into_iter()
        .map(|row| {
            let stands = stands(store, &errands, &row, now);
            (row, stands)
        })
        .collect();
    rows.sort_by_key(|(row, _)| (row.taken.due.is_none(), row.taken.due, row.seq));
    rows
}

/// One whose list is not whole never began: the power failed while it was written down.
fn stands(store: &Store, errands: &[StepRow], row: &RoundRow, now: UnixSeconds) -> Stands {
    let id = row.taken.id.to_string();
    let of = |errand: &&StepRow| {
        let step = &errand.step;
        let own = |(key, value): &(String, String)| key == OFFICE && *value == id;
        step.kind == ErrandKind::Round
            && step.name == Step::WHOLE
            && step.notes.iter().any(own)
            && Kept::of(store, step.errand).whole
    };
    match errands.iter().find(of).map(|errand| (errand.step.errand, errand.step.state)) {
        Some((work, StepState::Begun)) => Stands::Begun(work),
        Some((work, _)) => Stands::Ended(work),
        None if row.revoked => Stands::Withdrawn,
        None if now >= row.taken.expires => Stands::Over,
        None => Stands::Waits,
    }
}

/// Lets go of the signed lists nothing can be begun with any more: the journal has the list of a
/// round that was begun, and a withdrawn one, or one whose time is over by the office's own word,
/// never is. A clock that is wrong here takes nothing away.
pub fn let_go(store: &Store) {
    let now = store.clock().anchor.map_or(UnixSeconds(0), |(office, _)| office);
    let done = all(store, now).into_iter().filter(|(_, stands)| *stands != Stands::Waits);
    let done: Vec<RoundRow> = done.map(|(row, _)| row).collect();
    if !done.is_empty() {
        store.drop_rounds(&done);
    }
}

/// The one that is meant, by its name or the end of its identity.
fn find(rows: Vec<(RoundRow, Stands)>, text: &str) -> Result<(RoundRow, Stands), Failure> {
    let named = |row: &RoundRow| {
        row.taken.name == text || text.len() >= 4 && row.taken.id.to_string().ends_with(text)
    };
    let mut fits: Vec<_> = rows.into_iter().filter(|(row, _)| named(row)).collect();
    // The same name every month: the one that can be begun is meant.
    if fits.len() > 1 {
        fits.retain(|(_, stands)| *stands == Stands::Waits);
    }
    match (fits.pop(), fits.is_empty()) {
        (Some(found), true) => Ok(found),
        _ => Err(fail(Code::RoundUnknown, text)),
    }
}

/// A list that can be begun now.
pub struct Ready {
    /// What was signed.
    pub round: wire::Round,
    /// Its meters, as any list has them.
    pub meters: Vec<(MeterNo, Wanted)>,
}

/// The list of the office a form asks for; `None` where it asks for none. Verified again.
///
/// # Errors
/// [`Code::RoundUnknown`], [`Code::RoundBegun`], [`Code::RoundOver`], [`Code::RoundBad`];
/// [`Code::FieldOdd`] where another list, or another kind of reading, is asked for besides.
pub fn ready(store: &Store, values: &Values, now: UnixSeconds) -> Result<Option<Ready>, Failure> {
    let Some(text) = values.get(OFFICE) else { return Ok(None) };
    let other = LISTS.iter().find(|key| values.get(key).is_some());
    if let Some(key) = other {
        return Err(fail(Code::FieldOdd, format!("{OFFICE}, {key}")));
    }
    if values.get("round-what").is_some_and(|what| what != "round-card") {
        return Err(fail(Code::FieldOdd, format!("{OFFICE}, round-what")));
    }
    let (row, stands) = find(all(store, now), text)?;
    let name = &row.taken.name;
    match stands {
        Stands::Waits => {}
        Stands::Begun(work) | Stands::Ended(work) => {
            return Err(fail(Code::RoundBegun, format!("{name}: {}", work.short())));
        }
        Stands::Withdrawn | Stands::Over => return Err(fail(Code::RoundOver, name)),
    }
    let trust = trust::read(store);
    if trust.revoked(store, row.taken.id) {
        return Err(fail(Code::RoundOver, name));
    }
    let lost = || fail(Code::RoundBad, format!("{name}: -"));
    let document = store.round_document(&row.taken.digest).ok_or_else(lost)?;
    let round = verified(store, &trust.keys, &document, now);
    let round = round.map_err(|fault| failure::round(&fault))?;
    if round.id != row.taken.id {
        return Err(lost());
    }
    let meters = round.lines.iter().map(|line| (line.meter, wanted(line))).collect();
    Ok(Some(Ready { round, meters }))
}

fn wanted(line: &wire::RoundLine) -> Wanted {
    Wanted {
        customer: line.customer.clone(),
        location: line.location.clone(),
        line: line.line.clone(),
        expected: Expected {
            energy: line.energy.map(Energy),
            energy_at: line.energy_at,
            count: line.count.map(PurchaseCount),
            ct: line.ct,
            max_w: line.max_w,
        },
    }
}

/// What a round is called: the office's by its name, another by the end of its identity.
pub fn name(store: &Store, values: &Values, work: WorkId) -> String {
    let id = values.get(OFFICE).and_then(|text| text.parse().ok());
    let row = id.and_then(|id| store.round(id));
    row.map_or_else(|| work.short(), |row| row.taken.name)
}

/// What a sheet says of the office's round an errand was begun with, for one that was withdrawn
/// since.
pub fn row(store: &Store, values: &Values) -> Option<Row> {
    let id = values.get(OFFICE)?.parse().ok()?;
    let row = store.round(id)?;
    Some(match row.revoked {
        true => Row::new(Sign::Warn, "round-withdrawn-since", row.taken.name),
        false => Row::info(OFFICE, row.taken.name),
    })
}
