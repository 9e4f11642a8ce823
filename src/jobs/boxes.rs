//! Multi-user terminals: one box on the wall, many meters in it.
//!
//! Which meter is whose stands in the office's area list: box, user, address. Where a list is still
//! to be made, the box itself says how many users it has, and its maker how they are numbered
//! ([`slots`]).

use std::collections::BTreeMap;

use super::address::BusAddress;
use super::failure::fail;
use super::views::{BoxRowView, BoxUserView, Failure};
use super::{Line, meters, readout};
use crate::profile::{Item, Place, Terminal};
use crate::protocol::form::Form;
use crate::protocol::modbus::frame::Unit;
use crate::protocol::value::{Decimal, Value};
use crate::report::Code;
use crate::store::{AreaMeter, Store};
use crate::units::{MeterNo, UnixSeconds};

/// Highest unit on a Modbus line.
const UNIT_MAX: u8 = 247;
/// Register table of counts and settings, by function 3.
const HOLDING: u8 = 3;

/// One user's place in a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// From 1.
    pub user: u8,
    /// Three-phase, or measured through transformers.
    pub wide: bool,
    /// Its unit on the line.
    pub unit: u8,
}

/// First units of the boxes a line can have: 1, 37, 73, ...
pub fn firsts(terminal: &Terminal) -> Vec<u8> {
    let nth = |at: u8| at.checked_mul(terminal.step)?.checked_add(1);
    let fits = |first: &u8| first.checked_add(terminal.step - 1).is_some_and(|x| x <= UNIT_MAX);
    (0..terminal.boxes).map_while(nth).filter(fits).collect()
}

/// The users of a box whose first unit is `first`: the wide ones come first, each of them takes
/// several units (`reference/other-meters.md` 1.2). `None` when so many do not fit.
pub fn slots(terminal: &Terminal, first: u8, wide: u8, single: u8) -> Option<Vec<Slot>> {
    let taken = u16::from(wide) * u16::from(terminal.wide) + u16::from(single);
    let last = u16::from(first) + taken;
    if first == 0 || taken > u16::from(terminal.step) || last > u16::from(UNIT_MAX) + 1 {
        return None;
    }
    let mut unit = first;
    let mut slots = Vec::new();
    for user in 1..=wide.checked_add(single)? {
        let is_wide = user <= wide;
        slots.push(Slot { user, wide: is_wide, unit });
        unit = unit.saturating_add(if is_wide { terminal.wide } else { 1 });
    }
    Some(slots)
}

/// Asks the box at `first` how many users it has: wide ones and single-phase ones.
///
/// # Errors
/// The line's; [`Code::MeterSilent`] where no box is; [`Code::ItemUnknown`] for a profile without a
/// terminal; [`Code::MeterGarbled`] for counts that cannot be.
pub fn scan(line: &mut Line<'_>, first: u8) -> Result<Vec<Slot>, Failure> {
    let Some(terminal) = line.profile.terminal else {
        return Err(fail(Code::ItemUnknown, format!("{}: [terminal]", line.profile.id)));
    };
    let count = |name: &str, address| Item {
        name: name.to_owned(),
        at: Place::Register { function: HOLDING, address },
        form: Some(Form::U16),
        len: None,
        decimals: 0,
        unit: String::new(),
        source: String::new(),
        confidence: 'A',
    };
    let items = [count("wide", terminal.three_phase), count("single", terminal.single_phase)];
    let address = BusAddress::Modbus(Unit(first));
    let found = readout::readout(line, &address, &items)?;
    let number = |name: &str| {
        let got = found.values.iter().find(|got| got.name == name)?;
        let Value::Number(Decimal { digits, .. }) = got.value else { return None };
        u8::try_from(digits).ok()
    };
    let counts = number("wide").zip(number("single"));
    let slots = counts.and_then(|(wide, single)| slots(&terminal, first, wide, single));
    let said = || found.values.iter().map(readout::Got::shown).collect::<Vec<_>>().join(" + ");
    slots.ok_or_else(|| fail(Code::MeterGarbled, format!("{first}: {}", said())))
}

/// Every meter of the area list that is part of a box.
pub(super) fn placed(store: &Store) -> impl Iterator<Item = AreaMeter> + '_ {
    let pages = (0..).map_while(|number| store.area_page(number));
    pages.flat_map(|page| page.meters).filter(|meter| !meter.place.terminal.is_empty())
}

/// The boxes of the area list, by name.
pub fn all(store: &Store) -> Vec<BoxRowView> {
    let mut boxes: BTreeMap<String, BoxRowView> = BTreeMap::new();
    for AreaMeter { place, location, .. } in placed(store) {
        let row = boxes.entry(place.terminal.clone()).or_insert_with(|| BoxRowView {
            name: place.terminal,
            line: place.line,
            location,
            users: 0,
        });
        row.users = row.users.saturating_add(1);
    }
    boxes.into_values().collect()
}

/// The users of a box, by their place in it, with what is known of their meters.
///
/// # Errors
/// [`Code::TerminalUnknown`].
pub fn users(store: &Store, now: UnixSeconds, name: &str) -> Result<Vec<BoxUserView>, Failure> {
    let mine = placed(store).filter(|meter| meter.place.terminal == name);
    let mut users: Vec<BoxUserView> = mine
        .filter_map(|meter| {
            Some(BoxUserView {
                user: meter.place.user,
                address: meter.place.address,
                profile: meter.profile,
                row: meters::row(store, now, meter.no)?,
            })
        })
        .collect();
    users.sort_by_key(|user| user.user);
    if users.is_empty() {
        return Err(fail(Code::TerminalUnknown, name));
    }
    Ok(users)
}

/// The meters of a box, or that of one user in it.
///
/// # Errors
/// [`Code::TerminalUnknown`] naming what is not there.
pub fn members(store: &Store, name: &str, user: Option<u8>) -> Result<Vec<MeterNo>, Failure> {
    let mut found: Vec<(u8, MeterNo)> = placed(store)
        .filter(|meter| meter.place.terminal == name)
        .filter(|meter| user.is_none_or(|user| meter.place.user == user))
        .map(|meter| (meter.place.user, meter.no))
        .collect();
    found.sort_unstable();
    match (found.is_empty(), user) {
        (false, _) => Ok(found.into_iter().map(|(_, no)| no).collect()),
        (true, Some(user)) => Err(fail(Code::TerminalUnknown, format!("{name}/{user}"))),
        (true, None) => Err(fail(Code::TerminalUnknown, name)),
    }
}

/// The one meter of a user.
///
/// # Errors
/// [`Code::TerminalUnknown`] when there is none, or the list gives the place twice.
pub fn meter(store: &Store, name: &str, user: u8) -> Result<MeterNo, Failure> {
    match members(store, name, Some(user))?.as_slice() {
        [one] => Ok(*one),
        more => {
            let numbers: Vec<String> = more.iter().map(ToString::to_string).collect();
            Err(fail(Code::TerminalUnknown, format!("{name}/{user}: {}", numbers.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADF400L: Terminal =
        Terminal { step: 36, wide: 3, boxes: 6, three_phase: 0x0903, single_phase: 0x0904 };

    #[test]
    fn boxes_sit_36_apart() {
        assert_eq!(firsts(&ADF400L), [1, 37, 73, 109, 145, 181]);
        // A seventh would end at 252.
        assert_eq!(firsts(&Terminal { boxes: 9, ..ADF400L }).len(), 6);
    }

    #[test]
    fn users_are_numbered_as_the_maker_says() {
        // 4 CT and 4 three-phase users, then 12 single-phase ones.
        let units: Vec<u8> =
            slots(&ADF400L, 1, 8, 12).unwrap().iter().map(|slot| slot.unit).collect();
        let maker = [1, 4, 7, 10, 13, 16, 19, 22];
        assert_eq!(units[..8], maker);
        assert_eq!(units[8..], (25..=36).collect::<Vec<u8>>());
        assert_eq!(slots(&ADF400L, 37, 0, 36).unwrap().last().unwrap().unit, 72);
        let last = *slots(&ADF400L, 181, 12, 0).unwrap().last().unwrap();
        assert_eq!(last, Slot { user: 12, wide: true, unit: 214 });
        for (first, wide, single) in [(1, 12, 1), (1, 0, 37), (0, 1, 0), (220, 10, 0), (1, 255, 9)]
        {
            assert_eq!(slots(&ADF400L, first, wide, single), None, "{first} {wide} {single}");
        }
    }
}
