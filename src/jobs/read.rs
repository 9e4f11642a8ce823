//! Quick read: what a person at a meter wants to know first, on one card.
//!
//! Nine questions, blocks where the meter has them, each sent as soon as the answer before is
//! complete: the card costs the wire time and the meter's own turnaround and hardly more
//! (`tests/bench/quick_read.rs`). What a meter refuses or stays silent on is listed as missing;
//! only a meter that says nothing at all fails.
//!
//! That is the way of DL/T 645-2007; what else its profile lists is read only where asked for
//! ([`whole`]). Of any other meter everything is read that its profile lists (`named.rs`).

use super::address::BusAddress;
use super::ask::{self, Answers};
use super::evidence::{self, DI_CLOCK, DI_ENERGY, DI_STATUS_3};
use super::views::{Failure, QuickRead, Stage};
use super::{Line, failure};
use crate::profile::{Dlt645Money, Protocol};
use crate::protocol::value::read_bcd;
use crate::report::Code;
use crate::store::{Reading, Shown};
use crate::units::{BusPlace, Credit, Energy, MeterNo, PurchaseCount};

/// Three phase voltages, 0.1 V.
pub const DI_VOLTAGES: u32 = 0x0201_FF00;
/// Three phase currents, 0.001 A.
pub const DI_CURRENTS: u32 = 0x0202_FF00;
/// Active power, 0.0001 kW.
pub const DI_POWER: u32 = 0x0203_0000;
/// Status words 1 to 7.
pub const DI_STATUS: u32 = 0x0400_05FF;
/// The three voltages, for meters without the block.
const DI_VOLTAGE: [u32; 3] = [0x0201_0100, 0x0201_0200, 0x0201_0300];
/// The three currents, likewise.
const DI_CURRENT: [u32; 3] = [0x0202_0100, 0x0202_0200, 0x0202_0300];
/// Date, for meters without the block of date and time.
const DI_DATE: u32 = 0x0400_0101;
/// Time, likewise.
const DI_TIME: u32 = 0x0400_0102;

/// Status bits worth saying on the card: word, bit, name as in `protocol::dlt645::words`.
pub const ALARMS: &[(u8, u8, &str)] = &[
    (1, 2, "clock-battery-low"),
    (1, 3, "reading-battery-low"),
    (1, 4, "active-reverse"),
    (1, 8, "control-loop-error"),
    (1, 9, "esam-error"),
    (1, 12, "program-error"),
    (1, 13, "memory-error"),
    (1, 14, "overdraft"),
    (1, 15, "clock-error"),
    (3, 4, "relay-open"),
    (3, 7, "pre-trip-alarm"),
    (3, 12, "keep-power"),
    (3, 14, "local-account-not-opened"),
    (3, 15, "remote-account-not-opened"),
    (4, 0, "loss-of-voltage"),
    (4, 1, "undervoltage"),
    (4, 2, "overvoltage"),
    (4, 5, "overload"),
    (4, 7, "phase-loss"),
    (5, 0, "loss-of-voltage"),
    (5, 5, "overload"),
    (5, 7, "phase-loss"),
    (6, 0, "loss-of-voltage"),
    (6, 5, "overload"),
    (6, 7, "phase-loss"),
    (7, 0, "voltage-sequence-wrong"),
    (7, 5, "power-down"),
    (7, 9, "cover-open"),
    (7, 10, "terminal-cover-open"),
];

/// The items of the card for this profile, in the order they are asked, in two parts. The first
/// are those that a port serves even before authentication (`reference/dlt645.md` 6.6), the clock
/// last, so that it is compared with the handheld's at once.
pub fn items(line: &Line<'_>) -> (Vec<u32>, Vec<u32>) {
    let (mut first, mut rest) = (vec![DI_ENERGY], Vec::new());
    if let Some((_, money)) = line.profile.dlt645_money() {
        first.extend([money.balance, money.overdraft]);
        rest.push(money.count);
    }
    first.push(DI_CLOCK);
    rest.extend([DI_VOLTAGES, DI_CURRENTS, DI_POWER, DI_STATUS]);
    (first, rest)
}

/// Reads the card of a meter that is called by its number; and what goes into the journal.
///
/// # Errors
/// As [`read_at`].
pub fn quick_read(line: &mut Line<'_>, meter: MeterNo) -> Result<(QuickRead, Reading), Failure> {
    read_at(line, meter, &BusPlace::default())
}

/// Reads the card of a meter at its place on the bus; and what goes into the journal.
///
/// # Errors
/// Line failures, a meter that says nothing at all, a cancel;
/// [`Code::BusAddress`] for a place that its protocol cannot address.
pub fn read_at(
    line: &mut Line<'_>,
    meter: MeterNo,
    place: &BusPlace,
) -> Result<(QuickRead, Reading), Failure> {
    if line.profile.protocol != Protocol::Dlt645_2007 {
        return super::named::read(line, meter, place);
    }
    let BusAddress::Dlt645(asked) = BusAddress::of(line.profile, place, meter)? else {
        return Err(failure::fail(Code::BusAddress, place.address.clone()));
    };
    let (mut view, mut reading) = blocks(line, asked)?;
    (view.meter, reading.meter) = (meter, meter);
    Ok((view, reading))
}

/// Reads everything a meter's profile lists: the card, and what is beyond it.
///
/// # Errors
/// As [`read_at`].
pub fn whole(
    line: &mut Line<'_>,
    meter: MeterNo,
    place: &BusPlace,
) -> Result<(QuickRead, Reading), Failure> {
    let (mut view, mut reading) = read_at(line, meter, place)?;
    if line.profile.protocol == Protocol::Dlt645_2007
        && let BusAddress::Dlt645(asked) = BusAddress::of(line.profile, place, meter)?
    {
        super::named::further(line, &mut view, &mut reading, asked)?;
    }
    Ok((view, reading))
}

/// The nine questions of DL/T 645-2007.
fn blocks(line: &mut Line<'_>, meter: MeterNo) -> Result<(QuickRead, Reading), Failure> {
    let (first, rest) = items(line);
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let (done, of) = (count(first.len()), count(first.len() + rest.len()));
    (line.progress)(Stage::Reading, 0, of);
    let mut answers = ask::read(line, meter, &first, 0)?;
    if answers.replies.iter().all(|(_, reply)| reply.is_none()) {
        return Err(failure::fail(Code::MeterSilent, meter.to_string()));
    }
    if answers.refused(DI_CLOCK) {
        answers.join(ask::read(line, meter, &[DI_DATE, DI_TIME], 0)?);
    }
    let parts = || evidence::clock_parts(answers.data(DI_DATE)?, answers.data(DI_TIME)?);
    let clock = answers.data(DI_CLOCK).and_then(evidence::clock_block).or_else(parts);
    let drift_s = evidence::drift(line, clock);
    (line.progress)(Stage::Reading, done, of);
    answers.join(ask::read(line, meter, &rest, 0)?);
    let again = fallbacks(&answers);
    if !again.is_empty() {
        answers.join(ask::read(line, meter, &again, 0)?);
    }
    (line.progress)(Stage::Reading, of, of);
    let view = QuickRead { clock, drift_s, ..card(line, meter, &answers) };
    let view = QuickRead { missing: missing(&view), ..view };
    let reading = Reading {
        meter,
        items: answers.given(),
        profile: String::new(),
        values: Vec::new(),
        evidence: None,
        shown: shown(&view),
        read_at: view.read_at,
        took_ms: view.took_ms,
        frames_digest: answers.digest,
    };
    Ok((view, reading))
}

/// What a card shows of the account: all of it, or nothing. An overdraft that the meter has and did
/// not give would make the balance look better than it is.
pub(super) fn shown(card: &QuickRead) -> Option<Shown> {
    let (balance, count) = (card.balance?, card.count?);
    let lacks = card.missing.iter().any(|name| name == "overdraft");
    let overdraft = card.overdraft.or((!lacks).then_some(0))?;
    Some(Shown { balance, overdraft, count })
}

/// What to ask one by one where a meter refused the block.
fn fallbacks(answers: &Answers) -> Vec<u32> {
    let parts: [(u32, &[u32]); 3] =
        [(DI_VOLTAGES, &DI_VOLTAGE), (DI_CURRENTS, &DI_CURRENT), (DI_STATUS, &[DI_STATUS_3])];
    let refused = parts.into_iter().filter(|(block, _)| answers.refused(*block));
    refused.flat_map(|(_, parts)| parts.iter().copied()).collect()
}

/// One value a phase: from the block, or from the three items by themselves.
fn by_phase(
    answers: &Answers,
    block: u32,
    items: [u32; 3],
    len: usize,
    signed: bool,
) -> [Option<i64>; 3] {
    match answers.data(block) {
        Some(data) => phases(data, len, signed),
        None => items.map(|di| phases(answers.data(di).unwrap_or_default(), len, signed)[0]),
    }
}

/// The card but for the clock.
fn card(line: &Line<'_>, meter: MeterNo, answers: &Answers) -> QuickRead {
    let money = line.profile.dlt645_money();
    let of = |di: fn(&Dlt645Money) -> u32| money.as_ref().map(|(_, money)| di(money));
    let number = |di, signed| answers.data(di).and_then(move |data: &[u8]| read_bcd(data, signed));
    let status = status(answers);
    QuickRead {
        meter,
        profile: line.profile.id.clone(),
        energy: number(DI_ENERGY, false).map(Energy),
        balance: of(|m| m.balance)
            .and_then(|di| number(di, false))
            .zip(money)
            .map(|(value, (unit, _))| Credit { value, unit }),
        overdraft: of(|m| m.overdraft).and_then(|di| number(di, false)),
        count: of(|m| m.count)
            .and_then(|di| number(di, false))
            .and_then(|n| u32::try_from(n).ok())
            .map(PurchaseCount),
        voltage_dv: by_phase(answers, DI_VOLTAGES, DI_VOLTAGE, 2, false),
        current_ma: by_phase(answers, DI_CURRENTS, DI_CURRENT, 3, true),
        power_dw: number(DI_POWER, true),
        clock: None,
        drift_s: None,
        relay: status[2].map(evidence::relay),
        status,
        alarms: alarms(&status),
        missing: Vec::new(),
        others: Vec::new(),
        took_ms: u64::try_from(answers.took.as_millis()).unwrap_or(u64::MAX),
        read_at: line.now(),
    }
}

/// Up to three values of `len` bytes; one that is all FF is a phase the meter does not have.
fn phases(data: &[u8], len: usize, signed: bool) -> [Option<i64>; 3] {
    let mut values = [None; 3];
    for (value, bytes) in values.iter_mut().zip(data.chunks_exact(len)) {
        if bytes.iter().any(|byte| *byte != 0xFF) {
            *value = read_bcd(bytes, signed);
        }
    }
    values
}

/// Status words 1 to 7 from the block, or the third alone.
fn status(answers: &Answers) -> [Option<u16>; 7] {
    let mut words = [None; 7];
    let block = answers.data(DI_STATUS).unwrap_or_default();
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(2)) {
        *word = evidence::word(bytes);
    }
    words[2] = words[2].or_else(|| answers.data(DI_STATUS_3).and_then(evidence::word));
    words
}

/// The stable name of an alarm, if it is one that has words.
pub(super) fn alarm_name(name: &str) -> Option<&'static str> {
    ALARMS.iter().map(|(.., known)| *known).find(|known| *known == name)
}

fn alarms(status: &[Option<u16>; 7]) -> Vec<&'static str> {
    let set = |(word, bit, _): &&(u8, u8, &'static str)| {
        let word = status.get(usize::from(*word).wrapping_sub(1)).copied().flatten();
        word.is_some_and(|bits| bits >> bit & 1 == 1)
    };
    let mut names: Vec<&'static str> = ALARMS.iter().filter(set).map(|(.., name)| *name).collect();
    // The same thing on two phases is said once.
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(*name));
    names
}

/// Names of what the card lacks.
fn missing(view: &QuickRead) -> Vec<String> {
    let table = [
        ("energy", view.energy.is_none()),
        ("balance", view.balance.is_none()),
        ("overdraft", view.overdraft.is_none()),
        ("count", view.count.is_none()),
        ("voltages", view.voltage_dv == [None; 3]),
        ("currents", view.current_ma == [None; 3]),
        ("power", view.power_dw.is_none()),
        ("clock", view.clock.is_none()),
        ("status", view.status == [None; 7]),
    ];
    table.into_iter().filter(|(_, missing)| *missing).map(|(name, _)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::dlt645::words::status_names;

    #[test]
    fn alarm_names_are_those_of_the_protocol() {
        for (word, bit, name) in ALARMS {
            assert_eq!(status_names(*word, 1 << bit), [*name], "word {word} bit {bit}");
        }
    }

    #[test]
    fn a_card_shows_a_balance_whole_or_not_at_all() {
        let yuan = |value| Credit { value, unit: crate::units::CreditUnit::Yuan };
        let card = |balance, overdraft, count: Option<u32>, missing: &[&str]| QuickRead {
            meter: "47".parse().unwrap(),
            profile: String::new(),
            energy: None,
            balance,
            overdraft,
            count: count.map(PurchaseCount),
            voltage_dv: [None; 3],
            current_ma: [None; 3],
            power_dw: None,
            clock: None,
            drift_s: None,
            relay: None,
            status: [None; 7],
            alarms: Vec::new(),
            missing: missing.iter().map(|name| (*name).to_owned()).collect(),
            others: Vec::new(),
            took_ms: 0,
            read_at: crate::units::UnixSeconds(0),
        };
        let whole =
            |overdraft| Some(Shown { balance: yuan(5), overdraft, count: PurchaseCount(3) });
        assert_eq!(shown(&card(Some(yuan(5)), Some(7), Some(3), &[])), whole(7));
        // Meters without an overdraft have none; one that did not give it may have any.
        assert_eq!(shown(&card(Some(yuan(5)), None, Some(3), &[])), whole(0));
        assert_eq!(shown(&card(Some(yuan(5)), None, Some(3), &["overdraft"])), None);
        assert_eq!(shown(&card(Some(yuan(5)), Some(0), None, &["count"])), None);
        assert_eq!(shown(&card(None, Some(0), Some(3), &["balance"])), None);
    }

    #[test]
    fn phases_that_are_not_there_are_none() {
        let data = [0x05, 0x22, 0xFF, 0xFF, 0x00, 0x00];
        assert_eq!(phases(&data, 2, false), [Some(2205), None, Some(0)]);
        assert_eq!(phases(&[0x34, 0x12, 0x80], 3, true), [Some(-1234), None, None]);
        assert_eq!(phases(&[], 2, false), [None; 3]);
    }

    #[test]
    fn an_alarm_on_two_phases_is_said_once() {
        let mut status = [None; 7];
        (status[3], status[4], status[6]) = (Some(1), Some(0x21), Some(1 << 9));
        assert_eq!(alarms(&status), ["loss-of-voltage", "overload", "cover-open"]);
    }
}
