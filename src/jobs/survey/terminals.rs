//! Multi-user terminals: which of the meters found are one box with many users.
//!
//! | basis | where it comes from |
//! |---|---|
//! | counted | Modbus: the box says how many users it has, its maker how they are numbered |
//! | listed | the office's area list: box, user, address; any protocol |
//! | in a row | DL/T 645: numbers that follow one another; a guess, as in one delivery |
//!
//! A count is believed only where it explains every meter found in the box's range of addresses,
//! two at least: any meter may have something at those registers.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::ear::{Listen, Stop};
use super::plan::TURNAROUND;
use super::search::Search;
use super::spot;
use crate::jobs::address::BusAddress;
use crate::jobs::boxes::{self, Slot};
use crate::jobs::views::{
    BoxBasis, SurveyBox, SurveyMeter, SurveyProtocol, SurveyUser, SurveyView,
};
use crate::profile::{Profiles, Protocol, Terminal};
use crate::store::Store;

/// Users of one box in a guess: the largest terminals have 36 (`reference/other-meters.md` 0), and
/// two numbers follow one another by chance.
const ROW: RangeInclusive<usize> = 3..=36;
/// Meters that must have been found in a box before its count is believed.
const FOUND_LEAST: usize = 2;
/// How often a box is asked for its counts.
const TRIES: u32 = 3;
/// Patience with a box beyond the slowest meter found.
const MARGIN: Duration = Duration::from_millis(100);

/// Every way of numbering the profiles know, each once.
pub fn layouts(profiles: &Profiles) -> Vec<Terminal> {
    let mut layouts: Vec<Terminal> = Vec::new();
    for terminal in profiles.iter().filter_map(|(profile, _)| profile.terminal) {
        if !layouts.contains(&terminal) {
            layouts.push(terminal);
        }
    }
    layouts
}

/// Asks the boxes that may be at the settings now how many users they have: one or two questions
/// for each, and only where a meter was found at a box's first address.
///
/// # Errors
/// [`Stop`].
pub fn ask(search: &mut Search<'_, '_>) -> Result<(), Stop> {
    let line = search.line();
    for terminal in search.terminals {
        for first in boxes::firsts(terminal) {
            let found = units(search, &line);
            let known =
                search.boxes.iter().any(|one| one.line == line && one.has(&first.to_string()));
            if known || !found.contains(&first) {
                continue;
            }
            let Some((wide, single)) = counts(search, terminal, first)? else { continue };
            let Some(slots) = boxes::slots(terminal, first, wide, single) else { continue };
            if explains(&slots, terminal, first, &found) {
                let users = slots.iter().map(SurveyUser::of).collect();
                search.boxes.push(SurveyBox {
                    basis: BoxBasis::Counted,
                    protocol: SurveyProtocol::Modbus,
                    line: line.clone(),
                    name: String::new(),
                    users,
                });
            }
        }
    }
    Ok(())
}

/// The Modbus units found at these settings.
fn units(search: &Search<'_, '_>, line: &str) -> Vec<u8> {
    let here = |m: &&super::tally::Found| m.protocol == SurveyProtocol::Modbus && m.line == line;
    search.found.iter().filter(here).filter_map(|m| m.address.parse().ok()).collect()
}

/// Whether these users are what was found in the box's range, and nobody else is there.
fn explains(slots: &[Slot], terminal: &Terminal, first: u8, found: &[u8]) -> bool {
    let range = u16::from(first)..u16::from(first) + u16::from(terminal.step);
    let inside: Vec<u8> =
        found.iter().copied().filter(|unit| range.contains(&u16::from(*unit))).collect();
    let is_user = |unit: &u8| slots.iter().any(|slot| slot.unit == *unit);
    inside.len() >= FOUND_LEAST && inside.iter().all(is_user)
}

/// The counts of three-phase and of single-phase users, if the meter at `first` has such registers.
fn counts(
    search: &mut Search<'_, '_>,
    terminal: &Terminal,
    first: u8,
) -> Result<Option<(u8, u8)>, Stop> {
    let Terminal { three_phase, single_phase, .. } = *terminal;
    if three_phase.checked_add(1) == Some(single_phase) {
        let both = registers(search, first, three_phase, 2)?;
        let both: Option<[u16; 2]> = both.and_then(|both| both.try_into().ok());
        return Ok(both.and_then(|[wide, single]| pair(wide, single)));
    }
    let wide = registers(search, first, three_phase, 1)?;
    let single = registers(search, first, single_phase, 1)?;
    let one = |words: Option<Vec<u16>>| words.and_then(|words| words.first().copied());
    Ok(one(wide).zip(one(single)).and_then(|(wide, single)| pair(wide, single)))
}

fn pair(wide: u16, single: u16) -> Option<(u8, u8)> {
    Some((u8::try_from(wide).ok()?, u8::try_from(single).ok()?))
}

/// Registers of one unit; `None` where it refuses, or says nothing to the end.
fn registers(
    search: &mut Search<'_, '_>,
    unit: u8,
    register: u16,
    count: u8,
) -> Result<Option<Vec<u16>>, Stop> {
    let question = spot::modbus_registers(unit, register, count);
    let window = (search.slowest() + MARGIN).min(TURNAROUND);
    let listen = Listen { window, gap: search.pause(), whole_window: false };
    let whole = |bytes: &[u8]| {
        let spotted = spot::spot(bytes, &|_| true);
        spotted.answers(SurveyProtocol::Modbus).any(|spot| spot.to == bytes.len())
    };
    for _ in 0..TRIES {
        let (_, spotted) = search.ask(&question, listen, &whole)?;
        let mine = spotted
            .answers(SurveyProtocol::Modbus)
            .find(|spot| spot.address == unit.to_string())
            .map(|spot| spot.body.clone());
        match mine.as_deref() {
            Some([0x03, bytes, words @ ..])
                if *bytes == count * 2 && words.len() == usize::from(*bytes) =>
            {
                let word = |pair: &[u8]| <[u8; 2]>::try_from(pair).ok().map(u16::from_be_bytes);
                return Ok(words.chunks_exact(2).map(word).collect());
            }
            // A refusal is a word, too: it has no such registers.
            Some([function, ..]) if *function & 0x80 != 0 => return Ok(None),
            _ => {}
        }
    }
    Ok(None)
}

/// Puts the boxes into what a survey brought: those counted, with who of their users was found,
/// and runs of numbers.
pub fn boxes(counted: &[SurveyBox], meters: &[SurveyMeter]) -> Vec<SurveyBox> {
    let mut all = counted.to_vec();
    for one in &mut all {
        let (protocol, line) = (one.protocol, one.line.clone());
        for user in &mut one.users {
            user.found = meters
                .iter()
                .any(|m| m.protocol == protocol && m.line == line && m.address == user.address);
        }
    }
    all.extend(rows(meters));
    all
}

/// Numbers of DL/T 645 meters that follow one another.
fn rows(meters: &[SurveyMeter]) -> Vec<SurveyBox> {
    let old = |m: &&SurveyMeter| {
        matches!(m.protocol, SurveyProtocol::Dlt645 | SurveyProtocol::Dlt645v1997)
    };
    let mut numbered: BTreeMap<(SurveyProtocol, &str), Vec<u64>> = BTreeMap::new();
    for meter in meters.iter().filter(old) {
        let Ok(number) = meter.address.parse() else { continue };
        numbered.entry((meter.protocol, &meter.line)).or_default().push(number);
    }
    let mut rows = Vec::new();
    for ((protocol, line), mut numbers) in numbered {
        numbers.sort_unstable();
        for run in numbers.chunk_by(|one, next| one + 1 == *next) {
            if !ROW.contains(&run.len()) {
                continue;
            }
            let user = |(at, number): (u8, &u64)| SurveyUser {
                user: at,
                address: format!("{number:012}"),
                wide: None,
                found: true,
                listed: None,
            };
            rows.push(SurveyBox {
                basis: BoxBasis::InARow,
                protocol,
                line: line.to_owned(),
                name: String::new(),
                users: (1..).zip(run).map(user).collect(),
            });
        }
    }
    rows
}

/// The users the list has of a box, and how each may be found.
type Users = Vec<(SurveyUser, Vec<SurveyProtocol>)>;

/// Names the boxes by the office's area list, and adds those only the list knows: each with every
/// user the list has for it, found or not. A box of which nobody was found is told only where the
/// list says that it hangs on this very line, `port`.
pub fn list(view: &mut SurveyView, store: &Store, profiles: &Profiles, port: Option<&str>) {
    let mut listed: BTreeMap<String, (bool, Users)> = BTreeMap::new();
    for meter in boxes::placed(store) {
        let (place, here) = (&meter.place, Some(meter.place.line.as_str()) == port);
        if !(place.line.is_empty() || here) {
            continue;
        }
        let Some(profile) = profiles.get(&meter.profile) else { continue };
        let Ok(address) = BusAddress::of(profile, place, meter.no) else { continue };
        let user = SurveyUser {
            user: place.user,
            address: address.to_string(),
            wide: None,
            found: false,
            listed: Some(place.user),
        };
        let (on_line, users) = listed.entry(place.terminal.clone()).or_default();
        *on_line |= here;
        users.push((user, family(profile.protocol)));
    }
    for (name, (on_line, users)) in listed {
        listed_box(view, name, on_line, users);
    }
}

/// What a survey calls the protocol of a profile: either edition of DL/T 645 may answer to both.
fn family(protocol: Protocol) -> Vec<SurveyProtocol> {
    match protocol {
        Protocol::Dlt645_2007 | Protocol::Dlt645_1997 => {
            vec![SurveyProtocol::Dlt645, SurveyProtocol::Dlt645v1997]
        }
        Protocol::ModbusRtu | Protocol::ModbusTcp => vec![SurveyProtocol::Modbus],
        Protocol::Iec62056 => vec![SurveyProtocol::Iec],
        Protocol::Cjt188 => vec![SurveyProtocol::Cjt188],
        Protocol::Dlt698 => vec![SurveyProtocol::Dlt698],
        Protocol::Dlms | Protocol::Mbus => Vec::new(),
    }
}

fn listed_box(
    view: &mut SurveyView,
    name: String,
    on_line: bool,
    users: Vec<(SurveyUser, Vec<SurveyProtocol>)>,
) {
    let met = |(user, family): &(SurveyUser, Vec<SurveyProtocol>)| {
        let fits = |m: &&SurveyMeter| family.contains(&m.protocol) && m.address == user.address;
        view.meters.iter().find(fits).map(|m| (m.protocol, m.line.clone()))
    };
    let first = users.iter().find_map(met);
    if first.is_none() && !on_line {
        return;
    }
    let protocol = users.iter().find_map(|(_, family)| family.first().copied());
    let Some((protocol, line)) = first.or(protocol.map(|p| (p, String::new()))) else { return };
    let found: Vec<bool> = users.iter().map(|user| met(user).is_some()).collect();
    let mut users: Vec<SurveyUser> = users
        .into_iter()
        .zip(found)
        .map(|((user, _), found)| SurveyUser { found, ..user })
        .collect();
    users.sort_by_key(|user| user.user);
    let counted = view.boxes.iter_mut().find(|one| {
        one.basis == BoxBasis::Counted
            && one.line == line
            && users.iter().any(|user| one.has(&user.address))
    });
    if let Some(counted) = counted {
        counted.name = name;
        for user in users {
            match counted.users.iter_mut().find(|own| own.address == user.address) {
                Some(own) => own.listed = user.listed,
                None => counted.users.push(user),
            }
        }
        return;
    }
    // What was only a guess is known now.
    view.boxes.retain(|one| {
        one.basis != BoxBasis::InARow || !users.iter().any(|user| one.has(&user.address))
    });
    view.boxes.push(SurveyBox { basis: BoxBasis::Listed, protocol, line, name, users });
}

impl SurveyUser {
    fn of(slot: &Slot) -> Self {
        Self {
            user: slot.user,
            address: slot.unit.to_string(),
            wide: Some(slot.wide),
            found: false,
            listed: None,
        }
    }
}

impl SurveyBox {
    /// Whether one of its users has this address.
    fn has(&self, address: &str) -> bool {
        self.users.iter().any(|user| user.address == address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(protocol: SurveyProtocol, number: u64) -> SurveyMeter {
        SurveyMeter {
            protocol,
            address: format!("{number:012}"),
            line: "1200-8E1".to_owned(),
            turnaround_us: None,
            answers: 1,
            doubled: 0,
        }
    }

    #[test]
    fn numbers_in_a_row_are_a_guess_and_long_or_short_rows_are_none() {
        let old = SurveyProtocol::Dlt645v1997;
        let row = |from: u64, count: u64| (from..from + count).map(move |no| meter(old, no));
        for (meters, users) in [
            (row(100, 2).collect::<Vec<_>>(), vec![]),
            (row(100, 12).chain(row(200, 36)).collect(), vec![12, 36]),
            (row(100, 37).collect(), vec![]),
        ] {
            let found: Vec<usize> = rows(&meters).iter().map(|one| one.users.len()).collect();
            assert_eq!(found, users);
        }
        // Two editions, two rows.
        let mixed: Vec<SurveyMeter> =
            row(100, 2).chain((102..105).map(|no| meter(SurveyProtocol::Dlt645, no))).collect();
        let found = rows(&mixed);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].users[2].address, "000000000104");
    }

    #[test]
    fn a_count_that_does_not_explain_what_was_found_is_not_believed() {
        let terminal =
            Terminal { step: 36, wide: 3, boxes: 6, three_phase: 0x0903, single_phase: 0x0904 };
        let slots = boxes::slots(&terminal, 1, 2, 2).unwrap();
        for (found, believed) in [
            (&[1, 4, 7, 8][..], true),
            (&[1, 4], true),
            (&[1, 37, 40], false),
            (&[1, 4, 5], false),
            (&[1, 9], false),
            (&[1, 4, 37], true),
        ] {
            assert_eq!(explains(&slots, &terminal, 1, found), believed, "{found:?}");
        }
    }
}
