//! Swap: an old meter out, a new one in, and its balance carried over.
//!
//! The old meter is read and proved, its balance taken out, and only what was seen to be taken out
//! is credited to the new one. Debit before credit: broken off anywhere, the money is at worst in
//! transit, in the journal, and never there twice. What the office left open, its leave (`sw`)
//! limits; the amount is fixed by the journal, which also enforces the order (`store/swap.rs`).
//!
//! A dead meter cannot be debited. Then the last proved balance counts, less what can have been
//! used since, and the office's provisional limit; the rest is the office's variance. The same way
//! goes a meter whose kind has no debit that anybody documented: it is sealed with what it holds.

mod act;
pub mod amounts;
pub mod back;
pub mod certificate;
pub mod state;
pub mod words;

use super::errand::{Answer, Ask, Errand, Field, FieldKind, Row, Sheet, Sign, Site, Values};
use super::failure::{self, fail};
use super::meter_log::{self, Log};
use super::views::Failure;
use super::{check, fallen, gate, read_back};
use crate::report::Code;
use crate::store::{Store, SwapRow};
use crate::units::swap_step::{AMOUNT, LEAVE};
use crate::units::{Act, ErrandKind, Mark, MeterNo, Money, StepState, Verb, WorkId};
use state::{Next, State, step};
use words::{choices, note};

/// Field: the meter that goes.
pub const OLD: &str = "old";
/// Field: the meter that comes.
pub const NEW: &str = "new";

/// How many of a meter's entries are searched for what it showed before.
const HISTORY: usize = 500;

/// The errand.
pub struct Swap;

const FIELDS: &[Field] = &[
    Field { key: OLD, kind: FieldKind::Meter, required: true },
    Field { key: NEW, kind: FieldKind::Meter, required: false },
];

impl Errand for Swap {
    fn kind(&self) -> ErrandKind {
        ErrandKind::Swap
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn plan(&self, site: &Site<'_>, values: &Values) -> Result<Sheet, Failure> {
        let swap = leave(site, values)?;
        let facts = swap.facts;
        may(site, facts.old)?;
        let mut sheet = Sheet::new(ErrandKind::Swap, None);
        sheet.rows = words::head(site.desk.store, &facts);
        credited_here(site, &facts, &mut sheet)?;
        let mut log = Log::default();
        let read = site.on(facts.old, |line, stop| {
            let seen = act::prove(site.desk, line, stop)?.evidence;
            let debited = check::serves(line.profile, Act::CarryOut, 0);
            // Shown, and written down when the swap reads it: a plan is no visit to compare with.
            log = meter_log::read(line, stop)?;
            Ok((amounts::take(&facts, &seen, read_back::limits(line.profile), 1), seen, debited))
        });
        let alive = read.is_ok();
        match read {
            // No document says how this kind is debited: it keeps what it holds.
            Ok((_, seen, Err(failure))) => {
                let net = seen.balance.value.saturating_sub(seen.overdraft);
                let value = words::money(net, facts.unit);
                sheet.rows.push(Row::new(Sign::Good, step::OLD, value).at(facts.old));
                let row = Row::new(Sign::Warn, "carry-out", "").at(facts.old);
                sheet.rows.push(row.because(failure));
                let value = words::money(net, facts.unit);
                sheet.rows.push(Row::new(Sign::Warn, "stays-in-old", value).at(facts.old));
                sheet.rows.extend(words::claim_rows(&claim(site, &facts)?, facts.unit));
            }
            Ok((take, seen, Ok(()))) => {
                let net = seen.balance.value.saturating_sub(seen.overdraft);
                let value = words::money(net, facts.unit);
                sheet.rows.push(Row::new(Sign::Good, step::OLD, value).at(facts.old));
                let value = words::money(take.amount, facts.unit);
                sheet.rows.push(Row::new(Sign::Todo, "carry-out", value).at(facts.old));
                sheet.rows.push(Row::info("carry-why", take.why));
                if take.stays > 0 {
                    let value = words::money(take.stays, facts.unit);
                    sheet.rows.push(Row::new(Sign::Warn, "stays-in-old", value).at(facts.old));
                }
            }
            Err(failure) if failure.code == Code::Cancelled => return Err(failure),
            Err(failure) => {
                let row = Row::new(Sign::Warn, step::OLD, "").at(facts.old).because(failure);
                sheet.rows.push(row);
                sheet.rows.extend(words::claim_rows(&claim(site, &facts)?, facts.unit));
            }
        }
        if alive {
            let before = site.desk.store.events_for(facts.old, true, HISTORY);
            sheet.rows.extend(meter_log::rows(&log.notes(&before, u64::MAX), facts.old));
        }
        Ok(sheet)
    }

    fn begin(&self, site: &Site<'_>, values: &Values) -> Result<WorkId, Failure> {
        let facts = leave(site, values)?.facts;
        may(site, facts.old)?;
        credited_here(site, &facts, &mut Sheet::new(ErrandKind::Swap, None))?;
        for row in site.desk.store.errands() {
            let open = row.step.kind == ErrandKind::Swap && row.step.state == StepState::Begun;
            let other = Values::of_notes(&row.step.notes);
            let meters = [other.get(OLD), other.get(NEW)];
            let ours = [facts.old.to_string(), facts.meter.to_string()];
            if open && ours.iter().any(|no| meters.contains(&Some(no))) {
                return Err(fail(Code::WorkOpen, row.step.errand.to_string()));
            }
        }
        let wanted = Values::default()
            .with(OLD, facts.old.to_string())
            .with(NEW, facts.meter.to_string())
            .with(LEAVE, facts.id.to_string());
        site.begin(ErrandKind::Swap, &wanted)
    }

    fn advance(
        &self,
        site: &Site<'_>,
        work: WorkId,
        answer: &Answer,
        tell: &mut dyn FnMut(&Sheet),
    ) -> Result<Sheet, Failure> {
        let mut answer = Some(answer).filter(|answer| **answer != Answer::None);
        let mut did = None;
        loop {
            let state = State::read(site.desk.store, work)?;
            let next = state.next();
            tell(&words::sheet(site.desk.store, &state));
            let mut trouble = None;
            match answered(site, &state, next, answer.take()) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(failure) => trouble = Some(failure),
            }
            let acts = choices(next, &state) == Ask::Nothing
                || matches!(choices(next, &state), Ask::Choice(..)) && next != Next::AskDisputed;
            if next == Next::End {
                return Ok(words::sheet(site.desk.store, &state));
            }
            if acts && trouble.is_none() && did != Some(next) {
                did = Some(next);
                match perform(site, &state, next) {
                    Ok(()) => continue,
                    Err(failure) => trouble = Some(failure),
                }
            }
            return paused(site, work, next, trouble);
        }
    }

    fn sheet(&self, store: &Store, work: WorkId) -> Result<Sheet, Failure> {
        State::read(store, work).map(|state| words::sheet(store, &state))
    }
}

/// Where a person must decide: what stood in the way, and the choices.
fn paused(
    site: &Site<'_>,
    work: WorkId,
    next: Next,
    trouble: Option<Failure>,
) -> Result<Sheet, Failure> {
    // What was tried may have changed what is next: a debit that is sent is asked about, not made.
    let state = State::read(site.desk.store, work)?;
    let now = state.next();
    let mut sheet = words::sheet(site.desk.store, &state);
    sheet.ask = choices(now, &state);
    if sheet.ask == Ask::Nothing {
        // Only the journal can have failed.
        return Err(trouble.unwrap_or_else(|| fail(Code::Internal, format!("{next:?}"))));
    }
    if let Some(out) = state.out.as_ref().filter(|_| now == Next::AskDisputed) {
        let notes = fallen::notes(site, state.old(), out.facts.id);
        sheet.rows.extend(fallen::rows(&notes, state.old()));
    }
    if let Some(failure) = trouble {
        if matches!(failure.code, Code::StoreFailed | Code::JournalDamaged | Code::DiskFull) {
            return Err(failure);
        }
        sheet.exit = Some(failure.code);
        sheet.rows.push(Row::new(Sign::Bad, "swap-trouble", "").because(failure));
    }
    Ok(sheet)
}

/// Takes in what a person said to what is next; whether something was written down.
fn answered(
    site: &Site<'_>,
    state: &State,
    next: Next,
    answer: Option<&Answer>,
) -> Result<bool, Failure> {
    let Some(answer) = answer else { return Ok(false) };
    let text = answer.text().unwrap_or_default();
    let put = |meter: MeterNo, name: &str, how: StepState, notes: words::Notes| {
        site.step((state.work, ErrandKind::Swap), Some(meter), name, how, notes).map(|()| true)
    };
    match (next, text) {
        (Next::AskOldDigits, typed) => {
            check::digits(typed, state.old())?;
            put(state.old(), step::OLD_CONFIRMED, StepState::Done, Vec::new())
        }
        (Next::AskNewDigits, typed) => {
            check::digits(typed, state.replacement())?;
            put(state.replacement(), step::NEW_CONFIRMED, StepState::Done, Vec::new())
        }
        (Next::AskChange, "" | "yes") => {
            put(state.replacement(), step::CHANGED, StepState::Done, Vec::new())
        }
        (Next::AskClaim, typed) => {
            let suggested = state.figure(step::GIVEN_UP, "suggested").unwrap_or(0);
            let most = state.swap.facts.provisional;
            let amount = match typed {
                "" | "yes" => Some(suggested),
                typed => Money::parse(typed).map(|money| money.0),
            };
            let amount = amount.filter(|amount| (0..=most).contains(amount));
            let amount = amount.ok_or_else(|| fail(Code::LimitYuan, Money(most).to_string()))?;
            let notes = vec![note("amount", amount)];
            put(state.old(), step::CLAIM, StepState::Done, notes)
        }
        (Next::ReadOld | Next::ResolveOut, "dead") => give_up(site, state, "dead"),
        (Next::TakeOut, "sealed") => give_up(site, state, "sealed"),
        (Next::AskDisputed, "office") => give_up(site, state, "disputed"),
        (Next::ReadOld | Next::TakeOut, "stop") if !state.money_moved() => stop(site, state),
        (Next::CloseOld, "unread") => act::close_old(site, state, false).map(|()| true),
        (Next::ReadNew | Next::OpenNew | Next::Credit | Next::ResolveNew, "office") => put(
            state.replacement(),
            step::LEFT,
            StepState::Skipped,
            vec![note("why", "decided-by-hand")],
        ),
        // "Again", or something that answers nothing here.
        _ => Ok(false),
    }
}

/// Does what is next.
fn perform(site: &Site<'_>, state: &State, next: Next) -> Result<(), Failure> {
    let put = |meter: MeterNo, name: &str, how: StepState, notes: words::Notes| {
        site.step((state.work, ErrandKind::Swap), Some(meter), name, how, notes)
    };
    match next {
        Next::ReadOld => act::read_old(site, state),
        Next::TakeOut => act::take_out(site, state),
        Next::ResolveOut => act::resolve(site, &site.stop(state.old())?),
        Next::CloseOld => {
            let mode = state.note(step::GIVEN_UP, "mode");
            act::close_old(site, state, !matches!(mode, Some("dead")))
        }
        Next::ReadNew => act::read_new(site, state),
        Next::OpenNew => act::open_new(site, state),
        Next::Credit => act::credit(site, state),
        Next::ResolveNew => act::resolve(site, &act::stop_of_new(site, &state.swap.facts)?),
        Next::Leave(why) => {
            put(state.replacement(), step::LEFT, StepState::Skipped, vec![note("why", why)])
        }
        Next::Arrears => {
            let (along, stays) = state.arrears();
            let account = state.swap.facts.account;
            let notes = vec![note(AMOUNT, along), note("stays", stays), note("account", account)];
            put(state.replacement(), step::ARREARS, StepState::Done, notes)
        }
        Next::Bind => put(state.replacement(), step::BOUND, StepState::Done, bound(site, state)),
        Next::Certify => {
            let last = act::read_last(site, state)?;
            let notes = certificate::notes(site, state, last.as_ref());
            put(state.replacement(), step::CERTIFICATE, StepState::Done, notes)
        }
        Next::Finish => finish(site, state, StepState::Done),
        Next::AskClaim
        | Next::AskOldDigits
        | Next::AskDisputed
        | Next::AskChange
        | Next::AskNewDigits
        | Next::End => Ok(()),
    }
}

/// The balance cannot be taken out: what is known of it is written down, so that the office and the
/// customer see what the claim rests on.
fn give_up(site: &Site<'_>, state: &State, mode: &str) -> Result<bool, Failure> {
    if mode != "dead"
        && let Err(failure) = act::read_again(site, state)
        && failure.code == Code::Cancelled
    {
        // Anything else only means that an older reading has to do.
        return Err(failure);
    }
    let mut notes = words::claim_notes(&claim(site, &state.swap.facts)?);
    notes.push(note("mode", mode));
    if let Some(out) = state.out.as_ref().filter(|_| mode == "disputed") {
        notes.extend(fallen::notes(site, state.old(), out.facts.id));
    }
    let whole = (state.work, ErrandKind::Swap);
    site.step(whole, Some(state.old()), step::GIVEN_UP, StepState::Done, notes.clone())?;
    if state.swap.facts.provisional == 0 {
        let nothing = vec![note("amount", 0)];
        site.step(whole, Some(state.old()), step::CLAIM, StepState::Done, nothing)?;
    }
    Ok(true)
}

/// Nothing was sent, so nothing has to be put right.
fn stop(site: &Site<'_>, state: &State) -> Result<bool, Failure> {
    finish(site, state, StepState::Skipped).map(|()| true)
}

/// What was wanted stays in the entry that ends it.
fn finish(site: &Site<'_>, state: &State, how: StepState) -> Result<(), Failure> {
    let mut notes = state.whole.step.notes.clone();
    notes.extend([note("in-transit", state.in_transit()), note("credited", state.credited())]);
    site.step((state.work, ErrandKind::Swap), None, crate::store::Step::WHOLE, how, notes)
}

/// Customer and place of the old meter, for the new one.
fn bound(site: &Site<'_>, state: &State) -> words::Notes {
    let mut notes = vec![note("old", state.old()), note("account", state.swap.facts.account)];
    if let Some(row) = site.desk.store.meter(state.old()) {
        let place = row.place;
        notes.extend([
            note("customer", row.customer),
            note("location", row.location),
            note("area", row.area),
            note("line", place.line),
            note("box", place.terminal),
            note("user", place.user),
            note("address", place.address),
        ]);
    }
    notes
}

/// What may be credited for a balance that cannot be taken out, by the journal.
fn claim(site: &Site<'_>, facts: &crate::store::SwapFacts) -> Result<amounts::Claim, Failure> {
    let entries = site.desk.store.events_for(facts.old, true, HISTORY);
    let seen: Vec<_> = entries
        .iter()
        .filter_map(|entry| entry.event.evidence().cloned())
        .filter(|seen| seen.meter == facts.old && seen.account == Some(facts.old_account))
        .collect();
    let profile = site.stop(facts.old)?.profile;
    Ok(amounts::claim(facts, &seen, read_back::limits(&profile), site.moment().at))
}

/// Nothing is begun, and nothing taken out, where the new meter's kind cannot be credited here.
/// That its account cannot be opened here is said: the office may have opened it.
fn credited_here(
    site: &Site<'_>,
    facts: &crate::store::SwapFacts,
    sheet: &mut Sheet,
) -> Result<(), Failure> {
    let stop = act::stop_of_new(site, facts)?;
    check::serves(&stop.profile, Act::CarryIn, 0)?;
    if let Err(failure) = check::serves(&stop.profile, Act::Open, 0) {
        sheet.rows.push(Row::new(Sign::Warn, "opening", "").at(facts.meter).because(failure));
    }
    Ok(())
}

/// May this person swap here?
fn may(site: &Site<'_>, old: MeterNo) -> Result<(), Failure> {
    let marks = site.desk.store.marks_of(old);
    if marks.iter().any(|row| row.mark == Mark::SwappedOut) {
        return Err(fail(Code::SwappedOut, old.to_string()));
    }
    site.desk.store.money_allowed().map_err(|why| failure::why(&why))?;
    gate::change(site.desk, Verb::Swap, old, site.moment(), true)
}

/// The office's leave for this swap: the one that fits and still serves.
fn leave(site: &Site<'_>, values: &Values) -> Result<SwapRow, Failure> {
    let old = values.meter(OLD)?;
    let new = values.get(NEW).map(|_| values.meter(NEW)).transpose()?;
    let now = site.moment().at;
    let serves = |row: &SwapRow| {
        let over = row.withdrawn || row.credited.is_some() || now >= row.facts.expires;
        row.facts.old == old && new.is_none_or(|new| row.facts.meter == new) && !over
    };
    let mut fits = site.desk.store.swaps();
    fits.retain(serves);
    match (fits.pop(), fits.is_empty()) {
        (Some(row), true) => Ok(row),
        _ => Err(fail(Code::SwapUnknown, old.to_string())),
    }
}
