//! One relay command at one meter: look, write down, send once, look again.
//!
//! The answer to a command is no evidence (it may be lost or another's, and some meters answer and
//! do nothing); what counts is status word 3 afterwards (DL/T 645-2007; reference/dlt645.md 3.6 and
//! 5). A meter that warns before it trips shows the command at once and the relay later.

use sha2::Digest;

use super::super::errand::{Sign, Site, Values, step};
use super::super::lines::Stop;
use super::super::views::Failure;
use super::super::{Line, ask, civil, failure, gate};
use super::{failed, proven, seen};
use crate::jobs::failure::fail;
use crate::profile::Protocol;
use crate::protocol::dlt645::dialogue::{Access, ExchangeError, Relay};
use crate::protocol::dlt645::frame::Address;
use crate::protocol::dlt645::words::{
    RelayCommand, STATUS_3_COMMAND_OPEN, STATUS_3_KEEP_POWER, STATUS_3_RELAY_OPEN,
};
use crate::protocol::value::{CivilTime, read_bcd};
use crate::report::Code;
use crate::store::{Event, Stamp};
use crate::units::{ErrandKind, Mark, MeterNo, StepState, UnixSeconds, Verb, WorkId};

/// Communication address: who answers at all.
const DI_ADDRESS: u32 = 0x0400_0401;
/// Status word 3.
const DI_STATUS_3: u32 = 0x0400_0503;
/// Date and time in one block.
const DI_CLOCK: u32 = 0x0400_010C;
/// Minutes of warning before a trip.
const DI_TRIP_DELAY: u32 = 0x0400_1401;
/// How long a command is good, seconds of the meter's own clock: a frame that a gateway held back
/// must not act when everybody has left.
const VALID_S: i64 = 300;
/// How often the status is read after a command before it counts as not followed.
const LOOKS: u32 = 3;

/// What a relay is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::jobs) enum Order {
    Trip,
    Close,
    AllowClose,
    KeepPower,
    RestorePrepaid,
}

/// What a meter shows of its relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shown {
    word: u16,
    clock: Option<CivilTime>,
    delay_min: i64,
}

impl Order {
    fn command(self) -> RelayCommand {
        match self {
            Self::Trip => RelayCommand::Trip,
            Self::Close => RelayCommand::Close,
            Self::AllowClose => RelayCommand::CloseAllowed,
            Self::KeepPower => RelayCommand::KeepPower,
            Self::RestorePrepaid => RelayCommand::ReleaseKeepPower,
        }
    }

    /// Whether a status word shows that the command is followed.
    fn followed(self, word: u16) -> bool {
        let (open, told) = (word & STATUS_3_RELAY_OPEN != 0, word & STATUS_3_COMMAND_OPEN != 0);
        match self {
            Self::Trip => open || told,
            Self::Close => !open && !told,
            // The customer has to press the button; that the order to stay open is gone is all a
            // meter can show before.
            Self::AllowClose => !told,
            Self::KeepPower => word & STATUS_3_KEEP_POWER != 0,
            Self::RestorePrepaid => word & STATUS_3_KEEP_POWER == 0,
        }
    }

    /// The marks a followed command sets or takes away.
    fn marks(self) -> &'static [(Mark, bool)] {
        match self {
            Self::Trip => &[(Mark::Tripped, true)],
            Self::Close | Self::AllowClose => &[(Mark::Tripped, false)],
            Self::KeepPower => &[(Mark::KeepPower, true), (Mark::Tripped, false)],
            Self::RestorePrepaid => &[(Mark::KeepPower, false)],
        }
    }
}

/// A status word as a stable word for people.
fn word_of(word: u16) -> &'static str {
    let (open, told) = (word & STATUS_3_RELAY_OPEN != 0, word & STATUS_3_COMMAND_OPEN != 0);
    match (word & STATUS_3_KEEP_POWER != 0, open, told) {
        (true, false, _) => "relay-kept",
        (true, true, _) => "relay-kept-open",
        (false, false, false) => "relay-closed",
        (false, false, true) => "relay-will-open",
        (false, true, _) => "relay-open",
    }
}

fn look(line: &mut Line<'_>, meter: MeterNo) -> Result<Shown, Failure> {
    if line.profile.protocol != Protocol::Dlt645_2007 {
        return Err(fail(Code::ItemUnknown, line.profile.id.clone()));
    }
    if let Some(why) = &line.profile.relay.refused {
        return Err(fail(Code::ItemUnknown, format!("{}: [relay] {why}", line.profile.id)));
    }
    let items = [DI_STATUS_3, DI_ADDRESS, DI_CLOCK, DI_TRIP_DELAY];
    let answers = ask::read(line, meter, &items, 1)?;
    let own = answers.data(DI_ADDRESS).and_then(|data| data.try_into().ok());
    if let Some(other) = own.and_then(MeterNo::from_wire).filter(|own| *own != meter) {
        return Err(fail(Code::MeterOther, format!("{other} / {meter}")));
    }
    let word = answers.data(DI_STATUS_3).and_then(|data| data.try_into().ok());
    let word = word.map(u16::from_le_bytes);
    let word = word.ok_or_else(|| fail(Code::MeterRefused, format!("{DI_STATUS_3:08X}")))?;
    let clock = answers.data(DI_CLOCK).and_then(civil::of_clock);
    let delay = answers.data(DI_TRIP_DELAY).and_then(|data| read_bcd(data, false));
    Ok(Shown { word, clock, delay_min: delay.unwrap_or(0) })
}

/// What the command would find.
pub(super) fn plan(
    line: &mut Line<'_>,
    stop: &Stop,
    order: Order,
) -> Result<(Sign, String), Failure> {
    let shown = look(line, stop.meter)?;
    let sign = match order {
        // Nothing to do is worth knowing; so is a trip that keep-power will refuse.
        _ if order.followed(shown.word) => Sign::Warn,
        Order::Trip if shown.word & STATUS_3_KEEP_POWER != 0 => Sign::Bad,
        _ => Sign::Todo,
    };
    Ok((sign, word_of(shown.word).to_owned()))
}

/// Gives the command, once, and looks what became of it; written down as the step of that name. A
/// step that was begun and has no end is looked at and not sent again; one that has ended is sent
/// again, because a person wanted it.
pub(in crate::jobs) fn act_as(
    site: &Site<'_>,
    line: &mut Line<'_>,
    stop: &Stop,
    (id, name, order, values): ((WorkId, ErrandKind), &str, Order, &Values),
) -> Result<(), Failure> {
    let (store, meter) = (site.desk.store, stop.meter);
    let stamp = |line: &Line<'_>| -> Stamp { site.desk.stamp(line) };
    let row = store.step(id.0, Some(meter), name);
    let begun = row.is_some_and(|row| row.step.state == StepState::Begun);
    // The relay test of a commissioning is a part of it: installers have no right to cut supplies.
    let verb = match id.1 {
        ErrandKind::Commission => Verb::Commission,
        _ => Verb::Control,
    };
    if !begun {
        gate::change(site.desk, verb, meter, line.moment(), false)?;
    }
    let before = look(line, meter)?;
    let note = |line: &Line<'_>, state, notes| {
        step(store, &stamp(line), id, Some(meter), (name, state), notes)
    };
    if order.followed(before.word) {
        return done(site, line, (id, meter, name), order, (before, values));
    }
    if begun {
        // It was sent, or about to be, when the program ended, and the meter does not show it.
        // Nobody knows whether it is still under way; to send again is a person's decision.
        let mut notes = seen(word_of(before.word));
        notes.extend(failed(&fail(Code::MeterRefused, "")));
        return note(line, StepState::Unknown, notes);
    }
    let access = site.access(line.profile)?;
    proven(site, line, meter, verb)?;
    let until = deadline(line, before.clock);
    let until = until.ok_or_else(|| fail(Code::MeterGarbled, format!("{DI_CLOCK:08X}")))?;
    note(line, StepState::Begun, seen(word_of(before.word)))?;
    let timing = ask::timing(line);
    let rules = &line.profile.relay;
    let access = Access { level: rules.level.unwrap_or(access.level), ..access };
    let (to, command) = (Address::meter(meter), (order.command(), rules.channel));
    let mut dialogue = Relay::on_channel(to, &access, command, until, timing);
    let said = ask::run(line, &mut dialogue, &mut sha2::Sha256::new());
    let refusal = match &said {
        Ok(Err(error @ ExchangeError::Refused(_))) => Some(failure::exchange(error)),
        _ => None,
    };
    line.doubtful |= !matches!(said, Ok(Ok(_)));
    let mut after = None;
    for _ in 0..LOOKS {
        match look(line, meter) {
            Ok(shown) if order.followed(shown.word) => {
                return done(site, line, (id, meter, name), order, (shown, values));
            }
            Ok(shown) => after = Some(shown),
            Err(error) if error.code == Code::Cancelled => break,
            Err(_) => {}
        }
        if refusal.is_some() && after.is_some() {
            break;
        }
    }
    let mut notes = after.map(|shown| seen(word_of(shown.word))).unwrap_or_default();
    let state = match (&refusal, after) {
        (Some(why), Some(_)) => {
            notes.extend(failed(why));
            StepState::Refused
        }
        // It answered and shows nothing of it: a purse in overdraft ignores a close (5).
        (None, Some(_)) => {
            notes.extend(failed(&fail(Code::MeterRefused, "")));
            StepState::Failed
        }
        (_, None) => {
            notes.extend(failed(&fail(Code::MeterSilent, "")));
            StepState::Unknown
        }
    };
    note(line, state, notes)
}

/// The command is followed: the step, and what is remembered of the meter.
fn done(
    site: &Site<'_>,
    line: &Line<'_>,
    (id, meter, name): ((WorkId, ErrandKind), MeterNo, &str),
    order: Order,
    (shown, values): (Shown, &Values),
) -> Result<(), Failure> {
    let (store, stamp) = (site.desk.store, site.desk.stamp(line));
    let marks = store.marks_of(meter);
    for (mark, on) in order.marks() {
        // Another handheld may have put it into keep-power: the office hears that it ended.
        let ended = *mark == Mark::KeepPower && order == Order::RestorePrepaid;
        if ended || *on != marks.iter().any(|row| row.mark == *mark) {
            let note = values.get("reason").unwrap_or_default().to_owned();
            let event = Event::Marked { meter, mark: *mark, on: *on, note };
            store.append(&stamp, event).map_err(|error| failure::store(&error))?;
        }
    }
    let mut notes = seen(word_of(shown.word));
    if order == Order::Trip && shown.delay_min > 0 && shown.word & STATUS_3_RELAY_OPEN == 0 {
        notes.push(("delay-min".to_owned(), shown.delay_min.to_string()));
    }
    step(store, &stamp, id, Some(meter), (name, StepState::Done), notes)
}

/// Until when the meter may act: by its own clock, or by ours where it gave none; a meter without a
/// clock does not judge.
fn deadline(line: &Line<'_>, clock: Option<CivilTime>) -> Option<CivilTime> {
    let now = line.now();
    let local = UnixSeconds(now.0.saturating_add(line.clock.offset_s(now)));
    civil::later(clock.or_else(|| civil::of_seconds(local))?, VALID_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_followed_by_what_the_status_shows() {
        let open = STATUS_3_RELAY_OPEN | STATUS_3_COMMAND_OPEN;
        for (order, yes, no) in [
            (Order::Trip, open, 0),
            (Order::Trip, STATUS_3_COMMAND_OPEN, STATUS_3_KEEP_POWER),
            (Order::Close, 0, open),
            (Order::AllowClose, STATUS_3_RELAY_OPEN, open),
            (Order::KeepPower, STATUS_3_KEEP_POWER, 0),
            (Order::RestorePrepaid, 0, STATUS_3_KEEP_POWER),
        ] {
            assert!(order.followed(yes), "{order:?} {yes:04x}");
            assert!(!order.followed(no), "{order:?} {no:04x}");
        }
    }
}
