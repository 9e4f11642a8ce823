//! What a swap does at its two meters, one act a function. Each may be broken off anywhere: what
//! counts is in the journal.

use super::state::{State, step};
use super::words::{Notes, figures, note};
use super::{HISTORY, amounts};
use crate::jobs::address::BusAddress;
use crate::jobs::errand::{self, Site};
use crate::jobs::evidence::written::{Written, written};
use crate::jobs::evidence::{self, How, Seen};
use crate::jobs::failure::{self, fail};
use crate::jobs::lines::Stop;
use crate::jobs::meter_log::{self, Log};
use crate::jobs::recharge::{self, Checked};
use crate::jobs::views::Failure;
use crate::jobs::{Desk, Line, check, read, read_back};
use crate::protocol::dlt645::dialogue::Access;
use crate::report::Code;
use crate::store::{Event, Reading, SwapFacts, SwapFixed};
use crate::units::{
    Act, BusPlace, ErrandKind, Evidence, Mark, MeterNo, StepState, SwapLeg, TokenId,
};
use sha2::{Digest, Sha256};

/// How many attempts that a lost journal may have made are looked for.
const LOST_ATTEMPTS: u32 = 8;
/// How often an amount is fixed anew in one visit because the load went on meanwhile.
const TRIES: u32 = 4;

/// Where the new meter hangs: where the list has it, else in the old one's place, as its kind.
pub fn stop_of_new(site: &Site<'_>, facts: &SwapFacts) -> Result<Stop, Failure> {
    let old = site.stop(facts.old)?;
    let listed = site.desk.store.meter(facts.meter).filter(|row| row.listed);
    let profile = match &listed {
        Some(row) if !row.profile.is_empty() => site.stop(facts.meter)?.profile,
        _ => old.profile,
    };
    let place = listed.map(|row| row.place).filter(|place| *place != BusPlace::default());
    Ok(Stop { meter: facts.meter, profile, place: place.unwrap_or(old.place) })
}

/// Reads the money side of a meter and writes it down.
pub fn prove(desk: &Desk<'_>, line: &mut Line<'_>, stop: &Stop) -> Result<Seen, Failure> {
    let address = BusAddress::of(line.profile, &stop.place, stop.meter)?;
    let seen = evidence::take(line, stop.meter, &address, How::default())?;
    desk.session.heard(line, stop.meter, seen.evidence.meter_clock);
    let dlt645 = line.profile.dlt645_money().is_some();
    let reading = Reading {
        meter: stop.meter,
        items: seen.items.clone(),
        profile: if dlt645 { String::new() } else { line.profile.id.clone() },
        values: Vec::new(),
        evidence: Some(seen.evidence.clone()),
        shown: None,
        read_at: seen.evidence.read_at,
        took_ms: seen.took_ms,
        frames_digest: seen.evidence.frames_digest,
    };
    append(desk, line, Event::Reading(reading))?;
    Ok(seen)
}

/// The same with the card: status words, alarms, voltages; with `log`, what the meter wrote down of
/// what happened to it, too. A card that cannot be read is left out: nothing of it is needed.
fn prove_whole(
    desk: &Desk<'_>,
    line: &mut Line<'_>,
    stop: &Stop,
    log: Option<&mut Log>,
) -> Result<Seen, Failure> {
    let seen = prove(desk, line, stop)?;
    match read::read_at(line, stop.meter, &stop.place) {
        Ok((_, mut card)) => {
            if let Some(log) = log {
                *log = meter_log::read(line, stop)?;
                log.join(&mut card);
            }
            append(desk, line, Event::Reading(card))?;
        }
        Err(failure) if failure.code == Code::Cancelled => return Err(failure),
        Err(_) => {}
    }
    Ok(seen)
}

fn append(desk: &Desk<'_>, line: &Line<'_>, event: Event) -> Result<(), Failure> {
    let stamp = desk.stamp(line);
    desk.store.append(&stamp, event).map(drop).map_err(|error| failure::store(&error))
}

/// Writes a step of this swap down from a visit.
fn write(
    desk: &Desk<'_>,
    line: &Line<'_>,
    (state, meter): (&State, MeterNo),
    (name, how): (&str, StepState),
    notes: Notes,
) -> Result<(), Failure> {
    let whole = (state.work, ErrandKind::Swap);
    errand::step(desk.store, &desk.stamp(line), whole, Some(meter), (name, how), notes)
}

/// Reads the old meter once more, for the journal alone.
pub fn read_again(site: &Site<'_>, state: &State) -> Result<(), Failure> {
    site.on(state.old(), |line, stop| prove(site.desk, line, stop).map(drop))
}

/// Does the reading show the account the leave names?
fn own_account(seen: &Evidence, state: &State) -> Result<(), Failure> {
    let want = state.swap.facts.old_account;
    match seen.account {
        None => Err(fail(Code::AccountNotOpen, seen.meter.to_string())),
        Some(account) if account != want => {
            Err(fail(Code::AccountOther, format!("{account} / {want}")))
        }
        Some(_) if seen.balance.unit != state.swap.facts.unit => {
            Err(fail(Code::UnitOther, seen.balance.unit.symbol()))
        }
        Some(_) => Ok(()),
    }
}

/// Reads the old meter.
pub fn read_old(site: &Site<'_>, state: &State) -> Result<(), Failure> {
    let desk = site.desk;
    site.on(state.old(), |line, stop| {
        let mut log = Log::default();
        let seen = prove_whole(desk, line, stop, Some(&mut log))?;
        own_account(&seen.evidence, state)?;
        let step = (step::OLD, StepState::Done);
        let mut notes = figures(&seen.evidence);
        // Compared with what was seen before this swap: its own readings are no news.
        let before = desk.store.events_for(state.old(), true, HISTORY);
        notes.extend(log.notes(&before, state.whole.seq));
        write(desk, line, (state, state.old()), step, notes)
    })
}

/// Fixes what is taken out of the old meter, by a reading of this moment, and takes it out.
pub fn take_out(site: &Site<'_>, state: &State) -> Result<(), Failure> {
    let desk = site.desk;
    site.on(state.old(), |line, stop| {
        // Before anything is fixed: what cannot be done at all.
        check::serves(line.profile, Act::CarryOut, 0)?;
        let access = site.access(line.profile)?;
        let mut tried = state.out.as_ref().map_or(1, |out| state.swap.outs + u32::from(out.sent));
        let mut last = Err(fail(Code::NotConfirmed, state.old().to_string()));
        for _ in 0..TRIES {
            let now = State::read(desk.store, state.work)?;
            let Some(id) = fix_out(desk, line, stop, (&now, tried))? else { return Ok(()) };
            last = money(desk, line, (id, Act::CarryOut), Some(&access));
            match &last {
                // The load went on between the two readings: nothing was sent.
                Err(failure) if failure.code == Code::BalanceShort => tried += 1,
                _ => break,
            }
        }
        last
    })
}

/// The debit to make; none where there is nothing to take out, which is written down.
fn fix_out(
    desk: &Desk<'_>,
    line: &mut Line<'_>,
    stop: &Stop,
    (state, tried): (&State, u32),
) -> Result<Option<TokenId>, Failure> {
    let seen = prove(desk, line, stop)?.evidence;
    own_account(&seen, state)?;
    let facts = &state.swap.facts;
    unknown_debits(line, stop.meter, state)?;
    let take = amounts::take(facts, &seen, read_back::limits(line.profile), tried);
    if take.amount == 0 {
        let mut notes = figures(&seen);
        notes.extend([note("why", take.why), note("stays", take.stays)]);
        let at = (state, stop.meter);
        write(desk, line, at, (step::NOTHING, StepState::Done), notes)?;
        return Ok(None);
    }
    let same = state.out.as_ref().filter(|out| {
        let usable = out.state.usable() && !out.withdrawn;
        usable && (out.facts.credit.value, out.facts.count_before) == (take.amount, seen.count)
    });
    if let Some(out) = same {
        return Ok(Some(out.facts.id));
    }
    let amount = (take.amount, seen.count);
    let attempt = state.swap.outs.saturating_add(1);
    let fixed = facts.fix(SwapLeg::Out, attempt, amount, Some(seen));
    fix(desk, line, fixed).map(Some)
}

/// No debit of this swap may be in the meter's own records that this journal does not hold: then
/// the store was put back from a copy, and what is missing in the meter is not nothing, but gone.
fn unknown_debits(line: &mut Line<'_>, meter: MeterNo, state: &State) -> Result<(), Failure> {
    if line.profile.dlt645_money().is_none() {
        return Ok(());
    }
    let known = state.swap.outs;
    let attempts = known.saturating_add(1)..=known.saturating_add(LOST_ATTEMPTS);
    let id = |attempt| SwapFacts::token(state.swap.facts.id, SwapLeg::Out, attempt);
    let lost: Vec<TokenId> = attempts.map(id).collect();
    match written(line, meter, &lost, &mut Sha256::new())? {
        Some(Written { own: 1.., .. }) => Err(fail(Code::DebitKnown, meter.to_string())),
        _ => Ok(()),
    }
}

fn fix(desk: &Desk<'_>, line: &Line<'_>, fixed: SwapFixed) -> Result<TokenId, Failure> {
    let id = fixed.token();
    append(desk, line, Event::SwapFixed(fixed))?;
    Ok(id)
}

/// One money act by both its halves. A person typed the digits before, which is in the journal.
fn money(
    desk: &Desk<'_>,
    line: &mut Line<'_>,
    (id, act): (TokenId, Act),
    access: Option<&Access>,
) -> Result<(), Failure> {
    match recharge::preflight_act(desk, line, id, &[act])? {
        Checked::Settled(_) => Ok(()),
        Checked::Ready(ready) => {
            let digits = ready.view.evidence.meter.to_string();
            let digits = digits.get(8..).unwrap_or_default();
            recharge::commit_act(&ready, digits, desk, line, access).map(drop)
        }
    }
}

/// What happened to the money act of a meter?
pub fn resolve(site: &Site<'_>, stop: &Stop) -> Result<(), Failure> {
    let desk = site.desk;
    site.at(stop, |line, stop| recharge::resolve(desk, line, stop.meter).map(drop))
}

/// The last reading of the old meter, and its mark. `read`: whether it is read at all.
pub fn close_old(site: &Site<'_>, state: &State, read: bool) -> Result<(), Failure> {
    let (desk, old) = (site.desk, state.old());
    let marked = desk.store.marks_of(old).iter().any(|row| row.mark == Mark::SwappedOut);
    if !marked {
        let note = format!("{} {}", state.replacement(), state.work);
        let event = Event::Marked { meter: old, mark: Mark::SwappedOut, on: true, note };
        desk.store.append(&site.stamp(), event).map_err(|error| failure::store(&error))?;
    }
    let whole = (state.work, ErrandKind::Swap);
    if !read {
        return site.step(whole, Some(old), step::CLOSED, StepState::Skipped, Vec::new());
    }
    site.on(old, |line, stop| {
        let seen = prove(desk, line, stop)?.evidence;
        write(desk, line, (state, old), (step::CLOSED, StepState::Done), figures(&seen))
    })
}

/// Reads the new meter: it must be the one the office named, nobody's, and at its step.
pub fn read_new(site: &Site<'_>, state: &State) -> Result<(), Failure> {
    let (desk, facts) = (site.desk, &state.swap.facts);
    site.at(&stop_of_new(site, &state.swap.facts)?, |line, stop| {
        let seen = prove_whole(desk, line, stop, None)?.evidence;
        if let Some(account) = seen.account.filter(|account| *account != facts.account) {
            return Err(fail(Code::NewInUse, format!("{account} / {}", facts.account)));
        }
        if seen.count != facts.count {
            return Err(fail(Code::NewInUse, format!("{} / {}", seen.count, facts.count)));
        }
        if seen.balance.unit != facts.unit {
            return Err(fail(Code::UnitOther, seen.balance.unit.symbol()));
        }
        unmark(desk, line, state)?;
        let at = (state, state.replacement());
        write(desk, line, at, (step::NEW, StepState::Done), figures(&seen))
    })
}

/// The office gave leave to put a meter in that was swapped out once: it is in use again.
fn unmark(desk: &Desk<'_>, line: &Line<'_>, state: &State) -> Result<(), Failure> {
    let (meter, mark) = (state.replacement(), Mark::SwappedOut);
    if desk.store.marks_of(meter).iter().all(|row| row.mark != mark) {
        return Ok(());
    }
    let note = state.work.to_string();
    append(desk, line, Event::Marked { meter, mark, on: false, note })
}

/// Opens the new meter's account, without a credit.
pub fn open_new(site: &Site<'_>, state: &State) -> Result<(), Failure> {
    leg(site, state, SwapLeg::Open)
}

/// Credits the new meter with what was taken out, or with what the office leaves for a dead one.
pub fn credit(site: &Site<'_>, state: &State) -> Result<(), Failure> {
    let proved = state.taken().is_some();
    leg(site, state, if proved { SwapLeg::In } else { SwapLeg::Provisional })
}

fn leg(site: &Site<'_>, state: &State, leg: SwapLeg) -> Result<(), Failure> {
    let (desk, facts) = (site.desk, &state.swap.facts);
    let (row, amount, act) = match leg {
        SwapLeg::Open => (&state.opening, 0, Act::Open),
        _ => (&state.credit, state.due(), Act::CarryIn),
    };
    site.at(&stop_of_new(site, &state.swap.facts)?, |line, _| {
        let id = match row {
            Some(row) => row.facts.id,
            None => fix(desk, line, facts.fix(leg, 1, (amount, facts.count), None))?,
        };
        money(desk, line, (id, act), None)
    })
}

/// The last reading of the new meter, for the certificate; none where it is silent.
pub fn read_last(site: &Site<'_>, state: &State) -> Result<Option<Evidence>, Failure> {
    let untouched = state.step(step::NEW).is_none();
    if untouched {
        return Ok(None);
    }
    let done =
        site.at(&stop_of_new(site, &state.swap.facts)?, |line, stop| prove(site.desk, line, stop));
    match done {
        Ok(seen) => Ok(Some(seen.evidence)),
        Err(failure) if failure.code == Code::Cancelled => Err(failure),
        Err(_) => Ok(None),
    }
}
